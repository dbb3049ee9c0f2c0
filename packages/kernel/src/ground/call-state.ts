/**
 * What a system call keeps for its next execution (`task.syscallState`): a record that says by `kind` whose it is. All
 * of them stand here, and hold numbers, words and lists of such: an object of the kernel is named by its number
 * (ground/identity.ts) or key, or is found where the task has it. So a blocked call is saved, loaded and forked as it
 * stands, and what its record names may have gone meanwhile: who reads one looks whether it is still there.
 */

/** argv or envp of execve(2), as far as it has been read: a call with very many of them goes on in pieces. */
export interface ReadStrings {
  readonly strings: string[];
  bytes: number;
  isWhole: boolean;
}

/**
 * Of a union of records, those that are plain data: one that holds an object with methods is none, so that nobody can
 * store it.
 */
export type Plain<Record> = Record extends unknown ? (false extends IsPlain<Record> ? never : Record) : never;

type IsPlain<T> = T extends string | number | bigint | boolean
  ? true
  : T extends readonly (infer Element)[]
    ? IsPlain<Element>
    : T extends (...args: never[]) => unknown
      ? false
      : T extends object
        ? false extends { [Key in keyof T]: IsPlain<T[Key]> }[keyof T]
          ? false
          : true
        : false;

export type CallState = Plain<
  /** Bytes that a transfer has moved; or pages that a sync has yet to write. */
  | { readonly kind: "count"; readonly count: number }
  /** Bytes that a transfer has moved which no signal's handler ends. */
  | { readonly kind: "whole"; readonly count: number }
  /**
   * A write to a file that is stored at once (O_DSYNC): pages of it, or of one that goes with it, that are to be stored
   * before (drainBeforeSync), and bytes that it has moved.
   */
  | { readonly kind: "drain"; readonly left: number; readonly moved: number }
  /**
   * io_submit(2): requests that were taken, bytes that the next one has moved, and pages that it stores before (as
   * above; −1: not begun).
   */
  | { readonly kind: "submit"; readonly taken: number; readonly moved: number; readonly left: number }
  /**
   * io_uring_enter(2): requests that were submitted; once it waits, for so many results, until when, from when on one
   * is enough, and how many timeouts had gone off when it began.
   */
  | {
      readonly kind: "uring";
      readonly submitted: number;
      readonly isWaiting: boolean;
      readonly least: number;
      readonly deadlineNs: number;
      readonly soonestNs: number;
      readonly timeouts: number;
    }
  /** Up to where a walk over a range of addresses has come. */
  | { readonly kind: "range"; readonly at: number }
  /** When poll, select, epoll_wait, nanosleep … give up: monotonic, Infinity for never. */
  | { readonly kind: "deadline"; readonly deadlineNs: number }
  /** clock_nanosleep(2) to a time of CLOCK_REALTIME, which may be set meanwhile. */
  | { readonly kind: "wall-time"; readonly seconds: number; readonly nanoseconds: number }
  /** clock_nanosleep(2) by a CPU clock: when that has come to it. */
  | { readonly kind: "cpu-time"; readonly deadlineNs: number }
  | { readonly kind: "sigsuspend" }
  /** request_key(2): serial number of the key that is being made. */
  | { readonly kind: "key"; readonly serial: number }
  /** The child that a parent of vfork(2) waits for, and its number in the parent's namespace. */
  | { readonly kind: "vfork"; readonly child: number; readonly tid: number }
  | { readonly kind: "exec"; readonly argv: ReadStrings; readonly environment: ReadStrings }
  /** fork(2): up to where `space.forkCopy` is made. */
  | { readonly kind: "fork"; readonly at: number }
  /** mmap(2) has mapped its area and is faulting pages in from `at` on. */
  | { readonly kind: "populate"; readonly address: number; readonly end: number; readonly at: number }
  /** mremap(2): pages up to `at` are at their new place. */
  | {
      readonly kind: "mremap";
      readonly address: number;
      readonly end: number;
      readonly target: number;
      readonly keepOld: boolean;
      readonly at: number;
    }
  /** msync(2): of the area at `at` so many dirty pages are still to be written (−1: it has not been looked at). */
  | { readonly kind: "msync"; readonly at: number; readonly left: number }
  /** A walk over all mappings of a file that becomes shorter: numbers of its cache and of the space that it is in. */
  | { readonly kind: "cut"; readonly pages: number; readonly space: number; readonly at: number }
  /**
   * Pages of the inode at the head of the dirty ones (−1: not looked at yet), and inodes, that are still to be written.
   */
  | { readonly kind: "write-back"; readonly pages: number; readonly inodes: number; readonly failure: number }
  /**
   * A transfer by a socket: bytes of the current message that were moved before the wait; when SO_RCVTIMEO, SO_SNDTIMEO
   * or the timeout of recvmmsg ends it (Infinity: never); messages that sendmmsg or recvmmsg has finished.
   */
  | { readonly kind: "socket"; transferred: number; deadlineNs: number; messages: number }
  /** A read with VTIME: how much it had seen, and until when it waits for more. */
  | { readonly kind: "timed-read"; readonly seen: number; readonly deadlineNs: number }
  /** FUTEX_WAIT: the word's identity (a requeue changes it). */
  | { readonly kind: "futex"; key: string; readonly bitset: number; isWoken: boolean; readonly deadlineNs: number }
  /** futex_waitv(2): the words' identities, and the first of them that was woken (−1: none yet). */
  | { readonly kind: "futexes"; readonly keys: string[]; woken: number; readonly deadlineNs: number }
  /** FUTEX_LOCK_PI: the word as the waiter has it mapped, and whether it was given to him. */
  | {
      readonly kind: "pi-futex";
      readonly key: string;
      readonly address: number;
      isOwner: boolean;
      readonly deadlineNs: number;
    }
  /** FUTEX_WAIT_REQUEUE_PI, until it is moved: the mutex as the waiter has it mapped, and its identity. */
  | {
      readonly kind: "requeue-pi";
      readonly key: string;
      readonly mutex: number;
      readonly mutexKey: string;
      readonly deadlineNs: number;
    }
  /** open(2) of a fifo that waits for the other side: number of its pipe. */
  | { readonly kind: "fifo"; readonly pipe: number }
  /** flock(2): what is wanted (LOCK_SH or LOCK_EX), and who asks. */
  | { readonly kind: "flock"; readonly type: number; readonly pid: number }
  /** F_SETLKW: number of who is to have the lock, a table of descriptors or a description; the lock (RangeLock). */
  | {
      readonly kind: "range-lock";
      readonly owner: number;
      readonly type: number;
      readonly pid: number;
      readonly start: number | bigint;
      readonly end: number | bigint;
    }
  /**
   * semop(2): number of the set, what is to be done, which of that must wait, and for what value of its semaphore; once
   * it is done, its result.
   */
  | {
      readonly kind: "semop";
      readonly set: number;
      readonly operations: readonly { readonly index: number; readonly change: number; readonly flags: number }[];
      blockedBy: number;
      blockedAt: number;
      readonly deadlineNs: number;
      isDone: boolean;
      result: number;
    }
  /** msgsnd(2): number of the queue. */
  | { readonly kind: "msg"; readonly queue: number }
  /** msgrcv(2): number of the queue, and what is wanted; once it was given, the result. */
  | {
      readonly kind: "msgrcv";
      readonly queue: number;
      readonly address: number;
      readonly size: number;
      readonly type: number;
      readonly flags: number;
      isDone: boolean;
      result: number;
    }
  /** mq_send(3) and mq_receive(3): the buffer, the priority or where it is wanted; once it is done, the result. */
  | {
      readonly kind: "mq";
      readonly address: number;
      readonly length: number;
      readonly priority: number;
      readonly deadlineNs: number;
      isDone: boolean;
      result: number;
    }
>;

/** The record of one kind. */
export type StateOf<Kind extends CallState["kind"]> = Extract<CallState, { readonly kind: Kind }>;

/** What the executions before this one have left, if it is of that kind; null at the first. */
export function stateOf<Kind extends CallState["kind"]>(
  { syscallState }: { readonly syscallState: CallState | null },
  kind: Kind,
): StateOf<Kind> | null {
  return syscallState !== null && syscallState.kind === kind ? (syscallState as StateOf<Kind>) : null;
}
