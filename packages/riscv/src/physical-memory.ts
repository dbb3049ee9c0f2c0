import type { WasmEngine, WasmMemory } from "@stratos/host";
import type { PhysicalAddress } from "./addresses.ts";

/** One record of 16 bytes for each halfword of a 4 KiB page. */
export const CODE_PAGE_SIZE = 32768;
/** Read table, write table, code table: 2^20 entries of 4 bytes each. */
export const SLOT_SIZE = 12 << 20;
const CODE_ARENA_START = 1 << 20;
const CODE_PAGES = 4096;
const SLOTS = 48;
/** With windows a slot has bytes for them (access.ts): one for each page, and seven times as many that stay zero. */
const WINDOW_SLOT_SIZE = SLOT_SIZE + (8 << 20);
const WINDOW_SLOTS = 24;
/** All that a WebAssembly memory can have. */
const MEMORY_MAX = 2 ** 32;

function framesStart(codePages: number, slotBytes: number): number {
  return CODE_ARENA_START + codePages * CODE_PAGE_SIZE + slotBytes;
}

/**
 * The computer's only memory: one WebAssembly memory of fixed size.
 *
 * ```
 * 0           null code page: 2048 records that say "fetch fault" (an empty code-table entry points here)
 * 32 KiB      hart state (hart-state.ts), engine scratch: TLBs (access.ts), tables of AES (lower/aes.ts), tail records
 * 1 MiB       code arena: predecoded code pages, 32 KiB each
 * + arena     address-space slots: 12 MiB each (read table, write table, code table), touched lazily
 * framesStart frames of 4 KiB, owned by the kernel, up to `framesEnd`
 * framesEnd   with windows: frames that are used in the place of others, up to `size`
 * ```
 *
 * The host commits pages when they are first touched, so what is reserved and unused costs nothing. Everything stays
 * below 2 GiB unless the user asks for more memory, because indexes up to 2^31 are small integers for the host's
 * compiler.
 */
export class PhysicalMemory {
  /**
   * Most bytes of frames beside the arena and the slots of a machine as it is made by default: one WebAssembly memory
   * has 4 GiB.
   */
  static readonly FRAME_BYTES_MAX = 2 ** 32 - framesStart(CODE_PAGES, SLOTS * SLOT_SIZE);
  readonly memory: WasmMemory;
  readonly size: number;
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly i32: Int32Array;
  readonly u32: Uint32Array;
  readonly f64: Float64Array;
  readonly codeArenaStart: PhysicalAddress;
  readonly codeArenaEnd: PhysicalAddress;
  readonly slotsStart: PhysicalAddress;
  readonly slotCount: number;
  readonly slotSize: number;
  readonly framesStart: PhysicalAddress;
  readonly framesEnd: PhysicalAddress;
  /** Are there frames for windows (access.ts)? */
  readonly hasWindows: boolean;

  /**
   * @param options.frameBytes  bytes for frames; rounded up to 64 KiB. The sum with arena and slots is at most 4 GiB.
   * @param options.windows  the memory has all the 4 GiB that it can have
   */
  constructor(
    engine: WasmEngine,
    options: { frameBytes: number; slotCount?: number; codePages?: number; windows?: boolean },
  ) {
    this.hasWindows = options.windows === true;
    this.slotSize = this.hasWindows ? WINDOW_SLOT_SIZE : SLOT_SIZE;
    const codePages = options.codePages ?? CODE_PAGES;
    this.slotCount = options.slotCount ?? (this.hasWindows ? WINDOW_SLOTS : SLOTS);
    this.codeArenaStart = CODE_ARENA_START;
    this.codeArenaEnd = this.codeArenaStart + codePages * CODE_PAGE_SIZE;
    this.slotsStart = this.codeArenaEnd;
    this.framesStart = framesStart(codePages, this.slotCount * this.slotSize);
    this.framesEnd = Math.ceil((this.framesStart + options.frameBytes) / 65536) * 65536;
    this.size = this.hasWindows ? MEMORY_MAX : this.framesEnd;
    this.memory = engine.createMemory(this.size / 65536);
    const buffer = this.memory.buffer;
    this.u8 = new Uint8Array(buffer);
    this.u16 = new Uint16Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.f64 = new Float64Array(buffer);
  }
}
