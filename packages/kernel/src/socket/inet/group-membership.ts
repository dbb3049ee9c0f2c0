/** Multicast groups that sockets join, and whose datagrams to them are heard (ip(7), ipv6(7); RFC 3376). */
import {
  AF_INET,
  AF_INET6,
  EADDRINUSE,
  EADDRNOTAVAIL,
  EINVAL,
  ENOBUFS,
  ENODEV,
  IPPROTO_IP,
  IPV6_ADD_MEMBERSHIP,
  IP_ADD_MEMBERSHIP,
  IP_ADD_SOURCE_MEMBERSHIP,
  IP_BLOCK_SOURCE,
  IP_DROP_SOURCE_MEMBERSHIP,
  MCAST_BLOCK_SOURCE,
  MCAST_JOIN_GROUP,
  MCAST_JOIN_SOURCE_GROUP,
  MCAST_LEAVE_GROUP,
  MCAST_LEAVE_SOURCE_GROUP,
  MCAST_EXCLUDE,
  MCAST_INCLUDE,
  MCAST_UNBLOCK_SOURCE,
  IP_MSFILTER,
  IP_UNBLOCK_SOURCE,
  GroupFilter,
  GroupReq,
  GroupSourceReq,
  IpMreqSource,
  IpMreqn,
  IpMsfilter,
  Ipv6Mreq,
  SockaddrIn,
  SockaddrIn6,
  SockaddrStorage,
  isErrno,
} from "@stratos/abi";
import { type IpAddress, isMulticast, isSameIp, isV4, isWildcard, readV4, readV6, writeV4 } from "@stratos/netstack";
import { intOption, optionInt } from "../socket-options.ts";
import { familyOf, writeInetAddress } from "./inet-address.ts";
import type { InterfaceNetwork } from "../interface-network.ts";
import type { NetworkInterface } from "../network-interface.ts";

/** A multicast group that a socket is a member of, by an interface. */
export interface Membership {
  readonly group: IpAddress;
  readonly index: number;
  /** Only what these send is heard, or all but what they send (RFC 3376 §3.1). Bound: SOURCES_MAX. */
  mode: "include" | "exclude";
  /** Null until there was one: from then on the mode stays. */
  sources: IpAddress[] | null;
}

/** `struct ip_mreq` is the beginning of ip_mreqn. */
const IP_MREQ_SIZE = IpMreqn.offset.imr_ifindex;
/** A socket that may be a member of groups (inet-socket.ts). */
export interface MulticastSocket {
  readonly network: InterfaceNetwork;
  readonly ip: { readonly groups: Membership[] };
}

/** Groups of one socket at most (net.ipv4.igmp_max_memberships). */
const MEMBERSHIPS_MAX = 20;
/** Sources of one membership at most (net.ipv4.igmp_max_msf); of one filter of IPv6 (net.ipv6.mld_max_msf). */
const SOURCES_MAX = 10,
  SOURCES_V6_MAX = 64;

/** What programs may mean by an interface: its number (0: none is given), or an address that it has. */
interface ChosenInterface {
  readonly index: number;
  readonly address: IpAddress | null;
}

/**
 * The interface that is meant, or by which a route leads to the group (net/ipv4/igmp.c, ip_mc_find_dev;
 * net/ipv6/mcast.c, __ipv6_sock_mc_join); 0: there is none. IPv6 leads to its groups by each interface.
 */
function indexOf(network: InterfaceNetwork, { index, address }: ChosenInterface, group: IpAddress): number {
  if (index !== 0) return network.interfaceByIndex(index) === undefined ? 0 : index;
  if (address !== null && !isWildcard(address))
    return network.hasAddress(address) ? network.interfaceOf(address).index : 0;
  return wayToGroup(network, group)?.index ?? 0;
}

/** The interface by which a route leads to a group. */
export function wayToGroup(network: InterfaceNetwork, group: IpAddress): NetworkInterface | undefined {
  const route = network.routes.find(group);
  if (route !== null) return route.out;
  return isV4(group) ? undefined : network.interfaces.find((one) => one.isUp && one.hasIpv6 && !one.isLoopback);
}

/**
 * Joins and leaves multicast groups: −EADDRINUSE joined already, −EADDRNOTAVAIL not a member, −EINVAL, −ENOBUFS,
 * −ENODEV no such interface.
 */
