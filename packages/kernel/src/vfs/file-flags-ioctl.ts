import {
  CAP_LINUX_IMMUTABLE,
  EFAULT,
  ENOTTY,
  EOPNOTSUPP,
  EPERM,
  EROFS,
  FS_APPEND_FL,
  FS_IMMUTABLE_FL,
  FS_IOC_FSGETXATTR,
  FS_IOC_FSSETXATTR,
  FS_IOC_GETFLAGS,
  FS_NOATIME_FL,
  FS_NODUMP_FL,
  FS_PROJINHERIT_FL,
  FS_XFLAG_APPEND,
  FS_XFLAG_IMMUTABLE,
  FS_XFLAG_NOATIME,
  FS_XFLAG_NODUMP,
  FS_XFLAG_PROJINHERIT,
  Fsxattr,
} from "@stratos/abi";
import { isCapable } from "../security/credentials.ts";
import { isOwnerOrCapable } from "../security/permission.ts";
import { notifyInode } from "./file-events.ts";
import type { Inode } from "./inode.ts";
import type { OpenFile } from "./open-file.ts";
import type { Caller } from "./vfs-kernel.ts";
import { shownOn } from "./mount.ts";

const PAIRS: readonly (readonly [flag: number, xflag: number])[] = [
  [FS_IMMUTABLE_FL, FS_XFLAG_IMMUTABLE],
  [FS_APPEND_FL, FS_XFLAG_APPEND],
  [FS_NODUMP_FL, FS_XFLAG_NODUMP],
  [FS_NOATIME_FL, FS_XFLAG_NOATIME],
];
const bytes = new Uint8Array(Fsxattr.size);
const view = new DataView(bytes.buffer);

/**
 * ioctl_iflags(2) and ioctl_xfs_fsgetxattr(2): what chattr(1) and lsattr(1) ask.
 *
 * @returns 0; −ENOTTY the file system keeps no flags; −EPERM not the owner, or not CAP_LINUX_IMMUTABLE for `+i` and
 * `+a`; −EROFS; −EOPNOTSUPP a flag that it doesn't keep
 */
export function flagsIoctl(task: Caller, file: OpenFile, inode: Inode, command: number, argument: number): number {
  if (inode.keptFileFlags === 0 || (!inode.isRegular && !inode.isDirectory)) return -ENOTTY;
  const { space } = task;
  switch (command) {
    case FS_IOC_GETFLAGS:
      return space.storeU32(argument, inode.fileFlags | inherited(inode, FS_PROJINHERIT_FL));
    case FS_IOC_FSGETXATTR:
      bytes.fill(0);
      view.setUint32(Fsxattr.offset.fsx_xflags, xflagsOf(inode), true);
      view.setUint32(Fsxattr.offset.fsx_projid, Math.max(0, inode.project), true);
      return space.copyOut(argument, bytes, 0, Fsxattr.size);
    case FS_IOC_FSSETXATTR: {
      if (space.copyIn(argument, bytes, 0, Fsxattr.size) < 0) return -EFAULT;
      const xflags = view.getUint32(Fsxattr.offset.fsx_xflags, true),
        project = view.getUint32(Fsxattr.offset.fsx_projid, true);
      if (
        view.getUint32(Fsxattr.offset.fsx_extsize, true) !== 0 ||
        view.getUint32(Fsxattr.offset.fsx_cowextsize, true) !== 0
      ) {
        return -EOPNOTSUPP;
      }
      let flags = 0,
        known = FS_XFLAG_PROJINHERIT;
      for (const [flag, xflag] of PAIRS) {
        known |= xflag;
        if ((xflags & xflag) !== 0) flags |= flag;
      }
      if ((xflags & ~known) !== 0) return -EOPNOTSUPP;
      const failed = setFlags(task, file, inode, flags);
      return failed < 0 ? failed : inode.setProject(project);
    }
    default: {
      const flags = space.loadU32(argument);
      return flags < 0 ? -EFAULT : setFlags(task, file, inode, flags & ~FS_PROJINHERIT_FL);
    }
  }
}

function xflagsOf(inode: Inode): number {
  let xflags = inherited(inode, FS_XFLAG_PROJINHERIT);
  for (const [flag, xflag] of PAIRS) if ((inode.fileFlags & flag) !== 0) xflags |= xflag;
  return xflags;
}

function inherited(inode: Inode, flag: number): number {
  return inode.isDirectory && inode.project > 0 ? flag : 0;
}

function setFlags(task: Caller, file: OpenFile, inode: Inode, flags: number): number {
  if (file.path?.mount.isReadOnly === true) return -EROFS;
  if (!isOwnerOrCapable(task.credentials, shownOn(file.path?.mount ?? null, inode))) return -EPERM;
  const changed = flags ^ inode.fileFlags;
  if ((changed & (FS_APPEND_FL | FS_IMMUTABLE_FL)) !== 0 && !isCapable(task.credentials, CAP_LINUX_IMMUTABLE)) {
    return -EPERM;
  }
  const failed = inode.setFileFlags(flags);
  if (failed < 0) return failed;
  if (task.kernel.vfs.watchCount > 0) notifyInode(task.kernel, inode, file.path, "attrib");
  return 0;
}
