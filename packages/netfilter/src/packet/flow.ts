/**
 * Whose a packet is, the same for both directions (net/core/flow_dissector.c, flow_keys_dissector_symmetric): addresses
 * and ports, the lower of each first, and the protocol, of the innermost packet. Parts of a packet have no ports.
 *
 *     0        16        32     34     36         37     38
 *     | address | address | port | port | protocol | isV6 | 0, 0
 */
import {
  ETH_P_IP,
  ETH_P_IPV6,
  IPPROTO_AH,
  IPPROTO_DCCP,
  IPPROTO_DSTOPTS,
  IPPROTO_ESP,
  IPPROTO_FRAGMENT,
  IPPROTO_GRE,
  IPPROTO_HOPOPTS,
  IPPROTO_IPIP,
  IPPROTO_IPV6,
  IPPROTO_ROUTING,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPPROTO_UDPLITE,
} from "@stratos/abi";
import type { PacketView } from "../track/packet-view.ts";

export const FLOW_SIZE = 40;

const PORTS = 32,
  PROTOCOL = 36,
  IS_V6 = 37;
/** MAX_FLOW_DISSECT_HDRS: behind so many nothing is looked for. */
const HEADERS_MAX = 15;
/** Of GRE (RFC 2784, RFC 2890). */
const GRE_CSUM = 0x80,
  GRE_ROUTING = 0x40,
  GRE_KEY = 0x20,
  GRE_SEQ = 0x10,
  GRE_VERSION = 7;

const FLOW = new Uint8Array(FLOW_SIZE);

/** @returns FLOW_SIZE bytes, until the next call; all 0 of what isn't IP */
export function readFlow(packet: PacketView): Uint8Array {
  FLOW.fill(0);
  if (packet.isIp) readHeaders(packet.bytes, packet.at, packet.end, packet.isV6);
  order(0, FLOW[IS_V6] === 1 ? 16 : 4);
  order(PORTS, 2);
  return FLOW;
}

function readHeaders(bytes: Uint8Array, start: number, end: number, isV6: boolean): void {
  let at = start;
  let next: number = isV6 ? IPPROTO_IPV6 : IPPROTO_IPIP;
  for (let count = 0; count < HEADERS_MAX; count++) {
    if (next === IPPROTO_IPIP) {
      const size = (bytes[at]! & 15) * 4;
      if (at + 20 > end || size < 20) return;
      next = beginPacket(bytes, at + 12, 4, bytes[at + 9]!);
      if ((((bytes[at + 6]! & 0x3f) << 8) | bytes[at + 7]!) !== 0) return;
      at += size;
    } else if (next === IPPROTO_IPV6) {
      if (at + 40 > end) return;
      next = beginPacket(bytes, at + 8, 16, bytes[at + 6]!);
      at += 40;
    } else if (next === IPPROTO_HOPOPTS || next === IPPROTO_ROUTING || next === IPPROTO_DSTOPTS) {
      if (FLOW[IS_V6] === 0 || at + 2 > end) return;
      next = FLOW[PROTOCOL] = bytes[at]!;
      at += 8 * (bytes[at + 1]! + 1);
    } else if (next === IPPROTO_FRAGMENT) {
      if (FLOW[IS_V6] === 1 && at + 8 <= end) FLOW[PROTOCOL] = bytes[at]!;
      return;
    } else if (next === IPPROTO_GRE) {
      next = behindGre(bytes, at, end);
      if (next < 0) return;
      at += greSize(bytes[at]!);
    } else {
      const portsAt = at + (next === IPPROTO_AH ? 4 : 0);
      if (hasPorts(next) && portsAt + 4 <= end) FLOW.set(bytes.subarray(portsAt, portsAt + 4), PORTS);
      return;
    }
  }
}

/** @returns what it has in it */
function beginPacket(bytes: Uint8Array, addressesAt: number, size: number, protocol: number): number {
  FLOW.fill(0, 0, PORTS);
  for (let index = 0; index < 2 * size; index++) FLOW[index] = bytes[addressesAt + index]!;
  FLOW[IS_V6] = size === 16 ? 1 : 0;
  FLOW[PROTOCOL] = protocol;
  return protocol;
}

/** IPPROTO_IPIP, IPPROTO_IPV6; −1: nothing that is looked into. */
function behindGre(bytes: Uint8Array, at: number, end: number): number {
  if (at + 4 > end || (bytes[at]! & GRE_ROUTING) !== 0 || (bytes[at + 1]! & GRE_VERSION) !== 0) return -1;
  const type = (bytes[at + 2]! << 8) | bytes[at + 3]!;
  return type === ETH_P_IP ? IPPROTO_IPIP : type === ETH_P_IPV6 ? IPPROTO_IPV6 : -1;
}

function greSize(flags: number): number {
  return 4 + ((flags & GRE_CSUM) !== 0 ? 4 : 0) + ((flags & GRE_KEY) !== 0 ? 4 : 0) + ((flags & GRE_SEQ) !== 0 ? 4 : 0);
}

/** proto_ports_offset: what stands where ports do. */
function hasPorts(protocol: number): boolean {
  return (
    protocol === IPPROTO_TCP ||
    protocol === IPPROTO_UDP ||
    protocol === IPPROTO_DCCP ||
    protocol === IPPROTO_ESP ||
    protocol === IPPROTO_AH ||
    protocol === IPPROTO_SCTP ||
    protocol === IPPROTO_UDPLITE
  );
}

/** The lower of two of `size` bytes comes first. */
function order(at: number, size: number): void {
  let difference = 0;
  for (let index = at; index < at + size && difference === 0; index++) difference = FLOW[index]! - FLOW[index + size]!;
  if (difference <= 0) return;
  for (let index = at; index < at + size; index++) {
    const first = FLOW[index]!;
    FLOW[index] = FLOW[index + size]!;
    FLOW[index + size] = first;
  }
}
