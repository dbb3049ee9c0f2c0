/** Expressions that count, decide, change packets or tell of them. Source: Linux net/netfilter/nft_*.c. */
import {
  EAFNOSUPPORT,
  EINVAL,
  EOPNOTSUPP,
  NFPROTO_IPV4,
  NFPROTO_IPV6,
  NFTA_CONNLIMIT_COUNT,
  NFTA_CONNLIMIT_FLAGS,
  NFTA_COUNTER_BYTES,
  NFTA_COUNTER_PACKETS,
  NFTA_DYNSET_FLAGS,
  NFTA_DYNSET_OP,
  NFTA_DYNSET_SET_NAME,
  NFTA_DYNSET_SREG_DATA,
  NFTA_DYNSET_SREG_KEY,
  NFTA_DYNSET_TIMEOUT,
  NFTA_FLOW_TABLE_NAME,
  NFTA_LAST_MSECS,
  NFTA_LAST_SET,
  NFTA_LIMIT_BURST,
  NFTA_LIMIT_FLAGS,
  NFTA_LIMIT_RATE,
  NFTA_LIMIT_TYPE,
  NFTA_LIMIT_UNIT,
  NFTA_LOG_FLAGS,
  NFTA_LOG_GROUP,
  NFTA_LOG_LEVEL,
  NFTA_LOG_PREFIX,
  NFTA_LOG_QTHRESHOLD,
  NFTA_LOG_SNAPLEN,
  NFTA_MASQ_FLAGS,
  NFTA_MASQ_REG_PROTO_MAX,
  NFTA_MASQ_REG_PROTO_MIN,
  NFTA_NAT_FAMILY,
  NFTA_NAT_FLAGS,
  NFTA_NAT_REG_ADDR_MAX,
  NFTA_NAT_REG_ADDR_MIN,
  NFTA_NAT_REG_PROTO_MAX,
  NFTA_NAT_REG_PROTO_MIN,
  NFTA_NAT_TYPE,
  NFTA_OBJREF_IMM_NAME,
  NFTA_OBJREF_IMM_TYPE,
  NFTA_OBJREF_SET_NAME,
  NFTA_OBJREF_SET_SREG,
  NFTA_QUOTA_BYTES,
  NFTA_QUOTA_CONSUMED,
  NFTA_QUOTA_FLAGS,
  NFTA_REDIR_FLAGS,
  NFTA_REDIR_REG_PROTO_MAX,
  NFTA_REDIR_REG_PROTO_MIN,
  NFTA_REJECT_ICMP_CODE,
  NFTA_REJECT_TYPE,
  NFT_LIMIT_PKTS,
  NFT_LIMIT_PKT_BYTES,
  NFT_LOGLEVEL_AUDIT,
  NFT_LOGLEVEL_WARNING,
  NFT_NAT_DNAT,
  NFT_NAT_SNAT,
  NFT_QUOTA_F_INV,
  NFT_REJECT_ICMPX_ADMIN_PROHIBITED,
  NFT_REJECT_ICMPX_UNREACH,
  NFT_REJECT_TCP_RST,
  NF_INET_FORWARD,
  NF_INET_LOCAL_IN,
  NF_INET_LOCAL_OUT,
  NF_INET_POST_ROUTING,
  NF_INET_PRE_ROUTING,
  NF_NAT_RANGE_MAP_IPS,
  NF_NAT_RANGE_MASK,
  NF_NAT_RANGE_PROTO_SPECIFIED,
} from "@stratos/abi";
import { type ExpressionKind, given, hooks, kind, need, unlessZero, usual } from "./expression-kind.ts";
import type { Expression } from "./ruleset.ts";

function checkNat(it: Expression): number {
  const family = it.number(NFTA_NAT_FAMILY);
  if (!it.has(NFTA_NAT_REG_ADDR_MIN) && !it.has(NFTA_NAT_REG_PROTO_MIN)) return EINVAL;
  if (it.number(NFTA_NAT_TYPE) > NFT_NAT_DNAT) return EOPNOTSUPP;
  // Ports alone are of no family.
  if (family !== NFPROTO_IPV4 && family !== NFPROTO_IPV6 && it.has(NFTA_NAT_REG_ADDR_MIN)) return EAFNOSUPPORT;
  return checkNatFlags(it.number(NFTA_NAT_FLAGS));
}

function checkNatFlags(flags: number): number {
  return (flags & ~NF_NAT_RANGE_MASK) !== 0 ? EINVAL : 0;
}

/** What a rule says by its registers, the flags say for it (nft_nat.c, nft_nat_init). */
function addNatFlags(
  it: Expression,
  flags: number,
  values: { readonly address?: number; readonly port: number },
): void {
  let more = 0;
  if (values.address !== undefined && it.has(values.address)) more |= NF_NAT_RANGE_MAP_IPS;
  if (it.has(values.port)) more |= NF_NAT_RANGE_PROTO_SPECIFIED;
  if (more !== 0 || it.has(flags)) it.values[flags] = it.number(flags) | more;
}

