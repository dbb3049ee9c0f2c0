/** What INIT agreed on with the kernel. */
export class Agreement {
  /** Protocol; 0 before INIT. */
  minor = 0;
  /** Does the kernel gather writes? */
  gathersWrites = false;
  /** Bytes of fuse_setxattr_in. */
  setXattrSize = 8;
}
