import { concatBytes, stateClass } from "@stratos/base";
import {
  AF_INET,
  AF_INET6,
  EAFNOSUPPORT,
  AF_UNSPEC,
  EACCES,
  EADDRNOTAVAIL,
  EAGAIN,
  EDESTADDRREQ,
  EINVAL,
  EMSGSIZE,
  ENETUNREACH,
  ENOPROTOOPT,
  EOPNOTSUPP,
  EPIPE,
  ETH_P_IP,
  ETH_P_IPV6,
  IPPROTO_IP,
  IP_HDRINCL,
  MSG_ERRQUEUE,
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
  TCP_CLOSE,
  TCP_ESTABLISHED,
  isErrno,
  ICMPV6_FILTER,
  ICMP_FILTER,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_IPV6,
  IPPROTO_RAW,
  IPV6_CHECKSUM,
  SOL_RAW,
  CAP_NET_ADMIN,
  EFAULT,
  EPERM,
  SO_IP_SET,
} from "@stratos/abi";
import { isCapable } from "../../security/credentials.ts";
import type { FilteredNetwork } from "../filtered-network.ts";
import {
  type IcmpError,
  type IpAddress,
  type IpOutput,
  isMulticast,
  isSameIp,
  isV4,
  isWildcard,
  keepEndpoint,
  NO_OPTIONS,
  readV4,
  readV6,
  ScratchEndpoint,
} from "@stratos/netstack";
import { putWhole, type IoCursor } from "../../ground/io-cursor.ts";
import type { IncomingMessage, OutgoingMessage } from "../message.ts";
import { hasReceiveRoom, intOption, optionInt } from "../socket-options.ts";
import { admittedBytes } from "../socket-filter.ts";
import { addTimestamps } from "../message-timestamp.ts";
import {
  echoIdentifier,
  ICMP_HEADER_SIZE,
  type IpPacket,
  ipv4Header,
  isEchoReply,
  isEchoRequest,
  hasRightChecksum,
  ICMP_CHECKSUM,
  setChecksum,
  setIcmpChecksum,
} from "./icmp-message.ts";
import { isGroupOpen, sourceToGroup, wayOut } from "./group-route.ts";
import { anyAddress, inetAddressBytes, familyOf, readInetAddress, resolveWildcard, scopeOf } from "./inet-address.ts";
import { forbidsParts, hearsErrors } from "./sending-options.ts";
import { ErrorQueue } from "./error-queue.ts";
import type { InterfaceIp } from "../interface-network.ts";
import { DatagramSocket } from "./datagram-socket.ts";
import type { InetNetwork, InetSocket } from "./inet-socket.ts";
import type { PortClaim } from "./port-claim.ts";
import type { PortTable } from "./port-table.ts";
import type { SocketCaller } from "../socket-kernel.ts";

export interface PingClaim extends PortClaim {
  readonly socket: InetSocket;
}

const PACKET_OVERHEAD = 256;
const IPV6_HEADER_SIZE = 40;
const LENGTH_MAX = 65515;

/** Where a call sends to; valid during it. */
const TO = new ScratchEndpoint();

interface HeardPacket extends IpPacket {
  /** Bytes that a filter has left of it; undefined: all. */
  readonly admitted?: number;
}

/** What iptables asks of sets has 44 bytes at most. */
const SET_QUESTION_MOST = 64;

/** The network of such a socket (network.ts). */
export interface RawNetwork extends InetNetwork, FilteredNetwork {
  readonly rawSockets: Set<RawSocket>;
  readonly pingIdentifiers: PortTable<PingClaim>;
  /** Sends IP over links. */
  readonly ip: InterfaceIp & { readonly output: IpOutput };
}

/**
 * Sockets that see packets instead of streams or ports: raw sockets (raw(7)), and ICMP sockets (icmp(7), "ping
 * sockets"), which send echo requests under an identifier of their own and get the replies to it. Packets go to
 * addresses of this machine, over links, and by the provider's uplink to the outside.
 */
