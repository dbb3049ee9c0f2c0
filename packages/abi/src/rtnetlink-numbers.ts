/**
 * Links, addresses and routes over netlink (rtnetlink(7)). Source: rtnetlink.h, if_link.h, if_addr.h and if.h of
 * include/uapi/linux.
 */

/** Of each four numbers the first makes, the second removes, the third asks. */
export const RTM_NEWLINK = 16,
  RTM_DELLINK = 17,
  RTM_GETLINK = 18,
  RTM_SETLINK = 19,
  RTM_NEWADDR = 20,
  RTM_DELADDR = 21,
  RTM_GETADDR = 22,
  RTM_NEWROUTE = 24,
  RTM_DELROUTE = 25,
  RTM_GETROUTE = 26,
  RTM_NEWNEIGH = 28,
  RTM_DELNEIGH = 29,
  RTM_GETNEIGH = 30,
  RTM_NEWRULE = 32,
  RTM_DELRULE = 33,
  RTM_GETRULE = 34,
  RTM_NEWNDUSEROPT = 68,
  RTM_NEWNSID = 88,
  RTM_GETNSID = 90,
  RTM_GETNEXTHOP = 106,
  RTM_NEWLINKPROP = 108,
  RTM_DELLINKPROP = 109,
  RTM_GETNEXTHOPBUCKET = 118,
  RTM_MAX = 123;
/** Networks of other namespaces. Source: include/uapi/linux/net_namespace.h. */
export const NETNSA_NSID = 1,
  NETNSA_PID = 2,
  NETNSA_FD = 3;
/** `struct rtgenmsg`, padded. */
export const RTGENMSG_LENGTH = 4;
/** Groups that hear of changes. */
export const RTNLGRP_LINK = 1,
  RTNLGRP_NEIGH = 3,
  RTNLGRP_IPV4_IFADDR = 5,
  RTNLGRP_IPV4_ROUTE = 7,
  RTNLGRP_IPV4_RULE = 8,
  RTNLGRP_IPV6_IFADDR = 9,
  RTNLGRP_IPV6_ROUTE = 11,
  RTNLGRP_IPV6_RULE = 19,
  RTNLGRP_ND_USEROPT = 20,
  RTNLGRP_MAX = 36;
/** Bytes of IFLA_IFALIAS, of which one is a zero. */
export const IFALIASZ = 256;

export const IFLA_ADDRESS = 1,
  IFLA_BROADCAST = 2,
  IFLA_IFNAME = 3,
  IFLA_MTU = 4,
  IFLA_LINK = 5,
  IFLA_QDISC = 6,
  IFLA_STATS = 7,
  IFLA_MASTER = 10,
  IFLA_PROTINFO = 12,
  IFLA_TXQLEN = 13,
  IFLA_OPERSTATE = 16,
  IFLA_LINKMODE = 17,
  IFLA_LINKINFO = 18,
  IFLA_NET_NS_PID = 19,
  IFLA_IFALIAS = 20,
  IFLA_STATS64 = 23,
  IFLA_AF_SPEC = 26,
  IFLA_GROUP = 27,
  IFLA_NET_NS_FD = 28,
  IFLA_EXT_MASK = 29,
  IFLA_PROMISCUITY = 30,
  IFLA_NUM_TX_QUEUES = 31,
  IFLA_NUM_RX_QUEUES = 32,
  IFLA_CARRIER = 33,
  IFLA_LINK_NETNSID = 37,
  IFLA_GSO_MAX_SEGS = 40,
  IFLA_GSO_MAX_SIZE = 41,
  IFLA_MIN_MTU = 50,
  IFLA_MAX_MTU = 51,
  IFLA_GRO_MAX_SIZE = 58,
  IFLA_TSO_MAX_SIZE = 59,
  IFLA_TSO_MAX_SEGS = 60,
  IFLA_ALLMULTI = 61,
  IFLA_GSO_IPV4_MAX_SIZE = 63,
  IFLA_GRO_IPV4_MAX_SIZE = 64,
  IFLA_PROP_LIST = 52,
  IFLA_ALT_IFNAME = 53;
/** Length of an alternative name, with its NUL. */
export const ALTIFNAMSIZ = 128;
/** Within IFLA_LINKINFO, and within its data for a veth. */
export const IFLA_INFO_KIND = 1,
  IFLA_INFO_DATA = 2,
  IFLA_INFO_SLAVE_KIND = 4,
  IFLA_INFO_SLAVE_DATA = 5,
  VETH_INFO_PEER = 1;
/** Within AF_INET6 of IFLA_AF_SPEC. */
export const IFLA_INET6_ADDR_GEN_MODE = 8;
/** What RFC 2863 calls ifOperStatus. */
export const IF_OPER_UNKNOWN = 0,
  IF_OPER_DOWN = 2,
  IF_OPER_LOWERLAYERDOWN = 3,
  IF_OPER_UP = 6;
export const IFA_ADDRESS = 1,
  IFA_LOCAL = 2,
  IFA_LABEL = 3,
  IFA_BROADCAST = 4,
  IFA_CACHEINFO = 6,
  IFA_FLAGS = 8,
  IFA_PROTO = 11;
/** What is said of an address: by who gives it, and by the kernel that asks whether it is free. */
export const IFA_F_SECONDARY = 1,
  IFA_F_NODAD = 2,
  IFA_F_OPTIMISTIC = 4,
  IFA_F_DADFAILED = 8,
  IFA_F_HOMEADDRESS = 0x10,
  IFA_F_DEPRECATED = 0x20,
  IFA_F_TENTATIVE = 0x40,
  IFA_F_PERMANENT = 0x80,
  IFA_F_MANAGETEMPADDR = 0x100,
  IFA_F_NOPREFIXROUTE = 0x200,
  IFA_F_MCAUTOJOIN = 0x400,
  IFA_F_STABLE_PRIVACY = 0x800;
