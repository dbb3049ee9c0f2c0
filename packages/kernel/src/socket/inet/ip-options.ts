import {
  AF_INET,
  AF_INET6,
  EADDRNOTAVAIL,
  EFAULT,
  EINVAL,
  ENODEV,
  ENOPROTOOPT,
  CAP_NET_ADMIN,
  CAP_NET_RAW,
  IPV6_RTHDR,
  ENOTCONN,
  EPERM,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_2292HOPLIMIT,
  IPV6_2292PKTINFO,
  IPV6_2292PKTOPTIONS,
  IPV6_ADDRFORM,
  IPV6_ADD_MEMBERSHIP,
  IPV6_DROP_MEMBERSHIP,
  IPV6_FREEBIND,
  IPV6_TRANSPARENT,
  IPV6_HOPLIMIT,
  IPV6_MTU,
  IPV6_MTU_DISCOVER,
  IPV6_MULTICAST_HOPS,
  IPV6_MULTICAST_ALL,
  IPV6_MULTICAST_IF,
  IPV6_MULTICAST_LOOP,
  IPV6_PKTINFO,
  IPV6_RECVHOPLIMIT,
  IPV6_RECVPKTINFO,
  IPV6_RECVTCLASS,
  IPV6_TCLASS,
  IPV6_UNICAST_IF,
  IPV6_UNICAST_HOPS,
  IPV6_V6ONLY,
  IP_ADD_MEMBERSHIP,
  IP_ADD_SOURCE_MEMBERSHIP,
  IP_BLOCK_SOURCE,
  IP_DROP_MEMBERSHIP,
  IP_DROP_SOURCE_MEMBERSHIP,
  IP_FREEBIND,
  IP_HDRINCL,
  IP_LOCAL_PORT_RANGE,
  IP_MINTTL,
  IP_MTU,
  IP_MSFILTER,
  IP_MTU_DISCOVER,
  IP_MULTICAST_ALL,
  IP_MULTICAST_IF,
  IP_MULTICAST_LOOP,
  IP_MULTICAST_TTL,
  IP_NODEFRAG,
  IP_OPTIONS,
  IP_PKTINFO,
  IP_PKTOPTIONS,
  IP_RECVERR,
  IP_RECVOPTS,
  IP_RECVORIGDSTADDR,
  IP_RECVTOS,
  IP_RECVTTL,
  IP_RETOPTS,
  IP_TOS,
  IP_TRANSPARENT,
  IP_TTL,
  IP_UNBLOCK_SOURCE,
  IP_UNICAST_IF,
  IPV6_RECVORIGDSTADDR,
  MCAST_BLOCK_SOURCE,
  MCAST_JOIN_GROUP,
  MCAST_JOIN_SOURCE_GROUP,
  MCAST_LEAVE_GROUP,
  MCAST_LEAVE_SOURCE_GROUP,
  MCAST_MSFILTER,
  MCAST_UNBLOCK_SOURCE,
  SOCK_RAW,
  SOCK_STREAM,
  SockaddrIn,
  SockaddrIn6,
  TCP_ESTABLISHED,
  GroupFilter,
  In6Pktinfo,
  InPktinfo,
  isErrno,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import {
  answerOptions,
  ANY_V4,
  checkOptions,
  type InetEndpoint,
  ipBytes,
  type IpAddress,
  makeV4,
  isBroadcast,
  isLoopback,
  isMulticast,
  isSameIp,
  isV4,
  isWildcard,
  LOOPBACK_V4,
  NO_OPTIONS,
  writeV4,
  writeV6,
} from "@stratos/netstack";
import type { Ancillary, ControlMessage } from "../message.ts";
import { intOption, optionInt } from "../socket-options.ts";
import { isCapable } from "../../security/credentials.ts";
import type { SocketCaller } from "../socket-kernel.ts";
import {
  addExtensionControls,
  addOldExtensionControls,
  checkExtension,
  isExtensionOption,
  NO_EXTENSIONS,
} from "./extension-headers.ts";
import {
  changeMembership,
  admitsSource,
  changeSources,
  getFilter,
  groupInterfaceOf,
  type Membership,
  type MulticastSocket,
  setFilter,
} from "./group-membership.ts";
import type { InterfaceNetwork } from "../interface-network.ts";
import type { PortRange } from "../network-settings.ts";
import { mtuOf } from "../routes.ts";
import { writeInetAddress } from "./inet-address.ts";
import { DEFAULT_TTL, FLAGS_V4, FLAGS_V6, IP_STORED, IPV6_STORED } from "./kept-ip-options.ts";
import { packetOptions } from "./packet-options.ts";

/** Of a path that no route leads to. */
const MTU_UNKNOWN = 1500;
const GROUP_TTL = 1;
const LOOPBACK_BROADCAST = makeV4(0x7fffffff);

/** RFC 8200 §5. */
const IPV6_MTU_LEAST = 1280;

/** A socket that has them (inet-socket.ts). */
interface IpSocket extends MulticastSocket {
  readonly ip: IpOptions;
  readonly type: number;
  readonly local: InetEndpoint | null;
  readonly peer: InetEndpoint | null;
  readonly stateNumber: number;
  readonly hasNumber: boolean;
  readonly isAccepted: boolean;
  readonly options: { readonly boundIndex: number };
  family: number;
}

/** The IP options of one socket. */
export class IpOptions {
  readonly v4 = new Map<number, number>();
  readonly v6 = new Map<number, number>();
  /** Multicast groups that were joined, each with its interface (0: any). Bound: MEMBERSHIPS_MAX. */
  readonly groups: Membership[] = [];

  /** IP_MULTICAST_IF: where what is sent to groups of IPv4 leaves; 0: as routes say. */
  groupIndex = 0;
  /** The address that was named there. */
  groupSource: IpAddress | null = null;

  /**
   * Does it hear what `source` sends to the group by the interface? Who is no member there hears what others have
   * joined for, unless it wants only its own (net/ipv4/igmp.c, ip_mc_sf_allow; net/ipv6/mcast.c, inet6_mc_check).
   */
  hearsGroup(group: IpAddress, index: number, source: IpAddress, isV6: boolean): boolean {
    const v4 = isV4(group);
    const member = this.groups.find((each) => (!v4 || each.index === index) && isSameIp(each.group, group));
    if (member !== undefined) return admitsSource(member, source);
    return v4 ? this.v4.get(IP_MULTICAST_ALL) === 1 || (!isV6 && !this.v4.has(IP_MULTICAST_ALL)) : this.#hearsAllV6;
  }

  get #hearsAllV6(): boolean {
    return this.v6.get(IPV6_MULTICAST_ALL) !== 0;
  }

  /** Does who sends here hear himself by other interfaces than the loopback? */
  loopsGroups(isV6: boolean): boolean {
    return (isV6 ? this.v6.get(IPV6_MULTICAST_LOOP) : this.v4.get(IP_MULTICAST_LOOP)) !== 0;
  }

  /** Does the interface take in, because of this socket, what `source` sends to the group? */
  opensGroup(group: IpAddress, index: number, source: IpAddress): boolean {
    return this.groups.some(
      (each) => each.index === index && isSameIp(each.group, group) && admitsSource(each, source),
    );
  }

  /** IP_UNICAST_IF, IPV6_UNICAST_IF: where datagrams to one station leave; 0: as routes say. */
  unicastIndex(to: IpAddress): number {
    if (isV4(to)) return swapped(this.v4.get(IP_UNICAST_IF) ?? 0);
    return this.v6.get(IPV6_PKTINFO) || swapped(this.v6.get(IPV6_UNICAST_IF) ?? 0);
  }

  get v6Only(): boolean {
    return this.v6.get(IPV6_V6ONLY) === 1;
  }

  get freeBind(): boolean {
    return [this.v4.get(IP_FREEBIND), this.v4.get(IP_TRANSPARENT), this.v6.get(IPV6_FREEBIND)].includes(1);
  }

  /**
   * The machine's range of ports for who chooses none, narrowed by IP_LOCAL_PORT_RANGE (its low half the first port,
   * its high half the last); an end that lies outside the machine's counts for nothing (ip(7)).
   */
  narrowPorts({ first, last, reserved }: PortRange): PortRange {
    const own = this.v4.get(IP_LOCAL_PORT_RANGE) ?? 0;
    const from = own & 0xffff;
    const to = own >>> 16;
    const isWithin = (port: number): boolean => port >= first && port <= last;
    return { first: isWithin(from) ? from : first, last: isWithin(to) ? to : last, reserved };
  }

  /** IPv6 extension headers by option, and IPv4's options by IP_OPTIONS: sent with each datagram. */
  readonly extensions = new Map<number, Uint8Array>();

  inherit(from: IpOptions): void {
    for (const [name, value] of from.v4) this.v4.set(name, value);
    for (const [name, value] of from.v6) this.v6.set(name, value);
  }

  /** Hop limit of a datagram to `destination`: what sendmsg(2) was given, else this socket's option. */
  hopLimitTo(destination: IpAddress, given: Ancillary | null): number {
    if (given !== null && given.hopLimit !== null) return given.hopLimit;
    if (isMulticast(destination))
      return (isV4(destination) ? this.v4.get(IP_MULTICAST_TTL) : this.v6.get(IPV6_MULTICAST_HOPS)) ?? GROUP_TTL;
    return (isV4(destination) ? this.v4.get(IP_TTL) : this.v6.get(IPV6_UNICAST_HOPS)) ?? DEFAULT_TTL;
  }

  /** Options of a packet of IPv4: what sendmsg(2) was given (IP_RETOPTS), else this socket's (IP_OPTIONS). */
  optionsOf(given: Ancillary | null): Uint8Array {
    return given?.extensions?.get(IP_RETOPTS) ?? this.extensions.get(IP_OPTIONS) ?? NO_OPTIONS;
  }

  trafficClassTo(destination: IpAddress, given: Ancillary | null): number {
    if (given !== null && given.trafficClass !== null) return given.trafficClass;
    return (isV4(destination) ? this.v4.get(IP_TOS) : this.v6.get(IPV6_TCLASS)) ?? 0;
  }

  /**
   * Control messages for a datagram that came in; null when none was asked for.
   * @param port  to which it was sent; −1: it has none
   */
  controlsFor(
    datagram: {
      from: IpAddress;
      to: IpAddress;
      hopLimit: number;
      trafficClass: number;
      interfaceIndex: number;
      /** Of IPv4 its options. */
      extensions: Uint8Array;
      /** Nobody looks for the address that answers (net/ipv4/ping.c, ping_queue_rcv_skb). */
      isPing?: boolean;
    },
    isV6: boolean,
    port: number,
  ): ControlMessage[] | null {
    const { to: destination, hopLimit, trafficClass, interfaceIndex: index } = datagram;
    if (this.v4.size === 0 && this.v6.size === 0) return null;
    const controls: ControlMessage[] = [];
    if (isV6 && this.v6.get(IPV6_RECVPKTINFO) === 1)
      controls.push({ level: IPPROTO_IPV6, type: IPV6_PKTINFO, data: packetInfo(destination, index) });
    if (isV4(destination)) {
      if (this.v4.get(IP_PKTINFO) === 1) {
        // The address of ours that answers is the one that it was sent to, or lies on the way back from what many hear.
        const isForMany =
          isBroadcast(destination) || isMulticast(destination) || isSameIp(destination, LOOPBACK_BROADCAST);
        const answers = datagram.isPing
          ? ANY_V4
          : !isForMany
            ? destination
            : isLoopback(datagram.from)
              ? LOOPBACK_V4
              : ANY_V4;
        const data = new Uint8Array(InPktinfo.size);
        data.set(intOption(index), InPktinfo.offset.ipi_ifindex);
        writeV4(answers, data, InPktinfo.offset.ipi_spec_dst);
        writeV4(destination, data, InPktinfo.offset.ipi_addr);
        controls.push({ level: IPPROTO_IP, type: IP_PKTINFO, data });
      }
      if (this.v4.get(IP_RECVTTL) === 1) controls.push({ level: IPPROTO_IP, type: IP_TTL, data: intOption(hopLimit) });
      if (this.v4.get(IP_RECVTOS) === 1)
        controls.push({ level: IPPROTO_IP, type: IP_TOS, data: Uint8Array.of(trafficClass) });
      if (datagram.extensions.length > 0) {
        if (this.v4.get(IP_RECVOPTS) === 1)
          controls.push({ level: IPPROTO_IP, type: IP_RECVOPTS, data: datagram.extensions });
        if (this.v4.get(IP_RETOPTS) === 1)
          controls.push({ level: IPPROTO_IP, type: IP_RETOPTS, data: answerOptions(datagram.extensions) });
      }
      if (this.v4.get(IP_RECVORIGDSTADDR) === 1 && port >= 0)
        controls.push(originalDestination(IPPROTO_IP, IP_RECVORIGDSTADDR, destination, port, index));
    }
    // An IPv4 datagram has no more than that of these (net/ipv6/udp.c, udpv6_recvmsg).
    if (isV6 && !isV4(destination)) {
      if (this.v6.get(IPV6_RECVHOPLIMIT) === 1)
        controls.push({ level: IPPROTO_IPV6, type: IPV6_HOPLIMIT, data: intOption(hopLimit) });
      if (this.v6.get(IPV6_RECVTCLASS) === 1)
        controls.push({ level: IPPROTO_IPV6, type: IPV6_TCLASS, data: intOption(trafficClass) });
      addExtensionControls(controls, datagram.extensions, this.v6);
      // The same once more for who asks as RFC 2292 had it.
      if (this.v6.get(IPV6_2292PKTINFO) === 1)
        controls.push({ level: IPPROTO_IPV6, type: IPV6_2292PKTINFO, data: packetInfo(destination, index) });
      if (this.v6.get(IPV6_2292HOPLIMIT) === 1)
        controls.push({ level: IPPROTO_IPV6, type: IPV6_2292HOPLIMIT, data: intOption(hopLimit) });
      addOldExtensionControls(controls, datagram.extensions, this.v6);
      if (this.v6.get(IPV6_RECVORIGDSTADDR) === 1 && port >= 0)
        controls.push(originalDestination(IPPROTO_IPV6, IPV6_RECVORIGDSTADDR, destination, port, index));
    }
    return controls.length === 0 ? null : controls;
  }

  static {
    stateClass("IpOptions", this);
  }
}

