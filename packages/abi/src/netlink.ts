/**
 * Messages of netlink(7), and the families that generic netlink has by name. Source: Linux
 * include/uapi/linux/{netlink,genetlink}.h.
 */
import { hex16, i32, struct, u16, u32, u8 } from "./struct.ts";

/** Protocols of AF_NETLINK. */
export const NETLINK_ROUTE = 0,
  NETLINK_USERSOCK = 2,
  NETLINK_SOCK_DIAG = 4,
  NETLINK_NETFILTER = 12,
  NETLINK_KOBJECT_UEVENT = 15,
  NETLINK_GENERIC = 16;
/** Options of SOL_NETLINK. */
export const NETLINK_ADD_MEMBERSHIP = 1,
  NETLINK_DROP_MEMBERSHIP = 2,
  NETLINK_PKTINFO = 3,
  NETLINK_BROADCAST_ERROR = 4,
  NETLINK_NO_ENOBUFS = 5,
  NETLINK_LISTEN_ALL_NSID = 8;
export const NETLINK_LIST_MEMBERSHIPS = 9,
  NETLINK_CAP_ACK = 10,
  NETLINK_EXT_ACK = 11,
  NETLINK_GET_STRICT_CHK = 12;

export const Nlmsghdr = struct("nlmsghdr", {
  nlmsg_len: u32, // with this header
  nlmsg_type: u16,
  nlmsg_flags: hex16,
  nlmsg_seq: u32,
  nlmsg_pid: u32,
});
/** What NLMSG_ERROR carries: a negated errno, or 0 for an acknowledgement, and the header that it answers. */
export const Nlmsgerr = struct("nlmsgerr", { error: i32, msg: Nlmsghdr });
/** The alignment of messages and attributes. */
export const NLMSG_ALIGNTO = 4;
/** `nlmsg_type` below NLMSG_MIN_TYPE is for control. */
export const NLMSG_ERROR = 2,
  NLMSG_DONE = 3,
  NLMSG_MIN_TYPE = 16;
export const NLM_F_REQUEST = 1,
  NLM_F_MULTI = 2,
  NLM_F_DUMP_FILTERED = 0x20,
  NLM_F_ACK = 4,
  NLM_F_ECHO = 8,
  NLM_F_DUMP = 0x300,
  NLM_F_CAPPED = 0x100,
  NLM_F_ACK_TLVS = 0x200;
/** Attributes of NLMSG_ERROR and NLMSG_DONE. */
export const NLMSGERR_ATTR_MSG = 1,
  NLMSGERR_ATTR_OFFS = 2;
/** Of requests that make something (rtnetlink(7)). */
export const NLM_F_REPLACE = 0x100,
  NLM_F_EXCL = 0x200,
  NLM_F_CREATE = 0x400;

/** The head of an attribute; `struct rtattr` is the same. */
export const Nlattr = struct("nlattr", { nla_len: u16, nla_type: u16 });
/** What of `nla_type` is no flag. */
export const NLA_TYPE_MASK = ~0xc000,
  NLA_F_NET_BYTEORDER = 0x4000,
  NLA_F_NESTED = 0x8000;

export const Genlmsghdr = struct("genlmsghdr", { cmd: u8, version: u8, reserved: u16 });
export const GENL_ID_CTRL = 16;
export const CTRL_CMD_NEWFAMILY = 1,
  CTRL_CMD_GETFAMILY = 3;
export const CTRL_ATTR_FAMILY_ID = 1,
  CTRL_ATTR_FAMILY_NAME = 2,
  CTRL_ATTR_VERSION = 3,
  CTRL_ATTR_HDRSIZE = 4,
  CTRL_ATTR_MAXATTR = 5,
  CTRL_ATTR_OPS = 6,
  CTRL_ATTR_MCAST_GROUPS = 7;
export const CTRL_ATTR_OP_ID = 1,
  CTRL_ATTR_OP_FLAGS = 2,
  CTRL_ATTR_MCAST_GRP_NAME = 1,
  CTRL_ATTR_MCAST_GRP_ID = 2,
  GENL_ADMIN_PERM = 1,
  GENL_CMD_CAP_DO = 2,
  GENL_CMD_CAP_DUMP = 4,
  GENL_CMD_CAP_HASPOL = 8;