/** Where an address comes from: a router's advertisement, and the interface's own. */
export const IFAPROT_KERNEL_RA = 2,
  IFAPROT_KERNEL_LL = 3;
/** How the last half of an address of IPv6 is made (if_link.h, `in6_addr_gen_mode`). */
export const IN6_ADDR_GEN_MODE_EUI64 = 0,
  IN6_ADDR_GEN_MODE_NONE = 1,
  IN6_ADDR_GEN_MODE_STABLE_PRIVACY = 2,
  IN6_ADDR_GEN_MODE_RANDOM = 3;
/** Behind `struct nduseroptmsg` and the option itself: the router that says so. */
export const NDUSEROPT_SRCADDR = 1;
/** What RTA_METRICS has. */
export const RTAX_MTU = 2,
  RTAX_ADVMSS = 8,
  RTAX_HOPLIMIT = 10,
  RTAX_FEATURES = 12,
  RTAX_CC_ALGO = 16,
  RTAX_MAX = 17;

export const RTA_DST = 1,
  RTA_SRC = 2,
  RTA_OIF = 4,
  RTA_GATEWAY = 5,
  RTA_PRIORITY = 6,
  RTA_PREFSRC = 7,
  RTA_METRICS = 8,
  RTA_MULTIPATH = 9,
  RTA_FLOW = 11,
  RTA_CACHEINFO = 12,
  RTA_TABLE = 15,
  RTA_MARK = 16,
  RTA_PREF = 20,
  RTA_UID = 25,
  RTA_IP_PROTO = 27,
  RTA_SPORT = 28,
  RTA_DPORT = 29,
  RTA_NH_ID = 30,
  RTA_VIA = 18;
/** Bits of `rtm_flags`: looked up, not listed; of a router's prefix; to this machine itself. */
export const RTM_F_CLONED = 0x200,
  RTM_F_PREFIX = 0x800,
  RTCF_LOCAL = 0x80000000;
/** The same of a way, and of a route that has one: nothing goes there; the gateway is beside it; without a carrier. */
export const RTNH_F_DEAD = 1,
  RTNH_F_ONLINK = 4,
  RTNH_F_LINKDOWN = 16;
/** The same bit of a question: in which table was it found? */
export const RTM_F_LOOKUP_TABLE = 0x1000;
/** Attributes of rules (fib_rules.h). */
export const FRA_DST = 1,
  FRA_SRC = 2,
  FRA_IIFNAME = 3,
  FRA_GOTO = 4,
  FRA_PRIORITY = 6,
  FRA_FWMARK = 10,
  FRA_TUN_ID = 12,
  FRA_SUPPRESS_IFGROUP = 13,
  FRA_SUPPRESS_PREFIXLEN = 14,
  FRA_TABLE = 15,
  FRA_FWMASK = 16,
  FRA_OIFNAME = 17,
  FRA_L3MDEV = 19,
  FRA_UID_RANGE = 20,
  FRA_PROTOCOL = 21,
  FRA_IP_PROTO = 22,
  FRA_SPORT_RANGE = 23,
  FRA_DPORT_RANGE = 24;
/** What a rule does; 0: not said. */
export const FR_ACT_TO_TBL = 1,
  FR_ACT_GOTO = 2,
  FR_ACT_NOP = 3,
  FR_ACT_BLACKHOLE = 6,
  FR_ACT_UNREACHABLE = 7,
  FR_ACT_PROHIBIT = 8;
/** `flags` of a rule. */
export const FIB_RULE_INVERT = 2,
  FIB_RULE_UNRESOLVED = 4,
  FIB_RULE_IIF_DETACHED = 8,
  FIB_RULE_OIF_DETACHED = 16;
/** `rtm_table`, `rtm_protocol`, `rtm_scope`, `rtm_type`. */
export const RT_TABLE_UNSPEC = 0,
  RT_TABLE_COMPAT = 252,
  RT_TABLE_DEFAULT = 253,
  RT_TABLE_MAIN = 254,
  RT_TABLE_LOCAL = 255;
export const RTPROT_UNSPEC = 0,
  RTPROT_KERNEL = 2,
  RTPROT_BOOT = 3,
  RTPROT_RA = 9;
export const RT_SCOPE_UNIVERSE = 0,
  RT_SCOPE_LINK = 253,
  RT_SCOPE_HOST = 254,
  RT_SCOPE_NOWHERE = 255;
export const RTN_UNSPEC = 0,
  RTN_UNICAST = 1,
  RTN_LOCAL = 2,
  RTN_BROADCAST = 3,
  RTN_MULTICAST = 5,
  RTN_BLACKHOLE = 6,
  RTN_UNREACHABLE = 7,
  RTN_PROHIBIT = 8,
  RTN_THROW = 9,
  RTN_MAX = 11;
/** Attributes and states of neighbours, which stations behind bridges are told as (neighbour.h). */
export const NDA_DST = 1,
  NDA_LLADDR = 2,
  NDA_CACHEINFO = 3,
  NDA_PROBES = 4,
  NDA_IFINDEX = 8,
  NTF_PROXY = 0x08,
  NTF_ROUTER = 0x80,
  NDA_MASTER = 9,
  NUD_NONE = 0,
  NUD_INCOMPLETE = 0x01,
  NUD_REACHABLE = 0x02,
  NUD_STALE = 0x04,
  NUD_DELAY = 0x08,
  NUD_PROBE = 0x10,
  NUD_FAILED = 0x20,
  NUD_NOARP = 0x40,
  NUD_PERMANENT = 0x80;
/** In these it has an address. */
export const NUD_VALID = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_NOARP | NUD_PERMANENT;
