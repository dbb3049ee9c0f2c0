import { EAGAIN, EDEADLK, ENOLCK, F_UNLCK, F_WRLCK, LOCK_EX, LOCK_SH } from "@stratos/abi";
import { conflictingRange, replaceRange, waitsFor } from "@stratos/base";
import { stateOf } from "../ground/call-state.ts";
import { identityOf } from "../ground/identity.ts";
import { BLOCKED, type WaitingCall } from "../ground/wait-queue.ts";
import { majorOf, minorOf } from "./device-registry.ts";
import type { PidNamespace } from "../signal/pid-namespace.ts";
import { FileLocks, type LockOwner, type RangeLock } from "./held-locks.ts";
import type { Inode } from "./inode.ts";
import { NOT_BREAKING } from "./held-leases.ts";
import type { OpenFile } from "./open-file.ts";
import type { Caller } from "./vfs-kernel.ts";

/** Ranges locked in one file; more are refused (fcntl(2), ENOLCK). */
const RANGES_MAX = 4096;
/** Ranges locked in all files: who ends gives back its own at once. */
const RANGES_OF_ALL = 1 << 16;

function locksOf({ kernel: { vfs } }: Caller, inode: Inode): FileLocks {
  inode.locks ??= new FileLocks(vfs);
  return inode.locks;
}

function forgetWhenEmpty(inode: Inode): void {
  if (inode.locks?.isEmpty === true) inode.locks = null;
}

/** The lock that keeps `wanted` from being set; null when it could be. */
export function conflictingLock(inode: Inode, wanted: RangeLock): RangeLock | null {
  return inode.locks === null ? null : conflictingRange(inode.locks.ranges, wanted);
}

/** The first lock of the same owner that has bytes of `range`. */
export function ownLock(inode: Inode, { owner, start, end }: RangeLock): RangeLock | null {
  return inode.locks?.ranges.find((lock) => lock.owner === owner && lock.start < end && start < lock.end) ?? null;
}

/**
 * Sets or clears (type F_UNLCK) a range.
 * @returns 0; −EAGAIN on a conflict, or when `mayWait` BLOCKED; −ENOLCK; −EDEADLK when waiting would close a circle of
 *   processes
 */
export function setRangeLock(task: Caller, inode: Inode, wanted: RangeLock, mayWait: boolean): number {
  wanted.owner.rangeWait = null;
  if (wanted.type !== F_UNLCK) {
    const conflict = conflictingLock(inode, wanted);
    if (conflict !== null) {
      if (!mayWait) return -EAGAIN;
      if (wanted.pid >= 0 && waitsFor<LockOwner>(conflict.owner, wanted.owner, blockersOf)) return -EDEADLK;
      const { type, pid, start, end } = wanted;
      task.syscallState = { kind: "range-lock", owner: identityOf(task.kernel, wanted.owner), type, pid, start, end };
      wanted.owner.rangeWait = { task, blocker: conflict.owner };
      task.waitOn(locksOf(task, inode).queue);
      return BLOCKED;
    }
  }
  const locks = locksOf(task, inode);
  // Two more at most: a range that is cut in the middle.
  if (
    wanted.type !== F_UNLCK &&
    (locks.ranges.length + 2 > RANGES_MAX || task.kernel.vfs.rangeLocks + 2 > RANGES_OF_ALL)
  ) {
    forgetWhenEmpty(inode);
    return -ENOLCK;
  }
  locks.setRanges(replaceRange(locks.ranges, wanted));
  locks.queue.wakeAll();
  forgetWhenEmpty(inode);
  return 0;
}

/** For whom an owner waits now. */
function blockersOf(owner: LockOwner): readonly LockOwner[] {
  const wait = owner.rangeWait;
  return wait !== null && stateOf(wait.task, "range-lock")?.owner === owner.identity ? [wait.blocker] : [];
}

