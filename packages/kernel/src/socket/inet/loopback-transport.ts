import { EAGAIN, ECONNRESET, EINVAL, EPIPE } from "@stratos/abi";
import { ByteRing, stateClass } from "@stratos/base";
import type { IoCursor } from "../../ground/io-cursor.ts";
import { Timer, type TimerClient } from "../../time/timer-queue.ts";
import type { SocketMemory } from "../socket-memory.ts";
import type { TcpSocket } from "./tcp-socket.ts";
import type { HeldPort } from "./held-ports.ts";
import type { TcpTransport } from "./tcp-transport.ts";

/** Bytes that may be under way on a connection when the machine's memory for TCP is full. */
const SCARCE_ROOM = 4096;
/** What Linux's own tuning makes of tcp_wmem over `lo` at once, within its most. */
const SEND_BUFFER = 2626560;
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
export class LoopbackTransport implements TcpTransport, TimerClient {
  #incoming = new ByteRing();
  /** Bytes at the end of `#incoming` that the other side holds back: they are not there yet. */
  #heldBack = 0;
  #other: LoopbackTransport | null = null;
  #owner: TcpSocket;
  #memory: SocketMemory;
  #hasSentFin = false;
  #isClosed = false;
  #isReadStopped = false;
  #error = 0;
  /** Where the urgent byte is in the stream (`urg_seq`); −1: none, or it was passed. A later one replaces it. */
  #mark = -1;
  /** The urgent byte was taken by MSG_OOB: its place stays. */
  #isUrgentTaken = false;
  /** Armed: what this side sends arrives then, FIN as well. null: it never was late. */
  #late: Timer | null = null;
  isEnded = false;
  isReset = false;
  isUrgentInline = false;
  /** Its end came before the other's (TIME-WAIT, FIN-WAIT-2). */
  waits = false;
  /** That waits; it is free when the other side resets what is left. */
  heldPort: HeldPort | null = null;
  /** The other side gave up: what goes there meets a reset. */
  isAbandoned = false;

  constructor(owner: TcpSocket, memory: SocketMemory) {
    this.#owner = owner;
    this.#memory = memory;
  }

