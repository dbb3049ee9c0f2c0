/** Extended attributes (xattr(7)): who may touch which name space, then the file system. */
import {
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  E2BIG,
  EBADF,
  EINVAL,
  ENODATA,
  EOPNOTSUPP,
  EPERM,
  ERANGE,
  EROFS,
  O_PATH,
  XATTR_CREATE,
  XATTR_LIST_MAX,
  XATTR_NAME_MAX,
  XATTR_REPLACE,
  XATTR_SIZE_MAX,
  EACCES,
  EFAULT,
  S_ISVTX,
  ACL_ACCESS_NAME,
  ACL_DEFAULT_NAME,
  ACL_GROUP,
  ACL_USER,
  type Acl,
  type AclEntry,
  CAP_SETFCAP,
  CAP_SYS_ADMIN,
  aclMode,
  isAclName,
  isErrno,
  isMinimalAcl,
  parseAcl,
  serializeAcl,
} from "@stratos/abi";
import { byteStringOf } from "@stratos/base";
import { type Credentials, isCapable } from "../security/credentials.ts";
import type { MountIdMap } from "../security/mount-id-map.ts";
import type { OwnedFile } from "../security/owned-file.ts";
import {
  hasOver,
  isKept,
  isUnmapped,
  MAY_READ,
  MAY_WRITE,
  ownsOrHasOver,
  permittedMode,
} from "../security/permission.ts";
import { FILE_CAPABILITIES, fileCapabilitiesToKeep, shownFileCapabilities } from "../security/file-capabilities.ts";
import type { Task } from "../task/task.ts";
import { PROTOCOL_NAME_ATTRIBUTE, SocketInode } from "../socket/socket-inode.ts";
import { pathOfFile } from "../vfs/anonymous-file.ts";
import type { Inode } from "../vfs/inode.ts";
import { notifyInode } from "../vfs/file-events.ts";
import { type Mount, shownOn } from "../vfs/mount.ts";
import { lookupPath } from "../vfs/path-walk.ts";
import type { Path } from "../vfs/path.ts";
import { loadPath } from "./path-argument.ts";
import type { SyscallTable } from "./syscall-table.ts";

type Finder = (task: Task, first: number) => Path | number;

const byPath: Finder = (task, address) => {
  const path = loadPath(task, address);
  return isErrno(path) ? path : lookupPath(task, AT_FDCWD, path, 0);
};
const byLink: Finder = (task, address) => {
  const path = loadPath(task, address);
  return isErrno(path) ? path : lookupPath(task, AT_FDCWD, path, AT_SYMLINK_NOFOLLOW);
};
const byFd: Finder = (task, fd) => {
  const file = task.files.get(fd | 0);
  return file === undefined || (file.flags & O_PATH) !== 0 ? -EBADF : pathOfFile(task.kernel, file);
};

function loadName(task: Task, address: number): string | number {
  const name = task.space.loadString(address, XATTR_NAME_MAX);
  if (isErrno(name)) return name === -EFAULT ? -EFAULT : -ERANGE;
  return name === "" ? -ERANGE : name;
}

/** May the caller have this name? One that is a prefix alone is none (fs/xattr.c, xattr_resolve_name). */
function checkName(task: Task, place: Path, name: string, writes: boolean): number {
  const denied = checkNamespace(task, place, name, writes);
  const isBare = !place.dentry.inode!.fileSystem.isServed && BARE_PREFIXES.includes(name);
  return denied === 0 && isBare ? -EINVAL : denied;
}

const BARE_PREFIXES: readonly string[] = ["user.", "trusted.", "security."];

/**
 * xattr(7): user.* for regular files and directories, trusted.* for administrators, security.* readable by all. A FUSE
 * server has names of any kind.
 */
