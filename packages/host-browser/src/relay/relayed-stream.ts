/** A TCP connection of the machine over its relay. */
import { EAGAIN, ECONNREFUSED, EINPROGRESS, EINVAL, EISCONN, ENETUNREACH, ENOTCONN, EPIPE } from "@stratos/abi";
import type { HostAddress, HostSocket, HostSocketEvents } from "@stratos/host";
import { ipOfText, isLoopback } from "@stratos/kernel";
import { ByteQueue } from "./byte-queue.ts";
import type { RelayConnection, RelayedSocket } from "./relay-connection.ts";
import { isCreditFair } from "./relay-connection.ts";
import { DATA_MAX, type RelayFrame, WINDOW_BYTES } from "./relay-frames.ts";

/** What the guest has read is credited in parts of at least so much. */
const CREDIT_MIN = WINDOW_BYTES / 4;

export class RelayedStream implements HostSocket, RelayedSocket {
  readonly #family: 4 | 6;
  readonly #events: HostSocketEvents;
  /** A negative errno: there is no relay. */
  readonly #reach: () => RelayConnection | number;
  /** Null: not connected yet, or no more. */
  #connection: RelayConnection | null = null;
  #id = 0;
  #bound: HostAddress | null = null;
  #isListening = false;
  #peer: HostAddress | null = null;
  #isConnected = false;
  readonly #received = new ByteQueue(WINDOW_BYTES);
  /** Bytes that the guest took and the relay does not know of yet. */
  #taken = 0;
  /** Bytes that the relay still takes. */
  #grant = WINDOW_BYTES;
  #isFull = false;
  #hasFinished = false;
  #isReadStopped = false;
  #isEnded = false;
  /** Why the connection broke, and the same until somebody asked; 0: it did not. */
  #failure = 0;
  #error = 0;
  readonly lastSender = null;
  readonly lastLength = 0;

  constructor(family: 4 | 6, events: HostSocketEvents, reach: () => RelayConnection | number) {
    this.#family = family;
    this.#events = events;
    this.#reach = reach;
  }

