import {
  ENOPROTOOPT,
  AF_INET,
  AF_INET6,
  IPV6_MULTICAST_IF,
  IPV6_V6ONLY,
  SO_BINDTODEVICE,
  SO_MARK,
  AF_UNSPEC,
  CAP_NET_BIND_SERVICE,
  EACCES,
  EADDRINUSE,
  EADDRNOTAVAIL,
  EAGAIN,
  EINVAL,
  ENETUNREACH,
  ENODEV,
  EOPNOTSUPP,
  ENOTCONN,
  IPPROTO_IP,
  IPPROTO_IPV6,
  isErrno,
  SockaddrIn,
  TCP_CLOSE,
  SOCK_DGRAM,
  SOCK_STREAM,
} from "@stratos/abi";
import type { HostAddress, HostSocketEvents, SocketProvider } from "@stratos/host";
import {
  ANY_V4,
  ANY_V6,
  type InetEndpoint,
  type IpAddress,
  isMulticast,
  isSameIp,
  isLinkLocal,
  isLoopback,
  isV4,
  isWildcard,
  keepEndpoint,
  type PacketOrigin,
  ScratchEndpoint,
} from "@stratos/netstack";
import { isCapable } from "../../security/credentials.ts";
import type { IncomingMessage } from "../message.ts";
import { Socket } from "../socket.ts";
import { admittedBytes } from "../socket-filter.ts";
import { optionInt } from "../socket-options.ts";
import { familyOf, inetAddressBytes, anyAddress, readInetAddress, scopeOf, writeInetAddress } from "./inet-address.ts";
import { getIpOption, IpOptions, setIpOption } from "./ip-options.ts";
import { hostAddressOf } from "./host-address.ts";
import type { PortClaim } from "./port-claim.ts";
import { type PortTable } from "./port-table.ts";
import type { NetworkCounters } from "../network-counters.ts";
import type { NetworkInterface } from "../network-interface.ts";
import type { Route } from "../routes.ts";
import type { Flow } from "../routing-rules.ts";
import type { SocketCaller, SocketNetwork } from "../socket-kernel.ts";

const FLOW = {
  ...{ source: null as IpAddress | null, mark: 0, out: 0, from: 0, uid: 0 },
  ...{ ipProtocol: 0, sourcePort: 0, port: 0, tos: 0 },
};

/** What connect(2) asks for; valid during it. */
const ENDS = { ip: ANY_V4 as IpAddress, peer: keepEndpoint(ANY_V4, 0), device: 0 };

const ORIGIN = { mark: 0, uid: 0, gid: 0 };

/** The address of a bind; valid during one call. */
const WANTED = new ScratchEndpoint();

/** A group of one link, or of one interface (RFC 4291 §2.7). */
function isOfLink(ip: IpAddress): boolean {
  const scope = (ip[0]! >>> 16) & 15;
  return isMulticast(ip) && (scope === 1 || scope === 2);
}

/** Ports that the host had given away already, before bind(2) or listen(2) says EADDRINUSE. */
const PORTS_TRIED_MOST = 64;

/** The network of such a socket (network.ts). */
export interface InetNetwork extends SocketNetwork {
  readonly counters: NetworkCounters;
  readonly inetSockets: Set<InetSocket>;
  /** Those that are members of multicast groups. */
  readonly groupMembers: Set<InetSocket>;
  /** Carries what goes outside; null: nothing does. */
  readonly provider: SocketProvider | null;
  /** The way out; undefined without a provider. */
  readonly outside: NetworkInterface | undefined;
  interfaceOf(ip: IpAddress): NetworkInterface;
  /** The way to a destination outside; −ENETUNREACH, −EACCES, −EINVAL. */
  routeOutside(to: IpAddress, flow: Flow): Route | number;
  /** The address that packets by such a route come from; −ENETUNREACH. */
  sourceBy(route: Route, to: IpAddress): IpAddress | number;
  /** A destination beyond a machine that has no network. @returns −ENETUNREACH */
  unreachable(): number;
}

interface SocketClaim extends PortClaim {
  readonly socket: InetSocket;
}

/** Arguments of `getProtocolOption`. */
export type AskedOption = Parameters<Socket["getProtocolOption"]>;