function packetInfo(destination: IpAddress, index: number): Uint8Array {
  const data = new Uint8Array(In6Pktinfo.size);
  writeV6(destination, data, In6Pktinfo.offset.ipi6_addr);
  data.set(intOption(index), In6Pktinfo.offset.ipi6_ifindex);
  return data;
}

/** IP_ORIGDSTADDR, IPV6_ORIGDSTADDR: the sockaddr that the sender meant; nothing here sends it elsewhere. */
function originalDestination(level: number, type: number, ip: IpAddress, port: number, index: number): ControlMessage {
  const isV4Level = level === IPPROTO_IP;
  const data = new Uint8Array(isV4Level ? SockaddrIn.size : SockaddrIn6.size);
  writeInetAddress(data, ip, port, isV4Level ? AF_INET : AF_INET6, index);
  return { level, type, data };
}

/**
 * setsockopt(2) at IPPROTO_IP and IPPROTO_IPV6. Members of a multicast group hear what is sent to it from this machine.
 *
 * @returns 0 or EINVAL, EPERM (IP_TRANSPARENT without a privilege), ENODEV (groups), EADDRNOTAVAIL (leaving one),
 *   ENOPROTOOPT
 */
export function setIpOption(
  task: SocketCaller,
  socket: IpSocket,
  level: number,
  name: number,
  value: Uint8Array,
): number {
  if (level === IPPROTO_IP) {
    switch (name) {
      case IP_ADD_MEMBERSHIP:
      case IP_DROP_MEMBERSHIP:
      case MCAST_JOIN_GROUP:
      case MCAST_LEAVE_GROUP:
        return changeMembership(socket, level, name, value);
      case IP_ADD_SOURCE_MEMBERSHIP:
      case IP_DROP_SOURCE_MEMBERSHIP:
      case IP_BLOCK_SOURCE:
      case IP_UNBLOCK_SOURCE:
      case MCAST_JOIN_SOURCE_GROUP:
      case MCAST_LEAVE_SOURCE_GROUP:
      case MCAST_BLOCK_SOURCE:
      case MCAST_UNBLOCK_SOURCE:
        return changeSources(socket, level, name, value);
      case IP_MSFILTER:
      case MCAST_MSFILTER:
        return setFilter(socket, level, name, value);
      case IP_OPTIONS:
        return setHeaderOptions(task, socket, value);
      case IP_HDRINCL:
      case IP_NODEFRAG:
        return -ENOPROTOOPT;
      default:
    }
    if (!IP_STORED.has(name)) return -ENOPROTOOPT;
    const number = value.length === 0 && ZERO_WITHOUT_VALUE.has(name) ? 0 : numberOf(value);
    if ((name === IP_MULTICAST_IF || name === IP_MULTICAST_TTL) && socket.type === SOCK_STREAM) return -EINVAL;
    if (name === IP_MULTICAST_IF) {
      const chosen = groupInterfaceOf(socket.network, value, socket.options.boundIndex);
      if (isErrno(chosen)) return chosen;
      socket.ip.groupIndex = chosen.index;
      socket.ip.groupSource = isWildcard(chosen.address) ? null : chosen.address;
      socket.ip.v4.set(name, optionInt(ipBytes(chosen.address)));
      return 0;
    }
    if (number === null) return -EINVAL;
    if (name === IP_TRANSPARENT && number !== 0 && !mayBeTransparent(task, socket)) return -EPERM;
    if (
      (name === IP_TTL || name === IP_MULTICAST_TTL) &&
      number !== -1 &&
      (number < (name === IP_TTL ? 1 : 0) || number > 255)
    )
      return -EINVAL;
    if (name === IP_MTU_DISCOVER && (number < 0 || number > 5)) return -EINVAL;
    if (name === IP_MULTICAST_ALL && number !== 0 && number !== 1) return -EINVAL;
    if (name === IP_UNICAST_IF) return setUnicastInterface(socket, socket.ip.v4, name, value);
    if (name === IP_MINTTL && (number < 0 || number > 255)) return -EINVAL;
    if (name === IP_LOCAL_PORT_RANGE) {
      if (value.length !== 4 || (number >>> 16 !== 0 && (number & 0xffff) > number >>> 16)) return -EINVAL;
      socket.ip.v4.set(name, number);
    } else if (FLAGS_V4.has(name)) socket.ip.v4.set(name, number !== 0 ? 1 : 0);
    else if (name === IP_TOS) socket.ip.v4.set(name, trafficClassOf(socket, number));
    else if (number === -1) socket.ip.v4.delete(name);
    else socket.ip.v4.set(name, number);
    return 0;
  }
  switch (name) {
    case IPV6_ADD_MEMBERSHIP:
    case IPV6_DROP_MEMBERSHIP:
    case MCAST_JOIN_GROUP:
    case MCAST_LEAVE_GROUP:
      return changeMembership(socket, level, name, value);
    case MCAST_JOIN_SOURCE_GROUP:
    case MCAST_LEAVE_SOURCE_GROUP:
    case MCAST_BLOCK_SOURCE:
    case MCAST_UNBLOCK_SOURCE:
      return changeSources(socket, level, name, value);
    case MCAST_MSFILTER:
      return setFilter(socket, level, name, value);
    case IPV6_ADDRFORM:
      return becomeV4(socket, value);
    case IPV6_PKTINFO:
      return setWayOut(socket, value);
    // Nothing is sent in fragments here, so that their size changes nothing.
    case IPV6_MTU:
      return value.length >= 4 && (optionInt(value) === 0 || optionInt(value) >= IPV6_MTU_LEAST) ? 0 : -EINVAL;
    default:
  }
  if (name === IPV6_TRANSPARENT) {
    if (value.length < 4) return -EINVAL;
    const isOn = optionInt(value) !== 0;
    if (isOn && !mayBeTransparent(task, socket)) return -EPERM;
    // One flag for both families (inet_sock.h, INET_FLAGS_TRANSPARENT).
    socket.ip.v4.set(IP_TRANSPARENT, isOn ? 1 : 0);
    return 0;
  }
  if (isExtensionOption(name)) return setExtension(task, socket, name, value);
  if (!IPV6_STORED.has(name)) return -ENOPROTOOPT;
  if (value.length < 4) return -EINVAL;
  const number = optionInt(value);
  if (name === IPV6_UNICAST_IF) return setUnicastInterface(socket, socket.ip.v6, name, value);
  if (name === IPV6_V6ONLY && socket.hasNumber) return -EINVAL;
  if (name === IPV6_MULTICAST_LOOP && number !== 0 && number !== 1) return -EINVAL;
  if ((name === IPV6_MULTICAST_HOPS || name === IPV6_MULTICAST_IF) && socket.type === SOCK_STREAM) return -ENOPROTOOPT;
  if (
    (name === IPV6_UNICAST_HOPS || name === IPV6_MULTICAST_HOPS || name === IPV6_TCLASS) &&
    (number < -1 || number > 255)
  )
    return -EINVAL;
  if (name === IPV6_MTU_DISCOVER && (number < 0 || number > 5)) return -EINVAL;
  if (name === IPV6_MULTICAST_IF && number !== 0) {
    const { boundIndex } = socket.options;
    if (boundIndex !== 0 && boundIndex !== number) return -EINVAL;
    if (socket.network.interfaceByIndex(number) === undefined) return -ENODEV;
  }
  if (FLAGS_V6.has(name)) socket.ip.v6.set(name, number !== 0 ? 1 : 0);
  else if (number === -1) socket.ip.v6.delete(name);
  else socket.ip.v6.set(name, name === IPV6_TCLASS ? trafficClassOf(socket, number) : number);
  return 0;
}

