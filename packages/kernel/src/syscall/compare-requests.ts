/** kcmp(2): do two processes share something? */
import {
  EBADF,
  EFAULT,
  EINVAL,
  EPERM,
  ESRCH,
  KCMP_EPOLL_TFD,
  KCMP_FILE,
  KCMP_FILES,
  KCMP_FS,
  KCMP_IO,
  KCMP_SIGHAND,
  KCMP_SYSVSEM,
  KCMP_VM,
  KcmpEpollSlot,
  isErrno,
} from "@stratos/abi";
import { EpollFile } from "../event/epoll.ts";
import { mayInspect } from "../task/task-access.ts";
import type { Task } from "../task/task.ts";
import type { OpenFile } from "../vfs/open-file.ts";
import { type Identified, identityOf } from "../ground/identity.ts";

/** @returns null: the task has none */
function thingOf(task: Task, kind: number, fd: number): Identified | null | number {
  switch (kind) {
    case KCMP_FILE:
      return task.files.get(fd) ?? -EBADF;
    case KCMP_VM:
      return task.space;
    case KCMP_FILES:
      return task.files;
    case KCMP_FS:
      return task.fs;
    case KCMP_SIGHAND:
      return task.group.actions;
    case KCMP_IO:
      return task.io;
    case KCMP_SYSVSEM:
      return task.semaphoreUndo.isMade ? task.semaphoreUndo : null;
    default:
      return -EINVAL;
  }
}

/**
 * What an epoll file watches: the descriptor of it, the one that was watched, and which of several descriptions that
 * were watched by it (`struct kcmp_epoll_slot`). −EBADF, −EFAULT, −EINVAL no epoll file, −ENOENT.
 */
function watchedBy(caller: Task, task: Task, slot: number): OpenFile | number {
  const bytes = new Uint8Array(KcmpEpollSlot.size);
  if (caller.space.copyIn(slot, bytes, 0, bytes.length) < 0) return -EFAULT;
  const { efd, tfd, toff } = KcmpEpollSlot.offset;
  const view = new DataView(bytes.buffer);
  const epoll = task.files.get(view.getUint32(efd, true));
  if (epoll === undefined) return -EBADF;
  if (!(epoll instanceof EpollFile)) return -EINVAL;
  return epoll.fileAt(view.getUint32(tfd, true), view.getUint32(toff, true));
}

/** 0 equal, 1 less, 2 greater; −EBADF, −EINVAL, −EPERM, −ESRCH. */
export function compare(task: Task, pid1: number, pid2: number, kind: number, index1: number, index2: number): number {
  const { tasks } = task.kernel;
  const { pidNamespace } = task.group;
  const one = tasks.taskIn(pidNamespace, pid1 | 0);
  const two = tasks.taskIn(pidNamespace, pid2 | 0);
  if (one === undefined || two === undefined) return -ESRCH;
  if (mayInspect(task, one, "real") < 0 || mayInspect(task, two, "real") < 0) return -EPERM;
  const watches = (kind | 0) === KCMP_EPOLL_TFD;
  const first = thingOf(one, watches ? KCMP_FILE : kind | 0, index1);
  if (isErrno(first)) return first;
  const second = watches ? watchedBy(task, two, index2) : thingOf(two, kind | 0, index2);
  if (isErrno(second)) return second;
  const numberOf = (thing: Identified | null): number => (thing === null ? 0 : identityOf(task.kernel, thing));
  const order = numberOf(first) - numberOf(second);
  return order === 0 ? 0 : order < 0 ? 1 : 2;
}