export function changeMembership(socket: MulticastSocket, level: number, name: number, value: Uint8Array): number {
  const isV4Level = level === IPPROTO_IP;
  const isGeneric = name === MCAST_JOIN_GROUP || name === MCAST_LEAVE_GROUP;
  const size = isGeneric ? GroupReq.size : isV4Level ? IP_MREQ_SIZE : Ipv6Mreq.size;
  if (value.length < size) return -EINVAL;
  const { gr_interface, gr_group } = GroupReq.offset;
  const group = new Uint32Array(4);
  const chosen = { index: 0, address: null as IpAddress | null };
  if (isGeneric) {
    if (!readGroupAddress(value, gr_group, isV4Level, group)) return -EINVAL;
    chosen.index = optionInt(value, gr_interface);
  } else if (isV4Level) {
    readV4(value, IpMreqn.offset.imr_multiaddr, group);
    if (value.length >= IpMreqn.size) chosen.index = optionInt(value, IpMreqn.offset.imr_ifindex);
    readV4(value, IpMreqn.offset.imr_address, (chosen.address = new Uint32Array(4)));
  } else {
    readV6(value, Ipv6Mreq.offset.ipv6mr_multiaddr, group);
    chosen.index = optionInt(value, Ipv6Mreq.offset.ipv6mr_ifindex);
  }
  if (!isMulticast(group)) return -EINVAL;
  const joins = name === MCAST_JOIN_GROUP || name === (isV4Level ? IP_ADD_MEMBERSHIP : IPV6_ADD_MEMBERSHIP);
  const { groups } = socket.ip;
  if (joins) return join(socket, group, indexOf(socket.network, chosen, group), "exclude");
  // One that was removed may be left all the same; without one the first membership of IPv6 is meant.
  const index = chosen.index !== 0 ? chosen.index : indexOf(socket.network, chosen, group);
  const isAny = chosen.index === 0 && !isV4Level;
  if (index === 0 && isV4Level && (chosen.address === null || isWildcard(chosen.address))) return -ENODEV;
  const at = groups.findIndex((each) => (isAny || each.index === index) && isSameIp(each.group, group));
  if (at < 0) return -EADDRNOTAVAIL;
  groups.splice(at, 1);
  socket.network.ip.groupsChanged();
  return 0;
}

function join({ ip, network }: MulticastSocket, group: IpAddress, index: number, mode: Membership["mode"]): number {
  if (index === 0) return -ENODEV;
  if (ip.groups.some((each) => each.index === index && isSameIp(each.group, group))) return -EADDRINUSE;
  if (ip.groups.length >= MEMBERSHIPS_MAX) return -ENOBUFS;
  ip.groups.push({ group, index, mode, sources: null });
  network.ip.groupsChanged();
  return 0;
}

/** A `sockaddr_storage` of the level's family in a value. */
function readGroupAddress(value: Uint8Array, at: number, isV4Level: boolean, into: IpAddress): boolean {
  if (familyOf(value.subarray(at)) !== (isV4Level ? AF_INET : AF_INET6)) return false;
  if (isV4Level) readV4(value, at + SockaddrIn.offset.sin_addr, into);
  else readV6(value, at + SockaddrIn6.offset.sin6_addr, into);
  return true;
}

/** What each option for sources does. */
const SOURCE_OPTIONS: ReadonlyMap<number, { readonly mode: Membership["mode"]; readonly adds: boolean }> = new Map([
  [IP_ADD_SOURCE_MEMBERSHIP, { mode: "include", adds: true }],
  [IP_DROP_SOURCE_MEMBERSHIP, { mode: "include", adds: false }],
  [IP_BLOCK_SOURCE, { mode: "exclude", adds: true }],
  [IP_UNBLOCK_SOURCE, { mode: "exclude", adds: false }],
  [MCAST_JOIN_SOURCE_GROUP, { mode: "include", adds: true }],
  [MCAST_LEAVE_SOURCE_GROUP, { mode: "include", adds: false }],
  [MCAST_BLOCK_SOURCE, { mode: "exclude", adds: true }],
  [MCAST_UNBLOCK_SOURCE, { mode: "exclude", adds: false }],
]);

/**
 * Whose datagrams to a group are heard. To add a source joins the group; a membership of every source begins to
 * choose with the first, if none was blocked before, and one of chosen sources ends with the last (net/ipv4/igmp.c,
 * ip_mc_source; net/ipv6/mcast.c, ip6_mc_source).
 *
 * @returns 0; −EADDRNOTAVAIL a source that is there already, or isn't, or addresses of another family; −EINVAL no
 *   member, or of the other mode; −ENODEV; −ENOBUFS
 */
