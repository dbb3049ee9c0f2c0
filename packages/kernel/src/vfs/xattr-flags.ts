import { EEXIST, ENODATA, XATTR_CREATE, XATTR_REPLACE } from "@stratos/abi";

/** May setxattr(2) with these flags set an attribute that is there, or is not? 0, −EEXIST, −ENODATA. */
export function checkXattrFlags(has: boolean, flags: number): number {
  if (has) return (flags & XATTR_CREATE) === 0 ? 0 : -EEXIST;
  return (flags & XATTR_REPLACE) === 0 ? 0 : -ENODATA;
}