/** The last of a range is its first, when nothing else is said. */
function closeRange(it: Expression, first: number, last: number): void {
  if (it.has(first) && !it.has(last)) it.values[last] = it.number(first);
}

function checkLimit(it: Expression): number {
  if (it.number(NFTA_LIMIT_UNIT) === 0) return EINVAL;
  if (it.number(NFTA_LIMIT_RATE) === 0 || it.number(NFTA_LIMIT_TYPE) > NFT_LIMIT_PKT_BYTES) return EINVAL;
  const isPackets = it.number(NFTA_LIMIT_TYPE) === NFT_LIMIT_PKTS;
  if (isPackets && it.number(NFTA_LIMIT_BURST) === 0) it.values[NFTA_LIMIT_BURST] = 5;
  it.state[0] = limitCapacity(it);
  return 0;
}

/** Tokens, in nanoseconds of the rate, that a limit may hold. */
function limitCapacity(it: Expression): number {
  const rate = it.number(NFTA_LIMIT_RATE);
  const unitNs = it.number(NFTA_LIMIT_UNIT) * 1e9;
  const burst = it.number(NFTA_LIMIT_BURST);
  if (it.number(NFTA_LIMIT_TYPE) === NFT_LIMIT_PKTS) return (unitNs / rate) * burst;
  return (unitNs * (rate + burst)) / rate;
}

/** Of a counter: packets, bytes. */
export const COUNTED_PACKETS = 0,
  COUNTED_BYTES = 1;

const NAT_HOOKS = {
  source: hooks(NF_INET_POST_ROUTING, NF_INET_LOCAL_IN),
  destination: hooks(NF_INET_PRE_ROUTING, NF_INET_LOCAL_OUT),
};

function checkCounter(it: Expression): number {
  it.state[COUNTED_PACKETS] = it.number(NFTA_COUNTER_PACKETS);
  it.state[COUNTED_BYTES] = it.number(NFTA_COUNTER_BYTES);
  return 0;
}

function checkReject(it: Expression): number {
  const type = it.number(NFTA_REJECT_TYPE);
  if (type === NFT_REJECT_TCP_RST) {
    it.values[NFTA_REJECT_ICMP_CODE] = undefined;
    return 0;
  }
  if (type > NFT_REJECT_ICMPX_UNREACH || !it.has(NFTA_REJECT_ICMP_CODE)) return EINVAL;
  const isKnown = it.number(NFTA_REJECT_ICMP_CODE) <= NFT_REJECT_ICMPX_ADMIN_PROHIBITED;
  return type === NFT_REJECT_ICMPX_UNREACH && !isKnown ? EINVAL : 0;
}

/** By a group to programs (ULOG), or by a level to the kernel's messages, never both. */
function checkLog(it: Expression): number {
  if (it.has(NFTA_LOG_LEVEL) && it.has(NFTA_LOG_GROUP)) return EINVAL;
  if (it.has(NFTA_LOG_GROUP)) return 0;
  it.values[NFTA_LOG_LEVEL] ??= NFT_LOGLEVEL_WARNING;
  return it.number(NFTA_LOG_LEVEL) > NFT_LOGLEVEL_AUDIT ? EINVAL : 0;
}

