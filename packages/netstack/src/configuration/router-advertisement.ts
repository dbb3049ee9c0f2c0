/**
 * What a router says of its link (RFC 4861 §4.2, §4.6; RFC 4191 §2.2), checked once (§6.1.2):
 *
 *     0      1      2          4      5       6           8           12        16
 *     | type | code | checksum | hops | flags | lifetime  | reachable | retrans | options …
 *
 * Lifetimes are in seconds; FOR_EVER stands for no end.
 */
import { HARDWARE_SIZE, longAt, shortAt } from "../ethernet.ts";
import { type IpAddress, isLinkLocal, readV6 } from "../ip-address.ts";
import type { IncomingPacket } from "../ip-packet.ts";
import { NDP_HOPS, SOURCE_OPTION } from "../ndp.ts";

export const FOR_EVER = 0xffffffff;
const HEADER_SIZE = 16;
const PREFIX_OPTION = 3,
  MTU_OPTION = 5;
const PREFIX_SIZE = 32;
const ON_LINK = 0x80,
  AUTONOMOUS = 0x40;
/** What the kernel hands on: name servers, search domains, portals, prefixes of NAT64 (net/ipv6/ndisc.c). */
const FOR_PROGRAMS: ReadonlySet<number> = new Set([25, 31, 37, 38]);
/** Options of one advertisement that are looked at. */
const OPTIONS_MAX = 64;

export interface AdvertisedPrefix {
  readonly ip: IpAddress;
  readonly length: number;
  readonly isOnLink: boolean;
  readonly isAutonomous: boolean;
  readonly valid: number;
  readonly preferred: number;
}

export interface RouterAdvertisement {
  readonly lifetime: number;
  /** RFC 4191 §2.1, as RTA_PREF has it: 0 medium, 1 high, 3 low. */
  readonly preference: number;
  readonly hardware: Uint8Array | null;
  /** 0: it says none. */
  readonly mtu: number;
  readonly prefixes: readonly AdvertisedPrefix[];
  /** Whole options for programs. */
  readonly others: readonly Uint8Array[];
}

/** @returns null: it is none, or comes from beyond the link */
export function readAdvertisement(packet: IncomingPacket): RouterAdvertisement | null {
  const { bytes, payloadAt: at, payloadLength: length, hops, source } = packet;
  if (hops !== NDP_HOPS || length < HEADER_SIZE || bytes[at + 1] !== 0 || !isLinkLocal(source)) return null;
  let hardware: Uint8Array | null = null;
  let mtu = 0;
  const prefixes: AdvertisedPrefix[] = [];
  const others: Uint8Array[] = [];
  for (let option = at + HEADER_SIZE, count = 0; option < at + length && count < OPTIONS_MAX; count++) {
    const size = option + 2 > at + length ? 0 : bytes[option + 1]! * 8;
    if (size === 0 || option + size > at + length) return null;
    const type = bytes[option]!;
    if (type === SOURCE_OPTION && size === 8) hardware = bytes.slice(option + 2, option + 2 + HARDWARE_SIZE);
    else if (type === MTU_OPTION && size === 8) mtu = longAt(bytes, option + 4);
    else if (type === PREFIX_OPTION && size === PREFIX_SIZE) prefixes.push(readPrefix(bytes, option));
    else if (FOR_PROGRAMS.has(type)) others.push(bytes.slice(option, option + size));
    option += size;
  }
  // What is reserved counts as medium (RFC 4191 §2.2).
  const preference = (bytes[at + 5]! >> 3) & 3;
  return {
    lifetime: shortAt(bytes, at + 6),
    preference: preference === 2 ? 0 : preference,
    hardware,
    mtu,
    prefixes,
    others,
  };
}

function readPrefix(bytes: Uint8Array, at: number): AdvertisedPrefix {
  const flags = bytes[at + 3]!;
  return {
    ip: readV6(bytes, at + 16, new Uint32Array(4)),
    length: bytes[at + 2]!,
    isOnLink: (flags & ON_LINK) !== 0,
    isAutonomous: (flags & AUTONOMOUS) !== 0,
    valid: longAt(bytes, at + 4),
    preferred: longAt(bytes, at + 8),
  };
}
