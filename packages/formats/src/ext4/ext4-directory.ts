/**
 * Folders of ext4 as lists of entries. Source: Linux Documentation/filesystems/ext4/directory.rst, "Linear (Classic)
 * Directories".
 */
import { byteString, byteStringOf } from "@stratos/base";
import { viewOf } from "../disk/disk.ts";
import { FormatError } from "../format-error.ts";
import { checksum } from "./ext4-superblock.ts";

/** What an entry leads to, as the folder says. */
export const ENTRY_TYPE = {
  unknown: 0,
  file: 1,
  directory: 2,
  character: 3,
  block: 4,
  fifo: 5,
  socket: 6,
  symlink: 7,
} as const;

export interface DirectoryEntry {
  readonly ino: number;
  /** byte string */
  readonly name: string;
  readonly type: number;
}

const TAIL = 12;

/**
 * Blocks of a folder with these entries (with `.` and `..`), each with a checksum at its end.
 * @param seed  the folder's checksum seed; undefined on a file system without checksums
 */
export function directoryBlocks(
  entries: readonly DirectoryEntry[],
  blockSize: number,
  seed: number | undefined,
): Uint8Array {
  const room = seed === undefined ? blockSize : blockSize - TAIL;
  const blocks: Uint8Array[] = [];
  let block = new Uint8Array(0),
    at = room,
    last = -1;
  const close = (): void => {
    // The last entry of a block reaches to its end.
    if (last >= 0) viewOf(block).setUint16(last + 4, room - last, true);
  };
  for (const { ino, name, type } of entries) {
    const length = 8 + Math.ceil(name.length / 4) * 4;
    if (name.length > 255) throw new FormatError(`${name}: a name has at most 255 bytes`);
    if (at + length > room) {
      close();
      blocks.push((block = new Uint8Array(blockSize)));
      at = 0;
    }
    const view = viewOf(block);
    view.setUint32(at, ino, true);
    view.setUint16(at + 4, length, true);
    block[at + 6] = name.length;
    block[at + 7] = type;
    block.set(byteStringOf(name), at + 8);
    last = at;
    at += length;
  }
  close();
  const whole = new Uint8Array(blocks.length * blockSize);
  blocks.forEach((bytes, index) => {
    if (seed !== undefined) sealDirectoryBlock(bytes, seed);
    whole.set(bytes, index * blockSize);
  });
  return whole;
}

/** A block without entries, as they lie in lost+found. */
export function emptyDirectoryBlock(blockSize: number, seed: number | undefined): Uint8Array {
  const bytes = new Uint8Array(blockSize);
  viewOf(bytes).setUint16(4, seed === undefined ? blockSize : blockSize - TAIL, true);
  if (seed !== undefined) sealDirectoryBlock(bytes, seed);
  return bytes;
}

/** Sets the tail of a folder's block, with its checksum. */
export function sealDirectoryBlock(bytes: Uint8Array, seed: number): void {
  const view = viewOf(bytes),
    at = bytes.length - TAIL;
  view.setUint16(at + 4, TAIL, true);
  bytes[at + 7] = 0xde;
  view.setUint32(at + 8, checksum(seed, bytes, 0, at), true);
}

/**
 * Entries of a folder's content, with `.` and `..`. Blocks of a hash tree look like empty ones here. @throws
 * FormatError
 */
export function parseDirectory(content: Uint8Array, blockSize: number): DirectoryEntry[] {
  const entries: DirectoryEntry[] = [];
  const view = viewOf(content);
  for (let start = 0; start + blockSize <= content.length; start += blockSize) {
    for (let at = start; at < start + blockSize;) {
      const ino = view.getUint32(at, true),
        nameLength = content[at + 6]!,
        type = content[at + 7]!;
      let length = view.getUint16(at + 4, true);
      // With blocks of 64 KiB a length that reaches to the end does not fit.
      if ((length === 0 || length === 0xffff) && blockSize === 65536) length = start + blockSize - at;
      if (length < 8 || length % 4 !== 0 || at + length > start + blockSize || (ino !== 0 && nameLength + 8 > length))
        throw new FormatError("a folder is damaged");
      if (ino !== 0 && nameLength > 0) {
        const name = byteString(content, at + 8, at + 8 + nameLength);
        if (name.includes("/") || name.includes("\0")) throw new FormatError("a folder holds an impossible name");
        entries.push({ ino, name, type });
      }
      at += length;
    }
  }
  return entries;
}
