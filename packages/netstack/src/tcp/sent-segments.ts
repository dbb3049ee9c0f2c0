/**
 * Segments that were sent and not acknowledged, in order of their sequence numbers without gaps: what the peer has of
 * them, what is taken for lost, and what was sent again (the scoreboard of RFC 6675, with the times of RFC 8985 §6.1).
 * A ring of typed arrays, which grows by doubling; its bound is the congestion window.
 */
import { stateClass } from "@stratos/base";
import { isAfter, isBefore } from "./sequence.ts";

/** The peer has it (SACK). */
export const SACKED = 1,
  /** It is taken for lost; with RETRANSMITTED it is under way again. */
  LOST = 2,
  RETRANSMITTED = 4,
  /** It was once sent again: its acknowledgement tells no round trip (Karn). */
  EVER_RETRANSMITTED = 8;

const SMALLEST = 16;

export class SentSegments {
  #ends = new Int32Array(0);
  #sentAt = new Float64Array(0);
  #flags = new Uint8Array(0);
  #head = 0;
  count = 0;
  /** Where the first begins. */
  base = 0;
  sackedCount = 0;
  lostCount = 0;
  retransmittedCount = 0;
  /** None before it is lost and not sent again. */
  #lostFrom = 0;

  /** Of those, in the network as far as is known (`pipe`). */
  get inFlight(): number {
    return this.count - this.sackedCount - this.lostCount + this.retransmittedCount;
  }

  begin(seq: number): void {
    this.base = seq;
  }

  push(end: number, sentAt: number): void {
    if (this.count === this.#ends.length) this.#grow();
    const at = this.#place(this.count++);
    this.#ends[at] = end;
    this.#sentAt[at] = sentAt;
    this.#flags[at] = 0;
  }

  startOf(index: number): number {
    return index === 0 ? this.base : this.#ends[this.#place(index - 1)]!;
  }

  endOf(index: number): number {
    return this.#ends[this.#place(index)]!;
  }

  sentAtOf(index: number): number {
    return this.#sentAt[this.#place(index)]!;
  }

  flagsOf(index: number): number {
    return this.#flags[this.#place(index)]!;
  }

  /** The first whose end is behind `seq`; `count`: none. */
  indexBehind(seq: number): number {
    let low = 0,
      high = this.count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (isAfter(this.endOf(middle), seq)) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** The first is acknowledged. */
  shift(): void {
    const flags = this.#flags[this.#head]!;
    if (flags & SACKED) this.sackedCount--;
    if (flags & LOST) this.lostCount--;
    if (flags & RETRANSMITTED) this.retransmittedCount--;
    this.base = this.#ends[this.#head]!;
    this.#head = this.#place(1);
    this.count--;
    if (this.#lostFrom > 0) this.#lostFrom--;
    if (this.count === 0 && this.#ends.length > 1024) this.clear();
  }

  /** A part of the first is acknowledged. */
  cut(seq: number): void {
    this.base = seq;
  }

  sack(index: number): void {
    const at = this.#place(index);
    const flags = this.#flags[at]!;
    if (flags & LOST) this.lostCount--;
    if (flags & RETRANSMITTED) this.retransmittedCount--;
    this.#flags[at] = (flags & EVER_RETRANSMITTED) | SACKED;
    this.sackedCount++;
  }

  /** What was sent of it is lost, the last copy as well. */
  lose(index: number): void {
    const at = this.#place(index);
    const flags = this.#flags[at]!;
    if (!(flags & LOST)) this.lostCount++;
    if (flags & RETRANSMITTED) this.retransmittedCount--;
    this.#flags[at] = (flags & EVER_RETRANSMITTED) | LOST;
    if (index < this.#lostFrom) this.#lostFrom = index;
  }

  /** The peer has nothing of all (a time-out); it may have dropped what it told (RFC 2018 §8). */
  loseAll(hasReneged: boolean): void {
    for (let index = 0; index < this.count; index++) {
      const at = this.#place(index);
      if (hasReneged && this.#flags[at]! & SACKED) {
        this.#flags[at] = EVER_RETRANSMITTED;
        this.sackedCount--;
      }
      if (!(this.#flags[at]! & SACKED)) this.lose(index);
    }
  }

  /** The first that is lost and not sent again; −1: none. */
  nextLost(): number {
    if (this.lostCount === this.retransmittedCount) return -1;
    for (let index = this.#lostFrom; index < this.count; index++)
      if ((this.flagsOf(index) & (LOST | RETRANSMITTED)) === LOST) {
        this.#lostFrom = index;
        return index;
      }
    return -1;
  }

  /** It is sent again now. */
  resend(index: number, now: number): void {
    const at = this.#place(index);
    const flags = this.#flags[at]!;
    if (!(flags & RETRANSMITTED) && flags & LOST) {
      this.retransmittedCount++;
      this.#flags[at] = flags | RETRANSMITTED | EVER_RETRANSMITTED;
    } else this.#flags[at] = flags | EVER_RETRANSMITTED;
    this.#sentAt[at] = now;
  }

  /** Two of one: it is longer than the path takes now. */
  split(index: number, seq: number): void {
    this.push(this.endOf(this.count - 1), 0);
    for (let last = this.count - 1; last > index; last--) {
      const to = this.#place(last);
      const from = this.#place(last - 1);
      this.#ends[to] = this.#ends[from]!;
      this.#sentAt[to] = this.#sentAt[from]!;
      this.#flags[to] = this.#flags[from]!;
    }
    this.#ends[this.#place(index)] = seq;
    const flags = this.flagsOf(index);
    if (flags & SACKED) this.sackedCount++;
    if (flags & LOST) this.lostCount++;
    if (flags & RETRANSMITTED) this.retransmittedCount++;
  }

  clear(): void {
    const { base } = this;
    this.#ends = new Int32Array(0);
    this.#sentAt = new Float64Array(0);
    this.#flags = new Uint8Array(0);
    this.#head = this.count = this.#lostFrom = 0;
    this.sackedCount = this.lostCount = this.retransmittedCount = 0;
    this.base = base;
  }

  /** Is the one with this end sent after another? Of equal times the later end (RFC 8985 §6.2). */
  isSentBefore(index: number, sentAt: number, end: number): boolean {
    const own = this.sentAtOf(index);
    return own < sentAt || (own === sentAt && isBefore(this.endOf(index), end));
  }

  #place(index: number): number {
    return (this.#head + index) & (this.#ends.length - 1);
  }

  #grow(): void {
    const { length } = this.#ends;
    const grown = Math.max(SMALLEST, 2 * length);
    const ends = new Int32Array(grown);
    const sentAt = new Float64Array(grown);
    const flags = new Uint8Array(grown);
    for (let index = 0; index < this.count; index++) {
      const from = this.#place(index);
      ends[index] = this.#ends[from]!;
      sentAt[index] = this.#sentAt[from]!;
      flags[index] = this.#flags[from]!;
    }
    this.#ends = ends;
    this.#sentAt = sentAt;
    this.#flags = flags;
    this.#head = 0;
  }

  static {
    stateClass("SentSegments", this, {
      save: (it) => ({
        ends: it.#ends,
        sentAt: it.#sentAt,
        flags: it.#flags,
        head: it.#head,
        lostFrom: it.#lostFrom,
      }),
      load: (it, from) =>
        ({ ends: it.#ends, sentAt: it.#sentAt, flags: it.#flags, head: it.#head, lostFrom: it.#lostFrom } = from),
    });
  }
}