/** What TCP and UDP sockets share: a local address with its port, a peer, and the options of IP (ip(7), ipv6(7)). */
export abstract class InetSocket extends Socket implements HostSocketEvents {
  declare readonly network: InetNetwork;
  readonly ip = new IpOptions();
  /** What bind, connect or the first send chose; null: no port yet. Of one that is over it may tell what was. */
  local: InetEndpoint | null = null;
  peer: InetEndpoint | null = null;
  /** Which source address was chosen by bind, not by connect: it stays when a connection is undone. */
  protected isAddressBound = false;
  /** The one that bind named; null for the wildcard of the family, which the mapped one of IPv4 is not. */
  boundIp: IpAddress | null = null;
  protected claim: PortClaim | null = null;
  /** The machine chose the port (bind(2) to port 0, connect(2), listen(2)), and so many in vain before. */
  protected isPortOurs = false;
  protected portsTried = 0;

  /** bind(2) named the port that it has (SOCK_BINDPORT_LOCK). */
  get isPortNamed(): boolean {
    return this.claim !== null && !this.isPortOurs;
  }

  constructor(
    network: InetNetwork,
    family: number,
    type: number,
    protocol: number,
    flags: number,
    creator: { fsuid: number; fsgid: number },
  ) {
    super(network, family, type, protocol, flags, creator);
    network.inetSockets.add(this);
    if (family === AF_INET6 && network.settings.isV6Only) this.ip.v6.set(IPV6_V6ONLY, 1);
  }

  /** TCP_* state number for /proc/net. */
  abstract get stateNumber(): number;
  /** The ports of this protocol. */
  protected abstract get ports(): PortTable<SocketClaim>;

  /**
   * Who sends here, as rules of routes ask for it. Valid until the next one is asked for.
   * @param port  0: the protocol has none
   */
  flowTo(to: IpAddress, port: number): Flow {
    const ip = this.local?.ip ?? null;
    FLOW.source = ip === null || isWildcard(ip) ? null : ip;
    FLOW.mark = this.mark;
    FLOW.out = this.options.boundIndex;
    FLOW.uid = this.inode!.uid;
    FLOW.ipProtocol = this.protocol;
    FLOW.sourcePort = this.local?.port ?? 0;
    FLOW.port = port;
    FLOW.tos = this.ip.trafficClassTo(to, null);
    return FLOW;
  }

  /** What routes and rules know its packets by. */
  get mark(): number {
    return this.options.stored.get(SO_MARK) ?? 0;
  }

  /** The same, and whose it is. Valid until asked anew. */
  get origin(): PacketOrigin {
    ORIGIN.mark = this.mark;
    ORIGIN.uid = this.inode!.uid;
    ORIGIN.gid = this.inode!.gid;
    return ORIGIN;
  }

  changed(): void {
    this.readiness.wakeAll();
  }

  /** Does its filter keep a segment from it (net/ipv4/tcp_ipv4.c, tcp_filter)? What it would cut off stays. */
  drops(bytes: Uint8Array, at: number, length: number): boolean {
    if (this.options.filter === null) return false;
    return admittedBytes(this, bytes.subarray(at, at + length)) < 0;
  }

  override optionChanged(name: number): void {
    if (this.claim === null) return;
    if (name === SO_BINDTODEVICE) this.claim.device = this.options.boundIndex;
    this.claim.reuseAddress = this.options.reuseAddress;
    this.claim.reusePort = this.options.reusePort;
  }

  /** A connection that accept(2) gave. */
  get isAccepted(): boolean {
    return false;
  }

  /** What `local` tells may be of a time that is over. */
  get hasPort(): boolean {
    return this.claim !== null || this.stateNumber !== TCP_CLOSE;
  }

  /** A port, or what is one to others: `inet_num` of Linux is not 0. */
  get hasNumber(): boolean {
    return this.hasPort;
  }

  /**
   * Somebody ends what it does (SOCK_DESTROY), which it is told as this (positive) error.
   * @returns 0, −EOPNOTSUPP nothing ends such a socket
   */
  destroy(_error: number): number {
    return -EOPNOTSUPP;
  }

  /** Is it in the lists of /proc/net and of NETLINK_SOCK_DIAG? */
  get isListed(): boolean {
    return this.hasPort;
  }

  get isV6(): boolean {
    return this.family === AF_INET6;
  }

  /** Takes IPv4 too: an AF_INET6 socket without IPV6_V6ONLY. */
  get isDualStack(): boolean {
    return this.isV6 && !this.ip.v6Only;
  }

