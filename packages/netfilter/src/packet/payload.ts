import {
  IPPROTO_TCP,
  IPPROTO_UDP,
  NFT_PAYLOAD_INNER_HEADER,
  NFT_PAYLOAD_NETWORK_HEADER,
  NFT_PAYLOAD_TRANSPORT_HEADER,
} from "@stratos/abi";
import type { PacketView } from "../track/packet-view.ts";

/** Where a header begins; −1: the packet has none. */
export function payloadPlace(packet: PacketView, base: number): number {
  switch (base) {
    case NFT_PAYLOAD_NETWORK_HEADER:
      return packet.at;
    case NFT_PAYLOAD_TRANSPORT_HEADER:
      return packet.transportAt;
    case NFT_PAYLOAD_INNER_HEADER: {
      const { transportAt, protocol, bytes } = packet;
      if (transportAt < 0) return -1;
      if (protocol === IPPROTO_UDP) return transportAt + 8;
      return protocol === IPPROTO_TCP && packet.hasTransport(20)
        ? transportAt + (bytes[transportAt + 12]! >> 4) * 4
        : -1;
    }
    default:
      return packet.frameAt;
  }
}