/** By which interface datagrams leave; the address beside it counts for nothing there. 0, −EINVAL bound to another */
function setWayOut({ ip, options }: IpSocket, value: Uint8Array): number {
  if (value.length < In6Pktinfo.size) return -EINVAL;
  const index = optionInt(value, In6Pktinfo.offset.ipi6_ifindex);
  if (options.boundIndex !== 0 && index !== options.boundIndex) return -EINVAL;
  ip.v6.set(IPV6_PKTINFO, index);
  return 0;
}

function mayBeTransparent(task: SocketCaller, socket: IpSocket): boolean {
  return [CAP_NET_RAW, CAP_NET_ADMIN].some((one) => isCapable(task.credentials, one, socket.network.owner));
}

/** The two bits of congestion notification are TCP's own (net/ipv4/ip_sockglue.c, __ip_sock_set_tos). */
function trafficClassOf({ type }: IpSocket, number: number): number {
  return number & (type === SOCK_STREAM ? 0xfc : 0xff);
}

/** The index in network order, as it is told back. 0, −EINVAL bound to an interface, −EADDRNOTAVAIL none has it */
function setUnicastInterface(socket: IpSocket, options: Map<number, number>, name: number, value: Uint8Array): number {
  if (value.length !== 4) return -EINVAL;
  const index = swapped(optionInt(value));
  if (index !== 0 && socket.network.interfaceByIndex(index) === undefined) return -EADDRNOTAVAIL;
  if (index !== 0 && socket.options.boundIndex !== 0) return -EINVAL;
  options.set(name, optionInt(value));
  return 0;
}

