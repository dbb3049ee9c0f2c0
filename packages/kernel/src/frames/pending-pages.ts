/**
 * Content of frames that is still where a saved machine was read from, and is copied when somebody first touches the
 * frame, or little by little by whoever has time. Only frames that nothing but page tables refer to can wait: all ways
 * to them lead over an entry (`AddressSpace.publish`, `translate`, mm/page-fault.ts).
 */
import { PAGE_SIZE } from "@stratos/abi";
import type { Frame } from "./frame.ts";

export class PendingPages {
  readonly #memory: Uint8Array;
  readonly #frames: Uint32Array;
  readonly #pages: Uint8Array;
  readonly #first: Frame;
  /** By (frame − first): 1 + the page's index; 0: the frame has its content. */
  readonly #waiting: Int32Array;
  /** The first one in `#frames` that may be waiting. */
  #next = 0;
  /** How many wait. */
  count: number;

  /** @param frames  ascending, none below `first`. @param pages  theirs, in that order; to be left as they are */
  constructor(memory: Uint8Array, first: Frame, frames: Uint32Array, pages: Uint8Array) {
    this.#memory = memory;
    this.#first = first;
    this.#frames = frames;
    this.#pages = pages;
    this.count = frames.length;
    this.#waiting = new Int32Array(frames.length === 0 ? 0 : frames.at(-1)! - first + 1);
    for (let index = 0; index < frames.length; index++) this.#waiting[frames[index]! - first] = index + 1;
  }

  /** The frame has its content afterwards. */
  settle(frame: Frame): void {
    const at = frame - this.#first;
    if (!(this.#waiting[at]! > 0)) return;
    const from = (this.#waiting[at]! - 1) * PAGE_SIZE;
    this.#waiting[at] = 0;
    this.count--;
    this.#memory.set(this.#pages.subarray(from, from + PAGE_SIZE), frame * PAGE_SIZE);
  }

  isWaiting(frame: Frame): boolean {
    return this.#waiting[frame - this.#first]! > 0;
  }

  /** The frame is free: its content is nobody's. */
  forget(frame: Frame): void {
    if (!this.isWaiting(frame)) return;
    this.#waiting[frame - this.#first] = 0;
    this.count--;
  }

  /** Settles the next ones in order, up to so many. */
  settleNext(most: number): void {
    const end = Math.min(this.#frames.length, this.#next + most);
    for (; this.#next < end && this.count > 0; this.#next++) this.settle(this.#frames[this.#next]!);
  }
}
