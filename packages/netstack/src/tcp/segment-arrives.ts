/** SEGMENT ARRIVES (RFC 9293 §3.10.7), for a connection that is there. What comes is anybody's (RFC 5961). */
import {
  ECONNREFUSED,
  ECONNRESET,
  EPIPE,
  TCP_CLOSE,
  TCP_CLOSE_WAIT,
  TCP_CLOSING,
  TCP_ESTABLISHED,
  TCP_FIN_WAIT1,
  TCP_FIN_WAIT2,
  TCP_LAST_ACK,
  TCP_SYN_RECV,
  TCP_SYN_SENT,
  TCP_TIME_WAIT,
} from "@stratos/abi";
import { acknowledge } from "./loss-recovery.ts";
import { acceptData, acceptFin, acceptUrgent } from "./receive-data.ts";
import { distance, isAfter, isBefore } from "./sequence.ts";
import { MSS_DEFAULT, Phase, SendTimer, type Tcb } from "./tcb.ts";
import { ACK, FIN, RST, SYN, type TcpSegment, URG } from "./tcp-segment.ts";
import { armAck, armKeepAlive, armSending } from "./tcp-times.ts";
import { challenge, findSegmentSize, isAckDue, sendAck, sendReset, sendSyn, transmit } from "./transmit.ts";

/** TIME-WAIT, as Linux has it (TCP_TIMEWAIT_LEN). */
const TIME_WAIT_NS = 60e9;
/** RFC 7323 §5.5: an older timestamp tells nothing. */
const TIMESTAMP_OLD_NS = 24 * 86400e9;

/** @returns false: it acknowledges what was never sent, and who sent it gets a reset */
export function segmentArrives(tcb: Tcb, segment: TcpSegment): boolean {
  tcb.segmentsIn++;
  if (tcb.state === TCP_SYN_SENT) return answerArrives(tcb, segment);
  if (isOldByTimestamp(tcb, segment)) {
    if (!segment.has(RST)) sendAckOnce(tcb);
    return true;
  }
  if (!isInWindow(tcb, segment)) {
    if (segment.has(RST)) return true;
    if (tcb.state !== TCP_SYN_RECV || !segment.has(SYN) || segment.seq !== tcb.irs) refuse(tcb, segment);
    else if (segment.has(ACK)) finishCrossing(tcb, segment);
    else sendSyn(tcb);
    return true;
  }
  if (segment.has(RST)) {
    // RFC 5961 §3.2.
    if (segment.seq === tcb.rcvNxt) reset(tcb);
    else challenge(tcb);
    return true;
  }
  if (segment.has(SYN)) {
    challenge(tcb);
    return true;
  }
  if (!segment.has(ACK)) return true;
  takeTimestamp(tcb, segment);
  if (tcb.state === TCP_SYN_RECV && !finishHandshake(tcb, segment)) return segment.ack === tcb.sndNxt;
  if (!takeAck(tcb, segment)) return true;
  takeContent(tcb, segment);
  return true;
}

/** What follows the acknowledgement: urgent data, data, the end; then what may be sent. */
function takeContent(tcb: Tcb, segment: TcpSegment): void {
  if (isTooLate(tcb, segment)) {
    sendReset(tcb);
    close(tcb, tcb.isOrphan ? 0 : ECONNRESET);
    return;
  }
  if (mayReceive(tcb)) {
    if (segment.has(URG) && acceptUrgent(tcb, segment)) tcb.owner?.urgentArrived();
    if (segment.dataLength > 0) acceptData(tcb, segment);
    if (acceptFin(tcb, segment, segment.has(FIN))) ended(tcb);
  } else if (segment.size > 0) tcb.mustAckNow = true;
  tcb.lastHeardNs = tcb.stack.now;
  tcb.keepProbes = 0;
  tcb.persistProbes = 0;
  if (tcb.state !== TCP_TIME_WAIT) {
    armKeepAlive(tcb);
    transmit(tcb);
  }
  if (tcb.state === TCP_CLOSE) return;
  if (isAckDue(tcb)) sendAck(tcb);
  else if (tcb.unackedSegments > 0) armAck(tcb);
}