/**
 * flock(2). Converting is not atomic: the old lock goes first.
 * @param kind  LOCK_SH, LOCK_EX or 0 (unlock)
 * @returns 0, −EAGAIN (EWOULDBLOCK), or BLOCKED
 */
export function setFlock(task: Caller, inode: Inode, file: OpenFile, kind: number, mayWait: boolean): number {
  const locks = locksOf(task, inode);
  const held = locks.flocks.get(file);
  if ((held?.kind ?? 0) === kind) return 0;
  if (held !== undefined) {
    locks.flocks.delete(file);
    locks.queue.wakeAll();
  }
  if (kind === LOCK_SH || kind === LOCK_EX) {
    for (const other of locks.flocks.values()) {
      if (kind === LOCK_SH && other.kind === LOCK_SH) continue;
      if (!mayWait) return -EAGAIN;
      task.syscallState = { kind: "flock", type: kind, pid: task.pid };
      task.waitOn(locks.queue);
      return BLOCKED;
    }
    locks.flocks.set(file, { kind, pid: task.pid });
  }
  forgetWhenEmpty(inode);
  return 0;
}

/**
 * Locks of a file as /proc/locks tells them (proc_locks(5)): each with who waits for it, and those who wait for these,
 * behind it. Lines are without their numbers, which a lock and its waiters share.
 *
 * @param ids  whose numbers processes are told by; locks of those that it has none for are left out
 */
export function describeLocks(inode: Inode, ids: PidNamespace): string[][] {
  const groups: string[][] = [];
  const held = heldLocks(inode);
  const waiting = waitingFor(inode, held);
  // The newest first, as far as what is sorted tells: programs that show them turn that round (lslocks(8)).
  for (const first of held.toReversed()) {
    const group: string[] = [];
    // The last one that was found is looked at first: a waiter's own come right behind it.
    const open = [{ lock: first, depth: 0 }];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const { lock, depth } = next;
      const mark = depth === 0 ? "" : `${" ".repeat(depth - 1)}-> `;
      for (const text of lockLine(inode, ids, kindText(lock), lock.isExclusive, lock.pid, rangeText(lock)))
        group.push(mark + text);
      for (const waiter of (waiting.get(lock) ?? []).toReversed()) open.push({ lock: waiter, depth: depth + 1 });
    }
    if (group.length > 0) groups.push(group);
  }
  for (const { type, pid, breakingTo } of inode.leases?.held ?? []) {
    const group = lockLine(inode, ids, leaseText(breakingTo), type === F_WRLCK, pid, "0 EOF");
    if (group.length > 0) groups.push(group);
  }
  return groups;
}

/**
 * What of that a description has, or the process with this table of descriptors by way of it: for /proc/PID/fdinfo
 * (Linux fs/locks.c, `__show_fd_locks`).
 */
export function describeOwnLocks(inode: Inode, file: LockOwner, table: LockOwner, ids: PidNamespace): string[] {
  const own: ToldLock[] = [];
  const flock = inode.locks?.flocks.get(file);
  if (flock !== undefined) own.push(toldFlock(flock.kind, flock.pid));
  for (const lock of inode.locks?.ranges ?? [])
    if (lock.description === file.identity && (lock.owner === file || lock.owner === table))
      own.push(toldRange(lock, lock.owner.identity));
  const lines = own.flatMap((lock) =>
    lockLine(inode, ids, kindText(lock), lock.isExclusive, lock.pid, rangeText(lock)),
  );
  for (const { file: holder, type, pid, breakingTo } of inode.leases?.held ?? [])
    if (holder === file) lines.push(...lockLine(inode, ids, leaseText(breakingTo), type === F_WRLCK, pid, "0 EOF"));
  return lines;
}

