/** A connection as who has it sees it: the user's calls (RFC 9293 §3.9.1). */
import {
  EAGAIN,
  EINVAL,
  EPIPE,
  TCP_CLOSE,
  TCP_CLOSE_WAIT,
  TCP_ESTABLISHED,
  TCP_FIN_WAIT1,
  TCP_FIN_WAIT2,
  TCP_LAST_ACK,
  TCP_SYN_RECV,
  TCP_SYN_SENT,
  TCP_TIME_WAIT,
} from "@stratos/abi";
import { type ByteSink, type ByteSource, stateClass } from "@stratos/base";
import { adjustRoom } from "./receive-data.ts";
import { distance, isAfter } from "./sequence.ts";
import { close } from "./segment-arrives.ts";
import { Tcb, type TcbStack } from "./tcb.ts";
import { armKeepAlive } from "./tcp-times.ts";
import { sendReset, tellWindow, transmit } from "./transmit.ts";

/** The stack, as calls of users enter it. */
export interface CalledStack extends TcbStack {
  /** A call begins. */
  enter(): void;
  /** It ends: times, memory and news are seen to. */
  leave(connection: Tcb): void;
  /** Nobody has it any more, and it goes on. @returns false: there are too many of such */
  keepOrphan(connection: Tcb): boolean;
}

/** An urgent byte; used during one call. */
const ONE_BYTE = new Uint8Array(1);

export class TcpConnection extends Tcb {
  declare readonly stack: CalledStack;

  /** Bytes taken; −EAGAIN (no room), −EPIPE (no more is sent), −EFAULT. @param capacity  bytes that may be kept */
  write(from: ByteSource, capacity: number, hasMore: boolean): number {
    if (this.isFinQueued || this.state === TCP_CLOSE || this.state === TCP_TIME_WAIT) return -EPIPE;
    if (from.remaining === 0) return 0;
    if (this.sending.length >= capacity) {
      this.push();
      return -EAGAIN;
    }
    this.stack.enter();
    const moved = this.sending.writeFrom(from, capacity);
    if (moved > 0) {
      if (!hasMore) this.pushSeq = this.endSeq;
      transmit(this);
    }
    this.stack.leave(this);
    return moved;
  }

  /** What waits for more goes. */
  push(): void {
    if (this.pushSeq === this.endSeq) return;
    this.stack.enter();
    this.pushSeq = this.endSeq;
    transmit(this);
    this.stack.leave(this);
  }

  get holdsBack(): boolean {
    return isAfter(this.endSeq, this.pushSeq) && isAfter(this.endSeq, this.sndNxt);
  }

  /**
   * Bytes moved; 0: nothing is there, which `isEnded`, `isReset` and `error` tell more of; −EFAULT. `passed`: a peek
   * begins so many bytes behind the first.
   */
  read(to: ByteSink, peek: boolean, passed = 0): number {
    this.stack.enter();
    const moved = this.#readBytes(to, peek, passed);
    if (moved > 0 && !peek) {
      adjustRoom(this);
      tellWindow(this);
    }
    this.stack.leave(this);
    return moved;
  }

