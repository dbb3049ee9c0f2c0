/**
 * Advisory locks on the files of a subvolume, for programs that embed the engine: byte ranges (fcntl(2), of processes
 * and of open file descriptions) and whole files (flock(2)); the rules are `advisory-locks.ts` of base, which the
 * kernel goes by as well. The two kinds do not see each other, as on Linux.
 *
 * Nothing here waits. Who wants to is queued and told when the lock is its own; requests of one file are granted in the
 * order in which they came, where they can be. They live in memory alone: a mount begins without any.
 *
 * Bound: what callers hold and wait for; each call walks the list of one file.
 */
import { EAGAIN, EDEADLK, EINVAL } from "@stratos/abi";
import { addOffsets, type FileOffset } from "../file/file-offset.ts";
import { FILE_SIZE_MAX } from "../format/geometry.ts";
import {
  conflictingRange,
  conflictingRanges,
  LOCK_EXCLUSIVE,
  LOCK_NONE,
  LOCK_SHARED,
  replaceRange,
  waitsFor,
  type RangeLock,
} from "@stratos/base";

/** Who holds locks: a process, or an open file description. */
export interface LockOwner {
  /**
   * Those who wait for it must not be waited for by it: of processes; descriptions wait for ever, as on Linux
   * (fcntl(2), "Open file description locks").
   */
  readonly detectsDeadlock: boolean;
}

export interface LockRequest {
  readonly owner: LockOwner;
  /** LOCK_SHARED, LOCK_EXCLUSIVE, or LOCK_NONE to unlock. */
  readonly type: number;
  readonly start: FileOffset;
  /** Bytes; 0: to the end, however far the file grows. */
  readonly length: FileOffset;
}

export type FileRangeLock = RangeLock<LockOwner, FileOffset>;

interface Waiting {
  readonly lock: FileRangeLock;
  readonly onGranted: () => void;
}
interface WaitingWhole {
  readonly owner: LockOwner;
  readonly type: number;
  readonly onGranted: () => void;
}

class LocksOfFile {
  ranges: FileRangeLock[] = [];
  readonly whole = new Map<LockOwner, number>();
  waiting: Waiting[] = [];
  waitingWhole: WaitingWhole[] = [];

  get isEmpty(): boolean {
    return (
      this.ranges.length === 0 && this.whole.size === 0 && this.waiting.length === 0 && this.waitingWhole.length === 0
    );
  }
}

export class FileLocks {
  readonly #files = new Map<number, LocksOfFile>();

