/** Where a connection goes, and from where. */
import { EAFNOSUPPORT, ENETUNREACH, isErrno } from "@stratos/abi";
import {
  ANY_V4,
  copyIp,
  type InetEndpoint,
  type IpAddress,
  isMulticast,
  isV4,
  isWildcard,
  keepIp,
  type ScratchEndpoint,
} from "@stratos/netstack";
import { resolveWildcard } from "./inet-address.ts";
import type { Flow } from "../routing-rules.ts";
import type { InetNetwork } from "./inet-socket.ts";

interface ConnectingSocket {
  readonly network: InetNetwork;
  readonly local: InetEndpoint | null;
  readonly isV6: boolean;
  lostLinkTo(to: IpAddress): number;
  flowTo(to: IpAddress, port: number): Flow;
  readonly ip: { readonly v6Only: boolean };
}

/** How it goes; valid until the next is asked for. */
export const WAY = {
  source: ANY_V4 as IpAddress,
  /** A route leads to a link of ours, not to the provider. */
  isOnLink: false as boolean,
};

/**
 * The address from which a socket reaches `to`, and who carries it, in WAY; a wildcard there becomes the machine itself
 * (ip(7)).
 *
 * @returns 0, or −ENETUNREACH, −EHOSTUNREACH, −EAFNOSUPPORT (IPv6 from an address of IPv4)
 */
export function findWay(socket: ConnectingSocket, to: ScratchEndpoint): number {
  WAY.isOnLink = false;
  const source = sourceTo(socket, to);
  if (isErrno(source)) return source;
  WAY.source = source;
  return 0;
}

function sourceTo(socket: ConnectingSocket, to: ScratchEndpoint): IpAddress | number {
  const { network, local, isV6, ip } = socket;
  if (isWildcard(to.ip) && local !== null && isV4(local.ip)) copyIp(ANY_V4, to.ip);
  resolveWildcard(to);
  const lost = socket.lostLinkTo(to.ip);
  if (lost < 0) return lost;
  if (isMulticast(to.ip) || network.isBroadcast(to.ip)) return -ENETUNREACH;
  if (isV4(to.ip) && isV6 && ip.v6Only) return -ENETUNREACH;
  // net/ipv6/ip6_output.c, ip6_dst_lookup_tail
  if (local !== null && isV4(local.ip) && !isV4(to.ip)) return -EAFNOSUPPORT;
  if (local !== null && !isWildcard(local.ip) && !isV4(local.ip) && isV4(to.ip)) return -ENETUNREACH;
  if (!network.isLocal(to.ip)) {
    const route = network.routeOutside(to.ip, socket.flowTo(to.ip, to.port));
    if (isErrno(route)) return route;
    WAY.isOnLink = route.out.carriesIp;
    return network.sourceBy(route, to.ip);
  }
  return keepIp(network.sourceToOwn(to.ip));
}
