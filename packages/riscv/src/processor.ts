import type { ArchiveName, CodeArchive, WasmEngine } from "@stratos/host";
import type { AddressMode } from "./access.ts";
import type { CodeRegion } from "./code-region.ts";
import type { ExitReason } from "./exit-reason.ts";
import type { PhysicalMemory } from "./physical-memory.ts";
import type { ProcessorStatistics, ProcessorTally } from "./processor-tally.ts";
import type { PhysicalAddress, VirtualAddress } from "./addresses.ts";

/** What the kernel lends the processor. */
export interface ProcessorHooks {
  /**
   * A system call, called from within translated code with HART_PC at the `ecall`. The hook reads and writes the
   * register file. It returns 0 to go on at pc + 4 (only a0 may have changed; the hook doesn't touch HART_PC), or 1 to
   * leave `run` with ExitReason.ECALL: then the hook has set HART_PC itself.
   */
  onEcall(): number;
  /**
   * An access to the byte at `va`, all of it in one page, missed the TLB in the wide mode, within translated code. A
   * hook that maps the page with the right asked for returns true, and the access is done; else `run` leaves with
   * MEMORY, as always without the hook. It changes nothing else.
   */
  onTlbMiss?(va: VirtualAddress, forWrite: boolean): boolean;
  /**
   * What `rdtime` reads: a whole number of ticks that never goes back. HART_RETIRED − HART_FUEL is exact meanwhile.
   * Without the hook time stands still at 0.
   */
  onReadTime?(): number;
}

/**
 * The address-space slots: flat tables that translated code reads. They are a cache of the kernel's page tables, so the
 * kernel may recycle a slot at any time and fill it again by faults.
 *
 * Read and write table entry: host page − guest page − 1 (0: not mapped; access.ts says why). Code table entry:
 * address of a code page (0: none).
 */
export interface AddressTables {
  /**
   * Takes a slot whose tables are all empty; −1 when none is free.
   *
   * @param window  host address − virtual address, modulo 2^32, of the pages that lie in the space's window
   *   (access.ts); 0 (default): there is none
   */
  acquire(window?: number): number;
  /** Empties the slot (touched table pages only) and frees it. */
  release(slot: number): void;
  /** Makes the slot the active one (writes HART_TABLES and HART_WINDOW). */
  activate(slot: number): void;
  /** Maps the page at `va` (a multiple of 4096, below 4 GiB) to the frame at physical address `frame`. */
  map(slot: number, va: VirtualAddress, frame: PhysicalAddress, writable: boolean): void;
  /** Empties read and write entries of `[start, end)`. */
  unmap(slot: number, start: VirtualAddress, end: VirtualAddress): void;
  /** Empties only write entries (fork, mprotect, write-tracking). */
  writeProtect(slot: number, start: VirtualAddress, end: VirtualAddress): void;
  /** Empties only write entries of the whole slot, in time proportional to what is mapped. */
  writeProtectAll(slot: number): void;
  mapCode(slot: number, va: VirtualAddress, codePage: PhysicalAddress): void;
  unmapCode(slot: number, start: VirtualAddress, end: VirtualAddress): void;
}

/**
 * What translated code sees of the one address space that runs in the wide mode, instead of read and write tables: two
 * TLBs. An entry may be overwritten by another page's at any time, so every page that isn't there leaves with MEMORY
 * and is to be mapped again.
 */
export interface WideTlb {
  /** Maps the page at `va` (a multiple of 4096, below 2^53) to the frame at physical address `frame`. */
  map(va: VirtualAddress, frame: PhysicalAddress, writable: boolean): void;
  /** Empties entries of `[start, end)`. */
  unmap(start: VirtualAddress, end: VirtualAddress): void;
  /** Empties only write entries. */
  writeProtect(start: VirtualAddress, end: VirtualAddress): void;
  writeProtectAll(): void;
  /** Another address space's turn, or everything has changed. Costs little when nothing is mapped. */
  flush(): void;
}