/** None for a process that has no number there. @param owner  −1: the lock is a description's */
function lockLine(
  inode: Inode,
  ids: PidNamespace,
  kind: string,
  isExclusive: boolean,
  owner: number,
  range: string,
): string[] {
  const { device } = inode.fileSystem;
  const hex = (value: number): string => value.toString(16).padStart(2, "0");
  const pid = owner < 0 ? -1 : ids.idOf(owner);
  const place = `${hex(majorOf(device))}:${hex(minorOf(device))}:${inode.ino}`;
  return pid === 0 ? [] : [`${kind} ${isExclusive ? "WRITE" : "READ"} ${pid} ${place} ${range}`];
}

function leaseText(breakingTo: number): string {
  return breakingTo === NOT_BREAKING ? "LEASE  ACTIVE   " : "LEASE  BREAKING ";
}

/** A lock, or who waits for one, as it is told. */
interface ToldLock {
  readonly kind: "flock" | "range-lock";
  /** Nobody else may have it meanwhile. */
  readonly isExclusive: boolean;
  readonly pid: number;
  /** Whose it is: never 0 for who waits; 0 for who has it and whom nobody has numbered yet. */
  readonly owner: number;
  readonly start: number | bigint;
  readonly end: number | bigint;
}

function kindText({ kind, pid }: ToldLock): string {
  if (kind === "flock") return "FLOCK  ADVISORY ";
  return pid < 0 ? "OFDLCK ADVISORY " : "POSIX  ADVISORY ";
}

function rangeText({ start, end }: ToldLock): string {
  return `${start} ${end === Infinity ? "EOF" : typeof end === "bigint" ? end - 1n : end - 1}`;
}

function toldFlock(type: number, pid: number): ToldLock {
  return { kind: "flock", isExclusive: type === LOCK_EX, pid, owner: 0, start: 0, end: Infinity };
}

function toldRange(
  { type, pid, start, end }: Pick<RangeLock, "type" | "pid" | "start" | "end">,
  owner: number,
): ToldLock {
  return { kind: "range-lock", isExclusive: type === F_WRLCK, pid, owner, start, end };
}

function heldLocks({ locks }: Inode): ToldLock[] {
  const flocks = [...(locks?.flocks.values() ?? [])].map(({ kind, pid }) => toldFlock(kind, pid));
  return [...flocks, ...(locks?.ranges ?? []).map((lock) => toldRange(lock, lock.owner.identity))];
}

/** Waiters of one file that are told: each may be indented by one more than the one before. */
const WAITERS_TOLD_MAX = 512;

/**
 * Who waits for which lock, and for which waiter: each stands behind the first lock that it conflicts with, and there
 * behind the first waiter that it conflicts with, and so on (Linux fs/locks.c, `__locks_insert_block`).
 */
function waitingFor({ locks }: Inode, held: readonly ToldLock[]): Map<ToldLock, ToldLock[]> {
  const behind = new Map<ToldLock, ToldLock[]>();
  if (locks === null || locks.queue.isEmpty) return behind;
  let told = 0;
  for (const waiter of locks.queue.waiters) {
    const state = (waiter as Partial<WaitingCall>).syscallState;
    if (state?.kind !== "range-lock" && state?.kind !== "flock") continue;
    if (told++ === WAITERS_TOLD_MAX) break;
    const wanted = state.kind === "flock" ? toldFlock(state.type, state.pid) : toldRange(state, state.owner);
    let blocker = held.find((lock) => isConflict(lock, wanted));
    while (blocker !== undefined) {
      const waiters = behind.get(blocker);
      const next = waiters?.find((lock) => isConflict(lock, wanted));
      if (waiters === undefined) behind.set(blocker, [wanted]);
      else if (next === undefined) waiters.push(wanted);
      blocker = next;
    }
  }
  return behind;
}

function isConflict(one: ToldLock, wanted: ToldLock): boolean {
  if (one.kind !== wanted.kind || !(one.isExclusive || wanted.isExclusive)) return false;
  return one.kind === "flock" || (one.owner !== wanted.owner && one.start < wanted.end && wanted.start < one.end);
}
