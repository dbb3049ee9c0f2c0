import {
  CLD_CONTINUED,
  CLD_DUMPED,
  CLD_EXITED,
  CLD_KILLED,
  CLD_STOPPED,
  ECHILD,
  SIGCHLD,
  SIGCONT,
  WCONTINUED,
  WEXITED,
  WNOHANG,
  WNOWAIT,
  WUNTRACED,
  __WALL,
  __WCLONE,
  __WNOTHREAD,
} from "@stratos/abi";
import { reap } from "./exit.ts";
import type { Task } from "./task.ts";
import type { ThreadGroup } from "./thread-group.ts";
import { BLOCKED } from "../ground/wait-queue.ts";

/** A child whose state changed. `status` is the wait status word. */
export interface ChildEvent {
  pid: number;
  uid: number;
  status: number;
  code: number;
  value: number;
  process: ThreadGroup;
}

/**
 * Finds a child that matches and has something to report.
 *
 * @param select  which children
 * @returns the event; null when WNOHANG and nothing happened; ECHILD; or BLOCKED
 */
export function waitForChild(
  task: Task,
  select: (child: ThreadGroup) => boolean,
  options: number,
): ChildEvent | null | number {
  const { group, kernel } = task;
  const { pidNamespace } = group;
  let any = false;
  for (const child of group.children) {
    if (!select(child)) continue;
    if ((options & __WNOTHREAD) !== 0 && child.parentThread !== task) continue;
    // Children made by clone without SIGCHLD need __WALL or __WCLONE.
    const isClone = child.exitSignal !== SIGCHLD;
    if ((options & __WALL) === 0 && isClone !== ((options & __WCLONE) !== 0)) continue;
    any = true;
    const uid = child.leader.credentials.uid;
    if (child.isZombie && (options & WEXITED) !== 0) {
      const status = child.exitStatus!;
      const signal = status & 0x7f;
      const event = {
        pid: pidNamespace.idOf(child.pid),
        uid,
        status,
        process: child,
        code: signal === 0 ? CLD_EXITED : (status & 0x80) !== 0 ? CLD_DUMPED : CLD_KILLED,
        value: signal === 0 ? (status >> 8) & 0xff : signal,
      };
      if ((options & WNOWAIT) === 0) reap(kernel, child);
      return event;
    }
    if (child.unreportedStop !== 0 && (options & WUNTRACED) !== 0) {
      const signal = child.unreportedStop;
      if ((options & WNOWAIT) === 0) child.unreportedStop = 0;
      const pid = pidNamespace.idOf(child.pid);
      return { pid, uid, status: (signal << 8) | 0x7f, code: CLD_STOPPED, value: signal, process: child };
    }
    if (child.unreportedContinue && (options & WCONTINUED) !== 0) {
      if ((options & WNOWAIT) === 0) child.unreportedContinue = false;
      const pid = pidNamespace.idOf(child.pid);
      return { pid, uid, status: 0xffff, code: CLD_CONTINUED, value: SIGCONT, process: child };
    }
  }
  if (!any) return -ECHILD;
  if ((options & WNOHANG) !== 0) return null;
  task.waitOn(group.childrenQueue);
  return BLOCKED;
}
