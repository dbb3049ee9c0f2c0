/**
 * A tar archive on a disk as tree entries whose content stays where it is: the archive is walked once, and files are
 * read from it when they are asked for. Paths may begin with `./` or `/`; folders that the archive does not name are
 * left out.
 */
import type { Disk } from "../disk/disk.ts";
import { FormatError } from "../format-error.ts";
import { TarReader } from "../tar-reader.ts";
import { TarType, type TarEntry } from "../tar-entry.ts";
import { fileEntry, type Blob, type FileEntry, type FileKind } from "./file-tree.ts";
import type { Codecs } from "../codecs.ts";

const KINDS: Readonly<Record<TarType, FileKind>> = {
  [TarType.file]: "file",
  [TarType.hardLink]: "hardLink",
  [TarType.symbolicLink]: "symlink",
  [TarType.characterDevice]: "character",
  [TarType.blockDevice]: "block",
  [TarType.directory]: "directory",
  [TarType.fifo]: "fifo",
};
const PIECE_BYTES = 1 << 20;

/** A run of bytes of a disk as a file's content. */
export class DiskBlob implements Blob {
  readonly #disk: Disk;
  readonly #start: number;
  readonly #codecs: Pick<Codecs, "sha256">;
  #digest: string | undefined;
  readonly sizeBytes: number;

  constructor(disk: Disk, place: { start: number; size: number }, codecs: Pick<Codecs, "sha256">) {
    this.#disk = disk;
    this.#start = place.start;
    this.#codecs = codecs;
    this.sizeBytes = place.size;
  }

  get digest(): string {
    return (this.#digest ??= digestOf(this, this.#codecs));
  }

  read(offset: number, into: Uint8Array): number {
    const count = Math.max(0, Math.min(into.length, this.sizeBytes - offset));
    this.#disk.read(this.#start + offset, into.subarray(0, count));
    return count;
  }
}

/** SHA-256 of a blob's content, in pieces. */
export function digestOf(blob: Pick<Blob, "sizeBytes" | "read">, codecs: Pick<Codecs, "sha256">): string {
  const digest = codecs.sha256();
  const buffer = new Uint8Array(Math.min(PIECE_BYTES, Math.max(1, blob.sizeBytes)));
  for (let offset = 0; offset < blob.sizeBytes;) {
    const count = blob.read(offset, buffer);
    if (count <= 0) throw new FormatError("a file's content is shorter than its size says");
    digest.update(buffer.subarray(0, count));
    offset += count;
  }
  return digest.hex();
}

/**
 * Entries in the archive's order; of a path that comes twice the last one counts. @throws FormatError when it is no
 * complete tar archive
 */
export function archiveEntries(disk: Disk, codecs: Pick<Codecs, "sha256">): FileEntry[] {
  const entries = new Map<string, FileEntry>();
  let current: TarEntry | undefined,
    start = 0,
    pieceStart = 0;
  let piece = new Uint8Array(Math.min(PIECE_BYTES, disk.size));
  const reader = new TarReader({
    entry(entry) {
      current = entry;
      start = -1;
    },
    // A file lies in one run, so the place of its first piece is enough.
    data(bytes) {
      if (start === -1) start = pieceStart + bytes.byteOffset - piece.byteOffset;
    },
    end() {
      const entry = treeEntry(current!, start, disk, codecs);
      entries.delete(entry.path);
      entries.set(entry.path, entry);
    },
  });
  for (; pieceStart < disk.size; pieceStart += piece.length) {
    if (disk.size - pieceStart < piece.length) piece = new Uint8Array(disk.size - pieceStart);
    disk.read(pieceStart, piece);
    const error = reader.push(piece);
    if (error !== undefined) throw new FormatError(`not a tar archive that can be read (${error})`);
  }
  const error = reader.finish();
  if (error !== undefined) throw new FormatError(`not a complete tar archive (${error})`);
  return [...entries.values()];
}

function treeEntry(tar: TarEntry, start: number, disk: Disk, codecs: Pick<Codecs, "sha256">): FileEntry {
  const kind = KINDS[tar.type];
  return fileEntry(normalPath(tar.path), kind, {
    mode: tar.mode,
    uid: tar.uid,
    gid: tar.gid,
    mtime: tar.mtime,
    xattrs: tar.xattrs,
    deviceMajor: tar.deviceMajor,
    deviceMinor: tar.deviceMinor,
    target: kind === "hardLink" ? normalPath(tar.linkPath) : kind === "symlink" ? tar.linkPath : "",
    content: kind === "file" ? new DiskBlob(disk, { start: Math.max(start, 0), size: tar.size }, codecs) : null,
  });
}

/** `./usr//bin/` → `usr/bin`. */
function normalPath(path: string): string {
  const names = path.split("/").filter((name) => name !== "" && name !== ".");
  if (names.includes("..")) throw new FormatError(`${path}: the archive holds a path with '..'`);
  return names.join("/");
}
