/**
 * What the kernel lends every program to ask without a system call (vdso(7)): a page of code (vdso-image.ts), and
 * behind it one of data that the code reads. All harts are one thread and slices end at backward jumps and calls alone,
 * of which the clocks' code has none between its loads, so it sees the data whole.
 */
import { MAP_PRIVATE, MAP_SHARED, PAGE_SIZE, PROT_EXEC, PROT_READ } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { MemoryAccount } from "../../frames/memory-account.ts";
import { PageCache } from "../../frames/page-cache.ts";
import { COARSE_CLOCKS, ELAPSED_CLOCKS, REALTIME_CLOCKS } from "../../time/clock-kinds.ts";
import { VDSO_BASE, type AddressSpace } from "../address-space.ts";
import { AREA_NEVER_WRITABLE, AREA_NO_DUMP, AREA_NO_EXPAND, Area } from "../area.ts";
import { PROBED_VALUES } from "./hwprobe.ts";
import { vdsoImage } from "./vdso-image.ts";

/**
 * The page of data, as vdso-code.ts reads it:
 *
 *     0    i64 × 12  by clock: nanoseconds to be added to the time CSR
 *     96   u32       the clocks that may be read here: bits by number
 *     100  u32       those whose resolution is a nanosecond
 *     104  u32       keys of riscv_hwprobe(2) that are answered here, from 0
 *     108  u32       1: getcpu(2) has but one answer
 *     112  i64 × 16  what is probed, by key
 */
const OFFSETS = 0,
  CLOCKS = 96,
  RESOLUTIONS = 100,
  PROBES = 104,
  IS_SINGLE_HART = 108,
  PROBED = 112;

const DATA_BASE = VDSO_BASE + PAGE_SIZE;
export const VDSO_LABEL = "[vdso]";
const VDSO_DATA_LABEL = "[vvar]";

export class Vdso {
  readonly code: PageCache;
  /** For time namespaces without offsets; and for the others, whose programs ask the kernel. */
  readonly data: PageCache;
  readonly askingData: PageCache;
  /** CLOCK_REALTIME was set, and there was no memory for a page of ours to tell programs: it is to be told again. */
  isBehind = false;

  constructor(memory: MemoryAccount, harts: number) {
    this.code = ownPages(memory);
    memory.frames.physical.u8.set(vdsoImage(), this.code.frame(0) * PAGE_SIZE);
    this.data = ownPages(memory);
    this.askingData = ownPages(memory);
    const { u32 } = memory.frames.physical;
    for (const data of [this.data, this.askingData]) {
      const at = dataAt(data);
      u32[(at + PROBES) >>> 2] = PROBED_VALUES.length;
      PROBED_VALUES.forEach((value, key) => {
        u32[(at + PROBED + key * 8) >>> 2] = value % 2 ** 32;
        u32[(at + PROBED + key * 8 + 4) >>> 2] = Math.floor(value / 2 ** 32);
      });
      u32[(at + IS_SINGLE_HART) >>> 2] = harts === 1 ? 1 : 0;
    }
    const clocks = [...REALTIME_CLOCKS, ...ELAPSED_CLOCKS];
    u32[(dataAt(this.data) + CLOCKS) >>> 2] = bits(clocks);
    u32[(dataAt(this.data) + RESOLUTIONS) >>> 2] = bits(clocks.filter((clock) => !COARSE_CLOCKS.includes(clock)));
  }

  /** CLOCK_REALTIME is so far ahead of CLOCK_MONOTONIC. Without memory programs are told later (`isBehind`). */
  setRealtime({ seconds, nanoseconds }: { seconds: number; nanoseconds: number }): void {
    const { u32 } = this.data.frames.physical;
    // Forks share the page until one's clock is set.
    const frame = this.data.ownFrame(0);
    this.isBehind = frame < 0;
    if (this.isBehind) return;
    const offset = BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds);
    for (const clock of REALTIME_CLOCKS) {
      const at = (frame * PAGE_SIZE + OFFSETS + clock * 8) >>> 2;
      u32[at] = Number(BigInt.asUintN(32, offset));
      u32[at + 1] = Number(BigInt.asUintN(32, offset >> 32n));
    }
  }

  /** @param mayRead  the space's clocks are the machine's */
  map(space: AddressSpace, mayRead: boolean): void {
    const pages = { file: null, pages: this.code, offset: 0, label: VDSO_LABEL };
    this.code.retainMapping();
    space.insert(
      new Area(VDSO_BASE, VDSO_BASE + PAGE_SIZE, PROT_READ | PROT_EXEC, MAP_PRIVATE | AREA_NO_EXPAND, pages),
    );
    this.#mapData(space, DATA_BASE, mayRead);
  }

  /** The space's clocks are others from now on (time_namespaces(7)). */
  changeClocks(space: AddressSpace, mayRead: boolean): void {
    for (const area of space.areas) {
      if (area.label !== VDSO_DATA_LABEL) continue;
      const { start } = area;
      space.removeAreas(start, area.end);
      this.#mapData(space, start, mayRead);
      return;
    }
  }

  /** The kernel is about to be a copy of another, which has pages of its own. */
  abandon(): void {
    for (const pages of [this.code, this.data, this.askingData]) pages.abandon();
  }

  #mapData(space: AddressSpace, at: number, mayRead: boolean): void {
    const pages = mayRead ? this.data : this.askingData;
    pages.retainMapping();
    space.insert(
      new Area(at, at + PAGE_SIZE, PROT_READ, MAP_SHARED | AREA_NEVER_WRITABLE | AREA_NO_DUMP | AREA_NO_EXPAND, {
        file: null,
        pages,
        offset: 0,
        label: VDSO_DATA_LABEL,
      }),
    );
  }

  static {
    stateClass("Vdso", this);
  }
}

/** A page of the kernel's own, whoever maps it. */
function ownPages(memory: MemoryAccount): PageCache {
  const pages = new PageCache(memory, null);
  pages.anonymousUsers = 1;
  pages.frame(0);
  return pages;
}

/** Physical address of the data. */
function dataAt(pages: PageCache): number {
  return pages.frame(0) * PAGE_SIZE;
}

function bits(numbers: readonly number[]): number {
  return numbers.reduce((mask, number) => mask | (1 << number), 0);
}