  /**
   * Sets, changes or clears the owner's lock on a range.
   *
   * @param onGranted  called once, later, when the lock could not be set at once and is then; without it nobody waits
   * @returns 0; 1 when it is queued; −EAGAIN on a conflict; −EDEADLK when waiting would close a circle; −EINVAL
   */
  setRange(ino: number, request: LockRequest, onGranted: (() => void) | null = null): number {
    const lock = rangeOf(request);
    if (lock === null) return -EINVAL;
    const file = this.#fileOf(ino);
    const conflict = lock.type === LOCK_NONE ? null : conflictingRange(file.ranges, lock);
    if (conflict === null) {
      file.ranges = replaceRange(file.ranges, lock);
      this.#grant(ino, file);
      return 0;
    }
    if (onGranted === null) return -EAGAIN;
    if (
      lock.owner.detectsDeadlock &&
      conflictingRanges(file.ranges, lock).some(({ owner }) =>
        waitsFor(owner, lock.owner, (from) => this.#blockersOf(from)),
      )
    )
      return -EDEADLK;
    file.waiting.push({ lock, onGranted });
    return 1;
  }

  /** F_GETLK: the lock that stands in the way of the one that is asked for; null when nothing does. −EINVAL. */
  conflict(ino: number, request: LockRequest): FileRangeLock | null | number {
    const lock = rangeOf(request);
    if (lock === null || lock.type === LOCK_NONE) return -EINVAL;
    return conflictingRange(this.#files.get(ino)?.ranges ?? [], lock);
  }

  /** flock(2), with the same results. Changing the type is not atomic: the old lock goes first. */
  setWhole(ino: number, owner: LockOwner, type: number, onGranted: (() => void) | null = null): number {
    if (type < LOCK_SHARED || type > LOCK_NONE) return -EINVAL;
    const file = this.#fileOf(ino);
    if (file.whole.get(owner) === type) return 0;
    if (file.whole.delete(owner)) this.#grant(ino, file);
    if (type === LOCK_NONE) {
      this.#forgetWhenEmpty(ino, file);
      return 0;
    }
    // The other one may have gone with the grants.
    const now = this.#fileOf(ino);
    if (canHold(now, type)) {
      now.whole.set(owner, type);
      return 0;
    }
    if (onGranted === null) {
      this.#forgetWhenEmpty(ino, now);
      return -EAGAIN;
    }
    now.waitingWhole.push({ owner, type, onGranted });
    return 1;
  }

  /** Who waits does so no longer. */
  cancel(ino: number, owner: LockOwner): void {
    const file = this.#files.get(ino);
    if (file === undefined) return;
    file.waiting = file.waiting.filter(({ lock }) => lock.owner !== owner);
    file.waitingWhole = file.waitingWhole.filter((waiting) => waiting.owner !== owner);
    this.#forgetWhenEmpty(ino, file);
  }

  /**
   * The owner's locks on a file go, and what it waits for: a description is closed, or a process closes any descriptor
   * of the file (fcntl(2)).
   */
  release(ino: number, owner: LockOwner): void {
    this.cancel(ino, owner);
    const file = this.#files.get(ino);
    if (file === undefined) return;
    file.ranges = file.ranges.filter((lock) => lock.owner !== owner);
    file.whole.delete(owner);
    this.#grant(ino, file);
  }

  /** For whom an owner waits, for ranges of any file. */
  #blockersOf(owner: LockOwner): LockOwner[] {
    const blockers: LockOwner[] = [];
    for (const { ranges, waiting } of this.#files.values()) {
      for (const { lock } of waiting)
        if (lock.owner === owner) blockers.push(...conflictingRanges(ranges, lock).map((held) => held.owner));
    }
    return blockers;
  }

  #fileOf(ino: number): LocksOfFile {
    let file = this.#files.get(ino);
    if (file === undefined) this.#files.set(ino, (file = new LocksOfFile()));
    return file;
  }

  #forgetWhenEmpty(ino: number, file: LocksOfFile): void {
    if (file.isEmpty) this.#files.delete(ino);
  }

  /** Gives locks to those who wait, in their order, as far as they can have them. */
  #grant(ino: number, file: LocksOfFile): void {
    const granted: (() => void)[] = [];
    for (const waiting of [...file.waiting]) {
      const conflict = conflictingRange(file.ranges, waiting.lock);
      if (conflict !== null) continue;
      file.ranges = replaceRange(file.ranges, waiting.lock);
      file.waiting.splice(file.waiting.indexOf(waiting), 1);
      granted.push(waiting.onGranted);
    }
    for (const waiting of [...file.waitingWhole]) {
      if (!canHold(file, waiting.type)) continue;
      file.whole.set(waiting.owner, waiting.type);
      file.waitingWhole.splice(file.waitingWhole.indexOf(waiting), 1);
      granted.push(waiting.onGranted);
    }
    this.#forgetWhenEmpty(ino, file);
    // They may ask for more at once.
    for (const tell of granted) tell();
  }
}

function canHold({ whole }: LocksOfFile, type: number): boolean {
  for (const held of whole.values()) if (type === LOCK_EXCLUSIVE || held === LOCK_EXCLUSIVE) return false;
  return true;
}

function rangeOf({ owner, type, start, length }: LockRequest): FileRangeLock | null {
  if (type < LOCK_SHARED || type > LOCK_NONE || !isPlace(start) || !isPlace(length)) return null;
  // fcntl(2): a lock to the largest offset is one to the end.
  const end = length === 0 ? Infinity : addOffsets(start, length);
  if (end !== Infinity && end > FILE_SIZE_MAX + 1n) return null;
  return { owner, type, start, end: end > FILE_SIZE_MAX ? Infinity : end };
}

function isPlace(offset: FileOffset): boolean {
  return offset >= 0 && offset <= FILE_SIZE_MAX && (typeof offset === "bigint" || Number.isInteger(offset));
}
