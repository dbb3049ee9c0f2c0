/** Bytes that come in (RFC 9293 §3.10.7.4): put where they belong, acknowledged, and ended by a FIN. */
import { distance, isAfter, isBefore } from "./sequence.ts";
import type { Tcb } from "./tcb.ts";
import type { TcpSegment } from "./tcp-segment.ts";

/** The segment lies within the window, at least in part. */
export function acceptData(tcb: Tcb, segment: TcpSegment): void {
  const { receiving, ranges } = tcb;
  let { seq, dataAt, dataLength } = segment;
  if (dataLength > tcb.rcvMss) tcb.rcvMss = dataLength;
  const end = (seq + dataLength) | 0;
  if (isBefore(seq, tcb.rcvNxt)) {
    // RFC 2883: what came again is told.
    tellDuplicate(tcb, seq, isBefore(end, tcb.rcvNxt) ? end : tcb.rcvNxt);
    const old = Math.min(dataLength, distance(seq, tcb.rcvNxt));
    dataAt += old;
    dataLength -= old;
    seq = (seq + old) | 0;
    tcb.mustAckNow = true;
  }
  dataLength = Math.min(dataLength, Math.max(0, distance(seq, tcb.rcvAdv)));
  if (dataLength <= 0) {
    tcb.mustAckNow = true;
    return;
  }
  const right = (seq + dataLength) | 0;
  if (seq !== tcb.rcvNxt) {
    tcb.mustAckNow = true;
    if (ranges.covers(seq, right)) {
      tellDuplicate(tcb, seq, right);
      return;
    }
    if (ranges.add(seq, right)) receiving.place(distance(tcb.rcvNxt, seq), segment.bytes, dataAt, dataLength);
    return;
  }
  receiving.place(0, segment.bytes, dataAt, dataLength);
  const next = ranges.count > 0 ? ranges.takeUpTo(right) : right;
  // Who fills a gap, in whole or in part, wants to know at once (RFC 5681 §4.2).
  if (ranges.count > 0 || next !== right) tcb.mustAckNow = true;
  const count = distance(tcb.rcvNxt, next);
  receiving.extend(count);
  tcb.receivedBytes += count;
  tcb.rcvNxt = next;
  tcb.unackedSegments++;
  tcb.hasNews = true;
  if (tcb.urgent === "announced" && !isAfter((tcb.urgentSeq + 1) | 0, tcb.rcvNxt)) tcb.urgent = "there";
}

function tellDuplicate(tcb: Tcb, left: number, right: number): void {
  if (!tcb.hasSack || !isBefore(left, right)) return;
  tcb.duplicateLeft = left;
  tcb.duplicateRight = right;
}

/** A FIN counts when all before it has come. @returns whether it does now */
export function acceptFin(tcb: Tcb, segment: TcpSegment, isFin: boolean): boolean {
  if (isFin && !tcb.isEnded) {
    const at = (segment.seq + segment.dataLength) | 0;
    if (!isBefore(at, tcb.rcvNxt) && !isAfter(at, tcb.rcvAdv)) {
      tcb.hasFin = true;
      tcb.finSeq = at;
    }
  }
  if (!tcb.hasFin || tcb.isEnded || tcb.finSeq !== tcb.rcvNxt) return false;
  tcb.rcvNxt = (tcb.rcvNxt + 1) | 0;
  tcb.isEnded = true;
  tcb.ranges.clear();
  tcb.mustAckNow = true;
  tcb.hasNews = true;
  return true;
}

/** RFC 9293 §3.8.5; the pointer leads behind the urgent byte, as in all that is in use (RFC 6093 §2.1). */
export function acceptUrgent(tcb: Tcb, segment: TcpSegment): boolean {
  if (segment.urgentPointer === 0) return false;
  const at = (segment.seq + segment.urgentPointer - 1) | 0;
  if (isBefore(at, tcb.readSeq) || isBefore(at, tcb.rcvNxt)) return false;
  if (tcb.urgent !== "none" && !isAfter(at, tcb.urgentSeq)) return false;
  // The one before, when it is next and was not taken, stays out of the stream.
  if (tcb.urgent !== "none" && tcb.urgentSeq === tcb.readSeq && !tcb.isUrgentInline && tcb.receiving.length > 0) {
    tcb.receiving.discard(1);
    tcb.readSeq = (tcb.readSeq + 1) | 0;
  }
  tcb.urgent = "announced";
  tcb.urgentSeq = at;
  return true;
}

/**
 * The reader took bytes: where it takes more in a round trip than half of the room, the room grows (dynamic
 * right-sizing, as in Linux's tcp_rcv_space_adjust).
 */
export function adjustRoom(tcb: Tcb): void {
  const { now } = tcb.stack;
  const round = tcb.roundTrip.smoothedNs;
  if (round === 0 || now - tcb.paceAtNs < round) return;
  const taken = distance(tcb.paceSeq, tcb.readSeq);
  const wanted = 2 * taken + 16 * tcb.rcvMss;
  if (wanted > tcb.receiveLimit) tcb.receiveLimit = Math.min(Math.max(tcb.receiveMost, tcb.receiveLimit), wanted);
  tcb.paceSeq = tcb.readSeq;
  tcb.paceAtNs = now;
}
