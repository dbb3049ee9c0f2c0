import { PAGE_SIZE, PIPE_BUF, POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM } from "@stratos/abi";
import { stateClass, StateError } from "@stratos/base";
import type { FrameCount, FrameHolder } from "../../frames/memory-account.ts";
import type { Identified } from "../../ground/identity.ts";
import { WaitQueue } from "../../ground/wait-queue.ts";
import type { IoCursor } from "../../ground/io-cursor.ts";
import type { FsCaller, FsKernel } from "../fs-kernel.ts";

/**
 * The byte queue behind a pipe or fifo: a ring of frames of physical memory, so that what goes through never leaves it.
 * Frames come when first needed; an emptied ring starts over at its first frame, so a pipe of small messages holds one.
 *
 * Bytes lie at ring positions `[#start, #start + length)` modulo `capacity`.
 */
export class Pipe implements FrameHolder, Identified {
  #kernel: FsKernel;
  #frames: Int32Array;
  /** Who made it: its pages count for that user (pipe-limits.ts), until both ends are gone. */
  #uid: number;
  #charged = 0;
  #start = 0;
  length = 0;
  readers = 0;
  writers = 0;
  /** How often it was opened for writing. */
  writersEver = 0;
  /**
   * Who waits in open(2) of a fifo for the other side, and whether it came: it takes the waiter's count for him then,
   * so that he sees it even if it left again.
   */
  readonly waitingReaders = new Map<FsCaller, boolean>();
  readonly waitingWriters = new Map<FsCaller, boolean>();
  identity = 0;
  /** Woken on every change of content or of ends. */
  readonly queue = new WaitQueue();

  /** @param pages  its capacity */
  constructor(kernel: FsKernel, uid: number, pages: number) {
    this.#kernel = kernel;
    this.#uid = uid;
    this.#frames = new Int32Array(pages);
    this.charge();
  }

  /** Counts its pages for its user; again when a fifo whose ends were gone is opened anew. */
  charge(): void {
    this.#kernel.pipeLimits.charge(this.#uid, this.#frames.length - this.#charged);
    this.#charged = this.#frames.length;
    this.#kernel.memory.holders.add(this);
  }

  get capacity(): number {
    return this.#frames.length * PAGE_SIZE;
  }

  get space(): number {
    return this.capacity - this.length;
  }