/** Bytes for who receives no more. */
function isTooLate(tcb: Tcb, segment: TcpSegment): boolean {
  const { state } = tcb;
  const isStopped = tcb.isClosed || ((state === TCP_FIN_WAIT1 || state === TCP_FIN_WAIT2) && tcb.isReadStopped);
  if (!isStopped || segment.dataLength === 0) return false;
  return isAfter((segment.seq + segment.dataLength) | 0, tcb.rcvNxt);
}

function mayReceive({ state, isEnded }: Tcb): boolean {
  return !isEnded && (state === TCP_ESTABLISHED || state === TCP_FIN_WAIT1 || state === TCP_FIN_WAIT2);
}

/** RFC 7323 §5.3 (PAWS). */
function isOldByTimestamp(tcb: Tcb, segment: TcpSegment): boolean {
  if (!tcb.hasTimestamps || !segment.hasTimestamps || segment.has(RST)) return false;
  if (!isBefore(segment.tsValue, tcb.tsRecent)) return false;
  return tcb.stack.now - tcb.tsRecentAtNs < TIMESTAMP_OLD_NS;
}

/** RFC 7323 §4.3. */
function takeTimestamp(tcb: Tcb, segment: TcpSegment): void {
  if (!tcb.hasTimestamps || !segment.hasTimestamps || isAfter(segment.seq, tcb.lastAckSent)) return;
  tcb.tsRecent = segment.tsValue;
  tcb.tsRecentAtNs = tcb.stack.now;
}

/** RFC 9293 §3.10.7.4, first: with what lies before the window it may still tell something new. */
function isInWindow(tcb: Tcb, segment: TcpSegment): boolean {
  const end = (segment.seq + segment.size) | 0;
  const edge = isAfter(tcb.rcvAdv, tcb.rcvNxt) ? tcb.rcvAdv : tcb.rcvNxt;
  if (isAfter(segment.seq, edge)) return false;
  if (segment.size > 0 && segment.seq === edge && edge !== tcb.rcvNxt) return false;
  return !isBefore(end, tcb.rcvNxt) && (segment.size === 0 || end !== tcb.rcvNxt || segment.seq === tcb.rcvNxt);
}

/** What lies outside of the window is answered with what is awaited; what was had already is told as such. */
function refuse(tcb: Tcb, segment: TcpSegment): void {
  const end = (segment.seq + segment.dataLength) | 0;
  if (segment.size > 0 && !isAfter(end, tcb.rcvNxt)) {
    if (tcb.hasSack && segment.dataLength > 0 && distance(segment.seq, tcb.rcvNxt) < 1 << 24) {
      tcb.duplicateLeft = segment.seq;
      tcb.duplicateRight = end;
    }
    sendAck(tcb);
  } else sendAckOnce(tcb);
}

function sendAckOnce(tcb: Tcb): void {
  // Zero-window and keep-alive probes come seldom enough to be answered each.
  challenge(tcb);
}

function reset(tcb: Tcb): void {
  const { state } = tcb;
  const error = state === TCP_SYN_RECV && !tcb.isPassive ? ECONNREFUSED : state === TCP_CLOSE_WAIT ? EPIPE : ECONNRESET;
  close(tcb, tcb.isOrphan ? 0 : error);
}

/** The connection is over. @param error  positive, for who has it; 0: there is none to tell */
export function close(tcb: Tcb, error: number): void {
  if (tcb.state === TCP_CLOSE) return;
  if (tcb.state === TCP_ESTABLISHED || tcb.state === TCP_CLOSE_WAIT) tcb.stack.establishedResets++;
  tcb.state = TCP_CLOSE;
  tcb.isReset = true;
  tcb.error = error;
  tcb.hasNews = true;
  tcb.sendTimer = SendTimer.none;
  tcb.sendAtNs = tcb.ackAtNs = tcb.stateAtNs = Infinity;
  tcb.sending.clear();
  tcb.sent.clear();
  tcb.ranges.clear();
  tcb.stack.forget(tcb);
}

