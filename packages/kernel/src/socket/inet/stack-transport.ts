import { EAGAIN, EPIPE, TCP_CLOSING, TCP_FIN_WAIT1, TCP_FIN_WAIT2, TCP_TIME_WAIT } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { Cubic, Reno, type TcpConnection } from "@stratos/netstack";
import type { IoCursor } from "../../ground/io-cursor.ts";
import type { TcpTransport, TransportOption } from "./tcp-transport.ts";

/** net.ipv4.tcp_keepalive_time. */
const KEEP_ALIVE_SECONDS = 7200;

/** States of a side that has ended the connection first. */
const WAITING: ReadonlySet<number> = new Set([TCP_FIN_WAIT1, TCP_FIN_WAIT2, TCP_CLOSING, TCP_TIME_WAIT]);

/** A connection that our own stack carries (`TcpConnection` of netstack). */
export class StackTransport implements TcpTransport {
  readonly connection: TcpConnection;
  #isReadStopped = false;

  constructor(connection: TcpConnection) {
    this.connection = connection;
  }

  get state(): number {
    return this.connection.state;
  }

  get waits(): boolean {
    return WAITING.has(this.connection.state);
  }

  read(to: IoCursor, peek: boolean, passed: number): number {
    const { connection } = this;
    const moved = connection.read(to, peek, passed);
    if (moved !== 0 || (to.remaining === 0 && connection.receiving.length > passed)) return moved;
    if (connection.isEnded || this.#isReadStopped) return 0;
    const error = this.takeError();
    if (error !== 0) return -error;
    return connection.isReset ? 0 : -EAGAIN;
  }

  write(from: IoCursor, capacity: number, hasMore: boolean): number {
    const error = this.takeError();
    return error !== 0 ? -error : this.connection.write(from, capacity, hasMore);
  }

  push(): void {
    this.connection.push();
  }

  get holdsBack(): boolean {
    return this.connection.holdsBack;
  }

  get available(): number {
    return this.connection.available;
  }

  get readable(): number {
    return this.connection.readable;
  }

  get unsent(): number {
    return this.connection.unacknowledged;
  }

  get sentBytes(): number {
    return this.connection.writtenBytes;
  }

  get receivedBytes(): number {
    return this.connection.receivedBytes;
  }

  get segmentBytes(): number {
    return this.connection.mss;
  }

  get isEnded(): boolean {
    return this.connection.isEnded;
  }

  get isReset(): boolean {
    return this.connection.isReset;
  }

  canWrite(capacity: number): boolean {
    return this.connection.sending.length * 3 <= capacity * 2;
  }

  get hasError(): boolean {
    return this.connection.error !== 0;
  }

  notice(): void {}

  takeError(): number {
    const { error } = this.connection;
    this.connection.error = 0;
    return error;
  }

  finish(): void {
    this.connection.finish();
  }

  stopReading(): void {
    this.#isReadStopped = true;
    this.connection.isReadStopped = true;
  }

  close(): void {
    this.connection.close();
  }

  abort(): void {
    this.connection.abort();
  }

  destroy(error: number): void {
    this.connection.destroy(error);
  }

  get hasUrgent(): boolean {
    return this.connection.hasUrgent;
  }

  readUrgent(to: IoCursor, peek: boolean): number {
    return this.connection.readUrgent(to, peek);
  }

  sendUrgent(byte: number, capacity: number): number {
    if (this.connection.isReset) return -EPIPE;
    return this.connection.sendUrgent(byte, capacity);
  }

  get isUrgentInline(): boolean {
    return this.connection.isUrgentInline;
  }

  set isUrgentInline(inline: boolean) {
    this.connection.isUrgentInline = inline;
  }

  get isAtMark(): boolean {
    return this.connection.isAtMark;
  }

  setOption(option: TransportOption, value: number): void {
    const { connection } = this;
    switch (option) {
      case "noDelay":
        connection.setNoDelay(value !== 0);
        break;
      case "keepAlive":
        connection.keepAlive(value === 0 ? 0 : KEEP_ALIVE_SECONDS * 1e9);
        break;
      case "keepAliveSeconds":
        connection.keepAlive(value * 1e9);
        break;
      case "keepAliveInterval":
        connection.keepIntervalNs = value * 1e9;
        break;
      case "keepAliveProbes":
        connection.keepCount = value;
        break;
      case "userTimeoutMs":
        connection.userTimeoutNs = value * 1e6;
        break;
      case "finWaitSeconds":
        connection.finWaitNs = Math.max(0, value) * 1e9;
        break;
      case "reno":
        if ((connection.control.name === "reno") !== (value === 1))
          connection.control = value === 1 ? new Reno() : new Cubic();
        break;
    }
  }

  static {
    stateClass("StackTransport", this, {
      save: (it) => ({ isReadStopped: it.#isReadStopped }),
      load: (it, from) => ({ isReadStopped: it.#isReadStopped } = from),
    });
  }
}