export const STATEMENT_KINDS: ReadonlyMap<string, ExpressionKind> = new Map<string, ExpressionKind>([
  [
    "counter",
    kind([usual(NFTA_COUNTER_BYTES, "u64"), usual(NFTA_COUNTER_PACKETS, "u64")], {
      stateSize: 2,
      isStateful: true,
      check: checkCounter,
    }),
  ],
  [
    "limit",
    kind(
      [
        need(NFTA_LIMIT_RATE, "u64"),
        need(NFTA_LIMIT_UNIT, "u64"),
        usual(NFTA_LIMIT_BURST, "u32"),
        usual(NFTA_LIMIT_TYPE, "u32"),
        usual(NFTA_LIMIT_FLAGS, "u32"),
      ],
      { stateSize: 2, check: checkLimit, isStateful: true },
    ),
  ],
  [
    "quota",
    kind([need(NFTA_QUOTA_BYTES, "u64"), usual(NFTA_QUOTA_CONSUMED, "u64"), usual(NFTA_QUOTA_FLAGS, "u32")], {
      stateSize: 1,
      isStateful: true,
      check: (it) => {
        it.state[0] = it.number(NFTA_QUOTA_CONSUMED);
        return (it.number(NFTA_QUOTA_FLAGS) & ~NFT_QUOTA_F_INV) !== 0 ? EINVAL : 0;
      },
    }),
  ],
  ["last", kind([usual(NFTA_LAST_SET, "u32"), usual(NFTA_LAST_MSECS, "u64")], { stateSize: 1, isStateful: true })],
  ["connlimit", kind([need(NFTA_CONNLIMIT_COUNT, "u32"), usual(NFTA_CONNLIMIT_FLAGS, "u32")], { isStateful: true })],
  [
    "reject",
    kind([need(NFTA_REJECT_TYPE, "u32"), given(NFTA_REJECT_ICMP_CODE, "u8")], {
      check: checkReject,
      places: () => ({
        type: null,
        hooks: hooks(NF_INET_PRE_ROUTING, NF_INET_LOCAL_IN, NF_INET_FORWARD, NF_INET_LOCAL_OUT),
      }),
    }),
  ],
  [
    "log",
    kind(
      [
        given(NFTA_LOG_PREFIX, "text"),
        given(NFTA_LOG_LEVEL, "u32"),
        unlessZero(NFTA_LOG_FLAGS, "u32"),
        given(NFTA_LOG_GROUP, "u16"),
        given(NFTA_LOG_SNAPLEN, "u32"),
        given(NFTA_LOG_QTHRESHOLD, "u16"),
      ],
      { check: checkLog },
    ),
  ],
  [
    "nat",
    kind(
      [
        need(NFTA_NAT_TYPE, "u32"),
        need(NFTA_NAT_FAMILY, "u32"),
        given(NFTA_NAT_REG_ADDR_MIN, "source"),
        given(NFTA_NAT_REG_ADDR_MAX, "source"),
        given(NFTA_NAT_REG_PROTO_MIN, "source"),
        given(NFTA_NAT_REG_PROTO_MAX, "source"),
        unlessZero(NFTA_NAT_FLAGS, "u32"),
      ],
      {
        check: (it) => {
          closeRange(it, NFTA_NAT_REG_ADDR_MIN, NFTA_NAT_REG_ADDR_MAX);
          closeRange(it, NFTA_NAT_REG_PROTO_MIN, NFTA_NAT_REG_PROTO_MAX);
          addNatFlags(it, NFTA_NAT_FLAGS, { address: NFTA_NAT_REG_ADDR_MIN, port: NFTA_NAT_REG_PROTO_MIN });
          return checkNat(it);
        },
        sizes: () => ({ source: 2 }),
        places: (it) => ({
          type: "nat",
          hooks: it.number(NFTA_NAT_TYPE) === NFT_NAT_SNAT ? NAT_HOOKS.source : NAT_HOOKS.destination,
        }),
      },
    ),
  ],
  [
    "masq",
    kind(
      [
        unlessZero(NFTA_MASQ_FLAGS, "u32"),
        given(NFTA_MASQ_REG_PROTO_MIN, "source"),
        given(NFTA_MASQ_REG_PROTO_MAX, "source"),
      ],
      {
        check: (it) => {
          closeRange(it, NFTA_MASQ_REG_PROTO_MIN, NFTA_MASQ_REG_PROTO_MAX);
          addNatFlags(it, NFTA_MASQ_FLAGS, { port: NFTA_MASQ_REG_PROTO_MIN });
          return checkNatFlags(it.number(NFTA_MASQ_FLAGS));
        },
        sizes: () => ({ source: 2 }),
        places: () => ({ type: "nat", hooks: hooks(NF_INET_POST_ROUTING) }),
      },
    ),
  ],
  [
    "redir",
    kind(
      [
        given(NFTA_REDIR_REG_PROTO_MIN, "source"),
        given(NFTA_REDIR_REG_PROTO_MAX, "source"),
        unlessZero(NFTA_REDIR_FLAGS, "u32"),
      ],
      {
        check: (it) => {
          closeRange(it, NFTA_REDIR_REG_PROTO_MIN, NFTA_REDIR_REG_PROTO_MAX);
          addNatFlags(it, NFTA_REDIR_FLAGS, { port: NFTA_REDIR_REG_PROTO_MIN });
          return checkNatFlags(it.number(NFTA_REDIR_FLAGS));
        },
        sizes: () => ({ source: 2 }),
        places: () => ({ type: "nat", hooks: NAT_HOOKS.destination }),
      },
    ),
  ],
  ["notrack", kind([])],
  [
    "flow_offload",
    kind([need(NFTA_FLOW_TABLE_NAME, "text")], { places: () => ({ type: null, hooks: hooks(NF_INET_FORWARD) }) }),
  ],
  [
    "objref",
    kind([
      given(NFTA_OBJREF_IMM_NAME, "text"),
      given(NFTA_OBJREF_IMM_TYPE, "u32"),
      given(NFTA_OBJREF_SET_SREG, "source"),
      given(NFTA_OBJREF_SET_NAME, "text"),
    ]),
  ],
  [
    "dynset",
    kind([
      need(NFTA_DYNSET_SREG_KEY, "source"),
      given(NFTA_DYNSET_SREG_DATA, "source"),
      need(NFTA_DYNSET_OP, "u32"),
      given(NFTA_DYNSET_SET_NAME, "text"),
      usual(NFTA_DYNSET_TIMEOUT, "u64"),
      usual(NFTA_DYNSET_FLAGS, "u32"),
    ]),
  ],
]);
