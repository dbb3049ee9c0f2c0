/**
 * cpio archives in the form that Linux unpacks as its first root. Source: Linux
 * Documentation/driver-api/early-userspace/buffer-format.rst.
 *
 *     "070701" · 13 fields of 8 hexadecimal digits · name, NUL, padded to 4 · content, padded to 4 · … · TRAILER!!!
 */
import { byteStringOf } from "@stratos/base";
import { FormatError } from "../format-error.ts";
import type { FileEntry, FileTree } from "../tree/file-tree.ts";

const TYPES = {
  directory: 0x4000,
  file: 0x8000,
  symlink: 0xa000,
  character: 0x2000,
  block: 0x6000,
  fifo: 0x1000,
} as const;
const PIECE_BYTES = 1 << 20;

/** The archive in pieces; a piece is only valid until the next is asked for. */
export function* cpioArchive(tree: FileTree): Generator<Uint8Array> {
  const links = new Map<string, number>();
  for (const entry of tree.entries())
    if (entry.kind === "hardLink") links.set(entry.target, (links.get(entry.target) ?? 1) + 1);
  const inodes = new Map<string, { ino: number; entry: FileEntry }>();
  const buffer = new Uint8Array(PIECE_BYTES);
  let nextInode = 1;
  for (const entry of tree.entries()) {
    const file = entry.kind === "hardLink" ? inodes.get(entry.target) : undefined;
    if (entry.kind === "hardLink" && file === undefined)
      throw new FormatError(`${entry.path}: a hard link to ${entry.target}, which is no file before it`);
    // The first name carries the content; the others only say which inode they are.
    const ino = file?.ino ?? nextInode++;
    const own = file?.entry ?? entry;
    if (file === undefined) inodes.set(entry.path, { ino, entry });
    const target = own.kind === "symlink" ? byteStringOf(own.target) : new Uint8Array(0);
    const content = file === undefined ? entry.content : null;
    const size = content?.sizeBytes ?? target.length;
    if (size > 0xffffffff) throw new FormatError(`${entry.path}: a cpio archive holds files of less than 4 GiB`);
    yield header(entry.path === "" ? "." : entry.path, {
      ino,
      mode: TYPES[own.kind as "file"] | (own.mode & 0o7777),
      uid: own.uid,
      gid: own.gid,
      links: links.get(own.path) ?? (own.kind === "directory" ? 2 : 1),
      mtime: Math.max(0, Math.floor(own.mtime)),
      size,
      major: own.deviceMajor,
      minor: own.deviceMinor,
    });
    for (let offset = 0; content !== null && offset < size;) {
      const count = content.read(offset, buffer);
      if (count <= 0) throw new FormatError(`${entry.path}: its content is shorter than its size says`);
      yield buffer.subarray(0, count);
      offset += count;
    }
    if (target.length > 0) yield target;
    if (size % 4 !== 0) yield new Uint8Array(4 - (size % 4));
  }
  yield header("TRAILER!!!", { ino: 0, mode: 0, uid: 0, gid: 0, links: 1, mtime: 0, size: 0, major: 0, minor: 0 });
}

function header(
  name: string,
  fields: {
    ino: number;
    mode: number;
    uid: number;
    gid: number;
    links: number;
    mtime: number;
    size: number;
    major: number;
    minor: number;
  },
): Uint8Array {
  const { ino, mode, uid, gid, links, mtime, size, major, minor } = fields;
  const numbers = [ino, mode, uid, gid, links, mtime, size, 0, 0, major, minor, name.length + 1, 0];
  const text = `070701${numbers.map((value) => value.toString(16).padStart(8, "0")).join("")}${name}\0`;
  return byteStringOf(text.padEnd(Math.ceil(text.length / 4) * 4, "\0"));
}
