/** Where a connection goes, and from where. */
import { EINVAL, ENETUNREACH } from "@stratos/abi";
import {
  ANY_V4,
  copyIp,
  type InetEndpoint,
  type IpAddress,
  isLoopback,
  isMulticast,
  isV4,
  isWildcard,
  LOOPBACK_V4,
  type ScratchEndpoint,
} from "@stratos/netstack";
import { resolveWildcard } from "./inet-address.ts";
import type { Flow } from "../routing-rules.ts";
import type { InetNetwork } from "./inet-socket.ts";

interface ConnectingSocket {
  readonly network: InetNetwork;
  readonly local: InetEndpoint | null;
  readonly isV6: boolean;
  flowTo(to: IpAddress, port: number): Flow;
  readonly ip: { readonly v6Only: boolean };
}

/**
 * The address from which a socket reaches `to`; a wildcard there becomes the machine itself (ip(7)).
 *
 * @returns it, or −ENETUNREACH, −EHOSTUNREACH, −EINVAL (IPv6 from an address of IPv4)
 */
export function sourceTo(socket: ConnectingSocket, to: ScratchEndpoint): IpAddress | number {
  const { network, local, isV6, ip } = socket;
  if (isWildcard(to.ip) && local !== null && isV4(local.ip)) copyIp(ANY_V4, to.ip);
  resolveWildcard(to);
  if (isMulticast(to.ip) || network.isBroadcast(to.ip)) return -ENETUNREACH;
  if (isV4(to.ip) && isV6 && ip.v6Only) return -ENETUNREACH;
  if (local !== null && !isWildcard(local.ip) && isV4(local.ip) !== isV4(to.ip))
    return isV4(to.ip) ? -ENETUNREACH : -EINVAL;
  if (!network.isLocal(to.ip)) return network.sourceOutside(to.ip, socket.flowTo(to.ip, to.port));
  return isLoopback(to.ip) && isV4(to.ip) ? LOOPBACK_V4 : to.ip.slice();
}
