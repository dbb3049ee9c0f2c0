/** chmod(2), chown(2), utimensat(2). Each returns 0 or −EPERM, −EACCES, −EROFS, −EIO … */
import {
  EACCES,
  EINVAL,
  EOVERFLOW,
  EPERM,
  EROFS,
  F_SEAL_EXEC,
  FS_IMMUTABLE_FL,
  S_IFDIR,
  S_IFMT,
  S_ISGID,
  S_IXGRP,
  S_ISUID,
  ACL_ACCESS_NAME,
  CAP_CHOWN,
  aclWithMode,
  serializeAcl,
} from "@stratos/abi";
import { isCapable, isInGroup } from "../security/credentials.ts";
import {
  checkAccess,
  isCapableOver,
  isKept,
  isOwnerOrCapable,
  isUnmapped,
  MAY_WRITE,
  permittedMode,
} from "../security/permission.ts";
import { notifyInode } from "./file-events.ts";
import type { AttributeChange, Inode, Time } from "./inode.ts";
import { shownOn } from "./mount.ts";
import type { Path } from "./path.ts";
import { dropFileCapabilities } from "./content-change.ts";
import type { Caller } from "./vfs-kernel.ts";

function change(
  task: Caller,
  path: Path,
  inode: Inode,
  attributes: AttributeChange,
  event: "attrib" | "access-time" | "modification-time" = "attrib",
): number {
  const failed = inode.setAttributes(attributes);
  if (failed < 0) return failed;
  if (task.kernel.vfs.watchCount > 0) notifyInode(task.kernel, inode, path, event);
  return 0;
}

export function changeMode(task: Caller, path: Path, mode: number): number {
  const inode = path.dentry.inode!;
  if (path.mount.isReadOnly) return -EROFS;
  if (isKept(inode)) return -EPERM;
  const shown = shownOn(path.mount, inode);
  if (isUnmapped(shown)) return -EOVERFLOW;
  if (!isOwnerOrCapable(task.credentials, shown)) return -EPERM;
  const bits = permittedMode(task.credentials, shown, mode & 0o7777);
  if (inode.seals > 0 && (inode.seals & F_SEAL_EXEC) !== 0 && ((bits ^ inode.mode) & 0o111) !== 0) return -EPERM;
  if (inode.acl !== null) {
    const acl = aclWithMode(inode.acl, bits);
    const failed = inode.setXattr(ACL_ACCESS_NAME, serializeAcl(acl), 0);
    if (failed < 0) return failed;
    inode.acl = acl;
  }
  return change(task, path, inode, { mode: bits, ctime: task.kernel.vfs.now() });
}

/** @param givenUid  what the caller calls it; −1 (or 2^32 − 1): leave it, as for `givenGid` */
export function changeOwner(task: Caller, path: Path, givenUid: number, givenGid: number): number {
  const inode = path.dentry.inode!;
  const credentials = task.credentials;
  if (path.mount.isReadOnly) return -EROFS;
  if (isKept(inode)) return -EPERM;
  const { uids, gids } = credentials.userNamespace;
  const setsUid = givenUid !== -1 && givenUid !== 0xffffffff,
    setsGid = givenGid !== -1 && givenGid !== 0xffffffff;
  const uid = uids.toKernel(givenUid),
    gid = gids.toKernel(givenGid);
  if ((setsUid && uid < 0) || (setsGid && gid < 0)) return -EINVAL;
  const { idMap, fileSystem } = path.mount;
  const shown = shownOn(path.mount, inode);
  const keptUid = idMap === null ? uid : idMap.keptUid(uid),
    keptGid = idMap === null ? gid : idMap.keptGid(gid);
  // What has no number on the mount isn't given to a file, and no file keeps it (fs/attr.c, notify_change).
  if ((setsUid ? keptUid : shown.uid) < 0 || (setsGid ? keptGid : shown.gid) < 0) return -EOVERFLOW;
  if (!isCapableOver(credentials, shown, CAP_CHOWN)) {
    const isOwner = credentials.fsuid === shown.uid;
    // Who has the file system may take what belongs to nobody on the mount (chown_ok, chgrp_ok).
    const hasAll = isUnmapped(shown) && isCapable(credentials, CAP_CHOWN, fileSystem.userNamespace);
    if (setsUid && !(isOwner && uid === shown.uid) && !(hasAll && shown.uid < 0)) return -EPERM;
    const mayGive = isOwner && (gid === shown.gid || isInGroup(credentials, gid));
    if (setsGid && !mayGive && !(hasAll && shown.gid < 0)) return -EPERM;
  }
  const attributes: AttributeChange = { ctime: task.kernel.vfs.now() };
  if (setsUid) attributes.uid = keptUid;
  if (setsGid) attributes.gid = keptGid;
  // Set-ID bits of what isn't a directory never outlive a change of owner (chown(2)).
  if ((inode.mode & S_IFMT) !== S_IFDIR && (inode.mode & (S_ISUID | S_ISGID)) !== 0) {
    const mode = inode.mode & 0o7777 & ~S_ISUID & ((inode.mode & S_IXGRP) !== 0 ? ~S_ISGID : -1);
    attributes.mode = permittedMode(credentials, shown, mode);
    // To take them is to change the mode, even where no owner is given (fs/attr.c, setattr_prepare).
    if (attributes.mode !== (inode.mode & 0o7777) && !isOwnerOrCapable(credentials, shown)) return -EPERM;
  }
  const failed = change(task, path, inode, attributes);
  if (failed === 0) dropFileCapabilities(inode);
  return failed;
}

/** @param atime  a time, "now", or null: leave it */
export function changeTimes(task: Caller, path: Path, atime: Time | "now" | null, mtime: Time | "now" | null): number {
  const inode = path.dentry.inode!;
  if (atime === null && mtime === null) return 0;
  if (path.mount.isReadOnly) return -EROFS;
  // What a write would do to an append-only file is allowed (chattr(1)).
  if ((inode.fileFlags & FS_IMMUTABLE_FL) !== 0 || (isKept(inode) && (atime !== "now" || mtime !== "now")))
    return -EPERM;
  const shown = shownOn(path.mount, inode);
  const isOfNobody = isUnmapped(shown);
  if (isOfNobody && (atime !== "now" || mtime !== "now")) return -EOVERFLOW;
  if (!isOwnerOrCapable(task.credentials, shown)) {
    // Setting both to now is what writing would do: write permission is enough (utimensat(2)).
    if (atime !== "now" || mtime !== "now") return -EPERM;
    if (checkAccess(task.credentials, shown, MAY_WRITE) < 0) return -EACCES;
  }
  if (isOfNobody) return -EOVERFLOW;
  const now = task.kernel.vfs.now();
  const attributes: AttributeChange = { ctime: now };
  if (atime !== null) attributes.atime = atime === "now" ? now : atime;
  if (mtime !== null) attributes.mtime = mtime === "now" ? now : mtime;
  const event = mtime === null ? "access-time" : atime === null ? "modification-time" : "attrib";
  return change(task, path, inode, attributes, event);
}
