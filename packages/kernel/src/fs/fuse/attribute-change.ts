/** What a call changes of a served file's attributes: may it, and what is the server asked to set (FUSE_SETATTR)? */
import { CAP_CHOWN, CAP_FOWNER, EPERM, S_IFMT } from "@stratos/abi";
import * as op from "@stratos/abi/fuse";
import { isInGroup } from "../../security/credentials.ts";
import { checkMode, hasOver, MAY_WRITE } from "../../security/permission.ts";
import type { AttributeChange } from "../../vfs/inode.ts";
import type { FuseHandle } from "./fuse-handle.ts";
import { lockOwnerOf } from "./fuse-locks.ts";
import type { ServedNode } from "./served-node.ts";

/** As vfs/attributes.ts, with attributes that are fresh. */
export function mayChangeAttributes(inode: ServedNode, change: AttributeChange): number {
  const { mode, uid, gid, atime, mtime, ctime } = change;
  const { caller, rules } = inode.fileSystem.connection;
  if (!rules.checksPermissions || caller === null) return inode.refused;
  const failed = inode.refresh();
  if (failed < 0) return failed;
  const { credentials } = caller;
  const isOwner = credentials.fsuid === inode.uid || hasOver(credentials, inode, CAP_FOWNER);
  if (mode !== undefined && uid === undefined && gid === undefined && !isOwner) return -EPERM;
  if ((uid !== undefined || gid !== undefined) && !hasOver(credentials, inode, CAP_CHOWN)) {
    if (credentials.fsuid !== inode.uid || (uid ?? inode.uid) !== inode.uid) return -EPERM;
    if (gid !== undefined && gid !== inode.gid && !isInGroup(credentials, gid)) return -EPERM;
  }
  if ((atime !== undefined || mtime !== undefined) && !isOwner) {
    if (atime !== ctime || mtime !== ctime) return -EPERM;
    return checkMode(credentials, inode, MAY_WRITE);
  }
  return 0;
}

/** By the fields of a `fuse_setattr_in`. */
export function attributeValues(inode: ServedNode, change: AttributeChange): Record<string, number> {
  const { mode, uid, gid, atime, mtime, ctime } = change;
  let valid = 0;
  const { uids, gids } = inode.fileSystem.connection.userNamespace;
  const values: Record<string, number> = {};
  if (mode !== undefined) {
    valid |= op.FATTR_MODE;
    values["mode"] = (inode.mode & S_IFMT) | (mode & 0o7777);
  }
  if (uid !== undefined) {
    valid |= op.FATTR_UID;
    values["uid"] = uids.shown(uid);
  }
  if (gid !== undefined) {
    valid |= op.FATTR_GID;
    values["gid"] = gids.shown(gid);
  }
  if (atime !== undefined) {
    valid |= op.FATTR_ATIME | (atime === ctime ? op.FATTR_ATIME_NOW : 0);
    values["atime"] = atime.seconds;
    values["atimensec"] = atime.nanoseconds;
  }
  if (mtime !== undefined) {
    valid |= op.FATTR_MTIME | (mtime === ctime ? op.FATTR_MTIME_NOW : 0);
    values["mtime"] = mtime.seconds;
    values["mtimensec"] = mtime.nanoseconds;
  }
  return { ...values, valid };
}

/** Those of truncate(2). @param handle  of the open file that is asked for it; null: none */
export function sizeValues(inode: ServedNode, size: number, handle: FuseHandle | null): Record<string, number> {
  const { caller } = inode.fileSystem.connection;
  const by = handle === null ? 0 : op.FATTR_FH;
  if (caller === null) return { valid: op.FATTR_SIZE | by, size };
  // For servers that know mandatory locks.
  return { valid: op.FATTR_SIZE | op.FATTR_LOCKOWNER | by, size, lock_owner: lockOwnerOf(caller, caller.files) };
}