  connect(to: HostAddress): number {
    if (this.#isConnected) return -EISCONN;
    if (this.#connection !== null) return -EINPROGRESS;
    // The machine's loopback is its own: nobody there listens.
    if (isLoopback(ipOfText(to.address)!)) return -ECONNREFUSED;
    const connection = this.#reach();
    if (typeof connection === "number") return connection;
    this.#connection = connection;
    this.#peer = to;
    this.#id = connection.add(this);
    connection.send({ kind: "connect", id: this.#id, to });
    return -EINPROGRESS;
  }

  take(frame: RelayFrame): boolean {
    switch (frame.kind) {
      case "connected":
        if (this.#isConnected) return false;
        this.#isConnected = true;
        break;
      case "failed":
        this.#leave(frame.errno);
        break;
      case "data":
        if (!this.#isConnected || this.#isEnded || !this.#hold(frame.bytes)) return false;
        break;
      case "credit":
        if (!this.#isConnected || !isCreditFair(this.#grant, frame.count)) return false;
        this.#grant += frame.count;
        if (!this.#isFull) return true;
        this.#isFull = false;
        break;
      case "finish":
        if (!this.#isConnected || this.#isEnded) return false;
        this.#isEnded = true;
        break;
      default:
        return false;
    }
    this.#events.changed();
    return true;
  }

  /** @returns false: that is more than was credited */
  #hold(bytes: Uint8Array): boolean {
    if (this.#received.length + this.#taken + bytes.length > WINDOW_BYTES) return false;
    if (this.#isReadStopped) this.#credit(bytes.length);
    else this.#received.put(bytes);
    return true;
  }

  #credit(count: number): void {
    this.#taken += count;
    if (this.#taken < CREDIT_MIN || this.#isEnded) return;
    this.#connection?.send({ kind: "credit", id: this.#id, count: this.#taken });
    this.#taken = 0;
  }

  lose(errno: number): void {
    this.#leave(this.#isConnected ? errno : ENETUNREACH);
    this.#events.changed();
  }

  /** The relay knows it no more. */
  #leave(errno: number): void {
    this.#connection?.remove(this.#id);
    this.#connection = null;
    this.#isEnded = true;
    this.#error = this.#failure = errno;
  }

  read(bytes: Uint8Array, at: number, length: number, peek: boolean): number {
    const { waiting } = this.#received;
    if (waiting.length === 0) {
      if (!this.#isConnected) return -ENOTCONN;
      // A reset is no end: whoever reads only now is to learn of it, too.
      if (this.#failure !== 0 && !this.#isReadStopped) return -this.#failure;
      return this.#isEnded || this.#isReadStopped ? 0 : -EAGAIN;
    }
    const count = Math.min(length, waiting.length);
    bytes.set(waiting.subarray(0, count), at);
    if (!peek) {
      this.#received.drop(count);
      this.#credit(count);
    }
    return count;
  }

  write(bytes: Uint8Array, at: number, length: number, _to: HostAddress | null): number {
    if (!this.#isConnected) return -ENOTCONN;
    if (this.#hasFinished || this.#connection === null) return -EPIPE;
    const count = Math.min(length, this.#grant);
    if (count < length) this.#isFull = true;
    if (count === 0 && length > 0) return -EAGAIN;
    for (let done = 0; done < count; done += DATA_MAX) {
      const part = bytes.subarray(at + done, at + Math.min(count, done + DATA_MAX));
      this.#connection.send({ kind: "data", id: this.#id, bytes: part });
    }
    this.#grant -= count;
    return count;
  }

  shutdown(how: 0 | 1 | 2): number {
    if (!this.#isConnected) return -ENOTCONN;
    if (how !== 1 && !this.#isReadStopped) {
      this.#isReadStopped = true;
      // What still comes is thrown away, so that the other side is not held back.
      const { length } = this.#received;
      this.#received.clear();
      this.#credit(length);
    }
    if (how !== 0 && !this.#hasFinished) {
      this.#hasFinished = true;
      this.#connection?.send({ kind: "finish", id: this.#id });
    }
    return 0;
  }

  close(): void {
    this.#depart("close");
  }

  abort(): void {
    this.#depart("reset");
  }

  #depart(kind: "close" | "reset"): void {
    this.#isListening = false;
    const connection = this.#connection;
    this.#connection = null;
    this.#received.clear();
    if (connection === null) return;
    connection.remove(this.#id);
    connection.send({ kind, id: this.#id });
  }

  // ---- Listening: within the machine alone ----

  bind(to: HostAddress): number {
    if (this.#connection !== null || this.#isListening) return -EINVAL;
    this.#bound = to;
    return 0;
  }

  listen(): number {
    if (this.#connection !== null) return -EINVAL;
    this.#bound ??= { family: this.#family, address: this.#family === 4 ? "0.0.0.0" : "::", port: 0 };
    this.#isListening = true;
    return 0;
  }

  accept(): number {
    return this.#isListening ? -EAGAIN : -EINVAL;
  }

  /** Of a connection the kernel knows it: which port the relay's host has, is nobody's business here. */
  localAddress(): HostAddress | null {
    return this.#isListening ? this.#bound : null;
  }

  peerAddress(): HostAddress | null {
    return this.#peer;
  }

  setOption(): number {
    return 0;
  }

  readable(): boolean {
    return this.#received.length > 0 || this.#isEnded;
  }

  writable(): boolean {
    if (!this.#isConnected) return false;
    if (this.#grant > 0 || this.#hasFinished || this.#connection === null) return true;
    this.#isFull = true;
    return false;
  }

  available(): number {
    return this.#received.length;
  }

  unsent(): number {
    return this.#connection?.unsent ?? 0;
  }

  ended(): boolean {
    return this.#isEnded && this.#failure === 0;
  }

  connected(): boolean {
    return this.#isConnected;
  }

  takeError(): number {
    const error = this.#error;
    this.#error = 0;
    return error;
  }
}
