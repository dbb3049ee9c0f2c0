import {
  ANY_V4,
  ANY_V6,
  copyIp,
  type InetEndpoint,
  type IpAddress,
  isLinkLocal,
  isV4,
  isWildcard,
  LOOPBACK_V4,
  LOOPBACK_V6,
  readV4,
  readV6,
  type ScratchEndpoint,
  writeV4,
  writeV6,
} from "@stratos/netstack";
import { viewOf } from "../../ground/words.ts";
import { AF_INET, AF_INET6, AF_UNSPEC, EAFNOSUPPORT, EINVAL, SockaddrIn, SockaddrIn6 } from "@stratos/abi";

/** Both forms have family and port in one place. */
const { sin_family, sin_port, sin_addr } = SockaddrIn.offset;
const { sin6_addr, sin6_scope_id } = SockaddrIn6.offset;

/** sa_family of a raw sockaddr; AF_UNSPEC when it is too short to have one. */
export function familyOf(address: Uint8Array): number {
  return address.length < 2 ? AF_UNSPEC : address[0]! | (address[1]! << 8);
}

/**
 * The endpoint in a sockaddr for a socket of `family`. AF_INET6 sockets take `sockaddr_in6`.
 *
 * @returns 0, EINVAL when it is too short, EAFNOSUPPORT for another family
 */
export function readInetAddress(address: Uint8Array, family: number, into: ScratchEndpoint): number {
  if (address.length < 2) return -EINVAL;
  if (family === AF_INET) {
    if (address.length < SockaddrIn.size) return -EINVAL;
    if (familyOf(address) !== AF_INET) return -EAFNOSUPPORT;
    readV4(address, sin_addr, into.ip);
  } else {
    // RFC 2133's sockaddr_in6 had no scope: 24 bytes are enough (net/ipv6/af_inet6.c, SIN6_LEN_RFC2133).
    if (address.length < sin6_scope_id) return -EINVAL;
    if (familyOf(address) !== AF_INET6) return -EAFNOSUPPORT;
    readV6(address, sin6_addr, into.ip);
  }
  into.port = (address[sin_port]! << 8) | address[sin_port + 1]!;
  return 0;
}

/** The link that a `sockaddr_in6` names; 0: none, or an old structure without that field. */
export function scopeOf(address: Uint8Array): number {
  return address.length < SockaddrIn6.size ? 0 : viewOf(address).getUint32(sin6_scope_id, true);
}

/**
 * Writes the sockaddr of an endpoint as a socket of `family` shows it: IPv4 is mapped for AF_INET6. `scope` is the
 * interface of link-local addresses.
 *
 * @returns its length
 */
export function writeInetAddress(
  bytes: Uint8Array,
  ip: IpAddress,
  port: number,
  family: number,
  scope: number,
): number {
  const length = family === AF_INET ? SockaddrIn.size : SockaddrIn6.size;
  bytes.fill(0, 0, length);
  bytes[sin_family] = family;
  bytes[sin_port] = port >> 8;
  bytes[sin_port + 1] = port;
  if (family === AF_INET) {
    if (isV4(ip)) writeV4(ip, bytes, sin_addr);
    return length;
  }
  // The IPv4 wildcard of a dual-stack socket is its own "::".
  if (!isWildcard(ip)) writeV6(ip, bytes, sin6_addr);
  if (!isV4(ip) && isLinkLocal(ip)) bytes[sin6_scope_id] = scope;
  return length;
}

/** The sockaddr as bytes of its own. */
export function inetAddressBytes(endpoint: InetEndpoint, family: number, scope = 0): Uint8Array {
  const bytes = new Uint8Array(family === AF_INET ? SockaddrIn.size : SockaddrIn6.size);
  writeInetAddress(bytes, endpoint.ip, endpoint.port, family, scope);
  return bytes;
}

/** The wildcard of a family. */
export function anyAddress(family: number): IpAddress {
  return family === AF_INET ? ANY_V4 : ANY_V6;
}

/** Where a connection to a wildcard goes: to this computer (ip(7), INADDR_ANY). */
export function resolveWildcard(to: ScratchEndpoint): void {
  if (isWildcard(to.ip)) copyIp(isV4(to.ip) ? LOOPBACK_V4 : LOOPBACK_V6, to.ip);
}
