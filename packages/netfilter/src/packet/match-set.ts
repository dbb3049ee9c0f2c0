/** `-m set` of iptables (net/netfilter/xt_set.c): is what a packet has in a set of ipset(8)? */
import {
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPSET_COUNTER_EQ,
  IPSET_COUNTER_GT,
  IPSET_COUNTER_LT,
  IPSET_COUNTER_NE,
  IPSET_DIM_ONE_SRC,
  IPSET_DIM_TWO_SRC,
  IPSET_FLAG_RETURN_NOMATCH,
  IPSET_FLAG_SKIP_COUNTER_UPDATE,
  IPSET_INV_MATCH,
  IpSetCounterMatch,
  XtSetInfoMatchV1,
  XtSetInfoMatchV4,
} from "@stratos/abi";
import { KEY_SIZE, PORT_AT, PROTOCOL_AT } from "../sets/ip-set.ts";
import { hasPorts } from "../sets/named-elements.ts";
import type { PacketView } from "../track/packet-view.ts";
import type { Surroundings } from "./surroundings.ts";

const KEY = new Uint8Array(KEY_SIZE);

export function matchesSet(info: Uint8Array, revision: number, packet: PacketView, around: Surroundings): boolean {
  const isInverted = (info[XtSetInfoMatchV1.offset.flags]! & IPSET_INV_MATCH) !== 0;
  return isIn(info, revision, packet, around) !== isInverted;
}

function isIn(info: Uint8Array, revision: number, packet: PacketView, { sets, nowNs }: Surroundings): boolean {
  const { index, dim, flags } = XtSetInfoMatchV1.offset;
  const set = sets.at(info[index]! | (info[index + 1]! << 8));
  if (set === undefined || set.isV6 !== packet.isV6) return false;
  const { hasPort } = set.options.type;
  if (info[dim]! < (hasPort ? 2 : 1)) return false;
  readAddress(packet, (info[flags]! & IPSET_DIM_ONE_SRC) !== 0);
  if (hasPort && !readPort(packet, (info[flags]! & IPSET_DIM_TWO_SRC) !== 0)) return false;
  const found = set.find(KEY, nowNs);
  if (found === null) return false;
  const what = revision < 4 ? 0 : wordOf(info, XtSetInfoMatchV4.offset.what);
  if (found.isException) return (what & IPSET_FLAG_RETURN_NOMATCH) !== 0;
  if ((what & IPSET_FLAG_RETURN_NOMATCH) !== 0) return false;
  if (!set.options.hasCounters) return true;
  if ((what & IPSET_FLAG_SKIP_COUNTER_UPDATE) === 0) {
    found.packets++;
    found.bytes += packet.length;
  }
  const { packets, bytes } = XtSetInfoMatchV4.offset;
  return revision < 4 || (isCount(found.packets, info, packets) && isCount(found.bytes, info, bytes));
}

/** ip_set_match_counter: with this packet. */
function isCount(count: number, info: Uint8Array, at: number): boolean {
  const { value, op } = IpSetCounterMatch.offset;
  const wanted = wordOf(info, at + value) + wordOf(info, at + value + 4) * 2 ** 32;
  switch (info[at + op]) {
    case IPSET_COUNTER_EQ:
      return count === wanted;
    case IPSET_COUNTER_NE:
      return count !== wanted;
    case IPSET_COUNTER_LT:
      return count < wanted;
    case IPSET_COUNTER_GT:
      return count > wanted;
    default:
      return true;
  }
}

/** Of the machine: the lowest byte first. */
function wordOf(info: Uint8Array, at: number): number {
  return (info[at]! | (info[at + 1]! << 8) | (info[at + 2]! << 16) | (info[at + 3]! << 24)) >>> 0;
}

function readAddress({ bytes, at, isV6 }: PacketView, isSource: boolean): void {
  const size = isV6 ? 16 : 4;
  const start = at + (isV6 ? 8 : 12) + (isSource ? 0 : size);
  KEY.fill(0);
  for (let place = 0; place < size; place++) KEY[place] = bytes[start + place]!;
}

/** ip_set_get_ip4_port: of ICMP the type and code. @returns has it one? */
function readPort(packet: PacketView, isSource: boolean): boolean {
  const { bytes, protocol, transportAt, isV6 } = packet;
  KEY[PROTOCOL_AT] = protocol;
  const isMessage = protocol === (isV6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
  if (!hasPorts(protocol) && !isMessage) return true;
  if (!packet.hasTransport(isMessage ? 2 : 4)) return false;
  const start = transportAt + (isMessage || isSource ? 0 : 2);
  KEY[PORT_AT] = bytes[start]!;
  KEY[PORT_AT + 1] = bytes[start + 1]!;
  return true;
}
