import { S_IFMT, S_IFREG } from "@stratos/abi";
import type { Attributes } from "@stratos/aegisfs";

/** What INIT agreed on with the kernel. */
export class Agreement {
  /** Protocol; 0 before INIT. */
  minor = 0;
  /** Does the kernel gather writes? */
  gathersWrites = false;
  /** Bytes of fuse_setxattr_in. */
  setXattrSize = 8;

  /**
   * The kernel keeps what we say of blocks until it has written what it gathers, and asks when the file is closed. A
   * file without any would be taken for a hole meanwhile (GNU tar -S): who has just made or cut it is about to write.
   */
  expectWrites(attributes: Attributes): void {
    if (this.gathersWrites && attributes.blocks === 0 && (attributes.mode & S_IFMT) === S_IFREG) attributes.blocks = 1;
  }
}
