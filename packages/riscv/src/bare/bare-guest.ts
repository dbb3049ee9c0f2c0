import type { AddressMode } from "../access.ts";
import { createProcessor } from "../create-processor.ts";
import { ExitReason } from "../exit-reason.ts";
import { HART_FAULT, HART_PC, HART_X } from "../hart-state.ts";
import { PhysicalMemory } from "../physical-memory.ts";
import type { CodeRegion } from "../code-region.ts";
import type { Processor, ProcessorOptions } from "../processor.ts";

/**
 * The smallest computer around a processor: one static ELF in one address space, pages mapped as they are touched, and
 * the few system calls that such programs make. For tests and benches of the engine alone; the kernel is another
 * package.
 */
const PAGE = 4096;
const STACK_TOP = 0x7fff_0000;
const STACK_SIZE = 8 << 20;
const BREAK_LIMIT = 256 << 20;
/** In the window mode: host address − address. */
const WINDOW = 0x20000000;

interface Area {
  start: number;
  end: number;
  writable: boolean;
  code: CodeRegion | null;
  frames: Map<number, number>;
  image: Uint8Array | null;
  imageStart: number;
}

interface BareOptions extends Omit<ProcessorOptions, "physical" | "hooks"> {
  frameBytes?: number;
  argv?: readonly string[];
  /** Instructions for each `run`. Default: a million. */
  slice?: number;
  /** Stops after so many instructions each, and goes on. Default: never. */
  stopEvery?: number;
  /** Default: paged. In the window mode every eighth page lies outside of the window. */
  mode?: AddressMode;
}

export class BareGuest {
  readonly processor: Processor;
  readonly physical: PhysicalMemory;
  output: string;
  exitStatus: number;
  /** Set when the guest did what we can't do. */
  failure: string;
  readonly #areas: Area[];
  readonly #slot: number;
  readonly #slice: number;
  readonly #stopEvery: number | undefined;
  readonly #isKept: boolean;
  #nextFrame: number;
  readonly #break: Area;
  #programBreak: number;

