import {
  EACCES,
  EPERM,
  FS_APPEND_FL,
  FS_IMMUTABLE_FL,
  S_IFDIR,
  S_IFMT,
  S_IFREG,
  S_ISGID,
  S_ISUID,
  S_ISVTX,
  ACL_GROUP,
  ACL_GROUP_OBJ,
  ACL_MASK,
  ACL_USER,
  CAP_DAC_OVERRIDE,
  CAP_DAC_READ_SEARCH,
  CAP_FOWNER,
  CAP_FSETID,
  type Acl,
} from "@stratos/abi";
import { ALL_CAPABILITIES, type Credentials, hasCapability, isCapable, isInGroup } from "./credentials.ts";
import type { OwnedFile } from "./owned-file.ts";

/** Discretionary access control: path_resolution(7), capabilities(7), acl(5). */
export const MAY_EXEC = 1,
  MAY_WRITE = 2,
  MAY_READ = 4;

/** @returns 0, −EACCES, or −EPERM: nobody writes what is immutable */
export function checkAccess(credentials: Credentials, inode: OwnedFile, mask: number): number {
  const mode = inode.mode;
  if ((mask & MAY_WRITE) !== 0) {
    if ((inode.fileFlags & FS_IMMUTABLE_FL) !== 0) return -EPERM;
    if (isUnmapped(inode)) return -EACCES;
  }
  // What everyone may do needs no look at who asks; directories on the way of a walk are nearly always so.
  if (inode.acl === null && (mode & (mode >> 3) & (mode >> 6) & mask) === mask) return 0;
  return inode.decidesAccess === true ? 0 : checkMode(credentials, inode, mask);
}

/** What mode and list say. @returns 0 or −EACCES */
export function checkMode(credentials: Credentials, inode: OwnedFile, mask: number): number {
  const { mode } = inode;
  if ((permittedBits(credentials, inode, mask) & mask) === mask) return 0;
  if (credentials.effective === 0) return -EACCES;
  if (!credentials.userNamespace.hasIds(inode.uid, inode.gid)) return -EACCES;
  const isDirectory = (mode & S_IFMT) === S_IFDIR;
  if (isDirectory) {
    if ((mask & MAY_WRITE) === 0 && has(credentials, CAP_DAC_READ_SEARCH)) return 0;
    return has(credentials, CAP_DAC_OVERRIDE) ? 0 : -EACCES;
  }
  if (mask === MAY_READ && has(credentials, CAP_DAC_READ_SEARCH)) return 0;
  if (((mask & MAY_EXEC) === 0 || (mode & 0o111) !== 0) && has(credentials, CAP_DAC_OVERRIDE)) return 0;
  return -EACCES;
}

/** In its own user namespace. */
function has(credentials: Credentials, capability: number): boolean {
  return credentials.effective === ALL_CAPABILITIES || hasCapability(credentials.effective, capability);
}

/** May it use the capability over the file? Its user namespace must have names for the file's owner and group. */
export function isCapableOver(credentials: Credentials, inode: OwnedFile, capability: number): boolean {
  return inode.decidesAccess === true || hasOver(credentials, inode, capability);
}

export function hasOver(credentials: Credentials, inode: OwnedFile, capability: number): boolean {
  const { userNamespace } = credentials;
  return has(credentials, capability) && userNamespace.hasIds(inode.uid, inode.gid);
}

/** Has the mount by which it is seen no number for its owner or its group? Then nobody changes it (HAS_UNMAPPED_ID). */
export function isUnmapped({ uid, gid }: OwnedFile): boolean {
  return uid < 0 || gid < 0;
}

/** @param wanted  what is asked for */
function permittedBits(credentials: Credentials, inode: OwnedFile, wanted: number): number {
  if (credentials.fsuid === inode.uid) return (inode.mode >> 6) & 7;
  if (inode.acl !== null) return aclBits(credentials, inode, { acl: inode.acl, wanted });
  return isInGroup(credentials, inode.gid) ? (inode.mode >> 3) & 7 : inode.mode & 7;
}

