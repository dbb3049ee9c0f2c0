import { ENOBUFS } from "@stratos/abi";
import { IOU_PBUF_RING_INC, IoUringBuf } from "@stratos/abi/io-uring";
import { stateClass } from "@stratos/base";
import type { RingMemory } from "../../socket/packet/ring-memory.ts";

/** What buffers are read and written by: a program's memory. */
interface Memory {
  copyIn(address: number, into: Uint8Array, at: number, count: number): number;
  loadU32(address: number): number;
  storeU32(address: number, value: number): number;
  storeU64(address: number, value: number): number;
}

/** A buffer that a request has taken from its group. `count`: of a bundle, how many in a row. */
export interface HeldBuffer {
  readonly group: BufferGroup;
  readonly id: number;
  /** Pairs of address and length. */
  readonly segments: number[];
  /** How much of each there was, beyond what is wanted. */
  readonly lengths: number[];
  readonly count: number;
  /** Nothing is left in the group behind it (REQ_F_BL_EMPTY). */
  readonly isLast: boolean;
}

const entry = new Uint8Array(IoUringBuf.size);
const view = new DataView(entry.buffer);
/** Buffers of a bundle: as many as an iovec may have. */
const BUNDLE_MAX = 256;
/** Buffers of IORING_OP_PROVIDE_BUFFERS in one group: their numbers have 16 bits. */
export const PROVIDED_MAX = 65536;
/** Of the host's memory (RingFile.keep), without its buffers. */
export const GROUP_RECORDS = 2;

/**
 * Buffers that requests choose from (IOSQE_BUFFER_SELECT): a list that IORING_OP_PROVIDE_BUFFERS makes, or a ring in
 * memory that the program fills (IORING_REGISTER_PBUF_RING), of which it writes the tail and we keep the head.
 */
export class BufferGroup {
  readonly id: number;
  /** Of a ring: its number of entries, a power of two; 0: it is a list. */
  readonly entries: number;
  /** The ring's place in the program's memory, or in `memory`, which the kernel has made (IOU_PBUF_RING_MMAP). */
  readonly address: number;
  readonly memory: RingMemory | null;
  readonly flags: number;
  head = 0;
  /** IOU_PBUF_RING_INC: bytes of the first buffer that are used. */
  used = 0;
  /** The most that its list has held: RingFile.keep. */
  room = 0;
  readonly list: { address: number; length: number; id: number }[] = [];

  constructor(id: number, entries = 0, address = 0, memory: RingMemory | null = null, flags = 0) {
    this.id = id;
    this.entries = entries;
    this.address = address;
    this.memory = memory;
    this.flags = flags;
  }

  get isRing(): boolean {
    return this.entries > 0;
  }

  /**
   * Takes the next buffer, or for a bundle as many as `most` bytes need.
   * @param most  bytes; 0: as many as there are
   * @returns −ENOBUFS; −EFAULT where the ring's memory isn't there
   */
  take(space: Memory, most: number, isBundle: boolean): HeldBuffer | number {
    if (!this.isRing) {
      const first = this.list.shift();
      if (first === undefined) return -ENOBUFS;
      const length = most === 0 ? first.length : Math.min(most, first.length);
      const isLast = this.list.length === 0;
      return {
        group: this,
        id: first.id,
        segments: [first.address, length],
        lengths: [first.length],
        count: 1,
        isLast,
      };
    }
    const there = (this.#tail(space) - this.head) & 0xffff;
    if (there === 0) return -ENOBUFS;
    let id = 0;
    let count = 0;
    const segments: number[] = [];
    const lengths: number[] = [];
    let left = most === 0 ? Infinity : most;
    const bound = isBundle ? Math.min(there, this.entries, BUNDLE_MAX) : 1;
    for (; count < bound && left > 0; count++) {
      const failed = this.#load(space, (this.head + count) & (this.entries - 1));
      if (failed < 0) return failed;
      const skipped = count === 0 ? this.used : 0;
      const length = Math.max(0, view.getUint32(IoUringBuf.offset.len, true) - skipped);
      if (count === 0) id = view.getUint16(IoUringBuf.offset.bid, true);
      const address = Number(view.getBigUint64(IoUringBuf.offset.addr, true)) + skipped;
      segments.push(address, Math.min(length, left));
      lengths.push(length);
      left -= length;
    }
    this.head = (this.head + count) & 0xffff;
    return { group: this, id, segments, lengths, count, isLast: count === there };
  }

  /** It was not used. */
  giveBack({ id, segments, lengths, count }: HeldBuffer): void {
    if (this.isRing) this.head = (this.head - count) & 0xffff;
    else this.list.unshift({ address: segments[0]!, length: lengths[0]!, id });
  }

  /** So many bytes of it were. @returns whether more of the same buffer will be used */
  settle({ segments, lengths, count }: HeldBuffer, moved: number): boolean {
    if (!this.isRing) return false;
    if ((this.flags & IOU_PBUF_RING_INC) === 0) {
      // Of a bundle, only what has got bytes is used up.
      let usedUp = 0;
      for (let left = moved; usedUp < count && (left > 0 || usedUp === 0); usedUp++) left -= segments[usedUp * 2 + 1]!;
      this.head = (this.head - (count - usedUp)) & 0xffff;
      return false;
    }
    let left = moved;
    let done = 0;
    const before = this.used;
    for (; done < count && left >= lengths[done]!; done++) left -= lengths[done]!;
    this.head = (this.head - (count - done)) & 0xffff;
    this.used = done === count ? 0 : done === 0 ? before + left : left;
    return done < count;
  }

  #tail(space: Memory): number {
    const at = IoUringBuf.offset.resv;
    if (this.memory !== null) return this.memory.loadU32(at - 2) >>> 16;
    const word = space.loadU32(this.address + at - 2);
    return word < 0 ? this.head : word >>> 16;
  }

  #load(space: Memory, index: number): number {
    const at = index * IoUringBuf.size;
    return this.memory !== null
      ? this.memory.read(at, entry, IoUringBuf.size)
      : space.copyIn(this.address + at, entry, 0, IoUringBuf.size);
  }

  static {
    stateClass("UringBufferGroup", this);
  }
}
