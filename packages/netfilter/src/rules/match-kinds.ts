/** Expressions that look at packets and at what is known of them. Source: Linux net/netfilter/nft_*.c. */
import {
  EINVAL,
  EOPNOTSUPP,
  EOVERFLOW,
  ERANGE,
  NFTA_BITWISE_DATA,
  NFTA_BITWISE_DREG,
  NFTA_BITWISE_LEN,
  NFTA_BITWISE_MASK,
  NFTA_BITWISE_OP,
  NFTA_BITWISE_SREG,
  NFTA_BITWISE_SREG2,
  NFTA_BITWISE_XOR,
  NFTA_BYTEORDER_DREG,
  NFTA_BYTEORDER_LEN,
  NFTA_BYTEORDER_OP,
  NFTA_BYTEORDER_SIZE,
  NFTA_BYTEORDER_SREG,
  NFTA_CMP_DATA,
  NFTA_CMP_OP,
  NFTA_CMP_SREG,
  NFTA_CT_DIRECTION,
  NFTA_CT_DREG,
  NFTA_CT_KEY,
  NFTA_CT_SREG,
  IPOPT_LSRR,
  IPOPT_RA,
  IPOPT_RR,
  IPOPT_SSRR,
  NFTA_EXTHDR_DREG,
  NFTA_EXTHDR_FLAGS,
  NFTA_EXTHDR_LEN,
  NFTA_EXTHDR_OFFSET,
  NFTA_EXTHDR_OP,
  NFTA_EXTHDR_SREG,
  NFTA_EXTHDR_TYPE,
  NFTA_FIB_DREG,
  NFTA_FIB_FLAGS,
  NFTA_FIB_F_DADDR,
  NFTA_FIB_F_IIF,
  NFTA_FIB_F_MARK,
  NFTA_FIB_F_OIF,
  NFTA_FIB_F_PRESENT,
  NFTA_FIB_F_SADDR,
  NFTA_FIB_RESULT,
  NFTA_HASH_DREG,
  NFTA_HASH_LEN,
  NFTA_HASH_MODULUS,
  NFTA_HASH_OFFSET,
  NFTA_HASH_SEED,
  NFTA_HASH_SREG,
  NFTA_HASH_TYPE,
  NFTA_IMMEDIATE_DATA,
  NFTA_IMMEDIATE_DREG,
  NFTA_LOOKUP_DREG,
  NFTA_LOOKUP_FLAGS,
  NFTA_LOOKUP_SET,
  NFTA_LOOKUP_SREG,
  NFTA_META_DREG,
  NFTA_META_KEY,
  NFTA_META_SREG,
  NFTA_NG_DREG,
  NFTA_NG_MODULUS,
  NFTA_NG_OFFSET,
  NFTA_NG_TYPE,
  NFTA_PAYLOAD_BASE,
  NFTA_PAYLOAD_CSUM_FLAGS,
  NFTA_PAYLOAD_CSUM_OFFSET,
  NFTA_PAYLOAD_CSUM_TYPE,
  NFTA_PAYLOAD_DREG,
  NFTA_PAYLOAD_LEN,
  NFTA_PAYLOAD_OFFSET,
  NFTA_PAYLOAD_SREG,
  NFTA_RANGE_FROM_DATA,
  NFTA_RANGE_OP,
  NFTA_RANGE_SREG,
  NFTA_RANGE_TO_DATA,
  NFTA_RT_DREG,
  NFTA_RT_KEY,
  NFT_BITWISE_BOOL,
  NFT_BITWISE_LSHIFT,
  NFT_BITWISE_RSHIFT,
  NFT_BITWISE_XOR,
  NFT_CMP_GTE,
  NFT_CT_BYTES,
  NFT_CT_DIRECTION,
  NFT_CT_DST,
  NFT_CT_DST_IP,
  NFT_CT_DST_IP6,
  NFT_CT_AVGPKT,
  NFT_CT_EXPIRATION,
  NFT_CT_HELPER,
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
  NFTA_XFRM_DIR,
  NFTA_XFRM_DREG,
  NFTA_XFRM_KEY,
  NFTA_XFRM_SPNUM,
  NFT_EXTHDR_F_PRESENT,
  NFT_EXTHDR_OP_IPV4,
  NFT_EXTHDR_OP_SCTP,
  NFT_EXTHDR_OP_TCPOPT,
  NFT_HASH_JENKINS,
  NFT_HASH_SYM,
  NFT_META_SECPATH,
  NFT_XFRM_KEY_DADDR_IP4,
  NFT_XFRM_KEY_DADDR_IP6,
  NFT_XFRM_KEY_SADDR_IP6,
  NFT_XFRM_KEY_SPI,
  NFT_FIB_RESULT_ADDRTYPE,
  NFT_FIB_RESULT_OIFNAME,
  NFT_META_BRI_IIFNAME,
  NFT_META_BRI_OIFNAME,
  NFT_META_CPU,
  NFT_META_IFTYPE,
  NFT_META_IIF,
  NFT_META_IIFGROUP,
  NFT_META_IIFKIND,
  NFT_META_IIFNAME,
  NFT_META_L4PROTO,
  NFT_META_LEN,
  NFT_META_MARK,
  NFT_META_NFPROTO,
  NFT_META_NFTRACE,
  NFT_META_OIF,
  NFT_META_OIFGROUP,
  NFT_META_OIFKIND,
  NFT_META_OIFNAME,
  NFT_META_OIFTYPE,
  NFT_META_PKTTYPE,
  NFT_META_PRANDOM,
  NFT_META_PRIORITY,
  NFT_META_PROTOCOL,
  NFT_META_SDIF,
  NFT_META_SDIFNAME,
  NFT_META_SKGID,
  NFT_META_SKUID,
  NFT_META_TIME_DAY,
  NFT_META_TIME_HOUR,
  NFT_META_TIME_NS,
  NFT_NG_RANDOM,
  NFT_PAYLOAD_CSUM_INET,
  NFT_PAYLOAD_CSUM_NONE,
  NFT_PAYLOAD_INNER_HEADER,
  NFT_PAYLOAD_L4CSUM_PSEUDOHDR,
  NFT_RT_TCPMSS,
  NFT_RT_XFRM,
  NF_INET_FORWARD,
  NF_INET_LOCAL_IN,
  NF_INET_LOCAL_OUT,
  NF_INET_POST_ROUTING,
  NF_INET_PRE_ROUTING,
} from "@stratos/abi";
import {
  type ExpressionKind,
  given,
  hooks,
  isLength,
  kind,
  length,
  need,
  unlessZero,
  usual,
} from "./expression-kind.ts";
import type { Expression } from "./ruleset.ts";