  /**
   * bind(2) up to the claim on the port.
   *
   * @returns EINVAL (bound already, bad length), EAFNOSUPPORT, EADDRNOTAVAIL (not an address of this machine), EACCES
   *   (port below ip_unprivileged_port_start), EADDRINUSE
   */
  protected bindAddress(task: SocketCaller, address: Uint8Array): number {
    // ip(7): AF_UNSPEC with INADDR_ANY passes for AF_INET, for old programs.
    if (
      this.family === AF_INET &&
      familyOf(address) === AF_UNSPEC &&
      address.length >= SockaddrIn.size &&
      optionInt(address, SockaddrIn.offset.sin_addr) === 0
    ) {
      address = address.slice();
      address[SockaddrIn.offset.sin_family] = AF_INET;
    }
    const endpoint = WANTED;
    const malformed = readInetAddress(address, this.family, endpoint);
    if (malformed < 0) return malformed;
    const { ip, port } = endpoint;
    // In the order of each family (net/ipv4/af_inet.c, __inet_bind; net/ipv6/af_inet6.c, __inet6_bind).
    if (!this.isV6 && !this.#isBindable(ip)) return -EADDRNOTAVAIL;
    if (this.isV6 && isMulticast(ip) && !isV4(ip) && this.isStream) return -EINVAL;
    if (
      port > 0 &&
      port < this.network.settings.firstOpenPort &&
      !isCapable(task.credentials, CAP_NET_BIND_SERVICE, this.network.owner)
    )
      return -EACCES;
    if (this.hasPort) return -EINVAL;
    if (isV4(ip) && this.isV6 && this.ip.v6Only) return -EINVAL;
    const noLink = this.chooseLink(ip, address);
    if (noLink < 0) return noLink;
    if (this.isV6 && !isV4(ip) && !isWildcard(ip) && this.lostLinkTo(ip) < 0) return -ENODEV;
    if (this.isV6 && !this.#isBindable(ip)) return -EADDRNOTAVAIL;
    const isOfV6 = this.isV6 && !isV4(ip) && !isWildcard(ip);
    const failed = this.claimPort(task, ip, port);
    if (failed < 0) return failed;
    // Whoever has an address of IPv6 has none of IPv4 (net/ipv6/af_inet6.c, __inet6_bind).
    if (isOfV6) this.ip.v6.set(IPV6_V6ONLY, 1);
    this.isAddressBound = true;
    this.boundIp = isWildcard(ip) && isV4(ip) !== this.isV6 ? null : this.claim!.ip;
    return 0;
  }

  /**
   * Each link has addresses of its own (RFC 4007 §6): of such the `sockaddr_in6` says which one is meant, where the
   * socket stays (net/ipv6/datagram.c, __ip6_datagram_connect). 0, −EINVAL: none is named, or another than it has.
   */
  protected chooseLink(ip: IpAddress, address: Uint8Array): number {
    if (isV4(ip) || !(isLinkLocal(ip) || (!this.isStream && isOfLink(ip)))) return 0;
    const { options } = this;
    const scope = scopeOf(address);
    if (scope !== 0 && options.boundIndex !== 0 && scope !== options.boundIndex) return -EINVAL;
    const index = scope || options.boundIndex || (isMulticast(ip) ? (this.ip.v6.get(IPV6_MULTICAST_IF) ?? 0) : 0);
    if (index === options.boundIndex) return index === 0 ? -EINVAL : 0;
    options.boundIndex = index;
    this.optionChanged(SO_BINDTODEVICE);
    return 0;
  }

  /** −ENODEV, −ENETUNREACH: it leaves by an interface that is not there, so that nothing leads to `to`; else 0. */
  lostLinkTo(to: IpAddress, index: number = this.options.boundIndex): number {
    if (index === 0 || this.network.interfaceByIndex(index) !== undefined) return 0;
    return isV4(to) ? -ENODEV : -ENETUNREACH;
  }

  override bindsForeign(ip: IpAddress): boolean {
    const { bindsForeignV4, bindsForeignV6 } = this.network.settings;
    return this.ip.freeBind || (isV4(ip) ? bindsForeignV4 : bindsForeignV6);
  }

  #isBindable(ip: IpAddress): boolean {
    if (isWildcard(ip) || this.network.hasAddress(ip) || this.bindsForeign(ip)) return true;
    // net/ipv4/af_inet.c, inet_addr_valid_or_nonlocal; net/ipv6/af_inet6.c, __inet6_bind
    return (isMulticast(ip) && (isV4(ip) || this.allowsGroups)) || this.network.isBroadcast(ip);
  }

  /** May the machine give it a port that others have? */
  protected get sharesPorts(): boolean {
    return true;
  }

  /** May it be bound to multicast addresses of IPv6? */
  protected get allowsGroups(): boolean {
    return false;
  }

  /**
   * The host has given the port that we chose to another: takes a further one. −EADDRINUSE: the program chose it, or
   * enough were tried.
   */
  protected claimAgain(task: SocketCaller): number {
    if (!this.isPortOurs || this.portsTried === PORTS_TRIED_MOST) return -EADDRINUSE;
    const { local, isAddressBound } = this;
    this.portsTried++;
    this.releasePort();
    const failed = this.claimPort(task, local!.ip, 0);
    if (failed === 0) this.isAddressBound = isAddressBound;
    return failed;
  }

  /** @param peer  connect(2) chooses the port, and goes there */
  protected makeClaim(ip: IpAddress, port: number, peer: InetEndpoint | null): SocketClaim {
    return {
      ip,
      port,
      isDualStack: this.isDualStack,
      reuseAddress: this.options.reuseAddress,
      reusePort: this.options.reusePort,
      uid: this.inode!.uid,
      isListening: false,
      device: this.options.boundIndex,
      isConnectBound: peer !== null,
      peer,
      socket: this,
    };
  }

  /** Takes the port (any free one for 0) and sets `local`. */
  protected claimPort(task: SocketCaller, ip: IpAddress, port: number): number {
    const own = ip.slice();
    this.isPortOurs = port === 0;
    const make = (port: number): SocketClaim => this.makeClaim(own, port, null);
    if (port === 0) {
      const range = this.ip.narrowPorts(this.network.settings.localPorts);
      const { ports } = this;
      const now = this.kernel.now();
      let claim = ports.claimEphemeral(range, now, make);
      // Those of UDP and its kind may be shared whoever chose them (net/ipv4/udp.c, udp_lib_get_port).
      const mayShare = this.type === SOCK_DGRAM && (this.options.reuseAddress || this.options.reusePort);
      if (isErrno(claim) && mayShare && this.sharesPorts) claim = ports.claimShared(range, now, make);
      else if (isErrno(claim) && this.type === SOCK_STREAM) claim = ports.claimBeside(range, now, make);
      if (isErrno(claim)) return -EADDRINUSE;
      this.claim = claim;
    } else {
      const claim = make(port);
      const failed = this.ports.claim(claim, this.kernel.now());
      if (failed < 0) return failed;
      this.claim = claim;
    }
    this.local = { ip: own, port: this.claim.port };
    return 0;
  }

  /** Gives a socket without a port one, as sendto and listen do. */
  protected claimAnyPort(task: SocketCaller): number {
    if (this.hasPort) return 0;
    return this.claimPort(task, this.boundIp ?? anyAddress(this.family), 0);
  }

  /** The same for connect(2) of datagrams: −EAGAIN when none is left (net/ipv4/af_inet.c, inet_autobind). */
  protected claimPortToConnect(task: SocketCaller): number {
    const failed = this.claimAnyPort(task);
    return failed === -EADDRINUSE ? -EAGAIN : failed;
  }

  /**
   * Both ends of a stream, with a port if it has none; −EADDRNOTAVAIL: there is a connection between them, or no port.
   */
  protected takeEnds(source: IpAddress, to: InetEndpoint): number {
    const { ports, network, claim } = this;
    const now = this.kernel.now();
    const bound = claim !== null ? this.local!.ip : (this.boundIp ?? anyAddress(this.family));
    ENDS.ip = isWildcard(bound) && !isWildcard(source) ? source : bound;
    ENDS.peer = to;
    ENDS.device = this.options.boundIndex;
    if (claim !== null) {
      const failed = ports.takePair(claim as SocketClaim, ENDS, network.settings, now);
      if (failed < 0) return failed;
      this.local = { ip: ENDS.ip, port: claim.port };
      claim.ip = ENDS.ip;
      claim.peer = to;
    } else {
      const port = ports.portToConnect(this.ip.narrowPorts(network.settings.localPorts), ENDS, network.settings, now);
      if (port < 0) return port;
      this.isPortOurs = true;
      this.local = { ip: ENDS.ip, port };
      const made = this.makeClaim(ENDS.ip, port, to);
      ports.put(made);
      this.claim = made;
    }
    this.peer = to;
    return 0;
  }

  /** @returns what it was given */
  protected letEndsGo(result: number): number {
    this.peer = null;
    this.letPortGo();
    this.letAddressGo();
    return result;
  }

  protected releasePort(): void {
    if (this.claim !== null) this.ports.release(this.claim as SocketClaim);
    this.claim = null;
    this.local = null;
    this.isAddressBound = false;
    this.boundIp = null;
  }

  /** A port that the program didn't choose is free again, though `local` tells it as before (inet_put_port). */
  protected letPortGo(): void {
    if (this.claim === null) return;
    this.claim.peer = null;
    if (this.isAddressBound && !this.isPortOurs) return;
    this.ports.release(this.claim as SocketClaim);
    this.claim = null;
  }

  /** A local address that bind didn't name is none again (inet_reset_saddr). */
  protected letAddressGo(): void {
    if (this.local !== null) this.local = keepEndpoint(this.boundIp ?? anyAddress(this.family), this.local.port);
    if (this.claim === null) return;
    this.claim.ip = this.local!.ip;
    this.claim.peer = null;
  }

  override localName(): Uint8Array {
    const local = this.local ?? { ip: anyAddress(this.family), port: 0 };
    return inetAddressBytes(local, this.family, 2);
  }

  /** One without a port is none (getpeername(2)). */
  override peerName(): Uint8Array | number {
    return this.acceptedFrom;
  }

  override get acceptedFrom(): Uint8Array | number {
    return this.peer === null || this.peer.port === 0 ? -ENOTCONN : inetAddressBytes(this.peer, this.family, 2);
  }

  /** Tells a receiver who sent. @param index  the interface that it came by */
  protected tellSender(message: IncomingMessage, ip: IpAddress, port: number, index: number): void {
    message.addressLength = writeInetAddress(message.address, ip, port, this.family, index);
  }

  /** A source address was chosen for a socket without one. */
  protected takeSource(source: IpAddress): void {
    const { ip, port } = this.local!;
    if (isWildcard(ip) && !isSameIp(ip, source)) this.local = keepEndpoint(source, port);
  }

  /** May somebody outside send to the local address? To the loopback's, and to those of links inside, nobody does. */
  protected get isHeardOutside(): boolean {
    const { ip } = this.local!;
    return !isLoopback(ip) && !this.network.interfaceOf(ip).carriesIp;
  }

  /**
   * The local wildcard or address as the provider takes it; a dual-stack wildcard is IPv6 on the host too, where the
   * way out has IPv6.
   */
  get hostLocal(): HostAddress {
    const local = this.local!;
    if (!isWildcard(local.ip) || !this.isV6) return hostAddressOf(local.ip, local.port);
    const isNarrow = this.isDualStack && this.network.outside?.hasIpv6 === false;
    return hostAddressOf(isNarrow ? ANY_V4 : ANY_V6, local.port);
  }

  override setProtocolOption(task: SocketCaller, level: number, name: number, value: Uint8Array): number {
    if (level === IPPROTO_IP || (level === IPPROTO_IPV6 && this.isV6)) {
      const result = setIpOption(task, this, level, name, value);
      if (result === 0) this.ipOptionChanged(level, name);
      if (this.ip.groups.length > 0) this.network.groupMembers.add(this);
      else this.network.groupMembers.delete(this);
      return result;
    }
    return super.setProtocolOption(task, level, name, value);
  }

  override getProtocolOption(
    task: SocketCaller,
    level: number,
    name: number,
    room: number,
    address = 0,
  ): Uint8Array | number {
    if (level === IPPROTO_IP || (level === IPPROTO_IPV6 && this.isV6))
      return getIpOption(task, this, { level, name }, { address, room });
    // The two differ there (do_ip_getsockopt, ipv6_getsockopt).
    return this.isV6 ? -ENOPROTOOPT : super.getProtocolOption(task, level, name, room, address);
  }

  protected ipOptionChanged(level: number, name: number): void {}

  protected override dispose(): void {
    this.network.inetSockets.delete(this);
    if (this.network.groupMembers.delete(this)) this.network.ip.groupsChanged();
    this.releasePort();
  }
}