function checkNamespace(task: Task, { mount, dentry }: Path, name: string, writes: boolean): number {
  const { credentials } = task;
  const inode = dentry.inode!;
  const shown = shownOn(mount, inode);
  const { isServed } = inode.fileSystem;
  const mask = writes ? MAY_WRITE : MAY_READ;
  if (writes && (isKept(inode) || isUnmapped(shown))) return -EPERM;
  if (name.startsWith("user.")) {
    if (!inode.isRegular && !inode.isDirectory) return writes ? -EPERM : -ENODATA;
    if (inode.isDirectory && (inode.mode & S_ISVTX) !== 0 && writes && !ownsOrHasOver(credentials, shown))
      return -EPERM;
    return inode.mayAccess(task, mask, mount);
  }
  if (name.startsWith("trusted.")) return isCapable(credentials, CAP_SYS_ADMIN) ? 0 : writes ? -EPERM : -ENODATA;
  if (name.startsWith("security.")) return !writes || mayLabel(credentials, shown, name) ? 0 : -EPERM;
  if (isAclName(name)) {
    if (inode.isSymlink) return -EOPNOTSUPP;
    // Only directories have one, so that nobody need own what loses it (fs/posix_acl.c, set_posix_acl).
    if (name === ACL_DEFAULT_NAME && !inode.isDirectory) return 0;
    return !writes || ownsOrHasOver(credentials, shown) ? 0 : -EPERM;
  }
  if (name === PROTOCOL_NAME_ATTRIBUTE && inode instanceof SocketInode && !writes) return 0;
  const refused = name.startsWith("system.") ? 0 : inode.mayAccess(task, mask, mount);
  return refused < 0 || isServed ? refused : -EOPNOTSUPP;
}

function mayLabel(credentials: Credentials, inode: OwnedFile, name: string): boolean {
  return name === FILE_CAPABILITIES ? hasOver(credentials, inode, CAP_SETFCAP) : isCapable(credentials, CAP_SYS_ADMIN);
}

function set(
  task: Task,
  find: Finder,
  first: number,
  nameAddress: number,
  value: number,
  size: number,
  flags: number,
): number {
  if ((flags & ~(XATTR_CREATE | XATTR_REPLACE)) !== 0) return -EINVAL;
  const name = loadName(task, nameAddress);
  if (isErrno(name)) return name;
  if (size < 0 || size > XATTR_SIZE_MAX) return -E2BIG;
  const bytes = new Uint8Array(size);
  const failed = task.space.copyIn(value, bytes, 0, size);
  if (failed < 0) return failed;
  const place = find(task, first);
  if (isErrno(place)) return place;
  const inode = place.dentry.inode!;
  if (place.mount.isReadOnly) return -EROFS;
  const given = isAclName(name) ? givenAcl(task, bytes) : null;
  if (isErrno(given)) return given;
  const { idMap } = place.mount;
  // What are no capabilities is told before who may give them (security/commoncap.c, cap_convert_nscap).
  const kept =
    name === FILE_CAPABILITIES && size > 0
      ? fileCapabilitiesToKeep(bytes, task.credentials.userNamespace, idMap)
      : bytes;
  if (isErrno(kept)) return kept;
  const denied = checkName(task, place, name, true);
  if (denied < 0) return denied;
  const acl = given === null || idMap === null ? given : keptAcl(given.acl, idMap);
  if (isErrno(acl)) return acl;
  const result =
    acl === null
      ? inode.setXattr(name, kept, flags)
      : inode.fileSystem.isServed
        ? inode.setXattr(name, acl.bytes, 0)
        : setAcl(task, place, name, acl, flags);
  // Of what has no such list nothing changes.
  if (result < 0 || (name === ACL_DEFAULT_NAME && !inode.isDirectory)) return result;
  if (name === FILE_CAPABILITIES && !inode.fileSystem.isServed) inode.hasNoCapabilities = false;
  changed(task, inode, place);
  return 0;
}

function changed(task: Task, inode: Inode, place: Path): void {
  inode.setAttributes({ ctime: task.kernel.vfs.now() });
  if (task.kernel.vfs.watchCount > 0) notifyInode(task.kernel, inode, place, "attrib");
}

