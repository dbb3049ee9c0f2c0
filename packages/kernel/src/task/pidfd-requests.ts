/**
 * What ioctl(2) asks a pidfd: descriptors for the namespaces of its process, and a record of what that is
 * (PIDFD_GET_INFO). Source: Linux fs/pidfs.c.
 */
import {
  EACCES,
  EFAULT,
  EINVAL,
  ENOTTY,
  EREMOTE,
  ESRCH,
  PAGE_SIZE,
  PIDFD_COREDUMP_ROOT,
  PIDFD_COREDUMP_SKIP,
  PIDFD_COREDUMP_USER,
  PIDFD_GET_CGROUP_NAMESPACE,
  PIDFD_GET_INFO,
  PIDFD_GET_IPC_NAMESPACE,
  PIDFD_GET_MNT_NAMESPACE,
  PIDFD_GET_NET_NAMESPACE,
  PIDFD_GET_PID_FOR_CHILDREN_NAMESPACE,
  PIDFD_GET_PID_NAMESPACE,
  PIDFD_GET_TIME_FOR_CHILDREN_NAMESPACE,
  PIDFD_GET_TIME_NAMESPACE,
  PIDFD_GET_USER_NAMESPACE,
  PIDFD_GET_UTS_NAMESPACE,
  PIDFD_INFO_CGROUPID,
  PIDFD_INFO_COREDUMP,
  PIDFD_INFO_CREDS,
  PIDFD_INFO_EXIT,
  PIDFD_INFO_PID,
  PIDFD_INFO_SIZE_VER0,
  PidfdInfo,
} from "@stratos/abi";
import { IOC_SIZE_MASK, sizeOfRequest } from "../ground/request-number.ts";
import { put64 } from "../ground/words.ts";
import type { Namespace } from "../security/namespace.ts";
import { namespaceOf, openNamespace } from "./namespace-of.ts";
import { isReaped, mayInspect, parentIdOf } from "./task-access.ts";
import type { Task } from "./task.ts";

const NAMESPACES: Readonly<Record<number, (target: Task) => Namespace>> = {
  [PIDFD_GET_CGROUP_NAMESPACE]: (target) => namespaceOf(target, "cgroup"),
  [PIDFD_GET_IPC_NAMESPACE]: (target) => namespaceOf(target, "ipc"),
  [PIDFD_GET_MNT_NAMESPACE]: (target) => namespaceOf(target, "mnt"),
  [PIDFD_GET_NET_NAMESPACE]: (target) => namespaceOf(target, "net"),
  [PIDFD_GET_PID_NAMESPACE]: (target) => namespaceOf(target, "pid"),
  [PIDFD_GET_PID_FOR_CHILDREN_NAMESPACE]: ({ namespaces }) => namespaces.pidForChildren,
  [PIDFD_GET_TIME_NAMESPACE]: (target) => namespaceOf(target, "time"),
  [PIDFD_GET_TIME_FOR_CHILDREN_NAMESPACE]: ({ namespaces }) => namespaces.timeForChildren,
  [PIDFD_GET_USER_NAMESPACE]: (target) => namespaceOf(target, "user"),
  [PIDFD_GET_UTS_NAMESPACE]: (target) => namespaceOf(target, "uts"),
};

/** By what prctl(PR_GET_DUMPABLE) tells. */
const COREDUMPS = [PIDFD_COREDUMP_SKIP, PIDFD_COREDUMP_USER, PIDFD_COREDUMP_ROOT];

/**
 * @param target  the thread that is meant, whatever became of it
 * @returns a descriptor, or 0; −EACCES no right to look into it; −EFAULT; −EINVAL; −ENOTTY no such request; −EREMOTE it
 *   is of another pid namespace; −ESRCH it has ended, or ended where the caller never saw it
 */
