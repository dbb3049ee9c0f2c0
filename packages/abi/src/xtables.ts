/**
 * What iptables says to matches and targets, of 64-bit programs. Source: Linux include/uapi/linux/netfilter/xt_*.h and
 * nf_nat.h, netfilter_ipv4/ip_tables.h, ipt_REJECT.h.
 */
import { array, be16, be32, hex16, hex32, pointer, struct, text, u16, u32, u64, u8 } from "./struct.ts";

/** `union nf_inet_addr`: of IPv4 the first word. */
const inetAddress = array(be32, 4);

export const XtAddrtypeInfo = struct("xt_addrtype_info", {
  source: hex16,
  dest: hex16,
  invert_source: u32,
  invert_dest: u32,
});
export const XtAddrtypeInfoV1 = struct("xt_addrtype_info_v1", { source: hex16, dest: hex16, flags: hex32 });
export const XtCommentInfo = struct("xt_comment_info", { comment: text(256) });
export const XtConnmarkMtinfo1 = struct("xt_connmark_mtinfo1", { mark: hex32, mask: hex32, invert: u8 });
const conntrack = {
  origsrc_addr: inetAddress,
  origsrc_mask: inetAddress,
  origdst_addr: inetAddress,
  origdst_mask: inetAddress,
  replsrc_addr: inetAddress,
  replsrc_mask: inetAddress,
  repldst_addr: inetAddress,
  repldst_mask: inetAddress,
  expires_min: u32,
  expires_max: u32,
  l4proto: u16,
  origsrc_port: be16,
  origdst_port: be16,
  replsrc_port: be16,
  repldst_port: be16,
  match_flags: hex16,
  invert_flags: hex16,
};
export const XtConntrackMtinfo1 = struct("xt_conntrack_mtinfo1", { ...conntrack, state_mask: u8, status_mask: u8 });
export const XtConntrackMtinfo2 = struct("xt_conntrack_mtinfo2", {
  ...conntrack,
  state_mask: hex16,
  status_mask: hex16,
});
/** Its ports are the machine's numbers. */
export const XtConntrackMtinfo3 = struct("xt_conntrack_mtinfo3", {
  ...conntrack,
  state_mask: hex16,
  status_mask: hex16,
  origsrc_port_high: u16,
  origdst_port_high: u16,
  replsrc_port_high: u16,
  repldst_port_high: u16,
});
/** ip6tables' is the same. */
export const IptIcmp = struct("ipt_icmp", { type: u8, code: array(u8, 2), invflags: u8 });
export const XtIprangeMtinfo = struct("xt_iprange_mtinfo", {
  src_min: inetAddress,
  src_max: inetAddress,
  dst_min: inetAddress,
  dst_max: inetAddress,
  flags: u8,
});
export const XtLengthInfo = struct("xt_length_info", { min: u16, max: u16, invert: u8 });
export const XtRateinfo = struct("xt_rateinfo", {
  avg: u32,
  burst: u32,
  prev: u64,
  credit: u32,
  credit_cap: u32,
  cost: u32,
  master: pointer,
});
export const XtMarkMtinfo1 = struct("xt_mark_mtinfo1", { mark: hex32, mask: hex32, invert: u8 });
export const XtMultiportV1 = struct("xt_multiport_v1", {
  flags: u8,
  count: u8,
  ports: array(u16, 15),
  pflags: array(u8, 15),
  invert: u8,
});
/** Bits of `match` and `invert`. */
export const XT_OWNER_UID = 1,
  XT_OWNER_GID = 2,
  XT_OWNER_SOCKET = 4,
  XT_OWNER_SUPPL_GROUPS = 8;
export const XtOwnerMatchInfo = struct("xt_owner_match_info", {
  uid_min: u32,
  uid_max: u32,
  gid_min: u32,
  gid_max: u32,
  match: u8,
  invert: u8,
});
/** Bits of `check_set`, and `side`. */
export const XT_RECENT_CHECK = 1,
  XT_RECENT_SET = 2,
  XT_RECENT_UPDATE = 4,
  XT_RECENT_REMOVE = 8,
  XT_RECENT_TTL = 16,
  XT_RECENT_REAP = 32,
  XT_RECENT_DEST = 1;
