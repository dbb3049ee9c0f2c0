/**
 * What an acknowledgement tells of what was sent: the round trip, losses (RACK-TLP, RFC 8985), and how many segments
 * may be in the network (RFC 5681, RFC 6675, RFC 6937).
 */
import { THRESHOLD_MIN, WINDOW_MAX } from "./congestion-control.ts";
import { distance, isAfter, isBefore } from "./sequence.ts";
import { EVER_RETRANSMITTED, SACKED } from "./sent-segments.ts";
import { Phase, SendTimer, type Tcb } from "./tcb.ts";
import { armReorder, pathTimers } from "./tcp-times.ts";
import type { TcpSegment } from "./tcp-segment.ts";

/** RFC 5681 §3.2: of a peer that can't tell what it has. */
const DUPLICATES = 3;

/** `ack` is after `sndUna` or the same, and not after `sndNxt`. @param isDuplicate  RFC 5681 §2 */
export function acknowledge(tcb: Tcb, segment: TcpSegment, isDuplicate: boolean): void {
  const { sent, stack } = tcb;
  const { ack } = segment;
  const { now } = stack;
  const wasLimited = tcb.isCwndLimited;
  const isNew = isAfter(ack, tcb.sndUna);
  let delivered = 0;
  if (isNew) delivered += takeAcknowledged(tcb, segment);
  const hadDuplicate = tcb.hasSack && segment.sackCount > 0 && isDuplicateBlock(tcb, segment);
  if (hadDuplicate) {
    tcb.rack.duplicateTold();
    if (isBefore(segment.sacks[0]!, segment.ack)) tcb.stack.duplicatesTold++;
    else tcb.stack.duplicatesBeyondTold++;
  }
  if (tcb.hasSack && segment.sackCount > 0) delivered += takeSacked(tcb, segment, hadDuplicate ? 1 : 0);
  if (!tcb.hasSack) delivered += countDuplicates(tcb, isNew, isDuplicate);
  if (isNew) {
    tcb.roundTrip.backoff = 0;
    tcb.timeouts = 0;
    tcb.silentSinceNs = -1;
    tcb.rtoBaseNs = now;
    if (tcb.sendTimer !== SendTimer.persist) pathTimers(tcb);
  }
  endProbing(tcb, ack, isDuplicate, hadDuplicate);
  if (tcb.phase !== Phase.open && !isBefore(ack, tcb.highSeq) && isNew) endRecovery(tcb);
  findLosses(tcb);
  if (tcb.phase === Phase.recovery) reduceInProportion(tcb, delivered);
  else if (delivered > 0 && (wasLimited || isStarting(tcb))) grow(tcb, delivered);
  if (sent.inFlight < Math.floor(tcb.cwnd)) tcb.isCwndLimited = false;
}

/** @returns segments that have arrived and of which that was not known */
function takeAcknowledged(tcb: Tcb, segment: TcpSegment): number {
  const { sent, stack, rack, roundTrip } = tcb;
  const { ack } = segment;
  let delivered = 0;
  let measured = -1;
  while (sent.count > 0 && !isAfter(sent.endOf(0), ack)) {
    const flags = sent.flagsOf(0);
    if ((flags & SACKED) === 0) {
      delivered++;
      rack.delivered(sent, 0, roundTrip, stack.now);
      if ((flags & EVER_RETRANSMITTED) === 0) measured = sent.sentAtOf(0);
    }
    sent.shift();
  }
  if (sent.count > 0 && isAfter(ack, sent.base)) sent.cut(ack);
  if (measured >= 0) roundTrip.measure(stack.now - measured, stack.now);
  else if (delivered > 0 && tcb.hasTimestamps && segment.hasTimestamps && segment.tsEcho !== 0) {
    const ms = (tcb.timestamp(stack.now) - segment.tsEcho) | 0;
    if (ms >= 0 && ms < 120_000) roundTrip.measure(Math.max(1, ms) * 1e6, stack.now);
  }
  const bytes = Math.min(tcb.sending.length, distance(tcb.sendingSeq, ack));
  if (bytes > 0) {
    tcb.sending.discard(bytes);
    tcb.sendingSeq = (tcb.sendingSeq + bytes) | 0;
  }
  tcb.sndUna = ack;
  if (tcb.isUrgentOut && !isAfter(tcb.sndUp, ack)) tcb.isUrgentOut = false;
  if (isBefore(tcb.smallSeq, ack)) tcb.smallSeq = ack;
  if (isBefore(tcb.pushSeq, ack)) tcb.pushSeq = ack;
  return delivered;
}

