/**
 * Where a machine that is replayed or debugged stops: between two instructions of a program, in the midst of its slice.
 * It then stands as it is (the task is on the hart), and goes on as if nothing had been: no instruction, turn, fault or
 * tick is counted that would not have been otherwise. Only machines whose time is virtual may stand.
 *
 * A position is the number of instructions retired, with the thread that is to go on and its pc: a fault retires
 * nothing, so that the instruction which faults and the first one of its handler have the same number.
 *
 * Programs run translated until the position is near; those that are looked at (breakpoints, watched memory, steps) run
 * by the exact interpreter. Guest memory is never written. Where that can tell, programs whose memory is watched run
 * translated, too, but may not write its pages: the exact interpreter does each instruction that would, and all of them
 * for a while where these come thick.
 */
import { assert } from "@stratos/base";
import {
  BARRIERS_MAX,
  ExitReason,
  hasWatchedChange,
  setMarks,
  setWatchCells,
  WATCH_CELLS,
  type WatchCell,
} from "@stratos/riscv";
import { PAGE_SIZE } from "@stratos/abi";
import type { AddressSpace } from "../mm/address-space.ts";
import { addressOfEntry, frameOfEntry, PTE_W } from "../mm/page-table.ts";
import { isFetched } from "./fetched-instruction.ts";
import type { SignalInfo } from "../signal/pending-signals.ts";
import type { Kernel } from "./kernel-state.ts";
import type { Task } from "./task.ts";
import type { StoppedSlice, TurnStops } from "./turn-hooks.ts";

/** A slice ends at the first block boundary behind its fuel; so far behind is none but in code made for it. */
const OVERRUN = 1_000_000;

export interface StopPosition {
  /** Retired by the machine so far. */
  readonly instructions: number;
  /** The thread that is about to go on; −1: whichever. */
  readonly tid: number;
  /** Its pc; −1: whichever. */
  readonly pc: number;
}

export type StopReason =
  | { readonly kind: "position" | "step" | "breakpoint" | "store" }
  | { readonly kind: "watch"; readonly address: number };

export interface Stop extends StopPosition {
  readonly reason: StopReason;
}

export interface Watchpoint {
  readonly address: number;
  /** Bytes, at most WATCH_LENGTH_MAX. */
  readonly length: number;
}

/**
 * As many writes to watched pages within so many instructions, and the exact interpreter is the quicker one; for how
 * long, before that is tried again.
 */
const GUARD_HITS = 64,
  GUARD_HITS_WITHIN = 32_000,
  EXACT_FOR = 2_000_000;

/** Two cells of watched memory can hold so many bytes at any address. */
const CELLS_OF_WATCH = 2;
export const WATCHES_MAX = WATCH_CELLS / CELLS_OF_WATCH;
export const WATCH_LENGTH_MAX = 8;

/** Per thread: where it began to retire instructions without a fault or others in between, and how far it came. */
export type LastRuns = ReadonlyMap<number, { readonly from: number; readonly pc: number; readonly to: number }>;

/** 8 bytes of watched memory. */
interface Watched {
  readonly watch: Watchpoint;
  /** A multiple of 8. */
  readonly address: number;
  readonly first: number;
  readonly bytes: number;
  /** What it held when it was looked at last; null: it wasn't in memory. */
  value: Uint8Array | null;
}

