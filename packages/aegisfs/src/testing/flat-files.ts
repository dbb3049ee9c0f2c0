/**
 * What the files of a full volume should be: names in one folder, some of them of one file, each with its bytes. A
 * digest of all of it is kept up with each change, so that what a crash left can be compared with each state that there
 * was since the last commit without keeping them.
 */
import { SeededRandom } from "@stratos/base";
import { checksumWords } from "../store/checksum.ts";

const NAMELESS: readonly string[] = [];

export class FlatFile {
  bytes: Uint8Array;
  /** Of `bytes`. */
  sum: number;
  /** Names that it has: most have one. */
  names: readonly string[] = NAMELESS;
  /** Length of its attribute `user.note`; 0: it has none. */
  note = 0;

  /** `bytes` are kept, not copied: nobody may change them any more. */
  constructor(bytes: Uint8Array, sum: number = sumOf(bytes)) {
    this.bytes = bytes;
    this.sum = sum;
  }

  /** A file with a copy of these bytes: `other`'s, if it has the same. */
  static like(bytes: Uint8Array, other: FlatFile | undefined): FlatFile {
    return other !== undefined && Buffer.compare(other.bytes, bytes) === 0
      ? new FlatFile(other.bytes, other.sum)
      : new FlatFile(bytes.slice());
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
        own.names = file.names;
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
    file.names = file.names.length === 0 ? [name] : [...file.names, name];
    this.digest = added(this.digest, digestOf(name, file));
  }

  remove(name: string): void {
    const file = this.names.get(name);
    if (file === undefined) return;
    this.digest = added(this.digest, -digestOf(name, file));
    this.names.delete(name);
    file.names = file.names.filter((each) => each !== name);
  }

  /** Changes a file, under all of its names. */
  change(file: FlatFile, bytes: Uint8Array, note: number = file.note): void {
    for (const name of file.names) this.digest = added(this.digest, -digestOf(name, file));
    if (bytes !== file.bytes) file.sum = sumOf(bytes);
    file.bytes = bytes;
    file.note = note;
    for (const name of file.names) this.digest = added(this.digest, digestOf(name, file));
  }
}

/** In words, for people: the first of what is not as it should be. */
export function difference(expected: FlatFiles, found: FlatFiles): string {
  const lines: string[] = [];
  for (const [name, file] of expected.names) {
    const other = found.names.get(name);
    if (other === undefined) lines.push(`${name} is missing`);
    else if (other.bytes.length !== file.bytes.length)
      lines.push(`${name} has ${other.bytes.length} bytes, not ${file.bytes.length}`);
    else if (other.sum !== file.sum) lines.push(`${name} has other content`);
    else if (other.note !== file.note) lines.push(`${name} has a note of ${other.note} bytes, not ${file.note}`);
  }
  for (const name of found.names.keys()) if (!expected.names.has(name)) lines.push(`${name} should not be there`);
  return lines.slice(0, 6).join("; ");
}

const EMPTY = new Uint8Array(0);

/** What files hold, half of it random; nobody writes to it. */
const CONTENT = new Uint8Array(3 << 20);
{
  const random = new SeededRandom(1);
  for (let at = 0; at < CONTENT.length; at += 64) if (random.below(2) === 0) random.fill(CONTENT.subarray(at, at + 64));
}

/** Up to 2 MiB, to be read only. */
export function someContent(random: SeededRandom, size: number): Uint8Array {
  const from = random.below(CONTENT.length - size);
  return CONTENT.subarray(from, from + size);
}

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
function sumOf(bytes: Uint8Array): number {
  const size = (bytes.length + 15) & ~15;
  padded.fill(0, bytes.length, size);
  padded.set(bytes);
  return checksumWords(paddedWords, 0, size >>> 2, bytes.length);
}
