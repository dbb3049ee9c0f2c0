import { AT_FDCWD, EISDIR, O_RDONLY, PAGE_SIZE } from "@stratos/abi";
import type { Inode } from "./inode.ts";
import { BytesCursor } from "../ground/io-cursor.ts";
import { openPath } from "./open.ts";
import type { Caller, VfsKernel } from "./vfs-kernel.ts";

/** What the kernel itself reads of files: ELF headers, "#!" lines, configuration. */

/**
 * Copies bytes of a regular file through its page cache.
 * @returns bytes copied, fewer at the end of the file; −EISDIR, −EIO, −ENOMEM
 */
export function readFileBytes(
  kernel: VfsKernel,
  inode: Inode,
  offset: number,
  into: Uint8Array,
  at: number,
  count: number,
): number {
  const pages = inode.pages;
  if (pages === null) return -EISDIR;
  const memory = kernel.physical.u8;
  const end = Math.min(inode.size, offset + count);
  let position = offset;
  while (position < end) {
    const within = position % PAGE_SIZE;
    const part = Math.min(PAGE_SIZE - within, end - position);
    const frame = pages.frame((position - within) / PAGE_SIZE);
    if (frame < 0) return frame;
    const from = frame * PAGE_SIZE + within;
    into.set(memory.subarray(from, from + part), at + position - offset);
    position += part;
  }
  return Math.max(0, position - offset);
}

/** All bytes of a file that the task may read; `most` bounds what a hostile file costs. */
export function readWholeFile(task: Caller, path: string, most = 1 << 20): Uint8Array | number {
  const file = openPath(task, AT_FDCWD, path, O_RDONLY, 0);
  if (typeof file === "number") return file;
  const bytes = new Uint8Array(Math.min(most, Math.max(file.inode?.size ?? 0, PAGE_SIZE)));
  const cursor = new BytesCursor(bytes);
  let failure = 0;
  while (cursor.remaining > 0) {
    const done = file.read(task, cursor, -1);
    if (done <= 0) {
      failure = done;
      break;
    }
  }
  file.release();
  return failure < 0 ? failure : bytes.slice(0, cursor.position);
}
