/**
 * What has come before its turn: ranges of sequence numbers in ascending order that don't touch, and of them the latest
 * to tell the peer first (RFC 2018 §4). Bound: RANGES_MAX, beyond which a segment that begins a further one is dropped.
 */
import { stateClass } from "@stratos/base";
import { distance, isAfter, isBefore } from "./sequence.ts";
import { SACK_BLOCKS_MAX } from "./tcp-segment.ts";

const RANGES_MAX = 256;

export class ReceivedRanges {
  #edges = new Int32Array(0);
  count = 0;
  bytes = 0;
  /** The latest first. */
  readonly #blocks = new Int32Array(2 * SACK_BLOCKS_MAX);
  blockCount = 0;

  left(index: number): number {
    return this.#edges[2 * index]!;
  }

  right(index: number): number {
    return this.#edges[2 * index + 1]!;
  }

  blockLeft(index: number): number {
    return this.#blocks[2 * index]!;
  }

  blockRight(index: number): number {
    return this.#blocks[2 * index + 1]!;
  }

  /** @returns false: there is no room for it */
  add(left: number, right: number): boolean {
    let from = 0;
    while (from < this.count && isBefore(this.right(from), left)) from++;
    let to = from;
    while (to < this.count && !isAfter(this.left(to), right)) {
      if (isBefore(this.left(to), left)) left = this.left(to);
      if (isAfter(this.right(to), right)) right = this.right(to);
      this.bytes -= distance(this.left(to), this.right(to));
      to++;
    }
    if (to === from && this.count === RANGES_MAX) return false;
    const moved = from + 1 - to;
    if (2 * (this.count + 1) > this.#edges.length) {
      const grown = new Int32Array(Math.max(16, 2 * this.#edges.length));
      grown.set(this.#edges);
      this.#edges = grown;
    }
    if (moved !== 0) this.#edges.copyWithin(2 * (from + 1), 2 * to, 2 * this.count);
    this.count += moved;
    this.#edges[2 * from] = left;
    this.#edges[2 * from + 1] = right;
    this.bytes += distance(left, right);
    this.#tellFirst(left, right);
    return true;
  }

  /** Is all of it there? */
  covers(left: number, right: number): boolean {
    for (let index = 0; index < this.count; index++)
      if (!isAfter(this.left(index), left) && !isBefore(this.right(index), right)) return true;
    return false;
  }

  /** All before `seq` has its turn now. @returns where the bytes that are there in turn end */
  takeUpTo(seq: number): number {
    let gone = 0;
    while (gone < this.count && !isAfter(this.left(gone), seq)) {
      this.bytes -= distance(this.left(gone), this.right(gone));
      if (isAfter(this.right(gone), seq)) seq = this.right(gone);
      gone++;
    }
    if (gone > 0) {
      this.#edges.copyWithin(0, 2 * gone, 2 * this.count);
      this.count -= gone;
      this.#dropBlocks(seq, seq);
    }
    return seq;
  }

  clear(): void {
    this.#edges = new Int32Array(0);
    this.count = this.bytes = this.blockCount = 0;
  }

  #tellFirst(left: number, right: number): void {
    this.#dropBlocks(left, right);
    this.#blocks.copyWithin(2, 0, 2 * (SACK_BLOCKS_MAX - 1));
    this.#blocks[0] = left;
    this.#blocks[1] = right;
    this.blockCount = Math.min(SACK_BLOCKS_MAX, this.blockCount + 1);
  }

  /** Those within `left … right`, or all before it, are told no more. */
  #dropBlocks(left: number, right: number): void {
    let kept = 0;
    for (let index = 0; index < this.blockCount; index++) {
      const start = this.blockLeft(index);
      const end = this.blockRight(index);
      const isGone = left === right ? !isAfter(start, left) : !isBefore(start, left) && !isAfter(end, right);
      if (isGone) continue;
      this.#blocks[2 * kept] = start;
      this.#blocks[2 * kept + 1] = end;
      kept++;
    }
    this.blockCount = kept;
  }

  static {
    stateClass("tcp.ReceivedRanges", this, {
      save: (it) => ({ edges: it.#edges, blocks: it.#blocks }),
      load: (it, from) => {
        it.#edges = from.edges;
        it.#blocks.set(from.blocks);
      },
    });
  }
}
