/** AF_PACKET (packet(7)). Source: include/uapi/linux/if_packet.h, if_ether.h. */

/** Every Ethernet type. */
export const ETH_P_IP = 0x0800,
  ETH_P_IPV6 = 0x86dd,
  ETH_P_ALL = 3;
export const SOL_PACKET = 263;
export const PACKET_ADD_MEMBERSHIP = 1,
  PACKET_DROP_MEMBERSHIP = 2,
  PACKET_RX_RING = 5,
  PACKET_STATISTICS = 6,
  PACKET_AUXDATA = 8,
  PACKET_VERSION = 10,
  PACKET_TX_RING = 13,
  PACKET_IGNORE_OUTGOING = 23;
/** `mr_type`, the first and the last. */
export const PACKET_MR_MULTICAST = 0,
  PACKET_MR_UNICAST = 3;
export const TP_STATUS_USER = 1;
/** `sll_pkttype`: for us, for all, for a group, for somebody else, from us. */
export const PACKET_HOST = 0,
  PACKET_BROADCAST = 1,
  PACKET_MULTICAST = 2,
  PACKET_OTHERHOST = 3,
  PACKET_OUTGOING = 4;
