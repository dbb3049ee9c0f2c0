/** A time of a connection has come (tcp-times.ts). */
import {
  TCP_CLOSE,
  TCP_CLOSE_WAIT,
  TCP_ESTABLISHED,
  TCP_FIN_WAIT2,
  TCP_SYN_RECV,
  TCP_SYN_SENT,
  TCP_TIME_WAIT,
} from "@stratos/abi";
import { findLosses, timeOut } from "./loss-recovery.ts";
import { distance } from "./sequence.ts";
import { close } from "./segment-arrives.ts";
import { SACKED } from "./sent-segments.ts";
import { SendTimer, type Tcb } from "./tcb.ts";
import { armKeepAlive, armSending, backOffPersisting, isPatienceOver, timeoutError } from "./tcp-times.ts";
import {
  isUnsent,
  resend,
  segmentRoom,
  sendAck,
  sendProbe,
  sendReset,
  sendSegment,
  sendSyn,
  transmit,
} from "./transmit.ts";
import { ACK, PSH } from "./tcp-segment.ts";

export function expireTimes(tcb: Tcb): void {
  const { now } = tcb.stack;
  if (tcb.ackAtNs <= now) sendAck(tcb);
  if (tcb.sendAtNs <= now) sendingTimeIsOver(tcb);
  if (tcb.stateAtNs <= now && tcb.state !== TCP_CLOSE) stateTimeIsOver(tcb);
}

function sendingTimeIsOver(tcb: Tcb): void {
  const kind = tcb.sendTimer;
  tcb.sendTimer = SendTimer.none;
  tcb.sendAtNs = Infinity;
  if (kind === SendTimer.retransmit) retransmissionTimeOut(tcb);
  else if (kind === SendTimer.persist) askForWindow(tcb);
  else if (kind === SendTimer.probe) probeTail(tcb);
  else if (kind === SendTimer.reorder) {
    findLosses(tcb);
    transmit(tcb);
  }
}

function retransmissionTimeOut(tcb: Tcb): void {
  const { sent, roundTrip, stack } = tcb;
  if (sent.count === 0) return;
  if (tcb.silentSinceNs < 0) tcb.silentSinceNs = tcb.rtoBaseNs;
  if (isPatienceOver(tcb)) {
    close(tcb, tcb.isOrphan ? 0 : timeoutError(tcb));
    return;
  }
  tcb.timeouts++;
  stack.timeouts++;
  roundTrip.backoff++;
  tcb.rtoBaseNs = stack.now;
  if (tcb.state === TCP_SYN_SENT || tcb.state === TCP_SYN_RECV) {
    sent.resend(0, stack.now);
    stack.retransmits++;
    stack.synRetransmits++;
    sendSyn(tcb);
    armSending(tcb, false);
    return;
  }
  timeOut(tcb);
  transmit(tcb);
}

/** RFC 9293 §3.8.6.1: what fits, or an old sequence number that asks for an answer. */
function askForWindow(tcb: Tcb): void {
  if (!isUnsent(tcb)) return;
  if (tcb.silentSinceNs < 0) tcb.silentSinceNs = tcb.stack.now;
  const isTooLong =
    tcb.userTimeoutNs > 0 && tcb.stack.now - tcb.silentSinceNs >= tcb.userTimeoutNs && tcb.persistProbes > 0;
  if (tcb.persistProbes >= (tcb.isOrphan ? 8 : 15) || isTooLong) {
    if (tcb.isOrphan) sendReset(tcb);
    close(tcb, tcb.isOrphan ? 0 : timeoutError(tcb));
    return;
  }
  const window = distance(tcb.sndNxt, (tcb.sndUna + tcb.sndWnd) | 0);
  const length = Math.min(window, segmentRoom(tcb), distance(tcb.sndNxt, tcb.endSeq));
  if (length > 0) {
    // A window that stays small is used after a while (RFC 9293 §3.8.6.2.1).
    sendSegment(tcb, tcb.sndNxt, length, ACK | PSH);
    tcb.stack.newSegmentsOut++;
    tcb.sndNxt = (tcb.sndNxt + length) | 0;
    tcb.sent.push(tcb.sndNxt, tcb.stack.now);
    tcb.rtoBaseNs = tcb.lastSentNs = tcb.stack.now;
    armSending(tcb, false);
    return;
  }
  sendProbe(tcb);
  backOffPersisting(tcb);
}

/** RFC 8985 §7.3: something new, or the last again. */
function probeTail(tcb: Tcb): void {
  const { sent, stack } = tcb;
  if (sent.count === 0) return;
  const before = tcb.sndNxt;
  const cwnd = tcb.cwnd;
  tcb.cwnd = sent.inFlight + 1;
  tcb.isProbing = true;
  transmit(tcb);
  tcb.cwnd = cwnd;
  tcb.isProbeRetransmission = before === tcb.sndNxt;
  if (tcb.isProbeRetransmission) {
    let last = sent.count - 1;
    while (last > 0 && (sent.flagsOf(last) & SACKED) !== 0) last--;
    resend(tcb, last);
  }
  tcb.probeSeq = tcb.sndNxt;
  // RFC 8985 §7.3: the time-out counts from the probe.
  tcb.rtoBaseNs = stack.now;
  tcb.sendTimer = SendTimer.none;
  armSending(tcb, false);
}

function stateTimeIsOver(tcb: Tcb): void {
  tcb.stateAtNs = Infinity;
  if (tcb.state === TCP_TIME_WAIT || (tcb.state === TCP_FIN_WAIT2 && tcb.isOrphan)) {
    close(tcb, 0);
    tcb.isReset = false;
  } else if (tcb.state === TCP_ESTABLISHED || tcb.state === TCP_CLOSE_WAIT || tcb.state === TCP_FIN_WAIT2)
    keepAlive(tcb);
}

/** RFC 9293 §3.8.4. */
function keepAlive(tcb: Tcb): void {
  if (tcb.keepIdleNs === 0) return;
  const isBusy = tcb.sent.count > 0 || isUnsent(tcb);
  const { now } = tcb.stack;
  if (!isBusy && now - tcb.lastHeardNs >= tcb.keepIdleNs) {
    const silence = now - tcb.lastHeardNs;
    const isSilentTooLong =
      tcb.userTimeoutNs > 0 ? tcb.keepProbes > 0 && silence >= tcb.userTimeoutNs : tcb.keepProbes >= tcb.keepCount;
    if (isSilentTooLong) {
      sendReset(tcb);
      close(tcb, timeoutError(tcb));
      return;
    }
    tcb.keepProbes++;
    sendProbe(tcb);
    tcb.stateAtNs = now + tcb.keepIntervalNs;
  } else if (isBusy) tcb.stateAtNs = now + tcb.keepIdleNs;
  else armKeepAlive(tcb);
}
