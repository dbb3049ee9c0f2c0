import {
  AF_INET,
  AF_UNSPEC,
  EACCES,
  EAGAIN,
  ECONNREFUSED,
  EDESTADDRREQ,
  EFAULT,
  EINPROGRESS,
  EINVAL,
  EMSGSIZE,
  ENETUNREACH,
  ENOBUFS,
  ENOPROTOOPT,
  EOPNOTSUPP,
  EPIPE,
  IPPROTO_UDP,
  IPPROTO_UDPLITE,
  MSG_ERRQUEUE,
  IPPROTO_IP,
  IPV6_RECVERR,
  IP_RECVERR,
  IP_TTL,
  MSG_MORE,
  MSG_OOB,
  MSG_PEEK,
  MSG_TRUNC,
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLOUT,
  POLLRDHUP,
  POLLRDNORM,
  POLLWRNORM,
  SOCK_DGRAM,
  SO_BROADCAST,
  TCP_CLOSE,
  TCP_ESTABLISHED,
  UDP_CORK,
  UDP_GRO,
  UDP_SEGMENT,
} from "@stratos/abi";
import { concatBytes, stateClass } from "@stratos/base";
import type { HostAddress, HostSocket, SocketProvider } from "@stratos/host";
import { BLOCKED_KILLABLE } from "../../ground/wait-queue.ts";
import { BytesCursor, type IoCursor } from "../../ground/io-cursor.ts";
import type { Ancillary, IncomingMessage, OutgoingMessage } from "../message.ts";
import { sourceAddress } from "../network-interface.ts";
import { intOption, optionInt } from "../socket-options.ts";
import { addTimestamp } from "../unix/unix-socket.ts";
import { anyAddress, destinationOf, familyOf, parseInetAddress } from "./inet-address.ts";
import { ErrorQueue, errorControl } from "./error-queue.ts";
import { DatagramSocket } from "./datagram-socket.ts";
import type { InetSocket } from "./inet-socket.ts";
import {
  canonicalIp,
  type InetEndpoint,
  isBroadcast,
  isLoopback,
  isMulticast,
  isV4,
  isWildcard,
  LOOPBACK_V4,
  LOOPBACK_V6,
} from "./ip-address.ts";
import type { PortClaim, PortTable } from "./port-table.ts";
import type { Network } from "../network.ts";
import type { SocketCaller } from "../socket-kernel.ts";

export interface UdpClaim extends PortClaim {
  readonly socket: InetSocket;
}

interface Datagram {
  readonly bytes: Uint8Array;
  readonly from: InetEndpoint;
  readonly to: string;
  /** TTL or hop limit, and TOS or traffic class, that it was sent with. */
  readonly hopLimit: number;
  readonly trafficClass: number;
}

/**
 * A datagram that is put together from several calls (MSG_MORE, UDP_CORK): the first decides where it goes. Bound:
 * the length of a datagram; what is there counts with what waits in the machine's sockets.
 */
interface CorkedDatagram {
  readonly to: InetEndpoint;
  readonly toPeer: boolean;
  readonly ancillary: Ancillary | null;
  readonly parts: Uint8Array[];
  readonly lengthMax: number;
  length: number;
}

const UDPLITE_SEND_CSCOV = 10,
  UDPLITE_RECV_CSCOV = 11;

/** Where name servers listen (RFC 1035 §4.2). */
const DOMAIN_PORT = 53;
/** Calls that a corked datagram is put together from. */
const PARTS_MAX = 4096;
/** What a queued datagram costs of SO_RCVBUF beside its bytes. */
const DATAGRAM_OVERHEAD = 256;
/** 65535 less the headers of IPv4 and UDP; IPv6 does not count its header. */
const LENGTH_MAX_V4 = 65507,
  LENGTH_MAX_V6 = 65527;

/**
 * AF_INET and AF_INET6 SOCK_DGRAM (udp(7)). Datagrams between sockets of this machine stay inside; others go through
 * the provider, with one host socket for each IP version in use.
 */
export class UdpSocket extends DatagramSocket {
  #queue: Datagram[] = [];
  #queuedCost = 0;
  /** By IP version: 4, 6. A bound one stands alone at its place. */
  #hosts: (HostSocket | undefined)[] = [undefined, undefined];
  /** The host socket that is bound to our port, for a dual-stack socket also for IPv4. */
  #boundHost: HostSocket | null = null;
  #isBindPending = false;
  #corked: CorkedDatagram | null = null;
  #errors: ErrorQueue;
  #options = new Map<number, number>();