export function changeSources(socket: MulticastSocket, level: number, name: number, value: Uint8Array): number {
  const isV4Level = level === IPPROTO_IP;
  const [group, source] = [new Uint32Array(4), new Uint32Array(4)];
  const chosen = { index: 0, address: null as IpAddress | null };
  const isGeneric =
    name !== IP_ADD_SOURCE_MEMBERSHIP &&
    name !== IP_DROP_SOURCE_MEMBERSHIP &&
    name !== IP_BLOCK_SOURCE &&
    name !== IP_UNBLOCK_SOURCE;
  if (value.length < (isGeneric ? GroupSourceReq : IpMreqSource).size) return -EINVAL;
  if (isGeneric) {
    const { gsr_interface, gsr_group, gsr_source } = GroupSourceReq.offset;
    chosen.index = optionInt(value, gsr_interface);
    if (!readGroupAddress(value, gsr_group, isV4Level, group)) return -EADDRNOTAVAIL;
    if (!readGroupAddress(value, gsr_source, isV4Level, source)) return -EADDRNOTAVAIL;
  } else {
    const { imr_multiaddr, imr_interface, imr_sourceaddr } = IpMreqSource.offset;
    readV4(value, imr_multiaddr, group);
    readV4(value, imr_interface, (chosen.address = new Uint32Array(4)));
    readV4(value, imr_sourceaddr, source);
  }
  if (!isMulticast(group)) return -EINVAL;
  const { mode, adds } = SOURCE_OPTIONS.get(name)!;
  const index = indexOf(socket.network, chosen, group);
  if (index === 0) return -ENODEV;
  if (adds && mode === "include") {
    const joined = join(socket, group, index, mode);
    if (joined < 0 && joined !== -EADDRINUSE) return joined;
  }
  const { groups } = socket.ip;
  socket.network.ip.groupsChanged();
  const member = groups.find((each) => each.index === index && isSameIp(each.group, group));
  if (member === undefined || (member.mode !== mode && member.sources !== null)) return -EINVAL;
  member.mode = mode;
  const sources = member.sources ?? [];
  const at = sources.findIndex((each) => isSameIp(each, source));
  if (at >= 0 === adds) return -EADDRNOTAVAIL;
  if (!adds) sources.splice(at, 1);
  else if (sources.length >= SOURCES_MAX) return -ENOBUFS;
  else sources.push(source);
  member.sources = sources;
  if (mode === "include" && sources.length === 0) groups.splice(groups.indexOf(member), 1);
  return 0;
}

/** A filter as a program gives it: its group, the interface, and sources that it knows or has room for. */
interface Filter {
  readonly group: IpAddress;
  readonly chosen: ChosenInterface;
  readonly mode: number;
  readonly count: number;
}

/** The head of `ip_msfilter` or `group_filter`; −EINVAL. */
function readFilter(value: Uint8Array, isOld: boolean, isV4Level: boolean): Filter | number {
  if (value.length < (isOld ? IpMsfilter.offset.imsf_slist : GroupFilter.offset.gf_slist)) return -EINVAL;
  const group = new Uint32Array(4);
  if (isOld) {
    const { imsf_multiaddr, imsf_interface, imsf_fmode, imsf_numsrc } = IpMsfilter.offset;
    const address = new Uint32Array(4);
    readV4(value, imsf_multiaddr, group);
    readV4(value, imsf_interface, address);
    const count = optionInt(value, imsf_numsrc) >>> 0;
    return { group, chosen: { index: 0, address }, mode: optionInt(value, imsf_fmode), count };
  }
  const { gf_interface, gf_group, gf_fmode, gf_numsrc } = GroupFilter.offset;
  const isOfLevel = readGroupAddress(value, gf_group, isV4Level, group);
  // Its family is looked at after its length.
  const mode = isOfLevel ? optionInt(value, gf_fmode) : -EADDRNOTAVAIL;
  const chosen = { index: optionInt(value, gf_interface), address: null };
  return { group, chosen, mode, count: optionInt(value, gf_numsrc) >>> 0 };
}

/** Where the sources begin, and how far they lie apart. */
function placesOfSources(isOld: boolean): { first: number; step: number } {
  return isOld
    ? { first: IpMsfilter.offset.imsf_slist, step: 4 }
    : { first: GroupFilter.offset.gf_slist, step: SockaddrStorage.size };
}

/**
 * IP_MSFILTER, MCAST_MSFILTER: all that a membership lets through, at once (RFC 3678 §4.2, §5.2; net/ipv4/igmp.c,
 * ip_mc_msfilter; net/ipv6/mcast.c, ip6_mc_msfilter).
 *
 * @returns 0; −EADDRNOTAVAIL addresses of another family; −EINVAL no member; −ENOBUFS too many sources; −ENODEV
 */
