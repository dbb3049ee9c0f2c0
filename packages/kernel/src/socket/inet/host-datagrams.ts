import { EADDRINUSE, EAGAIN, ECONNRESET, EFAULT, EINPROGRESS, IP_TTL, isErrno } from "@stratos/abi";
import { BytesCursor, stateClass, stateName } from "@stratos/base";
import type { HostAddress, HostSocket, HostSocketEvents, SocketProvider } from "@stratos/host";
import { ANY_V4, copyIp, type IncomingDatagrams, type InetEndpoint, isWildcard } from "@stratos/netstack";
import { putWhole, type IoCursor } from "../../ground/io-cursor.ts";
import { ReceivedDatagram } from "./datagram-queue.ts";
import type { DatagramTransport, OutgoingDatagram } from "./datagram-transport.ts";
import { NO_EXTENSIONS } from "./extension-headers.ts";
import { HostAddresses } from "./host-address.ts";
import type { UdpSocket } from "./udp-socket.ts";

/** Peers of one socket whose datagrams need no rule. */
const ASKED_MAX = 1024;

/**
 * Datagrams that the provider carries, with one host socket for each IP version in use. What comes to a port is led in
 * by packets where there are rules to see it (network-uplink.ts), unless it is an answer to what the socket itself sent
 * first.
 */
export class HostDatagrams implements DatagramTransport, HostSocketEvents, IncomingDatagrams {
  #socket: UdpSocket;
  #provider: SocketProvider;
  /** By IP version: 4, 6. A bound one stands alone at its place. */
  #hosts: (HostSocket | undefined)[] = [undefined, undefined];
  /** The host socket that is bound to our port, for a dual-stack socket also for IPv4. */
  #boundHost: HostSocket | null = null;
  #boundAt: HostAddress | null = null;
  /** Why nothing goes out any more from where it was bound; 0: it does. */
  #lost = 0;
  /** It had host sockets when it was saved. */
  #wasOpen = false;
  isBindPending = false;
  /** Whom the bound socket has sent something first, while there were rules. Bound: ASKED_MAX. */
  #asked = new Set<string>();
  /** What has come to the bound socket goes by packets. */
  #isLedIn = false;
  #addresses = new HostAddresses();
  /** The sender of a datagram; valid during one call. */
  #sender: { ip: InetEndpoint["ip"]; port: number } = { ip: ANY_V4, port: 0 };

  constructor(socket: UdpSocket, provider: SocketProvider) {
    this.#socket = socket;
    this.#provider = provider;
  }

  /** Takes the socket's address: 0, −EINPROGRESS, or what the host said. */
  bind(where: HostAddress): number {
    this.#boundAt = where;
    const host = this.#provider.create(where.family, "datagram", this);
    if (isErrno(host)) return host;
    this.#hosts[where.family === 4 ? 0 : 1] = host;
    this.#boundHost = host;
    this.#configure(host);
    const { options, isDualStack } = this.#socket;
    const bound = host.bind(where, {
      reuseAddress: options.reuseAddress,
      reusePort: options.reusePort,
      v6Only: !isDualStack,
    });
    if (bound < 0 && bound !== -EINPROGRESS) return bound;
    this.isBindPending = true;
    return this.finishBinding();
  }

  /** Something came to the bound socket, or can go from it. */
  changed(): void {
    const { network } = this.#socket;
    const wayIn = network.filteredWayIn;
    if (wayIn !== null && !this.isBindPending && this.#boundHost?.readable() === true) {
      this.#isLedIn = true;
      wayIn.datagramsComeIn(this);
    }
    this.#socket.changed();
  }

  get port(): number {
    return this.#socket.local!.port;
  }

  get at(): string {
    return this.#boundHost?.localAddress()?.address ?? "";
  }

