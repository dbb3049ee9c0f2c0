/**
 * What kernels share that run by turns on one processor (docs/decisions/0017-board.md). What a kernel sees of it is the
 * same whoever else is there: its memory was promised to it, instructions are counted for it alone.
 *
 *     Board   physical memory · frames · slots of flat tables · processor, its code cache and translations ·
 *             places of libraries · pages of images
 *       └ Kernel × n   tasks, files, mounts, network, clock, entropy, limits; its account of frames, its tally of
 *                      instructions
 *
 * Kernels take turns: `enter` before one runs, on one thread, and never while another one runs.
 */
import { PAGE_SIZE } from "@stratos/abi";
import { assert, forgetLastCalls, stateClass } from "@stratos/base";
import type { PhysicalMemory, Processor, ProcessorHooks } from "@stratos/riscv";
import { FrameAllocator } from "../frames/frame-allocator.ts";
import { ImagePages } from "../frames/image-pages.ts";
import { PageCache } from "../frames/page-cache.ts";
import { LibraryPlaces } from "../mm/library-places.ts";
import { SlotPool } from "../mm/slot-pool.ts";
import { timeTicks } from "../time/timebase.ts";
import type { Kernel } from "./kernel-state.ts";

/** What a kernel does when its program leaves user mode (run-loop.ts). */
interface LeavingUserMode {
  handleEcall(kernel: Kernel): number;
  handleTlbMiss(kernel: Kernel, address: number, forWrite: boolean): boolean;
}

export class Board {
  readonly physical: PhysicalMemory;
  readonly frames: FrameAllocator;
  processor: Processor;
  readonly slots: SlotPool;
  readonly libraryPlaces = new LibraryPlaces();
  readonly images: ImagePages;
  /** Bound: the memory that each was promised. */
  readonly kernels = new Set<Kernel>();
  /** Whose turn it is, or was last; null: nobody's yet. */
  current: Kernel | null = null;
  #lastNumber = 0;

  constructor(
    physical: PhysicalMemory,
    createProcessor: (hooks: ProcessorHooks) => Processor,
    { handleEcall, handleTlbMiss }: LeavingUserMode,
  ) {
    this.physical = physical;
    this.frames = new FrameAllocator(physical);
    this.images = new ImagePages(this.frames);
    this.slots = new SlotPool(this);
    this.processor = createProcessor({
      onEcall: () => handleEcall(this.current!),
      onTlbMiss: (va, forWrite) => handleTlbMiss(this.current!, va, forWrite),
      onReadTime: () => timeTicks(this.current!),
    });
    this.processor.code.onEvict = () => this.slots.unmapAllCode();
    this.frames.onCodeGone = (frame) => this.processor.code.frameGone(frame * PAGE_SIZE);
  }

  /** Bytes of memory that a new kernel may be promised. */
  get freeBytes(): number {
    return this.frames.unpromised * PAGE_SIZE;
  }

  /** What nobody was promised is the kernel's forks': it sees no more memory itself. */
  promiseRest({ memory }: Kernel): void {
    this.frames.promiseRest(memory);
  }

  /** @returns a number that no other kernel of the board has, or had */
  add(kernel: Kernel): number {
    this.kernels.add(kernel);
    return ++this.#lastNumber;
  }

  /** The kernel's turn begins. */
  enter(kernel: Kernel): void {
    if (this.current === kernel) return;
    assert(this.kernels.has(kernel), "a kernel that has ended gets no turn");
    this.current = kernel;
    this.processor.serve(kernel.tally);
  }

  /**
   * A kernel is no more, in whatever state its tasks are: its frames, slots, translations and its promise of memory are
   * the board's again. Nothing of it may be called afterwards. Not while one runs.
   */
  end(kernel: Kernel): void {
    if (!this.kernels.delete(kernel)) return;
    kernel.isStopped = true;
    while (kernel.reaper.run());
    for (const space of kernel.spaces) space.abandon();
    for (const cache of kernel.memory.caches) if (cache instanceof PageCache) cache.abandon();
    for (const holder of kernel.memory.holders) holder.abandon();
    this.frames.release(kernel.zeroFrame);
    for (const image of kernel.images) image.users--;
    this.frames.close(kernel.memory);
    this.processor.code.forget(kernel.codePrefix);
    if (this.current === kernel) this.current = null;
    forgetLastCalls();
  }

  /** A fork that could not be made: what it has of the board. */
  drop(fork: Kernel): void {
    this.kernels.delete(fork);
    fork.isStopped = true;
    if (this.current === fork) this.current = null;
    this.frames.closeIfOpen(fork.memory);
  }

  static {
    stateClass("Board", this, {
      save: (it) => ({ lastNumber: it.#lastNumber }),
      load: (it, from) => ({ lastNumber: it.#lastNumber } = from),
    });
  }
}
