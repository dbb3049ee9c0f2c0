/**
 * What sock_diag(7) asks of sockets and tells of them. Source: Linux include/uapi/linux/{sock_diag,inet_diag,
 * unix_diag}.h.
 */
import { array, be16, be32, hex32, i32, struct, u16, u32, u8 } from "./struct.ts";

/** `nlmsg_type`. The first two are older than sock_diag(7), which took their place. */
export const TCPDIAG_GETSOCK = 18,
  DCCPDIAG_GETSOCK = 19,
  SOCK_DIAG_BY_FAMILY = 20,
  SOCK_DESTROY = 21;

/** Addresses of IPv4 are the first word alone. */
export const InetDiagSockid = struct("inet_diag_sockid", {
  idiag_sport: be16,
  idiag_dport: be16,
  idiag_src: array(be32, 4),
  idiag_dst: array(be32, 4),
  idiag_if: u32,
  idiag_cookie: array(u32, 2),
});
export const InetDiagReqV2 = struct("inet_diag_req_v2", {
  sdiag_family: u8,
  sdiag_protocol: u8,
  idiag_ext: u8,
  _pad: u8,
  idiag_states: hex32,
  id: InetDiagSockid,
});
export const InetDiagMsg = struct("inet_diag_msg", {
  idiag_family: u8,
  idiag_state: u8,
  idiag_timer: u8,
  idiag_retrans: u8,
  id: InetDiagSockid,
  idiag_expires: u32,
  idiag_rqueue: u32,
  idiag_wqueue: u32,
  idiag_uid: u32,
  idiag_inode: u32,
});
/** Attribute of a request: the protocol, where it has more than 8 bits. */
export const INET_DIAG_REQ_PROTOCOL = 3;
/** The same: which sockets are wanted, in steps of InetDiagBcOp. */
export const INET_DIAG_REQ_BYTECODE = 1;
export const InetDiagBcOp = struct("inet_diag_bc_op", { code: u8, yes: u8, no: u16 });
/** Its address follows. */
export const InetDiagHostcond = struct("inet_diag_hostcond", { family: u8, prefix_len: u8, _pad: u16, port: i32 });
export const InetDiagMarkcond = struct("inet_diag_markcond", { mark: u32, mask: u32 });
export const INET_DIAG_BC_NOP = 0,
  INET_DIAG_BC_JMP = 1,
  INET_DIAG_BC_S_GE = 2,
  INET_DIAG_BC_S_LE = 3,
  INET_DIAG_BC_D_GE = 4,
  INET_DIAG_BC_D_LE = 5,
  INET_DIAG_BC_AUTO = 6,
  INET_DIAG_BC_S_COND = 7,
  INET_DIAG_BC_D_COND = 8,
  INET_DIAG_BC_DEV_COND = 9,
  INET_DIAG_BC_MARK_COND = 10,
  INET_DIAG_BC_S_EQ = 11,
  INET_DIAG_BC_D_EQ = 12;
/** Attributes; `idiag_ext` asks for those below 8, by 1 << (number − 1). */
export const INET_DIAG_INFO = 2,
  INET_DIAG_CONG = 4,
  INET_DIAG_TOS = 5,
  INET_DIAG_SKMEMINFO = 7,
  INET_DIAG_SHUTDOWN = 8;

export const UnixDiagReq = struct("unix_diag_req", {
  sdiag_family: u8,
  sdiag_protocol: u8,
  _pad: u16,
  udiag_states: hex32,
  udiag_ino: u32,
  udiag_show: hex32,
  udiag_cookie: array(u32, 2),
});
export const UnixDiagMsg = struct("unix_diag_msg", {
  udiag_family: u8,
  udiag_type: u8,
  udiag_state: u8,
  _pad: u8,
  udiag_ino: u32,
  udiag_cookie: array(u32, 2),
});
/** The value of UNIX_DIAG_RQLEN. */
export const UnixDiagRqlen = struct("unix_diag_rqlen", { udiag_rqueue: u32, udiag_wqueue: u32 });
export const UNIX_DIAG_NAME = 0,
  UNIX_DIAG_PEER = 2,
  UNIX_DIAG_RQLEN = 4,
  UNIX_DIAG_MEMINFO = 5,
  UNIX_DIAG_SHUTDOWN = 6,
  UNIX_DIAG_UID = 7;
export const UDIAG_SHOW_NAME = 1,
  UDIAG_SHOW_PEER = 4,
  UDIAG_SHOW_RQLEN = 16,
  UDIAG_SHOW_MEMINFO = 32,
  UDIAG_SHOW_UID = 64;

/** Words of INET_DIAG_SKMEMINFO and UNIX_DIAG_MEMINFO (linux/sock_diag.h). */
export const SK_MEMINFO_RMEM_ALLOC = 0,
  SK_MEMINFO_RCVBUF = 1,
  SK_MEMINFO_WMEM_ALLOC = 2,
  SK_MEMINFO_SNDBUF = 3,
  SK_MEMINFO_VARS = 9;

/** Sockets of AF_NETLINK. Source: Linux include/uapi/linux/netlink_diag.h. */
export const NetlinkDiagReq = struct("netlink_diag_req", {
  sdiag_family: u8,
  sdiag_protocol: u8,
  _pad: u16,
  ndiag_ino: u32,
  ndiag_show: hex32,
  ndiag_cookie: array(u32, 2),
});
export const NetlinkDiagMsg = struct("netlink_diag_msg", {
  ndiag_family: u8,
  ndiag_type: u8,
  ndiag_protocol: u8,
  ndiag_state: u8,
  ndiag_portid: u32,
  ndiag_dst_portid: u32,
  ndiag_dst_group: u32,
  ndiag_ino: u32,
  ndiag_cookie: array(u32, 2),
});
export const NETLINK_DIAG_MEMINFO = 0,
  NETLINK_DIAG_GROUPS = 1;
export const NDIAG_SHOW_MEMINFO = 1,
  NDIAG_SHOW_GROUPS = 2;
/** Of all protocols. */
export const NDIAG_PROTO_ALL = 0xff;

/** Sockets of AF_PACKET. Source: Linux include/uapi/linux/packet_diag.h. */
export const PacketDiagReq = struct("packet_diag_req", {
  sdiag_family: u8,
  sdiag_protocol: u8,
  _pad: u16,
  pdiag_ino: u32,
  pdiag_show: hex32,
  pdiag_cookie: array(u32, 2),
});
export const PacketDiagMsg = struct("packet_diag_msg", {
  pdiag_family: u8,
  pdiag_type: u8,
  pdiag_num: u16,
  pdiag_ino: u32,
  pdiag_cookie: array(u32, 2),
});
/** The value of PACKET_DIAG_INFO. */
export const PacketDiagInfo = struct("packet_diag_info", {
  pdi_index: u32,
  pdi_version: u32,
  pdi_reserve: u32,
  pdi_copy_thresh: u32,
  pdi_tstamp: u32,
  pdi_flags: hex32,
});
export const PACKET_DIAG_INFO = 0,
  PACKET_DIAG_UID = 5,
  PACKET_DIAG_MEMINFO = 6;
export const PACKET_SHOW_INFO = 1,
  PACKET_SHOW_MEMINFO = 16;
/** It hears packets. */
export const PDI_RUNNING = 1;
