/** What a connection sends (RFC 9293 §3.8): data by the windows of peer and network, acknowledgements, resets. */
import {
  EMSGSIZE,
  TCP_CLOSE,
  TCP_ESTABLISHED,
  TCP_LISTEN,
  TCP_SYN_RECV,
  TCP_SYN_SENT,
  TCP_TIME_WAIT,
} from "@stratos/abi";
import { isV4 } from "../ip-address.ts";
import { INITIAL_WINDOW } from "./congestion-control.ts";
import { distance, isAfter, isBefore, laterOf } from "./sequence.ts";
import { MSS_MIN, Phase, type Tcb } from "./tcb.ts";
import {
  ACK,
  FIN,
  HEADER_SIZE,
  PSH,
  RST,
  SACK_BLOCKS_MAX,
  SYN,
  TIMESTAMPS_SIZE,
  URG,
  writeChecksum,
  writeHeader,
  writeMss,
  writeSackBlock,
  writeSackHead,
  writeSackPermitted,
  writeTimestamps,
  writeWindowScale,
} from "./tcp-segment.ts";
import { armSending, pathTimers } from "./tcp-times.ts";

/** RFC 5961 §5: of answers to what an attacker may have sent, one in so long (net.ipv4.tcp_invalid_ratelimit). */
const CHALLENGE_NS = 500e6;

/** Sends what may go now: first what is lost, then what is new. */
export function transmit(tcb: Tcb): void {
  if (!canSend(tcb)) return;
  const before = tcb.sent.count;
  const wasIdle = before === 0;
  if (wasIdle) restartAfterIdle(tcb);
  resendLost(tcb);
  const isBlocked = sendNew(tcb);
  if (wasIdle && tcb.sent.count > 0) tcb.rtoBaseNs = tcb.stack.now;
  armSending(tcb, isBlocked && tcb.sent.count === 0, tcb.sent.count > before);
}

function canSend({ state }: Tcb): boolean {
  return (
    state !== TCP_CLOSE &&
    state !== TCP_LISTEN &&
    state !== TCP_SYN_SENT &&
    state !== TCP_SYN_RECV &&
    state !== TCP_TIME_WAIT
  );
}

/** RFC 5681 §4.1: what was learnt of the network is old. */
function restartAfterIdle(tcb: Tcb): void {
  const { roundTrip, stack } = tcb;
  if (tcb.lastSentNs === 0 || stack.now - tcb.lastSentNs <= roundTrip.rtoNs) return;
  tcb.cwnd = Math.min(tcb.cwnd, INITIAL_WINDOW);
  tcb.control.forget();
}

function resendLost(tcb: Tcb): void {
  const { sent } = tcb;
  while (sent.inFlight < Math.max(1, Math.floor(tcb.cwnd))) {
    const index = sent.nextLost();
    if (index < 0 || !resend(tcb, index)) return;
  }
}

/** @returns whether it was sent */
export function resend(tcb: Tcb, index: number): boolean {
  const { sent, stack } = tcb;
  const from = sent.startOf(index);
  const most = segmentRoom(tcb);
  if (distance(from, sent.endOf(index)) > most + 1) sent.split(index, (from + most) | 0);
  const end = sent.endOf(index);
  // What the peer's window doesn't reach would be dropped there, but for the first, which asks.
  if (index > 0 && isAfter(end, (tcb.sndUna + tcb.sndWnd) | 0)) return false;
  let flags = ACK;
  let length = distance(from, end);
  if (from === tcb.iss) {
    sendSyn(tcb);
    sent.resend(index, stack.now);
    return true;
  }
  if (tcb.hasSentFin && end === tcb.sndNxt) {
    flags |= FIN;
    length--;
  }
  if (end === tcb.sndNxt && length > 0) flags |= PSH;
  if (sendSegment(tcb, from, length, flags) < 0) return false;
  sent.resend(index, stack.now);
  tcb.retransmits++;
  stack.retransmits++;
  tcb.bytesRetransmitted += length;
  if (tcb.phase === Phase.recovery) tcb.prrOut++;
  return true;
}