/** A list as the caller means it; −EINVAL, −EOPNOTSUPP: it is none. */
function givenAcl(task: Task, given: Uint8Array): { acl: Acl; bytes: Uint8Array } | number {
  const named = given.length === 0 ? [] : parseAcl(given);
  if (isErrno(named)) return named;
  const { userNamespace } = task.credentials;
  const acl = named.map((entry) => withId(entry, (id, map) => userNamespace[map].toKernel(id)));
  if (namesNobody(acl)) return -EINVAL;
  return { acl, bytes: userNamespace.parent === null ? given : serializeAcl(acl) };
}

function namesNobody(acl: Acl): boolean {
  return acl.some(({ tag, id }) => (tag === ACL_USER || tag === ACL_GROUP) && id < 0);
}

/** The list as a file keeps it that a mount shows with other owners. */
function keptAcl(given: Acl, idMap: MountIdMap): { acl: Acl; bytes: Uint8Array } | number {
  const acl = idMap.keptAcl(given);
  return namesNobody(acl) ? -EINVAL : { acl, bytes: serializeAcl(acl) };
}

/** An access list also changes the mode; one that says no more than a mode isn't kept (acl(5)). */
function setAcl(
  task: Task,
  { mount, dentry }: Path,
  name: string,
  { acl, bytes }: { readonly acl: Acl; readonly bytes: Uint8Array },
  flags: number,
): number {
  const inode = dentry.inode!;
  if (name === ACL_DEFAULT_NAME) {
    if (!inode.isDirectory) return acl.length === 0 ? 0 : -EACCES;
    return acl.length === 0 ? removeAcl(inode, name) : inode.setXattr(name, bytes, flags);
  }
  if (acl.length === 0 || isMinimalAcl(acl)) {
    const failed = acl.length === 0 ? removeAcl(inode, name) : ignoreAbsence(inode.removeXattr(name));
    if (failed < 0) return failed;
    inode.acl = null;
    if (acl.length === 0) return 0;
  } else {
    const failed = inode.setXattr(name, bytes, flags);
    if (failed < 0) return failed;
    inode.acl = acl;
  }
  const mode = permittedMode(task.credentials, shownOn(mount, inode), (inode.mode & 0o7000) | aclMode(acl));
  return inode.setAttributes({ mode, ctime: task.kernel.vfs.now() });
}

/** Named users and groups are kept as ids of the initial user namespace. */
function withId(entry: AclEntry, translate: (id: number, map: "uids" | "gids") => number): AclEntry {
  if (entry.tag !== ACL_USER && entry.tag !== ACL_GROUP) return entry;
  return { ...entry, id: translate(entry.id, entry.tag === ACL_USER ? "uids" : "gids") };
}

/** A list as the task's user namespace names users and groups whom the mount shows; −1: it has no name for one. */
function shownAcl(task: Task, { idMap }: Mount, kept: Uint8Array): Uint8Array {
  const { userNamespace } = task.credentials;
  const acl = userNamespace.parent === null && idMap === null ? -EINVAL : parseAcl(kept);
  if (isErrno(acl)) return kept;
  const shown = idMap === null ? acl : idMap.shownAcl(acl);
  return serializeAcl(shown.map((entry) => withId(entry, (id, map) => userNamespace[map].fromKernel(id))));
}

/**
 * A list that is not there is removed all the same (fs/posix_acl.c, vfs_remove_acl), but for what an overlay would have
 * to copy for it: −ENODATA (fs/overlayfs/inode.c, ovl_set_or_remove_acl).
 */
function removeAcl(inode: Inode, name: string): number {
  const failed = inode.removeXattr(name);
  const isOfNoFolder = name === ACL_DEFAULT_NAME && !inode.isDirectory;
  return inode.isLower && !isOfNoFolder ? failed : ignoreAbsence(failed);
}

function ignoreAbsence(result: number): number {
  return result === -ENODATA ? 0 : result;
}

