import {
  EADDRINUSE,
  AF_INET,
  AF_UNSPEC,
  EACCES,
  EAFNOSUPPORT,
  EAGAIN,
  ECONNREFUSED,
  EDESTADDRREQ,
  EFAULT,
  EINPROGRESS,
  EINVAL,
  EMSGSIZE,
  EHOSTUNREACH,
  ENETUNREACH,
  ENOBUFS,
  EOPNOTSUPP,
  IPPROTO_IP,
  IPPROTO_UDP,
  IP_TTL,
  MSG_ERRQUEUE,
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
  POLLWRBAND,
  POLLWRNORM,
  SOCK_DGRAM,
  SO_BROADCAST,
  TCP_CLOSE,
  TCP_ESTABLISHED,
  UDP_CORK,
  isErrno,
  SockaddrIn,
} from "@stratos/abi";
import { BytesCursor, concatBytes, stateClass } from "@stratos/base";
import {
  type IcmpError,
  type InetEndpoint,
  type IpAddress,
  type IpOutput,
  ANY_V4,
  copyIp,
  hasSourceRoute,
  isBroadcast,
  isLoopback,
  isMulticast,
  isSameIp,
  isV4,
  isWildcard,
  keepEndpoint,
  makeV4,
  NO_OPTIONS,
  recordHop,
  ScratchEndpoint,
} from "@stratos/netstack";
import type { IoCursor } from "../../ground/io-cursor.ts";
import { BLOCKED_KILLABLE } from "../../ground/wait-queue.ts";
import { addTimestamps } from "../message-timestamp.ts";
import type { Ancillary, ChosenSender, IncomingMessage, OutgoingMessage } from "../message.ts";
import type { SocketCaller } from "../socket-kernel.ts";
import type { InetNetwork } from "./inet-socket.ts";
import type { InterfaceIp } from "../interface-network.ts";
import type { NetworkInterface } from "../network-interface.ts";
import { sendUdp } from "../ip/udp-output.ts";
import { ReceivedDatagram } from "./datagram-queue.ts";
import { DatagramSocket } from "./datagram-socket.ts";
import { type DatagramWayIn, NOBODY } from "./datagram-transport.ts";
import { ErrorQueue } from "./error-queue.ts";
import { hasRoutingHeader, joinExtensions, NO_EXTENSIONS } from "./extension-headers.ts";
import { forbidsParts, hearsErrors } from "./sending-options.ts";
import { sourceToGroup, wayOut } from "./group-route.ts";
import { HostDatagrams } from "./host-datagrams.ts";
import { familyOf, readInetAddress, resolveWildcard, scopeOf } from "./inet-address.ts";
import { LoopbackDatagrams } from "./loopback-datagrams.ts";
import type { PortClaim } from "./port-claim.ts";
import type { PortTable } from "./port-table.ts";
import { NOT_OF_UDP, UdpOptions } from "./udp-options.ts";
import { type DatagramFault, RoughNetwork } from "./rough-network.ts";

export interface UdpClaim extends PortClaim {
  readonly socket: UdpSocket;
}

/** The datagram of a call; valid during it. */
const OUTGOING = {
  from: new ScratchEndpoint(),
  to: new ScratchEndpoint(),
  toPeer: false as boolean,
  /** The interface that the address named (`sin6_scope_id`); 0: none. */
  scope: 0,
  /** The loopback takes it, whoever it is for. */
  staysHere: false as boolean,
  /** A route leads to a link of ours, not to the provider. */
  isOnLink: false as boolean,
  /** The interface that it was to leave by; 0: any. */
  device: 0,
  hopLimit: 0,
  trafficClass: 0,
  extensions: NO_EXTENSIONS as Uint8Array,
  options: NO_OPTIONS as Uint8Array,
};
const RECEIVED = new ReceivedDatagram();

/**
 * A datagram that is put together from several calls (MSG_MORE, UDP_CORK): the first decides where it goes. Bound:
 * the length of a datagram; what is there counts with what waits in the machine's sockets.
 */