/** RFC 2883 §4: the first block is of what was acknowledged, or within the second. */
function isDuplicateBlock(tcb: Tcb, segment: TcpSegment): boolean {
  const left = segment.sacks[0]!;
  const right = segment.sacks[1]!;
  if (!isAfter(right, segment.ack)) return isBefore(left, right);
  return segment.sackCount > 1 && !isBefore(left, segment.sacks[2]!) && !isAfter(right, segment.sacks[3]!);
}

function takeSacked(tcb: Tcb, segment: TcpSegment, from: number): number {
  const { sent, stack, rack, roundTrip } = tcb;
  let delivered = 0;
  for (let block = from; block < segment.sackCount; block++) {
    const left = segment.sacks[2 * block]!;
    const right = segment.sacks[2 * block + 1]!;
    // Of what was sent alone: others are of no sense, or of old.
    if (isBefore(left, tcb.sndUna) || isAfter(right, tcb.sndNxt) || !isBefore(left, right)) continue;
    for (let index = sent.indexBehind(left); index < sent.count; index++) {
      if (isAfter(sent.endOf(index), right)) break;
      if (isBefore(sent.startOf(index), left) || (sent.flagsOf(index) & SACKED) !== 0) continue;
      delivered++;
      rack.delivered(sent, index, roundTrip, stack.now);
      if ((sent.flagsOf(index) & EVER_RETRANSMITTED) === 0)
        roundTrip.measure(stack.now - sent.sentAtOf(index), stack.now);
      sent.sack(index);
    }
  }
  return delivered;
}

/** Without SACK each duplicate is one segment that has arrived (RFC 6582): the next behind the first. */
function countDuplicates(tcb: Tcb, isNew: boolean, isDuplicate: boolean): number {
  const { sent } = tcb;
  if (isNew) {
    tcb.duplicateAcks = 0;
    // A partial acknowledgement: the next is lost as well.
    if (tcb.phase === Phase.recovery && isBefore(tcb.sndUna, tcb.highSeq) && sent.count > 0) loseFirst(tcb);
    return 0;
  }
  if (!isDuplicate || sent.count === 0) return 0;
  tcb.duplicateAcks++;
  if (tcb.duplicateAcks === DUPLICATES && tcb.phase === Phase.open) loseFirst(tcb);
  for (let index = sent.count - 1; index > 0; index--)
    if ((sent.flagsOf(index) & SACKED) === 0) {
      sent.sack(index);
      return 1;
    }
  return 0;
}

function loseFirst({ sent }: Tcb): void {
  if ((sent.flagsOf(0) & SACKED) === 0) sent.lose(0);
  else sent.loseAll(true);
}

/** RFC 8985 §6.2 step 5, and what follows from it. */
export function findLosses(tcb: Tcb): void {
  const { sent, rack, roundTrip, stack } = tcb;
  const mayBeLost = tcb.hasSack && (sent.sackedCount > 0 || tcb.phase !== Phase.open);
  const wait = mayBeLost ? rack.detect(sent, roundTrip, tcb.phase !== Phase.open, stack.now) : 0;
  if (tcb.phase === Phase.open && sent.lostCount > 0) beginRecovery(tcb);
  if (wait > 0) armReorder(tcb, wait);
  else if (tcb.sendTimer === SendTimer.reorder) pathTimers(tcb);
}

