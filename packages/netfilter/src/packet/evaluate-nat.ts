/** Rules that translate (net/netfilter/nft_nat.c, nft_masq.c, nft_redir.c): a range from registers. */
import {
  NFPROTO_INET,
  NFPROTO_IPV4,
  NFPROTO_IPV6,
  NFTA_MASQ_FLAGS,
  NFTA_MASQ_REG_PROTO_MAX,
  NFTA_MASQ_REG_PROTO_MIN,
  NFTA_NAT_FAMILY,
  NFTA_NAT_FLAGS,
  NFTA_NAT_REG_ADDR_MAX,
  NFTA_NAT_REG_ADDR_MIN,
  NFTA_NAT_REG_PROTO_MAX,
  NFTA_NAT_REG_PROTO_MIN,
  NFTA_NAT_TYPE,
  NFTA_REDIR_FLAGS,
  NFTA_REDIR_REG_PROTO_MAX,
  NFTA_REDIR_REG_PROTO_MIN,
  NFT_NAT_SNAT,
  NF_INET_LOCAL_OUT,
  NF_NAT_RANGE_MAP_IPS,
} from "@stratos/abi";
import type { Expression } from "../rules/ruleset.ts";
import { NatRange } from "../track/nat.ts";
import type { PacketView } from "../track/packet-view.ts";
import { ACCEPTED, DROPPED } from "./outcome.ts";
import { REGISTERS } from "./registers.ts";
import type { Surroundings } from "./surroundings.ts";

const RANGE = new NatRange();

export function evaluateNat(it: Expression, packet: PacketView, around: Surroundings): number {
  RANGE.first.fill(0);
  RANGE.last.fill(0);
  RANGE.firstPort = RANGE.lastPort = 0;
  switch (it.kind) {
    case "nat": {
      const { isV6 } = packet;
      const family = it.number(NFTA_NAT_FAMILY);
      if (family !== NFPROTO_INET && family !== (isV6 ? NFPROTO_IPV6 : NFPROTO_IPV4)) return ACCEPTED;
      RANGE.flags = it.number(NFTA_NAT_FLAGS);
      if (it.has(NFTA_NAT_REG_ADDR_MIN)) {
        readAddress(RANGE.first, 4 * it.number(NFTA_NAT_REG_ADDR_MIN), isV6);
        readAddress(RANGE.last, 4 * it.number(NFTA_NAT_REG_ADDR_MAX), isV6);
      }
      readPorts(it, NFTA_NAT_REG_PROTO_MIN, NFTA_NAT_REG_PROTO_MAX);
      return chooseFor(packet, around, RANGE, it.number(NFTA_NAT_TYPE) === NFT_NAT_SNAT);
    }
    case "masq":
      RANGE.flags = it.number(NFTA_MASQ_FLAGS);
      readPorts(it, NFTA_MASQ_REG_PROTO_MIN, NFTA_MASQ_REG_PROTO_MAX);
      return masquerade(packet, around, RANGE);
    default:
      RANGE.flags = it.number(NFTA_REDIR_FLAGS);
      readPorts(it, NFTA_REDIR_REG_PROTO_MIN, NFTA_REDIR_REG_PROTO_MAX);
      return redirect(packet, around, RANGE);
  }
}

function readAddress(into: Uint32Array, at: number, isV6: boolean): void {
  for (let word = 0; word < (isV6 ? 4 : 1); word++) {
    const from = at + 4 * word;
    into[isV6 ? word : 3] =
      (REGISTERS[from]! << 24) | (REGISTERS[from + 1]! << 16) | (REGISTERS[from + 2]! << 8) | REGISTERS[from + 3]!;
  }
}

function readPorts(it: Expression, first: number, last: number): void {
  if (!it.has(first)) return;
  const low = 4 * it.number(first);
  const high = 4 * it.number(last);
  RANGE.firstPort = (REGISTERS[low]! << 8) | REGISTERS[low + 1]!;
  RANGE.lastPort = (REGISTERS[high]! << 8) | REGISTERS[high + 1]!;
}

export function chooseFor(
  packet: PacketView,
  { nat, nowNs }: Surroundings,
  range: NatRange,
  isSource: boolean,
): number {
  if (packet.connection === null) return ACCEPTED;
  return nat.choose(packet.connection, range, isSource, nowNs) ? ACCEPTED : DROPPED;
}

/** It seems to come from the interface that it leaves by. */
export function masquerade(packet: PacketView, around: Surroundings, range: NatRange): number {
  const { bytes, at, isV6, outDevice } = packet;
  if (!around.host.sourceOf(outDevice, bytes, at + (isV6 ? 24 : 16), isV6, range.first)) return DROPPED;
  range.last.set(range.first);
  range.flags |= NF_NAT_RANGE_MAP_IPS;
  return chooseFor(packet, around, range, true);
}

/** It goes to this machine itself: to where it came in, or to the loopback. */
export function redirect(packet: PacketView, around: Surroundings, range: NatRange): number {
  const { bytes, at, isV6, inDevice, hook } = packet;
  if (hook === NF_INET_LOCAL_OUT) {
    range.first.fill(0);
    range.first[3] = isV6 ? 1 : 0x7f000001;
  } else if (!around.host.sourceOf(inDevice, bytes, at + (isV6 ? 8 : 12), isV6, range.first)) return DROPPED;
  range.last.set(range.first);
  range.flags |= NF_NAT_RANGE_MAP_IPS;
  return chooseFor(packet, around, range, false);
}
