import {
  ACL_ACCESS_NAME,
  ACL_DEFAULT_NAME,
  aclMode,
  aclWithMode,
  isErrno,
  isMinimalAcl,
  parseAcl,
  serializeAcl,
} from "@stratos/abi";
import type { Inode } from "./inode.ts";

/**
 * acl(5), OBJECT CREATION: a file made in a directory with a default list gets it as its own, cut by the mode asked
 * for; a directory also inherits it as its default. @param mode  as given to open or mkdir
 */
export function inheritAcl(directory: Inode, inode: Inode, mode: number): void {
  const value = directory.getXattr(ACL_DEFAULT_NAME);
  if (isErrno(value)) return;
  const parent = parseAcl(value);
  if (isErrno(parent) || parent.length === 0) return;
  if (inode.isDirectory) inode.setXattr(ACL_DEFAULT_NAME, value, 0);
  const own = aclWithMode(parent, aclMode(parent) & mode);
  inode.setAttributes({ mode: (inode.mode & 0o7000) | aclMode(own) });
  if (isMinimalAcl(own)) return;
  if (inode.setXattr(ACL_ACCESS_NAME, serializeAcl(own), 0) >= 0) inode.acl = own;
}

/** Reads the list that a file system stored with an inode that it just loaded. */
export function loadAcl(inode: Inode): void {
  const value = inode.getXattr(ACL_ACCESS_NAME);
  if (isErrno(value)) return;
  const acl = parseAcl(value);
  inode.acl = isErrno(acl) || isMinimalAcl(acl) ? null : acl;
}