/** @returns whether the peer's window is why something still waits */
function sendNew(tcb: Tcb): boolean {
  const { sent, stack } = tcb;
  const limit = Math.max(1, Math.floor(tcb.cwnd));
  for (;;) {
    if (tcb.hasSentFin) return false;
    const available = distance(tcb.sndNxt, tcb.endSeq);
    if (available === 0 && !tcb.isFinQueued) return false;
    if (sent.inFlight >= limit) {
      tcb.isCwndLimited = true;
      return false;
    }
    const window = distance(tcb.sndNxt, (tcb.sndUna + tcb.sndWnd) | 0);
    if (window <= 0) return true;
    const most = segmentRoom(tcb);
    const length = Math.min(available, most, window);
    const isTail = length === available;
    const hasFin = isTail && tcb.isFinQueued && length < window;
    if (length < most && !hasFin) {
      if (!isTail) {
        // RFC 9293 §3.8.6.2.1: no silly windows.
        if (length < tcb.sndWndMax >> 1) return true;
      } else if (length === 0 || waitsForMore(tcb)) return length === 0;
    }
    let flags = ACK;
    // A FIN alone has no bytes to push (net/ipv4/tcp_output.c, tcp_send_fin).
    if (isTail && length > 0) flags |= PSH;
    if (hasFin) flags |= FIN;
    const end = (tcb.sndNxt + length + (hasFin ? 1 : 0)) | 0;
    const failed = sendSegment(tcb, tcb.sndNxt, length, flags);
    if (failed === -EMSGSIZE && length > MSS_MIN && lowerSegment(tcb)) continue;
    if (length < most) tcb.smallSeq = end;
    // What the link has no room for is lost as what a network loses.
    stack.newSegmentsOut++;
    sent.push(end, stack.now);
    tcb.sndNxt = end;
    if (hasFin) tcb.hasSentFin = true;
    if (tcb.phase === Phase.recovery) tcb.prrOut++;
    tcb.lastSentNs = stack.now;
  }
}

/** A segment that isn't full is held back: for more of the program, or for what is under way (Nagle, RFC 896). */
function waitsForMore(tcb: Tcb): boolean {
  if (isAfter(tcb.endSeq, tcb.pushSeq)) return true;
  const isUrgent = tcb.isUrgentOut && isAfter(tcb.sndUp, tcb.sndNxt);
  return !tcb.noDelay && !isUrgent && tcb.sent.count > 0 && isAfter(tcb.smallSeq, tcb.sndUna);
}

/** Bytes of data that a segment has room for beside its options. */
export function segmentRoom(tcb: Tcb): number {
  return Math.max(1, tcb.mss - sackSize(tcb));
}

function sackSize(tcb: Tcb): number {
  const count = sackCount(tcb);
  return count === 0 ? 0 : 4 + 8 * count;
}

function sackCount(tcb: Tcb): number {
  if (!tcb.hasSack) return 0;
  const most = tcb.hasTimestamps ? SACK_BLOCKS_MAX - 1 : SACK_BLOCKS_MAX;
  return Math.min(most, tcb.ranges.blockCount + (tcb.duplicateLeft !== tcb.duplicateRight ? 1 : 0));
}

/** @returns 0 or a negative errno */
export function sendSegment(tcb: Tcb, seq: number, length: number, flags: number): number {
  const bytes = tcb.stack.outgoing;
  let at = HEADER_SIZE;
  if (tcb.hasTimestamps) at = writeTimestamps(bytes, at, tcb.timestamp(tcb.stack.now), tcb.tsRecent);
  if ((flags & RST) === 0) at = writeSacks(tcb, bytes, at);
  if (length > 0) tcb.sending.copyTo(bytes, at, distance(tcb.sendingSeq, seq), length);
  const window = (flags & RST) === 0 ? windowToTell(tcb) : 0;
  let urgent = 0;
  if (tcb.isUrgentOut && isAfter(tcb.sndUp, seq)) {
    flags |= URG;
    urgent = Math.min(0xffff, distance(seq, tcb.sndUp));
  }
  writeHeader(bytes, tcb.localPort, tcb.remotePort, seq, tcb.rcvNxt, flags, window, urgent, at);
  writeChecksum(tcb.local, tcb.remote, bytes, at + length);
  if ((flags & ACK) !== 0) acknowledged(tcb);
  tcb.segmentsOut++;
  tcb.sentBytes += length;
  return tcb.stack.output(tcb, at + length);
}