  /**
   * @param protocol  IPPROTO_UDP, or IPPROTO_UDPLITE (udplite(7)), which stays inside the machine: hosts don't offer it
   */
  constructor(
    network: Network,
    family: number,
    protocol: number,
    flags: number,
    creator: { fsuid: number; fsgid: number },
  ) {
    super(network, family, SOCK_DGRAM, protocol, flags, creator);
    this.#errors = new ErrorQueue(network.udpMemory);
  }

  protected override get ports(): PortTable<UdpClaim> {
    return this.protocol === IPPROTO_UDP ? this.network.udpPorts : this.network.udplitePorts;
  }

  get #provider(): SocketProvider | null {
    return this.protocol === IPPROTO_UDP ? this.network.provider : null;
  }

  protected override get allowsGroups(): boolean {
    return true;
  }

  override get stateNumber(): number {
    return this.peer !== null ? TCP_ESTABLISHED : TCP_CLOSE;
  }

  /** Waiting bytes with their overhead, for /proc/net/udp. */
  get queuedBytes(): number {
    return this.#queuedCost;
  }

  /** bind(2); with a provider and an address that isn't loopback the call waits until the host is bound as well. */
  override bind(task: SocketCaller, address: Uint8Array): number {
    if (this.#isBindPending) return this.#finishBinding(task);
    const failed = this.bindAddress(task, address);
    if (failed < 0) return failed;
    const provider = this.#provider;
    if (provider === null || isLoopback(this.local!.ip)) return 0;
    const where = this.hostLocal;
    const host = provider.create(where.family, "datagram", this);
    if (typeof host === "number") return this.#bindFailed(host);
    this.#hosts[where.family === 4 ? 0 : 1] = host;
    this.#boundHost = host;
    this.#configure(host);
    const bound = host.bind(where, { reuseAddress: this.options.reuseAddress, v6Only: !this.isDualStack });
    if (bound < 0 && bound !== -EINPROGRESS) return this.#bindFailed(bound);
    this.#isBindPending = true;
    return this.#finishBinding(task);
  }

  #finishBinding(task: SocketCaller): number {
    const host = this.#boundHost!;
    if (host.localAddress() === null) {
      const error = host.takeError();
      if (error !== 0) return this.#bindFailed(-error);
      task.waitOn(this.readiness);
      return BLOCKED_KILLABLE;
    }
    this.#isBindPending = false;
    return 0;
  }

  #bindFailed(error: number): number {
    this.#closeHosts();
    this.#isBindPending = false;
    this.releasePort();
    return error;
  }

  /** connect(2): the default destination, and the only sender that is heard; AF_UNSPEC undoes it. */
  override connect(task: SocketCaller, address: Uint8Array, _nonblocking: boolean): number {
    if (address.length < 2) return -EINVAL;
    if (familyOf(address) === AF_UNSPEC) {
      this.peer = null;
      this.#dropUnboundHosts();
      if (!this.isAddressBound) this.releasePort();
      return 0;
    }
    const endpoint = parseInetAddress(address, this.family);
    if (typeof endpoint === "number") return endpoint;
    const to = destinationOf(endpoint);
    const source = this.#route(to.ip);
    if (typeof source === "number") return source;
    const failed = this.claimAnyPort(task);
    if (failed < 0) return failed;
    if (!this.isAddressBound || isWildcard(this.local!.ip)) this.local = { ip: source, port: this.local!.port };
    this.#dropUnboundHosts();
    this.peer = to;
    this.readiness.wakeAll();
    return 0;
  }

  /** The source address for a destination; ENETUNREACH, or EACCES for a broadcast that wasn't asked for. */
  #route(ip: string): string | number {
    const { network } = this;
    if (isV4(ip) && this.isV6 && this.ip.v6Only) return -ENETUNREACH;
    if (isBroadcast(ip) && !this.options.broadcast) return -EACCES;
    if (network.isLocal(ip)) return isLoopback(ip) && isV4(ip) ? "127.0.0.1" : ip;
    if (this.#provider === null) return network.unreachable();
    const source = sourceAddress(network.outside, ip);
    if (source === null && !isV4(ip)) return -ENETUNREACH;
    return source ?? anyAddress(AF_INET);
  }

  override send(task: SocketCaller, from: IoCursor, message: OutgoingMessage, flags: number): number {
    if ((flags & MSG_OOB) !== 0) return -EOPNOTSUPP;
    const hasMore = (flags & MSG_MORE) !== 0 || (this.#options.get(UDP_CORK) ?? 0) !== 0;
    if (this.#corked !== null) return this.#append(task, this.#corked, from, hasMore);
    const toPeer = message.address === null;
    const to = message.address === null ? this.peer : this.#destination(message.address);
    if (to === null) return -EDESTADDRREQ;
    if (typeof to === "number") return to;
    if (from.remaining > (isV4(to.ip) ? LENGTH_MAX_V4 : LENGTH_MAX_V6)) return -EMSGSIZE;
    if (this.isWriteShut) return -EPIPE;
    const error = this.takeError();
    if (error !== 0) return -error;
    if (!hasMore) return this.#transmit(task, from, { to, toPeer, ancillary: message.ancillary });
    const route = this.#route(to.ip);
    if (typeof route === "number") return route;
    const lengthMax = isV4(to.ip) ? LENGTH_MAX_V4 : LENGTH_MAX_V6;
    this.#corked = { to, toPeer, ancillary: message.ancillary, parts: [], lengthMax, length: 0 };
    return this.#append(task, this.#corked, from, true);
  }

  /** More of the datagram. What fails loses all of it (net/ipv4/udp.c, udp_flush_pending_frames). */
  #append(task: SocketCaller, corked: CorkedDatagram, from: IoCursor, hasMore: boolean): number {
    const length = from.remaining;
    const { udpMemory } = this.network;
    let taken = 0;
    if (length > corked.lengthMax - corked.length) taken = -EMSGSIZE;
    else if (udpMemory.isFull || corked.parts.length >= PARTS_MAX) taken = -ENOBUFS;
    else if (length > 0) {
      const part = new Uint8Array(length);
      taken = from.take(part, 0, length);
      corked.parts.push(part);
      corked.length += length;
      udpMemory.bytes += length;
    }
    if (taken < length) {
      this.#forgetCorked();
      return taken < 0 ? taken : -EFAULT;
    }
    if (hasMore) return length;
    const sent = this.#uncork(task);
    return sent < 0 ? sent : length;
  }

  #forgetCorked(): void {
    this.network.udpMemory.bytes -= this.#corked?.length ?? 0;
    this.#corked = null;
  }

  /** Sends what was put together; without room at the host it is lost, as datagrams are. */
  #uncork(task: SocketCaller): number {
    const corked = this.#corked;
    if (corked === null) return 0;
    this.#forgetCorked();
    const sent = this.#transmit(task, new BytesCursor(concatBytes(corked.parts)), corked);
    return sent === -EAGAIN ? corked.length : sent;
  }

  #transmit(
    task: SocketCaller,
    from: IoCursor,
    datagram: { to: InetEndpoint; toPeer: boolean; ancillary: Ancillary | null },
  ): number {
    const { to, toPeer, ancillary } = datagram;
    if (isMulticast(to.ip) && this.#reachesMembers(to)) return this.#sendToMembers(task, from, datagram);
    const source = this.#route(to.ip);
    if (typeof source === "number") return source;
    const failed = this.claimAnyPort(task);
    if (failed < 0) return failed;
    const sender = { ip: isWildcard(this.local!.ip) ? source : this.local!.ip, port: this.local!.port };
    if (this.network.isLocal(to.ip)) {
      const claim = this.ports.find(to.ip, to.port, (each) => (each.socket as UdpSocket).#hears(sender));
      if (claim !== null)
        return (claim.socket as UdpSocket).#deliver(from, sender, to.ip, this.ip.headerFor(to.ip, ancillary));
      if (this.#provider === null) {
        // A resolver without a configuration asks this machine (resolv.conf(5)).
        if (to.port === DOMAIN_PORT) this.network.unreachable();
        return this.#refused(from, toPeer, to);
      }
    }
    return this.#sendOutside(from, toPeer, to);
  }

  /** Is anybody in this machine a member of the group, at that port? */
  #reachesMembers(to: InetEndpoint): boolean {
    for (const socket of this.network.inetSockets)
      if (socket instanceof UdpSocket && socket.#isMemberAt(to)) return true;
    return false;
  }

  #isMemberAt(to: InetEndpoint): boolean {
    return (
      this.local !== null &&
      this.local.port === to.port &&
      (isWildcard(this.local.ip) || this.local.ip === to.ip) &&
      this.ip.isMember(to.ip)
    );
  }

  /** A copy for each member in this machine, and out to the host's network if there is one. Work: one step a socket. */
  #sendToMembers(
    task: SocketCaller,
    from: IoCursor,
    datagram: { to: InetEndpoint; toPeer: boolean; ancillary: Ancillary | null },
  ): number {
    const { to, toPeer, ancillary } = datagram;
    const failed = this.claimAnyPort(task);
    if (failed < 0) return failed;
    const bytes = new Uint8Array(from.remaining);
    const taken = bytes.length === 0 ? 0 : from.take(bytes, 0, bytes.length);
    if (taken < bytes.length) return taken < 0 ? taken : -EFAULT;
    const outside = sourceAddress(this.network.outside, to.ip);
    const sender = {
      ip: isWildcard(this.local!.ip) ? (outside ?? (isV4(to.ip) ? LOOPBACK_V4 : LOOPBACK_V6)) : this.local!.ip,
      port: this.local!.port,
    };
    for (const socket of this.network.inetSockets) {
      if (socket instanceof UdpSocket && socket.#isMemberAt(to) && socket.#hears(sender))
        socket.#deliver(new BytesCursor(bytes), sender, to.ip, this.ip.headerFor(to.ip, ancillary));
    }
    if (this.#provider !== null) this.#sendOutside(new BytesCursor(bytes), toPeer, to);
    return bytes.length;
  }

  #destination(address: Uint8Array): InetEndpoint | number {
    let endpoint: InetEndpoint | number;
    const family = familyOf(address);
    if (this.isV6 && family === AF_INET) endpoint = parseInetAddress(address, AF_INET);
    else if (!this.isV6 && family === AF_UNSPEC && address.length >= 16) {
      const copy = address.slice();
      copy[0] = AF_INET;
      endpoint = parseInetAddress(copy, AF_INET);
    } else endpoint = parseInetAddress(address, this.family);
    if (typeof endpoint === "number") return endpoint;
    return endpoint.port === 0 ? -EINVAL : destinationOf(endpoint);
  }

  #hears(sender: InetEndpoint): boolean {
    return this.peer === null || (this.peer.ip === sender.ip && this.peer.port === sender.port);
  }

  /** Into the queue; without room the datagram is lost, as datagrams are. */
  #deliver(
    from: IoCursor,
    sender: InetEndpoint,
    to: string,
    header: { hopLimit: number; trafficClass: number },
  ): number {
    const length = from.remaining;
    const bytes = new Uint8Array(length);
    const taken = length === 0 ? 0 : from.take(bytes, 0, length);
    if (taken < length) return taken < 0 ? taken : -EINVAL;
    const { udpMemory } = this.network;
    if (this.isReadShut || this.#queuedCost + length > this.options.receiveBuffer || udpMemory.isFull) return length;
    this.#queue.push({ bytes, from: sender, to, ...header });
    this.#queuedCost += length + DATAGRAM_OVERHEAD;
    udpMemory.bytes += length + DATAGRAM_OVERHEAD;
    this.readiness.wakeAll(POLLIN | POLLRDNORM);
    return length;
  }

  /**
   * Nobody is there: the sender learns it later, when it is connected, or asked for such errors (udp(7); ip(7),
   * IP_RECVERR).
   */
  #refused(from: IoCursor, toPeer: boolean, to: InetEndpoint): number {
    const length = from.remaining;
    const { transfer } = this.network;
    // The bytes are looked at all the same.
    const taken = length === 0 ? 0 : from.take(transfer, 0, length);
    if (taken < length) return taken < 0 ? taken : -EFAULT;
    const isTold = (isV4(to.ip) ? this.ip.v4.get(IP_RECVERR) : this.ip.v6.get(IPV6_RECVERR)) === 1;
    if (isTold) this.#errors.refused(transfer.slice(0, length), to, this.options.receiveBuffer);
    if (toPeer || isTold) {
      this.pendingError = ECONNREFUSED;
      this.readiness.wakeAll();
    }
    return length;
  }

  #sendOutside(from: IoCursor, toPeer: boolean, to: InetEndpoint): number {
    let host = this.#boundHost;
    let target: HostAddress | null = this.hostAddress(to);
    if (host !== null) {
      // A dual-stack socket reaches IPv4 through mapped addresses.
      if (this.hostLocal.family === 6 && target.family === 4)
        target = { family: 6, address: `::ffff:${to.ip}`, port: to.port };
    } else {
      const found = this.#hostFor(target.family, toPeer ? target : null);
      if (typeof found === "number") return found;
      host = found;
      if (toPeer && host.peerAddress() !== null) target = null;
    }
    if (!host.writable()) return -EAGAIN;
    const { transfer } = this.network;
    const length = from.remaining;
    const taken = length === 0 ? 0 : from.take(transfer, 0, length);
    if (taken < length) return taken < 0 ? taken : -EINVAL;
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
    const host = this.#provider!.create(family, "datagram", this);
    if (typeof host === "number") return host;
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
    if (this.options.broadcast) host.setOption("broadcast", 1);
    const ttl = this.ip.v4.get(IP_TTL);
    if (ttl !== undefined) host.setOption("ttl", ttl);
  }

  #closeHosts(): void {
    for (const host of this.#hosts) host?.close();
    this.#hosts = [undefined, undefined];
    this.#boundHost = null;
  }

  #dropUnboundHosts(): void {
    if (this.#boundHost === null) this.#closeHosts();
  }

  override receive(_task: SocketCaller, to: IoCursor, message: IncomingMessage, flags: number): number {
    if ((flags & MSG_ERRQUEUE) !== 0) return this.#receiveError(to, message);
    if ((flags & MSG_OOB) !== 0) return -EOPNOTSUPP;
    const error = this.takeError();
    if (error !== 0) return -error;
    const datagram = this.#queue[0];
    if (datagram === undefined) return this.#receiveFromHost(to, message, flags);
    const { bytes } = datagram;
    const count = Math.min(bytes.length, to.remaining);
    const moved = count === 0 ? 0 : to.put(bytes, 0, count);
    if (moved < 0) return moved;
    if ((flags & MSG_PEEK) === 0) {
      this.#queue.shift();
      this.#queuedCost -= bytes.length + DATAGRAM_OVERHEAD;
      this.network.udpMemory.bytes -= bytes.length + DATAGRAM_OVERHEAD;
    }
    return this.#describe(message, flags, datagram, { moved, length: bytes.length });
  }

  /** The first error that waits, with the datagram that it belongs to; never waits itself. */
  #receiveError(to: IoCursor, message: IncomingMessage): number {
    const error = this.#errors.first;
    if (error === undefined) return -EAGAIN;
    const count = Math.min(error.bytes.length, to.remaining);
    const moved = count === 0 ? 0 : to.put(error.bytes, 0, count);
    if (moved < 0) return moved;
    this.#errors.shift();
    // The next call tells of the next one (net/core/skbuff.c, sock_dequeue_err_skb).
    this.pendingError = this.#errors.first?.errno ?? 0;
    message.address = this.addressBytes(error.to);
    const control = errorControl(error);
    message.addControl(control.level, control.type, control.data);
    message.flags |= moved < error.bytes.length ? MSG_ERRQUEUE | MSG_TRUNC : MSG_ERRQUEUE;
    return moved;
  }

  #receiveFromHost(to: IoCursor, message: IncomingMessage, flags: number): number {
    const { transfer } = this.network;
    for (const host of this.#hosts) {
      // Datagrams of strangers are dropped from a connected socket.
      while (host?.readable() === true) {
        const count = host.read(transfer, 0, Math.min(to.remaining, transfer.length), (flags & MSG_PEEK) !== 0);
        if (count < 0) break;
        const sender = host.lastSender!;
        const length = host.lastLength;
        const from = { ip: canonicalIp(sender.address) ?? sender.address, port: sender.port };
        if (!this.#hears(from)) {
          if ((flags & MSG_PEEK) !== 0) host.read(transfer, 0, 0, false);
          continue;
        }
        const moved = count === 0 ? 0 : to.put(transfer, 0, count);
        if (moved < 0) return moved;
        const destination = isWildcard(this.local!.ip)
          ? (sourceAddress(this.network.outside, from.ip) ?? this.local!.ip)
          : this.local!.ip;
        return this.#describe(
          message,
          flags,
          { from, to: destination, ...this.ip.headerFor(destination, null) },
          { moved, length },
        );
      }
    }
    return this.isReadShut ? 0 : -EAGAIN;
  }

  #describe(
    message: IncomingMessage,
    flags: number,
    datagram: Omit<Datagram, "bytes">,
    size: { moved: number; length: number },
  ): number {
    message.address = this.addressBytes(datagram.from);
    const controls = this.ip.controlsFor(datagram, this.isV6, this.network);
    if (controls !== null) for (const each of controls) message.addControl(each.level, each.type, each.data);
    if (this.options.timestamp !== 0) addTimestamp(this.kernel, this.options.timestamp, message);
    if (size.moved < size.length) message.flags |= MSG_TRUNC;
    return (flags & MSG_TRUNC) !== 0 ? size.length : size.moved;
  }

  override changed(): void {
    for (const host of this.#hosts) {
      if (host === undefined || (host === this.#boundHost && this.#isBindPending)) continue;
      const error = host.takeError();
      if (error !== 0) this.pendingError = error;
    }
    this.readiness.wakeAll();
  }

  override available(): number {
    const first = this.#queue[0];
    if (first !== undefined) return first.bytes.length;
    for (const host of this.#hosts) if (host?.readable() === true) return host.available();
    return 0;
  }

  override poll(): number {
    let ready = 0;
    if (this.pendingError !== 0 || this.#errors.first !== undefined) ready |= POLLERR;
    if (this.isReadShut) ready |= POLLIN | POLLRDNORM | POLLRDHUP;
    if (this.isReadShut && this.isWriteShut) ready |= POLLHUP;
    if (this.#queue.length > 0 || this.#hosts.some((host) => host?.readable() === true)) ready |= POLLIN | POLLRDNORM;
    if (this.#hosts.every((host) => host === undefined || host.writable())) ready |= POLLOUT | POLLWRNORM;
    return ready;
  }

  override setProtocolOption(task: SocketCaller, level: number, name: number, value: Uint8Array): number {
    if (
      level === IPPROTO_UDPLITE &&
      this.protocol === level &&
      (name === UDPLITE_SEND_CSCOV || name === UDPLITE_RECV_CSCOV)
    ) {
      if (value.length < 4) return -EINVAL;
      // Less than the header can't be covered (udplite(7)).
      this.#options.set(name, optionInt(value) === 0 ? 0 : Math.max(8, optionInt(value)));
      return 0;
    }
    if (level !== IPPROTO_UDP) return super.setProtocolOption(task, level, name, value);
    if (name !== UDP_CORK && name !== UDP_SEGMENT && name !== UDP_GRO) return -ENOPROTOOPT;
    if (value.length < 4) return -EINVAL;
    // Segmentation would need a device that does it.
    if (name === UDP_SEGMENT && optionInt(value) !== 0) return -EINVAL;
    this.#options.set(name, optionInt(value));
    const sent = name === UDP_CORK && optionInt(value) === 0 ? this.#uncork(task) : 0;
    return sent < 0 ? sent : 0;
  }

  override getProtocolOption(task: SocketCaller, level: number, name: number, length: number): Uint8Array | number {
    if (
      level === IPPROTO_UDPLITE &&
      this.protocol === level &&
      (name === UDPLITE_SEND_CSCOV || name === UDPLITE_RECV_CSCOV)
    ) {
      return intOption(this.#options.get(name) ?? 0);
    }
    if (level !== IPPROTO_UDP) return super.getProtocolOption(task, level, name, length);
    if (name !== UDP_CORK && name !== UDP_SEGMENT && name !== UDP_GRO) return -ENOPROTOOPT;
    return intOption(this.#options.get(name) ?? 0);
  }

  override optionChanged(name: number): void {
    if (name === SO_BROADCAST)
      for (const host of this.#hosts) host?.setOption("broadcast", this.options.broadcast ? 1 : 0);
  }

  protected override ipOptionChanged(level: number, name: number): void {
    if (level === IPPROTO_IP && name === IP_TTL)
      for (const host of this.#hosts) host?.setOption("ttl", this.ip.v4.get(IP_TTL) ?? 64);
  }

  protected override dispose(): void {
    this.#forgetCorked();
    this.#errors.clear();
    this.#closeHosts();
    this.#queue.length = 0;
    this.network.udpMemory.bytes -= this.#queuedCost;
    super.dispose();
  }

  static {
    stateClass("UdpSocket", this, {
      save: (it) => ({
        queue: it.#queue,
        queuedCost: it.#queuedCost,
        hosts: it.#hosts,
        boundHost: it.#boundHost,
        isBindPending: it.#isBindPending,
        corked: it.#corked,
        errors: it.#errors,
        options: it.#options,
      }),
      load: (it, from) =>
        ({
          queue: it.#queue,
          queuedCost: it.#queuedCost,
          hosts: it.#hosts,
          boundHost: it.#boundHost,
          isBindPending: it.#isBindPending,
          corked: it.#corked,
          errors: it.#errors,
          options: it.#options,
        } = from),
    });
  }
}