  /** Appends at most `count` bytes; returns how many fitted, or −EFAULT, −ENOMEM when none did. */
  push(from: IoCursor, count: number): number {
    const memory = this.#kernel.physical.u8;
    const frames = this.#frames;
    const capacity = this.capacity;
    const wanted = Math.min(count, capacity - this.length);
    let done = 0;
    while (done < wanted) {
      const position = (this.#start + this.length) % capacity;
      const within = position % PAGE_SIZE;
      const slot = (position - within) / PAGE_SIZE;
      let frame = frames[slot]!;
      if (frame === 0) {
        frame = this.#kernel.frames.allocate(this.#kernel.memory);
        if (frame < 0) return done > 0 ? done : frame;
        frames[slot] = frame;
      }
      const part = Math.min(wanted - done, PAGE_SIZE - within);
      const moved = from.take(memory, frame * PAGE_SIZE + within, part);
      if (moved < 0) return done > 0 ? done : moved;
      this.length += moved;
      done += moved;
      if (moved < part) break;
    }
    return done;
  }

  /**
   * Moves at most `count` bytes out, starting `skip` bytes behind the oldest.
   * @param keep  leave them in the pipe (tee)
   */
  pull(to: IoCursor, count: number, keep = false, skip = 0): number {
    const memory = this.#kernel.physical.u8;
    const frames = this.#frames;
    const capacity = this.capacity;
    const wanted = Math.min(count, this.length - skip);
    let done = 0;
    while (done < wanted) {
      const position = (this.#start + (keep ? skip + done : 0)) % capacity;
      const within = position % PAGE_SIZE;
      const part = Math.min(wanted - done, PAGE_SIZE - within);
      const moved = to.put(memory, frames[(position - within) / PAGE_SIZE]! * PAGE_SIZE + within, part);
      if (moved < 0) return done > 0 ? done : moved;
      done += moved;
      if (!keep) {
        this.length -= moved;
        this.#start = this.length === 0 ? 0 : (this.#start + moved) % capacity;
      }
      if (moved < part) break;
    }
    return done;
  }

  /** Takes `count` bytes off unread (splice to a place that took copies). */
  discard(count: number): void {
    this.length -= count;
    this.#start = this.length === 0 ? 0 : (this.#start + count) % this.capacity;
  }

  /** F_SETPIPE_SZ: `bytes` is a multiple of 4096 and at least `length`. False when no frame is left. */
  resize(bytes: number): boolean {
    const memory = this.#kernel.physical.u8;
    const frames = new Int32Array(bytes / PAGE_SIZE);
    const length = this.length;
    for (let at = 0; at < length; at += PAGE_SIZE) {
      const frame = this.#kernel.frames.allocate(this.#kernel.memory);
      if (frame < 0) {
        for (const other of frames) if (other > 0) this.#kernel.frames.release(other);
        return false;
      }
      frames[at / PAGE_SIZE] = frame;
      for (let done = 0; done < Math.min(PAGE_SIZE, length - at);) {
        const position = (this.#start + at + done) % this.capacity;
        const within = position % PAGE_SIZE;
        const part = Math.min(PAGE_SIZE - within, Math.min(PAGE_SIZE, length - at) - done);
        const source = this.#frames[(position - within) / PAGE_SIZE]! * PAGE_SIZE + within;
        memory.copyWithin(frame * PAGE_SIZE + done, source, source + part);
        done += part;
      }
    }
    this.abandon();
    this.#frames = frames;
    this.#start = 0;
    this.charge();
    return true;
  }

  abandon(): void {
    for (let slot = 0; slot < this.#frames.length; slot++) {
      if (this.#frames[slot]! > 0) this.#kernel.frames.release(this.#frames[slot]!);
      this.#frames[slot] = 0;
    }
  }

  countFrames(count: FrameCount): void {
    for (const frame of this.#frames) if (frame > 0) count.reference(frame);
  }

  /** In a fork: what the original holds, in frames of its own. */
  #takeCopies(): void {
    const { frames, memory, physical } = this.#kernel;
    for (let slot = 0; slot < this.#frames.length; slot++) {
      const source = this.#frames[slot]!;
      this.#frames[slot] = 0;
      if (source === 0 || this.length === 0) continue;
      const copy = frames.allocate(memory);
      if (copy < 0) throw new StateError("unsavable", "there is no memory for the bytes in pipes");
      physical.u8.copyWithin(copy * PAGE_SIZE, source * PAGE_SIZE, (source + 1) * PAGE_SIZE);
      this.#frames[slot] = copy;
    }
  }

  /** Both ends are gone: what nobody read is lost. */
  clear(): void {
    this.abandon();
    this.#kernel.memory.holders.delete(this);
    this.#kernel.pipeLimits.charge(this.#uid, -this.#charged);
    this.#charged = 0;
    this.length = 0;
    this.#start = 0;
  }

  /** @param writersBefore  `writersEver` when the reader came and did not wait for the first writer; else −1 */
  poll(isReader: boolean, isWriter: boolean, writersBefore: number): number {
    let ready = 0;
    if (isReader) {
      if (this.length > 0) ready |= POLLIN | POLLRDNORM;
      if (this.writers === 0 && this.writersEver !== writersBefore) ready |= POLLHUP;
    }
    if (isWriter) {
      // Room for one atomic write makes a pipe writable (Linux: a free buffer slot).
      if (this.space >= PIPE_BUF) ready |= POLLOUT | POLLWRNORM;
      if (this.readers === 0) ready |= POLLERR;
    }
    return ready;
  }

  static {
    stateClass(
      "Pipe",
      this,
      {
        save: (it) => ({
          kernel: it.#kernel,
          frames: it.#frames,
          uid: it.#uid,
          charged: it.#charged,
          start: it.#start,
        }),
        load: (it, from) =>
          ({ kernel: it.#kernel, frames: it.#frames, uid: it.#uid, charged: it.#charged, start: it.#start } = from),
      },
      { copied: (it) => it.#takeCopies() },
    );
  }
}
