import { AT_FDCWD, EADDRINUSE, ECONNREFUSED, EEXIST, S_IFMT, S_IFSOCK, isErrno } from "@stratos/abi";
import { checkAccess, MAY_WRITE } from "../../security/permission.ts";
import { makeNode } from "../../vfs/name-changes.ts";
import { lookupPath } from "../../vfs/path-walk.ts";
import type { Path } from "../../vfs/path.ts";
import type { SocketCaller } from "../socket-kernel.ts";
import { shownOn } from "../../vfs/mount.ts";

/**
 * Makes the socket file for bind(2). The caller retains the result.
 *
 * @param mode  of the socket, which fchmod(2) may have changed before; the umask takes from it (net/unix/af_unix.c,
 *   unix_bind_bsd)
 * @returns EADDRINUSE when the name exists, else as mknod(2)
 */
export function createSocketNode(task: SocketCaller, path: string, mode: number): Path | number {
  const made = makeNode(task, AT_FDCWD, path, mode, 0);
  return made === -EEXIST ? -EADDRINUSE : made;
}

/**
 * The socket file that a connection names.
 *
 * @returns EACCES without permission to write, ECONNREFUSED when it is no socket, else as path_resolution(7)
 */
export function findSocketNode(task: SocketCaller, path: string): Path | number {
  const place = lookupPath(task, AT_FDCWD, path, 0);
  if (isErrno(place)) return place;
  const inode = place.dentry.inode!;
  const denied = checkAccess(task.credentials, shownOn(place.mount, inode), MAY_WRITE);
  if (denied < 0) return denied;
  return (inode.mode & S_IFMT) === S_IFSOCK ? place : -ECONNREFUSED;
}
