/** Who may do what to an inode: mode bits and access control lists, as Linux decides (path_resolution(7), acl(5)). */
import {
  ACL_ACCESS_NAME,
  ACL_GROUP,
  ACL_GROUP_OBJ,
  ACL_MASK,
  ACL_OTHER,
  ACL_USER,
  ACL_USER_OBJ,
  EACCES,
  parseAcl,
  R_OK,
  S_IFDIR,
  S_IFMT,
  W_OK,
  X_OK,
} from "@stratos/abi";
import type { Acl } from "@stratos/abi";
import { INODE_AT_GID, INODE_AT_MODE, INODE_AT_UID } from "../format/inode-item.ts";
import { loadInode, mayHaveItems } from "./inode.ts";
import { get as getXattr } from "./xattrs.ts";
import type { FileTree } from "./file-tree.ts";

/** Whose rights count. User 0 may do what CAP_DAC_OVERRIDE, CAP_FOWNER and CAP_CHOWN allow. */
export interface Credentials {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
}

/** R_OK, W_OK, X_OK together in `want`. Returns 0 or −EACCES; the inode exists. Throws Failure. */
export function checkAccess(subvolume: FileTree, ino: number, who: Credentials, want: number): number {
  const at = loadInode(subvolume, ino);
  const words = subvolume.volume.inodes.words;
  const mode = words[at + INODE_AT_MODE]!;
  if (who.uid === 0) return (want & X_OK) === 0 || (mode & 0o111) !== 0 || (mode & S_IFMT) === S_IFDIR ? 0 : -EACCES;
  const owner = words[at + INODE_AT_UID]!;
  const group = words[at + INODE_AT_GID]!;
  // Where the group bits, which are the list's mask, give nothing, no list can give more to those who are not the
  // owner.
  const acl = owner !== who.uid && (mode & 0o070) !== 0 ? accessAcl(subvolume, ino) : null;
  const allowed = acl !== null ? aclAllows(acl, group, who, want) : (modeFor(mode, owner, group, who) & want) === want;
  return allowed ? 0 : -EACCES;
}

function modeFor(mode: number, owner: number, group: number, who: Credentials): number {
  if (owner === who.uid) return (mode >> 6) & (R_OK | W_OK | X_OK);
  return isMember(who, group) ? (mode >> 3) & 7 : mode & 7;
}

export function isMember(who: Credentials, group: number): boolean {
  return who.gid === group || who.groups.includes(group);
}

/** The list of an inode, null when mode bits say it all. Throws Failure. */
export function accessAcl(subvolume: FileTree, ino: number): Acl | null {
  if (!mayHaveItems(subvolume, ino)) return null;
  const value = getXattr(subvolume, ino, ACL_ACCESS_NAME);
  if (typeof value === "number") return null;
  const acl = parseAcl(value);
  return typeof acl === "number" ? null : acl;
}

/** acl(5), ACCESS CHECK ALGORITHM, for one who is not the owner. */
function aclAllows(acl: Acl, group: number, who: Credentials, want: number): boolean {
  let mask = 7;
  let other = 0;
  let isInGroup = false;
  for (const { tag, permissions } of acl) if (tag === ACL_MASK) mask = permissions;
  for (const { tag, permissions, id } of acl) {
    if (tag === ACL_USER_OBJ || tag === ACL_MASK) continue;
    if (tag === ACL_USER && id === who.uid) return (permissions & mask & want) === want;
    if ((tag === ACL_GROUP_OBJ && isMember(who, group)) || (tag === ACL_GROUP && isMember(who, id))) {
      if ((permissions & mask & want) === want) return true;
      isInGroup = true;
    } else if (tag === ACL_OTHER) other = permissions;
  }
  return !isInGroup && (other & want) === want;
}
