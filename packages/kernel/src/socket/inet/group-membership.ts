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
  MCAST_JOIN_GROUP,
  MCAST_LEAVE_GROUP,
  GroupReq,
  IpMreqSource,
  IpMreqn,
  Ipv6Mreq,
  SockaddrIn,
  SockaddrIn6,
} from "@stratos/abi";
import { optionInt } from "../socket-options.ts";
import { familyOf } from "./inet-address.ts";
import type { InterfaceNetwork } from "../interface-network.ts";
import { type IpAddress, isMulticast, isSameIp, readV4, readV6 } from "./ip-address.ts";

/** A multicast group that a socket is a member of, with the interface (0: any). */
export interface Membership {
  readonly group: IpAddress;
  readonly index: number;
  /** Of IPv4: only what these send is heard, or all but what they send (RFC 3376 §3.1). Bound: SOURCES_MAX. */
  mode: "include" | "exclude";
  /** Null until there was one: from then on the mode stays. */
  sources: IpAddress[] | null;
}

/** `struct ip_mreq` is the beginning of ip_mreqn. */
export const IP_MREQ_SIZE = IpMreqn.offset.imr_ifindex;
/** A socket that may be a member of groups (inet-socket.ts). */
export interface MulticastSocket {
  readonly network: InterfaceNetwork;
  readonly ip: { readonly groups: Membership[] };
}

/** Groups of one socket at most (net.ipv4.igmp_max_memberships). */
const MEMBERSHIPS_MAX = 20;
/** Sources of one membership at most (net.ipv4.igmp_max_msf). */
const SOURCES_MAX = 10;

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
  if (isGeneric && familyOf(value.subarray(gr_group)) !== (isV4Level ? AF_INET : AF_INET6)) return -EINVAL;
  const group = new Uint32Array(4);
  if (isV4Level) readV4(value, isGeneric ? gr_group + SockaddrIn.offset.sin_addr : IpMreqn.offset.imr_multiaddr, group);
  else readV6(value, isGeneric ? gr_group + SockaddrIn6.offset.sin6_addr : Ipv6Mreq.offset.ipv6mr_multiaddr, group);
  if (!isMulticast(group)) return -EINVAL;
  const index = isGeneric
    ? optionInt(value, gr_interface)
    : isV4Level
      ? value.length >= IpMreqn.size
        ? optionInt(value, IpMreqn.offset.imr_ifindex)
        : 0
      : optionInt(value, Ipv6Mreq.offset.ipv6mr_ifindex);
  const { network } = socket;
  if (index !== 0 && network.interfaceByIndex(index) === undefined) return -ENODEV;
  const { groups } = socket.ip;
  const joins = name === MCAST_JOIN_GROUP || name === (isV4Level ? IP_ADD_MEMBERSHIP : IPV6_ADD_MEMBERSHIP);
  const at = groups.findIndex((each) => each.index === index && isSameIp(each.group, group));
  if (!joins) {
    if (at < 0) return -EADDRNOTAVAIL;
    groups.splice(at, 1);
    return 0;
  }
  if (at >= 0) return -EADDRINUSE;
  if (groups.length >= MEMBERSHIPS_MAX) return -ENOBUFS;
  groups.push({ group, index, mode: "exclude", sources: null });
  return 0;
}

/**
 * Whose datagrams to a group are heard. To add a source joins the group; a membership of every source begins to
 * choose with the first, if none was blocked before, and one of chosen sources ends with the last (net/ipv4/igmp.c,
 * ip_mc_source).
 *
 * @returns 0; −EADDRNOTAVAIL a source that is there already, or isn't; −EINVAL no member, or of the other mode;
 *   −ENOBUFS
 */
export function changeSources({ ip }: MulticastSocket, name: number, value: Uint8Array): number {
  if (value.length < IpMreqSource.size) return -EINVAL;
  const { imr_multiaddr, imr_sourceaddr } = IpMreqSource.offset;
  const [group, source] = [new Uint32Array(4), new Uint32Array(4)];
  readV4(value, imr_multiaddr, group);
  readV4(value, imr_sourceaddr, source);
  if (!isMulticast(group)) return -EINVAL;
  const mode = name === IP_ADD_SOURCE_MEMBERSHIP || name === IP_DROP_SOURCE_MEMBERSHIP ? "include" : "exclude";
  const adds = name === IP_ADD_SOURCE_MEMBERSHIP || name === IP_BLOCK_SOURCE;
  let member = ip.groups.find((each) => isSameIp(each.group, group));
  if (member === undefined) {
    if (name !== IP_ADD_SOURCE_MEMBERSHIP) return -EINVAL;
    if (ip.groups.length >= MEMBERSHIPS_MAX) return -ENOBUFS;
    ip.groups.push((member = { group, index: 0, mode, sources: null }));
  }
  if (member.mode !== mode && member.sources !== null) return -EINVAL;
  member.mode = mode;
  const sources = member.sources ?? [];
  const at = sources.findIndex((each) => isSameIp(each, source));
  if (at >= 0 === adds) return -EADDRNOTAVAIL;
  if (!adds) sources.splice(at, 1);
  else if (sources.length >= SOURCES_MAX) return -ENOBUFS;
  else sources.push(source);
  member.sources = sources;
  if (mode === "include" && sources.length === 0) ip.groups.splice(ip.groups.indexOf(member), 1);
  return 0;
}
