import { EAGAIN, EINVAL, EPIPE } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { HostSocket } from "@stratos/host";
import type { IoCursor } from "../../ground/io-cursor.ts";
import { isSeveredSocket } from "./severed-socket.ts";
import type { TcpTransport, TransportOption } from "./tcp-transport.ts";

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
  #readBytes = 0;
  sentBytes = 0;

  constructor(host: HostSocket, transfer: Uint8Array) {
    this.#host = host;
    this.#transfer = transfer;
  }

  get available(): number {
    return this.#host.available();
  }

  get readable(): number {
    return this.available;
  }

  get unsent(): number {
    return this.#host.unsent();
  }

  get receivedBytes(): number {
    return this.#readBytes + this.available;
  }

  readonly segmentBytes = 1448;
  readonly state = 0;
  /** What waits, waits at the host. */
  readonly waits = false;

  get isEnded(): boolean {
    return this.#host.ended();
  }

  /** A stand-in carries it: the connection is over. */
  get isSevered(): boolean {
    return isSeveredSocket(this.#host);
  }

  /** Looks for an error of the host's socket: it ends the connection. */
  notice(): void {
    const error = this.#host.takeError();
    if (error === 0) return;
    this.#error = error;
    this.isReset = true;
  }

  read(to: IoCursor, peek: boolean, passed: number): number {
    let done = 0;
    while (to.remaining > 0) {
      // What is looked at is looked at in one piece.
      const wanted = passed + to.remaining;
      const isLong = peek && wanted > this.#transfer.length;
      const transfer = isLong ? new Uint8Array(Math.min(wanted, this.#host.available())) : this.#transfer;
      const came = this.#host.read(transfer, 0, Math.min(wanted, transfer.length), peek);
      const count = came > 0 ? Math.max(0, came - passed) : came;
      if (count <= 0) {
        if (done > 0) return done;
        // After a FIN the end comes before an error, else the error first (net/ipv4/tcp.c, tcp_recvmsg_locked).
        if ((count === 0 && this.#host.ended()) || this.#isReadStopped) return 0;
        const error = this.takeError();
        if (error !== 0) return -error;
        return this.isReset ? 0 : count < 0 ? count : -EAGAIN;
      }
      const moved = to.put(transfer, passed, count);
      if (moved < 0) return done > 0 ? done : moved;
      done += moved;
      if (!peek) this.#readBytes += moved;
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
      this.sentBytes += queued;
    }
    return done;
  }

  canWrite(_capacity: number): boolean {
    return this.#host.writable();
  }

  /** Of a reset that was told, too: poll(2) names it as long as the connection is there. */
  get hasError(): boolean {
    return this.isReset;
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

  destroy(error: number): void {
    this.#host.abort();
    this.#error = error;
    this.isReset = true;
  }

  get hasUrgent(): boolean {
    return false;
  }

  readUrgent(): number {
    return -EINVAL;
  }

  sendUrgent(_byte: number, _capacity: number): number {
    return -EINVAL; // the host's interface has no urgent data
  }

  get isAtMark(): boolean {
    return false;
  }

  setOption(option: TransportOption, value: number): void {
    if (option === "noDelay" || option === "keepAlive" || option === "keepAliveSeconds")
      this.#host.setOption(option, value);
  }

  static {
    stateClass("HostTransport", this, {
      save: (it) => ({
        host: it.#host,
        transfer: it.#transfer,
        isReadStopped: it.#isReadStopped,
        hasFinished: it.#hasFinished,
        error: it.#error,
        readBytes: it.#readBytes,
      }),
      load: (it, from) =>
        ({
          host: it.#host,
          transfer: it.#transfer,
          isReadStopped: it.#isReadStopped,
          hasFinished: it.#hasFinished,
          error: it.#error,
          readBytes: it.#readBytes,
        } = from),
    });
  }
}