export interface CodeCache {
  /**
   * The shared region for `key`, or a private one (key null), for address spaces that run in `mode` (default: paged).
   * Counts one reference.
   *
   * @param name  asked when the region is new: whose kept translations may be used (default: nobody's)
   */
  open(
    key: string | null,
    start: VirtualAddress,
    end: VirtualAddress,
    mode?: AddressMode,
    name?: () => ArchiveName | null,
  ): CodeRegion;
  /**
   * Drops one reference. A private region's pages are freed with the last; shared ones are kept for later processes and
   * evicted when the arena is full.
   */
  close(region: CodeRegion): void;
  /** Drops the regions that nobody uses and whose keys begin with `prefix`: who opened them is gone for good. */
  forget(prefix: string): void;
  /** The frame at this physical address holds something else from now on: what was decoded from it goes. */
  frameGone(frame: PhysicalAddress): void;
  /**
   * Places before which `run` leaves with ExitReason.STOP, whichever address space is the active one. Not while it
   * runs.
   *
   * @param places  at most BARRIERS_MAX
   */
  setBarriers(places: ReadonlySet<number>): void;
  /** Some place could not be made a barrier. */
  readonly barriers: { readonly isFull: boolean; has(pc: number): boolean };
  /** Called before the arena evicts: every address space must unmap its code entries (they fault back in). */
  onEvict: () => void;
}

export interface FaultingAccess {
  va: VirtualAddress;
  size: number;
  kind: "load" | "store" | "amo";
}

export interface Processor {
  readonly physical: PhysicalMemory;
  /**
   * How the active address space's data accesses are translated: through its slot's tables (`paged`, the default;
   * `window` where the memory has frames for that), or through `tlb` (`wide`: 64-bit addresses). Code lies below 4 GiB
   * in all. Its regions must have been opened for the mode. May be set in `onEcall` when that returns 1.
   */
  mode: AddressMode;
  readonly tables: AddressTables;
  readonly tlb: WideTlb;
  readonly code: CodeCache;
  /** Runs the hart's state from HART_PC for at most `fuel` instructions (to the next canonical block boundary). */
  run(fuel: number): ExitReason;
  /**
   * As `run`, slower, and ends at the same instructions; but it also stops between any two.
   *
   * @param fuel  may be less than 0 where a run that was to end is stopped on its way to the block boundary
   * @param stop.after  instructions from here on before which it stops (ExitReason.STOP); Infinity: none
   * @param stop.passes  not before the very next instruction, where it stopped last
   */
  runExactly(fuel: number, stop: { readonly after: number; readonly passes: boolean }): ExitReason;
  /**
   * Decodes the instruction at the pc after a MEMORY exit and tells what it wanted to touch (from the registers). In
   * the wide mode `va` is the signed 64-bit number as a double (exact below 2^53; negative: no user address).
   */
  faultingAccess(): FaultingAccess;
  /** The address that it was about with all its bits, as two u32: of them the paged modes look at the low ones only. */
  faultingAddress(): [low: number, high: number];
  /**
   * After a MEMORY exit whose page(s) are mapped with the rights needed: does the one misaligned or page-crossing load
   * or store byte by byte through `translate` and advances the pc. Returns 0; or −1 when it is an AMO, LR or SC
   * (misaligned: SIGBUS).
   * @param translate  physical address for one byte, checked by the caller before
   */
  emulateMisaligned(translate: (va: VirtualAddress) => PhysicalAddress): number;
  /** Counts for `tally` from now on; what was counted stays with the one before. Not while it runs. */
  serve(tally: ProcessorTally): void;
  /** Of whom it serves. */
  readonly tally: ProcessorTally;
  readonly statistics: ProcessorStatistics;
  /** Instructions retired for `tally`, exact also within a system call. */
  retired(tally: ProcessorTally): number;
  /**
   * Hands over what has been learned since the last time, to be kept for later runs: when a machine is over, or rests.
   * Not while it runs.
   */
  submitProfile(): void;
}

export interface ProcessorOptions {
  physical: PhysicalMemory;
  engine: WasmEngine;
  hooks: ProcessorHooks;
  /** false: interpret only (for differential tests). Default true. */
  translate?: boolean;
  /** Heat of a target (its executions, and an eighth of its instructions) before it is translated; small for tests. */
  hotThreshold?: number;
  /** Where translations of earlier runs are found. */
  archive?: CodeArchive | undefined;
  /** For measuring translation time; absent below the faces. */
  nowMs?: () => number;
}
