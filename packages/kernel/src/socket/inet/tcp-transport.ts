import { EAGAIN, ECONNRESET, EINVAL, EPIPE } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { HostSocket, HostSocketEvents } from "@stratos/host";
import type { IoCursor } from "../../ground/io-cursor.ts";
import { ByteRing } from "../byte-ring.ts";
import type { SocketMemory } from "../socket-memory.ts";

/** How the bytes of an established connection travel: inside the machine, or carried by the socket provider. */
export interface TcpTransport {
  /** Bytes moved; 0 after the peer's last; −EAGAIN; −EFAULT; or the connection's error. */
  read(to: IoCursor, peek: boolean): number;
  /**
   * Bytes taken, −EAGAIN, −EPIPE, −EFAULT, or the connection's error. `capacity`: how many may be under way. With
   * `hasMore` (MSG_MORE, TCP_CORK) what
   * doesn't fill a segment waits for more, or for `push`.
   */
  write(from: IoCursor, capacity: number, hasMore: boolean): number;
  /** Sends what waits for more. */
  push(): void;
  /** Does something wait for more? */
  readonly holdsBack: boolean;
  readonly available: number;
  readonly unsent: number;
  /** The peer sends no more (FIN), whether everything was read or not. */
  readonly isEnded: boolean;
  /** The connection is gone (RST, time-out). */
  readonly isReset: boolean;
  canWrite(capacity: number): boolean;
  /** A pending error (positive errno), once. */
  takeError(): number;
  /** No more from this side (FIN). */
  finish(): void;
  /** Receives no more. */
  stopReading(): void;
  close(): void;
  abort(): void;
  /** Urgent data (MSG_OOB): the byte, −1 when there is none. */
  urgent(take: boolean): number;
  /** 1, −EAGAIN, −EPIPE. `capacity` as for `write`. */
  sendUrgent(byte: number, capacity: number): number;
  /** SO_OOBINLINE: the urgent byte stays in the stream. */
  isUrgentInline: boolean;
  readonly isAtMark: boolean;
}

/** Bytes that may be under way on a connection when the machine's memory for TCP is full. */
const SCARCE_ROOM = 4096;
/** The largest segment over `lo`, whose MTU is 65536. */
const SEGMENT_BYTES = 65483;

/**
 * One side of a connection between two sockets of this machine. It behaves as TCP does over `lo`, without its segments:
 *
 * - closing with unread bytes resets the other side (ECONNRESET), as does writing to a side that was closed: the first
 *   write passes, then the reset arrives (EPIPE, as after a FIN the state is CLOSE-WAIT: net/ipv4/tcp_input.c,
 *   tcp_reset);
 * - bytes that arrived before the reset can still be read.
 */
export class LoopbackTransport implements TcpTransport {
  #incoming = new ByteRing();
  /** Bytes at the end of `#incoming` that the other side holds back: they are not there yet. */
  #heldBack = 0;
  #other: LoopbackTransport | null = null;
  #owner: HostSocketEvents;
  #memory: SocketMemory;
  #hasSentFin = false;
  #isClosed = false;
  #isReadStopped = false;
  #error = 0;
  #urgent = -1;
  /** Stream position behind which the urgent byte was sent. */
  #mark = -1;
  isEnded = false;
  isReset = false;
  isUrgentInline = false;

  constructor(owner: HostSocketEvents, memory: SocketMemory) {
    this.#owner = owner;
    this.#memory = memory;
  }

  static join(one: LoopbackTransport, other: LoopbackTransport): void {
    one.#other = other;
    other.#other = one;
  }

  get available(): number {
    return this.#incoming.length - this.#heldBack;
  }

  get unsent(): number {
    return this.#other === null || this.#other.#isClosed ? 0 : this.#other.#incoming.length;
  }

