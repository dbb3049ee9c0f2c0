import type { Inode } from "./inode.ts";

/**
 * Called when an inode lost its last user. Without a name its content is freed; with one the file system may forget the
 * object once no cached name leads to it and nothing is unwritten.
 */
export function evictInode(inode: Inode): void {
  if (inode.users > 0 || inode.isEvicted) return;
  if (inode.nlink === 0) {
    inode.isEvicted = true;
    inode.pages?.dispose();
    inode.evict();
  } else if (inode.cachedNames === 0 && inode.pages?.hasDirty !== true && !inode.isDirty) inode.forget();
}

/** A cached name leads to the inode no more. */
export function dropCachedName(inode: Inode): void {
  inode.cachedNames--;
  if (inode.cachedNames === 0 && inode.users === 0 && inode.nlink > 0) evictInode(inode);
}
