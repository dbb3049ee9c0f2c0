import { isCapable } from "../security/credentials.ts";
import { CAP_LEASE, EACCES, EAGAIN, EINVAL, F_OWNER_PID, F_RDLCK, F_UNLCK, F_WRLCK, POLL_MSG } from "@stratos/abi";
import { setFirstOwner } from "./file-owner.ts";
import { sendIoSignal } from "./io-signal.ts";
import { BLOCKED } from "../ground/wait-queue.ts";
import { FileLeases, NOT_BREAKING } from "./held-leases.ts";
import type { Inode } from "./inode.ts";
import type { OpenFile } from "./open-file.ts";
import type { Caller } from "./vfs-kernel.ts";
import { shownOn } from "./mount.ts";

/** fcntl(F_GETLEASE): what the description holds, or will hold when a break has ended. */
export function leaseOf(file: OpenFile): number {
  const lease = file.inode?.leases?.held.find((held) => held.file === file);
  if (lease === undefined) return F_UNLCK;
  return lease.breakingTo === NOT_BREAKING ? lease.type : lease.breakingTo;
}

/** fcntl(F_SETLEASE). @returns 0; −EACCES, −EAGAIN, −EINVAL */
export function setLease(task: Caller, file: OpenFile, fd: number, type: number): number {
  const { inode } = file;
  if (inode === null || !inode.isRegular || (type !== F_RDLCK && type !== F_WRLCK && type !== F_UNLCK)) return -EINVAL;
  const shown = shownOn(file.path?.mount ?? null, inode);
  if (task.credentials.fsuid !== shown.uid && !isCapable(task.credentials, CAP_LEASE)) return -EACCES;
  const own = inode.leases?.held.find((held) => held.file === file);
  if (type === F_UNLCK) {
    if (own === undefined) return -EAGAIN;
    dropLease(inode, file);
    return 0;
  }
  if (!task.kernel.vfs.hasLeases) return -EINVAL;
  const others = inode.leases?.held.filter((held) => held.file !== file) ?? [];
  // What has to be given up whole isn't kept in another form.
  if (own?.breakingTo === F_UNLCK) return -EAGAIN;
  if (type === F_RDLCK && (inode.writers > 0 || others.some((held) => held.type === F_WRLCK))) return -EAGAIN;
  // A memfd that may be written and is no writer has none but itself, and yet is refused (fs/locks.c).
  const isOnly = inode.descriptions === 1 && inode.writers === (file.isWritable ? 1 : 0);
  if (type === F_WRLCK && (!isOnly || others.length > 0)) return -EAGAIN;
  const leases = (inode.leases ??= new FileLeases<OpenFile>());
  if (own === undefined) leases.held.push({ file, fd, pid: task.pid, type, breakingTo: NOT_BREAKING, deadlineNs: 0 });
  else {
    own.type = type;
    own.breakingTo = NOT_BREAKING;
    leases.queue.wakeAll();
  }
  setFirstOwner(task, file);
  return 0;
}

/** A description is gone, or gives its lease up. */
export function dropLease(inode: Inode, file: OpenFile): void {
  const { leases } = inode;
  if (leases === null || !leases.held.some((held) => held.file === file)) return;
  leases.held = leases.held.filter((held) => held.file !== file);
  // Nobody is told of the file any more (Linux fs/locks.c, lease_modify).
  file.owner = 0;
  file.ownerType = F_OWNER_PID;
  file.ioSignal = 0;
  leases.queue.wakeAll();
  if (leases.held.length === 0) inode.leases = null;
}

/**
 * Asks holders of conflicting leases to give way, before a file is opened or truncated (fcntl(2), Leases).
 * @returns 0 when nothing is in the way (any more); −EAGAIN when the caller doesn't wait; BLOCKED
 */
export function breakLeases(task: Caller, inode: Inode, forWriting: boolean, mayWait: boolean): number {
  const { leases } = inode;
  if (leases === null) return 0;
  const now = task.kernel.now();
  const rest = forWriting ? F_UNLCK : F_RDLCK;
  let until = Infinity;
  for (const lease of [...leases.held]) {
    if (!forWriting && lease.type === F_RDLCK) continue;
    if (lease.breakingTo === NOT_BREAKING || (forWriting && lease.breakingTo === F_RDLCK)) {
      if (lease.breakingTo === NOT_BREAKING) lease.deadlineNs = now + task.kernel.vfs.leaseBreakSeconds * 1e9;
      lease.breakingTo = rest;
      sendIoSignal(task.kernel, lease.file, lease.fd, POLL_MSG);
    } else if (now >= lease.deadlineNs) {
      if (lease.breakingTo === F_UNLCK) dropLease(inode, lease.file);
      else {
        lease.type = lease.breakingTo;
        lease.breakingTo = NOT_BREAKING;
      }
      continue;
    }
    until = Math.min(until, lease.deadlineNs);
  }
  if (until === Infinity) return 0;
  if (!mayWait) return -EAGAIN;
  task.waitOn(leases.queue);
  task.waitUntil(until);
  return BLOCKED;
}
