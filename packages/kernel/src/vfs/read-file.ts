/** What the kernel itself reads of files: ELF headers, "#!" lines, configuration. */
import { EISDIR, PAGE_SIZE } from "@stratos/abi";
import type { Inode } from "./inode.ts";
import type { VfsKernel } from "./vfs-kernel.ts";

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