/** SYN-SENT (§3.10.7.3). */
function answerArrives(tcb: Tcb, segment: TcpSegment): boolean {
  const hasAck = segment.has(ACK);
  if (hasAck && segment.ack !== tcb.sndNxt) return segment.has(RST);
  if (segment.has(RST)) {
    if (hasAck) close(tcb, ECONNREFUSED);
    return true;
  }
  if (!segment.has(SYN)) return true;
  takeSyn(tcb, segment);
  if (!hasAck) {
    // Both open at once (§3.5, figure 8).
    tcb.state = TCP_SYN_RECV;
    tcb.rtoBaseNs = tcb.stack.now;
    sendSyn(tcb);
    armSending(tcb, false);
    return true;
  }
  establish(tcb, segment);
  tcb.mustAckNow = true;
  segment.seq = (segment.seq + 1) | 0;
  segment.flags &= ~SYN;
  takeContent(tcb, segment);
  return true;
}

/** What the peer's SYN tells, and what of it both have. */
export function takeSyn(tcb: Tcb, segment: TcpSegment): void {
  tcb.irs = segment.seq;
  tcb.rcvNxt = tcb.rcvAdv = tcb.readSeq = tcb.paceSeq = tcb.lastAckSent = (segment.seq + 1) | 0;
  tcb.urgentSeq = segment.seq;
  tcb.peerMss = segment.mss === 0 ? MSS_DEFAULT : segment.mss;
  tcb.hasTimestamps = tcb.offersTimestamps && segment.hasTimestamps;
  tcb.hasSack = tcb.offersSack && segment.isSackPermitted;
  tcb.hasScale = tcb.offersScale && segment.windowScale >= 0;
  tcb.sndScale = tcb.hasScale ? segment.windowScale : 0;
  if (!tcb.hasScale) tcb.rcvScale = 0;
  if (tcb.hasTimestamps) {
    tcb.tsRecent = segment.tsValue;
    tcb.tsRecentAtNs = tcb.stack.now;
  }
  tcb.sndWnd = segment.window;
  tcb.sndWndMax = segment.window;
  tcb.sndWl1 = segment.seq;
  tcb.rcvAdv = (tcb.rcvNxt + Math.min(0xffff, tcb.receiveLimit)) | 0;
  findSegmentSize(tcb);
}

function establish(tcb: Tcb, segment: TcpSegment): void {
  const { stack } = tcb;
  tcb.state = TCP_ESTABLISHED;
  tcb.rack.begin(tcb.iss);
  acknowledge(tcb, segment, false);
  tcb.phase = Phase.open;
  tcb.sndWl1 = segment.seq;
  tcb.sndWl2 = segment.ack;
  tcb.smallSeq = tcb.sndUna;
  tcb.lastHeardNs = tcb.paceAtNs = stack.now;
  // RFC 6298 §5.7: a SYN that was lost says little of the path's speed, but that it isn't the usual one.
  if (tcb.timeouts > 0) tcb.cwnd = 1;
  tcb.timeouts = 0;
  tcb.hasNews = true;
  armKeepAlive(tcb);
}

/** SYN-RECEIVED: the third segment. @returns whether the connection is there */
function finishHandshake(tcb: Tcb, segment: TcpSegment): boolean {
  if (segment.ack !== tcb.sndNxt) return false;
  if (!tcb.stack.admit(tcb)) return false;
  establish(tcb, segment);
  tcb.sndWnd = segment.window << tcb.sndScale;
  tcb.sndWndMax = Math.max(tcb.sndWndMax, tcb.sndWnd);
  return true;
}

/** Both opened at once, and the peer's answer has the SYN again. */
function finishCrossing(tcb: Tcb, segment: TcpSegment): void {
  if (!finishHandshake(tcb, segment)) return;
  tcb.mustAckNow = true;
  tcb.sndWnd = segment.window;
  segment.seq = (segment.seq + 1) | 0;
  segment.flags &= ~SYN;
  takeContent(tcb, segment);
}