const recent = {
  seconds: u32,
  hit_count: u32,
  check_set: u8,
  invert: u8,
  name: text(200),
  side: u8,
};
export const XtRecentMtinfo = struct("xt_recent_mtinfo", recent);
export const XtRecentMtinfoV1 = struct("xt_recent_mtinfo_v1", { ...recent, mask: inetAddress });
export const XtPkttypeInfo = struct("xt_pkttype_info", { pkttype: u32, invert: u32 });
export const XtStateInfo = struct("xt_state_info", { statemask: hex32 });
/** By chance `every` is the probability, in 31 bits. */
export const XtStatisticInfo = struct("xt_statistic_info", {
  mode: u16,
  flags: hex16,
  every: u32,
  packet: u32,
  count: u32,
  master: pointer,
});
export const XtTcp = struct("xt_tcp", {
  spts: array(u16, 2),
  dpts: array(u16, 2),
  option: u8,
  flg_mask: u8,
  flg_cmp: u8,
  invflags: u8,
});
export const XtUdp = struct("xt_udp", { spts: array(u16, 2), dpts: array(u16, 2), invflags: u8 });
export const XtTcpmssMatchInfo = struct("xt_tcpmss_match_info", { mss_min: u16, mss_max: u16, invert: u8 });
/** `mode` is of both: equal, another, less, more. */
export const IptTtlInfo = struct("ipt_ttl_info", { mode: u8, ttl: u8 });
export const Ip6tHlInfo = struct("ip6t_hl_info", { mode: u8, hop_limit: u8 });
/** `flags` and `invflags`; the first three are of both. */
export const IP6T_RT_TYP = 0x01,
  IP6T_RT_SGS = 0x02,
  IP6T_RT_LEN = 0x04,
  IP6T_RT_RES = 0x08,
  IP6T_RT_FST_MASK = 0x30;
export const Ip6tRt = struct("ip6t_rt", {
  rt_type: u32,
  segsleft: array(u32, 2),
  hdrlen: u32,
  flags: u8,
  invflags: u8,
  addrs: array(inetAddress, 16),
  addrnr: u8,
});

export const XtChecksumInfo = struct("xt_CHECKSUM_info", { operation: u8 });
export const XtConnmarkTginfo1 = struct("xt_connmark_tginfo1", {
  ctmark: hex32,
  ctmask: hex32,
  nfmask: hex32,
  mode: u8,
});
export const XtConnmarkTginfo2 = struct("xt_connmark_tginfo2", {
  ctmark: hex32,
  ctmask: hex32,
  nfmask: hex32,
  shift_dir: u8,
  shift_bits: u8,
  mode: u8,
});
const tracking = { flags: hex16, zone: u16, ct_events: hex32, exp_events: hex32, helper: text(16) };
/** `flags`. */
export const XT_CT_NOTRACK = 1;
export const XtCtTargetInfo = struct("xt_ct_target_info", { ...tracking, ct: pointer });
export const XtCtTargetInfoV1 = struct("xt_ct_target_info_v1", { ...tracking, timeout: text(32), ct: pointer });
export const XtLogInfo = struct("xt_log_info", { level: u8, logflags: u8, prefix: text(30) });
export const XtMarkTginfo2 = struct("xt_mark_tginfo2", { mark: hex32, mask: hex32 });
export const XtNflogInfo = struct("xt_nflog_info", {
  len: u32,
  group: u16,
  threshold: u16,
  flags: hex16,
  pad: u16,
  prefix: text(64),
});
export const IptRejectInfo = struct("ipt_reject_info", { with: u32 });
export const XtTcpmssInfo = struct("xt_tcpmss_info", { mss: u16 });
/** There is one range. */
export const NfNatIpv4MultiRangeCompat = struct("nf_nat_ipv4_multi_range_compat", {
  rangesize: u32,
  flags: hex32,
  min_ip: be32,
  max_ip: be32,
  min: be16,
  max: be16,
});
const range = { flags: hex32, min_addr: inetAddress, max_addr: inetAddress, min_proto: be16, max_proto: be16 };
export const NfNatRange = struct("nf_nat_range", range);
export const NfNatRange2 = struct("nf_nat_range2", { ...range, base_proto: be16 });