const META_SIZES = new Map<number, number>([
  [NFT_META_PROTOCOL, 2],
  [NFT_META_IFTYPE, 2],
  [NFT_META_OIFTYPE, 2],
  [NFT_META_NFPROTO, 1],
  [NFT_META_L4PROTO, 1],
  [NFT_META_PKTTYPE, 1],
  [NFT_META_IIFNAME, 16],
  [NFT_META_OIFNAME, 16],
  [NFT_META_IIFKIND, 16],
  [NFT_META_OIFKIND, 16],
  [NFT_META_TIME_NS, 8],
  [NFT_META_TIME_DAY, 1],
  [NFT_META_TIME_HOUR, 4],
  [NFT_META_LEN, 4],
  [NFT_META_PRIORITY, 4],
  [NFT_META_MARK, 4],
  [NFT_META_IIF, 4],
  [NFT_META_OIF, 4],
  [NFT_META_SKUID, 4],
  [NFT_META_SKGID, 4],
  [NFT_META_CPU, 4],
  [NFT_META_IIFGROUP, 4],
  [NFT_META_OIFGROUP, 4],
  [NFT_META_PRANDOM, 4],
  [NFT_META_SECPATH, 1],
  [NFT_META_BRI_IIFNAME, 16],
  [NFT_META_BRI_OIFNAME, 16],
  [NFT_META_SDIF, 4],
  [NFT_META_SDIFNAME, 16],
]);
const CT_SIZES = new Map<number, number>([
  [NFT_CT_STATE, 4],
  [NFT_CT_DIRECTION, 1],
  [NFT_CT_STATUS, 4],
  [NFT_CT_MARK, 4],
  [NFT_CT_EXPIRATION, 4],
  [NFT_CT_HELPER, 16],
  [NFT_CT_AVGPKT, 8],
  [NFT_CT_L3PROTOCOL, 1],
  [NFT_CT_SRC, 16],
  [NFT_CT_DST, 16],
  [NFT_CT_PROTOCOL, 1],
  [NFT_CT_PROTO_SRC, 2],
  [NFT_CT_PROTO_DST, 2],
  [NFT_CT_PKTS, 8],
  [NFT_CT_BYTES, 8],
  [NFT_CT_ZONE, 2],
  [NFT_CT_SRC_IP, 4],
  [NFT_CT_DST_IP, 4],
  [NFT_CT_SRC_IP6, 16],
  [NFT_CT_DST_IP6, 16],
  [NFT_CT_ID, 4],
]);
/** Of these one direction must be asked. */
const CT_DIRECTED = new Set([
  NFT_CT_SRC,
  NFT_CT_DST,
  NFT_CT_PROTO_SRC,
  NFT_CT_PROTO_DST,
  NFT_CT_SRC_IP,
  NFT_CT_DST_IP,
  NFT_CT_SRC_IP6,
  NFT_CT_DST_IP6,
]);

