/** When a file was read last, as the options of its mount say (mount(2), MS_RELATIME). */
import { FS_NOATIME_FL, MS_NOATIME, MS_NODIRATIME, MS_RDONLY, MS_RELATIME } from "@stratos/abi";
import { isUnmapped } from "../security/permission.ts";
import type { Inode, Time } from "./inode.ts";
import type { Mount } from "./mount.ts";
import type { Path } from "./path.ts";
import type { VfsKernel } from "./vfs-kernel.ts";
import { markInodeDirty } from "./write-back.ts";

const DAY_SECONDS = 86400;

/** @param path  by which it is read; null: by none */
export function touchAccessTime(kernel: VfsKernel, inode: Inode, path: Path | null): void {
  if (path !== null && path.mount.fileSystem !== inode.fileSystem && isOfLowerLayer(path, inode)) return;
  if (path !== null && isOfNobody(inode, path.mount)) return;
  touch(kernel, inode, path === null ? MS_RELATIME : path.mount.flags);
}

/** A symbolic link is followed, or read (Linux fs/namei.c, get_link); what an overlay shows of one stays as it was. */
export function touchLink(kernel: VfsKernel, link: Inode, mount: Mount): void {
  const { fileSystem } = link;
  if (link.isStacked || fileSystem.isMadeOnDemand || fileSystem.isServed || isOfNobody(link, mount)) return;
  touch(kernel, link, mount.flags);
}

/** What has no owner on the mount stays as it is (fs/inode.c, atime_needs_update). */
function isOfNobody(inode: Inode, { idMap }: Mount): boolean {
  return idMap !== null && isUnmapped(idMap.show(inode));
}

/** relatime: only when the access time isn't after the last change or is a day old (mount(8)). */
function touch(kernel: VfsKernel, inode: Inode, flags: number): void {
  const { atime } = inode;
  if ((flags & (MS_NOATIME | MS_RDONLY)) !== 0 || ((flags & MS_NODIRATIME) !== 0 && inode.isDirectory)) return;
  if (inode.fileSystem.readOnly || (inode.fileFlags & FS_NOATIME_FL) !== 0) return;
  if ((flags & MS_RELATIME) !== 0 && isAfter(atime, inode.mtime) && isAfter(atime, inode.ctime)) {
    // Only a whole day makes a fresh stamp needed: the clock is read rarely.
    const now = kernel.vfs.now();
    if (now.seconds - atime.seconds < DAY_SECONDS) return;
  }
  inode.atime = kernel.vfs.now();
  if (!inode.isDirty) markInodeDirty(kernel, inode);
}

function isOfLowerLayer({ dentry }: Path, inode: Inode): boolean {
  const shown = dentry.inode!;
  return shown.isLower || (shown.isStacked && shown.content !== inode);
}

/**
 * The same time is not after: a file that is read in the moment of its change gets a stamp (relatime_need_update in
 * Linux's fs/inode.c).
 */
function isAfter(one: Time, other: Time): boolean {
  return one.seconds > other.seconds || (one.seconds === other.seconds && one.nanoseconds > other.nanoseconds);
}
