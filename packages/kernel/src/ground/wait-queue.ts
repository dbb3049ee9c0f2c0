/**
 * Who waits for what. A blocked task holds no JavaScript stack: its system call registered the task with wait queues
 * (and perhaps a deadline), returned BLOCKED, and is executed again from its start once woken. State that must outlive
 * the wait lives in `task.syscallState`.
 */
import { stateClass } from "@stratos/base";
import type { CallState } from "./call-state.ts";

/** Result of a system call that must wait; a signal handler restarts it when SA_RESTART is set, else EINTR. */
export const BLOCKED = -0x10000;
/** The same, but a signal handler always ends the call with EINTR (poll, nanosleep, sigsuspend …; signal(7)). */
export const BLOCKED_EINTR = -0x10001;
/** What ends the process ends the wait; other signals are delivered when the call is done (the parent of a vfork). */
export const BLOCKED_KILLABLE = -0x10003;
/** A signal handler runs meanwhile, and the call then goes on, whatever SA_RESTART says (Linux's ERESTARTNOINTR). */
export const BLOCKED_RESTART = -0x10004;
/**
 * The call used up its work (ground/call-work.ts) and goes on from `task.syscallState` when the task has its next turn;
 * it waits for nothing.
 */
export const UNFINISHED = -0x10005;
/** The call replaced the registers (execve, rt_sigreturn, exit): a0 is not written and the pc not advanced. */
export const NO_RETURN = -0x10002;

/** Anything that can wait: a task, or an epoll item. */
export interface Waiter {
  /**
   * Called with no queue lock held; may not add to the queue that wakes it.
   * @param events  POLL* bits that may have become true, −1 when the waker doesn't say; edge-triggered watchers look at
   *   them
   * @returns of an exclusive one: true when it has somebody to hand the event to
   */
  wake(queue: WaitQueue, events: number): void | boolean;
  /** Of all exclusive waiters, a wake-up reaches them in turn until one takes it (EPOLLEXCLUSIVE). */
  readonly isExclusive?: boolean;
}

/** FIFO of waiters, each in it once. Bound: the number of tasks and epoll items. */
export class WaitQueue {
  /** A set keeps the order of arrival and lets any of thousands leave at once; most queues never have one. */
  #waiters: Set<Waiter> | null = null;

  add(waiter: Waiter): void {
    (this.#waiters ??= new Set()).add(waiter);
  }

  remove(waiter: Waiter): void {
    this.#waiters?.delete(waiter);
  }

  get isEmpty(): boolean {
    return this.#waiters === null || this.#waiters.size === 0;
  }

  /** In the order of their arrival. */
  get waiters(): Iterable<Waiter> {
    return this.#waiters ?? [];
  }

  wakeAll(events = -1): void {
    if (this.#waiters === null || this.#waiters.size === 0) return;
    // A woken task removes itself from all its queues, so walk a copy.
    let isTaken = false;
    for (const waiter of [...this.#waiters]) {
      if (waiter.isExclusive !== true) waiter.wake(this, events);
      else if (!isTaken) isTaken = waiter.wake(this, events) === true;
    }
  }

  /** Wakes the first `count` waiters; returns how many there were. */
  wake(count: number, events = -1): number {
    const woken: Waiter[] = [];
    for (const waiter of this.#waiters ?? []) {
      if (woken.length >= count) break;
      woken.push(waiter);
    }
    for (const waiter of woken) waiter.wake(this, events);
    return woken.length;
  }

  static {
    stateClass("WaitQueue", this, {
      save: (it) => ({ waiters: it.#waiters }),
      load: (it, from) => ({ waiters: it.#waiters } = from),
    });
  }
}

/** Whose call waits for something that others can do for it: tasks are that. */
export interface ServedCall {
  blockedKind: number;
  endWait(reason: "queue"): void;
}

/**
 * What the call waited for was done for it, and it keeps the result in its state. A signal that has come, or comes
 * before the task runs, is delivered behind that.
 */
export function served(call: ServedCall): void {
  call.blockedKind = BLOCKED;
  call.endWait("queue");
}

/** The system call of a task, as far as it waits: tasks are that. */
export interface WaitingCall {
  /** What the call keeps for its next execution; null at its first. */
  syscallState: CallState | null;
  waitOn(queue: WaitQueue): void;
  /** @param deadlineNs  monotonic */
  waitUntil(deadlineNs: number): void;
}
