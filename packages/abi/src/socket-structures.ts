/**
 * Addresses and messages of sockets, and the values of their options. Source: Linux include/uapi/linux/{socket,in,in6,
 * ipv6,un,netlink,if_packet,tcp,errqueue}.h, include/linux/socket.h; send(2), recv(2).
 */
import { array, be16, be32, hex32, i32, pointer, struct, text, u16, u32, u64, u8 } from "./struct.ts";

/** `struct __kernel_sockaddr_storage`: room for an address of any family. */
export const SockaddrStorage = struct("sockaddr_storage", { ss_family: u16, _data: array(u8, 126) }, { align: 8 });

export const SockaddrIn = struct("sockaddr_in", {
  sin_family: u16,
  sin_port: be16,
  sin_addr: be32,
  _zero: array(u8, 8),
});
export const SockaddrIn6 = struct("sockaddr_in6", {
  sin6_family: u16,
  sin6_port: be16,
  sin6_flowinfo: be32,
  sin6_addr: array(u8, 16),
  sin6_scope_id: u32,
});
export const SockaddrUn = struct("sockaddr_un", { sun_family: u16, sun_path: text(108) });
export const SockaddrNl = struct("sockaddr_nl", { nl_family: u16, _pad: u16, nl_pid: u32, nl_groups: hex32 });
export const SockaddrLl = struct("sockaddr_ll", {
  sll_family: u16,
  sll_protocol: be16,
  sll_ifindex: i32,
  sll_hatype: u16,
  sll_pkttype: u8,
  sll_halen: u8,
  sll_addr: array(u8, 8),
});

/** `struct user_msghdr`. */
export const Msghdr = struct("msghdr", {
  msg_name: pointer,
  msg_namelen: i32,
  msg_iov: pointer,
  msg_iovlen: u64,
  msg_control: pointer,
  msg_controllen: u64,
  msg_flags: hex32,
});
export const Mmsghdr = struct("mmsghdr", { msg_hdr: Msghdr, msg_len: u32 });
export const Cmsghdr = struct("cmsghdr", { cmsg_len: u64, cmsg_level: i32, cmsg_type: i32 });
/** One message of credentials (SCM_CREDENTIALS), and the value of SO_PEERCRED. */
export const Ucred = struct("ucred", { pid: i32, uid: u32, gid: u32 });
/** The value of SO_LINGER. */
export const Linger = struct("linger", { l_onoff: i32, l_linger: i32 });

/** The value of TCP_INFO. Of Linux 6.12; older programs take less of it. */
export const TcpInfo = struct("tcp_info", {
  tcpi_state: u8,
  tcpi_ca_state: u8,
  tcpi_retransmits: u8,
  tcpi_probes: u8,
  tcpi_backoff: u8,
  tcpi_options: u8,
  /** tcpi_snd_wscale and tcpi_rcv_wscale, then bits of delivery rate and fast open. */
  _bits: array(u8, 2),
  tcpi_rto: u32, // µs, as tcpi_ato
  tcpi_ato: u32,
  tcpi_snd_mss: u32,
  tcpi_rcv_mss: u32,
  tcpi_unacked: u32,
  tcpi_sacked: u32,
  tcpi_lost: u32,
  tcpi_retrans: u32,
  tcpi_fackets: u32,
  tcpi_last_data_sent: u32, // ms, as the next three
  tcpi_last_ack_sent: u32,
  tcpi_last_data_recv: u32,
  tcpi_last_ack_recv: u32,
  tcpi_pmtu: u32,
  tcpi_rcv_ssthresh: u32,
  tcpi_rtt: u32, // µs, as tcpi_rttvar
  tcpi_rttvar: u32,
  tcpi_snd_ssthresh: u32,
  tcpi_snd_cwnd: u32, // segments
  tcpi_advmss: u32,
  tcpi_reordering: u32,
  tcpi_rcv_rtt: u32,
  tcpi_rcv_space: u32,
  tcpi_total_retrans: u32,
  tcpi_pacing_rate: u64,
  tcpi_max_pacing_rate: u64,
  tcpi_bytes_acked: u64,
  tcpi_bytes_received: u64,
  tcpi_segs_out: u32,
  tcpi_segs_in: u32,
  tcpi_notsent_bytes: u32,
  tcpi_min_rtt: u32,
  tcpi_data_segs_in: u32,
  tcpi_data_segs_out: u32,
  tcpi_delivery_rate: u64,
  tcpi_busy_time: u64,
  tcpi_rwnd_limited: u64,
  tcpi_sndbuf_limited: u64,
  tcpi_delivered: u32,
  tcpi_delivered_ce: u32,
  tcpi_bytes_sent: u64,
  tcpi_bytes_retrans: u64,
  tcpi_dsack_dups: u32,
  tcpi_reord_seen: u32,
  tcpi_rcv_ooopack: u32,
  tcpi_snd_wnd: u32,
  tcpi_rcv_wnd: u32,
  tcpi_rehash: u32,
  tcpi_total_rto: u16,
  tcpi_total_rto_recoveries: u16,
  tcpi_total_rto_time: u32,
});

