/** What is known of a packet and its connection goes into registers (net/netfilter/nft_meta.c, nft_ct.c). */
import {
  NFPROTO_BRIDGE,
  NFPROTO_INET,
  NFPROTO_IPV4,
  NFPROTO_IPV6,
  NFT_CT_AVGPKT,
  NFT_CT_BYTES,
  NFT_CT_DIRECTION,
  NFT_CT_DST,
  NFT_CT_DST_IP,
  NFT_CT_DST_IP6,
  NFT_CT_EXPIRATION,
  NFT_CT_ID,
  NFT_CT_L3PROTOCOL,
  NFT_CT_MARK,
  NFT_CT_PKTS,
  NFT_CT_PROTOCOL,
  NFT_CT_PROTO_DST,
  NFT_CT_PROTO_SRC,
  NFT_CT_SRC,
  NFT_CT_SRC_IP,
  NFT_CT_SRC_IP6,
  NFT_CT_STATE,
  NFT_CT_STATUS,
  NFT_CT_ZONE,
  NFT_META_BRI_IIFNAME,
  NFT_META_BRI_OIFNAME,
  NFT_META_CPU,
  NFT_META_IFTYPE,
  NFT_META_IIF,
  NFT_META_IIFGROUP,
  NFT_META_IIFNAME,
  NFT_META_L4PROTO,
  NFT_META_LEN,
  NFT_META_MARK,
  NFT_META_SKGID,
  NFT_META_SKUID,
  NFT_META_NFPROTO,
  NFT_META_OIF,
  NFT_META_OIFGROUP,
  NFT_META_OIFNAME,
  NFT_META_OIFTYPE,
  NFT_META_PKTTYPE,
  NFT_META_PRANDOM,
  NFT_META_PRIORITY,
  NFT_META_PROTOCOL,
  NFT_META_SDIF,
  NFT_META_SDIFNAME,
  NFT_META_SECPATH,
  NFT_META_TIME_DAY,
  NFT_META_TIME_HOUR,
  NFT_META_TIME_NS,
} from "@stratos/abi";
import { isTracked } from "../track/conntrack.ts";
import { INVALID, type PacketView, UNTRACKED } from "../track/packet-view.ts";
import { DESTINATION, DESTINATION_PORT, isTupleV6, SOURCE, SOURCE_PORT } from "../track/tuple.ts";
import type { PacketHost } from "./packet-host.ts";
import { putByte, putDouble, putName, putNetworkShort, putNetworkWord, putWord } from "./registers.ts";

/** Bits of `ct state`. */
const STATE_INVALID = 1,
  STATE_UNTRACKED = 64;

/** @returns is it known? */
export function loadMeta(packet: PacketView, host: PacketHost, key: number, to: number): boolean {
  switch (key) {
    case NFT_META_LEN:
      putWord(to, packet.length);
      return true;
    case NFT_META_PROTOCOL:
      putNetworkShort(to, packet.etherType);
      return true;
    case NFT_META_NFPROTO:
      putByte(to, packet.family !== NFPROTO_INET ? packet.family : packet.isV6 ? NFPROTO_IPV6 : NFPROTO_IPV4);
      return true;
    case NFT_META_L4PROTO:
      if (!packet.isIp) return false;
      putByte(to, packet.protocol);
      return true;
    case NFT_META_MARK:
      putWord(to, packet.mark);
      return true;
    case NFT_META_SKUID:
      putWord(to, packet.uid);
      return packet.uid >= 0;
    case NFT_META_SKGID:
      putWord(to, packet.gid);
      return packet.gid >= 0;
    case NFT_META_PRIORITY:
      putWord(to, packet.priority);
      return true;
    case NFT_META_IIF:
      putWord(to, packet.inDevice);
      return true;
    case NFT_META_OIF:
      putWord(to, packet.outDevice);
      return true;
    case NFT_META_IIFNAME:
      putName(to, packet.inDevice === 0 ? "" : host.interfaceName(packet.inDevice));
      return true;
    case NFT_META_OIFNAME:
      putName(to, packet.outDevice === 0 ? "" : host.interfaceName(packet.outDevice));
      return true;
    case NFT_META_IFTYPE:
      if (packet.inDevice === 0) return false;
      putWord(to, host.interfaceType(packet.inDevice));
      return true;
    case NFT_META_OIFTYPE:
      if (packet.outDevice === 0) return false;
      putWord(to, host.interfaceType(packet.outDevice));
      return true;
    case NFT_META_IIFGROUP:
      if (packet.inDevice === 0) return false;
      putWord(to, host.interfaceGroup(packet.inDevice));
      return true;
    case NFT_META_OIFGROUP:
      if (packet.outDevice === 0) return false;
      putWord(to, host.interfaceGroup(packet.outDevice));
      return true;
    case NFT_META_PKTTYPE:
      putByte(to, packetType(packet));
      return true;
    case NFT_META_BRI_IIFNAME:
    case NFT_META_BRI_OIFNAME: {
      if (packet.family !== NFPROTO_BRIDGE) return false;
      const name = host.bridgeName(key === NFT_META_BRI_IIFNAME ? packet.inDevice : packet.outDevice);
      putName(to, name);
      return name !== "";
    }
    case NFT_META_SDIF:
      // No device has a master that packets are routed for.
      putWord(to, 0);
      return true;
    case NFT_META_SDIFNAME:
      return false;
    case NFT_META_SECPATH:
      // There is no IPsec.
      putByte(to, 0);
      return true;
    case NFT_META_CPU:
      putWord(to, 0);
      return true;
    case NFT_META_PRANDOM:
      putWord(to, host.random());
      return true;
    case NFT_META_TIME_NS:
      putDouble(to, host.realtimeMs() * 1e6);
      return true;
    case NFT_META_TIME_DAY:
      putByte(to, (Math.floor(host.realtimeMs() / 86400e3) + 4) % 7);
      return true;
    case NFT_META_TIME_HOUR:
      putWord(to, Math.floor(host.realtimeMs() / 1000) % 86400);
      return true;
    default:
      // Whose socket it is isn't known here.
      return false;
  }
}

