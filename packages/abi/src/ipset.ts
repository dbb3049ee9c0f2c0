/** Sets of ipset(8). Source: Linux include/uapi/linux/netfilter/ipset/ip_set.h, ip_set_hash.h, xt_set.h. */
import { struct, u16, u32, u64, u8 } from "./struct.ts";

/** Messages below NFNL_SUBSYS_IPSET. */
export const IPSET_CMD_PROTOCOL = 1,
  IPSET_CMD_CREATE = 2,
  IPSET_CMD_DESTROY = 3,
  IPSET_CMD_FLUSH = 4,
  IPSET_CMD_RENAME = 5,
  IPSET_CMD_SWAP = 6,
  IPSET_CMD_LIST = 7,
  IPSET_CMD_SAVE = 8,
  IPSET_CMD_ADD = 9,
  IPSET_CMD_DEL = 10,
  IPSET_CMD_TEST = 11,
  IPSET_CMD_HEADER = 12,
  IPSET_CMD_TYPE = 13;
export const IPSET_PROTOCOL = 7,
  IPSET_PROTOCOL_MIN = 6,
  IPSET_MAXNAMELEN = 32;
/** Attributes of messages; SETNAME2 and TYPENAME, PROTOCOL_MIN and REVISION_MIN are one. */
export const IPSET_ATTR_PROTOCOL = 1,
  IPSET_ATTR_SETNAME = 2,
  IPSET_ATTR_TYPENAME = 3,
  IPSET_ATTR_REVISION = 4,
  IPSET_ATTR_FAMILY = 5,
  IPSET_ATTR_FLAGS = 6,
  IPSET_ATTR_DATA = 7,
  IPSET_ATTR_ADT = 8,
  IPSET_ATTR_PROTOCOL_MIN = 10,
  IPSET_ATTR_INDEX = 11;
/** Those of sets and of elements. */
export const IPSET_ATTR_IP = 1,
  IPSET_ATTR_IP_TO = 2,
  IPSET_ATTR_CIDR = 3,
  IPSET_ATTR_PORT = 4,
  IPSET_ATTR_PORT_TO = 5,
  IPSET_ATTR_TIMEOUT = 6,
  IPSET_ATTR_PROTO = 7,
  IPSET_ATTR_CADT_FLAGS = 8;
/** Of sets alone, */
export const IPSET_ATTR_INITVAL = 17,
  IPSET_ATTR_HASHSIZE = 18,
  IPSET_ATTR_MAXELEM = 19,
  IPSET_ATTR_NETMASK = 20,
  IPSET_ATTR_BUCKETSIZE = 21,
  IPSET_ATTR_ELEMENTS = 24,
  IPSET_ATTR_REFERENCES = 25,
  IPSET_ATTR_MEMSIZE = 26;
/** … and of elements alone. */
export const IPSET_ATTR_BYTES = 24,
  IPSET_ATTR_PACKETS = 25,
  IPSET_ATTR_COMMENT = 26;
export const IPSET_ATTR_IPADDR_IPV4 = 1,
  IPSET_ATTR_IPADDR_IPV6 = 2;
/** Of a list that is asked for; of sets and elements. */
export const IPSET_FLAG_LIST_SETNAME = 2,
  IPSET_FLAG_LIST_HEADER = 4,
  IPSET_FLAG_NOMATCH = 4,
  IPSET_FLAG_WITH_COUNTERS = 8,
  IPSET_FLAG_WITH_COMMENT = 16;
/** Errors that only ipset(8) knows. */
export const IPSET_ERR_PROTOCOL = 4097,
  IPSET_ERR_FIND_TYPE = 4098,
  IPSET_ERR_MAX_SETS = 4099,
  IPSET_ERR_BUSY = 4100,
  IPSET_ERR_EXIST_SETNAME2 = 4101,
  IPSET_ERR_TYPE_MISMATCH = 4102,
  IPSET_ERR_EXIST = 4103,
  IPSET_ERR_INVALID_CIDR = 4104,
  IPSET_ERR_INVALID_NETMASK = 4105,
  IPSET_ERR_INVALID_FAMILY = 4106,
  IPSET_ERR_TIMEOUT = 4107,
  IPSET_ERR_IPADDR_IPV4 = 4109,
  IPSET_ERR_IPADDR_IPV6 = 4110,
  IPSET_ERR_COUNTER = 4111,
  IPSET_ERR_COMMENT = 4112;
/** Of hashes: full; a protocol that has no ports, or none is said. */
export const IPSET_ERR_HASH_FULL = 4352,
  IPSET_ERR_INVALID_PROTO = 4354,
  IPSET_ERR_MISSING_PROTO = 4355;
/** getsockopt(2) of SOL_IP: what iptables asks. */
export const SO_IP_SET = 83,
  IP_SET_OP_VERSION = 0x100,
  IP_SET_OP_GET_BYNAME = 6,
  IP_SET_OP_GET_BYINDEX = 7,
  IP_SET_OP_GET_FNAME = 8,
  IPSET_INVALID_ID = 65535;
export const IpSetReqVersion = struct("ip_set_req_version", { op: u32, version: u32 });

/** In `flags` of a rule: not; from where its parts are taken, a bit each from the second on. */
export const IPSET_INV_MATCH = 1,
  IPSET_DIM_ONE_SRC = 2,
  IPSET_DIM_TWO_SRC = 4;
const setInfo = { index: u16, dim: u8, flags: u8 };
export const XtSetInfoMatchV1 = struct("xt_set_info_match_v1", setInfo);
export const IpSetCounterMatch = struct("ip_set_counter_match", { value: u64, op: u8 });
/** The newest one: `packets_op` and its like are IPSET_COUNTER_*, `what` are IPSET_FLAG_*. */
export const XtSetInfoMatchV4 = struct("xt_set_info_match_v4", {
  ...setInfo,
  packets: IpSetCounterMatch,
  bytes: IpSetCounterMatch,
  what: u32,
});
export const IPSET_COUNTER_EQ = 1,
  IPSET_COUNTER_NE = 2,
  IPSET_COUNTER_LT = 3,
  IPSET_COUNTER_GT = 4;
/** Counters stay as they are; what is an exception is meant. */
export const IPSET_FLAG_SKIP_COUNTER_UPDATE = 8,
  IPSET_FLAG_RETURN_NOMATCH = 128;