export class RawSocket extends DatagramSocket {
  declare readonly network: RawNetwork;
  #queue: HeardPacket[] = [];
  #queuedCost = 0;
  /** Types that are not wanted: of ICMP (raw(7), ICMP_FILTER) 32, of ICMPv6 (RFC 3542 §3.2) 256 bits. */
  #filter = new Uint8Array(32);
  /** IPV6_CHECKSUM: where packets have their checksum; −1: they have none that is known. */
  #checksumAt = -1;
  #includesHeader: boolean;
  /** The link that connect(2) named with an address of IPv6; 0: none. */
  #peerScope = 0;
  /** Errors about what an ICMP socket sent; null: there was none. */
  #errors: ErrorQueue | null = null;

  constructor(
    network: RawNetwork,
    family: number,
    type: number,
    protocol: number,
    flags: number,
    creator: { fsuid: number; fsgid: number },
  ) {
    super(network, family, type, protocol, flags, creator);
    this.#includesHeader = protocol === IPPROTO_RAW;
    if (protocol === IPPROTO_ICMPV6) this.#checksumAt = ICMP_CHECKSUM;
    // Ping sockets may share an identifier (net/ipv4/ping.c, ping_init_sock).
    this.options.reuseAddress = this.isPing;
    network.rawSockets.add(this);
  }

  get isPing(): boolean {
    return this.type === SOCK_DGRAM;
  }

  override get hasPort(): boolean {
    return this.isPing ? super.hasPort : this.local !== null;
  }

  override get stateNumber(): number {
    return this.peer !== null ? TCP_ESTABLISHED : TCP_CLOSE;
  }

  /** The identifiers of ping sockets; raw sockets have no ports. */
  protected override get ports(): PortTable<PingClaim> {
    return this.network.pingIdentifiers;
  }

  /** An identifier of echoes is one's own (net/ipv4/ping.c, ping_get_port). */
  protected override get sharesPorts(): boolean {
    return false;
  }

  /** Not of ping sockets (net/ipv4/ping.c, ping_check_bind_addr). */
  protected override get allowsGroups(): boolean {
    return !this.isPing;
  }

  protected override claimPort(task: SocketCaller, ip: IpAddress, port: number): number {
    if (this.isPing) return super.claimPort(task, ip, port);
    this.local = keepEndpoint(ip, 0);
    return 0;
  }

  /** Its protocol is its number from the beginning. */
  override get hasNumber(): boolean {
    return !this.isPing || this.hasPort;
  }

  override bind(task: SocketCaller, address: Uint8Array): number {
    if (this.peer !== null && !this.isPing) return -EINVAL;
    const malformed = readInetAddress(address, this.family, TO);
    if (malformed < 0) return malformed;
    if (this.isPing && isMulticast(TO.ip)) return this.isV6 ? -EINVAL : -EADDRNOTAVAIL;
    if (this.isPing && this.network.isBroadcast(TO.ip)) return -EADDRNOTAVAIL;
    if (this.isPing) return this.bindAddress(task, address);
    if (this.isV6 && !isWildcard(TO.ip) && isV4(TO.ip)) return -EADDRNOTAVAIL;
    const isOfMany = isMulticast(TO.ip) || this.network.isBroadcast(TO.ip);
    if (!isWildcard(TO.ip) && !isOfMany && !this.network.hasAddress(TO.ip)) return -EADDRNOTAVAIL;
    this.isAddressBound = true;
    return this.claimPort(task, TO.ip, 0);
  }

  /** The port of a raw socket is its protocol (net/ipv4/af_inet.c, inet_create). */
  override localName(): Uint8Array {
    if (this.isPing) return super.localName();
    return inetAddressBytes({ ip: this.local?.ip ?? anyAddress(this.family), port: this.protocol }, this.family, 2);
  }

