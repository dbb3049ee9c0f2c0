/** Headers behind IPv6's own, options of IPv4 and TCP, chunks of SCTP (net/netfilter/nft_exthdr.c). */
import {
  IPPROTO_SCTP,
  IPPROTO_TCP,
  NFTA_EXTHDR_DREG,
  NFTA_EXTHDR_FLAGS,
  NFTA_EXTHDR_LEN,
  NFTA_EXTHDR_OFFSET,
  NFTA_EXTHDR_OP,
  NFTA_EXTHDR_SREG,
  NFTA_EXTHDR_TYPE,
  NFT_EXTHDR_F_PRESENT,
  NFT_EXTHDR_OP_IPV4,
  NFT_EXTHDR_OP_IPV6,
  NFT_EXTHDR_OP_SCTP,
  NFT_EXTHDR_OP_TCPOPT,
} from "@stratos/abi";
import type { Expression } from "../rules/ruleset.ts";
import type { PacketView } from "../track/packet-view.ts";
import { replaceBytes } from "../track/rewrite.ts";
import { MATCHED, NOT_MATCHED } from "./outcome.ts";
import { putWord, REGISTERS } from "./registers.ts";
import { findTcpOption } from "./tcp-option.ts";

/** What an option is blotted out by (TCPOPT_NOP). */
const NOTHING = new Uint8Array(40).fill(1);
const SCTP_HEADER_SIZE = 12;

/** A header or an option is read; one of TCP is replaced, a segment's size only by a smaller one, or blotted out. */
export function evaluateHeader(it: Expression, packet: PacketView): number {
  const type = it.number(NFTA_EXTHDR_TYPE);
  const found = find(packet, it.number(NFTA_EXTHDR_OP), type);
  if (!it.has(NFTA_EXTHDR_DREG)) return change(it, packet, found);
  const to = 4 * it.number(NFTA_EXTHDR_DREG);
  if ((it.number(NFTA_EXTHDR_FLAGS) & NFT_EXTHDR_F_PRESENT) !== 0) {
    putWord(to, found < 0 ? 0 : 1);
    return MATCHED;
  }
  const offset = it.number(NFTA_EXTHDR_OFFSET);
  const size = it.number(NFTA_EXTHDR_LEN);
  if (found < 0 || found + offset + size > endOf(packet, it.number(NFTA_EXTHDR_OP), found)) return NOT_MATCHED;
  for (let index = 0; index < size; index++) REGISTERS[to + index] = packet.bytes[found + offset + index]!;
  for (let index = size; (index & 3) !== 0; index++) REGISTERS[to + index] = 0;
  return MATCHED;
}

/** Where it is in the bytes; −1: it isn't there. */
function find(packet: PacketView, op: number, type: number): number {
  switch (op) {
    case NFT_EXTHDR_OP_IPV6:
      return packet.isIp ? packet.findExtension(type) : -1;
    case NFT_EXTHDR_OP_IPV4:
      return findIpOption(packet, type);
    case NFT_EXTHDR_OP_SCTP:
      return findChunk(packet, type);
    default:
      return packet.protocol === IPPROTO_TCP ? findTcpOption(packet, type) : -1;
  }
}

/** How far it may be read: an option of TCP by its own length, others as far as the packet goes. */
function endOf({ bytes, end }: PacketView, op: number, found: number): number {
  if (op !== NFT_EXTHDR_OP_TCPOPT) return end;
  return found + (bytes[found]! <= 1 ? 1 : bytes[found + 1]!);
}

function findIpOption({ bytes, at, isIp, isV6 }: PacketView, kind: number): number {
  if (!isIp || isV6) return -1;
  const end = at + (bytes[at]! & 15) * 4;
  for (let place = at + 20; place < end;) {
    const option = bytes[place]!;
    if (option === 0) return -1;
    if (option === 1) place++;
    else {
      if (place + 2 > end || bytes[place + 1]! < 2 || place + bytes[place + 1]! > end) return -1;
      if (option === kind) return place;
      place += bytes[place + 1]!;
    }
  }
  return -1;
}

function findChunk({ bytes, transportAt, protocol, end }: PacketView, type: number): number {
  if (protocol !== IPPROTO_SCTP || transportAt < 0) return -1;
  for (let place = transportAt + SCTP_HEADER_SIZE; place + 4 <= end;) {
    if (bytes[place] === type) return place;
    const length = (bytes[place + 2]! << 8) | bytes[place + 3]!;
    if (length < 4) return -1;
    place += (length + 3) & ~3;
  }
  return -1;
}

function change(it: Expression, packet: PacketView, found: number): number {
  const { bytes } = packet;
  const how = { ip: false, transport: true };
  if (!it.has(NFTA_EXTHDR_SREG)) {
    if (found >= 0 && bytes[found]! > 1) replaceBytes(packet, found, NOTHING, 0, bytes[found + 1]!, how);
    return MATCHED;
  }
  const from = 4 * it.number(NFTA_EXTHDR_SREG);
  const size = it.number(NFTA_EXTHDR_LEN);
  if (found < 0 || found + it.number(NFTA_EXTHDR_OFFSET) + size > endOf(packet, NFT_EXTHDR_OP_TCPOPT, found))
    return NOT_MATCHED;
  const place = found + it.number(NFTA_EXTHDR_OFFSET);
  const isSmaller = ((REGISTERS[from]! << 8) | REGISTERS[from + 1]!) < ((bytes[place]! << 8) | bytes[place + 1]!);
  if (size !== 2 || isSmaller) replaceBytes(packet, place, REGISTERS, from, size, how);
  return MATCHED;
}