interface CorkedDatagram {
  readonly to: InetEndpoint;
  readonly toPeer: boolean;
  readonly scope: number;
  readonly ancillary: Ancillary | null;
  readonly parts: Uint8Array[];
  readonly lengthMax: number;
  length: number;
}

/** Where name servers listen (RFC 1035 §4.2). */
const DOMAIN_PORT = 53;
/** Calls that a corked datagram is put together from. */
const PARTS_MAX = 4096;
/** 65535 less the headers of IPv4 and UDP; IPv6 does not count its header. */
const LENGTH_MAX_V4 = 65507,
  LENGTH_MAX_V6 = 65527;

/** The network of such a socket (network.ts). */
export interface UdpNetwork extends InetNetwork {
  readonly udpPorts: PortTable<UdpClaim>;
  readonly udplitePorts: PortTable<UdpClaim>;
  /** null: all datagrams within the machine arrive, once and in order. */
  rough: RoughNetwork | null;
  /** Sends IP over links. */
  readonly ip: InterfaceIp & { readonly output: IpOutput };
  /** Where datagrams from outside come in as packets, since there are rules to see them; null: they don't. */
  readonly filteredWayIn: DatagramWayIn | null;
  /** The same, whether there are rules or not any more. */
  readonly wayIn: DatagramWayIn | null;
}

/**
 * AF_INET and AF_INET6 SOCK_DGRAM (udp(7)). Datagrams between sockets of this machine stay inside; others go through
 * the provider.
 */
export class UdpSocket extends DatagramSocket {
  declare readonly network: UdpNetwork;
  readonly loopback: LoopbackDatagrams;
  /** Null without a provider. */
  #host: HostDatagrams | null;
  #corked: CorkedDatagram | null = null;
  #errors: ErrorQueue;
  #options = new UdpOptions();

  /**
   * @param protocol  IPPROTO_UDP, or IPPROTO_UDPLITE (udplite(7)), which stays inside the machine: hosts don't offer it
   */
  constructor(
    network: UdpNetwork,
    family: number,
    protocol: number,
    flags: number,
    creator: { fsuid: number; fsgid: number },
  ) {
    super(network, family, SOCK_DGRAM, protocol, flags, creator);
    this.#errors = new ErrorQueue(network.udpMemory);
    this.loopback = new LoopbackDatagrams(this, this.ports);
    const provider = protocol === IPPROTO_UDP ? network.provider : null;
    this.#host = provider === null ? null : new HostDatagrams(this, provider);
  }

  protected override get ports(): PortTable<UdpClaim> {
    return this.protocol === IPPROTO_UDP ? this.network.udpPorts : this.network.udplitePorts;
  }

  protected override get allowsGroups(): boolean {
    return true;
  }

  override get stateNumber(): number {
    return this.peer !== null ? TCP_ESTABLISHED : TCP_CLOSE;
  }

  /** Waiting bytes with their overhead, for /proc/net/udp. */
  get queuedBytes(): number {
    return this.loopback.queue.cost;
  }

  /** bind(2); with a provider and an address that is heard outside the call waits until the host is bound as well. */
  override bind(task: SocketCaller, address: Uint8Array): number {
    const host = this.#host;
    if (host?.isBindPending === true) return this.#bound(task, host.finishBinding());
    const failed = this.bindAddress(task, address);
    if (failed < 0) return failed;
    return host === null || !this.isHeardOutside ? 0 : this.#bound(task, host.bind(this.hostLocal));
  }

