/**
 * ICMP (RFC 792, RFC 1191, RFC 1812) and ICMPv6 (RFC 4443): what it says of packets that did not arrive.
 *
 *     0      1      2          4                   8
 *     | type | code | checksum | identifier, MTU … | data, or the beginning of the packet that it is about …
 */
import {
  EACCES,
  ECONNREFUSED,
  EHOSTUNREACH,
  EMSGSIZE,
  ENETUNREACH,
  ENOPROTOOPT,
  EPROTO,
  IPPROTO_ICMPV6,
} from "@stratos/abi";
import { addToChecksum, foldChecksum, pseudoHeaderSum } from "./checksum.ts";
import { writeShort } from "./ethernet.ts";
import type { IpAddress } from "./ip-address.ts";

export const ICMP_HEADER_SIZE = 8;

export const ICMP_ECHO_REPLY = 0,
  ICMP_UNREACHABLE = 3,
  ICMP_REDIRECT = 5,
  ICMP_ECHO = 8,
  ICMP_TIME_EXCEEDED = 11,
  ICMP_PARAMETER_PROBLEM = 12;
/** Codes of ICMP_UNREACHABLE. */
export const NET_UNREACHABLE = 0,
  HOST_UNREACHABLE = 1,
  PROTOCOL_UNREACHABLE = 2,
  PORT_UNREACHABLE = 3,
  FRAGMENTATION_NEEDED = 4,
  PROHIBITED = 13;

export const ICMPV6_UNREACHABLE = 1,
  ICMPV6_TOO_BIG = 2,
  ICMPV6_TIME_EXCEEDED = 3,
  ICMPV6_PARAMETER_PROBLEM = 4,
  ICMPV6_ECHO = 128,
  ICMPV6_ECHO_REPLY = 129,
  MLD_QUERY = 130,
  NDP_ROUTER_SOLICITATION = 133,
  NDP_ROUTER_ADVERTISEMENT = 134,
  NDP_SOLICITATION = 135,
  NDP_ADVERTISEMENT = 136;
/** Codes of ICMPV6_UNREACHABLE, and of a parameter problem. */
export const NO_ROUTE_V6 = 0,
  PROHIBITED_V6 = 1,
  ADDRESS_UNREACHABLE_V6 = 3,
  PORT_UNREACHABLE_V6 = 4,
  UNKNOWN_HEADER_V6 = 1;

/** Sets the checksum of a message `bytes[at … at + length)`. */
export function setIcmpChecksum(
  bytes: Uint8Array,
  at: number,
  length: number,
  isV6: boolean,
  source: IpAddress,
  destination: IpAddress,
): void {
  writeShort(bytes, at + 2, 0);
  const pseudo = isV6 ? pseudoHeaderSum(source, destination, IPPROTO_ICMPV6, length) : 0;
  writeShort(bytes, at + 2, foldChecksum(addToChecksum(pseudo, bytes, at, length)));
}

/** What an error means to who sent the packet. */
export interface IcmpError {
  readonly type: number;
  readonly code: number;
  /** Of a packet that was too long: bytes that one may have; else 0. */
  readonly mtu: number;
  /** It stays so: a connection need not try again (RFC 1122 §4.2.3.9). */
  readonly isHard: boolean;
  readonly errno: number;
}

/** Errnos by code of ICMP_UNREACHABLE, and which are hard (net/ipv4/icmp.c, icmp_err_convert). */
const UNREACHABLE: readonly (readonly [errno: number, isHard: boolean])[] = [
  [ENETUNREACH, false],
  [EHOSTUNREACH, false],
  [ENOPROTOOPT, true],
  [ECONNREFUSED, true],
  [EMSGSIZE, false],
  [EHOSTUNREACH, false],
  [ENETUNREACH, true],
  [EHOSTUNREACH, true],
  [EHOSTUNREACH, true],
  [ENETUNREACH, true],
  [EHOSTUNREACH, true],
  [ENETUNREACH, false],
  [EHOSTUNREACH, false],
  [EHOSTUNREACH, true],
  [EHOSTUNREACH, true],
  [EHOSTUNREACH, true],
];
/** By code of ICMPV6_UNREACHABLE (net/ipv6/icmp.c, tab_unreach). */
const UNREACHABLE_V6: readonly (readonly [errno: number, isHard: boolean])[] = [
  [ENETUNREACH, false],
  [EACCES, true],
  [EHOSTUNREACH, false],
  [EHOSTUNREACH, false],
  [ECONNREFUSED, true],
  [EACCES, true],
  [EACCES, true],
];

/** @returns null: no error, or one that means nothing to senders */
export function meaningOf(isV6: boolean, type: number, code: number, mtu: number): IcmpError | null {
  let found: readonly [errno: number, isHard: boolean] | undefined;
  if (isV6) {
    if (type === ICMPV6_UNREACHABLE) found = UNREACHABLE_V6[code] ?? [EPROTO, false];
    else if (type === ICMPV6_TOO_BIG) found = [EMSGSIZE, false];
    else if (type === ICMPV6_TIME_EXCEEDED) found = [EHOSTUNREACH, false];
    else if (type === ICMPV6_PARAMETER_PROBLEM) found = [EPROTO, true];
  } else if (type === ICMP_UNREACHABLE) found = UNREACHABLE[code];
  else if (type === ICMP_TIME_EXCEEDED) found = [EHOSTUNREACH, false];
  else if (type === ICMP_PARAMETER_PROBLEM) found = [EPROTO, true];
  if (found === undefined) return null;
  const isTooBig = found[0] === EMSGSIZE;
  return { type, code, mtu: isTooBig ? mtu : 0, errno: found[0], isHard: found[1] };
}
