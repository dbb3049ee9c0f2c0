/** A UDP socket of the machine over its relay. When that goes, the next datagram begins anew, from another port. */
import { ECONNREFUSED, EINVAL, EMSGSIZE, ENOTCONN } from "@stratos/abi";
import { DatagramQueue, type HostAddress, type HostSocket, type HostSocketEvents } from "@stratos/host";
import { ipOfText, isLoopback } from "@stratos/kernel";
import type { RelayConnection, RelayedSocket } from "./relay-connection.ts";
import { DATAGRAM_MAX, type RelayFrame } from "./relay-frames.ts";

/** Bytes of datagrams that wait; more are lost. */
const BUFFER_BYTES = 1 << 18;
export class RelayedDatagrams implements HostSocket, RelayedSocket {
  readonly #family: 4 | 6;
  readonly #events: HostSocketEvents;
  readonly #reach: () => RelayConnection | number;
  readonly #soon: (act: () => void) => void;
  #connection: RelayConnection | null = null;
  #id = 0;
  #local: HostAddress | null = null;
  #peer: HostAddress | null = null;
  readonly #received = new DatagramQueue(BUFFER_BYTES);
  #error = 0;
  #isClosed = false;

  constructor(
    family: 4 | 6,
    events: HostSocketEvents,
    reach: () => RelayConnection | number,
    soon: (act: () => void) => void,
  ) {
    this.#family = family;
    this.#events = events;
    this.#reach = reach;
    this.#soon = soon;
  }

  take(frame: RelayFrame): boolean {
    if (frame.kind === "failed") {
      this.#connection?.remove(this.#id);
      this.#connection = null;
      this.#fail(frame.errno);
      return true;
    }
    if (frame.kind !== "datagram") return false;
    const { to, bytes } = frame;
    if (this.#family === 4 && to.family === 6) return true;
    // As an IPv6 socket of Linux names a peer of IPv4 (ipv6(7)).
    const address = this.#family === 6 && to.family === 4 ? `::ffff:${to.address}` : to.address;
    if (this.#received.push(bytes, { family: this.#family, address, port: to.port })) this.#events.changed();
    return true;
  }

  lose(): void {
    this.#connection = null;
  }

  #fail(errno: number): void {
    this.#error = errno;
    if (!this.#isClosed) this.#events.changed();
  }

  write(bytes: Uint8Array, at: number, length: number, to: HostAddress | null): number {
    const peer = to ?? this.#peer;
    if (peer === null) return -ENOTCONN;
    if (length > DATAGRAM_MAX) return -EMSGSIZE;
    if (isLoopback(ipOfText(peer.address)!)) {
      // The machine's loopback is its own: nobody there listens.
      if (this.#peer !== null) this.#soon(() => this.#fail(ECONNREFUSED));
      return length;
    }
    if (this.#connection === null) {
      const connection = this.#reach();
      if (typeof connection === "number") return connection;
      this.#connection = connection;
      this.#id = connection.add(this);
      connection.send({ kind: "open", id: this.#id });
    }
    // A frame may wait for the WebSocket to open; the caller uses its bytes again.
    this.#connection.send({ kind: "datagram", id: this.#id, to: peer, bytes: bytes.slice(at, at + length) });
    return length;
  }

  read(bytes: Uint8Array, at: number, length: number, peek: boolean): number {
    return this.#received.read(bytes, at, length, peek);
  }

  get lastSender(): HostAddress | null {
    return this.#received.lastSender;
  }

  get lastLength(): number {
    return this.#received.lastLength;
  }

  connect(to: HostAddress): number {
    this.#peer = to;
    return 0;
  }

  /** The port is the machine's alone: who was not written to is not heard. */
  bind(to: HostAddress): number {
    if (this.#local !== null) return -EINVAL;
    this.#local = to;
    return 0;
  }

  close(): void {
    this.#isClosed = true;
    const connection = this.#connection;
    this.#connection = null;
    this.#received.clear();
    if (connection === null) return;
    connection.remove(this.#id);
    connection.send({ kind: "close", id: this.#id });
  }

  abort(): void {
    this.close();
  }

  listen(): number {
    return -EINVAL;
  }

  accept(): number {
    return -EINVAL;
  }

  shutdown(): number {
    return 0;
  }

  setOption(): number {
    return 0;
  }

  localAddress(): HostAddress | null {
    return this.#local;
  }

  peerAddress(): HostAddress | null {
    return this.#peer;
  }

  readable(): boolean {
    return this.#received.isReadable;
  }

  writable(): boolean {
    return true;
  }

  available(): number {
    return this.#received.firstLength;
  }

  unsent(): number {
    return 0;
  }

  ended(): boolean {
    return false;
  }

  connected(): boolean {
    return this.#peer !== null;
  }

  takeError(): number {
    const error = this.#error;
    this.#error = 0;
    return error;
  }
}
