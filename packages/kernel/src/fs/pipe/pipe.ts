import { EFAULT, PAGE_SIZE, POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM } from "@stratos/abi";
import { stateClass, StateError } from "@stratos/base";
import type { Frame } from "../../frames/frame.ts";
import type { FrameCount, FrameHolder } from "../../frames/memory-account.ts";
import type { Identified } from "../../ground/identity.ts";
import { WaitQueue } from "../../ground/wait-queue.ts";
import type { IoCursor } from "../../ground/io-cursor.ts";
import type { FsCaller, FsKernel } from "../fs-kernel.ts";

/**
 * Of a slot: further bytes may join those in its page; a read takes it alone and loses what it leaves (pipe2(2)); its
 * page is a process's, which may write it (vmsplice(2)).
 */
const MERGES = 1,
  PACKET = 2,
  REFERS = 4;

/**
 * What waits in a pipe or fifo: a ring of slots, each with a part of one page, as Linux's pipe_buffer (fs/pipe.c). A
 * pipe is full when its slots are used, however few bytes are in them: a write begins a slot for each page, and only
 * its odd bytes join the page that an earlier write left unfinished.
 *
 *     slots:    #first …            (#first + #used) modulo their number
 *     a slot:   frame[#starts, #starts + #lengths)
 *
 * Pages are frames of physical memory, so that what goes through never leaves it. They come when first needed and stay
 * with their slot; an emptied ring starts over at its first, so a pipe of small messages holds one.
 */
export class Pipe implements FrameHolder, Identified {
  #kernel: FsKernel;
  #frames: Int32Array;
  #starts: Uint16Array;
  #lengths: Uint16Array;
  #kinds: Uint8Array;
  #first = 0;
  #used = 0;
  /** Who made it: its pages count for that user (pipe-limits.ts), until both ends are gone. */
  #uid: number;
  #charged = 0;
  /** Bytes in all slots. */
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
    this.#starts = new Uint16Array(pages);
    this.#lengths = new Uint16Array(pages);
    this.#kinds = new Uint8Array(pages);
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

  get usedSlots(): number {
    return this.#used;
  }

  get isFull(): boolean {
    return this.#used === this.#frames.length;
  }

  /** Bytes that a write can put into slots of their own. */
  get space(): number {
    return (this.#frames.length - this.#used) * PAGE_SIZE;
  }

  /** The ring's slot behind `at` others. */
  #slot(at: number): number {
    const slot = this.#first + at;
    return slot < this.#frames.length ? slot : slot - this.#frames.length;
  }