export function setFilter(socket: MulticastSocket, level: number, name: number, value: Uint8Array): number {
  const isV4Level = level === IPPROTO_IP;
  const isOld = isV4Level && name === IP_MSFILTER;
  const filter = readFilter(value, isOld, isV4Level);
  if (isErrno(filter)) return filter;
  const { group, chosen, mode, count } = filter;
  if (count > (isV4Level ? SOURCES_MAX : SOURCES_V6_MAX)) return -ENOBUFS;
  const { first, step } = placesOfSources(isOld);
  if (first + count * step > value.length) return -EINVAL;
  if (mode === -EADDRNOTAVAIL) return isV4Level ? -EADDRNOTAVAIL : -EINVAL;
  const sources: IpAddress[] = [];
  for (let at = first; sources.length < count; at += step) {
    const source = new Uint32Array(4);
    if (isOld) readV4(value, at, source);
    else if (!readGroupAddress(value, at, isV4Level, source)) return -EADDRNOTAVAIL;
    sources.push(source);
  }
  if (!isMulticast(group) || (mode !== MCAST_INCLUDE && mode !== MCAST_EXCLUDE)) return -EINVAL;
  const index = indexOf(socket.network, chosen, group);
  if (index === 0) return -ENODEV;
  const { groups } = socket.ip;
  socket.network.ip.groupsChanged();
  const member = groups.find((each) => each.index === index && isSameIp(each.group, group));
  if (mode === MCAST_INCLUDE && count === 0) {
    if (member === undefined) return -EADDRNOTAVAIL;
    groups.splice(groups.indexOf(member), 1);
    return 0;
  }
  if (member === undefined) return -EINVAL;
  member.mode = mode === MCAST_INCLUDE ? "include" : "exclude";
  member.sources = count === 0 ? null : sources;
  return 0;
}

/**
 * The same of a membership, as many sources as there is room for, and how many there are. −EADDRNOTAVAIL no member;
 * −EINVAL; −ENODEV
 * @param value  what the program gave: the group, the interface, and for how many sources it has room
 */
export function getFilter(
  socket: MulticastSocket,
  level: number,
  name: number,
  value: Uint8Array,
): Uint8Array | number {
  const isV4Level = level === IPPROTO_IP;
  const isOld = isV4Level && name === IP_MSFILTER;
  const filter = readFilter(value, isOld, isV4Level);
  if (isErrno(filter)) return filter;
  const { group, chosen, count } = filter;
  if (filter.mode === -EADDRNOTAVAIL || !isMulticast(group)) return -EINVAL;
  const index = isOld ? indexOf(socket.network, chosen, group) : chosen.index;
  if (isOld && index === 0) return -ENODEV;
  const member = socket.ip.groups.find((each) => each.index === index && isSameIp(each.group, group));
  if (member === undefined) return -EADDRNOTAVAIL;
  const sources = member.sources ?? [];
  const told = Math.min(count, sources.length);
  const { first, step } = placesOfSources(isOld);
  const bytes = new Uint8Array(first + told * step);
  bytes.set(value.subarray(0, first));
  const { imsf_fmode, imsf_numsrc } = IpMsfilter.offset;
  const { gf_fmode, gf_numsrc } = GroupFilter.offset;
  bytes.set(intOption(member.mode === "include" ? MCAST_INCLUDE : MCAST_EXCLUDE), isOld ? imsf_fmode : gf_fmode);
  bytes.set(intOption(sources.length), isOld ? imsf_numsrc : gf_numsrc);
  for (let each = 0; each < told; each++) {
    const at = first + each * step;
    if (isOld) writeV4(sources[each]!, bytes, at);
    else writeInetAddress(bytes.subarray(at), sources[each]!, 0, isV4Level ? AF_INET : AF_INET6, 0);
  }
  return bytes;
}

/** Does the membership let through what `source` sends? */
export function admitsSource({ mode, sources }: Membership, source: IpAddress): boolean {
  const isNamed = sources?.some((one) => isSameIp(one, source)) === true;
  return isNamed === (mode === "include");
}

/** IP_MULTICAST_IF: `in_addr`, `ip_mreq` or `ip_mreqn`, by address or number. −EINVAL, −EADDRNOTAVAIL */
export function groupInterfaceOf(
  network: InterfaceNetwork,
  value: Uint8Array,
  boundIndex: number,
): { readonly index: number; readonly address: IpAddress } | number {
  if (value.length < 4) return -EINVAL;
  const address = new Uint32Array(4);
  readV4(value, value.length >= IP_MREQ_SIZE ? IpMreqn.offset.imr_address : 0, address);
  const given = value.length >= IpMreqn.size ? optionInt(value, IpMreqn.offset.imr_ifindex) : 0;
  if (given === 0 && isWildcard(address)) return { index: 0, address };
  const index = indexOf(network, { index: given, address }, address);
  if (index === 0) return -EADDRNOTAVAIL;
  return boundIndex !== 0 && index !== boundIndex ? -EINVAL : { index, address };
}