  #bound(task: SocketCaller, result: number): number {
    while (result === -EADDRINUSE && this.claimAgain(task) === 0) {
      this.#host!.close();
      result = this.#host!.bind(this.hostLocal);
    }
    if (result === -EINPROGRESS) {
      task.waitOn(this.readiness);
      return BLOCKED_KILLABLE;
    }
    if (result < 0) {
      this.#host!.close();
      this.releasePort();
    }
    return result;
  }

  /** connect(2): the default destination, and the only sender that is heard; AF_UNSPEC undoes it. */
  override connect(task: SocketCaller, address: Uint8Array, _nonblocking: boolean): number {
    if (address.length < 2) return -EINVAL;
    if (familyOf(address) === AF_UNSPEC) return this.#disconnect();
    const { to } = OUTGOING;
    // Whatever becomes of it, it has a port (net/ipv4/af_inet.c, inet_dgram_connect).
    const claimed = this.claimPortToConnect(task);
    // An address of IPv4 will do for IPv6's socket, too (net/ipv6/datagram.c, __ip6_datagram_connect).
    const isOfV4 = familyOf(address) === AF_INET;
    if (claimed < 0 || (isOfV4 && this.isV6 && this.ip.v6Only)) return claimed || -EAFNOSUPPORT;
    const refused = readInetAddress(address, isOfV4 ? AF_INET : this.family, to) || this.chooseLink(to.ip, address);
    if (refused < 0) return refused;
    this.#resolveWildcard(to);
    OUTGOING.scope = isOfV4 ? 0 : scopeOf(address);
    const source = this.#route(to, null);
    if (isErrno(source)) return source;
    if (isWildcard(this.local!.ip)) this.local = keepEndpoint(source, this.local!.port);
    this.claim!.ip = this.local!.ip;
    this.#host?.dropUnbound();
    this.peer = keepEndpoint(to.ip, to.port);
    this.readiness.wakeAll();
    return 0;
  }

  /** What the program did not bind to goes with the peer (net/ipv4/udp.c, __udp_disconnect). */
  #disconnect(): number {
    this.peer = null;
    this.#host?.dropUnbound();
    this.letPortGo();
    this.letAddressGo();
    if (this.local === null) return 0;
    if (this.claim !== null) this.claim.ip = this.local.ip;
    else {
      this.#host?.close();
      this.local = keepEndpoint(this.local.ip, 0);
    }
    return 0;
  }

  /** It is connected to nobody any more (net/ipv4/udp.c, udp_abort). */
  override destroy(error: number): number {
    this.pendingError = error;
    this.readiness.wakeAll();
    return this.#disconnect();
  }

  /**
   * The source address for a destination, and whether the datagram stays in this machine; ENETUNREACH, EAFNOSUPPORT
   * for IPv6 from an address of IPv4, or EACCES for a broadcast that wasn't asked for.
   */
  #route({ ip, port }: InetEndpoint, chosen: ChosenSender | null): IpAddress | number {
    const { network } = this;
    OUTGOING.staysHere = OUTGOING.isOnLink = false;
    if (isV4(ip) && this.isV6 && this.ip.v6Only) return -ENETUNREACH;
    const lost = this.lostLinkTo(ip, this.options.boundIndex || this.ip.unicastIndex(ip));
    if (lost < 0) return lost;
    const given = chosen?.ip ?? null;
    const isNobodys = given !== null && !network.hasAddress(given) && (isV4(given) || !this.bindsForeign(given));
    if (given !== null && (isV4(given) !== isV4(ip) || isNobodys)) return -ENETUNREACH;
    const way = isMulticast(ip) ? wayOut(this, ip, chosen?.interfaceIndex || OUTGOING.scope) : null;
    let source: IpAddress | number;
    if (way !== null && way.kind !== "provider") source = way.isUp ? sourceToGroup(this, ip, way) : -ENETUNREACH;
    else if (network.isLocal(ip)) source = network.sourceToOwn(ip);
    else if (isV4(ip) && this.#leavesByLoopback(ip, chosen)) {
      OUTGOING.staysHere = true;
      source = ANY_V4;
    } else source = this.#routeOutside(ip, port, chosen);
    if (isErrno(source)) return source;
    // Once there is a way (net/ipv6/ip6_output.c, ip6_dst_lookup_tail).
    if (this.#isOfV4 && !isV4(ip)) return -EAFNOSUPPORT;
    if (network.isBroadcast(ip) && !this.options.broadcast) return -EACCES;
    return given ?? source;
  }

  #routeOutside(ip: IpAddress, port: number, chosen: ChosenSender | null): IpAddress | number {
    const { network } = this;
    const flow = this.flowTo(ip, port);
    const asked = chosen?.interfaceIndex || this.options.boundIndex || OUTGOING.scope;
    OUTGOING.device = asked || this.ip.unicastIndex(ip);
    const source = chosen?.ip ?? flow.source;
    const isPlain = OUTGOING.device === flow.out && source === flow.source;
    const route = network.routeOutside(ip, isPlain ? flow : { ...flow, out: OUTGOING.device, source });
    if (isErrno(route)) return route;
    OUTGOING.isOnLink = route.out.carriesIp;
    if (!OUTGOING.isOnLink && this.#host === null) return network.provider === null ? -EHOSTUNREACH : -ENETUNREACH;
    return this.protocol !== IPPROTO_UDP && OUTGOING.isOnLink ? -ENETUNREACH : network.sourceBy(route, ip);
  }

  /**
   * Was the loopback chosen, by IP_PKTINFO or SO_BINDTODEVICE, or for a broadcast by bind(2) or its network
   * (net/ipv4/route.c, ip_route_output_key_hash_rcu)? What leaves by it comes back.
   */
  #leavesByLoopback(ip: IpAddress, chosen: ChosenSender | null): boolean {
    const [loopback] = this.network.interfaces;
    const index = chosen?.interfaceIndex ?? 0;
    const asked = index === 0 ? this.options.boundIndex : index;
    const isChosen =
      asked === loopback!.index ||
      loopback!.isBroadcast(ip) ||
      (asked === 0 && isBroadcast(ip) && this.local !== null && isLoopback(this.local.ip));
    return isChosen && loopback!.isUp;
  }

  override send(task: SocketCaller, from: IoCursor, message: OutgoingMessage, flags: number): number {
    if (!this.isV6 && from.remaining > 0xffff) return -EMSGSIZE;
    if ((flags & MSG_OOB) !== 0) return -EOPNOTSUPP;
    const hasMore = (flags & MSG_MORE) !== 0 || this.#options.isCorked;
    if (this.#corked !== null) return this.#append(task, this.#corked, from, hasMore);
    const { to } = OUTGOING;
    // Of IPv6 an address without a family is none (net/ipv6/udp.c, udpv6_sendmsg).
    const { address: given } = message;
    const isNone = given !== null && this.isV6 && given.length >= 2 && familyOf(given) === AF_UNSPEC;
    const address = isNone ? null : given;
    OUTGOING.toPeer = address === null;
    OUTGOING.scope = address === null || !this.isV6 ? 0 : scopeOf(address);
    if (address !== null) {
      const malformed = this.#readDestination(address, to);
      if (malformed < 0) return malformed;
    } else if (this.peer === null) return -EDESTADDRREQ;
    else to.set(this.peer.ip, this.peer.port);
    const lengthMax = isV4(to.ip) ? LENGTH_MAX_V4 : LENGTH_MAX_V6;
    if (from.remaining > lengthMax) return this.#tooLong(to);
    if (!hasMore) return this.#transmit(task, from, message.ancillary);
    const route = this.#route(to, message.ancillary?.sender ?? null);
    const refused = isErrno(route) ? route : this.mayAllocate();
    if (refused < 0) return refused;
    this.#corked = {
      to: keepEndpoint(to.ip, to.port),
      toPeer: OUTGOING.toPeer,
      scope: OUTGOING.scope,
      ancillary: message.ancillary,
      parts: [],
      lengthMax,
      length: 0,
    };
    return this.#append(task, this.#corked, from, true);
  }

  /** Of IPv6 the queue has that, too (net/ipv6/ip6_output.c, __ip6_append_data). */
  #tooLong(to: InetEndpoint): number {
    if (isV4(to.ip) || !hearsErrors(this.ip, to.ip)) return -EMSGSIZE;
    const route = this.#route(to, null);
    if (isErrno(route)) return route;
    const { ip, interfaces } = this.network;
    const mtu = this.network.isLocal(to.ip) ? interfaces[0]!.mtu : ip.output.mtuTo(to.ip, OUTGOING.device);
    this.#errors.tooLong(to, mtu, this.options.receiveBuffer);
    return -EMSGSIZE;
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
    OUTGOING.to.set(corked.to.ip, corked.to.port);
    OUTGOING.toPeer = corked.toPeer;
    OUTGOING.scope = corked.scope;
    const sent = this.#transmit(task, new BytesCursor(concatBytes(corked.parts)), corked.ancillary, true);
    return sent === -EAGAIN ? corked.length : sent;
  }

  /** Sends OUTGOING, whose `to` is set. @param wasHeld  it was taken before, when that was asked for */
  #transmit(task: SocketCaller, from: IoCursor, ancillary: Ancillary | null, wasHeld = false): number {
    const counters = this.network.counters.udpOf(OUTGOING.to.ip);
    const sent = this.#carry(task, from, ancillary, wasHeld);
    if (sent >= 0) counters.outDatagrams++;
    return sent;
  }

  #carry(task: SocketCaller, from: IoCursor, ancillary: Ancillary | null, wasHeld: boolean): number {
    const { to } = OUTGOING;
    OUTGOING.hopLimit = this.ip.hopLimitTo(to.ip, ancillary);
    OUTGOING.trafficClass = this.ip.trafficClassTo(to.ip, ancillary);
    const given = ancillary?.extensions ?? null;
    OUTGOING.extensions = isV4(to.ip) ? NO_EXTENSIONS : joinExtensions(this.ip.extensions, given);
    OUTGOING.options = isV4(to.ip) ? this.ip.optionsOf(ancillary) : NO_OPTIONS;
    const chosen = ancillary?.sender ?? null;
    const way = isMulticast(to.ip) ? wayOut(this, to.ip, chosen?.interfaceIndex || OUTGOING.scope) : null;
    const source = way !== null ? null : this.#route(to, chosen);
    if (isErrno(source)) return source;
    const refused = wasHeld ? 0 : this.mayAllocate();
    if (refused < 0) return refused;
    if (source === null) return this.#sendToMembers(task, from, way!, chosen);
    const failed = this.claimAnyPort(task);
    if (failed < 0) return failed;
    this.#setSender(source, chosen);
    if (OUTGOING.staysHere || this.network.isLocal(to.ip)) {
      if (hasRoutingHeader(OUTGOING.extensions) || hasSourceRoute(OUTGOING.options)) return this.#lose(from);
      if (this.network.isBroadcast(to.ip)) return this.#sendToAll(from);
      if (this.#isSeen()) return this.#sendOnLink(from, 0);
      const sent = this.loopback.send(OUTGOING, from);
      if (sent !== NOBODY) return sent;
      if (this.#host === null || OUTGOING.staysHere) {
        // A resolver without a configuration asks this machine (resolv.conf(5)).
        if (to.port === DOMAIN_PORT) this.network.unreachable();
        return this.#refused(from);
      }
    }
    if (!OUTGOING.isOnLink) return this.#host!.send(OUTGOING, from);
    if (!this.network.isBroadcast(to.ip)) return this.#sendOnLink(from, OUTGOING.device);
    // Who sends to all is one of them (net/ipv4/route.c, RTCF_BROADCAST).
    const bytes = this.#takeAll(from);
    if (isErrno(bytes)) return bytes;
    this.loopback.sendToAll(OUTGOING, () => new BytesCursor(bytes));
    return this.#sendOnLink(new BytesCursor(bytes), OUTGOING.device);
  }

  /** Do rules or packet sockets see what goes to this machine? What nobody here hears may be the host's. */
  #isSeen(): boolean {
    if (!this.network.ip.isSeen || OUTGOING.staysHere || this.protocol !== IPPROTO_UDP) return false;
    if (OUTGOING.extensions.length > 0 && OUTGOING.options.length === 0) return false;
    return this.#host === null || this.loopback.isHeard(OUTGOING);
  }

  /** Out by the IP layer; −EOPNOTSUPP with headers of IPv6 that it doesn't write. */
  #sendOnLink(from: IoCursor, device: number): number {
    if (OUTGOING.extensions.length > 0 && OUTGOING.options.length === 0) return -EOPNOTSUPP;
    const { output } = this.network.ip;
    const dontFragment = forbidsParts(this.ip, OUTGOING.to.ip);
    const { mark, uid, gid } = this.origin;
    const sent = sendUdp(output, OUTGOING, from, { device, dontFragment, mark, uid, gid });
    if (sent === -EMSGSIZE && hearsErrors(this.ip, OUTGOING.to.ip))
      this.#errors.tooLong(OUTGOING.to, output.mtuTo(OUTGOING.to.ip, device), this.options.receiveBuffer);
    this.network.ip.settle();
    return sent;
  }

  /** An error about what was sent came in (udp(7); net/ipv4/udp.c, __udp4_lib_err). */
  networkError(error: IcmpError, offender: IpAddress, to: InetEndpoint, bytes: Uint8Array): void {
    const isTold = hearsErrors(this.ip, to.ip);
    if (isTold) this.#errors.add(error, offender, to, bytes, this.options.receiveBuffer);
    else if (this.peer === null || !(error.isHard || error.mtu > 0)) return;
    this.pendingError = error.errno;
    this.readiness.wakeAll();
  }

  /** Nobody gets it; its bytes are looked at all the same. */
  #lose(from: IoCursor): number {
    const length = from.remaining;
    const taken = length === 0 ? 0 : from.take(this.network.transfer, 0, length);
    return taken < length ? (taken < 0 ? taken : -EFAULT) : length;
  }

  #setSender(source: IpAddress, chosen: ChosenSender | null): void {
    const { ip, port } = this.local!;
    OUTGOING.from.set(chosen?.ip ?? (isWildcard(ip) ? source : ip), port);
    if (OUTGOING.options.length > 0) this.#recordWay();
  }

  /** Options as they are when a datagram has come from here to this machine: both its ends have written into them. */
  #recordWay(): void {
    const { from, to, options } = OUTGOING;
    const timeMs = (Math.floor(this.kernel.now() / 1e6) | 0x80000000) >>> 0;
    const isOwn = (word: number): boolean => this.network.hasAddress(makeV4(word));
    OUTGOING.extensions = options.slice();
    for (const { ip } of [from, to])
      recordHop(OUTGOING.extensions, { own: ip[3]!, isOwn, timeMs, isSender: ip === from.ip });
  }

  /** What the network does to the next datagram that goes from here to one within the machine; null: nothing. */
  meet(fault: DatagramFault | null): void {
    const { network } = this;
    if (fault !== null) network.rough ??= new RoughNetwork(network);
    if (network.rough !== null) network.rough.next = fault;
  }

  /** A copy for each socket of the port (net/ipv4/udp.c, __udp4_lib_mcast_deliver). Without one it is lost. */
  #sendToAll(from: IoCursor): number {
    const bytes = this.#takeAll(from);
    if (isErrno(bytes)) return bytes;
    this.loopback.sendToAll(OUTGOING, () => new BytesCursor(bytes));
    return bytes.length;
  }

  /** What is sent, for several to have; −EFAULT. */
  #takeAll(from: IoCursor): Uint8Array | number {
    const bytes = new Uint8Array(from.remaining);
    const taken = bytes.length === 0 ? 0 : from.take(bytes, 0, bytes.length);
    return taken < bytes.length ? (taken < 0 ? taken : -EFAULT) : bytes;
  }

  /** A copy for each member in this machine, and out to the host's network if it lies there. */
  #sendToMembers(task: SocketCaller, from: IoCursor, way: NetworkInterface, chosen: ChosenSender | null): number {
    if (!way.isUp) return -ENETUNREACH;
    const failed = this.claimAnyPort(task);
    if (failed < 0) return failed;
    this.#setSender(sourceToGroup(this, OUTGOING.to.ip, way), chosen);
    const host = way.kind === "provider" ? this.#host : null;
    const isOnLink = way.carriesIp && this.protocol === IPPROTO_UDP;
    if (!(way.isLoopback || this.ip.loopsGroups(this.isV6)) || !this.loopback.isOpen(OUTGOING, way.index)) {
      if (isOnLink) return this.#sendOnLink(from, way.index);
      return host === null ? this.#lose(from) : host.send(OUTGOING, from);
    }
    const bytes = this.#takeAll(from);
    if (isErrno(bytes)) return bytes;
    this.loopback.sendToMembers(OUTGOING, way.index, () => new BytesCursor(bytes));
    if (isOnLink) return this.#sendOnLink(new BytesCursor(bytes), way.index);
    host?.send(OUTGOING, new BytesCursor(bytes));
    return bytes.length;
  }

  /** 0, −EINVAL, −EAFNOSUPPORT. An AF_INET6 socket takes AF_INET, and AF_INET one without a family. */
  #readDestination(address: Uint8Array, into: ScratchEndpoint): number {
    const family = familyOf(address);
    let malformed: number;
    if (!this.isV6 && family === AF_UNSPEC && address.length >= SockaddrIn.size) {
      const copy = address.slice();
      copy[SockaddrIn.offset.sin_family] = AF_INET;
      malformed = readInetAddress(copy, AF_INET, into);
    } else malformed = readInetAddress(address, family === AF_INET ? AF_INET : this.family, into);
    if (malformed < 0) return malformed;
    this.#resolveWildcard(into);
    if (this.isV6 && this.ip.v6Only && isV4(into.ip)) return -ENETUNREACH;
    return into.port === 0 ? -EINVAL : 0;
  }

  /** Has bind or connect given it an address of IPv4? */
  get #isOfV4(): boolean {
    const given = this.boundIp ?? (this.peer === null ? null : this.local!.ip);
    return given !== null && isV4(given);
  }

  #resolveWildcard(to: ScratchEndpoint): void {
    if (this.#isOfV4 && isWildcard(to.ip)) copyIp(ANY_V4, to.ip);
    resolveWildcard(to);
  }

  /** A connected socket hears its peer alone. */
  hears(sender: InetEndpoint): boolean {
    return this.peer === null || (this.peer.port === sender.port && isSameIp(this.peer.ip, sender.ip));
  }

  /**
   * Nobody is there: the sender learns it later, when it is connected, or asked for such errors (udp(7); ip(7),
   * IP_RECVERR).
   */
  #refused(from: IoCursor): number {
    const { to } = OUTGOING;
    const { transfer, counters } = this.network;
    counters.udpOf(to.ip).noPorts++;
    const length = this.#lose(from);
    if (length < 0) return length;
    const isTold = hearsErrors(this.ip, to.ip);
    if (isTold) this.#errors.refused(transfer.slice(0, length), to, this.options.receiveBuffer);
    // Whether the call named it or not: ports and addresses lead the error to who is connected with there.
    if (isTold || (this.peer !== null && this.hears(to))) {
      this.pendingError = ECONNREFUSED;
      this.readiness.wakeAll();
    }
    return length;
  }

  override receive(_task: SocketCaller, to: IoCursor, message: IncomingMessage, flags: number): number {
    if ((flags & MSG_ERRQUEUE) !== 0) return this.#receiveError(to, message);
    const error = this.takeError();
    if (error !== 0) return -error;
    const peek = (flags & MSG_PEEK) !== 0;
    const { options } = this;
    const room = to.remaining;
    let moved: number;
    if (peek && options.peekOffset >= 0) {
      this.#host?.takeIn();
      moved = this.loopback.peekAt(options.peekOffset, RECEIVED, to);
    } else {
      moved = this.loopback.receive(RECEIVED, to, peek);
      if (moved === -EAGAIN && this.#host !== null) moved = this.#host.receive(RECEIVED, to, peek);
    }
    if (moved < 0) return moved === -EAGAIN ? this.foundNothing(flags) : moved;
    if (!peek) this.network.counters.udpOf(RECEIVED.from).inDatagrams++;
    this.tellSender(message, RECEIVED.from, RECEIVED.port, RECEIVED.interfaceIndex);
    const controls = this.ip.controlsFor(RECEIVED, this.isV6, this.local?.port ?? -1);
    if (controls !== null) for (const each of controls) message.addControl(each.level, each.type, each.data);
    addTimestamps(this.kernel, options, message);
    // Of one whose rest just fits it is told, too (net/ipv4/udp.c, udp_recvmsg).
    const { length, passed } = RECEIVED;
    if (passed === 0 ? moved < length : room < length && room <= length - passed) message.flags |= MSG_TRUNC;
    const result = (flags & MSG_TRUNC) !== 0 ? length : moved;
    options.movePeek(peek, result);
    return result;
  }

  #receiveError(to: IoCursor, message: IncomingMessage): number {
    const told = this.#errors.receive(to, message, this.family);
    // The next call tells of the next one (net/core/skbuff.c, sock_dequeue_err_skb).
    if (told !== -EAGAIN) this.pendingError = this.#errors.first?.errno ?? 0;
    return told;
  }

  override changed(): void {
    const error = this.#host?.takeError() ?? 0;
    if (error !== 0) this.pendingError = error;
    // The host tells that the peer refused, not what.
    if (error === ECONNREFUSED && this.peer !== null && hearsErrors(this.ip, this.peer.ip))
      this.#errors.refused(new Uint8Array(0), this.peer, this.options.receiveBuffer);
    this.readiness.wakeAll();
  }

  override available(): number {
    return this.loopback.isReadable ? this.loopback.available : (this.#host?.available ?? 0);
  }

  override poll(): number {
    let ready = 0;
    if (this.pendingError !== 0 || this.#errors.first !== undefined) ready |= POLLERR;
    if (this.isReadShut) ready |= POLLIN | POLLRDNORM | POLLRDHUP;
    if (this.isReadShut && this.isWriteShut) ready |= POLLHUP;
    if (this.loopback.isReadable || this.#host?.isReadable === true) ready |= POLLIN | POLLRDNORM;
    if (this.#host?.isWritable !== false) ready |= POLLOUT | POLLWRNORM | POLLWRBAND;
    return ready;
  }

  override setProtocolOption(task: SocketCaller, level: number, name: number, value: Uint8Array): number {
    const set = this.#options.set(this.protocol, level, name, value);
    if (set === NOT_OF_UDP) return super.setProtocolOption(task, level, name, value);
    if (set < 0 || level !== IPPROTO_UDP || name !== UDP_CORK || this.#options.isCorked) return set;
    return Math.min(0, this.#uncork(task));
  }

  override getProtocolOption(
    task: SocketCaller,
    level: number,
    name: number,
    length: number,
    address = 0,
  ): Uint8Array | number {
    const value = this.#options.get(this.protocol, level, name);
    return value === NOT_OF_UDP ? super.getProtocolOption(task, level, name, length, address) : value;
  }

  override optionChanged(name: number): void {
    super.optionChanged(name);
    if (name === SO_BROADCAST) this.#host?.setOption("broadcast", this.options.broadcast ? 1 : 0);
  }

  protected override ipOptionChanged(level: number, name: number): void {
    if (level === IPPROTO_IP && name === IP_TTL) this.#host?.setOption("ttl", this.ip.v4.get(IP_TTL) ?? 64);
  }

  protected override dispose(): void {
    this.#forgetCorked();
    this.#errors.clear();
    this.#host?.close();
    this.loopback.close();
    super.dispose();
  }

  static {
    stateClass("UdpSocket", this, {
      save: (it) => ({ host: it.#host, corked: it.#corked, errors: it.#errors, udpOptions: it.#options }),
      load: (it, from) => ({ host: it.#host, corked: it.#corked, errors: it.#errors, udpOptions: it.#options } = from),
    });
  }
}