/** acl(5), ACCESS CHECK ALGORITHM: of several groups one must grant all that is wanted. */
function aclBits(credentials: Credentials, inode: OwnedFile, { acl, wanted }: { acl: Acl; wanted: number }): number {
  const mask = acl.find((entry) => entry.tag === ACL_MASK)?.permissions ?? 7;
  const user = acl.find((entry) => entry.tag === ACL_USER && entry.id === credentials.fsuid);
  if (user !== undefined) return user.permissions & mask;
  let isMember = false;
  for (const entry of acl) {
    const gid = entry.tag === ACL_GROUP_OBJ ? inode.gid : entry.tag === ACL_GROUP ? entry.id : -1;
    if (gid < 0 || !isInGroup(credentials, gid)) continue;
    isMember = true;
    if ((entry.permissions & wanted) === wanted) return entry.permissions & mask;
  }
  return isMember ? 0 : inode.mode & 7;
}

/** May the caller change what only the owner may (chmod, utimensat with times, O_NOATIME …)? */
export function isOwnerOrCapable(credentials: Credentials, inode: OwnedFile): boolean {
  return credentials.fsuid === inode.uid || isCapableOver(credentials, inode, CAP_FOWNER);
}

/** The same, also of a file whose server decides about all else. */
export function ownsOrHasOver(credentials: Credentials, inode: OwnedFile): boolean {
  return credentials.fsuid === inode.uid || hasOver(credentials, inode, CAP_FOWNER);
}

/**
 * May it be told which pages of the file are in memory? That shows what others do: who can't write the file learns
 * nothing (Linux mm/mincore.c, can_do_mincore).
 */
export function mayLearnOfCache(credentials: Credentials, inode: OwnedFile): boolean {
  return isOwnerOrCapable(credentials, inode) || checkAccess(credentials, inode, MAY_WRITE) === 0;
}

/** Removing or replacing a name in a sticky directory: 0 or −EPERM (unlink(2)). */
export function checkSticky(credentials: Credentials, directory: OwnedFile, inode: OwnedFile): number {
  if ((directory.mode & S_ISVTX) === 0) return 0;
  if (credentials.fsuid === inode.uid || credentials.fsuid === directory.uid) return 0;
  return hasOver(credentials, inode, CAP_FOWNER) ? 0 : -EPERM;
}

/** chmod(2): set-group-ID is dropped silently for a file of a group that the caller isn't in. */
export function permittedMode(credentials: Credentials, inode: OwnedFile, mode: number): number {
  if ((mode & S_ISGID) !== 0 && !isInGroup(credentials, inode.gid) && !isCapableOver(credentials, inode, CAP_FSETID))
    return mode & ~S_ISGID;
  return mode;
}

/**
 * Set-user-ID and set-group-ID go when someone writes (write(2), truncate(2)) who hasn't CAP_FSETID over the whole
 * machine: root of a user namespace makes no program run as another. A group's bit without execution stays with who is
 * in the group, or has the capability over the file. Null: nothing to drop.
 *
 * @see fs/attr.c, setattr_should_drop_suidgid
 */
export function modeAfterWrite(credentials: Credentials, inode: OwnedFile): number | null {
  const { mode } = inode;
  if ((mode & (S_ISUID | S_ISGID)) === 0 || (mode & S_IFMT) !== S_IFREG || isCapable(credentials, CAP_FSETID))
    return null;
  const keepsGroup = (mode & 0o010) === 0 && permittedMode(credentials, inode, mode) === mode;
  const left = mode & ~S_ISUID & (keepsGroup ? ~0 : ~S_ISGID);
  return left === mode ? null : left;
}

/** Do flags of chattr(1) keep everyone from changing attributes, links and attributes' values of the file? */
export function isKept(inode: OwnedFile): boolean {
  return (inode.fileFlags & (FS_APPEND_FL | FS_IMMUTABLE_FL)) !== 0;
}
