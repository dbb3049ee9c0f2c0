import {
  EINVAL,
  EOPNOTSUPP,
  EPERM,
  FS_APPEND_FL,
  RWF_APPEND,
  RWF_DSYNC,
  RWF_HIPRI,
  RWF_NOAPPEND,
  RWF_NOWAIT,
  RWF_SYNC,
} from "@stratos/abi";
import type { OpenFile } from "../vfs/open-file.ts";

const KNOWN = RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND | RWF_NOAPPEND;

/**
 * RWF_* of one transfer (preadv2(2)); what concerns writing alone changes nothing when reading.
 *
 * @returns 0; −EOPNOTSUPP unknown, or the file can't; −EINVAL appending and not; −EPERM not appending to what may only
 *   be appended to
 * @see include/linux/fs.h, kiocb_set_rw_flags
 */
export function checkTransferFlags(file: OpenFile, flags: number): number {
  if (flags === 0) return 0;
  if ((flags & ~KNOWN) !== 0) return -EOPNOTSUPP;
  if ((flags & (RWF_APPEND | RWF_NOAPPEND)) === (RWF_APPEND | RWF_NOAPPEND)) return -EINVAL;
  if ((flags & RWF_NOWAIT) !== 0 && !file.mayNotWait) return -EOPNOTSUPP;
  const isAppendOnly = ((file.inode?.fileFlags ?? 0) & FS_APPEND_FL) !== 0;
  return (flags & RWF_NOAPPEND) !== 0 && isAppendOnly ? -EPERM : 0;
}