  override connect(task: SocketCaller, address: Uint8Array, _nonblocking: boolean): number {
    if (address.length < 2) return -EINVAL;
    if (familyOf(address) === AF_UNSPEC) {
      this.peer = null;
      return 0;
    }
    if (this.isV6 && familyOf(address) !== AF_INET6) return -EAFNOSUPPORT;
    const malformed = readInetAddress(address, this.family, TO);
    if (malformed < 0) return malformed;
    const noLink = this.chooseLink(TO.ip, address);
    if (noLink < 0) return noLink;
    resolveWildcard(TO);
    const scope = this.isV6 ? scopeOf(address) : 0;
    const isMapped = this.isV6 && isV4(TO.ip);
    const own = this.local?.ip;
    if (!isMapped && this.isV6 && own !== undefined && isV4(own)) return -EAFNOSUPPORT;
    // Nothing can be sent there, but connecting is no error (net/ipv6/datagram.c, __ip6_datagram_connect).
    const source = isMapped ? this.#sourceOf(TO.ip, 0) : this.#source(TO.ip, scope);
    if (isErrno(source)) return source;
    const failed = this.claimPortToConnect(task);
    if (failed < 0) return failed;
    this.takeSource(source);
    this.peer = keepEndpoint(TO.ip, TO.port);
    this.#peerScope = scope;
    return 0;
  }