/** §3.10.7.4, fifth. @returns whether the rest of the segment counts */
function takeAck(tcb: Tcb, segment: TcpSegment): boolean {
  const { ack } = segment;
  // RFC 5961 §5.2.
  if (isAfter(ack, tcb.sndNxt) || distance(ack, tcb.sndUna) > Math.max(tcb.sndWndMax, 0xffff)) {
    challenge(tcb);
    return false;
  }
  const window = segment.window << tcb.sndScale;
  if (isBefore(ack, tcb.sndUna)) return true;
  const isDuplicate = ack === tcb.sndUna && segment.size === 0 && window === tcb.sndWnd && tcb.sent.count > 0;
  const hadRoom = tcb.sending.length;
  if (!isBefore(segment.seq, tcb.sndWl1) || isAfter(ack, tcb.sndWl2)) {
    if (tcb.sndWnd === 0 && window > 0 && tcb.sendTimer === SendTimer.persist) {
      tcb.sendTimer = SendTimer.none;
      tcb.sendAtNs = Infinity;
    }
    tcb.sndWnd = window;
    tcb.sndWndMax = Math.max(tcb.sndWndMax, window);
    tcb.sndWl1 = segment.seq;
    tcb.sndWl2 = ack;
  }
  if (tcb.sent.count > 0 || isAfter(ack, tcb.sndUna)) acknowledge(tcb, segment, isDuplicate);
  if (tcb.sending.length < hadRoom) tcb.hasNews = true;
  if (tcb.hasSentFin && ack === tcb.sndNxt) finAcknowledged(tcb);
  return tcb.state !== TCP_CLOSE;
}

function finAcknowledged(tcb: Tcb): void {
  if (tcb.state === TCP_FIN_WAIT1) {
    tcb.state = TCP_FIN_WAIT2;
    tcb.hasNews = true;
    if (tcb.isOrphan) tcb.stateAtNs = tcb.stack.now + tcb.finWaitNs;
  } else if (tcb.state === TCP_CLOSING) rest(tcb);
  else if (tcb.state === TCP_LAST_ACK) {
    close(tcb, 0);
    tcb.isReset = false;
  }
}

/** The peer's FIN has its turn. */
function ended(tcb: Tcb): void {
  if (tcb.state === TCP_ESTABLISHED) tcb.state = TCP_CLOSE_WAIT;
  else if (tcb.state === TCP_FIN_WAIT1) tcb.state = TCP_CLOSING;
  else if (tcb.state === TCP_FIN_WAIT2) rest(tcb);
}

function rest(tcb: Tcb): void {
  tcb.state = TCP_TIME_WAIT;
  tcb.hasNews = true;
  tcb.sendTimer = SendTimer.none;
  tcb.sendAtNs = Infinity;
  tcb.stateAtNs = tcb.stack.now + TIME_WAIT_NS;
  tcb.sending.clear();
  tcb.sent.clear();
  tcb.stack.rest(tcb);
}

/** TIME-WAIT (§3.10.7.4): what comes again is acknowledged; RFC 1337: a reset doesn't end it. */
export function segmentInTimeWait(tcb: Tcb, segment: TcpSegment): void {
  if (segment.has(RST)) return;
  if (segment.size > 0 || segment.has(SYN)) {
    if (segment.has(FIN)) tcb.stateAtNs = tcb.stack.now + TIME_WAIT_NS;
    sendAckOnce(tcb);
  }
}

/** RFC 6191, RFC 9293 §3.6.1: may this SYN begin a new connection in place of one in TIME-WAIT? */
export function isNewIncarnation(tcb: Tcb, segment: TcpSegment): boolean {
  if (!segment.has(SYN) || segment.has(RST | ACK)) return false;
  if (tcb.hasTimestamps && segment.hasTimestamps && isAfter(segment.tsValue, tcb.tsRecent)) return true;
  return isAfter(segment.seq, tcb.rcvNxt);
}