function checkPayload(it: Expression): number {
  const isSet = it.has(NFTA_PAYLOAD_SREG);
  if (isSet === it.has(NFTA_PAYLOAD_DREG)) return EINVAL;
  const base = it.number(NFTA_PAYLOAD_BASE);
  if (base > NFT_PAYLOAD_INNER_HEADER) return EOPNOTSUPP;
  if (it.number(NFTA_PAYLOAD_OFFSET) > 0xffff || !isLength(it.number(NFTA_PAYLOAD_LEN))) return ERANGE;
  if (!isSet) return 0;
  it.values[NFTA_PAYLOAD_CSUM_TYPE] ??= NFT_PAYLOAD_CSUM_NONE;
  it.values[NFTA_PAYLOAD_CSUM_OFFSET] ??= 0;
  it.values[NFTA_PAYLOAD_CSUM_FLAGS] ??= 0;
  if (it.number(NFTA_PAYLOAD_CSUM_TYPE) > NFT_PAYLOAD_CSUM_INET) return EOPNOTSUPP;
  return (it.number(NFTA_PAYLOAD_CSUM_FLAGS) & ~NFT_PAYLOAD_L4CSUM_PSEUDOHDR) !== 0 ? EINVAL : 0;
}

function checkBitwise(it: Expression): number {
  const op = it.number(NFTA_BITWISE_OP);
  const size = it.number(NFTA_BITWISE_LEN);
  if (!isLength(size)) return ERANGE;
  if (op === NFT_BITWISE_BOOL) {
    if (it.has(NFTA_BITWISE_DATA) || it.has(NFTA_BITWISE_SREG2)) return EINVAL;
    return length(it, NFTA_BITWISE_MASK) === size && length(it, NFTA_BITWISE_XOR) === size ? 0 : EINVAL;
  }
  if (it.has(NFTA_BITWISE_MASK) || it.has(NFTA_BITWISE_XOR)) return EINVAL;
  if (op === NFT_BITWISE_LSHIFT || op === NFT_BITWISE_RSHIFT) {
    const data = it.values[NFTA_BITWISE_DATA];
    return data instanceof Uint8Array && data.length >= 4 && data[1] === 0 && data[0]! < 32 ? 0 : EINVAL;
  }
  if (op > NFT_BITWISE_XOR) return EOPNOTSUPP;
  return it.has(NFTA_BITWISE_DATA) !== it.has(NFTA_BITWISE_SREG2) ? 0 : EINVAL;
}

function checkByteorder(it: Expression): number {
  const size = it.number(NFTA_BYTEORDER_SIZE);
  if (it.number(NFTA_BYTEORDER_OP) > 1 || (size !== 2 && size !== 4 && size !== 8)) return EINVAL;
  return isLength(it.number(NFTA_BYTEORDER_LEN)) ? 0 : EINVAL;
}

/** Of the interface of a master (l3mdev) that a packet came in by. */
export function isOfMaster(it: Expression): boolean {
  const key = it.number(NFTA_META_KEY);
  return it.has(NFTA_META_DREG) && (key === NFT_META_SDIF || key === NFT_META_SDIFNAME);
}

