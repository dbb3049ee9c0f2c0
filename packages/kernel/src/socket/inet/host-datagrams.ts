import { EADDRINUSE, EAGAIN, ECONNRESET, EFAULT, EINPROGRESS, IP_TTL, isErrno } from "@stratos/abi";
import { stateClass, stateName } from "@stratos/base";
import type { HostAddress, HostSocket, SocketProvider } from "@stratos/host";
import { ANY_V4, copyIp, type InetEndpoint, isWildcard } from "@stratos/netstack";
import type { IoCursor } from "../../ground/io-cursor.ts";
import type { ReceivedDatagram } from "./datagram-queue.ts";
import type { DatagramTransport, OutgoingDatagram } from "./datagram-transport.ts";
import { NO_EXTENSIONS } from "./extension-headers.ts";
import { HostAddresses } from "./host-address.ts";
import type { UdpSocket } from "./udp-socket.ts";

/** Datagrams that the provider carries, with one host socket for each IP version in use. */
export class HostDatagrams implements DatagramTransport {
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
    const host = this.#provider.create(where.family, "datagram", this.#socket);
    if (isErrno(host)) return host;
    this.#hosts[where.family === 4 ? 0 : 1] = host;
    this.#boundHost = host;
    this.#configure(host);
    const { options, isDualStack } = this.#socket;
    const bound = host.bind(where, { reuseAddress: options.reuseAddress, v6Only: !isDualStack });
    if (bound < 0 && bound !== -EINPROGRESS) return bound;
    this.isBindPending = true;
    return this.finishBinding();
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
    const { transfer } = this.#socket.network;
    const length = from.remaining;
    const taken = length === 0 ? 0 : from.take(transfer, 0, length);
    if (taken < length) return taken < 0 ? taken : -EFAULT;
    return host.write(transfer, 0, length, target);
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
      while (host?.readable() === true) {
        const count = host.read(transfer, 0, Math.min(to.remaining, transfer.length), peek);
        if (count < 0) break;
        const sender = this.#sender;
        sender.ip = this.#addresses.ipOf(host.lastSender!);
        sender.port = host.lastSender!.port;
        into.length = host.lastLength;
        if (!socket.hears(sender)) {
          if (peek) host.read(transfer, 0, 0, false);
          continue;
        }
        const moved = count === 0 ? 0 : to.put(transfer, 0, count);
        if (moved < 0) return moved;
        this.#describe(into, sender);
        return moved;
      }
    }
    return -EAGAIN;
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

  get isReadable(): boolean {
    return this.#hosts.some((host) => host?.readable() === true);
  }

  get isWritable(): boolean {
    return this.#hosts.every((host) => host === undefined || host.writable());
  }

  get available(): number {
    for (const host of this.#hosts) if (host?.readable() === true) return host.available();
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

/** Is it a socket that can be in two machines? */
function isState(host: HostSocket | null | undefined): boolean {
  return host !== null && host !== undefined && stateName(host) !== undefined;
}