  constructor(elf: Uint8Array, options: BareOptions) {
    const { frameBytes, argv, slice, stopEvery, mode, ...rest } = options;
    const frameSpace = frameBytes ?? 64 << 20;
    this.physical = new PhysicalMemory(options.engine, {
      frameBytes: frameSpace,
      slotCount: 2,
      codePages: 1024,
      windows: mode === "window",
    });
    this.processor = createProcessor({ ...rest, physical: this.physical, hooks: { onEcall: () => this.#ecall() } });
    this.processor.mode = mode ?? "paged";
    this.output = "";
    this.exitStatus = -1;
    this.failure = "";
    this.#areas = [];
    this.#isKept = options.archive !== undefined;
    this.#slice = slice ?? 1_000_000;
    this.#stopEvery = stopEvery;
    // Downwards, so that a page's neighbour in memory is not the next page: who reads beyond its end reads wrongly.
    this.#nextFrame = this.physical.framesStart + frameSpace - PAGE;
    this.#slot = this.processor.tables.acquire(WINDOW);
    this.processor.tables.activate(this.#slot);
    const entry = this.#loadElf(elf);
    const imageEnd = Math.max(...this.#areas.map((area) => area.end));
    this.#break = this.#addArea(imageEnd + (16 << 20), imageEnd + (16 << 20), true, null, 0);
    this.#programBreak = this.#break.start;
    this.#addArea(STACK_TOP - STACK_SIZE, STACK_TOP, true, null, 0);
    this.physical.u32[HART_PC >>> 2] = entry;
    this.#prepareStack(argv ?? ["guest"], elf);
  }

  /** Runs to the guest's exit, or until `limit` instructions are done. */
  run(limit = Infinity): void {
    while (this.exitStatus < 0 && this.failure === "" && this.processor.statistics.instructions < limit)
      this.step(this.#slice);
  }

  /** One slice. */
  step(fuel: number): ExitReason {
    const reason = this.#stopEvery === undefined ? this.processor.run(fuel) : this.#runStopping(fuel, this.#stopEvery);
    const pc = this.physical.u32[HART_PC >>> 2] as number;
    if (reason === ExitReason.MEMORY) this.#memoryFault(pc);
    else if (reason === ExitReason.FETCH) this.#fetchFault();
    else if (reason === ExitReason.ILLEGAL || reason === ExitReason.BREAKPOINT)
      this.failure = `exit ${reason} at ${pc.toString(16)}`;
    return reason;
  }

  #runStopping(fuel: number, stopEvery: number): ExitReason {
    const { processor } = this;
    let left = fuel;
    for (let passes = false; ; passes = true) {
      const before = processor.statistics.instructions;
      const reason = processor.runExactly(left, { after: stopEvery, passes });
      const done = processor.statistics.instructions - before;
      if (reason !== ExitReason.STOP) return reason;
      if (done !== stopEvery) this.failure = `stopped after ${done} instructions instead of ${stopEvery}`;
      left -= done;
    }
  }

  /** Every page faults again, as with a kernel that recycles slots or runs another address space. */
  forgetPages(): void {
    if (this.processor.mode === "wide") this.processor.tlb.flush();
    else this.processor.tables.unmap(this.#slot, 0, 2 ** 32);
  }

  x(register: number): number {
    const low = this.physical.u32[(HART_X + register * 8) >>> 2] as number;
    const high = this.physical.i32[(HART_X + register * 8 + 4) >>> 2] as number;
    return high * 2 ** 32 + low;
  }

  setX(register: number, value: number): void {
    this.physical.u32[(HART_X + register * 8) >>> 2] = ((value % 2 ** 32) + 2 ** 32) % 2 ** 32;
    this.physical.i32[(HART_X + register * 8 + 4) >>> 2] = Math.floor(value / 2 ** 32);
  }

  /** Physical address of one byte, for reading; −1 when no area covers it. */
  physicalOf(va: number): number {
    const area = this.#areas.find((candidate) => va >= candidate.start && va < candidate.end);
    return area === undefined ? -1 : this.#frame(area, va) + (va & (PAGE - 1));
  }

  #memoryFault(pc: number): void {
    const access = this.processor.faultingAccess();
    const last = access.va + access.size - 1;
    for (const va of [access.va, last]) {
      const area = this.#areas.find((candidate) => va >= candidate.start && va < candidate.end);
      if (area === undefined || (access.kind !== "load" && !area.writable)) {
        this.failure = `${access.kind} of ${access.va.toString(16)} at ${pc.toString(16)}`;
        return;
      }
      const page = va - (va % PAGE);
      if (this.processor.mode === "wide") this.processor.tlb.map(page, this.#frame(area, va), area.writable);
      else this.processor.tables.map(this.#slot, page, this.#frame(area, va), area.writable);
    }
    if (access.va % access.size !== 0 && this.processor.emulateMisaligned((va) => this.physicalOf(va)) !== 0)
      this.failure = `misaligned AMO at ${pc.toString(16)}`;
  }

  #fetchFault(): void {
    const va = this.physical.u32[HART_FAULT >>> 2] as number;
    const area = this.#areas.find(
      (candidate) => candidate.code !== null && va >= candidate.start && va < candidate.end,
    );
    if (area === undefined) {
      this.failure = `fetch of ${va.toString(16)}`;
      return;
    }
    const page = (va & ~(PAGE - 1)) >>> 0;
    this.processor.tables.mapCode(this.#slot, page, area.code!.page(page, this.#frame(area, page)));
  }

  #frame(area: Area, va: number): number {
    const page = Math.floor(va / PAGE) * PAGE;
    let frame = area.frames.get(page);
    if (frame !== undefined) return frame;
    if (this.processor.mode === "window" && (page / PAGE) % 8 !== 7) frame = page + WINDOW;
    else {
      frame = this.#nextFrame;
      this.#nextFrame -= PAGE;
    }
    area.frames.set(page, frame);
    if (area.image !== null) {
      const from = page - area.imageStart;
      const bytes = area.image.subarray(Math.max(0, from), Math.max(0, from + PAGE));
      this.physical.u8.set(bytes, frame + Math.max(0, -from));
    }
    return frame;
  }

  #addArea(
    start: number,
    end: number,
    writable: boolean,
    image: Uint8Array | null,
    imageStart: number,
    executable = false,
  ): Area {
    const code = executable ? this.#openCode(start, end) : null;
    const area: Area = { start, end, writable, code, frames: new Map(), image, imageStart };
    this.#areas.push(area);
    return area;
  }

  /** With an archive the program's code has a name, by which later guests find it. */
  #openCode(start: number, end: number): CodeRegion {
    const { code, mode } = this.processor;
    if (!this.#isKept) return code.open(null, start, end, mode);
    return code.open("bare", start, end, mode, () => ({ head: new Uint8Array(0), detail: `${end - start}` }));
  }

  #loadElf(elf: Uint8Array): number {
    const view = new DataView(elf.buffer, elf.byteOffset, elf.byteLength);
    const u64 = (at: number): number => view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
    const headers = u64(32);
    for (let i = 0; i < view.getUint16(56, true); i++) {
      const at = headers + i * 56;
      if (view.getUint32(at, true) !== 1) continue; // PT_LOAD
      const flags = view.getUint32(at + 4, true);
      const [offset, va, fileSize, memorySize] = [u64(at + 8), u64(at + 16), u64(at + 32), u64(at + 40)];
      const start = va & ~(PAGE - 1);
      const end = (va + memorySize + PAGE - 1) & ~(PAGE - 1);
      this.#addArea(start, end, (flags & 2) !== 0, elf.slice(offset, offset + fileSize), va, (flags & 1) !== 0);
    }
    return u64(24);
  }

  #poke(va: number, bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i++) this.physical.u8[this.physicalOf(va + i)] = bytes[i] as number;
  }

  /** argc, argv, no environment, and the auxiliary vector that static start-up code reads. */
  #prepareStack(argv: readonly string[], elf: Uint8Array): void {
    let at = STACK_TOP - 4096;
    const pointers: number[] = [];
    for (const text of argv) {
      const bytes = new Uint8Array(text.length + 1);
      for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
      this.#poke(at, bytes);
      pointers.push(at);
      at += bytes.length;
    }
    const random = STACK_TOP - 64;
    const headers = (this.#areas[0] as Area).start + new DataView(elf.buffer, elf.byteOffset).getUint32(32, true);
    const auxiliary = [3, headers, 4, 56, 5, elf[56] as number, 6, PAGE, 25, random, 23, 0, 0, 0];
    const words = [argv.length, ...pointers, 0, 0, ...auxiliary];
    const sp = STACK_TOP - 8192 - Math.ceil(words.length / 2) * 16;
    const bytes = new Uint8Array(words.length * 8);
    const view = new DataView(bytes.buffer);
    words.forEach((word, index) => view.setUint32(index * 8, word, true));
    this.#poke(sp, bytes);
    this.setX(2, sp);
  }

  #ecall(): number {
    const number = this.x(17);
    switch (number) {
      case 64: // write
        this.#write(this.x(11), this.x(12));
        this.setX(10, this.x(12));
        return 0;
      case 66: {
        // writev
        let total = 0;
        for (let i = 0; i < this.x(12); i++) {
          const entry = this.physicalOf(this.x(11) + i * 16) >>> 2;
          this.#write(this.physical.u32[entry] as number, this.physical.u32[entry + 2] as number);
          total += this.physical.u32[entry + 2] as number;
        }
        this.setX(10, total);
        return 0;
      }
      case 226: // mprotect: everything stays as it is
        this.setX(10, 0);
        return 0;
      case 93:
      case 94: // exit, exit_group
        this.exitStatus = this.x(10) & 255;
        return 1;
      case 214: {
        // brk
        const wanted = this.x(10);
        if (wanted >= this.#break.start && wanted < this.#break.start + BREAK_LIMIT) {
          this.#programBreak = wanted;
          this.#break.end = Math.ceil(wanted / PAGE) * PAGE;
        }
        this.setX(10, this.#programBreak);
        return 0;
      }
      default:
        this.setX(10, -38); // ENOSYS
        return 0;
    }
  }

  #write(va: number, count: number): void {
    let text = "";
    for (let i = 0; i < count; i++) text += String.fromCharCode(this.physical.u8[this.physicalOf(va + i)] as number);
    this.output += text;
  }
}