function get(task: Task, find: Finder, first: number, nameAddress: number, value: number, size: number): number {
  const name = loadName(task, nameAddress);
  if (isErrno(name)) return name;
  const place = find(task, first);
  if (isErrno(place)) return place;
  const inode = place.dentry.inode!;
  const denied = checkName(task, place, name, false);
  if (denied < 0) return denied;
  const kept = name === FILE_CAPABILITIES ? inode.getXattr(name) : inode.getXattr(name, size);
  if (isErrno(kept)) return kept === -ERANGE && size >= XATTR_SIZE_MAX ? -E2BIG : kept;
  const found =
    name === FILE_CAPABILITIES
      ? shownFileCapabilities(kept, task.credentials.userNamespace, place.mount.idMap)
      : isAclName(name)
        ? shownAcl(task, place.mount, kept)
        : kept;
  if (isErrno(found) || size === 0) return isErrno(found) ? found : found.length;
  if (size < found.length) return -ERANGE;
  const failed = task.space.copyOut(value, found, 0, found.length);
  return failed < 0 ? failed : found.length;
}

function list(task: Task, find: Finder, first: number, address: number, size: number): number {
  const place = find(task, first);
  if (isErrno(place)) return place;
  const inode = place.dentry.inode!;
  const room = Math.min(size, XATTR_LIST_MAX);
  const names = inode.listXattrs(room);
  if (isErrno(names)) return names === -ERANGE && room === XATTR_LIST_MAX ? -E2BIG : names;
  const mayTrusted = inode.fileSystem.isServed || isCapable(task.credentials, CAP_SYS_ADMIN);
  const text = names
    .filter((name) => mayTrusted || !name.startsWith("trusted."))
    .map((name) => `${name}\0`)
    .join("");
  if (size === 0) return text.length;
  if (room < text.length) return room === XATTR_LIST_MAX ? -E2BIG : -ERANGE;
  const failed = task.space.copyOut(address, byteStringOf(text), 0, text.length);
  return failed < 0 ? failed : text.length;
}

function remove(task: Task, find: Finder, first: number, nameAddress: number): number {
  const name = loadName(task, nameAddress);
  if (isErrno(name)) return name;
  const place = find(task, first);
  if (isErrno(place)) return place;
  const inode = place.dentry.inode!;
  if (place.mount.isReadOnly) return -EROFS;
  const denied = checkName(task, place, name, true);
  if (denied < 0) return denied;
  const isAcl = isAclName(name) && !inode.fileSystem.isServed;
  const hasNone = isAcl && isErrno(inode.getXattr(name));
  const failed = isAcl ? removeAcl(inode, name) : inode.removeXattr(name);
  if (failed < 0) return failed;
  if (isAcl && name === ACL_ACCESS_NAME) {
    inode.acl = null;
    inode.setAttributes({ mode: permittedMode(task.credentials, shownOn(place.mount, inode), inode.mode & 0o7777) });
  }
  if (hasNone) return 0;
  changed(task, inode, place);
  return 0;
}

export const xattrCalls: SyscallTable = {
  setxattr: { run: (task, path, name, value, size, flags) => set(task, byPath, path, name, value, size, flags | 0) },
  lsetxattr: { run: (task, path, name, value, size, flags) => set(task, byLink, path, name, value, size, flags | 0) },
  fsetxattr: { run: (task, fd, name, value, size, flags) => set(task, byFd, fd, name, value, size, flags | 0) },
  getxattr: { run: (task, path, name, value, size) => get(task, byPath, path, name, value, size) },
  lgetxattr: { run: (task, path, name, value, size) => get(task, byLink, path, name, value, size) },
  fgetxattr: { run: (task, fd, name, value, size) => get(task, byFd, fd, name, value, size) },
  listxattr: { run: (task, path, buffer, size) => list(task, byPath, path, buffer, size) },
  llistxattr: { run: (task, path, buffer, size) => list(task, byLink, path, buffer, size) },
  flistxattr: { run: (task, fd, buffer, size) => list(task, byFd, fd, buffer, size) },
  removexattr: { run: (task, path, name) => remove(task, byPath, path, name) },
  lremovexattr: { run: (task, path, name) => remove(task, byLink, path, name) },
  fremovexattr: { run: (task, fd, name) => remove(task, byFd, fd, name) },
};
