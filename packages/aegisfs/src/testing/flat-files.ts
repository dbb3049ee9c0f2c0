/**
 * What the files of a full volume should be: names in one folder, some of them of one file, each with its bytes. A
 * digest of all of it is kept up with each change, so that what a crash left can be compared with each state that there
 * was since the last commit without keeping them.
 */
import { checksumWords } from "../store/checksum.ts";

export class FlatFile {
  bytes: Uint8Array;
  /** Of `bytes`. */
  sum: number;
  /** Names that it has. */
  links = 0;
  /** Length of its attribute `user.note`; 0: it has none. */
  note = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.sum = sumOf(bytes);
  }
}

export class FlatFiles {
  readonly names: Map<string, FlatFile> = new Map();
  /** Equal for equal files, whatever the order in which they came. */
  digest = 0;

  copy(): FlatFiles {
    const copy = new FlatFiles();
    const copies = new Map<FlatFile, FlatFile>();
    for (const [name, file] of this.names) {
      let own = copies.get(file);
      if (own === undefined) {
        copies.set(file, (own = new FlatFile(EMPTY)));
        own.bytes = file.bytes;
        own.sum = file.sum;
        own.links = file.links;
        own.note = file.note;
      }
      copy.names.set(name, own);
    }
    copy.digest = this.digest;
    return copy;
  }

  /** Gives a file a name, instead of what had it. */
  put(name: string, file: FlatFile): void {
    this.remove(name);
    this.names.set(name, file);
    file.links++;
    this.digest = added(this.digest, digestOf(name, file));
  }

  remove(name: string): void {
    const file = this.names.get(name);
    if (file === undefined) return;
    this.digest = added(this.digest, -digestOf(name, file));
    this.names.delete(name);
    file.links--;
  }

  /** Changes a file, under all of its names. */
  change(file: FlatFile, bytes: Uint8Array, note: number = file.note): void {
    const own = file.links === 0 ? [] : [...this.names].filter(([, each]) => each === file).map(([name]) => name);
    for (const name of own) this.digest = added(this.digest, -digestOf(name, file));
    if (bytes !== file.bytes) file.sum = sumOf(bytes);
    file.bytes = bytes;
    file.note = note;
    for (const name of own) this.digest = added(this.digest, digestOf(name, file));
  }
}

const EMPTY = new Uint8Array(0);

/** Sums stay whole numbers below 2^52. */
const DIGEST_MAX = 2 ** 52;

function added(digest: number, change: number): number {
  return (((digest + change) % DIGEST_MAX) + DIGEST_MAX) % DIGEST_MAX;
}

/** What a file adds to the digest under a name. */
function digestOf(name: string, { bytes, sum, note }: FlatFile): number {
  let hash = 0x811c9dc5 ^ note;
  for (let index = 0; index < name.length; index++) hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193);
  hash = Math.imul(hash ^ sum, 0x85ebca77) ^ Math.imul(bytes.length, 0x9e3779b1);
  const other = Math.imul(hash ^ (hash >>> 15) ^ sum, 0xc2b2ae3d);
  return (hash >>> 0) * 0x100000 + ((other >>> 12) & 0xfffff);
}

const padded = new Uint8Array(2 << 20);
const paddedWords = new Int32Array(padded.buffer);

/** Checksum of bytes of any length up to 2 MiB. */
export function sumOf(bytes: Uint8Array): number {
  const size = (bytes.length + 15) & ~15;
  padded.fill(0, bytes.length, size);
  padded.set(bytes);
  return checksumWords(paddedWords, 0, size >>> 2, bytes.length);
}
