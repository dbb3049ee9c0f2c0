/**
 * A file tree as a tar archive: the plain output, the layer of an OCI image, and what is handed to programs of the
 * host.
 */
import { tarEntry, TarType, type TarEntry } from "../tar-entry.ts";
import { tarEnd, tarHeader, tarPadding } from "../tar-writer.ts";
import type { FileEntry, FileKind, FileTree } from "./file-tree.ts";

const TYPES: Readonly<Record<FileKind, TarType>> = {
  directory: TarType.directory,
  file: TarType.file,
  symlink: TarType.symbolicLink,
  hardLink: TarType.hardLink,
  character: TarType.characterDevice,
  block: TarType.blockDevice,
  fifo: TarType.fifo,
};

const PIECE_BYTES = 1 << 20;

export interface ArchiveOptions {
  /** before each path: "./" as tar(1) writes it, "" as OCI layers have it */
  readonly prefix?: "./" | "";
}

/** The archive in pieces; a piece is only valid until the next is asked for. */
export function* archiveTree(tree: FileTree, options: ArchiveOptions = {}): Generator<Uint8Array> {
  const prefix = options.prefix ?? "./";
  // Small pieces are gathered, because whoever takes them pays for each.
  const buffer = new Uint8Array(PIECE_BYTES);
  let fill = 0;
  for (const entry of tree.entries()) {
    if (entry.path === "" && prefix === "") continue;
    const header = tarHeader(toTarEntry(entry, prefix));
    if (fill + header.length > PIECE_BYTES) {
      yield buffer.subarray(0, fill);
      fill = 0;
    }
    if (header.length > PIECE_BYTES) yield header;
    else {
      buffer.set(header, fill);
      fill += header.length;
    }
    const { content } = entry;
    if (content === null) continue;
    for (let offset = 0; offset < content.sizeBytes;) {
      if (fill === PIECE_BYTES) {
        yield buffer;
        fill = 0;
      }
      const count = content.read(
        offset,
        buffer.subarray(fill, Math.min(PIECE_BYTES, fill + content.sizeBytes - offset)),
      );
      if (count <= 0) throw new RangeError(`${entry.path}: its content is shorter than its size says`);
      offset += count;
      fill += count;
    }
    const padding = tarPadding(content.sizeBytes);
    if (fill + padding > PIECE_BYTES) {
      yield buffer.subarray(0, fill);
      fill = 0;
    }
    buffer.fill(0, fill, fill + padding);
    fill += padding;
  }
  if (fill > 0) yield buffer.subarray(0, fill);
  yield tarEnd();
}

function toTarEntry(entry: FileEntry, prefix: string): TarEntry {
  const { kind, content, target, mode, uid, gid, mtime, xattrs, deviceMajor, deviceMinor } = entry;
  const linkPath = kind === "hardLink" ? prefix + target : kind === "symlink" ? target : "";
  return tarEntry(prefix + entry.path, TYPES[kind], {
    mode,
    uid,
    gid,
    mtime,
    xattrs,
    linkPath,
    size: content?.sizeBytes ?? 0,
    deviceMajor,
    deviceMinor,
  });
}
