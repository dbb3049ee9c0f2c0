import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { EAGAIN, EINPROGRESS, EINVAL, ENOTCONN } from "@stratos/abi";
import {
  DATAGRAM_OVERHEAD,
  DatagramQueue,
  type BindOptions,
  type HostAddress,
  type HostSocket,
  type HostSocketEvents,
  type HostSocketOption,
} from "@stratos/host";
import { hostErrno } from "./host-errno.ts";
import { HAS_REUSE_PORT } from "./reuse-port.ts";
import type { PublishedPorts } from "./published-ports.ts";

/** Bytes of datagrams that wait; more are lost on the way in and refused on the way out. */
const BUFFER_BYTES = 256 * 1024;
const NOBODY: HostSocketEvents = { changed() {} };

/** Hears of each datagram for another host, and from one. The bytes are valid during the call. */
export type DatagramWatch = (bytes: Uint8Array, other: HostAddress, isIncoming: boolean) => void;

/** UDP by a `dgram.Socket`. */
export class NodeDatagramSocket implements HostSocket {
  readonly #family: 4 | 6;
  readonly #closed: (socket: HostSocket) => void;
  #events: HostSocketEvents;
  /** Made by bind, connect or the first datagram: only then its options are known. */
  #socket: Socket | null = null;
  readonly #published: PublishedPorts;
  readonly #watch: DatagramWatch;
  #bound: HostAddress | null = null;
  /** Its port is published elsewhere alone. */
  #isUnreachable = false;
  #local: HostAddress | null = null;
  #peer: HostAddress | null = null;
  /** Datagrams for the peer that wait until the host has connected; null when there is nothing to wait for. */
  #unsentUntilConnected: Buffer[] | null = null;
  readonly #received = new DatagramQueue(BUFFER_BYTES);
  #sendingBytes = 0;
  #isFull = false;
  #isClosed = false;
  #error = 0;
  readonly #options = new Map<HostSocketOption, number>();

  constructor(
    family: 4 | 6,
    events: HostSocketEvents,
    closed: (socket: HostSocket) => void,
    published: PublishedPorts,
    watch: DatagramWatch = () => {},
  ) {
    this.#published = published;
    this.#watch = watch;
    this.#family = family;
    this.#events = events;
    this.#closed = closed;
  }

