import {
  CLD_CONTINUED,
  CLD_DUMPED,
  CLD_EXITED,
  CLD_KILLED,
  CLD_STOPPED,
  CLD_TRAPPED,
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
import { acknowledgeEnd, reap } from "./exit.ts";
import type { Task } from "./task.ts";
import type { ThreadGroup } from "./thread-group.ts";
import type { ProcessGroup } from "../signal/session.ts";
import type { Tracees } from "./tracing.ts";
import { BLOCKED } from "../ground/wait-queue.ts";

/** A child process, or a thread that the caller traces. */
export interface WaitTarget {
  readonly pid: number;
  readonly group: ProcessGroup;
}

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
  select: (child: WaitTarget) => boolean,
  options: number,
): ChildEvent | null | number {
  const { group, kernel } = task;
  const { pidNamespace } = group;
  let any = false;
  for (const tracer of group.tasks) {
    if (tracer.tracees === null || ((options & __WNOTHREAD) !== 0 && tracer !== task)) continue;
    const event = traceeEvent(tracer.tracees, select, options);
    if (event === NOTHING_YET) any = true;
    else if (event !== null) return { ...event, pid: pidNamespace.idOf(event.pid) };
  }
  for (const child of group.children) {
    if (!select(child)) continue;
    if ((options & __WNOTHREAD) !== 0 && child.parentThread !== task) continue;
    // Children made by clone without SIGCHLD need __WALL or __WCLONE; whoever traced its child needs neither.
    const isClone = child.exitSignal !== SIGCHLD;
    if ((options & __WALL) === 0 && !child.endedTraced && isClone !== ((options & __WCLONE) !== 0)) continue;
    const uid = child.leader.credentials.uid;
    if (child.isZombie && child.awaitsTracer) {
      any = true;
      continue;
    }
    if (child.isZombie) {
      // Nothing but its end can still come of it (kernel/exit.c, wait_task_zombie).
      if ((options & WEXITED) === 0) continue;
      const status = child.exitStatus!;
      const event = {
        pid: pidNamespace.idOf(child.pid),
        uid,
        status,
        process: child,
        code: endCode(status),
        value: endValue(status),
      };
      if ((options & WNOWAIT) === 0) reap(kernel, child);
      return event;
    }
    any = true;
    const isTracedHere = child.leader.tracing?.tracer.group === child.parent;
    if (child.unreportedStop !== 0 && !isTracedHere && (options & WUNTRACED) !== 0) {
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

const NOTHING_YET = 0;

/** @returns what a tracee has to tell; NOTHING_YET; null when none was asked for. How it was born doesn't matter. */
function traceeEvent(
  { live, ended }: Tracees,
  select: (child: WaitTarget) => boolean,
  options: number,
): ChildEvent | 0 | null {
  const eventOf = ({ tid, group, credentials }: Task, status: number, code: number, value: number): ChildEvent => {
    return { pid: tid, uid: credentials.uid, status, code, value, process: group };
  };
  let any = false;
  for (const [index, { tid, status, task }] of ended.entries()) {
    if (!select({ pid: tid, group: task.group.group })) continue;
    // As above.
    if ((options & WEXITED) === 0) continue;
    if ((options & WNOWAIT) === 0) {
      ended.splice(index, 1);
      if (task === task.group.leader) acknowledgeEnd(task.kernel, task.group);
    }
    return { ...eventOf(task, status, endCode(status), endValue(status)), pid: tid };
  }
  for (const tracee of live) {
    if (!select({ pid: tracee.tid, group: tracee.group.group })) continue;
    any = true;
    const { stop, isReported } = tracee.tracing!;
    if (tracee.state !== "t" || isReported) continue;
    if ((options & WNOWAIT) === 0) tracee.tracing!.isReported = true;
    return eventOf(tracee, (stop!.code << 8) | 0x7f, CLD_TRAPPED, stop!.code);
  }
  return any ? NOTHING_YET : null;
}

function endCode(status: number): number {
  return (status & 0x7f) === 0 ? CLD_EXITED : (status & 0x80) !== 0 ? CLD_DUMPED : CLD_KILLED;
}

function endValue(status: number): number {
  const signal = status & 0x7f;
  return signal === 0 ? (status >> 8) & 0xff : signal;
}
