/** `struct sockaddr_ll` (packet(7)). */
import {
  AF_PACKET,
  EINVAL,
  PACKET_BROADCAST,
  PACKET_HOST,
  PACKET_MULTICAST,
  PACKET_OTHERHOST,
  SOCKADDR_LL_SIZE,
} from "@stratos/abi";
import { familyOf } from "../inet/inet-address.ts";
import { ETHERNET_ADDRESS_SIZE, type NetworkInterface } from "../network-interface.ts";

/** Where the hardware address stands. */
const ADDRESS = 12;

export interface PacketAddress {
  /** Ethernet type, in the order of the host. */
  readonly protocol: number;
  readonly index: number;
  readonly hardwareAddress: Uint8Array;
}

/** @returns −EINVAL too short, or of another family */
export function parsePacketAddress(address: Uint8Array): PacketAddress | number {
  if (address.length < SOCKADDR_LL_SIZE || familyOf(address) !== AF_PACKET) return -EINVAL;
  return {
    protocol: (address[2]! << 8) | address[3]!,
    index: new DataView(address.buffer, address.byteOffset).getInt32(4, true),
    hardwareAddress: address.slice(ADDRESS, ADDRESS + Math.min(8, address[11]!)),
  };
}

/** Writes the address of a frame, or of a socket; the rest of `into` up to SOCKADDR_LL_SIZE is zero. */
export function writePacketAddress(
  into: Uint8Array,
  fields: { protocol: number; index: number; hardwareType: number; packetType: number },
  hardwareAddress: Uint8Array,
): void {
  into.fill(0, 0, SOCKADDR_LL_SIZE);
  into[0] = AF_PACKET;
  into[2] = fields.protocol >> 8;
  into[3] = fields.protocol;
  for (let byte = 0; byte < 4; byte++) into[4 + byte] = fields.index >> (8 * byte);
  into[8] = fields.hardwareType;
  into[9] = fields.hardwareType >> 8;
  into[10] = fields.packetType;
  into[11] = hardwareAddress.length;
  into.set(hardwareAddress, ADDRESS);
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
