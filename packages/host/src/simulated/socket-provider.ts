import {
  EADDRINUSE,
  EADDRNOTAVAIL,
  EAGAIN,
  ECONNREFUSED,
  ECONNRESET,
  EHOSTUNREACH,
  EINPROGRESS,
  EINVAL,
  EISCONN,
  EPROTONOSUPPORT,
  ENOTCONN,
  EPIPE,
} from "@stratos/abi";
import type {
  BindOptions,
  HostAddress,
  HostInterfaceAddress,
  HostSocket,
  HostSocketEvents,
  HostSocketOption,
  HostSocketType,
  SocketProvider,
} from "../socket-provider.ts";

/** Bytes that a simulated socket buffers each way. */
const BUFFER_BYTES = 65536;

/**
 * A network in memory: providers with addresses, whose sockets reach each other. Nothing happens by itself: what takes
 * time waits in order until `deliver`, so a run repeats exactly. Bound of the events: open sockets times their calls.
 */
export class SimulatedNetwork {
  readonly #sockets: SimulatedSocket[] = [];
  readonly #hosts: SimulatedSocketProvider[] = [];
  #events: (() => void)[] = [];
  #nextPort = 49152;

  /** A host on this network. Its loopback addresses are its own. */
  host(addresses: readonly HostInterfaceAddress[], nameServers: readonly string[] = []): SimulatedSocketProvider {
    return new SimulatedSocketProvider(this, addresses, nameServers);
  }

  /** Lets everything happen that is under way, also what that brings about. Returns how many events there were. */
  deliver(): number {
    let count = 0;
    while (this.#events.length > 0) {
      const events = this.#events;
      this.#events = [];
      for (const event of events) event();
      count += events.length;
    }
    return count;
  }

  later(event: () => void): void {
    this.#events.push(event);
  }

  add(socket: SimulatedSocket): void {
    this.#sockets.push(socket);
  }

  remove(socket: SimulatedSocket): void {
    const at = this.#sockets.indexOf(socket);
    if (at >= 0) this.#sockets.splice(at, 1);
  }

  get openSockets(): number {
    return this.#sockets.length;
  }

  freePort(): number {
    return this.#nextPort++;
  }

  /** The socket that is bound where `from` sends to; null when nobody is. */
  find(
    from: SimulatedSocketProvider,
    to: HostAddress,
    accepts: (socket: SimulatedSocket) => boolean,
  ): SimulatedSocket | null {
    for (const socket of this.#sockets) {
      const local = socket.localAddress();
      if (local === null || local.port !== to.port || !accepts(socket)) continue;
      if (
        socket.provider === from ? from.owns(to.address) : socket.provider.owns(to.address) && !isLoopback(to.address)
      )
        return socket;
    }
    return null;
  }

  /** Is there a host with this address? */
  hasHost(from: SimulatedSocketProvider, address: string): boolean {
    return from.owns(address) || this.#hosts.some((host) => host.owns(address) && !isLoopback(address));
  }

  register(host: SimulatedSocketProvider): void {
    this.#hosts.push(host);
  }
}

function isLoopback(address: string): boolean {
  return address === "::1" || address.startsWith("127.");
}

export class SimulatedSocketProvider implements SocketProvider {
  readonly network: SimulatedNetwork;
  readonly #addresses: readonly HostInterfaceAddress[];
  readonly #nameServers: readonly string[];

  constructor(network: SimulatedNetwork, addresses: readonly HostInterfaceAddress[], nameServers: readonly string[]) {
    this.network = network;
    this.#addresses = addresses;
    this.#nameServers = nameServers;
    network.register(this);
  }

  /** What comes back for an echo request, a packet each; null: nothing. Without it the host sends none. */
  echoes: ((packet: Uint8Array) => Uint8Array | null) | null = null;

  create(family: 4 | 6, type: "stream" | "datagram", events: HostSocketEvents): HostSocket;
  create(family: 4 | 6, type: HostSocketType, events: HostSocketEvents): HostSocket | number;
  create(family: 4 | 6, type: HostSocketType, events: HostSocketEvents): HostSocket | number {
    if (type === "echo" && this.echoes === null) return -EPROTONOSUPPORT;
    return new SimulatedSocket(this, family, type, events);
  }