export class Stops implements TurnStops {
  readonly #kernel: Kernel;
  /** Stand there; null: nowhere. */
  target: StopPosition | null = null;
  /** The thread that is to stand before its next instruction; −1: none. */
  stepTid = -1;
  /** The process whose instructions are looked at; 0: all. */
  pid = 0;
  breakpoints: ReadonlySet<number> = new Set();
  /** Asked at each breakpoint, step and change. @returns stand there? Null: always. */
  onHit: ((stop: Stop) => boolean) | null = null;
  /** Asked before a program acts on a signal other than SIGKILL. @returns who is asked keeps it */
  onSignal: ((task: Task, info: SignalInfo) => boolean) | null = null;
  /** No task goes on before the machine has given back control (`endTurn`). */
  isTurnOver = false;
  /** Where the byte lies whose stores are stops, for a task; −1: it has none. Null: none are. */
  #storesTo: ((task: Task) => number) | null = null;
  /** A store is done that was not judged yet. */
  #hasStored = false;
  /** What that byte held when it was looked at last; −1: nobody has looked. */
  #stored = -1;
  /** Where it stands, and why; null: it runs. */
  stop: Stop | null = null;
  /** Translated code was left after a call for nothing else than to look. */
  isLooking = false;
  /** The target lies in the midst of code without a block boundary: it was run over. */
  isOverrun = false;
  /** Every instruction may be the one: as slow as it is sure. */
  isCareful = false;
  readonly #lastRuns: Map<number, { readonly from: number; readonly pc: number; readonly to: number }>;
  #watched: Watched[] = [];
  /** Breakpoints that are barriers. */
  #planted: ReadonlySet<number> | null = null;
  #slice: StoppedSlice | null = null;
  #mustLook = false;
  /** Writes to watched pages since so many instructions were done; until then all is done exactly. */
  #hits = 0;
  #hitsSince = 0;
  #exactUntil = 0;
  /** It stopped before the next instruction already. */
  #passes = false;
  #last: StopPosition | null = null;

  /** @param lastRuns  those of the machine that this one goes on from */
  constructor(kernel: Kernel, lastRuns: LastRuns = new Map()) {
    this.#kernel = kernel;
    this.#lastRuns = new Map(lastRuns);
  }

  get lastRuns(): LastRuns {
    return this.#lastRuns;
  }

  get stands(): boolean {
    return this.#slice !== null;
  }

  /** The task that stands on the hart. */
  get task(): Task | null {
    return this.#slice?.task ?? null;
  }