  static join(one: LoopbackTransport, other: LoopbackTransport): void {
    one.#other = other;
    other.#other = one;
    for (const { network, options } of [one.#owner, other.#owner])
      if (!options.isSendFixed)
        options.sendBuffer = Math.max(options.sendBuffer, Math.min(SEND_BUFFER, network.settings.tcpSend[2]));
  }

  get #arrived(): number {
    return this.#incoming.length - this.#heldBack;
  }

  get available(): number {
    return this.#mark < 0 || this.isUrgentInline ? this.#arrived : this.#mark - this.#incoming.readPosition;
  }

  get readable(): number {
    return this.isAtMark && !this.isUrgentInline ? this.#arrived - 1 : this.#arrived;
  }

  /** What the other side has no room for; that in its buffer it has acknowledged. */
  get unsent(): number {
    const other = this.#other;
    if (other === null || other.#isClosed) return 0;
    return Math.max(other.#heldBack, other.#incoming.length - other.#owner.options.receiveBuffer);
  }

  get sentBytes(): number {
    const other = this.#other;
    return other === null ? 0 : other.#incoming.writePosition;
  }

  get receivedBytes(): number {
    return this.#incoming.writePosition - this.#heldBack;
  }

  readonly segmentBytes = SEGMENT_BYTES;
  readonly state = 0;

  read(to: IoCursor, peek: boolean, passed: number): number {
    const moved = this.#arrived <= passed ? 0 : this.#readBytes(to, peek, passed);
    if (moved !== 0 || (to.remaining === 0 && this.#arrived > passed)) return moved;
    if (this.isEnded || this.#isReadStopped) return 0;
    const error = this.takeError();
    if (error !== 0) return -error;
    return this.isReset ? 0 : -EAGAIN;
  }

  /** A read stops at the urgent mark, and one that begins there passes it by (tcp(7), SIOCATMARK). */
  #readBytes(to: IoCursor, peek: boolean, passed: number): number {
    let skip = passed;
    if (this.#mark === this.#incoming.readPosition + passed && to.remaining > 0 && !this.isUrgentInline) {
      if (peek) skip++;
      else this.#passUrgent();
    }
    const first = this.#incoming.readPosition + passed;
    const most = this.#mark > first ? this.#mark - first : this.#arrived - skip;
    const moved = this.#incoming.readTo(to, most, peek, skip);
    if (peek) return moved;
    if (moved > 0) {
      this.#memory.bytes -= moved;
      if (this.#mark < this.#incoming.readPosition) this.#mark = -1;
    }
    if (this.#other !== null) this.#other.#owner.changed();
    // The room that is there now is told to nobody.
    if (this.isAbandoned && moved > 0) this.#receiveReset();
    return moved;
  }

  #passUrgent(): void {
    this.#incoming.discard(1);
    this.#memory.bytes--;
    this.#mark = -1;
  }

  write(from: IoCursor, capacity: number, hasMore: boolean): number {
    const error = this.takeError();
    if (error !== 0) return -error;
    if (this.#hasSentFin || this.isReset) return -EPIPE;
    if (from.remaining === 0) return 0;
    const other = this.#other!;
    const room = this.#room(capacity);
    if (other.#isClosed || this.isAbandoned) {
      // No more than a live one would take: the rest meets the error.
      const lost = Math.min(from.remaining, room);
      from.skip(lost);
      other.#stopWaiting();
      if (other.#isClosed) this.#owner.network.counters.resetsOut++;
      this.#receiveReset();
      return lost;
    }
    if (other.#incoming.length >= room) {
      this.push();
      return -EAGAIN;
    }
    const moved = other.#incoming.writeFrom(from, room);
    if (moved <= 0) return moved;
    this.#memory.bytes += moved;
    const waiting = other.#heldBack + moved;
    other.#heldBack = this.#isLate ? waiting : hasMore ? waiting % SEGMENT_BYTES : 0;
    if (other.#heldBack < waiting) other.#owner.changed();
    return moved;
  }

  #room(capacity: number): number {
    return this.#memory.isFull ? Math.min(capacity, SCARCE_ROOM) : capacity;
  }

  push(): void {
    const other = this.#other;
    if (other === null || other.#heldBack === 0 || this.#isLate) return;
    other.#heldBack = 0;
    other.#owner.changed();
  }

  get holdsBack(): boolean {
    return this.#other !== null && this.#other.#heldBack > 0;
  }

  canWrite(capacity: number): boolean {
    // Two thirds may be in use (include/net/sock.h, sk_stream_is_writeable).
    const other = this.#other;
    const underWay = other === null || other.#isClosed ? 0 : other.#incoming.length;
    return underWay * 3 <= this.#room(capacity) * 2;
  }

  notice(): void {}

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
    this.waits = !this.isEnded;
    if (this.#isLate) return;
    this.push();
    this.#other!.#receiveFin();
  }

  get #isLate(): boolean {
    return this.#late?.isArmed === true;
  }

  /**
   * The network brings what this side sends from now on so much later, in order all the same; resets and urgent bytes
   * do not wait (they may overtake what is sent again: RFC 9293, 3.8.1 and 3.8.5).
   */
  delay(ns: number): void {
    const { timers } = this.#owner.kernel;
    const untilNs = this.#owner.kernel.now() + ns;
    this.#late ??= new Timer(this);
    if (!this.#isLate || this.#late.deadlineNs < untilNs) timers.set(this.#late, untilNs);
  }

  /** The network brings nothing for a while, neither way. */
  part(ns: number): void {
    this.delay(ns);
    this.#other!.delay(ns);
  }

  timerExpired(): void {
    const other = this.#other!;
    if (other.isReset || other.#isClosed) return;
    this.push();
    if (this.#hasSentFin) other.#receiveFin();
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
    // Both sides have ended it: there is nothing to reset (net/ipv4/tcp.c, __tcp_close).
    const isOver = this.#hasSentFin && this.isEnded && this.unsent === 0;
    this.#isClosed = true;
    if (!isOver) this.waits = false;
    if (!this.isReset && !isOver) {
      this.#countReset();
      this.#owner.network.counters.resetsOut++;
    }
    this.#memory.bytes -= this.#incoming.length;
    this.#incoming.clear();
    this.#heldBack = 0;
    if (!this.isReset && !isOver) this.#other!.#receiveReset();
  }

  /** A side that is closed is not to wait for the other's end: TCP_LINGER2 below 0 (net/ipv4/tcp_input.c). */
  waitNoMore(): void {
    if (!this.waits || this.isEnded) return;
    this.waits = false;
    this.#other!.#receiveReset();
  }

  /** The other side has taken nothing for too long: this one is over, and nobody tells the other. */
  giveUp(error: number): void {
    if (this.#isClosed || this.isReset) return;
    this.#countReset();
    this.isReset = true;
    this.#error = error;
    this.#other!.isAbandoned = true;
    this.#owner.changed();
  }

  destroy(error: number): void {
    if (this.#isClosed || this.isReset) return;
    this.#owner.network.counters.resetsOut++;
    this.#receiveReset();
    this.#error = error;
    this.#other!.#receiveReset();
  }

  /** Somebody on the way resets it. What has arrived can still be read. */
  sever(): void {
    this.#receiveReset();
    this.#other!.#receiveReset();
  }

  #receiveFin(): void {
    this.isEnded = true;
    if (this.heldPort !== null) {
      const { network, kernel } = this.#owner;
      network.tcpPorts.held.rest(this.heldPort, kernel.now(), network.settings);
    }
    this.#owner.changed();
  }

  /** What comes here meets a reset, which ends the waiting as well. */
  #stopWaiting(): void {
    this.waits = false;
    if (this.heldPort !== null) this.#owner.network.tcpPorts.held.release(this.heldPort);
    this.heldPort = null;
  }

  #receiveReset(): void {
    this.#stopWaiting();
    if (this.#isClosed || this.isReset) return;
    this.#countReset();
    this.isReset = true;
    this.#error = this.isEnded ? EPIPE : ECONNRESET;
    this.#owner.changed();
  }

  /** From ESTABLISHED or CLOSE-WAIT it is CLOSED at once (RFC 4022, tcpEstabResets). */
  #countReset(): void {
    if (!this.#hasSentFin) this.#owner.network.counters.establishedResets++;
  }

  get hasUrgent(): boolean {
    return this.#mark >= 0 && !this.#isUrgentTaken;
  }

  readUrgent(to: IoCursor, peek: boolean): number {
    if (!this.hasUrgent) return -EINVAL;
    const moved = this.#incoming.readTo(to, 1, true, this.#mark - this.#incoming.readPosition);
    if (moved >= 0 && !peek) this.#isUrgentTaken = true;
    return moved;
  }

  sendUrgent(byte: number, capacity: number): number {
    if (this.#hasSentFin || this.isReset) return -EPIPE;
    const other = this.#other!;
    if (this.#late !== null) this.#owner.kernel.timers.cancel(this.#late);
    this.push();
    if (other.#isClosed) {
      other.#stopWaiting();
      this.#owner.network.counters.resetsOut++;
      this.#receiveReset();
      return 1;
    }
    if (other.#incoming.length >= this.#room(capacity)) return -EAGAIN;
    // One that would be passed by next goes now (net/ipv4/tcp_input.c, tcp_check_urg).
    if (other.isAtMark && !other.isUrgentInline) other.#passUrgent();
    other.#mark = other.#incoming.writePosition;
    other.#isUrgentTaken = false;
    other.#incoming.append(Uint8Array.of(byte));
    this.#memory.bytes++;
    other.#owner.urgentArrived();
    return 1;
  }

  get isAtMark(): boolean {
    return this.#mark === this.#incoming.readPosition;
  }

  /** Nothing is delayed inside, and nobody is lost. */
  setOption(): void {}

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
        mark: it.#mark,
        isUrgentTaken: it.#isUrgentTaken,
        late: it.#late,
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
          mark: it.#mark,
          isUrgentTaken: it.#isUrgentTaken,
          late: it.#late,
        } = from),
    });
  }
}