  nameServers(): string[] {
    return [...this.#nameServers];
  }

  localAddresses(): HostInterfaceAddress[] {
    return [...this.#addresses];
  }

  owns(address: string): boolean {
    return isLoopback(address) || this.#addresses.some((one) => one.address === address);
  }

  /** Where connections of this host come from. */
  sourceFor(to: HostAddress): string {
    if (isLoopback(to.address)) return to.address;
    return this.#addresses.find((one) => one.family === to.family)?.address ?? (to.family === 4 ? "0.0.0.0" : "::");
  }
}

interface SimulatedDatagram {
  readonly bytes: Uint8Array;
  readonly from: HostAddress;
}

class SimulatedSocket implements HostSocket {
  readonly provider: SimulatedSocketProvider;
  readonly #family: 4 | 6;
  readonly #type: HostSocketType;
  #events: HostSocketEvents;
  #wanted: HostAddress | null = null;
  #local: HostAddress | null = null;
  #remote: HostAddress | null = null;
  #other: SimulatedSocket | null = null;
  #incoming: Uint8Array[] = [];
  #incomingLength = 0;
  readonly #datagrams: SimulatedDatagram[] = [];
  #backlog: SimulatedSocket[] = [];
  #isListening = false;
  #isConnected = false;
  #isEnded = false;
  #isFinished = false;
  #isClosed = false;
  #error = 0;
  lastSender: HostAddress | null = null;
  lastLength = 0;

  constructor(provider: SimulatedSocketProvider, family: 4 | 6, type: HostSocketType, events: HostSocketEvents) {
    this.provider = provider;
    this.#family = family;
    this.#type = type;
    this.#events = events;
    provider.network.add(this);
  }

  #tell(): void {
    this.provider.network.later(() => {
      if (!this.#isClosed) this.#events.changed();
    });
  }

  #fail(error: number): void {
    this.#error = error;
    this.#tell();
  }

  connect(to: HostAddress): number {
    if (this.#type === "datagram") {
      this.#remote = to;
      this.#takePort();
      return 0;
    }
    if (this.#isConnected) return -EISCONN;
    const { network } = this.provider;
    network.later(() => {
      if (this.#isClosed) return;
      if (!network.hasHost(this.provider, to.address)) return this.#fail(EHOSTUNREACH);
      const listener = network.find(this.provider, to, (socket) => socket.#isListening);
      if (listener === null) return this.#fail(ECONNREFUSED);
      this.#takePort();
      this.#local = { family: this.#family, address: this.provider.sourceFor(to), port: this.#local!.port };
      this.#remote = to;
      const child = new SimulatedSocket(listener.provider, to.family, "stream", { changed() {} });
      child.#local = to;
      child.#remote = this.#local;
      child.#other = this;
      this.#other = child;
      child.#isConnected = this.#isConnected = true;
      listener.#backlog.push(child);
      listener.#tell();
      this.#tell();
    });
    return -EINPROGRESS;
  }

  #takePort(): void {
    if (this.#local !== null) return;
    const wanted = this.#wanted ?? { family: this.#family, address: this.#family === 4 ? "0.0.0.0" : "::", port: 0 };
    this.#local = { ...wanted, port: wanted.port === 0 ? this.provider.network.freePort() : wanted.port };
  }

  bind(to: HostAddress, _options: BindOptions): number {
    const isAny = to.address === "0.0.0.0" || to.address === "::";
    if (!isAny && !this.provider.owns(to.address)) return -EADDRNOTAVAIL;
    this.#wanted = to;
    return this.#type === "stream" ? 0 : this.#takeLater(() => {});
  }

  listen(_backlog: number): number {
    return this.#takeLater(() => {
      this.#isListening = true;
    });
  }

  #takeLater(taken: () => void): number {
    const { network } = this.provider;
    network.later(() => {
      if (this.#isClosed) return;
      const at = { ...this.#wanted!, address: this.provider.sourceFor({ ...this.#wanted!, address: "127.0.0.1" }) };
      if (
        network.find(
          this.provider,
          at,
          (socket) => socket !== this && socket.#type === this.#type && !socket.#isConnected,
        ) !== null
      )
        return this.#fail(EADDRINUSE);
      this.#takePort();
      taken();
      this.#tell();
    });
    return -EINPROGRESS;
  }

  accept(events: HostSocketEvents): HostSocket | number {
    if (!this.#isListening) return -EINVAL;
    const child = this.#backlog.shift();
    if (child === undefined) return -EAGAIN;
    child.#events = events;
    return child;
  }

  read(bytes: Uint8Array, at: number, length: number, peek: boolean): number {
    if (this.#type !== "stream") {
      const first = this.#datagrams[0];
      if (first === undefined) return -EAGAIN;
      if (!peek) this.#datagrams.shift();
      const count = Math.min(length, first.bytes.length);
      bytes.set(first.bytes.subarray(0, count), at);
      this.lastSender = first.from;
      this.lastLength = first.bytes.length;
      return count;
    }
    if (this.#incomingLength === 0) return this.#isEnded ? 0 : this.#isConnected ? -EAGAIN : -ENOTCONN;
    let done = 0;
    for (const chunk of this.#incoming) {
      const part = chunk.subarray(0, length - done);
      bytes.set(part, at + done);
      done += part.length;
      if (done === length) break;
    }
    if (!peek) {
      this.#drop(done);
      if (this.#other !== null) this.#other.#tell();
    }
    return done;
  }

  #drop(count: number): void {
    this.#incomingLength -= count;
    while (count > 0) {
      const first = this.#incoming[0]!;
      if (first.length > count) {
        this.#incoming[0] = first.subarray(count);
        return;
      }
      count -= first.length;
      this.#incoming.shift();
    }
  }

  write(bytes: Uint8Array, at: number, length: number, to: HostAddress | null): number {
    if (this.#type === "echo") return this.#askForEcho(bytes.slice(at, at + length), to);
    if (this.#type === "datagram") return this.#sendDatagram(bytes.slice(at, at + length), to ?? this.#remote);
    if (!this.#isConnected) return -ENOTCONN;
    if (this.#isFinished) return -EPIPE;
    const other = this.#other!;
    if (other.#isClosed) {
      this.#fail(ECONNRESET);
      return length;
    }
    const count = Math.min(length, BUFFER_BYTES - other.#incomingLength);
    if (count <= 0) return -EAGAIN;
    other.#incoming.push(bytes.slice(at, at + count));
    other.#incomingLength += count;
    other.#tell();
    return count;
  }

  #askForEcho(packet: Uint8Array, to: HostAddress | null): number {
    if (to === null) return -ENOTCONN;
    this.provider.network.later(() => {
      const bytes = this.provider.echoes!(packet);
      if (bytes === null) return;
      this.#datagrams.push({ bytes, from: to });
      this.#tell();
    });
    return packet.length;
  }

  #sendDatagram(bytes: Uint8Array, to: HostAddress | null): number {
    if (to === null) return -ENOTCONN;
    this.#takePort();
    const { network } = this.provider;
    const from = { family: to.family, address: this.provider.sourceFor(to), port: this.#local!.port };
    network.later(() => {
      const receiver = network.find(this.provider, to, (socket) => socket.#type === "datagram");
      if (receiver !== null) {
        receiver.#datagrams.push({ bytes, from });
        receiver.#tell();
      } else if (this.#remote !== null && !this.#isClosed) this.#fail(ECONNREFUSED);
    });
    return bytes.length;
  }

  shutdown(how: 0 | 1 | 2): number {
    if (!this.#isConnected) return -ENOTCONN;
    if (how !== 0 && !this.#isFinished) {
      this.#isFinished = true;
      this.#other!.#isEnded = true;
      this.#other!.#tell();
    }
    return 0;
  }

  setOption(_option: HostSocketOption, _value: number): number {
    return 0;
  }

  localAddress(): HostAddress | null {
    return this.#local;
  }

  peerAddress(): HostAddress | null {
    return this.#remote;
  }

  readable(): boolean {
    return this.#incomingLength > 0 || this.#isEnded || this.#datagrams.length > 0 || this.#backlog.length > 0;
  }

  writable(): boolean {
    if (this.#type !== "stream") return true;
    return this.#isConnected && (this.#other!.#isClosed || this.#other!.#incomingLength < BUFFER_BYTES);
  }

  available(): number {
    return this.#type === "datagram" ? (this.#datagrams[0]?.bytes.length ?? 0) : this.#incomingLength;
  }

  unsent(): number {
    return this.#other === null ? 0 : this.#other.#incomingLength;
  }

  ended(): boolean {
    return this.#isEnded;
  }

  connected(): boolean {
    return this.#isConnected;
  }

  takeError(): number {
    const error = this.#error;
    this.#error = 0;
    return error;
  }

  close(): void {
    if (this.#isClosed) return;
    if (this.#isConnected) this.shutdown(1);
    this.#dispose();
  }

  abort(): void {
    if (this.#isClosed) return;
    const other = this.#other;
    this.#dispose();
    if (other !== null && !other.#isClosed) other.#fail(ECONNRESET);
  }

  #dispose(): void {
    this.#isClosed = true;
    for (const child of this.#backlog.splice(0)) child.abort();
    this.provider.network.remove(this);
  }
}
