/** By which interface, and from which address, what is sent to a multicast group leaves. */
import { IPV6_MULTICAST_IF, IPV6_PKTINFO } from "@stratos/abi";
import { type IpAddress, isForAllHosts, isV4, isWildcard, LOOPBACK_V4, LOOPBACK_V6 } from "@stratos/netstack";
import type { InterfaceNetwork } from "../interface-network.ts";
import type { NetworkInterface } from "../network-interface.ts";
import { wayToGroup } from "./group-membership.ts";
import type { IpOptions } from "./ip-options.ts";

interface GroupSender {
  readonly network: InterfaceNetwork;
  readonly isV6: boolean;
  readonly ip: IpOptions;
  readonly options: { readonly boundIndex: number };
  readonly local: { readonly ip: IpAddress } | null;
}

/**
 * The interface of the message (`given`: IP_PKTINFO, or the scope of its address; 0: none), SO_BINDTODEVICE,
 * IPV6_PKTINFO, IP_MULTICAST_IF, that of its address of IPv4 (net/ipv4/route.c, ip_route_output_key_hash_rcu), or
 * of a route; null: none leads there.
 */
export function wayOut(
  { network, isV6, ip, options, local }: GroupSender,
  group: IpAddress,
  given: number,
): NetworkInterface | null {
  const v4 = isV4(group);
  if (v4 && isV6 && ip.v6Only) return null;
  const option = v4 ? ip.groupIndex : ip.v6.get(IPV6_PKTINFO) || (ip.v6.get(IPV6_MULTICAST_IF) ?? 0);
  const index = given || options.boundIndex || option;
  const own = local?.ip ?? group;
  const isFromOwn = v4 && isV4(own) && !isWildcard(own) && network.hasAddress(own);
  const byRoute = (): NetworkInterface | undefined =>
    isFromOwn ? network.interfaceOf(own) : wayToGroup(network, group);
  const way = (index === 0 ? byRoute() : network.interfaceByIndex(index)) ?? null;
  // The loopback has no route to groups of IPv6.
  return way !== null && way.isLoopback && !v4 ? null : way;
}

/** That of IP_MULTICAST_IF; of the interface; another's, when it has none that others could answer to. */
export function sourceToGroup({ network, ip }: GroupSender, group: IpAddress, way: NetworkInterface): IpAddress {
  if (!isV4(group)) return way.sourceFor(group) ?? LOOPBACK_V6;
  if (ip.groupSource !== null) return ip.groupSource;
  for (const one of [way, ...network.interfaces]) {
    const source = one.isLoopback ? null : one.sourceFor(group);
    if (source !== null) return source;
  }
  return LOOPBACK_V4;
}

/** Does the interface take in what is sent to the group? Work: one step a member of groups. */
export function isGroupOpen(
  network: { readonly groupMembers: Iterable<{ readonly ip: IpOptions }> },
  group: IpAddress,
  { device, from }: { readonly device: number; readonly from: IpAddress },
): boolean {
  if (isForAllHosts(group)) return true;
  for (const { ip } of network.groupMembers) if (ip.opensGroup(group, device, from)) return true;
  return false;
}