/** The message of IP_RECVERR and IPV6_RECVERR; the address of who told of the error follows it. */
export const SockExtendedErr = struct("sock_extended_err", {
  ee_errno: u32,
  ee_origin: u8,
  ee_type: u8,
  ee_code: u8,
  ee_pad: u8,
  ee_info: u32,
  ee_data: u32,
});
/** The messages of IP_PKTINFO and IPV6_PKTINFO. */
export const InPktinfo = struct("in_pktinfo", { ipi_ifindex: i32, ipi_spec_dst: be32, ipi_addr: be32 });
export const In6Pktinfo = struct("in6_pktinfo", { ipi6_addr: array(u8, 16), ipi6_ifindex: i32 });

/** Values of the options that join and leave groups. The first two fields alone are `struct ip_mreq`. */
export const IpMreqn = struct("ip_mreqn", { imr_multiaddr: be32, imr_address: be32, imr_ifindex: i32 });
export const IpMreqSource = struct("ip_mreq_source", {
  imr_multiaddr: be32,
  imr_interface: be32,
  imr_sourceaddr: be32,
});
export const Ipv6Mreq = struct("ipv6_mreq", { ipv6mr_multiaddr: array(u8, 16), ipv6mr_ifindex: i32 });
export const GroupReq = struct("group_req", { gr_interface: u32, gr_group: SockaddrStorage });
export const GroupSourceReq = struct("group_source_req", {
  gsr_interface: u32,
  gsr_group: SockaddrStorage,
  gsr_source: SockaddrStorage,
});
/** Followed by further addresses. */
export const IpMsfilter = struct("ip_msfilter", {
  imsf_multiaddr: be32,
  imsf_interface: be32,
  imsf_fmode: u32, // MCAST_INCLUDE, MCAST_EXCLUDE
  imsf_numsrc: u32,
  imsf_slist: be32,
});
/** As `ip_msfilter`, for both families. */
export const GroupFilter = struct("group_filter", {
  gf_interface: u32,
  gf_group: SockaddrStorage,
  gf_fmode: u32,
  gf_numsrc: u32,
  gf_slist: SockaddrStorage,
});

/** Values of SOL_PACKET's options. */
export const PacketMreq = struct("packet_mreq", {
  mr_ifindex: i32,
  mr_type: u16,
  mr_alen: u16,
  mr_address: array(u8, 8),
});
/** PACKET_FANOUT, of which the first word alone will do; PACKET_ROLLOVER_STATS. */
export const FanoutArgs = struct("fanout_args", { id: u16, type_flags: u16, max_num_members: u32 });
export const TpacketRolloverStats = struct("tpacket_rollover_stats", { tp_all: u64, tp_huge: u64, tp_failed: u64 });
export const TpacketStats = struct("tpacket_stats", { tp_packets: u32, tp_drops: u32 });
/** With TPACKET_V3. */
export const TpacketStatsV3 = struct("tpacket_stats_v3", { tp_packets: u32, tp_drops: u32, tp_freeze_q_cnt: u32 });
/** PACKET_RX_RING and PACKET_TX_RING; up to TPACKET_V2 the first four fields alone (`tpacket_req`). */
export const TpacketReq3 = struct("tpacket_req3", {
  tp_block_size: u32,
  tp_block_nr: u32,
  tp_frame_size: u32,
  tp_frame_nr: u32,
  tp_retire_blk_tov: u32,
  tp_sizeof_priv: u32,
  tp_feature_req_word: hex32,
});
/** What stands at the begin of a ring's frame. */
export const TpacketHdr = struct("tpacket_hdr", {
  tp_status: u64,
  tp_len: u32,
  tp_snaplen: u32,
  tp_mac: u16,
  tp_net: u16,
  tp_sec: u32,
  tp_usec: u32,
});
export const Tpacket2Hdr = struct("tpacket2_hdr", {
  tp_status: hex32,
  tp_len: u32,
  tp_snaplen: u32,
  tp_mac: u16,
  tp_net: u16,
  tp_sec: u32,
  tp_nsec: u32,
  tp_vlan_tci: u16,
  tp_vlan_tpid: u16,
  _padding: array(u8, 4),
});
export const Tpacket3Hdr = struct("tpacket3_hdr", {
  tp_next_offset: u32,
  tp_sec: u32,
  tp_nsec: u32,
  tp_snaplen: u32,
  tp_len: u32,
  tp_status: hex32,
  tp_mac: u16,
  tp_net: u16,
  tp_rxhash: u32,
  tp_vlan_tci: u32,
  tp_vlan_tpid: u16,
  _padding: array(u8, 10),
});
/** A block's head with TPACKET_V3: `tpacket_block_desc` and the `tpacket_hdr_v1` in it. */
export const TpacketBlockDesc = struct("tpacket_block_desc", {
  version: u32,
  offset_to_priv: u32,
  block_status: hex32,
  num_pkts: u32,
  offset_to_first_pkt: u32,
  blk_len: u32,
  seq_num: u64,
  ts_first_sec: u32,
  ts_first_nsec: u32,
  ts_last_sec: u32,
  ts_last_nsec: u32,
});
/** The message of PACKET_AUXDATA. */
export const TpacketAuxdata = struct("tpacket_auxdata", {
  tp_status: hex32,
  tp_len: u32,
  tp_snaplen: u32,
  tp_mac: u16,
  tp_net: u16,
  tp_vlan_tci: u16,
  tp_vlan_tpid: u16,
});
