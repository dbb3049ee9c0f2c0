/**
 * What rtnetlink(7) says of links, addresses and routes. Source: Linux include/uapi/linux/{rtnetlink,if_addr,
 * if_link}.h.
 */
import { hex32, i32, struct, u16, u32, u64, u8, type FieldType } from "./struct.ts";

export const Ifinfomsg = struct("ifinfomsg", {
  ifi_family: u8,
  _pad: u8,
  ifi_type: u16,
  ifi_index: i32,
  ifi_flags: hex32,
  ifi_change: hex32,
});
export const Ifaddrmsg = struct("ifaddrmsg", {
  ifa_family: u8,
  ifa_prefixlen: u8,
  ifa_flags: u8,
  ifa_scope: u8,
  ifa_index: u32,
});
/** The value of IFA_CACHEINFO: seconds, 0xffffffff for ever; then times in 1/100 s. */
export const IfaCacheinfo = struct("ifa_cacheinfo", { ifa_prefered: u32, ifa_valid: u32, cstamp: u32, tstamp: u32 });
/** The value of RTA_CACHEINFO; `rta_expires` in ticks of USER_HZ from now. */
export const RtaCacheinfo = struct("rta_cacheinfo", {
  rta_clntref: u32,
  rta_lastuse: u32,
  rta_expires: i32,
  rta_error: u32,
  rta_used: u32,
  rta_id: u32,
  rta_ts: u32,
  rta_tsage: u32,
});
/** An option of a router's advertisement for programs, which follows (RTM_NEWNDUSEROPT). */
export const Nduseroptmsg = struct("nduseroptmsg", {
  nduseropt_family: u8,
  nduseropt_pad1: u8,
  nduseropt_opts_len: u16,
  nduseropt_ifindex: i32,
  nduseropt_icmp_type: u8,
  nduseropt_icmp_code: u8,
  nduseropt_pad2: u16,
  nduseropt_pad3: u32,
});
export const Rtmsg = struct("rtmsg", {
  rtm_family: u8,
  rtm_dst_len: u8,
  rtm_src_len: u8,
  rtm_tos: u8,
  rtm_table: u8,
  rtm_protocol: u8,
  rtm_scope: u8,
  rtm_type: u8,
  rtm_flags: hex32,
});
/** One of several ways in RTA_MULTIPATH: attributes follow; `rtnh_hops` is its weight less one. */
export const Rtnexthop = struct("rtnexthop", { rtnh_len: u16, rtnh_flags: u8, rtnh_hops: u8, rtnh_ifindex: i32 });
export const Ndmsg = struct("ndmsg", {
  ndm_family: u8,
  ndm_pad1: u8,
  ndm_pad2: u16,
  ndm_ifindex: i32,
  ndm_state: u16,
  ndm_flags: u8,
  ndm_type: u8,
});
export const FibRuleHdr = struct("fib_rule_hdr", {
  family: u8,
  dst_len: u8,
  src_len: u8,
  tos: u8,
  table: u8,
  res1: u8,
  res2: u8,
  action: u8,
  flags: hex32,
});

export const FibRuleUidRange = struct("fib_rule_uid_range", { start: u32, end: u32 });
export const FibRulePortRange = struct("fib_rule_port_range", { start: u16, end: u16 });

/** The values of IFLA_STATS and IFLA_STATS64. */
export const RtnlLinkStats = struct("rtnl_link_stats", counters(u32)),
  RtnlLinkStats64 = struct("rtnl_link_stats64", { ...counters(u64), rx_otherhost_dropped: u64 });

type Counter =
  | `${"rx" | "tx"}_${"packets" | "bytes" | "errors" | "dropped" | "compressed"}`
  | "multicast"
  | "collisions"
  | `rx_${"length" | "over" | "crc" | "frame" | "fifo" | "missed"}_errors`
  | `tx_${"aborted" | "carrier" | "fifo" | "heartbeat" | "window"}_errors`
  | "rx_nohandler";

function counters(type: FieldType): Readonly<Record<Counter, FieldType>> {
  return {
    rx_packets: type,
    tx_packets: type,
    rx_bytes: type,
    tx_bytes: type,
    rx_errors: type,
    tx_errors: type,
    rx_dropped: type,
    tx_dropped: type,
    multicast: type,
    collisions: type,
    rx_length_errors: type,
    rx_over_errors: type,
    rx_crc_errors: type,
    rx_frame_errors: type,
    rx_fifo_errors: type,
    rx_missed_errors: type,
    tx_aborted_errors: type,
    tx_carrier_errors: type,
    tx_fifo_errors: type,
    tx_heartbeat_errors: type,
    tx_window_errors: type,
    rx_compressed: type,
    tx_compressed: type,
    rx_nohandler: type,
  };
}
/** Ages of a neighbour, in ticks of USER_HZ. */
export const NdaCacheinfo = struct("nda_cacheinfo", {
  ndm_confirmed: u32,
  ndm_used: u32,
  ndm_updated: u32,
  ndm_refcnt: u32,
});