/** What the policies of NFTA_META_KEY and NFTA_CT_KEY let pass. */
const KEY_MAX = 255;

function checkMeta(it: Expression): number {
  if (it.has(NFTA_META_DREG) === it.has(NFTA_META_SREG)) return EINVAL;
  const key = it.number(NFTA_META_KEY);
  if (key > KEY_MAX) return ERANGE;
  if (it.has(NFTA_META_DREG)) return META_SIZES.has(key) ? 0 : EOPNOTSUPP;
  return key === NFT_META_MARK || key === NFT_META_PRIORITY || key === NFT_META_NFTRACE || key === NFT_META_PKTTYPE
    ? 0
    : EOPNOTSUPP;
}

function checkCt(it: Expression): number {
  if (it.has(NFTA_CT_DREG) === it.has(NFTA_CT_SREG)) return EINVAL;
  const key = it.number(NFTA_CT_KEY);
  if (key > KEY_MAX) return ERANGE;
  if (it.has(NFTA_CT_SREG)) return key === NFT_CT_MARK ? 0 : EOPNOTSUPP;
  if (!CT_SIZES.has(key)) return EOPNOTSUPP;
  if (it.has(NFTA_CT_DIRECTION) && it.number(NFTA_CT_DIRECTION) > 1) return EINVAL;
  if (key === NFT_CT_PROTOCOL || key === NFT_CT_L3PROTOCOL) {
    // Both directions have the same: a direction is taken and forgotten.
    it.values[NFTA_CT_DIRECTION] = undefined;
    return 0;
  }
  if (CT_DIRECTED.has(key) !== it.has(NFTA_CT_DIRECTION)) {
    const mayHave = key === NFT_CT_PKTS || key === NFT_CT_BYTES || key === NFT_CT_AVGPKT || key === NFT_CT_ZONE;
    if (!mayHave) return EINVAL;
  }
  return 0;
}

const FIB_FLAGS =
  NFTA_FIB_F_SADDR | NFTA_FIB_F_DADDR | NFTA_FIB_F_MARK | NFTA_FIB_F_IIF | NFTA_FIB_F_OIF | NFTA_FIB_F_PRESENT;

function checkFib(it: Expression): number {
  const flags = it.number(NFTA_FIB_FLAGS);
  if (flags === 0 || (flags & ~FIB_FLAGS) !== 0) return EINVAL;
  const addresses = flags & (NFTA_FIB_F_SADDR | NFTA_FIB_F_DADDR);
  if (addresses === 0 || addresses === (NFTA_FIB_F_SADDR | NFTA_FIB_F_DADDR)) return EINVAL;
  if ((flags & NFTA_FIB_F_IIF) !== 0 && (flags & NFTA_FIB_F_OIF) !== 0) return EINVAL;
  const result = it.number(NFTA_FIB_RESULT);
  if (result === 0 || result > NFT_FIB_RESULT_ADDRTYPE) return EINVAL;
  return result !== NFT_FIB_RESULT_ADDRTYPE && (flags & NFTA_FIB_F_OIF) !== 0 ? EINVAL : 0;
}

function checkFibPlaces(it: Expression): { type: null; hooks: number } | null {
  const flags = it.number(NFTA_FIB_FLAGS);
  if (it.number(NFTA_FIB_RESULT) !== NFT_FIB_RESULT_ADDRTYPE)
    return { type: null, hooks: hooks(NF_INET_PRE_ROUTING, NF_INET_LOCAL_IN, NF_INET_FORWARD) };
  if ((flags & NFTA_FIB_F_IIF) !== 0)
    return { type: null, hooks: hooks(NF_INET_PRE_ROUTING, NF_INET_LOCAL_IN, NF_INET_FORWARD) };
  if ((flags & NFTA_FIB_F_OIF) !== 0)
    return { type: null, hooks: hooks(NF_INET_LOCAL_OUT, NF_INET_POST_ROUTING, NF_INET_FORWARD) };
  return null;
}

const IP_OPTIONS = new Set([IPOPT_RR, IPOPT_LSRR, IPOPT_SSRR, IPOPT_RA]);