  read(to: IoCursor, peek: boolean): number {
    if (this.available === 0) {
      if (this.isEnded || this.#isReadStopped) return 0;
      const error = this.takeError();
      if (error !== 0) return -error;
      return this.isReset ? 0 : -EAGAIN;
    }
    // A read stops at the urgent mark (tcp(7), SIOCATMARK).
    const { readPosition } = this.#incoming;
    const most = this.#mark > readPosition ? this.#mark - readPosition : this.available;
    const moved = this.#incoming.readTo(to, most, peek);
    if (moved > 0 && !peek) this.#memory.bytes -= moved;
    if (moved > 0 && !peek && this.#other !== null) this.#other.#owner.changed();
    return moved;
  }

  write(from: IoCursor, capacity: number, hasMore: boolean): number {
    const error = this.takeError();
    if (error !== 0) return -error;
    if (this.#hasSentFin || this.isReset) return -EPIPE;
    if (from.remaining === 0) return 0;
    const other = this.#other!;
    if (other.#isClosed) {
      const { remaining } = from;
      from.skip(remaining);
      this.#receiveReset(this.isEnded ? EPIPE : ECONNRESET);
      return remaining;
    }
    const room = this.#room(capacity);
    if (other.#incoming.length >= room) {
      this.push();
      return -EAGAIN;
    }
    const moved = other.#incoming.writeFrom(from, room);
    if (moved <= 0) return moved;
    this.#memory.bytes += moved;
    const waiting = other.#heldBack + moved;
    other.#heldBack = hasMore ? waiting % SEGMENT_BYTES : 0;
    if (other.#heldBack < waiting) other.#owner.changed();
    return moved;
  }

  #room(capacity: number): number {
    return this.#memory.isFull ? Math.min(capacity, SCARCE_ROOM) : capacity;
  }

  push(): void {
    const other = this.#other;
    if (other === null || other.#heldBack === 0) return;
    other.#heldBack = 0;
    other.#owner.changed();
  }

  get holdsBack(): boolean {
    return this.#other !== null && this.#other.#heldBack > 0;
  }

  canWrite(capacity: number): boolean {
    // Two thirds may be in use (include/net/sock.h, sk_stream_is_writeable).
    return this.unsent * 3 <= this.#room(capacity) * 2;
  }

  takeError(): number {
    const error = this.#error;
    this.#error = 0;
    return error;
  }

  get hasError(): boolean {
    return this.#error !== 0;
  }

  finish(): void {
    if (this.#hasSentFin || this.isReset) return;
    this.#hasSentFin = true;
    this.push();
    this.#other!.#receiveFin();
  }

  stopReading(): void {
    this.#isReadStopped = true;
  }

  close(): void {
    if (this.#isClosed) return;
    if (this.#incoming.length > 0) {
      this.abort();
      return;
    }
    this.finish();
    this.#isClosed = true;
    this.#other!.#owner.changed();
  }

  abort(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#memory.bytes -= this.#incoming.length;
    this.#incoming.clear();
    this.#heldBack = 0;
    if (!this.isReset) this.#other!.#receiveReset(this.#other!.isEnded ? EPIPE : ECONNRESET);
  }

  #receiveFin(): void {
    this.isEnded = true;
    this.#owner.changed();
  }

  #receiveReset(error: number): void {
    if (this.#isClosed || this.isReset) return;
    this.isReset = true;
    this.#error = error;
    this.#owner.changed();
  }

  urgent(take: boolean): number {
    const byte = this.#urgent;
    if (take) this.#urgent = -1;
    return byte;
  }

  sendUrgent(byte: number, capacity: number): number {
    if (this.#hasSentFin || this.isReset) return -EPIPE;
    const other = this.#other!;
    this.push();
    if (!other.#isClosed) {
      if (other.isUrgentInline && other.#incoming.length >= this.#room(capacity)) return -EAGAIN;
      other.#mark = other.#incoming.writePosition;
      if (other.isUrgentInline) {
        other.#incoming.append(Uint8Array.of(byte));
        this.#memory.bytes++;
      } else other.#urgent = byte;
      other.#owner.changed();
    }
    return 1;
  }

  get isAtMark(): boolean {
    return this.#mark === this.#incoming.readPosition;
  }

  static {
    stateClass("LoopbackTransport", this, {
      save: (it) => ({
        incoming: it.#incoming,
        heldBack: it.#heldBack,
        other: it.#other,
        owner: it.#owner,
        memory: it.#memory,
        hasSentFin: it.#hasSentFin,
        isClosed: it.#isClosed,
        isReadStopped: it.#isReadStopped,
        error: it.#error,
        urgent: it.#urgent,
        mark: it.#mark,
      }),
      load: (it, from) =>
        ({
          incoming: it.#incoming,
          heldBack: it.#heldBack,
          other: it.#other,
          owner: it.#owner,
          memory: it.#memory,
          hasSentFin: it.#hasSentFin,
          isClosed: it.#isClosed,
          isReadStopped: it.#isReadStopped,
          error: it.#error,
          urgent: it.#urgent,
          mark: it.#mark,
        } = from),
    });
  }
}

/** A connection that the provider carries. */
export class HostTransport implements TcpTransport {
  #host: HostSocket;
  /** Bytes between the provider and the caller's memory. */
  #transfer: Uint8Array;
  #isReadStopped = false;
  #hasFinished = false;
  isReset = false;
  isUrgentInline = false;
  #error = 0;

  constructor(host: HostSocket, transfer: Uint8Array) {
    this.#host = host;
    this.#transfer = transfer;
  }

  get available(): number {
    return this.#host.available();
  }

  get unsent(): number {
    return this.#host.unsent();
  }

  get isEnded(): boolean {
    return this.#host.ended();
  }

  /** Looks for an error of the host's socket: it ends the connection. */
  notice(): void {
    const error = this.#host.takeError();
    if (error === 0) return;
    this.#error = error;
    this.isReset = true;
  }

  read(to: IoCursor, peek: boolean): number {
    let done = 0;
    while (to.remaining > 0) {
      const count = this.#host.read(this.#transfer, 0, Math.min(to.remaining, this.#transfer.length), peek);
      if (count <= 0) {
        if (done > 0) return done;
        if (count === 0 || this.#isReadStopped) return 0;
        const error = this.takeError();
        if (error !== 0) return -error;
        return this.isReset ? 0 : count;
      }
      const moved = to.put(this.#transfer, 0, count);
      if (moved < 0) return done > 0 ? done : moved;
      done += moved;
      if (peek || moved < count) break;
    }
    return done;
  }

  /** The host's own TCP decides what goes into a segment, so nothing is held back here. */
  push(): void {}

  readonly holdsBack = false;

  write(from: IoCursor, _capacity: number, _hasMore: boolean): number {
    const error = this.takeError();
    if (error !== 0) return -error;
    if (this.#hasFinished || this.isReset) return -EPIPE;
    let done = 0;
    while (from.remaining > 0) {
      if (!this.#host.writable()) return done > 0 ? done : -EAGAIN;
      const taken = from.take(this.#transfer, 0, Math.min(from.remaining, this.#transfer.length));
      if (taken < 0) return done > 0 ? done : taken;
      const queued = this.#host.write(this.#transfer, 0, taken, null);
      if (queued < 0) return done > 0 ? done : queued;
      done += queued;
    }
    return done;
  }

  canWrite(_capacity: number): boolean {
    return this.#host.writable();
  }

  takeError(): number {
    this.notice();
    const error = this.#error;
    this.#error = 0;
    return error;
  }

  finish(): void {
    if (this.#hasFinished) return;
    this.#hasFinished = true;
    this.#host.shutdown(1);
  }

  stopReading(): void {
    this.#isReadStopped = true;
    this.#host.shutdown(0);
  }

  close(): void {
    this.#host.close();
  }

  abort(): void {
    this.#host.abort();
  }

  urgent(_take: boolean): number {
    return -1;
  }

  sendUrgent(_byte: number, _capacity: number): number {
    return -EINVAL; // the host's interface has no urgent data
  }

  get isAtMark(): boolean {
    return false;
  }

  static {
    stateClass("HostTransport", this, {
      save: (it) => ({
        host: it.#host,
        transfer: it.#transfer,
        isReadStopped: it.#isReadStopped,
        hasFinished: it.#hasFinished,
        error: it.#error,
      }),
      load: (it, from) =>
        ({
          host: it.#host,
          transfer: it.#transfer,
          isReadStopped: it.#isReadStopped,
          hasFinished: it.#hasFinished,
          error: it.#error,
        } = from),
    });
  }
}
