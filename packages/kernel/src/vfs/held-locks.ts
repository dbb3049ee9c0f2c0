import type { LOCK_EX, LOCK_SH } from "@stratos/abi";
import { type RangeLock as Range, stateClass } from "@stratos/base";
import type { Identified } from "../ground/identity.ts";
import { WaitQueue, type WaitingCall } from "../ground/wait-queue.ts";

/** Whose a lock is: a table of descriptors (a process) or a description. */
export interface LockOwner extends Identified {
  /** Who waits for a range lock that is to be its own (file-locks.ts). */
  rangeWait: RangeWait | null;
}

/** A task that waits for a range lock, as long as its `syscallState` names whose that is to be. */
interface RangeWait {
  readonly task: Pick<WaitingCall, "syscallState">;
  readonly blocker: LockOwner;
}

/**
 * Advisory locks of an inode: byte ranges of processes (fcntl(2), "owner" is the file table) and of descriptions
 * (F_OFD_*), and flock(2). Bound: RANGES_MAX for each file, RANGES_OF_ALL for all; a lock costs its caller a list walk.
 */
export interface RangeLock extends Range<LockOwner, number | bigint> {
  /** −1 for a lock of a description. */
  readonly pid: number;
  /** Number of the description by which it was set: there /proc/PID/fdinfo tells of it. */
  readonly description: number;
}

/** What keeps a range from being locked (F_GETLK), or of type F_UNLCK: nothing does. */
export type FoundLock = Pick<RangeLock, "type" | "pid" | "start" | "end">;

interface Flock {
  readonly kind: typeof LOCK_SH | typeof LOCK_EX;
  /** Who asked for it. */
  readonly pid: number;
}

/** Where the ranges of all files are counted (VfsState). */
interface RangeCount {
  rangeLocks: number;
}

export class FileLocks {
  /** Changed by `setRanges`. */
  ranges: readonly RangeLock[] = [];
  readonly flocks = new Map<LockOwner, Flock>();
  readonly queue = new WaitQueue();
  readonly count: RangeCount;

  constructor(count: RangeCount) {
    this.count = count;
  }

  setRanges(ranges: readonly RangeLock[]): void {
    this.count.rangeLocks += ranges.length - this.ranges.length;
    this.ranges = ranges;
  }

  get isEmpty(): boolean {
    return this.ranges.length === 0 && this.flocks.size === 0 && this.queue.isEmpty;
  }

  static {
    stateClass("FileLocks", this);
  }
}

/**
 * A description's last reference went: its flock and its ranges go. Or a process closed a descriptor of the file, which
 * drops all range locks of the process (fcntl(2), NOTES).
 */
export function dropLocksOf(owner: LockOwner, inode: { locks: FileLocks | null }): void {
  const { locks } = inode;
  if (locks === null) return;
  const hadFlock = locks.flocks.delete(owner);
  const kept = locks.ranges.filter((lock) => lock.owner !== owner);
  if (!hadFlock && kept.length === locks.ranges.length) return;
  locks.setRanges(kept);
  locks.queue.wakeAll();
  if (locks.isEmpty) inode.locks = null;
}