/** PACKET_HOST, PACKET_BROADCAST or PACKET_MULTICAST. */
function packetType({ isForMany, bytes, at, isV6, frameType, isFrame }: PacketView): number {
  if (isFrame) return frameType;
  if (isV6) return bytes[at + 24] === 0xff ? 2 : 0;
  if (bytes[at + 16]! >> 4 === 14) return 2;
  return isForMany ? 1 : 0;
}

/** @param direction  0 original, 1 reply; −1: none is asked for */
export function loadConnection(packet: PacketView, nowNs: number, key: number, to: number, direction: number): boolean {
  if (key === NFT_CT_STATE) {
    putWord(to, stateBit(packet));
    return true;
  }
  const { connection } = packet;
  if (connection === null) return false;
  const { tuple } = direction === 1 ? connection.reply : connection.original;
  switch (key) {
    case NFT_CT_DIRECTION:
      putByte(to, packet.isReply ? 1 : 0);
      return true;
    case NFT_CT_STATUS:
      putWord(to, connection.status);
      return true;
    case NFT_CT_MARK:
      putWord(to, connection.mark);
      return true;
    case NFT_CT_EXPIRATION:
      putWord(to, Math.max(0, Math.floor((connection.expiresNs - nowNs) / 1e6)));
      return true;
    case NFT_CT_ID:
      putWord(to, connection.id);
      return true;
    case NFT_CT_PKTS:
    case NFT_CT_BYTES: {
      const at = key === NFT_CT_PKTS ? 0 : 1;
      const { counts } = connection;
      const both = counts[at]! + counts[2 + at]!;
      putDouble(to, direction < 0 ? both : counts[2 * direction + at]!);
      return true;
    }
    case NFT_CT_AVGPKT: {
      const { counts } = connection;
      const packets = direction < 0 ? counts[0]! + counts[2]! : counts[2 * direction]!;
      const bytes = direction < 0 ? counts[1]! + counts[3]! : counts[2 * direction + 1]!;
      putDouble(to, packets === 0 ? 0 : Math.floor(bytes / packets));
      return true;
    }
    case NFT_CT_ZONE:
      putWord(to, 0);
      return true;
    case NFT_CT_L3PROTOCOL:
      putByte(to, tuple[0]! >>> 8);
      return true;
    case NFT_CT_PROTOCOL:
      putByte(to, tuple[0]! & 0xff);
      return true;
    case NFT_CT_PROTO_SRC:
      putNetworkShort(to, tuple[SOURCE_PORT]!);
      return true;
    case NFT_CT_PROTO_DST:
      putNetworkShort(to, tuple[DESTINATION_PORT]!);
      return true;
    case NFT_CT_SRC:
      return loadAddress(tuple, SOURCE, to, isTupleV6(tuple));
    case NFT_CT_DST:
      return loadAddress(tuple, DESTINATION, to, isTupleV6(tuple));
    case NFT_CT_SRC_IP:
      return !isTupleV6(tuple) && loadAddress(tuple, SOURCE, to, false);
    case NFT_CT_DST_IP:
      return !isTupleV6(tuple) && loadAddress(tuple, DESTINATION, to, false);
    case NFT_CT_SRC_IP6:
      return isTupleV6(tuple) && loadAddress(tuple, SOURCE, to, true);
    case NFT_CT_DST_IP6:
      return isTupleV6(tuple) && loadAddress(tuple, DESTINATION, to, true);
    default:
      // No connection has a helper.
      return false;
  }
}

function loadAddress(tuple: Uint32Array, at: number, to: number, isV6: boolean): boolean {
  if (!isV6) putNetworkWord(to, tuple[at + 3]!);
  else for (let word = 0; word < 4; word++) putNetworkWord(to + 4 * word, tuple[at + word]!);
  return true;
}

/** NF_CT_STATE_BIT. */
export function stateBit(packet: PacketView): number {
  if (packet.relation === UNTRACKED) return STATE_UNTRACKED;
  if (packet.relation === INVALID || !isTracked(packet)) return STATE_INVALID;
  return 1 << ((packet.relation % 3) + 1);
}