function beginRecovery(tcb: Tcb): void {
  tcb.phase = Phase.recovery;
  tcb.highSeq = tcb.sndNxt;
  tcb.recoveryFlight = Math.max(1, tcb.sent.count);
  tcb.ssthresh = tcb.control.thresholdAfterLoss(tcb.cwnd);
  tcb.prrDelivered = 0;
  tcb.prrOut = 0;
}

/** RFC 6937 §3: as many go out as the smaller window lets of those that arrive. */
function reduceInProportion(tcb: Tcb, delivered: number): void {
  const { sent, ssthresh } = tcb;
  const flight = sent.inFlight;
  tcb.prrDelivered += delivered;
  let more: number;
  if (flight > ssthresh) more = Math.ceil((tcb.prrDelivered * ssthresh) / tcb.recoveryFlight) - tcb.prrOut;
  else more = Math.min(ssthresh - flight, Math.max(tcb.prrDelivered - tcb.prrOut, delivered) + 1);
  // The first segment goes in any case.
  tcb.cwnd = flight + Math.max(more, tcb.prrOut === 0 ? 1 : 0);
}

function endRecovery(tcb: Tcb): void {
  if (tcb.phase === Phase.recovery) tcb.cwnd = Math.max(THRESHOLD_MIN, tcb.ssthresh);
  tcb.phase = Phase.open;
  tcb.duplicateAcks = 0;
}

function isStarting(tcb: Tcb): boolean {
  return tcb.cwnd < tcb.ssthresh && tcb.cwnd < 2 * (tcb.sent.count + 1);
}

function grow(tcb: Tcb, delivered: number): void {
  const { control, roundTrip, stack } = tcb;
  if (tcb.cwnd < tcb.ssthresh) tcb.cwnd += delivered;
  else tcb.cwnd = control.avoid(tcb.cwnd, delivered, stack.now, roundTrip.leastNs);
  tcb.cwnd = Math.min(WINDOW_MAX, tcb.cwnd);
}

/** RFC 8985 §7.4: what the probe told. */
function endProbing(tcb: Tcb, ack: number, isDuplicate: boolean, hadDuplicate: boolean): void {
  if (!tcb.isProbing || isBefore(ack, tcb.probeSeq)) return;
  if (!tcb.isProbeRetransmission || hadDuplicate) tcb.isProbing = false;
  else if (isAfter(ack, tcb.probeSeq)) {
    tcb.isProbing = false;
    lessAfterProbe(tcb);
  } else if (isDuplicate && tcb.sent.sackedCount === 0) tcb.isProbing = false;
  else if (tcb.sent.count === 0) {
    // All is there, and no duplicate was told: the probe repaired a loss.
    tcb.isProbing = false;
    lessAfterProbe(tcb);
  }
}

function lessAfterProbe(tcb: Tcb): void {
  if (tcb.phase !== Phase.open) return;
  tcb.ssthresh = tcb.control.thresholdAfterLoss(tcb.cwnd);
  tcb.cwnd = tcb.ssthresh;
}

/** RFC 5681 §3.1, RFC 6298 §5: nothing came back in time. */
export function timeOut(tcb: Tcb): void {
  const { sent } = tcb;
  if (tcb.phase !== Phase.loss || isAfter(tcb.sndUna, tcb.highSeq)) {
    tcb.ssthresh = tcb.control.thresholdAfterLoss(tcb.cwnd);
    tcb.control.forget();
  }
  tcb.phase = Phase.loss;
  tcb.highSeq = tcb.sndNxt;
  tcb.cwnd = 1;
  tcb.isProbing = false;
  tcb.duplicateAcks = 0;
  const hasReneged = sent.count > 0 && (sent.flagsOf(0) & SACKED) !== 0;
  sent.loseAll(hasReneged || !tcb.hasSack);
}
