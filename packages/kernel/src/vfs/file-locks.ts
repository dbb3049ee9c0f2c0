import { EAGAIN, EDEADLK, ENOLCK, F_RDLCK, F_UNLCK, F_WRLCK, LOCK_EX, LOCK_SH } from "@stratos/abi";
import { conflictingRange, replaceRange, waitsFor, type RangeLock as Range, stateClass } from "@stratos/base";
import { BLOCKED, WaitQueue, type CallState } from "../ground/wait-queue.ts";
import { majorOf, minorOf } from "./device-registry.ts";
import type { PidNamespace } from "../signal/pid-namespace.ts";
import type { FileTable } from "./file-table.ts";
import type { Inode } from "./inode.ts";
import { NOT_BREAKING } from "./leases.ts";
import type { OpenFile } from "./open-file.ts";
import type { Caller } from "./vfs-kernel.ts";

/**
 * Advisory locks of an inode: byte ranges of processes (fcntl(2), "owner" is the file table) and of descriptions
 * (F_OFD_*), and flock(2). Bound: RANGES_MAX for each file; a lock costs its caller a list walk.
 */
export interface RangeLock extends Range<FileTable | OpenFile> {
  /** −1 for a lock of a description. */
  readonly pid: number;
}

interface Flock {
  readonly kind: typeof LOCK_SH | typeof LOCK_EX;
  /** Who asked for it. */
  readonly pid: number;
}

export class FileLocks {
  ranges: RangeLock[] = [];
  readonly flocks = new Map<OpenFile, Flock>();
  readonly queue = new WaitQueue();

  static {
    stateClass("FileLocks", this);
  }
}

/** Ranges locked in one file; more are refused (fcntl(2), ENOLCK). */
const RANGES_MAX = 4096;

/** A task that waits for a range lock: kept in its `syscallState`, so a stale one is known. */
export interface RangeWait extends CallState {
  readonly kind: "range-lock";
  readonly task: Caller;
  readonly blocker: FileTable | OpenFile;
}

function locksOf(inode: Inode): FileLocks {
  inode.locks ??= new FileLocks();
  return inode.locks;
}

function forgetWhenEmpty(inode: Inode): void {
  const locks = inode.locks;
  if (locks !== null && locks.ranges.length === 0 && locks.flocks.size === 0 && locks.queue.isEmpty) inode.locks = null;
}

/** The lock that keeps `wanted` from being set; null when it could be. */
export function conflictingLock(inode: Inode, wanted: RangeLock): RangeLock | null {
  return inode.locks === null ? null : conflictingRange(inode.locks.ranges, wanted);
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
      if (wanted.pid >= 0 && waitsFor<FileTable | OpenFile>(conflict.owner, wanted.owner, blockersOf)) return -EDEADLK;
      const wait: RangeWait = { kind: "range-lock", task, blocker: conflict.owner };
      task.syscallState = wait;
      wanted.owner.rangeWait = wait;
      task.waitOn(locksOf(inode).queue);
      return BLOCKED;
    }
  }
  const locks = locksOf(inode);
  // Two more at most: a range that is cut in the middle.
  if (wanted.type !== F_UNLCK && locks.ranges.length + 2 > RANGES_MAX) return -ENOLCK;
  locks.ranges = replaceRange(locks.ranges, wanted);
  locks.queue.wakeAll();
  forgetWhenEmpty(inode);
  return 0;
}

/** For whom an owner waits now. */
function blockersOf(owner: FileTable | OpenFile): readonly (FileTable | OpenFile)[] {
  const wait = owner.rangeWait;
  return wait !== null && wait.task.syscallState === wait ? [wait.blocker] : [];
}

/** close(2) of any descriptor of the file drops all range locks of the process (fcntl(2), NOTES). */
export function dropLocksOfProcess(inode: Inode, owner: FileTable): void {
  const locks = inode.locks!;
  const kept = locks.ranges.filter((lock) => lock.owner !== owner);
  if (kept.length === locks.ranges.length) return;
  locks.ranges = kept;
  locks.queue.wakeAll();
  forgetWhenEmpty(inode);
}

/** The last reference of a description went: its flock and its ranges go. */
export function dropLocksOfDescription(inode: Inode, file: OpenFile): void {
  const locks = inode.locks!;
  const hadFlock = locks.flocks.delete(file);
  const kept = locks.ranges.filter((lock) => lock.owner !== file);
  if (!hadFlock && kept.length === locks.ranges.length) return;
  locks.ranges = kept;
  locks.queue.wakeAll();
  forgetWhenEmpty(inode);
}

/**
 * flock(2). Converting is not atomic: the old lock goes first.
 * @param kind  LOCK_SH, LOCK_EX or 0 (unlock)
 * @returns 0, −EAGAIN (EWOULDBLOCK), or BLOCKED
 */
export function setFlock(task: Caller, inode: Inode, file: OpenFile, kind: number, mayWait: boolean): number {
  const locks = locksOf(inode);
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
      task.waitOn(locks.queue);
      return BLOCKED;
    }
    locks.flocks.set(file, { kind, pid: task.pid });
  }
  forgetWhenEmpty(inode);
  return 0;
}

/**
 * Lines of /proc/locks for a file (proc_locks(5)), without their numbers.
 *
 * @param ids  whose numbers processes are told by; locks of those that it has none for are left out
 */
export function describeLocks(inode: Inode, ids: PidNamespace): string[] {
  const { device } = inode.fileSystem;
  const hex = (value: number): string => value.toString(16).padStart(2, "0");
  const place = `${hex(majorOf(device))}:${hex(minorOf(device))}:${inode.ino}`;
  const lines: string[] = [];
  const add = (kind: string, access: string, owner: number, range: string): void => {
    const pid = owner < 0 ? -1 : ids.idOf(owner);
    if (pid !== 0) lines.push(`${kind} ${access} ${pid} ${place} ${range}`);
  };
  for (const { kind, pid } of inode.locks?.flocks.values() ?? [])
    add("FLOCK  ADVISORY ", kind === LOCK_EX ? "WRITE" : "READ", pid, "0 EOF");
  for (const { type, pid, start, end } of inode.locks?.ranges ?? [])
    add(
      pid < 0 ? "OFDLCK ADVISORY " : "POSIX  ADVISORY ",
      type === F_RDLCK ? "READ" : "WRITE",
      pid,
      `${start} ${end === Infinity ? "EOF" : end - 1}`,
    );
  for (const { type, pid, breakingTo } of inode.leases?.held ?? [])
    add(
      breakingTo === NOT_BREAKING ? "LEASE  ACTIVE   " : "LEASE  BREAKING ",
      type === F_WRLCK ? "WRITE" : "READ",
      pid,
      "0 EOF",
    );
  return lines;
}
