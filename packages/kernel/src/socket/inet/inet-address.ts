import { AF_INET, AF_INET6, AF_UNSPEC, EAFNOSUPPORT, EINVAL, SOCKADDR_IN6_SIZE, SOCKADDR_IN_SIZE } from "@stratos/abi";
import {
  ANY_V4,
  ANY_V6,
  formatV4,
  formatV6,
  isLinkLocal,
  isV4,
  isWildcard,
  parseV4,
  parseV6,
  type InetEndpoint,
} from "./ip-address.ts";

/** sa_family of a raw sockaddr; AF_UNSPEC when it is too short to have one. */
export function familyOf(address: Uint8Array): number {
  return address.length < 2 ? AF_UNSPEC : address[0]! | (address[1]! << 8);
}

/**
 * The endpoint in a sockaddr for a socket of `family`. AF_INET6 sockets take `sockaddr_in6`, whose mapped addresses
 * come out as IPv4.
 *
 * @returns EINVAL when it is too short, EAFNOSUPPORT for another family
 */
export function parseInetAddress(address: Uint8Array, family: number): InetEndpoint | number {
  if (address.length < 2) return -EINVAL;
  if (family === AF_INET) {
    if (address.length < SOCKADDR_IN_SIZE) return -EINVAL;
    if (familyOf(address) !== AF_INET) return -EAFNOSUPPORT;
    return { ip: formatV4(address, 4), port: (address[2]! << 8) | address[3]! };
  }
  // RFC 2133's sockaddr_in6 had no scope: 24 bytes are enough (net/ipv6/af_inet6.c, SIN6_LEN_RFC2133).
  if (address.length < SOCKADDR_IN6_SIZE - 4) return -EINVAL;
  if (familyOf(address) !== AF_INET6) return -EAFNOSUPPORT;
  return { ip: formatV6(address, 8), port: (address[2]! << 8) | address[3]! };
}

/**
 * The sockaddr of an endpoint as a socket of `family` shows it: IPv4 is mapped for AF_INET6. `scope` is the interface
 * of link-local addresses.
 */
export function inetAddressBytes(endpoint: InetEndpoint, family: number, scope = 0): Uint8Array {
  if (family === AF_INET) {
    const bytes = new Uint8Array(SOCKADDR_IN_SIZE);
    bytes[0] = AF_INET;
    bytes[2] = endpoint.port >> 8;
    bytes[3] = endpoint.port;
    bytes.set(parseV4(endpoint.ip) ?? new Uint8Array(4), 4);
    return bytes;
  }
  const bytes = new Uint8Array(SOCKADDR_IN6_SIZE);
  bytes[0] = AF_INET6;
  bytes[2] = endpoint.port >> 8;
  bytes[3] = endpoint.port;
  // The IPv4 wildcard of a dual-stack socket is its own "::".
  if (endpoint.ip !== ANY_V4) bytes.set(parseV6(endpoint.ip) ?? new Uint8Array(16), 8);
  if (!isV4(endpoint.ip) && isLinkLocal(endpoint.ip)) bytes[24] = scope;
  return bytes;
}

/** The wildcard of a family. */
export function anyAddress(family: number): string {
  return family === AF_INET ? ANY_V4 : ANY_V6;
}

/** Where a connection to a wildcard goes: to this computer (ip(7), INADDR_ANY). */
export function destinationOf(endpoint: InetEndpoint): InetEndpoint {
  if (!isWildcard(endpoint.ip)) return endpoint;
  return { ip: endpoint.ip === ANY_V4 ? "127.0.0.1" : "::1", port: endpoint.port };
}
