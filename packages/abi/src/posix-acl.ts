import { EINVAL, EOPNOTSUPP } from "./errno.ts";

/**
 * POSIX access control lists (acl(5)) in the form of the `system.posix_acl_*` attributes:
 * a version word (2), then entries of { u16 tag, u16 permissions, u32 id }, little endian, in tag order.
 */
export const ACL_USER_OBJ = 1,
  ACL_USER = 2,
  ACL_GROUP_OBJ = 4,
  ACL_GROUP = 8,
  ACL_MASK = 16,
  ACL_OTHER = 32;
export const ACL_ACCESS_NAME = "system.posix_acl_access",
  ACL_DEFAULT_NAME = "system.posix_acl_default";

const VERSION = 2,
  HEADER_SIZE = 4,
  ENTRY_SIZE = 8;

export interface AclEntry {
  tag: number;
  permissions: number;
  id: number;
}
export type Acl = readonly AclEntry[];

/** Is it the attribute of a list? */
export function isAclName(name: string): boolean {
  return name === ACL_ACCESS_NAME || name === ACL_DEFAULT_NAME;
}

/** Reads and checks an attribute value; −EINVAL for what acl_valid(3) refuses, −EOPNOTSUPP for another version. */
export function parseAcl(value: Uint8Array): Acl | number {
  if (value.length < HEADER_SIZE) return -EINVAL;
  const view = new DataView(value.buffer, value.byteOffset, value.length);
  if (view.getUint32(0, true) !== VERSION) return -EOPNOTSUPP;
  if ((value.length - HEADER_SIZE) % ENTRY_SIZE !== 0) return -EINVAL;
  const entries: AclEntry[] = [];
  for (let at = HEADER_SIZE; at < value.length; at += ENTRY_SIZE) {
    entries.push({
      tag: view.getUint16(at, true),
      permissions: view.getUint16(at + 2, true),
      id: view.getUint32(at + 4, true),
    });
  }
  const count = (tag: number): number => entries.filter((entry) => entry.tag === tag).length;
  if (entries.length === 0) return entries;
  if (count(ACL_USER_OBJ) !== 1 || count(ACL_GROUP_OBJ) !== 1 || count(ACL_OTHER) !== 1 || count(ACL_MASK) > 1)
    return -EINVAL;
  if (count(ACL_MASK) === 0 && count(ACL_USER) + count(ACL_GROUP) > 0) return -EINVAL;
  for (let index = 0; index < entries.length; index++) {
    const { tag, permissions } = entries[index]!;
    if ((tag & (tag - 1)) !== 0 || tag === 0 || tag > ACL_OTHER || permissions > 7) return -EINVAL;
    if (index > 0 && tag < entries[index - 1]!.tag) return -EINVAL;
  }
  return entries;
}

export function serializeAcl(acl: Acl): Uint8Array {
  const value = new Uint8Array(HEADER_SIZE + acl.length * ENTRY_SIZE);
  const view = new DataView(value.buffer);
  view.setUint32(0, VERSION, true);
  acl.forEach((entry, index) => {
    view.setUint16(HEADER_SIZE + index * ENTRY_SIZE, entry.tag, true);
    view.setUint16(HEADER_SIZE + index * ENTRY_SIZE + 2, entry.permissions, true);
    view.setUint32(HEADER_SIZE + index * ENTRY_SIZE + 4, entry.id, true);
  });
  return value;
}

/** The permission bits that the list stands for: its mask shows as the group's (acl(5), CORRESPONDENCE). */
export function aclMode(acl: Acl): number {
  const permissions = (tag: number): number => acl.find((entry) => entry.tag === tag)?.permissions ?? 0;
  const group = acl.some((entry) => entry.tag === ACL_MASK) ? permissions(ACL_MASK) : permissions(ACL_GROUP_OBJ);
  return (permissions(ACL_USER_OBJ) << 6) | (group << 3) | permissions(ACL_OTHER);
}

/** True when mode bits say it all. */
export function isMinimalAcl(acl: Acl): boolean {
  return acl.every((entry) => entry.tag === ACL_USER_OBJ || entry.tag === ACL_GROUP_OBJ || entry.tag === ACL_OTHER);
}

/** The list after chmod(2). */
export function aclWithMode(acl: Acl, mode: number): Acl {
  const hasMask = acl.some((entry) => entry.tag === ACL_MASK);
  return acl.map((entry) => {
    if (entry.tag === ACL_USER_OBJ) return { ...entry, permissions: (mode >> 6) & 7 };
    if (entry.tag === ACL_OTHER) return { ...entry, permissions: mode & 7 };
    if (entry.tag === (hasMask ? ACL_MASK : ACL_GROUP_OBJ)) return { ...entry, permissions: (mode >> 3) & 7 };
    return entry;
  });
}