export function pidfdRequest(task: Task, target: Task, command: number, argument: number): number {
  const request = command >>> 0;
  if ((request & ~IOC_SIZE_MASK) >>> 0 === (PIDFD_GET_INFO & ~IOC_SIZE_MASK) >>> 0)
    return tellInfo(task, target, sizeOfRequest(request), argument);
  const namespace = NAMESPACES[request];
  if (namespace === undefined) return -ENOTTY;
  if (isReaped(target)) return -ESRCH;
  if (argument !== 0) return -EINVAL;
  if (target.state === "Z" || target.state === "X") return -ESRCH;
  return mayInspect(task, target, "fs") < 0 ? -EACCES : openNamespace(task, namespace(target));
}

/** PIDFD_GET_INFO: callers know less or more of the record than we do. @param size  in bytes, of theirs */
function tellInfo(task: Task, target: Task, size: number, address: number): number {
  if (size < PIDFD_INFO_SIZE_VER0) return -ENOTTY;
  if (address === 0) return -EINVAL;
  const asked = task.space.loadU32(address + PidfdInfo.offset.mask);
  if (asked < 0) return -EFAULT;
  const { kernel, group } = target;
  const { pidNamespace } = task.group;
  if (!isReaped(target) && pidNamespace.idOf(group.pid) === 0) return -EREMOTE;
  const wantsExit = (asked & PIDFD_INFO_EXIT) !== 0,
    wantsCore = (asked & PIDFD_INFO_COREDUMP) !== 0;
  const isGone = isReaped(target);
  const { u8, view } = kernel.scratch;
  const { offset } = PidfdInfo;
  u8.fill(0);
  let mask = wantsCore ? PIDFD_INFO_COREDUMP : 0;
  if (isGone) {
    // It has no number anywhere by now, but is known where it lived and above.
    if (!wantsExit || !group.pidNamespace.isWithin(pidNamespace)) return -ESRCH;
    mask |= PIDFD_INFO_EXIT;
    view.setInt32(offset.exit_code, group.exitStatus ?? 0, true);
  } else {
    mask |= PIDFD_INFO_PID | PIDFD_INFO_CREDS;
    view.setUint32(offset.pid, pidNamespace.idOf(target.tid), true);
    view.setUint32(offset.tgid, pidNamespace.idOf(group.pid), true);
    view.setUint32(offset.ppid, parentIdOf(group, pidNamespace), true);
    putIdentity(task, target, view);
    if (wantsCore && target.state !== "Z" && target.state !== "X")
      view.setUint32(offset.coredump_mask, COREDUMPS[group.dumpable]!, true);
  }
  // Nobody can name a group before its tree was mounted.
  const { watcher } = kernel.controlGroups;
  if (watcher !== null) {
    mask |= PIDFD_INFO_CGROUPID;
    put64(view, offset.cgroupid, watcher.inoOf(target.controlGroup));
  }
  put64(view, offset.mask, mask);
  const known = Math.min(size, PidfdInfo.size);
  if (task.space.copyOut(address, u8, 0, known) < 0) return -EFAULT;
  // What they know and we don't is zero.
  u8.fill(0, 0, PidfdInfo.size);
  for (let at = known; at < size; at += PAGE_SIZE)
    if (task.space.copyOut(address + at, u8, 0, Math.min(PAGE_SIZE, size - at)) < 0) return -EFAULT;
  return 0;
}

function putIdentity(task: Task, target: Task, view: DataView): void {
  const { uids, gids } = task.credentials.userNamespace;
  const { uid, gid, euid, egid, suid, sgid, fsuid, fsgid } = target.credentials;
  const { offset } = PidfdInfo;
  for (const [at, id] of [
    [offset.ruid, uids.shown(uid)],
    [offset.rgid, gids.shown(gid)],
    [offset.euid, uids.shown(euid)],
    [offset.egid, gids.shown(egid)],
    [offset.suid, uids.shown(suid)],
    [offset.sgid, gids.shown(sgid)],
    [offset.fsuid, uids.shown(fsuid)],
    [offset.fsgid, gids.shown(fsgid)],
  ] as const)
    view.setUint32(at, id, true);
}
