/** `struct xt_conntrack_mtinfo1`, 2 and 3 (net/netfilter/xt_conntrack.c): what is known of a packet's connection. */
import { IPS_DST_NAT, IPS_SRC_NAT, XtConntrackMtinfo1, XtConntrackMtinfo3 } from "@stratos/abi";
import { type PacketView, UNTRACKED } from "../track/packet-view.ts";
import { DESTINATION, DESTINATION_PORT, SOURCE, SOURCE_PORT } from "../track/tuple.ts";
import { stateBit } from "./load.ts";

/** Bits of what is asked. */
const STATE = 1,
  PROTOCOL = 2,
  ADDRESSES = 4,
  STATUS = 64,
  EXPIRES = 128,
  PORTS = 256,
  DIRECTION = 4096;
const STATE_SNAT = 64,
  STATE_DNAT = 128,
  STATE_UNTRACKED = 256;
/** All revisions have the same places, as far as they have them, but the first one's masks. */
const { offset } = XtConntrackMtinfo3;
const ADDRESSES_AT = [offset.origsrc_addr, offset.origdst_addr, offset.replsrc_addr, offset.repldst_addr] as const,
  MASK_AT = offset.origsrc_mask - offset.origsrc_addr;
const PORTS_AT = [offset.origsrc_port, offset.origdst_port, offset.replsrc_port, offset.repldst_port] as const,
  PORT_HIGH_AT = offset.origsrc_port_high - offset.origsrc_port;

const short = (bytes: Uint8Array, at: number): number => bytes[at]! | (bytes[at + 1]! << 8);
const word = (bytes: Uint8Array, at: number): number =>
  (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;

export function matchesConntrack(info: Uint8Array, revision: number, packet: PacketView, nowNs: number): boolean {
  const asked = short(info, offset.match_flags);
  const inverted = short(info, offset.invert_flags);
  const states = revision === 1 ? info[XtConntrackMtinfo1.offset.state_mask]! : short(info, offset.state_mask);
  const statuses = revision === 1 ? info[XtConntrackMtinfo1.offset.status_mask]! : short(info, offset.status_mask);
  const { connection } = packet;
  if ((asked & STATE) !== 0) {
    let state = packet.relation === UNTRACKED ? STATE_UNTRACKED : stateBit(packet);
    if (connection?.has(IPS_SRC_NAT)) state |= STATE_SNAT;
    if (connection?.has(IPS_DST_NAT)) state |= STATE_DNAT;
    if (((state & states) !== 0) === ((inverted & STATE) !== 0)) return false;
  }
  if (connection === null) return (asked & ~STATE) === 0;
  const isWrong = (bit: number, holds: boolean): boolean => (asked & bit) !== 0 && holds === ((inverted & bit) !== 0);
  if (isWrong(DIRECTION, !packet.isReply)) return false;
  const { original, reply } = connection;
  for (let index = 0; index < 4; index++) {
    const { tuple } = index < 2 ? original : reply;
    const isSource = index % 2 === 0;
    const address = isSource ? SOURCE : DESTINATION;
    if (isWrong(ADDRESSES << index, isWithin(info, ADDRESSES_AT[index]!, tuple, address, packet.isV6))) return false;
    const port = tuple[isSource ? SOURCE_PORT : DESTINATION_PORT]!;
    if (isWrong(PORTS << index, isPort(info, index, port, revision))) return false;
  }
  if (isWrong(PROTOCOL, (original.tuple[0]! & 0xff) === short(info, offset.l4proto))) return false;
  if (isWrong(STATUS, (connection.status & statuses) !== 0)) return false;
  const left = Math.max(0, Math.floor((connection.expiresNs - nowNs) / 1e9));
  return !isWrong(EXPIRES, left >= word(info, offset.expires_min) && left <= word(info, offset.expires_max));
}

/** An address and its mask, each of four words in network order; of IPv4 the first. */
function isWithin(info: Uint8Array, at: number, tuple: Uint32Array, from: number, isV6: boolean): boolean {
  for (let index = 0; index < (isV6 ? 4 : 1); index++) {
    const value = tuple[from + (isV6 ? index : 3)]!;
    const network = (place: number): number =>
      ((info[place]! << 24) | (info[place + 1]! << 16) | (info[place + 2]! << 8) | info[place + 3]!) >>> 0;
    if ((value & network(at + MASK_AT + 4 * index)) >>> 0 !== network(at + 4 * index)) return false;
  }
  return true;
}

/** Of the third revision a range in the machine's order, of those before one in the network's. */
function isPort(info: Uint8Array, index: number, port: number, revision: number): boolean {
  const at = PORTS_AT[index]!;
  if (revision < 3) return ((info[at]! << 8) | info[at + 1]!) === port;
  return port >= short(info, at) && port <= short(info, at + PORT_HIGH_AT);
}