  /** A read stops at the urgent mark, and one that begins there passes it by (tcp(7), SIOCATMARK). */
  #readBytes(to: ByteSink, peek: boolean, passed: number): number {
    const { receiving } = this;
    const hasMark = this.urgent !== "none";
    const isAtMark = hasMark && distance(this.readSeq, this.urgentSeq) === passed;
    let skip = passed;
    if (isAtMark && to.remaining > 0 && !this.isUrgentInline && receiving.length > passed) {
      if (peek) skip++;
      else {
        receiving.discard(1);
        this.#advance(1);
      }
    }
    const untilMark = hasMark ? distance(this.readSeq, this.urgentSeq) - passed : 0;
    const most = untilMark > 0 ? untilMark : receiving.length - skip;
    const moved = receiving.readTo(to, most, peek, skip);
    if (moved > 0 && !peek) this.#advance(moved);
    return moved;
  }

  #advance(count: number): void {
    this.readSeq = (this.readSeq + count) | 0;
    if (this.urgent !== "none" && isAfter(this.readSeq, this.urgentSeq)) this.urgent = "none";
  }

  get isAtMark(): boolean {
    return this.urgent !== "none" && this.urgentSeq === this.readSeq;
  }

  /** Bytes up to the urgent one. */
  get available(): number {
    const { length } = this.receiving;
    if (this.urgent === "none" || this.isUrgentInline) return length;
    return Math.min(length, distance(this.readSeq, this.urgentSeq));
  }

  get readable(): number {
    const { length } = this.receiving;
    return this.isAtMark && !this.isUrgentInline ? Math.max(0, length - 1) : length;
  }

  /** Does an urgent byte wait to be taken? */
  get hasUrgent(): boolean {
    return this.urgent === "announced" || this.urgent === "there";
  }

  /** 1, 0 (no room to put it), −EINVAL (there is none), −EAGAIN (it is on its way), −EFAULT. */
  readUrgent(to: ByteSink, peek: boolean): number {
    if (!this.hasUrgent) return -EINVAL;
    if (this.urgent === "announced") return -EAGAIN;
    const moved = this.receiving.readTo(to, 1, true, distance(this.readSeq, this.urgentSeq));
    if (moved >= 0 && !peek) this.urgent = "taken";
    return moved;
  }

  /** 1, −EAGAIN, −EPIPE. */
  sendUrgent(byte: number, capacity: number): number {
    if (this.isFinQueued || this.state === TCP_CLOSE || this.state === TCP_TIME_WAIT) return -EPIPE;
    if (this.sending.length >= capacity) return -EAGAIN;
    this.stack.enter();
    ONE_BYTE[0] = byte;
    this.sending.append(ONE_BYTE);
    this.sndUp = this.pushSeq = this.endSeq;
    this.isUrgentOut = true;
    transmit(this);
    this.stack.leave(this);
    return 1;
  }

  /** Bytes that the peer has not acknowledged (SIOCOUTQ). */
  get unacknowledged(): number {
    return this.sending.length;
  }

  /** Bytes that were not sent once (SIOCOUTQNSD). */
  get unsent(): number {
    return Math.max(0, distance(this.sndNxt, this.endSeq));
  }

  /** Bytes that a packet on the way may have. */
  get pathMtu(): number {
    return this.stack.mtuTo(this);
  }

  /** All that was written (RFC 9293 §3.9.1: it counts from the first byte). */
  get writtenBytes(): number {
    return this.sending.writePosition;
  }

  /** No more from this side: a FIN behind what was written. */
  finish(): void {
    if (this.isFinQueued) return;
    this.stack.enter();
    this.#finish();
    this.stack.leave(this);
  }

  #finish(): void {
    if (this.state === TCP_ESTABLISHED || this.state === TCP_SYN_RECV) this.state = TCP_FIN_WAIT1;
    else if (this.state === TCP_CLOSE_WAIT) this.state = TCP_LAST_ACK;
    else return;
    this.isFinQueued = true;
    this.pushSeq = this.endSeq;
    this.stateAtNs = Infinity;
    transmit(this);
  }

  /** Nobody has it any more. What was written still arrives; what was not read resets the peer (RFC 2525 §2.17). */
  close(): void {
    this.stack.enter();
    this.owner = null;
    this.isOrphan = true;
    this.isClosed = true;
    if (this.state === TCP_SYN_SENT) close(this, 0);
    else if (this.receiving.length > 0 && this.state !== TCP_CLOSE && this.state !== TCP_TIME_WAIT) this.#reset();
    else {
      this.#finish();
      if (this.state === TCP_FIN_WAIT2) this.stateAtNs = this.stack.now + this.finWaitNs;
      const isOver = this.state === TCP_CLOSE || this.state === TCP_TIME_WAIT;
      if (!isOver && !this.stack.keepOrphan(this)) this.#reset();
    }
    this.receiving.clear();
    this.stack.leave(this);
  }

  abort(): void {
    this.stack.enter();
    this.owner = null;
    this.isOrphan = true;
    this.isClosed = true;
    this.receiving.clear();
    if (this.state !== TCP_CLOSE && this.state !== TCP_TIME_WAIT) this.#reset();
    this.stack.leave(this);
  }

  /** It is reset, which its owner is told as this (positive) error. */
  destroy(error: number): void {
    this.stack.enter();
    if (this.state !== TCP_CLOSE && this.state !== TCP_TIME_WAIT) this.#reset(error);
    this.stack.leave(this);
  }

  #reset(error = 0): void {
    if (this.state !== TCP_SYN_SENT) sendReset(this);
    close(this, error);
  }

  /** 0: none. */
  keepAlive(idleNs: number): void {
    this.stack.enter();
    this.keepIdleNs = idleNs;
    armKeepAlive(this);
    this.stack.leave(this);
  }

  setNoDelay(noDelay: boolean): void {
    this.noDelay = noDelay;
    if (!noDelay) return;
    this.stack.enter();
    transmit(this);
    this.stack.leave(this);
  }

  static {
    stateClass("tcp.TcpConnection", this);
  }
}