function writeSacks(tcb: Tcb, bytes: Uint8Array, at: number): number {
  const count = sackCount(tcb);
  if (count === 0) return at;
  at = writeSackHead(bytes, at, count);
  let left = count;
  if (tcb.duplicateLeft !== tcb.duplicateRight) {
    // RFC 2883 §4: what came twice stands first, once.
    at = writeSackBlock(bytes, at, tcb.duplicateLeft, tcb.duplicateRight);
    tcb.duplicateRight = tcb.duplicateLeft;
    left--;
  }
  const { ranges } = tcb;
  for (let index = 0; index < left; index++)
    at = writeSackBlock(bytes, at, ranges.blockLeft(index), ranges.blockRight(index));
  return at;
}

function acknowledged(tcb: Tcb): void {
  if (tcb.quickAcks > 0 && tcb.unackedSegments > 0) tcb.quickAcks--;
  tcb.lastAckSent = tcb.rcvNxt;
  tcb.mustAckNow = false;
  tcb.unackedSegments = 0;
  tcb.ackAtNs = Infinity;
}

/** The window field; the right edge never goes back (RFC 9293 §3.8.6). */
function windowToTell(tcb: Tcb): number {
  const scale = tcb.rcvScale;
  const free = Math.max(0, tcb.receiveLimit - tcb.receiving.length);
  const told = Math.max(0, distance(tcb.rcvNxt, tcb.rcvAdv));
  const least = Math.min(tcb.receiveLimit >> 1, tcb.mss);
  const window = free - told >= least ? free : told;
  // What was told already must be told again in full.
  const field = Math.min(0xffff, window === told ? (told + (1 << scale) - 1) >> scale : window >> scale);
  tcb.rcvAdv = laterOf(tcb.rcvAdv, (tcb.rcvNxt + (field << scale)) | 0);
  return field;
}

/** After the reader has taken bytes: does the peer need to know (RFC 9293 §3.8.6.2.2)? */
export function tellWindow(tcb: Tcb): void {
  if (tcb.isEnded || !canSend(tcb)) return;
  const free = tcb.receiveLimit - tcb.receiving.length;
  const told = Math.max(0, distance(tcb.rcvNxt, tcb.rcvAdv));
  const grown = free - told;
  const isNews = told < 2 * tcb.rcvMss ? grown >= Math.min(tcb.receiveLimit >> 1, tcb.mss) : grown >= free >> 1;
  if (isNews && grown > 0) sendAck(tcb);
}

export function sendAck(tcb: Tcb): void {
  if (tcb.state === TCP_SYN_SENT || tcb.state === TCP_CLOSE) return;
  sendSegment(tcb, tcb.state === TCP_SYN_RECV ? (tcb.iss + 1) | 0 : tcb.sndNxt, 0, ACK);
}

/** RFC 5961 §3.2, §4.2, §5.2: who sent it may not be the peer, whom this asks. */
export function challenge(tcb: Tcb): void {
  const { now } = tcb.stack;
  if (now - tcb.lastChallengeNs < CHALLENGE_NS) return;
  tcb.lastChallengeNs = now;
  sendAck(tcb);
}

export function sendReset(tcb: Tcb): void {
  sendSegment(tcb, tcb.sndNxt, 0, RST | ACK);
}