/** nft_exthdr_init, nft_exthdr_tcp_set_init, nft_exthdr_tcp_strip_init, nft_exthdr_ipv4_init. */
function checkHeader(it: Expression): number {
  const op = it.number(NFTA_EXTHDR_OP);
  const size = it.number(NFTA_EXTHDR_LEN);
  if (op > NFT_EXTHDR_OP_SCTP) return EOPNOTSUPP;
  if (!it.has(NFTA_EXTHDR_DREG)) {
    if (op !== NFT_EXTHDR_OP_TCPOPT) return EOPNOTSUPP;
    // Neither: the option is blotted out.
    if (!it.has(NFTA_EXTHDR_SREG))
      return size !== 0 || it.number(NFTA_EXTHDR_FLAGS) !== 0 || it.number(NFTA_EXTHDR_OFFSET) !== 0 ? EINVAL : 0;
    if (size !== 2 && size !== 4) return EOPNOTSUPP;
    return it.number(NFTA_EXTHDR_OFFSET) < 2 || it.number(NFTA_EXTHDR_FLAGS) !== 0 ? EOPNOTSUPP : 0;
  }
  if (it.has(NFTA_EXTHDR_SREG)) return EOPNOTSUPP;
  if ((it.number(NFTA_EXTHDR_FLAGS) & ~NFT_EXTHDR_F_PRESENT) !== 0) return EINVAL;
  if (!isLength(size) || it.number(NFTA_EXTHDR_OFFSET) > 255) return ERANGE;
  return op === NFT_EXTHDR_OP_IPV4 && !IP_OPTIONS.has(it.number(NFTA_EXTHDR_TYPE)) ? EOPNOTSUPP : 0;
}

/** nft_jhash_init, nft_symhash_init. */
function checkHash(it: Expression): number {
  const isKeyed = it.number(NFTA_HASH_TYPE) === NFT_HASH_JENKINS;
  if (!isKeyed && it.number(NFTA_HASH_TYPE) !== NFT_HASH_SYM) return EOPNOTSUPP;
  if (isKeyed !== it.has(NFTA_HASH_SREG) || isKeyed !== it.has(NFTA_HASH_LEN)) return EINVAL;
  if (isKeyed && !isLength(it.number(NFTA_HASH_LEN))) return ERANGE;
  if (it.number(NFTA_HASH_MODULUS) === 0) return ERANGE;
  return it.number(NFTA_HASH_OFFSET) + it.number(NFTA_HASH_MODULUS) - 1 > 0xffffffff ? EOVERFLOW : 0;
}

const XFRM_DEPTH_MAX = 6;

function xfrmSize(it: Expression): number {
  const key = it.number(NFTA_XFRM_KEY);
  return key === NFT_XFRM_KEY_DADDR_IP6 || key === NFT_XFRM_KEY_SADDR_IP6 ? 16 : 4;
}

/** nft_xfrm_get_init. */
function checkXfrm(it: Expression): number {
  if (it.number(NFTA_XFRM_KEY) < NFT_XFRM_KEY_DADDR_IP4 || it.number(NFTA_XFRM_KEY) > NFT_XFRM_KEY_SPI) return EINVAL;
  if (it.number(NFTA_XFRM_DIR) > 1) return EINVAL;
  return it.number(NFTA_XFRM_SPNUM) >= XFRM_DEPTH_MAX ? ERANGE : 0;
}

