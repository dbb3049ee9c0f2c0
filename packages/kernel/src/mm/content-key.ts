import type { Inode } from "../vfs/inode.ts";
import type { MmKernel } from "./mm-kernel.ts";

/** Keys of what all kernels of a board have alike begin with it; those of one alone with its `codePrefix`. */
export const IMAGE_PREFIX = "image ";

/**
 * Names what a file holds now, for translations and for places of libraries: for all kernels of the board when the file
 * is as their image has it, else for this one.
 */
export function contentKey(kernel: MmKernel, inode: Inode): string {
  const content = inode.pages?.isOriginal === true ? inode.pages.imageFile!.contentInImage() : 0;
  return content !== 0 ? `${IMAGE_PREFIX}${content}` : ownContentKey(kernel, inode);
}

/** The same for this kernel alone. */
export function ownContentKey(kernel: MmKernel, inode: Inode): string {
  return `${kernel.codePrefix}${inode.fileSystem.device}:${inode.ino}:${inode.version}`;
}
