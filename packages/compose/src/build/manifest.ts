/**
 * Trees in the store: `trees/KEY.json` lists the entries, `trees/KEY.pack` holds the content that no package brings. A
 * file's content is a place in a pack, of a package's data archive or of a tree.
 *
 *     { "format": 1, "packs": [["layers/…", size, ""], ["trees/….pack", size, sha256], …], "entries": [[path, kind,
 *     mode, uid, gid, mtime, detail…], …] } (all strings are byte strings, so the file is one byte for each character)
 *     detail of a file:  pack, offset, size, sha256 · of a link: target · of a device: major, minor; xattrs, as pairs,
 *     come last
 */
import { byteStringOf } from "@stratos/base";
import { fileEntry, readBlob, type Blob, type FileEntry, type FileKind, type FileTree } from "@stratos/formats";
import type { ComposeStore } from "../ports.ts";
import { isSoundLayer } from "./layer.ts";
import { hashPack, isSoundFile, knownHash, loadSoundness, noteWritten, type StorePorts } from "./soundness.ts";

/** Content at a place of a pack. */
export class PackBlob implements Blob {
  readonly pack: string;
  readonly offset: number;
  readonly sizeBytes: number;
  readonly digest: string;
  readonly #store: ComposeStore;

  constructor(store: ComposeStore, place: { pack: string; offset: number; sizeBytes: number; digest: string }) {
    this.#store = store;
    this.pack = place.pack;
    this.offset = place.offset;
    this.sizeBytes = place.sizeBytes;
    this.digest = place.digest;
  }

  read(offset: number, into: Uint8Array): number {
    const count = Math.max(0, Math.min(into.length, this.sizeBytes - offset));
    const pack = this.#store.open(this.pack);
    if (pack === undefined)
      throw new Error(`the store has lost ${this.pack}; \`stratos compose clean\` makes it sound again`);
    return count === 0 ? 0 : pack.read(this.offset + offset, into.subarray(0, count));
  }
}

type Row = [
  path: string,
  kind: FileKind,
  mode: number,
  uid: number,
  gid: number,
  mtime: number,
  ...detail: (string | number | [string, string][])[],
];
/** A package's pack says itself what its hashes are. */
type PackRow = [name: string, sizeBytes: number, sha256: string];
interface Manifest {
  readonly format: 1;
  readonly packs: readonly PackRow[];
  readonly entries: readonly Row[];
}

/**
 * Keeps a tree under a name. What is only in memory goes into a pack of its own. @returns the tree with all content in
 * the store
 */
export async function writeTree(ports: StorePorts, key: string, tree: FileTree): Promise<FileTree> {
  const own = `trees/${key}.pack`;
  const packs = new Map<string, number>();
  const packId = (pack: string): number => {
    let id = packs.get(pack);
    if (id === undefined) packs.set(pack, (id = packs.size));
    return id;
  };
  const pieces: Uint8Array[] = [];
  const kept = new Map<string, PackBlob>();
  let fill = 0;
  const keep = (blob: Blob): PackBlob => {
    if (blob instanceof PackBlob) return blob;
    let found = kept.get(blob.digest);
    if (found === undefined) {
      pieces.push(readBlob(blob));
      found = new PackBlob(ports.store, { pack: own, offset: fill, sizeBytes: blob.sizeBytes, digest: blob.digest });
      fill += blob.sizeBytes;
      kept.set(blob.digest, found);
    }
    return found;
  };
  const entries: FileEntry[] = [];
  const rows: Row[] = [];
  for (const entry of tree.entries()) {
    const content = entry.content === null ? null : keep(entry.content);
    entries.push(content === entry.content ? entry : { ...entry, content });
    const row: Row = [entry.path, entry.kind, entry.mode, entry.uid, entry.gid, entry.mtime];
    if (content !== null) row.push(packId(content.pack), content.offset, content.sizeBytes, content.digest);
    else if (entry.kind === "symlink" || entry.kind === "hardLink") row.push(entry.target);
    else if (entry.kind === "character" || entry.kind === "block") row.push(entry.deviceMajor, entry.deviceMinor);
    if (entry.xattrs.size > 0) row.push([...entry.xattrs]);
    rows.push(row);
  }
  if (fill > 0 || packs.has(own)) {
    const hasher = ports.packages.hasher("sha256");
    for (const piece of pieces) hasher.update(piece);
    await ports.store.write(own, pieces);
    noteWritten(ports, own, hasher.hex());
  }
  const manifest: Manifest = {
    format: 1,
    packs: [...packs.keys()].map((pack) => [
      pack,
      ports.store.open(pack)?.sizeBytes ?? -1,
      isLayer(pack) ? "" : knownHash(ports.store, pack)!,
    ]),
    entries: rows,
  };
  await ports.store.write(`trees/${key}.json`, [byteStringOf(JSON.stringify(manifest))]);
  return { entries: () => entries };
}

/** A kept tree, or undefined: there is none, or a pack that it needs is gone or not what it was. */
export async function readTree(ports: StorePorts, key: string): Promise<FileTree | undefined> {
  const bytes = await ports.store.read(`trees/${key}.json`);
  if (bytes === undefined) return undefined;
  let manifest: Manifest;
  try {
    manifest = JSON.parse(ports.packages.latin1(bytes)) as Manifest;
  } catch {
    return undefined;
  }
  // A pack that is not as this tree has it may be sound for another, so it stays: what is made anew replaces it where
  // it must.
  await loadSoundness(ports);
  if (manifest.format !== 1 || !manifest.packs.every((row) => isSound(ports, row))) return undefined;
  const entries = manifest.entries.map((row): FileEntry => {
    const [path, kind, mode, uid, gid, mtime, ...detail] = row;
    const last = detail.at(-1);
    const base = { mode, uid, gid, mtime, ...(Array.isArray(last) ? { xattrs: new Map(last) } : {}) };
    switch (kind) {
      case "file": {
        const [pack, offset, sizeBytes, digest] = detail as [number, number, number, string];
        return fileEntry(path, kind, {
          ...base,
          content: new PackBlob(ports.store, { pack: manifest.packs[pack]![0], offset, sizeBytes, digest }),
        });
      }
      case "symlink":
      case "hardLink":
        return fileEntry(path, kind, { ...base, target: detail[0] as string });
      case "character":
      case "block":
        return fileEntry(path, kind, { ...base, deviceMajor: detail[0] as number, deviceMinor: detail[1] as number });
      default:
        return fileEntry(path, kind, base);
    }
  });
  return { entries: () => entries };
}

function isSound(ports: StorePorts, [name, sizeBytes, sha256]: PackRow): boolean {
  const pack = ports.store.open(name);
  if (pack === undefined || pack.sizeBytes !== sizeBytes) return false;
  return isLayer(name)
    ? isSoundLayer(ports, name)
    : isSoundFile(ports, name, sha256, () => hashPack(ports, pack, 0, sizeBytes) === sha256);
}

function isLayer(pack: string): boolean {
  return pack.startsWith("layers/");
}