  #open(options: BindOptions): Socket {
    const socket = createSocket({
      type: this.#family === 4 ? "udp4" : "udp6",
      reuseAddr: options.reuseAddress,
      reusePort: options.reusePort === true && HAS_REUSE_PORT,
      ipv6Only: this.#family === 6 && options.v6Only,
    });
    this.#socket = socket;
    socket.on("listening", () => {
      const { family, address, port } = socket.address();
      const at: HostAddress = { family: family === "IPv4" ? 4 : 6, address, port };
      this.#local = this.#isUnreachable ? this.#bound : this.#published.inGuest("datagram", at, this.#bound);
      for (const [option, value] of this.#options) this.#apply(option, value);
      this.#events.changed();
    });
    socket.on("message", (bytes, from) => this.#receive(bytes, from));
    socket.on("error", (error) => this.#fail(error));
    return socket;
  }

  #receive(bytes: Uint8Array, from: RemoteInfo): void {
    const sender: HostAddress = {
      family: from.family === "IPv4" ? 4 : 6,
      address: from.address.replace(/%.*$/, ""),
      port: from.port,
    };
    this.#watch(bytes, sender, true);
    if (this.#received.push(bytes, sender)) this.#events.changed();
  }

  #fail(error: unknown): void {
    this.#error = -hostErrno(error);
    this.#events.changed();
  }

  bind(to: HostAddress, options: BindOptions): number {
    if (this.#socket !== null) return -EINVAL;
    const socket = this.#open(options);
    try {
      this.#bound = to;
      // Nowhere: from any port it sends as others do, and nobody knows it.
      const at = this.#published.onHost("datagram", to, options.v6Only) ?? { ...to, port: 0 };
      this.#isUnreachable = at.port === 0 && to.port !== 0;
      socket.bind({ address: at.address, port: at.port, exclusive: true });
    } catch (error) {
      return hostErrno(error);
    }
    return -EINPROGRESS;
  }

  connect(to: HostAddress): number {
    const socket = this.#socket ?? this.#open({ reuseAddress: false, v6Only: true });
    this.#peer = to;
    this.#unsentUntilConnected = [];
    try {
      socket.connect(to.port, to.address, (error?: unknown) => {
        if (this.#isClosed) return;
        const waiting = this.#unsentUntilConnected ?? [];
        this.#unsentUntilConnected = null;
        if (error !== undefined && error !== null) this.#fail(error);
        else for (const datagram of waiting) this.#send(datagram, null);
      });
    } catch (error) {
      return hostErrno(error);
    }
    return 0;
  }

  listen(_backlog: number): number {
    return -EINVAL;
  }

  accept(_events: HostSocketEvents): number {
    return -EINVAL;
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

  write(bytes: Uint8Array, at: number, length: number, to: HostAddress | null): number {
    if (to === null && this.#peer === null) return -ENOTCONN;
    if (!this.writable()) return -EAGAIN;
    if (this.#socket === null) this.#open({ reuseAddress: false, v6Only: true });
    const datagram = Buffer.from(bytes.subarray(at, at + length));
    this.#watch(datagram, (to ?? this.#peer)!, false);
    this.#sendingBytes += length + DATAGRAM_OVERHEAD;
    if (to === null && this.#unsentUntilConnected !== null) this.#unsentUntilConnected.push(datagram);
    else this.#send(datagram, to);
    return length;
  }

  #send(datagram: Buffer, to: HostAddress | null): void {
    const sent = (error: Error | null): void => {
      this.#sendingBytes -= datagram.length + DATAGRAM_OVERHEAD;
      if (this.#isClosed) return;
      if (error !== null) this.#fail(error);
      else if (this.#isFull && this.writable()) {
        this.#isFull = false;
        this.#events.changed();
      }
    };
    try {
      if (to === null) this.#socket!.send(datagram, sent);
      else this.#socket!.send(datagram, to.port, to.address, sent);
    } catch (error) {
      sent(error as Error);
    }
  }

  shutdown(_how: 0 | 1 | 2): number {
    return 0;
  }

  setOption(option: HostSocketOption, value: number): number {
    this.#options.set(option, value);
    if (this.#local !== null) this.#apply(option, value);
    return 0;
  }

  /** Node takes these once the socket is bound. */
  #apply(option: HostSocketOption, value: number): void {
    try {
      if (option === "broadcast") this.#socket!.setBroadcast(value !== 0);
      else if (option === "ttl") this.#socket!.setTTL(value);
      else if (option === "multicastTtl") this.#socket!.setMulticastTTL(value);
      else if (option === "multicastLoop") this.#socket!.setMulticastLoopback(value !== 0);
    } catch {
      // An option that the host refuses changes nothing that a datagram needs.
    }
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
    if (this.#sendingBytes < BUFFER_BYTES) return true;
    this.#isFull = true;
    return false;
  }

  available(): number {
    return this.#received.firstLength;
  }

  unsent(): number {
    return this.#sendingBytes;
  }

  ended(): boolean {
    return false;
  }

  connected(): boolean {
    return this.#peer !== null && this.#unsentUntilConnected === null;
  }

  takeError(): number {
    const error = this.#error;
    this.#error = 0;
    return error;
  }

  /** Datagrams that were handed over are sent first. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#events = NOBODY;
    this.#received.clear();
    this.#closed(this);
    const socket = this.#socket;
    if (socket === null) return;
    socket.removeAllListeners("message");
    if (this.#sendingBytes === 0 || this.#unsentUntilConnected !== null) socket.close();
    else setImmediate(() => socket.close());
  }

  abort(): void {
    this.close();
  }
}
