import {
  ACL_ACCESS_NAME,
  ACL_DEFAULT_NAME,
  type Acl,
  ENODATA,
  aclMode,
  aclWithMode,
  isErrno,
  isMinimalAcl,
  parseAcl,
  serializeAcl,
} from "@stratos/abi";
import type { Inode } from "./inode.ts";

/** What is made in a directory gets this list; null: it has none. A server hands on its own. */
export function defaultAclOf(directory: Inode): Acl | null {
  const value = directory.fileSystem.isServed ? -ENODATA : directory.getXattr(ACL_DEFAULT_NAME);
  const acl = isErrno(value) ? value : parseAcl(value);
  return isErrno(acl) ? null : acl;
}

/**
 * acl(5), OBJECT CREATION: a file made in a directory with a default list gets it as its own, cut by the mode asked
 * for; a directory also inherits it as its default. @param mode  as given to open or mkdir
 */
export function inheritAcl(directory: Inode, inode: Inode, mode: number): void {
  const parent = defaultAclOf(directory);
  if (parent === null || parent.length === 0) return;
  if (inode.isDirectory) inode.setXattr(ACL_DEFAULT_NAME, serializeAcl(parent), 0);
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
