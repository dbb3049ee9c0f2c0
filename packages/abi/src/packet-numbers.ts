/** AF_PACKET (packet(7)). Source: include/uapi/linux/if_packet.h, if_ether.h. */

/** Every Ethernet type. */
export const ETH_P_IP = 0x0800,
  ETH_P_ARP = 0x0806,
  ETH_P_IPV6 = 0x86dd,
  ETH_P_ALL = 3;
export const SOL_PACKET = 263;
export const PACKET_ADD_MEMBERSHIP = 1,
  PACKET_DROP_MEMBERSHIP = 2,
  PACKET_RX_RING = 5,
  PACKET_STATISTICS = 6,
  PACKET_AUXDATA = 8,
  PACKET_ORIGDEV = 9,
  PACKET_VERSION = 10,
  PACKET_HDRLEN = 11,
  PACKET_RESERVE = 12,
  PACKET_TX_RING = 13,
  PACKET_LOSS = 14,
  PACKET_TIMESTAMP = 17,
  PACKET_FANOUT = 18,
  PACKET_QDISC_BYPASS = 20,
  PACKET_ROLLOVER_STATS = 21,
  PACKET_FANOUT_DATA = 22,
  PACKET_IGNORE_OUTGOING = 23;
/** How sockets of a group share: the kind, and flags beside it. */
export const PACKET_FANOUT_HASH = 0,
  PACKET_FANOUT_LB = 1,
  PACKET_FANOUT_CPU = 2,
  PACKET_FANOUT_ROLLOVER = 3,
  PACKET_FANOUT_RND = 4,
  PACKET_FANOUT_QM = 5,
  PACKET_FANOUT_CBPF = 6;
export const PACKET_FANOUT_FLAG_ROLLOVER = 0x1000,
  PACKET_FANOUT_FLAG_UNIQUEID = 0x2000,
  PACKET_FANOUT_FLAG_IGNORE_OUTGOING = 0x4000;
/** `enum tpacket_versions`: what stands at the begin of a ring's frame. */
export const TPACKET_V1 = 0,
  TPACKET_V2 = 1,
  TPACKET_V3 = 2;
export const TPACKET_ALIGNMENT = 16;
/** `mr_type`, the first and the last. */
export const PACKET_MR_MULTICAST = 0,
  PACKET_MR_UNICAST = 3;
/** Who has a frame (or a block) of a ring that receives, and what of it. */
export const TP_STATUS_KERNEL = 0,
  TP_STATUS_USER = 1,
  TP_STATUS_LOSING = 4,
  TP_STATUS_BLK_TMO = 0x20;
/** Who has a frame of a ring that sends. */
export const TP_STATUS_AVAILABLE = 0,
  TP_STATUS_SEND_REQUEST = 1,
  TP_STATUS_SENDING = 2,
  TP_STATUS_WRONG_FORMAT = 4;
/** `sll_pkttype`: for us, for all, for a group, for somebody else, from us. */
export const PACKET_HOST = 0,
  PACKET_BROADCAST = 1,
  PACKET_MULTICAST = 2,
  PACKET_OTHERHOST = 3,
  PACKET_OUTGOING = 4;