  /**
   * The address that packets to a destination come from: −EACCES (broadcast), −ENETUNREACH for what isn't of this
   * machine.
   */
  #source(ip: IpAddress, scope: number): IpAddress | number {
    const { network } = this;
    if (network.isBroadcast(ip) && !this.options.broadcast) return -EACCES;
    if (isV4(ip) === this.isV6) return -ENETUNREACH;
    const way = isMulticast(ip) ? wayOut(this, ip, scope) : null;
    if (way === null || way.kind === "provider") return this.#sourceOf(ip, scope);
    return way.isUp ? sourceToGroup(this, ip, way) : -ENETUNREACH;
  }

  #sourceOf(ip: IpAddress, scope: number): IpAddress | number {
    const { network } = this;
    if (network.isLocal(ip)) return network.sourceToOwn(ip);
    const flow = this.flowTo(ip, 0);
    const route = network.routeOutside(ip, scope === 0 ? flow : { ...flow, out: scope });
    if (isErrno(route)) return route;
    return network.sourceBy(route, ip);
  }

  override send(task: SocketCaller, from: IoCursor, message: OutgoingMessage, flags: number): number {
    if ((flags & MSG_OOB) !== 0) return -EOPNOTSUPP;
    const length = from.remaining;
    if (length > LENGTH_MAX) return -EMSGSIZE;
    if (message.address !== null) {
      const malformed = readInetAddress(message.address, this.family, TO);
      if (malformed < 0) return malformed;
      if (this.#namesAnother(TO.port)) return -EINVAL;
      resolveWildcard(TO);
    } else if (this.peer === null) return -EDESTADDRREQ;
    else TO.set(this.peer.ip, 0);
    // Rules may ask for type and code (net/ipv4/raw.c, raw_probe_proto_opt).
    const isProbed = !this.isPing && !this.#includesHeader && this.protocol === IPPROTO_ICMP;
    if (isProbed && !this.isV6 && length < 2) return -EFAULT;
    // What gets its header here is put together without asking (net/ipv4/ip_output.c, __ip_append_data).
    if (this.isWriteShut && (this.isPing || this.#includesHeader)) return -EPIPE;
    const error = this.takeError();
    if (error !== 0) return -error;
    const scope = this.#scopeOf(message);
    const bytes = new Uint8Array(length);
    const taken = length === 0 ? 0 : from.take(bytes, 0, length);
    if (taken < length) return taken < 0 ? taken : -EFAULT;
    const packet = this.#packet(task, bytes, TO.ip.slice(), message, scope);
    if (isErrno(packet)) return packet;
    if (isMulticast(packet.to)) return this.#sendToMembers(packet, scope) || length;
    return this.#sendOnLink(packet, scope || this.options.boundIndex) || length;
  }

  /** The port of a destination of IPv6 is the protocol, if it is there (net/ipv6/raw.c, rawv6_sendmsg). */
  #namesAnother(port: number): boolean {
    if (!this.isV6 || this.isPing || port === 0 || port === this.protocol) return false;
    return this.protocol !== IPPROTO_RAW || port > 0xff;
  }

  /** The interface that the message names, by IP_PKTINFO or the scope of its address, or connect(2), or an option. */
  #scopeOf({ address, ancillary }: OutgoingMessage): number {
    const chosen = ancillary?.sender?.interfaceIndex ?? 0;
    if (chosen !== 0) return chosen;
    const scope = !this.isV6 ? 0 : address === null ? this.#peerScope : scopeOf(address);
    const isSettled = scope !== 0 || this.options.boundIndex !== 0 || isMulticast(TO.ip);
    return isSettled ? scope : this.ip.unicastIndex(TO.ip);
  }

  #sendOnLink(packet: IpPacket, device: number): number {
    const { ip } = this.network;
    const { protocol, from, to, bytes, hopLimit: hops, trafficClass, options } = packet;
    const dontFragment = forbidsParts(this.ip, to);
    const how = { hops, trafficClass, device, dontFragment, options, ...this.origin };
    const sent = ip.output.send(protocol, from, to, bytes, 0, bytes.length, how);
    ip.settle();
    return sent;
  }

  /**
   * May a message of ICMP that an error came for be of this socket? A ping socket knows its identifier, a raw one its
   * addresses (net/ipv4/raw.c, raw_v4_match).
   */
  hasSent(message: Uint8Array, from: IpAddress, to: IpAddress): boolean {
    const { local, peer } = this;
    if (this.protocol !== (this.isV6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP) || isV4(to) === this.isV6) return false;
    if (this.isPing) return local?.port === echoIdentifier(message);
    if (local !== null && !isWildcard(local.ip) && !isSameIp(local.ip, from)) return false;
    return peer === null || isSameIp(peer.ip, to);
  }

  /** An error about what was sent came in (net/ipv4/ping.c, ping_err; raw.c, raw_err). */
  networkError(error: IcmpError, offender: IpAddress, to: IpAddress, bytes: Uint8Array): void {
    if (hearsErrors(this.ip, to)) {
      this.#errors ??= new ErrorQueue(this.network.udpMemory);
      this.#errors.add(error, offender, { ip: to, port: 0 }, bytes, this.options.receiveBuffer);
    } else if (this.peer === null || !error.isHard) return;
    this.pendingError = error.errno;
    this.readiness.wakeAll();
  }

  /** Each member in this machine has it (net/ipv4/raw.c, raw_v4_input). Work: one step a packet socket and a member. */
  #sendToMembers(packet: IpPacket, scope: number): number {
    const { ip, isV6 } = this;
    const way = wayOut(this, packet.to, scope);
    if (way === null) return 0;
    if (way.isLoopback || ip.loopsGroups(isV6)) this.#loopToMembers(packet, way.index);
    return way.carriesIp ? this.#sendOnLink(packet, way.index) : 0;
  }

  #loopToMembers(packet: IpPacket, index: number): void {
    const { network } = this;
    if (!isGroupOpen(network, packet.to, { device: index, from: packet.from })) return;
    for (const socket of network.rawSockets)
      if (socket.hears(packet) && socket.ip.hearsGroup(packet.to, index, packet.from, socket.isV6))
        socket.enqueue(packet);
  }

  #packet(
    task: SocketCaller,
    bytes: Uint8Array,
    to: IpAddress,
    message: OutgoingMessage,
    scope: number,
  ): IpPacket | number {
    const source = this.#source(to, scope);
    if (isErrno(source)) return source;
    const failed = this.claimAnyPort(task);
    if (failed < 0) return failed;
    const { ip: bound } = this.local!;
    const chosen = message.ancillary?.sender?.ip ?? null;
    if (chosen !== null && !this.network.hasAddress(chosen)) return -EINVAL;
    const from = chosen ?? (isWildcard(bound) || isMulticast(bound) ? source : bound);
    const isV4Packet = !this.isV6;
    if (this.#includesHeader) return isV4Packet ? packetWithHeader(bytes, from) : packetWithHeaderV6(bytes);
    const packet = {
      isV4: isV4Packet,
      protocol: this.protocol,
      bytes,
      from,
      to,
      hopLimit: this.ip.hopLimitTo(to, message.ancillary),
      trafficClass: this.ip.trafficClassTo(to, message.ancillary),
      device: 0,
      options: isV4Packet ? this.ip.optionsOf(message.ancillary) : NO_OPTIONS,
    };
    if (this.isPing) {
      if (bytes.length < ICMP_HEADER_SIZE || !isEchoRequest(packet)) return -EINVAL;
      bytes[4] = this.local!.port >> 8;
      bytes[5] = this.local!.port & 255;
      setIcmpChecksum(packet);
    } else if (this.#checksumAt >= 0) {
      if (this.#checksumAt >= bytes.length - 1) return -EINVAL;
      setChecksum(packet, this.#checksumAt);
    }
    return packet;
  }

  /**
   * Is the packet for this socket? A ping socket hears the replies to its identifier; a raw one all of its protocol
   * that its filter lets through.
   */
  hears(packet: IpPacket): boolean {
    if (packet.isV4 === this.isV6 || packet.protocol !== this.protocol) return false;
    const { local, peer } = this;
    const { boundIndex } = this.options;
    if (boundIndex !== 0 && boundIndex !== this.#deviceOf(packet)) return false;
    if (local !== null && !isWildcard(local.ip) && !isSameIp(local.ip, packet.to)) return false;
    if (peer !== null && !isSameIp(peer.ip, packet.from)) return false;
    if (this.#checksumAt >= 0 && !hasRightChecksum(packet)) return false;
    if (this.isPing) return isEchoReply(packet) && local !== null && local.port === echoIdentifier(packet.bytes);
    const type = packet.bytes[0] ?? 0;
    if (this.protocol === IPPROTO_ICMP) return type >= 32 || (this.#filter[type >> 3]! & (1 << (type & 7))) === 0;
    return this.protocol !== IPPROTO_ICMPV6 || (this.#filter[type >> 3]! & (1 << (type & 7))) === 0;
  }

  /** The interface that a packet came in by. */
  #deviceOf({ device, to }: IpPacket): number {
    return device || this.network.interfaceOf(to).index;
  }

  /** As a reader has it: of IPv4, with its header. */
  #whole(packet: IpPacket): Uint8Array {
    return packet.isV4 && !this.isPing ? concatBytes([ipv4Header(packet), packet.bytes]) : packet.bytes;
  }

  /** What the socket's program (SO_ATTACH_FILTER) leaves of it into the queue; without room it is lost. */
  enqueue(heard: IpPacket): void {
    let packet: HeardPacket = heard;
    if (this.options.filter !== null) {
      const about = { protocol: heard.isV4 ? ETH_P_IP : ETH_P_IPV6, interfaceIndex: this.#deviceOf(heard) };
      const admitted = admittedBytes(this, this.#whole(heard), about);
      if (admitted < 0) return;
      packet = { ...heard, admitted };
    }
    const cost = packet.bytes.length + PACKET_OVERHEAD;
    if (!hasReceiveRoom(this.#queuedCost, cost, this.options.receiveBuffer)) return;
    const { udpMemory } = this.network;
    if (udpMemory.isFull) return;
    this.#queue.push(packet);
    this.#queuedCost += cost;
    udpMemory.bytes += cost;
    this.readiness.wakeAll(POLLIN | POLLRDNORM);
  }

  override receive(_task: SocketCaller, to: IoCursor, message: IncomingMessage, flags: number): number {
    if ((flags & MSG_ERRQUEUE) !== 0) return this.#receiveError(to, message);
    if ((flags & MSG_OOB) !== 0) return -EOPNOTSUPP;
    const error = this.takeError();
    if (error !== 0) return -error;
    const packet = this.#queue[0];
    if (packet === undefined) return this.foundNothing(flags);
    const bytes = this.#whole(packet).subarray(0, packet.admitted);
    const count = Math.min(bytes.length, to.remaining);
    const moved = putWhole(to, bytes, 0, count);
    if ((flags & MSG_PEEK) === 0) {
      this.#queue.shift();
      this.#queuedCost -= packet.bytes.length + PACKET_OVERHEAD;
      this.network.udpMemory.bytes -= packet.bytes.length + PACKET_OVERHEAD;
    }
    if (moved < 0) return moved;
    this.tellSender(message, packet.from, 0, this.#deviceOf(packet));
    const interfaceIndex = this.#deviceOf(packet);
    const about = { ...packet, interfaceIndex, extensions: packet.options, isPing: this.isPing };
    const controls = this.ip.controlsFor(about, this.isV6, -1);
    if (controls !== null) for (const each of controls) message.addControl(each.level, each.type, each.data);
    addTimestamps(this.kernel, this.options, message);
    if (moved < bytes.length) message.flags |= MSG_TRUNC;
    return (flags & MSG_TRUNC) !== 0 && !this.isPing ? bytes.length : moved;
  }

  #receiveError(to: IoCursor, message: IncomingMessage): number {
    const told = this.#errors?.receive(to, message, this.family) ?? -EAGAIN;
    if (told === -EAGAIN) return told;
    this.pendingError = this.#errors?.first?.errno ?? 0;
    return told;
  }

  override available(): number {
    return this.#queue[0]?.bytes.length ?? 0;
  }

  override poll(): number {
    let ready = POLLOUT | POLLWRNORM | POLLWRBAND;
    if (this.pendingError !== 0 || this.#errors?.first !== undefined) ready |= POLLERR;
    if (this.isReadShut) ready |= POLLIN | POLLRDNORM | POLLRDHUP;
    if (this.isReadShut && this.isWriteShut) ready |= POLLHUP;
    if (this.#queue.length > 0) ready |= POLLIN | POLLRDNORM;
    return ready;
  }

  override setProtocolOption(task: SocketCaller, level: number, name: number, value: Uint8Array): number {
    if (
      !this.isPing &&
      level === SOL_RAW &&
      name === ICMP_FILTER &&
      this.protocol === IPPROTO_ICMP &&
      this.family === AF_INET
    ) {
      this.#filter.fill(0);
      this.#filter.set(value.subarray(0, 4));
      return 0;
    }
    if (!this.isPing && level === IPPROTO_ICMPV6 && name === ICMPV6_FILTER && this.protocol === IPPROTO_ICMPV6) {
      this.#filter.set(value.subarray(0, 32));
      return 0;
    }
    if (!this.isPing && level === IPPROTO_IP && name === IP_HDRINCL && this.family === AF_INET) {
      if (value.length < 1) return -EINVAL;
      this.#includesHeader = value[0] !== 0;
      return 0;
    }
    if (this.#isChecksumOption(level, name)) return this.#setChecksumPlace(level, value);
    // Only other sockets of IPv6 have those of IPv4 (net/ipv6/ipv6_sockglue.c, ipv6_setsockopt).
    if (this.#refusesLevel(level)) return -ENOPROTOOPT;
    return super.setProtocolOption(task, level, name, value);
  }

  #refusesLevel(level: number): boolean {
    return level === IPPROTO_IP && this.isV6 && !this.isPing;
  }

  #isChecksumOption(level: number, name: number): boolean {
    return !this.isPing && this.isV6 && name === IPV6_CHECKSUM && (level === SOL_RAW || level === IPPROTO_IPV6);
  }

  /** RFC 3542 §3.1; net/ipv6/raw.c, do_rawv6_setsockopt. */
  #setChecksumPlace(level: number, value: Uint8Array): number {
    if (value.length < 4) return -EINVAL;
    const at = optionInt(value);
    if (this.protocol === IPPROTO_ICMPV6 && level === IPPROTO_IPV6) return -EINVAL;
    if (at > 0 && (at & 1) !== 0) return -EINVAL;
    this.#checksumAt = Math.max(-1, at);
    return 0;
  }

  override getProtocolOption(
    task: SocketCaller,
    level: number,
    name: number,
    length: number,
    address = 0,
  ): Uint8Array | number {
    if (this.#refusesLevel(level)) return -ENOPROTOOPT;
    if (!this.isPing && level === SOL_RAW && name === ICMP_FILTER && this.protocol === IPPROTO_ICMP)
      return this.#filter.slice(0, 4);
    if (!this.isPing && level === IPPROTO_ICMPV6 && name === ICMPV6_FILTER && this.protocol === IPPROTO_ICMPV6)
      return this.#filter.slice();
    if (!this.isPing && level === IPPROTO_IP && name === IP_HDRINCL) return intOption(this.#includesHeader ? 1 : 0);
    if (this.#isChecksumOption(level, name)) return intOption(this.#checksumAt);
    if (level === IPPROTO_IP && name === SO_IP_SET) return this.#askSets(task, length, address);
    return super.getProtocolOption(task, level, name, length, address);
  }

  /** −EPERM, −EFAULT, −EINVAL, −EPROTO, −EBADMSG */
  #askSets(task: SocketCaller, length: number, address: number): Uint8Array | number {
    if (!isCapable(task.credentials, CAP_NET_ADMIN, this.network.owner)) return -EPERM;
    const asked = new Uint8Array(Math.min(length, SET_QUESTION_MOST));
    if (task.space.copyIn(address, asked, 0, asked.length) < 0) return -EFAULT;
    return this.network.rules().askSets(asked);
  }

  protected override dispose(): void {
    this.network.rawSockets.delete(this);
    this.#queue.length = 0;
    this.#errors?.clear();
    this.network.udpMemory.bytes -= this.#queuedCost;
    super.dispose();
  }

  static {
    stateClass("RawSocket", this, {
      save: (it) => ({
        queue: it.#queue,
        queuedCost: it.#queuedCost,
        filter: it.#filter,
        includesHeader: it.#includesHeader,
        checksumAt: it.#checksumAt,
        peerScope: it.#peerScope,
        errors: it.#errors,
      }),
      load: (it, from) =>
        ({
          queue: it.#queue,
          queuedCost: it.#queuedCost,
          filter: it.#filter,
          includesHeader: it.#includesHeader,
          checksumAt: it.#checksumAt,
          peerScope: it.#peerScope,
          errors: it.#errors,
        } = from),
    });
  }
}

/**
 * A packet that brings its own IPv4 header (raw(7), IP_HDRINCL): −EINVAL when that isn't one. The kernel fills in
 * the source.
 */
function packetWithHeader(bytes: Uint8Array, from: IpAddress): IpPacket | number {
  const headerLength = (bytes[0]! & 15) * 4;
  if (bytes.length < 20 || headerLength < 20 || headerLength > bytes.length) return -EINVAL;
  const source = readV4(bytes, 12, new Uint32Array(4));
  return {
    isV4: true,
    protocol: bytes[9]!,
    bytes: bytes.slice(headerLength),
    from: isWildcard(source) ? from : source,
    to: readV4(bytes, 16, new Uint32Array(4)),
    hopLimit: bytes[8]!,
    trafficClass: bytes[1]!,
    device: 0,
    options: NO_OPTIONS,
  };
}

/** The same of IPv6 (RFC 8200 §3; net/ipv6/raw.c, rawv6_send_hdrinc). */
function packetWithHeaderV6(bytes: Uint8Array): IpPacket | number {
  if (bytes.length < IPV6_HEADER_SIZE) return -EINVAL;
  return {
    isV4: false,
    protocol: bytes[6]!,
    // What is behind the length that the header tells, no station sees.
    bytes: bytes.slice(IPV6_HEADER_SIZE, IPV6_HEADER_SIZE + ((bytes[4]! << 8) | bytes[5]!)),
    from: readV6(bytes, 8, new Uint32Array(4)),
    to: readV6(bytes, 24, new Uint32Array(4)),
    hopLimit: bytes[7]!,
    trafficClass: ((bytes[0]! & 15) << 4) | (bytes[1]! >>> 4),
    device: 0,
    options: NO_OPTIONS,
  };
}