export const MATCH_KINDS: ReadonlyMap<string, ExpressionKind> = new Map<string, ExpressionKind>([
  [
    "payload",
    kind(
      [
        given(NFTA_PAYLOAD_SREG, "source"),
        given(NFTA_PAYLOAD_DREG, "target"),
        need(NFTA_PAYLOAD_BASE, "u32"),
        need(NFTA_PAYLOAD_OFFSET, "u32"),
        need(NFTA_PAYLOAD_LEN, "u32"),
        given(NFTA_PAYLOAD_CSUM_TYPE, "u32"),
        given(NFTA_PAYLOAD_CSUM_OFFSET, "u32"),
        given(NFTA_PAYLOAD_CSUM_FLAGS, "u32"),
      ],
      {
        check: checkPayload,
        sizes: (it) => ({ source: it.number(NFTA_PAYLOAD_LEN), target: it.number(NFTA_PAYLOAD_LEN) }),
      },
    ),
  ],
  [
    "cmp",
    kind([need(NFTA_CMP_SREG, "source"), need(NFTA_CMP_OP, "u32"), need(NFTA_CMP_DATA, "data")], {
      check: (it) => (it.number(NFTA_CMP_OP) <= NFT_CMP_GTE && isLength(length(it, NFTA_CMP_DATA)) ? 0 : EINVAL),
      sizes: (it) => ({ source: length(it, NFTA_CMP_DATA) }),
    }),
  ],
  [
    "range",
    kind(
      [
        need(NFTA_RANGE_SREG, "source"),
        need(NFTA_RANGE_OP, "u32"),
        need(NFTA_RANGE_FROM_DATA, "data"),
        need(NFTA_RANGE_TO_DATA, "data"),
      ],
      {
        check: (it) =>
          it.number(NFTA_RANGE_OP) <= 1 &&
          isLength(length(it, NFTA_RANGE_FROM_DATA)) &&
          length(it, NFTA_RANGE_FROM_DATA) === length(it, NFTA_RANGE_TO_DATA)
            ? 0
            : EINVAL,
        sizes: (it) => ({ source: length(it, NFTA_RANGE_FROM_DATA) }),
      },
    ),
  ],
  [
    "bitwise",
    kind(
      [
        need(NFTA_BITWISE_SREG, "source"),
        given(NFTA_BITWISE_SREG2, "source"),
        need(NFTA_BITWISE_DREG, "target"),
        need(NFTA_BITWISE_LEN, "u32"),
        usual(NFTA_BITWISE_OP, "u32"),
        given(NFTA_BITWISE_MASK, "data"),
        given(NFTA_BITWISE_XOR, "data"),
        given(NFTA_BITWISE_DATA, "data"),
      ],
      {
        check: checkBitwise,
        sizes: (it) => ({ source: it.number(NFTA_BITWISE_LEN), target: it.number(NFTA_BITWISE_LEN) }),
      },
    ),
  ],
  [
    "byteorder",
    kind(
      [
        need(NFTA_BYTEORDER_SREG, "source"),
        need(NFTA_BYTEORDER_DREG, "target"),
        need(NFTA_BYTEORDER_OP, "u32"),
        need(NFTA_BYTEORDER_LEN, "u32"),
        need(NFTA_BYTEORDER_SIZE, "u32"),
      ],
      {
        check: checkByteorder,
        sizes: (it) => ({ source: it.number(NFTA_BYTEORDER_LEN), target: it.number(NFTA_BYTEORDER_LEN) }),
      },
    ),
  ],
  ["immediate", kind([need(NFTA_IMMEDIATE_DREG, "target"), need(NFTA_IMMEDIATE_DATA, "data")])],
  [
    "meta",
    kind(
      [
        given(NFTA_META_KEY, "u32", { isNeeded: true }),
        given(NFTA_META_DREG, "target"),
        given(NFTA_META_SREG, "source"),
      ],
      {
        check: checkMeta,
        sizes: (it) => ({ source: 4, target: META_SIZES.get(it.number(NFTA_META_KEY)) ?? 4 }),
        places: (it) => (isOfMaster(it) ? { type: null, hooks: hooks(NF_INET_LOCAL_IN, NF_INET_FORWARD) } : null),
      },
    ),
  ],
  [
    "ct",
    kind(
      [
        given(NFTA_CT_DREG, "target"),
        given(NFTA_CT_SREG, "source"),
        need(NFTA_CT_KEY, "u32"),
        given(NFTA_CT_DIRECTION, "u8"),
      ],
      { check: checkCt, sizes: (it) => ({ source: 4, target: CT_SIZES.get(it.number(NFTA_CT_KEY)) ?? 4 }) },
    ),
  ],
  [
    "fib",
    kind([need(NFTA_FIB_DREG, "target"), need(NFTA_FIB_RESULT, "u32"), need(NFTA_FIB_FLAGS, "u32")], {
      check: checkFib,
      sizes: (it) => ({ target: it.number(NFTA_FIB_RESULT) === NFT_FIB_RESULT_OIFNAME ? 16 : 4 }),
      places: checkFibPlaces,
    }),
  ],
  [
    "rt",
    kind([given(NFTA_RT_KEY, "u32", { isNeeded: true }), need(NFTA_RT_DREG, "target")], {
      check: (it) =>
        it.number(NFTA_RT_KEY) === NFT_RT_TCPMSS || it.number(NFTA_RT_KEY) === NFT_RT_XFRM ? 0 : EOPNOTSUPP,
      sizes: (it) => ({ target: it.number(NFTA_RT_KEY) === NFT_RT_TCPMSS ? 2 : 1 }),
      places: (it) =>
        it.number(NFTA_RT_KEY) === NFT_RT_XFRM
          ? null
          : { type: null, hooks: hooks(NF_INET_FORWARD, NF_INET_LOCAL_OUT, NF_INET_POST_ROUTING) },
    }),
  ],
  [
    "numgen",
    kind(
      [
        need(NFTA_NG_DREG, "target"),
        need(NFTA_NG_MODULUS, "u32"),
        need(NFTA_NG_TYPE, "u32"),
        usual(NFTA_NG_OFFSET, "u32"),
      ],
      {
        stateSize: 1,
        check: (it) => {
          if (it.number(NFTA_NG_MODULUS) === 0) return ERANGE;
          if (it.number(NFTA_NG_OFFSET) + it.number(NFTA_NG_MODULUS) - 1 > 0xffffffff) return EOVERFLOW;
          return it.number(NFTA_NG_TYPE) > NFT_NG_RANDOM ? EINVAL : 0;
        },
        sizes: () => ({ target: 4 }),
      },
    ),
  ],
  [
    "hash",
    kind(
      [
        given(NFTA_HASH_SREG, "source"),
        need(NFTA_HASH_DREG, "target"),
        given(NFTA_HASH_LEN, "u32"),
        need(NFTA_HASH_MODULUS, "u32"),
        given(NFTA_HASH_SEED, "u32"),
        unlessZero(NFTA_HASH_OFFSET, "u32"),
        usual(NFTA_HASH_TYPE, "u32"),
      ],
      { check: checkHash, sizes: (it) => ({ source: it.number(NFTA_HASH_LEN), target: 4 }) },
    ),
  ],
  [
    // There is no IPsec, so no packet is of it (nft_xfrm.c breaks off where there is no secpath).
    "xfrm",
    kind(
      [
        need(NFTA_XFRM_DREG, "target"),
        need(NFTA_XFRM_KEY, "u32"),
        need(NFTA_XFRM_DIR, "u8"),
        usual(NFTA_XFRM_SPNUM, "u32"),
      ],
      {
        check: checkXfrm,
        sizes: (it) => ({ target: xfrmSize(it) }),
        places: (it) => ({
          type: null,
          hooks:
            it.number(NFTA_XFRM_DIR) === 0
              ? hooks(NF_INET_FORWARD, NF_INET_LOCAL_IN, NF_INET_PRE_ROUTING)
              : hooks(NF_INET_FORWARD, NF_INET_LOCAL_OUT, NF_INET_POST_ROUTING),
        }),
      },
    ),
  ],
  [
    "exthdr",
    kind(
      [
        given(NFTA_EXTHDR_DREG, "target"),
        given(NFTA_EXTHDR_SREG, "source"),
        need(NFTA_EXTHDR_TYPE, "u8"),
        usual(NFTA_EXTHDR_OFFSET, "u32"),
        usual(NFTA_EXTHDR_LEN, "u32"),
        usual(NFTA_EXTHDR_FLAGS, "u32"),
        usual(NFTA_EXTHDR_OP, "u32"),
      ],
      {
        check: checkHeader,
        sizes: (it) => {
          const isPresence = (it.number(NFTA_EXTHDR_FLAGS) & NFT_EXTHDR_F_PRESENT) !== 0;
          return { source: it.number(NFTA_EXTHDR_LEN), target: isPresence ? 1 : it.number(NFTA_EXTHDR_LEN) };
        },
      },
    ),
  ],
  [
    "lookup",
    kind([
      need(NFTA_LOOKUP_SET, "text"),
      need(NFTA_LOOKUP_SREG, "source"),
      given(NFTA_LOOKUP_DREG, "target"),
      usual(NFTA_LOOKUP_FLAGS, "u32"),
    ]),
  ],
]);
