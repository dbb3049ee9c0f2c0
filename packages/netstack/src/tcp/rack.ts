/**
 * RACK (RFC 8985 §6): what was sent long enough before a segment that has arrived is lost. "Long enough" grows where
 * the path is seen to reorder.
 */
import { stateClass } from "@stratos/base";
import { isAfter } from "./sequence.ts";
import type { RoundTrip } from "./round-trip.ts";
import { EVER_RETRANSMITTED, LOST, RETRANSMITTED, SACKED, type SentSegments } from "./sent-segments.ts";

const REORDERING_STEPS_MAX = 16;
/** §6.2 step 4: so many arrived behind a gap tell a loss without waiting, where no reordering was seen. */
const DUPLICATES = 3;

export class Rack {
  /** Of the segment sent last among those that have arrived. */
  sentAtNs = -1;
  endSeq = 0;
  rttNs = 0;
  /** Behind all that has arrived. */
  forwardSeq = 0;
  hasReordering = false;
  steps = 1;

  begin(seq: number): void {
    this.endSeq = this.forwardSeq = seq;
  }

  /** §6.2 steps 2 and 3: the segment has arrived. */
  delivered(sent: SentSegments, index: number, roundTrip: RoundTrip, now: number): void {
    const end = sent.endOf(index);
    const sentAt = sent.sentAtOf(index);
    const wasResent = (sent.flagsOf(index) & EVER_RETRANSMITTED) !== 0;
    const rtt = now - sentAt;
    // What comes back sooner than any round trip answers the first copy.
    if (wasResent && rtt < roundTrip.leastNs) return;
    if (isAfter(end, this.forwardSeq)) this.forwardSeq = end;
    else if (!wasResent && end !== this.forwardSeq) this.hasReordering = true;
    if (sentAt < this.sentAtNs || (sentAt === this.sentAtNs && !isAfter(end, this.endSeq))) return;
    this.sentAtNs = sentAt;
    this.endSeq = end;
    this.rttNs = rtt;
  }

  /**
   * §6.2 step 5: marks what is lost.
   *
   * @returns nanoseconds until more may be; 0: nothing waits
   */
  detect(sent: SentSegments, roundTrip: RoundTrip, isRecovering: boolean, now: number): number {
    if (this.sentAtNs < 0) return 0;
    const window = this.#windowNs(sent, roundTrip, isRecovering);
    let wait = 0;
    for (let index = 0; index < sent.count; index++) {
      const flags = sent.flagsOf(index);
      if ((flags & SACKED) !== 0 || (flags & (LOST | RETRANSMITTED)) === LOST) continue;
      if (!sent.isSentBefore(index, this.sentAtNs, this.endSeq)) continue;
      const remaining = sent.sentAtOf(index) + this.rttNs + window - now;
      if (remaining <= 0) sent.lose(index);
      else wait = Math.max(wait, remaining);
    }
    return wait;
  }

  #windowNs(sent: SentSegments, roundTrip: RoundTrip, isRecovering: boolean): number {
    if (!this.hasReordering && (isRecovering || sent.sackedCount >= DUPLICATES)) return 0;
    return Math.min((this.steps * roundTrip.leastNs) / 4, roundTrip.smoothedNs);
  }

  /** §6.2 step 4: the peer had a segment twice: it was not lost. */
  duplicateTold(): void {
    this.steps = Math.min(REORDERING_STEPS_MAX, this.steps + 1);
  }

  static {
    stateClass("tcp.Rack", this);
  }
}
