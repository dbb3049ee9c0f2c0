/** `struct sockaddr_ll` (packet(7)). */
import {
  AF_PACKET,
  EINVAL,
  ETH_P_IP,
  ETH_P_IPV6,
  PACKET_BROADCAST,
  PACKET_HOST,
  PACKET_MULTICAST,
  PACKET_OTHERHOST,
  SockaddrLl,
} from "@stratos/abi";
import { putFields, viewOf } from "../../ground/words.ts";
import { ETHERNET_ADDRESS_SIZE, type NetworkInterface } from "../network-interface.ts";

const { sll_protocol, sll_ifindex, sll_halen, sll_addr } = SockaddrLl.offset;
const IPV4_HEADER_SIZE = 20,
  IPV6_HEADER_SIZE = 40;
const HARDWARE_ADDRESS_MAX = SockaddrLl.size - sll_addr;

export interface PacketAddress {
  /** Ethernet type, in the order of the host. */
  readonly protocol: number;
  readonly index: number;
  readonly hardwareAddress: Uint8Array;
}

/** Who sends need not name the family (af_packet.c, packet_snd). @returns −EINVAL too short */
export function parsePacketAddress(address: Uint8Array): PacketAddress | number {
  if (address.length < SockaddrLl.size) return -EINVAL;
  const view = viewOf(address);
  return {
    protocol: view.getUint16(sll_protocol),
    index: view.getInt32(sll_ifindex, true),
    hardwareAddress: address.slice(sll_addr, sll_addr + Math.min(HARDWARE_ADDRESS_MAX, address[sll_halen]!)),
  };
}

/** Writes the address of a frame, or of a socket; the rest of `into` up to its size is zero. */
export function writePacketAddress(
  into: Uint8Array,
  fields: { protocol: number; index: number; hardwareType: number; packetType: number },
  hardwareAddress: Uint8Array,
): void {
  into.fill(0, 0, SockaddrLl.size);
  putFields(viewOf(into), SockaddrLl, {
    sll_family: AF_PACKET,
    sll_protocol: fields.protocol,
    sll_ifindex: fields.index,
    sll_hatype: fields.hardwareType,
    sll_pkttype: fields.packetType,
    sll_halen: hardwareAddress.length,
  });
  into.set(hardwareAddress, sll_addr);
}

/** The Ethernet type of a frame; of a bare packet that of its IP, if it has a header (`ip_tunnel_parse_protocol`). */
export function ethernetTypeOf(one: NetworkInterface, frame: Uint8Array): number {
  if (one.hasFrames) return (frame[12]! << 8) | frame[13]!;
  const version = frame.length < IPV4_HEADER_SIZE ? 0 : frame[0]! >> 4;
  if (version === 4) return ETH_P_IP;
  return version === 6 && frame.length >= IPV6_HEADER_SIZE ? ETH_P_IPV6 : 0;
}

/** For whom a frame that came in by `one` is, by the destination that it begins with. */
export function packetTypeOf(one: NetworkInterface, frame: Uint8Array): number {
  let isOwn = true,
    isBroadcast = true;
  for (let byte = 0; byte < ETHERNET_ADDRESS_SIZE; byte++) {
    if (frame[byte] !== one.hardwareAddress[byte]) isOwn = false;
    if (frame[byte] !== 255) isBroadcast = false;
  }
  if (isBroadcast) return PACKET_BROADCAST;
  if ((frame[0]! & 1) !== 0) return PACKET_MULTICAST;
  return isOwn ? PACKET_HOST : PACKET_OTHERHOST;
}