/** Asks for an acknowledgement, without anything new (RFC 9293 §3.8.4). */
export function sendProbe(tcb: Tcb): void {
  sendSegment(tcb, (tcb.sndUna - 1) | 0, 0, ACK);
}

/** SYN, or SYN and ACK when the peer's is there. */
export function sendSyn(tcb: Tcb): void {
  const isAnswer = tcb.state === TCP_SYN_RECV;
  const mss = receivableMss(tcb);
  const bytes = tcb.stack.outgoing;
  let at = writeMss(bytes, HEADER_SIZE, mss);
  if (isAnswer ? tcb.hasSack : tcb.offersSack) at = writeSackPermitted(bytes, at);
  if (isAnswer ? tcb.hasTimestamps : tcb.offersTimestamps)
    at = writeTimestamps(bytes, at, tcb.timestamp(tcb.stack.now), tcb.tsRecent);
  if (isAnswer ? tcb.hasScale : tcb.offersScale) at = writeWindowScale(bytes, at, tcb.rcvScale);
  // RFC 7323 §2.2: never scaled.
  const window = Math.min(0xffff, tcb.receiveLimit);
  if (isAnswer) tcb.rcvAdv = laterOf(tcb.rcvAdv, (tcb.rcvNxt + window) | 0);
  const flags = isAnswer ? SYN | ACK : SYN;
  writeHeader(bytes, tcb.localPort, tcb.remotePort, tcb.iss, tcb.rcvNxt, flags, window, 0, at);
  writeChecksum(tcb.local, tcb.remote, bytes, at);
  if (isAnswer) acknowledged(tcb);
  tcb.segmentsOut++;
  tcb.softError = Math.max(0, -tcb.stack.output(tcb, at)) || tcb.softError;
}

/** Of IP and TCP, without options. */
function headersOf({ remote }: Tcb): number {
  return (isV4(remote) ? 20 : 40) + HEADER_SIZE;
}

function receivableMss(tcb: Tcb): number {
  const mss = Math.max(MSS_MIN, Math.min(0xffff, tcb.stack.mtuTo(tcb)) - headersOf(tcb));
  return tcb.mssClamp > 0 ? Math.min(mss, tcb.mssClamp) : mss;
}

/** What peer, path and options leave for data (RFC 9293 §3.7.1, RFC 6691). */
export function findSegmentSize(tcb: Tcb): void {
  const options = tcb.hasTimestamps ? TIMESTAMPS_SIZE : 0;
  const most = Math.min(Math.max(MSS_MIN, tcb.peerMss), receivableMss(tcb));
  tcb.mss = Math.max(MSS_MIN - TIMESTAMPS_SIZE, most - options);
}

/** @returns whether it is smaller now */
function lowerSegment(tcb: Tcb): boolean {
  const before = tcb.mss;
  findSegmentSize(tcb);
  return tcb.mss < before;
}

/** The path takes less (RFC 1191, RFC 8201): what was longer goes again in smaller segments. */
export function pathChanged(tcb: Tcb): void {
  const before = tcb.mss;
  findSegmentSize(tcb);
  const { sent } = tcb;
  if (tcb.mss >= before) return;
  for (let index = 0; index < sent.count; index++)
    if (distance(sent.startOf(index), sent.endOf(index)) > tcb.mss + 1) sent.lose(index);
  pathTimers(tcb);
  transmit(tcb);
}

/** Is the acknowledgement that waits due now? */
export function isAckDue(tcb: Tcb): boolean {
  if (tcb.mustAckNow) return true;
  if (tcb.unackedSegments === 0) return false;
  return tcb.quickAcks > 0 || tcb.unackedSegments >= 2 || tcb.state !== TCP_ESTABLISHED;
}

/** A reset to who sent what belongs to no connection (RFC 9293 §3.10.7.1) is written by the stack alone. */
export function isUnsent(tcb: Tcb): boolean {
  return tcb.isFinQueued ? !tcb.hasSentFin : isBefore(tcb.sndNxt, tcb.endSeq);
}
