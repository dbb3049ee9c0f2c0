/** Extended attributes of a group's files: systemd keeps there what it knows of its units (fs/kernfs/inode.c). */
import { ENODATA, ENOSPC, EOPNOTSUPP } from "@stratos/abi";
import type { ControlGroup } from "../task/control-group.ts";
import { checkXattrFlags } from "../vfs/xattr-flags.ts";

/** KERNFS_MAX_USER_XATTRS and KERNFS_USER_XATTR_SIZE_LIMIT of Linux, of all kinds here. */
const XATTRS_MAX = 128;
const XATTR_BYTES_MAX = 128 << 10;

export function getGroupXattr(group: ControlGroup, file: string, name: string): Uint8Array | number {
  if (!isTaken(name)) return -EOPNOTSUPP;
  return group.xattrs.get(file)?.get(name) ?? -ENODATA;
}

export function setGroupXattr(
  group: ControlGroup,
  file: string,
  { name, value, flags }: { name: string; value: Uint8Array; flags: number },
): number {
  if (!isTaken(name)) return -EOPNOTSUPP;
  const values = group.xattrs.get(file) ?? new Map<string, Uint8Array>();
  const has = values.has(name);
  const refused = checkXattrFlags(has, flags);
  if (refused < 0) return refused;
  let bytes = value.length;
  for (const [other, kept] of values) if (other !== name) bytes += kept.length;
  if (bytes > XATTR_BYTES_MAX || (!has && values.size >= XATTRS_MAX)) return -ENOSPC;
  group.xattrs.set(file, values.set(name, value.slice()));
  return 0;
}

export function removeGroupXattr(group: ControlGroup, file: string, name: string): number {
  if (!isTaken(name)) return -EOPNOTSUPP;
  return group.xattrs.get(file)?.delete(name) === true ? 0 : -ENODATA;
}

/** Access lists are not. */
function isTaken(name: string): boolean {
  return !name.startsWith("system.");
}
