/** The times of a connection: when the next is due, and what is done then (RFC 9293 §3.8.1, RFC 6298, RFC 8985 §7). */
import { ETIMEDOUT, TCP_ESTABLISHED, TCP_CLOSE_WAIT, TCP_FIN_WAIT2, TCP_SYN_RECV, TCP_SYN_SENT } from "@stratos/abi";
import { Phase, SendTimer, type Tcb } from "./tcb.ts";
import { RTO_MAX_NS, RTO_INITIAL_NS } from "./round-trip.ts";

/** How long the peer's acknowledgement may be delayed (RFC 8985 §7.2, TCP_DELACK_MAX). */
const DELAYED_MAX_NS = 200e6;
/** How long we delay ours (TCP_DELACK_MIN). */
const DELAY_NS = 40e6;

/** @param isNew  something was sent for the first time */
export function armSending(tcb: Tcb, isWindowShut: boolean, isNew = false): void {
  const { sent, roundTrip, stack } = tcb;
  if (sent.count === 0) {
    if (!isWindowShut) disarm(tcb);
    else if (tcb.sendTimer !== SendTimer.persist) {
      tcb.sendTimer = SendTimer.persist;
      tcb.sendAtNs = stack.now + roundTrip.rtoNs;
    }
    return;
  }
  if (tcb.sendTimer === SendTimer.reorder) return;
  const due = tcb.rtoBaseNs + roundTrip.rtoNs;
  if (!isNew && tcb.sendTimer === SendTimer.probe) return;
  if (canProbe(tcb)) {
    const wait = roundTrip.smoothedNs === 0 ? RTO_INITIAL_NS : 2 * roundTrip.smoothedNs;
    const probe = stack.now + wait + (sent.count === 1 ? DELAYED_MAX_NS : 2e6);
    if (probe < due) {
      tcb.sendTimer = SendTimer.probe;
      tcb.sendAtNs = probe;
      return;
    }
  }
  tcb.sendTimer = SendTimer.retransmit;
  tcb.sendAtNs = due;
}

/** RFC 8985 §7.2. */
function canProbe(tcb: Tcb): boolean {
  const { sent } = tcb;
  return (
    tcb.hasSack &&
    tcb.phase === Phase.open &&
    !tcb.isProbing &&
    sent.sackedCount === 0 &&
    sent.lostCount === 0 &&
    tcb.roundTrip.backoff === 0 &&
    tcb.roundTrip.smoothedNs > 0
  );
}

function disarm(tcb: Tcb): void {
  tcb.sendTimer = SendTimer.none;
  tcb.sendAtNs = Infinity;
}

/** What runs is of another state of things. */
export function pathTimers(tcb: Tcb): void {
  disarm(tcb);
}

export function armReorder(tcb: Tcb, waitNs: number): void {
  const due = tcb.rtoBaseNs + tcb.roundTrip.rtoNs;
  const at = tcb.stack.now + waitNs;
  tcb.sendTimer = at < due ? SendTimer.reorder : SendTimer.retransmit;
  tcb.sendAtNs = Math.min(at, due);
}

export function armAck(tcb: Tcb): void {
  if (tcb.ackAtNs === Infinity) tcb.ackAtNs = tcb.stack.now + DELAY_NS;
}

/** Keep-alive, of a connection that may be idle for as long as it likes. */
export function armKeepAlive(tcb: Tcb): void {
  if (tcb.state !== TCP_ESTABLISHED && tcb.state !== TCP_CLOSE_WAIT && !isHalfClosed(tcb)) return;
  tcb.stateAtNs =
    tcb.keepIdleNs === 0
      ? Infinity
      : tcb.keepProbes > 0
        ? tcb.stack.now + tcb.keepIntervalNs
        : tcb.lastHeardNs + tcb.keepIdleNs;
}

function isHalfClosed({ state, isOrphan }: Tcb): boolean {
  return state === TCP_FIN_WAIT2 && !isOrphan;
}

/** The next interval of persisting; bounded as the time-out is. */
export function backOffPersisting(tcb: Tcb): void {
  const { roundTrip } = tcb;
  tcb.sendTimer = SendTimer.persist;
  tcb.persistProbes++;
  tcb.sendAtNs = tcb.stack.now + Math.min(RTO_MAX_NS, roundTrip.rtoNs * 2 ** Math.min(20, tcb.persistProbes));
}

/** Has the peer been silent for longer than the program or the standard (RFC 9293 §3.8.3, R2) lets it be? */
export function isPatienceOver(tcb: Tcb): boolean {
  const { now } = tcb.stack;
  if (tcb.silentSinceNs >= 0 && tcb.userTimeoutNs > 0) return now - tcb.silentSinceNs >= tcb.userTimeoutNs;
  return tcb.timeouts >= retriesOf(tcb);
}

/** net.ipv4.tcp_retries2, tcp_orphan_retries, tcp_synack_retries. */
function retriesOf(tcb: Tcb): number {
  if (tcb.state === TCP_SYN_SENT) return tcb.synRetries;
  if (tcb.state === TCP_SYN_RECV) return 5;
  return tcb.isOrphan ? 8 : 15;
}

export function timeoutError({ softError }: Tcb): number {
  return softError !== 0 ? softError : ETIMEDOUT;
}