/** Its bytes in the other order. */
function swapped(word: number): number {
  return (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
}

/** Options of the header of each packet (ip(7), IP_OPTIONS); nothing ends them. 0, −EINVAL */
function setHeaderOptions(task: SocketCaller, socket: IpSocket, value: Uint8Array): number {
  const { extensions } = socket.ip;
  const options = checkOptions(value, isCapable(task.credentials, CAP_NET_RAW, socket.network.owner));
  if (isErrno(options)) return options;
  if (options.length === 0) extensions.delete(IP_OPTIONS);
  else extensions.set(IP_OPTIONS, options);
  return 0;
}

/** An empty value ends the option. 0, −EINVAL, −EPERM */
function setExtension(task: SocketCaller, socket: IpSocket, name: number, value: Uint8Array): number {
  const { extensions } = socket.ip;
  const isPrivileged = isCapable(task.credentials, CAP_NET_RAW, socket.network.owner);
  if (value.length === 0) {
    if (name !== IPV6_RTHDR && !isPrivileged) return -EPERM;
    extensions.delete(name);
    return 0;
  }
  const header = checkExtension(name, value, isPrivileged);
  if (isErrno(header)) return header;
  extensions.set(name, header);
  return 0;
}

/**
 * IPV6_ADDRFORM (ipv6(7)): a connected socket whose peer is an IPv4 address becomes one of AF_INET. −EADDRNOTAVAIL,
 * −EINVAL, −ENOPROTOOPT, −ENOTCONN
 */
function becomeV4(socket: IpSocket, value: Uint8Array): number {
  if (value.length < 4) return -EINVAL;
  if (optionInt(value) !== AF_INET) return -EINVAL;
  if (socket.type === SOCK_RAW) return -ENOPROTOOPT;
  if (socket.peer === null || socket.stateNumber !== TCP_ESTABLISHED) return -ENOTCONN;
  if (socket.ip.v6Only || !isV4(socket.peer.ip)) return -EADDRNOTAVAIL;
  socket.family = AF_INET;
  return 0;
}

/** Of a filter the head says what is asked for: EFAULT. */
function getFilterAt(
  task: SocketCaller,
  socket: IpSocket,
  { level, name }: { level: number; name: number },
  { address, room }: { address: number; room: number },
): Uint8Array | number {
  const value = new Uint8Array(Math.min(room, GroupFilter.offset.gf_slist));
  return task.space.copyIn(address, value, 0, value.length) < 0 ? -EFAULT : getFilter(socket, level, name, value);
}

function mtuTo(network: InterfaceNetwork, ip: IpAddress): number {
  if (network.isLocal(ip)) return network.interfaces[0]!.mtu;
  const route = network.routes.find(ip);
  return route === null ? MTU_UNKNOWN : Math.min(mtuOf(route) || Infinity, route.out.mtu);
}

/**
 * @param address  where the program has room for it: some options say there what is asked for
 * @returns ENOTCONN for the MTU of no path, ENOPROTOOPT, EFAULT
 */
export function getIpOption(
  task: SocketCaller,
  socket: IpSocket,
  { level, name }: { level: number; name: number },
  { address, room }: { address: number; room: number },
): Uint8Array | number {
  const isV4Level = level === IPPROTO_IP;
  if (name === MCAST_MSFILTER || (isV4Level && name === IP_MSFILTER))
    return getFilterAt(task, socket, { level, name }, { address, room });
  if (name === (isV4Level ? IP_PKTOPTIONS : IPV6_2292PKTOPTIONS)) return packetOptions(socket, isV4Level, room);
  if (name === (isV4Level ? IP_MTU : IPV6_MTU)) {
    if (socket.peer === null) return -ENOTCONN;
    const mtu = mtuTo(socket.network, socket.peer.ip);
    // A datagram's length has 16 bits (IP_MAX_MTU).
    if (!isV4Level) return intOption(mtu);
    return wordOrByte(isV4(socket.peer.ip) ? Math.min(mtu, 65535) : mtu, room);
  }
  if (isV4Level && name === IP_OPTIONS) return socket.ip.extensions.get(IP_OPTIONS) ?? NO_OPTIONS;
  if (!isV4Level && name === IPV6_TRANSPARENT) return intOption(socket.ip.v4.get(IP_TRANSPARENT) ?? 0);
  if (!isV4Level && isExtensionOption(name)) return socket.ip.extensions.get(name) ?? NO_EXTENSIONS;
  // IPv6's sockets hear only the groups of IPv4 that they have joined (net/ipv6/af_inet6.c, inet6_create).
  const isOff = name === IP_HDRINCL || (name === IP_MULTICAST_ALL && socket.family === AF_INET6);
  const initial = isV4Level ? (isOff ? 0 : IP_STORED.get(name)) : IPV6_STORED.get(name);
  if (initial === undefined) return -ENOPROTOOPT;
  return isV4Level ? wordOrByte(socket.ip.v4.get(name) ?? initial, room) : intOption(socket.ip.v6.get(name) ?? initial);
}

/** As options of IPPROTO_IP may be set by one byte, one that fits is told so to whom has no room for a word. */
function wordOrByte(value: number, room: number): Uint8Array {
  return room > 0 && room < 4 && value >= 0 && value <= 255 ? Uint8Array.of(value) : intOption(value);
}

/** Setting them to nothing sets them to 0 (net/ipv4/ip_sockglue.c, do_ip_setsockopt); others are EINVAL then. */
const ZERO_WITHOUT_VALUE: ReadonlySet<number> = new Set([IP_TOS, IP_RECVERR, IP_PKTINFO, IP_MTU_DISCOVER]);

/** IPPROTO_IP options may be one byte (ip(7)). */
function numberOf(value: Uint8Array): number | null {
  return value.length >= 4 ? optionInt(value) : value.length >= 1 ? value[0]! : null;
}
