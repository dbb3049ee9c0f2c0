/** landlock(7) for ports of TCP: bind(2) and connect(2). Pages load this when a process has given up something. */
import {
  AF_INET,
  AF_INET6,
  AF_UNSPEC,
  EACCES,
  EAFNOSUPPORT,
  EINVAL,
  LANDLOCK_ACCESS_NET_CONNECT_TCP,
  SOCK_STREAM,
  SockaddrIn,
  SockaddrIn6,
} from "@stratos/abi";
import { beginRequest, grant, type LandlockDomain, RIGHT_COUNT } from "../security/landlock.ts";
import { viewOf } from "../ground/words.ts";

const REQUEST = new Uint16Array(RIGHT_COUNT);

/**
 * @param address  a sockaddr
 * @returns 0 or −EACCES, or what bind and connect themselves would say, which comes first
 *
 * @see Linux security/landlock/net.c, current_check_access_socket
 */
export function checkLandlockPort(
  domain: LandlockDomain,
  { family, type }: { readonly family: number; readonly type: number },
  address: Uint8Array,
  right: number,
): number {
  if (type !== SOCK_STREAM || (family !== AF_INET && family !== AF_INET6)) return 0;
  const handled = beginRequest(domain, right, "net", REQUEST);
  if (handled === 0) return 0;
  if (address.length < 2) return -EINVAL;
  const view = viewOf(address);
  const given = view.getUint16(0, true);
  if (given !== AF_UNSPEC && given !== AF_INET && given !== AF_INET6) return 0;
  // RFC 2133's sockaddr_in6 had no scope.
  const least = given === AF_INET6 ? SockaddrIn6.offset.sin6_scope_id : SockaddrIn.size;
  if (address.length < least) return -EINVAL;
  if (given === AF_UNSPEC) {
    // It undoes a connection; and bind takes it for AF_INET's wildcard.
    if (right === LANDLOCK_ACCESS_NET_CONNECT_TCP) return 0;
    if (family === AF_INET6 || view.getUint32(SockaddrIn.offset.sin_addr, true) !== 0) return -EAFNOSUPPORT;
  } else if (given !== family) return -EINVAL;
  const port = view.getUint16(SockaddrIn.offset.sin_port);
  return grant(domain.ports.get(port), handled, REQUEST) ? 0 : -EACCES;
}
