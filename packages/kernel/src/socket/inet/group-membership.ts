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
  MCAST_UNBLOCK_SOURCE,
  IP_UNBLOCK_SOURCE,
  GroupReq,
  GroupSourceReq,
  IpMreqSource,
  IpMreqn,
  Ipv6Mreq,
  SockaddrIn,
  SockaddrIn6,
} from "@stratos/abi";
import { optionInt } from "../socket-options.ts";
import { familyOf } from "./inet-address.ts";
import type { InterfaceNetwork } from "../interface-network.ts";
import type { NetworkInterface } from "../network-interface.ts";
import { type IpAddress, isMulticast, isSameIp, isV4, isWildcard, readV4, readV6 } from "./ip-address.ts";

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
/** Sources of one membership at most (net.ipv4.igmp_max_msf). */
const SOURCES_MAX = 10;

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
  return 0;
}

function join({ ip }: MulticastSocket, group: IpAddress, index: number, mode: Membership["mode"]): number {
  if (index === 0) return -ENODEV;
  if (ip.groups.some((each) => each.index === index && isSameIp(each.group, group))) return -EADDRINUSE;
  if (ip.groups.length >= MEMBERSHIPS_MAX) return -ENOBUFS;
  ip.groups.push({ group, index, mode, sources: null });
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
