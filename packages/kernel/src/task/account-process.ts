/**
 * Process accounting (acct(2), acct(5)): each process that ends leaves a record of 64 bytes at the end of a file.
 *
 * The records are `struct acct_v3` of Linux include/uapi/linux/acct.h, little-endian.
 */
import {
  ACCT_COMM,
  ACORE,
  AFORK,
  AHZ,
  AT_FDCWD,
  AXSIG,
  AcctV3,
  CAP_SYS_PACCT,
  EACCES,
  EIO,
  EISDIR,
  EPERM,
  O_APPEND,
  O_LARGEFILE,
  O_WRONLY,
  RLIMIT_FSIZE,
  isErrno,
} from "@stratos/abi";
import { BytesCursor } from "@stratos/base";
import type { Kernel } from "./kernel-state.ts";
import { isCapable } from "../security/credentials.ts";
import { openPath } from "../vfs/open.ts";
import type { Task } from "./task.ts";
import type { OpenFile } from "../vfs/open-file.ts";
import type { ThreadGroup } from "./thread-group.ts";

const VERSION = 3;
const TICK_NS = 1e9 / AHZ;

/** A process has ended. @param task  its last thread. @param file  where records go */
export function accountProcess(task: Task, process: ThreadGroup, status: number, file: OpenFile): void {
  const { kernel } = task;
  // The limit is the process's, the file is not (kernel/acct.c, do_acct_process).
  const limit = process.limits[RLIMIT_FSIZE]!;
  process.limits[RLIMIT_FSIZE] = { soft: Infinity, hard: Infinity };
  // What can't be written is lost.
  file.write(task, new BytesCursor(recordOf(kernel, task, process, status)), -1);
  process.limits[RLIMIT_FSIZE] = limit;
}

/**
 * acct(2). @param path  null: accounting ends
 *
 * @returns 0; −EPERM without CAP_SYS_PACCT; −EISDIR; −EACCES not a regular file; −EIO it can't be written; else as
 *   open(2)
 */
export function acct(task: Task, path: string | null): number {
  if (!isCapable(task.credentials, CAP_SYS_PACCT)) return -EPERM;
  const { accounting } = task.kernel;
  if (path === null) {
    accounting.use(null);
    return 0;
  }
  const file = openPath(task, AT_FDCWD, path, O_WRONLY | O_APPEND | O_LARGEFILE, 0);
  if (isErrno(file)) return file;
  const { inode } = file;
  if (inode?.isRegular !== true) {
    file.release();
    return inode?.isDirectory === true ? -EISDIR : -EACCES;
  }
  if (inode.fileSystem.isMadeOnDemand) {
    file.release();
    return -EIO;
  }
  accounting.use(file);
  return 0;
}

function recordOf(kernel: Kernel, task: Task, process: ThreadGroup, status: number): Uint8Array {
  const bytes = new Uint8Array(AcctV3.size);
  const view = new DataView(bytes.buffer);
  const elapsedNs = kernel.now() - process.startNs;
  bytes[AcctV3.offset.ac_flag] =
    (process.hasExecuted ? 0 : AFORK) | ((status & 0x80) !== 0 ? ACORE : 0) | ((status & 0x7f) !== 0 ? AXSIG : 0);
  bytes[AcctV3.offset.ac_version] = VERSION;
  view.setUint16(AcctV3.offset.ac_tty, process.session.terminal?.device ?? 0, true);
  view.setUint32(AcctV3.offset.ac_exitcode, status, true);
  view.setUint32(AcctV3.offset.ac_uid, task.credentials.uid, true);
  view.setUint32(AcctV3.offset.ac_gid, task.credentials.gid, true);
  view.setUint32(AcctV3.offset.ac_pid, process.pid, true);
  view.setUint32(AcctV3.offset.ac_ppid, process.parent?.pid ?? 0, true);
  view.setUint32(AcctV3.offset.ac_btime, Math.floor(kernel.realtime().seconds - elapsedNs / 1e9), true);
  view.setFloat32(AcctV3.offset.ac_etime, Math.floor(elapsedNs / TICK_NS), true);
  view.setUint16(AcctV3.offset.ac_utime, compressed(process.userNs / TICK_NS), true);
  view.setUint16(AcctV3.offset.ac_stime, compressed(process.systemNs / TICK_NS), true);
  view.setUint16(AcctV3.offset.ac_mem, compressed(task.space.mappedBytes / 1024), true);
  view.setUint16(AcctV3.offset.ac_minflt, compressed(process.minorFaults), true);
  view.setUint16(AcctV3.offset.ac_majflt, compressed(process.majorFaults), true);
  for (let at = 0; at < Math.min(ACCT_COMM - 1, task.name.length); at++)
    bytes[AcctV3.offset.ac_comm + at] = task.name.charCodeAt(at);
  return bytes;
}

/** `comp_t`: 13 bits of a number and 3 of its exponent of eight (acct(5)), rounded; the largest for what is more. */
export function compressed(value: number): number {
  let fraction = Math.floor(value),
    exponent = 0,
    rounds = false;
  while (fraction > 0x1fff) {
    rounds = Math.floor(fraction / 4) % 2 === 1;
    fraction = Math.floor(fraction / 8);
    exponent++;
  }
  if (rounds && ++fraction > 0x1fff) {
    fraction >>= 3;
    exponent++;
  }
  return exponent > 7 ? 0xffff : (exponent << 13) | fraction;
}