  /** The page of the first free slot, which there is; −ENOMEM. */
  #freePage(): Frame {
    const slot = this.#slot(this.#used);
    let frame = this.#frames[slot]!;
    if (frame !== 0) return frame;
    frame = this.#kernel.frames.allocate(this.#kernel.memory);
    if (frame > 0) this.#frames[slot] = frame;
    return frame;
  }

  /** The first free slot holds the first bytes of its page from now on. */
  #use(start: number, count: number, kind: number): void {
    const slot = this.#slot(this.#used++);
    this.#starts[slot] = start;
    this.#lengths[slot] = count;
    this.#kinds[slot] = kind;
    this.length += count;
  }

  /** The oldest slot is done with. */
  #drop(): void {
    const slot = this.#first;
    if ((this.#kinds[slot]! & REFERS) !== 0) {
      this.#kernel.frames.release(this.#frames[slot]!);
      this.#frames[slot] = 0;
    }
    this.#used--;
    this.#first = this.#used === 0 ? 0 : this.#slot(1);
  }

  /**
   * What write(2) does with as many of `count` bytes as there are slots for.
   *
   * @param begins  the call's first bytes: only these may join a page that isn't full
   * @param isPacket  pipe2(2), O_DIRECT
   * @returns how many, 0 when it is full; −EFAULT, −ENOMEM when none could be moved
   */
  push(from: IoCursor, count: number, begins = true, isPacket = false): number {
    let done = begins ? this.#join(from, count) : 0;
    while (done >= 0 && done < count && !this.isFull) {
      const moved = this.#add(from, Math.min(count - done, PAGE_SIZE), isPacket ? PACKET : MERGES);
      if (moved < 0) return done > 0 ? done : moved;
      done += moved;
    }
    return done;
  }

  /** The odd bytes of a write go to the youngest page, if all of them fit. @returns how many went; −EFAULT */
  #join(from: IoCursor, count: number): number {
    const odd = count % PAGE_SIZE;
    if (odd === 0 || this.#used === 0) return 0;
    const slot = this.#slot(this.#used - 1);
    const end = this.#starts[slot]! + this.#lengths[slot]!;
    if ((this.#kinds[slot]! & MERGES) === 0 || end + odd > PAGE_SIZE) return 0;
    if (from.take(this.#kernel.physical.u8, this.#frames[slot]! * PAGE_SIZE + end, odd) < odd) return -EFAULT;
    this.#lengths[slot]! += odd;
    this.length += odd;
    return odd;
  }

  #add(from: IoCursor, count: number, kind: number): number {
    const frame = this.#freePage();
    if (frame < 0) return frame;
    if (from.take(this.#kernel.physical.u8, frame * PAGE_SIZE, count) < count) return -EFAULT;
    this.#use(0, count, kind);
    return count;
  }

  /**
   * Puts `count` bytes of a process's page into a slot without copying them: who reads them has what lies there then.
   * FUSE servers correct the head of a reply by that (libfuse, fuse_send_data_iov).
   *
   * @returns `count`; 0 when it is full
   */
  refer(place: number, count: number): number {
    if (this.isFull) return 0;
    const { frames } = this.#kernel;
    const slot = this.#slot(this.#used);
    const start = place % PAGE_SIZE;
    if (this.#frames[slot]! > 0) frames.release(this.#frames[slot]!);
    this.#frames[slot] = (place - start) / PAGE_SIZE;
    frames.retain(this.#frames[slot]!);
    this.#use(start, count, REFERS);
    return count;
  }

  /**
   * Puts a piece of at most a page into a slot of its own, which nothing joins: what splice(2), vmsplice(2) refer to.
   *
   * @returns 0 when it is full; −EFAULT, −ENOMEM
   */
  append(from: IoCursor, count: number): number {
    return this.isFull ? 0 : this.#add(from, count, 0);
  }

  /** What read(2) takes: at most `count` bytes, and of a packet no more than that one. −EFAULT when none. */
  pull(to: IoCursor, count: number): number {
    const memory = this.#kernel.physical.u8;
    let done = 0;
    while (done < count && this.#used > 0) {
      const slot = this.#first;
      const part = Math.min(count - done, this.#lengths[slot]!);
      const moved = to.put(memory, this.#frames[slot]! * PAGE_SIZE + this.#starts[slot]!, part);
      // A page that can't be given whole stays whole.
      if (moved < part) return done > 0 ? done : -EFAULT;
      done += part;
      const isPacket = (this.#kinds[slot]! & PACKET) !== 0;
      this.discard(isPacket ? this.#lengths[slot]! : part);
      if (isPacket) break;
    }
    return done;
  }

  /** Copies of the oldest `count` bytes at most, which stay. @returns how many */
  peek(into: Uint8Array, count: number): number {
    const memory = this.#kernel.physical.u8;
    let done = 0;
    for (let at = 0; at < this.#used && done < count; at++) {
      const slot = this.#slot(at);
      const part = Math.min(count - done, this.#lengths[slot]!);
      const start = this.#frames[slot]! * PAGE_SIZE + this.#starts[slot]!;
      into.set(memory.subarray(start, start + part), done);
      done += part;
    }
    return done;
  }

  /** Takes `count` bytes off unread (splice to a place that took copies). */
  discard(count: number): void {
    this.length -= count;
    while (count > 0) {
      const slot = this.#first;
      const part = Math.min(count, this.#lengths[slot]!);
      this.#starts[slot]! += part;
      this.#lengths[slot]! -= part;
      count -= part;
      if (this.#lengths[slot] === 0) this.#drop();
    }
  }

  /**
   * Slots go to another pipe, or copies of them: what splice(2) and tee(2) do between pipes.
   *
   * @param keep  they stay here as well (tee)
   * @returns bytes; 0 when there is nothing or no slot for it; −ENOMEM
   */
  transfer(target: Pipe, count: number, keep: boolean): number {
    const memory = this.#kernel.physical.u8;
    let done = 0;
    for (let at = 0; done < count && !target.isFull && at < this.#used; at += keep ? 1 : 0) {
      const slot = this.#slot(at);
      const length = this.#lengths[slot]!;
      const part = Math.min(count - done, length);
      const start = this.#starts[slot]!;
      if ((this.#kinds[slot]! & REFERS) !== 0) target.refer(this.#frames[slot]! * PAGE_SIZE + start, part);
      else {
        const frame = target.#freePage();
        if (frame < 0) return done > 0 ? done : frame;
        const isWhole = part === length && !keep;
        if (isWhole) {
          // Pages change places.
          target.#frames[target.#slot(target.#used)] = this.#frames[slot]!;
          this.#frames[slot] = frame;
        } else {
          const from = this.#frames[slot]! * PAGE_SIZE + start;
          memory.copyWithin(frame * PAGE_SIZE + start, from, from + part);
        }
        target.#use(start, part, this.#kinds[slot]! & (isWhole ? MERGES | PACKET : PACKET));
      }
      if (!keep) this.discard(part);
      done += part;
    }
    return done;
  }

  /** F_SETPIPE_SZ: `pages` slots, no fewer than are used. */
  resize(pages: number): void {
    const old = { frames: this.#frames, starts: this.#starts, lengths: this.#lengths, kinds: this.#kinds };
    this.#frames = new Int32Array(pages);
    this.#starts = new Uint16Array(pages);
    this.#lengths = new Uint16Array(pages);
    this.#kinds = new Uint8Array(pages);
    for (let at = 0; at < old.frames.length; at++) {
      const slot = (this.#first + at) % old.frames.length;
      const frame = old.frames[slot]!;
      if (at < this.#used) {
        this.#frames[at] = frame;
        this.#starts[at] = old.starts[slot]!;
        this.#lengths[at] = old.lengths[slot]!;
        this.#kinds[at] = old.kinds[slot]!;
      } else if (frame > 0) this.#kernel.frames.release(frame);
    }
    this.#first = 0;
    this.charge();
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
    const originals = this.#frames.slice();
    this.#frames.fill(0);
    for (let at = 0; at < this.#used; at++) {
      const slot = this.#slot(at);
      const copy = frames.allocate(memory);
      if (copy < 0) throw new StateError("unsavable", "there is no memory for the bytes in pipes");
      const source = originals[slot]! * PAGE_SIZE;
      physical.u8.copyWithin(copy * PAGE_SIZE, source, source + PAGE_SIZE);
      this.#frames[slot] = copy;
      this.#kinds[slot]! &= ~REFERS;
    }
  }

  /** Both ends are gone: what nobody read is lost. */
  clear(): void {
    this.abandon();
    this.#kernel.memory.holders.delete(this);
    this.#kernel.pipeLimits.charge(this.#uid, -this.#charged);
    this.#charged = 0;
    this.length = 0;
    this.#first = 0;
    this.#used = 0;
  }

  /** @param writersBefore  `writersEver` when the reader came and did not wait for the first writer; else −1 */
  poll(isReader: boolean, isWriter: boolean, writersBefore: number): number {
    let ready = 0;
    if (isReader) {
      if (this.#used > 0) ready |= POLLIN | POLLRDNORM;
      if (this.writers === 0 && this.writersEver !== writersBefore) ready |= POLLHUP;
    }
    if (isWriter) {
      if (!this.isFull) ready |= POLLOUT | POLLWRNORM;
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
          starts: it.#starts,
          lengths: it.#lengths,
          kinds: it.#kinds,
          first: it.#first,
          used: it.#used,
          uid: it.#uid,
          charged: it.#charged,
        }),
        load: (it, from) =>
          ({
            kernel: it.#kernel,
            frames: it.#frames,
            starts: it.#starts,
            lengths: it.#lengths,
            kinds: it.#kinds,
            first: it.#first,
            used: it.#used,
            uid: it.#uid,
            charged: it.#charged,
          } = from),
      },
      { copied: (it) => it.#takeCopies() },
    );
  }
}