  /** Answers wait for `receive`: they are nobody else's. */
  take(bytes: Uint8Array, at: number, length: number): number {
    const host = this.#boundHost;
    if (host?.readable() !== true) this.#isLedIn = false;
    else if (this.#isAnswer(host)) this.#socket.changed();
    else return host.read(bytes, at, length, false);
    return -EAGAIN;
  }

  get sender(): HostAddress {
    return this.#boundHost!.lastSender!;
  }

  answer(bytes: Uint8Array, at: number, length: number, to: HostAddress): number {
    const host = this.#boundHost;
    if (host === null || !host.writable()) return -EAGAIN;
    return host.write(bytes, at, length, to);
  }

  /** Is the first one that waits from somebody whom the socket has asked? */
  #isAnswer(host: HostSocket): boolean {
    if (this.#asked.size === 0) return false;
    host.read(NOTHING, 0, 0, true);
    return this.#asked.has(keyOf(host.lastSender!));
  }

  finishBinding(): number {
    const host = this.#boundHost;
    if (host === null) return -this.#lost;
    if (host.localAddress() === null) {
      const error = host.takeError();
      return error !== 0 ? -error : -EINPROGRESS;
    }
    this.isBindPending = false;
    return 0;
  }

  send(datagram: OutgoingDatagram, from: IoCursor): number {
    if (this.#lost !== 0) return -this.#lost;
    const { ip, port } = datagram.to;
    let host = this.#boundHost;
    let target: HostAddress | null;
    // A dual-stack socket reaches IPv4 through mapped addresses.
    if (host !== null) target = this.#addresses.textOf(ip, port, this.#boundAt?.family === 6);
    else {
      target = this.#addresses.textOf(ip, port, false);
      const found = this.#hostFor(target.family, datagram.toPeer ? target : null);
      if (isErrno(found)) return found;
      host = found;
      if (datagram.toPeer && host.peerAddress() !== null) target = null;
    }
    if (!host.writable()) return -EAGAIN;
    if (host === this.#boundHost && target !== null) target = this.#addressee(ip, port, target);
    const { transfer } = this.#socket.network;
    const length = from.remaining;
    const taken = length === 0 ? 0 : from.take(transfer, 0, length);
    if (taken < length) return taken < 0 ? taken : -EFAULT;
    return host.write(transfer, 0, length, target);
  }

  /** Where it goes: to whom the address stands for, if something came in from there; else the socket asks first. */
  #addressee(ip: InetEndpoint["ip"], port: number, target: HostAddress): HostAddress {
    const { network } = this.#socket;
    const { wayIn } = network;
    if (wayIn === null) return target;
    const sender = wayIn.senderOutside(ip, port, this.port);
    if (sender !== null) return sender;
    if (network.filteredWayIn !== null && this.#asked.size < ASKED_MAX) this.#asked.add(keyOf(target));
    return target;
  }

  /**
   * The host socket for an IP version, made when there is none; one for a connected socket has the same peer, so that
   * refusals are told.
   */
  #hostFor(family: 4 | 6, peer: HostAddress | null): HostSocket | number {
    const index = family === 4 ? 0 : 1;
    const present = this.#hosts[index];
    if (present !== undefined) return present;
    const host = this.#provider.create(family, "datagram", this.#socket);
    if (isErrno(host)) return host;
    this.#configure(host);
    if (peer !== null) {
      const failed = host.connect(peer);
      if (failed < 0 && failed !== -EINPROGRESS) {
        host.close();
        return failed;
      }
    }
    this.#hosts[index] = host;
    return host;
  }

  #configure(host: HostSocket): void {
    if (this.#socket.options.broadcast) host.setOption("broadcast", 1);
    const ttl = this.#socket.ip.v4.get(IP_TTL);
    if (ttl !== undefined) host.setOption("ttl", ttl);
  }

  setOption(option: "broadcast" | "ttl", value: number): void {
    for (const host of this.#hosts) host?.setOption(option, value);
  }

  receive(into: ReceivedDatagram, to: IoCursor, peek: boolean): number {
    const socket = this.#socket;
    const { transfer } = socket.network;
    for (const host of this.#hosts) {
      // Datagrams of strangers are dropped from a connected socket.
      while (host?.readable() === true && !this.#isAway(host)) {
        const count = host.read(transfer, 0, Math.min(to.remaining, transfer.length), peek);
        if (count < 0) break;
        // What waits behind an answer is for others to see first.
        if (this.#isLedIn && host === this.#boundHost && !peek) socket.network.wayIn?.datagramsComeIn(this);
        const sender = this.#sender;
        sender.ip = this.#addresses.ipOf(host.lastSender!);
        sender.port = host.lastSender!.port;
        into.length = host.lastLength;
        into.passed = 0;
        if (!socket.hears(sender)) {
          if (peek) host.read(transfer, 0, 0, false);
          continue;
        }
        const moved = putWhole(to, transfer, 0, count);
        if (moved < 0) return moved;
        this.#describe(into, sender);
        return moved;
      }
    }
    return -EAGAIN;
  }

  /**
   * What waits at the host goes into the socket's own queue, as far as there is room: a peek that passes over some of
   * it finds what is behind. Work: one step a datagram.
   */
  takeIn(): void {
    const socket = this.#socket;
    const { transfer, wayIn } = socket.network;
    const { receiveBuffer } = socket.options;
    const came = new ReceivedDatagram();
    for (const host of this.#hosts) {
      while (host?.readable() === true && !this.#isAway(host) && socket.loopback.queue.cost < receiveBuffer) {
        const count = host.read(transfer, 0, transfer.length, false);
        if (count < 0) break;
        const sender = { ip: this.#addresses.ipOf(host.lastSender!), port: host.lastSender!.port };
        if (socket.hears(sender)) {
          this.#describe(came, sender);
          const datagram = { ...came, from: sender, to: { ip: came.to, port: 0 }, toPeer: false };
          socket.loopback.arrive(datagram, came.interfaceIndex, new BytesCursor(transfer.slice(0, count)));
        }
        if (this.#isLedIn && host === this.#boundHost) wayIn?.datagramsComeIn(this);
      }
    }
  }

  /** Hosts don't say where a datagram was sent to, nor with which header. */
  #describe(into: ReceivedDatagram, sender: InetEndpoint): void {
    const { network, local, ip } = this.#socket;
    const outside = network.outside!;
    const destination = isWildcard(local!.ip) ? (outside.sourceFor(sender.ip) ?? local!.ip) : local!.ip;
    copyIp(sender.ip, into.from);
    copyIp(destination, into.to);
    into.port = sender.port;
    into.extensions = NO_EXTENSIONS;
    into.hopLimit = ip.hopLimitTo(destination, null);
    into.trafficClass = ip.trafficClassTo(destination, null);
    into.interfaceIndex = isWildcard(destination) ? outside.index : network.interfaceOf(destination).index;
  }

  /** Is what has come to it not for `receive`? */
  #isAway(host: HostSocket): boolean {
    return this.#isLedIn && host === this.#boundHost && !this.#isAnswer(host);
  }

  get isReadable(): boolean {
    return this.#hosts.some((host) => host?.readable() === true && !this.#isAway(host));
  }

  get isWritable(): boolean {
    return this.#hosts.every((host) => host === undefined || host.writable());
  }

  get available(): number {
    for (const host of this.#hosts) if (host?.readable() === true && !this.#isAway(host)) return host.available();
    return 0;
  }

  takeError(): number {
    for (const host of this.#hosts) {
      if (host === undefined || (host === this.#boundHost && this.isBindPending)) continue;
      const error = host.takeError();
      if (error === 0) continue;
      if (host === this.#boundHost && host.localAddress() === null) this.#lose(error);
      return error;
    }
    return 0;
  }

  /** The host did not let it have its port again. */
  #lose(error: number): void {
    this.#closeHosts();
    this.#lost = error;
  }

  close(): void {
    this.#closeHosts();
    this.#boundAt = null;
    this.#lost = 0;
    this.isBindPending = false;
  }

  #closeHosts(): void {
    if (this.#boundHost !== null) this.#socket.network.wayIn?.forgetDatagrams(this);
    this.#asked.clear();
    this.#isLedIn = false;
    for (const host of this.#hosts) host?.close();
    this.#hosts = [undefined, undefined];
    this.#boundHost = null;
  }

  /**
   * Takes its port at the host again. Without one, what was under way is lost: a connected socket tells so, and sends
   * from another port.
   */
  #resume(): void {
    const socket = this.#socket;
    if (this.#hosts.some(isState)) {
      this.#wasOpen = false;
      return;
    }
    if (this.#boundAt !== null && this.#lost === 0) {
      const { isBindPending } = this;
      const bound = this.bind(this.#boundAt);
      this.isBindPending = isBindPending;
      if (bound < 0 && bound !== -EINPROGRESS) {
        this.#lose(-bound);
        if (!isBindPending) socket.pendingError = -bound;
      }
    } else if (this.#wasOpen && socket.peer !== null) socket.pendingError = ECONNRESET;
    this.#wasOpen = false;
    socket.changed();
  }

  /** The peer changed: host sockets that were made for it go. */
  dropUnbound(): void {
    if (this.#boundAt === null) this.close();
  }

  static {
    // Host sockets stay with who was saved.
    stateClass(
      "HostDatagrams",
      this,
      {
        save: (it) => ({
          socket: it.#socket,
          provider: it.#provider,
          boundAt: it.#boundAt,
          lost: it.#lost,
          wasOpen: it.#wasOpen || it.#hosts.some((host) => host !== undefined),
          addresses: it.#addresses,
          sender: it.#sender,
          asked: it.#asked,
          isLedIn: it.#isLedIn,
          // Those that are state go along.
          hosts: it.#hosts.map((host) => (isState(host) ? host : undefined)),
          boundHost: it.#boundHost !== null && isState(it.#boundHost) ? it.#boundHost : null,
        }),
        load: (it, from) =>
          ({
            socket: it.#socket,
            provider: it.#provider,
            boundAt: it.#boundAt,
            lost: it.#lost,
            wasOpen: it.#wasOpen,
            addresses: it.#addresses,
            sender: it.#sender,
            asked: it.#asked,
            isLedIn: it.#isLedIn,
            hosts: it.#hosts,
            boundHost: it.#boundHost,
          } = from),
      },
      {
        // The port is the original's.
        copied: (it) => {
          if (it.#boundAt !== null && it.#boundHost === null && it.#provider.isResting !== true) it.#lost = EADDRINUSE;
        },
        loaded: (it) => {
          if (it.#provider.isResting !== true) it.#resume();
        },
      },
    );
  }
}

const NOTHING = new Uint8Array(1);

function keyOf({ address, port }: HostAddress): string {
  return `${address} ${port}`;
}

/** Is it a socket that can be in two machines? */
function isState(host: HostSocket | null | undefined): boolean {
  return host !== null && host !== undefined && stateName(host) !== undefined;
}
