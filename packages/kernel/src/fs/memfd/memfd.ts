import {
  EBUSY,
  EINVAL,
  EPERM,
  F_SEAL_EXEC,
  F_SEAL_FUTURE_WRITE,
  F_SEAL_GROW,
  F_SEAL_SEAL,
  F_SEAL_SHRINK,
  F_SEAL_WRITE,
  MFD_ALLOW_SEALING,
  MFD_CLOEXEC,
  MFD_EXEC,
  MFD_HUGETLB,
  MFD_NOEXEC_SEAL,
  O_LARGEFILE,
  O_RDWR,
  S_IFREG,
  isErrno,
} from "@stratos/abi";
import { AREA_NEVER_WRITABLE } from "../../mm/area.ts";
import { Dentry } from "../../vfs/dentry.ts";
import type { Inode } from "../../vfs/inode.ts";
import { Mount } from "../../vfs/mount.ts";
import type { OpenFile } from "../../vfs/open-file.ts";
import { Path } from "../../vfs/path.ts";
import { RegularFile } from "../../vfs/regular-file.ts";
import { Tmpfs } from "../tmpfs/tmpfs.ts";
import type { FsCaller, FsKernel } from "../fs-kernel.ts";

const ALL_SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE | F_SEAL_EXEC;

/** The tmpfs that memfds and shared anonymous files live in; nobody can name a place in it. */
export function shmemMount(kernel: FsKernel): Mount {
  if (kernel.shmemMount !== null) return kernel.shmemMount;
  const fileSystem = new Tmpfs(kernel, { sizeBytes: kernel.memory.limit * 4096, inodes: 1 << 20 });
  return (kernel.shmemMount = new Mount(0, fileSystem, new Dentry("/", null, fileSystem.root), null, null, 0, "tmpfs"));
}

/** Before the name is looked at: 0 or −EINVAL (mm/memfd.c, sanitize_flags). */
export function checkMemfdFlags(flags: number): number {
  if ((flags & ~(MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL | MFD_EXEC)) !== 0 || (flags & MFD_HUGETLB) !== 0)
    return -EINVAL;
  return (flags & (MFD_EXEC | MFD_NOEXEC_SEAL)) === (MFD_EXEC | MFD_NOEXEC_SEAL) ? -EINVAL : 0;
}

/** memfd_create(2), of flags that were checked: −ENOSPC. */
export function createMemfd(task: FsCaller, name: string, flags: number): OpenFile | number {
  const kernel = task.kernel;
  const mount = shmemMount(kernel);
  const isExecutable = (flags & MFD_NOEXEC_SEAL) === 0;
  const inode = mount.fileSystem.root.createUnnamed({
    mode: S_IFREG | (isExecutable ? 0o777 : 0o666),
    uid: task.credentials.fsuid,
    gid: task.credentials.fsgid,
    rdev: 0,
    now: kernel.vfs.now(),
  });
  if (isErrno(inode)) return inode;
  inode.seals = (flags & MFD_NOEXEC_SEAL) !== 0 ? F_SEAL_EXEC : (flags & MFD_ALLOW_SEALING) !== 0 ? 0 : F_SEAL_SEAL;
  const dentry = new Dentry(`/memfd:${name}`, null, inode);
  dentry.isDetached = true;
  return new RegularFile(kernel, O_RDWR | O_LARGEFILE, inode, new Path(mount, dentry), false);
}

/**
 * fcntl(F_GET_SEALS): −EINVAL for files that have no seals. Other files of tmpfs have the one seal that lets no
 * other in.
 */
export function sealsOf(inode: Inode | null): number {
  if (inode === null || !inode.isRegular) return -EINVAL;
  return inode.seals >= 0 ? inode.seals : inode.fileSystem.type === "tmpfs" ? F_SEAL_SEAL : -EINVAL;
}

/**
 * fcntl(F_ADD_SEALS): −EINVAL for files that have no seals, −EPERM when sealed against it or not writable, −EBUSY
 * while it may be written through a mapping.
 */
export function addSeals(task: FsCaller, file: OpenFile, seals: number): number {
  const { inode } = file;
  if (!file.isWritable) return -EPERM;
  if ((seals & ~ALL_SEALS) !== 0) return -EINVAL;
  const old = sealsOf(inode);
  if (inode === null || old < 0) return -EINVAL;
  if ((old & F_SEAL_SEAL) !== 0) return -EPERM;
  if ((seals & F_SEAL_WRITE) !== 0 && (old & F_SEAL_WRITE) === 0 && mayBeWrittenByMapping(task.kernel, inode))
    return -EBUSY;
  // A program that can't lose its right to be executed can't be changed any more either (mm/memfd.c, memfd_add_seals).
  if ((seals & F_SEAL_EXEC) !== 0 && (inode.mode & 0o111) !== 0)
    seals |= F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE;
  inode.seals |= seals;
  return 0;
}

/** Also a shared mapping that is only read now may be written after mprotect(2), if its description may. */
function mayBeWrittenByMapping(kernel: FsKernel, inode: Inode): boolean {
  for (const { space } of kernel.tasks.tasks.values()) {
    for (const area of space.areas) {
      if (
        area.isShared &&
        area.pages === inode.pages &&
        area.file?.isWritable === true &&
        (area.flags & AREA_NEVER_WRITABLE) === 0
      )
        return true;
    }
  }
  return false;
}