  /** @param watches  at most WATCHES_MAX, of at most WATCH_LENGTH_MAX bytes */
  watch(watches: readonly Watchpoint[]): void {
    this.#watched = watches.flatMap((watch) => {
      const cells: Watched[] = [];
      for (let at = watch.address; at < watch.address + watch.length; at = at - (at % 8) + 8) {
        const bytes = Math.min(8 - (at % 8), watch.address + watch.length - at);
        cells.push({ watch, address: at - (at % 8), first: at % 8, bytes, value: null });
      }
      return cells;
    });
    assert(this.#watched.length <= WATCH_CELLS, "as much is watched as there are cells");
  }

  /**
   * Each store to one byte of memory is a stop, also one of the value that was there. What a system call does to the
   * byte counts where it changes it. In programs with addresses above 4 GiB it isn't looked for.
   *
   * @param storesTo  the address of the byte for a task; −1: it has none
   */
  lookForStores(storesTo: ((task: Task) => number) | null): void {
    this.#storesTo = storesTo;
    this.#hasStored = false;
    this.#stored = -1;
  }

  /** Before the last instruction that the thread has done; null: it has done none since this began. */
  beforeLastOf(tid: number): StopPosition | null {
    const run = this.#lastRuns.get(tid);
    if (run === undefined) return null;
    const instructions = run.to - 1;
    return { instructions, tid, pc: instructions === run.from ? run.pc : -1 };
  }

  /** In the place of `processor.run`. */
  run(task: Task, fuel: number): ExitReason {
    const { processor } = this.#kernel;
    const { statistics } = processor;
    const { tid } = task;
    let left = fuel;
    for (;;) {
      const before = statistics.instructions;
      const { pc } = this.#kernel.hart;
      const reason = this.#runOn(task, left);
      const to = statistics.instructions;
      if (to > before) this.#lastRuns.set(tid, { from: before, pc, to });
      if (reason !== ExitReason.STOP) return reason;
      left -= statistics.instructions - before;
      this.#passes = true;
      const stop = this.#judge(task);
      if (stop === null) continue;
      this.#last = stop;
      this.stop = stop;
      return reason;
    }
  }

  #runOn(task: Task, fuel: number): ExitReason {
    const byte = this.#storedByte(task);
    return byte < 0 ? this.#runOnward(task, fuel) : this.#runToStore(task, fuel, byte);
  }

  #runOnward(task: Task, fuel: number): ExitReason {
    const { processor, physical } = this.#kernel;
    const now = processor.statistics.instructions;
    const isGuarded = this.#watched.length > 0 && this.#looksAt(task) && now >= this.#exactUntil && this.#guards(task);
    const isLooked = this.#looksAt(task) && !((this.#watched.length === 0 || isGuarded) && this.#plants());
    const isStepped = task.tid === this.stepTid;
    const passes = this.#passes;
    this.#passes = false;
    const away = this.target === null ? Infinity : this.target.instructions - now;
    const isNear = away >= 0 && (this.isCareful || away <= Math.max(fuel, 0) + OVERRUN);
    const isAtBarrier = passes && processor.code.barriers.has(this.#kernel.hart.pc);
    if (!isLooked && !isStepped && !isNear && !isAtBarrier) {
      const reason = isGuarded ? this.#runGuarded(task, fuel) : processor.run(fuel);
      if (away >= 0 && processor.statistics.instructions > now + away) this.isOverrun = true;
      return reason;
    }
    setMarks(physical, this.#looksAt(task) ? this.breakpoints : []);
    this.#arm(isLooked || isGuarded ? task.space : null);
    // Behind a barrier it goes on translated.
    const step = isStepped && !passes ? 0 : isStepped || (isAtBarrier && !isLooked && !isNear) ? 1 : Infinity;
    return processor.runExactly(fuel, { after: Math.min(step, away >= 0 ? away : Infinity), passes });
  }

  #looksAt(task: Task): boolean {
    return (this.breakpoints.size > 0 || this.#watched.length > 0) && (this.pid === 0 || task.group.pid === this.pid);
  }

  /** Few breakpoints: they are barriers, up to which programs run translated. */
  #plants(): boolean {
    const { code } = this.#kernel.processor;
    if (this.breakpoints.size > BARRIERS_MAX || code.barriers.isFull) return false;
    if (this.#planted === null || !isSameSet(this.#planted, this.breakpoints)) {
      this.#planted = new Set(this.breakpoints);
      code.setBarriers(this.#planted);
    }
    return true;
  }

  /** The task is before an instruction that may be of interest. */
  #judge(task: Task): Stop | null {
    const { processor, hart } = this.#kernel;
    const { instructions } = processor.statistics;
    const { pc } = hart;
    const { tid } = task;
    const at = { instructions, tid, pc };
    if (this.#hasStored) {
      this.#hasStored = false;
      const stop = { ...at, reason: { kind: "store" } as const };
      if (this.onHit === null || this.onHit(stop)) return stop;
      if (!this.#isTarget(at)) return null;
    }
    const isLooked = this.#looksAt(task);
    const changed = isLooked ? this.#changed() : null;
    if (this.#isTarget(at)) {
      // What the instruction before has changed happened before the target.
      if (changed !== null) this.onHit?.({ ...at, reason: { kind: "watch", address: changed.address } });
      return { ...at, reason: { kind: "position" } };
    }
    // An instruction whose page was not there comes twice.
    const isNew = this.#last === null || !isSamePosition(this.#last, at);
    const reason: StopReason | null =
      changed !== null
        ? { kind: "watch", address: changed.address }
        : isNew && isLooked && this.breakpoints.has(pc)
          ? { kind: "breakpoint" }
          : isNew && tid === this.stepTid
            ? { kind: "step" }
            : null;
    if (reason === null) return null;
    const stop = { ...at, reason };
    if (this.onHit === null || this.onHit(stop)) return stop;
    this.#last = stop;
    return null;
  }

  #isTarget({ instructions, tid, pc }: StopPosition): boolean {
    const { target } = this;
    return (
      target !== null &&
      target.instructions === instructions &&
      (target.tid < 0 || target.tid === tid) &&
      (target.pc < 0 || target.pc === pc)
    );
  }

  // ---- Watched memory

  /** A system call may have moved or written what is watched. */
  afterCall(task: Task): void {
    if (this.#storesTo !== null) this.#mustLook = this.#findsStored(task, this.#storedByte(task));
    if (this.#watched.length === 0 || !this.#looksAt(task)) return;
    this.#arm(task.space);
    this.#protect(task.space);
    this.#mustLook = this.#hasChange;
  }

  /** The call has changed what is watched: translated code, which does not look, is left. Said once. */
  takeLook(): boolean {
    const mustLook = this.#mustLook;
    this.#mustLook = false;
    return mustLook;
  }

  get #hasChange(): boolean {
    return this.#watched.some((_, index) => hasWatchedChange(this.#kernel.physical, index));
  }

  /** Can all that writes the watched pages of the space be told by the right to write them? */
  #guards({ space }: Task): boolean {
    if (space.mode !== "paged") return false;
    return this.#watched.every(({ address }) => space.areaAt(address)?.isShared !== true);
  }

  /** Writes to watched pages fault. */
  #protect(space: AddressSpace): void {
    for (const { address } of this.#watched) {
      const page = address - (address % PAGE_SIZE);
      space.unpublishWrites(page, page + PAGE_SIZE);
    }
  }

  /** As `processor.run`, but it stops behind an instruction that has changed what is watched. */
  #runGuarded(task: Task, fuel: number): ExitReason {
    const { processor, physical } = this.#kernel;
    const { statistics } = processor;
    const { space } = task;
    const before = statistics.instructions;
    for (;;) {
      this.#arm(space);
      // Others may have changed it, or a call of this task.
      if (this.#hasChange) return ExitReason.STOP;
      this.#protect(space);
      const left = fuel - (statistics.instructions - before);
      const reason = processor.run(left);
      if (reason !== ExitReason.MEMORY || !this.#isGuardedWrite(space)) return reason;
      if (this.#isThick(statistics.instructions)) this.#exactUntil = statistics.instructions + EXACT_FOR;
      setMarks(physical, []);
      const rest = fuel - (statistics.instructions - before);
      const done = processor.runExactly(rest, { after: 1, passes: true });
      if (done !== ExitReason.STOP || this.#hasChange || statistics.instructions < this.#exactUntil) return done;
    }
  }

  /** The instruction at the pc writes a watched page, and may: the page is shown to it. */
  #isGuardedWrite(space: AddressSpace): boolean {
    if (!isFetched(this.#kernel, space)) return false;
    const { va, size, kind } = this.#kernel.processor.faultingAccess();
    if (kind === "load" || !(va >= 0) || va % size !== 0) return false;
    const page = va - (va % PAGE_SIZE);
    const entry = space.table.get(va);
    const isWatched = this.#watched.some(({ address }) => address - (address % PAGE_SIZE) === page);
    if (!isWatched || (entry & PTE_W) === 0) return false;
    space.publish(page, entry);
    return true;
  }

  #storedByte(task: Task): number {
    return this.#storesTo === null || task.space.mode !== "paged" ? -1 : this.#storesTo(task);
  }

  /** Has the byte changed without a store that was seen, as by a system call? Who doesn't have its page can't tell. */
  #findsStored({ space }: Task, byte: number): boolean {
    const resident = byte < 0 ? -1 : residentAddress(space, byte);
    if (resident < 0) return false;
    const before = this.#stored;
    this.#stored = this.#kernel.physical.u8[resident]!;
    this.#hasStored ||= before >= 0 && this.#stored !== before;
    return this.#hasStored;
  }

  /** As `#runOnward`, but it stops behind a store to the byte: writes to its page fault, and are done one by one. */
  #runToStore(task: Task, fuel: number, byte: number): ExitReason {
    const { processor } = this.#kernel;
    const { statistics } = processor;
    const { space } = task;
    const before = statistics.instructions;
    const page = byte - (byte % PAGE_SIZE);
    if (this.#findsStored(task, byte)) return ExitReason.STOP;
    for (;;) {
      space.unpublishWrites(page, page + PAGE_SIZE);
      const reason = this.#runOnward(task, fuel - (statistics.instructions - before));
      if (reason !== ExitReason.MEMORY || !isFetched(this.#kernel, space)) return reason;
      const { va, size, kind } = processor.faultingAccess();
      const entry = space.table.get(page);
      if (kind === "load" || va < page || va + size > page + PAGE_SIZE || (entry & PTE_W) === 0) return reason;
      space.publish(page, entry);
      const rest = fuel - (statistics.instructions - before);
      const done = processor.runExactly(rest, { after: 1, passes: true });
      this.#hasStored = done === ExitReason.STOP && va <= byte && byte < va + size;
      if (this.#hasStored) this.#stored = this.#kernel.physical.u8[residentAddress(space, byte)]!;
      if (done !== ExitReason.STOP || this.#hasStored) return done;
    }
  }

  #isThick(instructions: number): boolean {
    if (++this.#hits < GUARD_HITS) return false;
    const isThick = instructions - this.#hitsSince < GUARD_HITS_WITHIN;
    this.#hits = 0;
    this.#hitsSince = instructions;
    return isThick;
  }

  /** Tells the processor where what is watched lies now, and what it held. */
  #arm(space: AddressSpace | null): void {
    const { physical } = this.#kernel;
    const cells: WatchCell[] = [];
    for (const each of space === null ? [] : this.#watched) {
      const address = residentAddress(space!, each.address);
      if (address < 0) {
        // Untouched memory of the program's own is zeroes.
        each.value ??= space!.areaAt(each.address)?.pages === null ? new Uint8Array(8) : null;
        cells.push({ address: 0, first: 0, bytes: 0, value: NO_VALUE });
        continue;
      }
      each.value ??= physical.u8.slice(address, address + 8);
      cells.push({ address, first: each.first, bytes: each.bytes, value: each.value });
    }
    setWatchCells(physical, cells);
  }

  /** Whose value is another one now, which counts from now on; null: none. */
  #changed(): Watchpoint | null {
    const { physical } = this.#kernel;
    let found: Watchpoint | null = null;
    for (const [index, each] of this.#watched.entries()) {
      if (!hasWatchedChange(physical, index)) continue;
      found ??= each.watch;
      each.value = null;
    }
    if (found !== null) this.#arm(this.#kernel.scheduler.current!.space);
    return found;
  }

  /** Something has happened in a call that is to be told before a task goes on. */
  endTurn(): void {
    this.isTurnOver = true;
    this.#kernel.scheduler.mustSwitch = true;
  }

  // ---- The slice that stands

  keepSlice(slice: StoppedSlice): void {
    this.#slice = slice;
  }

  /** The slice to go on with. */
  takeSlice(): StoppedSlice | null {
    const slice = this.#slice;
    this.#slice = null;
    this.stop = null;
    return slice;
  }
}

const NO_VALUE = new Uint8Array(8);

export function isSamePosition(a: StopPosition, b: StopPosition): boolean {
  return a.instructions === b.instructions && a.tid === b.tid && a.pc === b.pc;
}

function isSameSet(a: ReadonlySet<number>, b: ReadonlySet<number>): boolean {
  if (a.size !== b.size) return false;
  for (const each of a) if (!b.has(each)) return false;
  return true;
}

/** Physical address of a byte whose page is in memory for the program; −1: it isn't. Nothing is faulted in. */
function residentAddress(space: AddressSpace, address: number): number {
  const entry = space.table.get(address);
  if (entry === 0) return -1;
  space.kernel.frames.settle(frameOfEntry(entry));
  return addressOfEntry(entry) + (address % PAGE_SIZE);
}
