/**
 * Matches and targets of iptables (net/netfilter/nft_compat.c): `match` and `target` expressions with the structures of
 * x_tables, in the layout of 64-bit programs. Which ones there are, by name and revision, and the bytes of each.
 */
import {
  type Struct,
  EINVAL,
  ENOENT,
  EOPNOTSUPP,
  EPROTONOSUPPORT,
  IP6T_RT_FST_MASK,
  IP6T_RT_LEN,
  IP6T_RT_RES,
  IP6T_RT_SGS,
  IP6T_RT_TYP,
  Ip6tHlInfo,
  Ip6tRt,
  IptIcmp,
  IptRejectInfo,
  IptTtlInfo,
  NFPROTO_IPV6,
  NFTA_MATCH_INFO,
  NFTA_MATCH_NAME,
  NFTA_MATCH_REV,
  NFTA_TARGET_INFO,
  NFTA_TARGET_NAME,
  NFTA_TARGET_REV,
  NF_INET_FORWARD,
  NF_INET_LOCAL_IN,
  NF_INET_LOCAL_OUT,
  NF_INET_POST_ROUTING,
  NF_INET_PRE_ROUTING,
  NF_NAT_RANGE_MAP_IPS,
  NfNatIpv4MultiRangeCompat,
  NfNatRange,
  NfNatRange2,
  XT_CT_NOTRACK,
  XtAddrtypeInfo,
  XtAddrtypeInfoV1,
  XtChecksumInfo,
  XtCommentInfo,
  XtConnmarkMtinfo1,
  XtConnmarkTginfo1,
  XtConnmarkTginfo2,
  XtConntrackMtinfo1,
  XtConntrackMtinfo2,
  XtConntrackMtinfo3,
  XtCtTargetInfo,
  XtCtTargetInfoV1,
  XtIprangeMtinfo,
  XtLengthInfo,
  XtLogInfo,
  XtMarkMtinfo1,
  XtMarkTginfo2,
  XtMultiportV1,
  XtNflogInfo,
  XT_OWNER_SUPPL_GROUPS,
  XtOwnerMatchInfo,
  XtPkttypeInfo,
  XtRateinfo,
  XtRecentMtinfo,
  XtRecentMtinfoV1,
  XtSetInfoMatchV1,
  XtSetInfoMatchV4,
  XtStateInfo,
  XtStatisticInfo,
  XtTcp,
  XtTcpmssInfo,
  XtTcpmssMatchInfo,
  XtUdp,
} from "@stratos/abi";
import type { ExpressionKind } from "./expression-kind.ts";
import { checkRecent, recentName } from "./recent-match.ts";
import type { Chain, Expression, Ruleset, Table } from "./ruleset.ts";

/** Structures for IPv4 and for IPv6; null: there is none for that one. */
interface Extension {
  readonly v4: Struct | null;
  readonly v6: Struct | null;
  /** Of a target: the name of the tables that have it (`xt_target.table`). */
  readonly table?: string;
  /** Of a target that translates: hooks, a bit each. */
  readonly natHooks?: number;
  readonly tracks?: boolean;
}

const both = (layout: Struct, tracks = false): Extension => ({ v4: layout, v6: layout, tracks });
const OWN_HOOKS = (1 << NF_INET_LOCAL_OUT) | (1 << NF_INET_POST_ROUTING);
const SOURCE_HOOKS = (1 << NF_INET_POST_ROUTING) | (1 << NF_INET_LOCAL_IN),
  DESTINATION_HOOKS = (1 << NF_INET_PRE_ROUTING) | (1 << NF_INET_LOCAL_OUT);
const translating = (v4: Struct, v6: Struct | null, natHooks: number): Extension => ({
  v4,
  v6,
  table: "nat",
  natHooks,
  tracks: true,
});
/** XT_ADDRTYPE_LIMIT_IFACE_IN and _OUT: of addresses of the interface that a packet came in by, or goes out by. */
const OF_DEVICE_IN = 4,
  OF_DEVICE_OUT = 8;

const MATCHES: ReadonlyMap<string, Extension> = new Map([
  ["addrtype 0", { v4: XtAddrtypeInfo, v6: null }],
  ["addrtype 1", both(XtAddrtypeInfoV1)],
  ["comment 0", both(XtCommentInfo)],
  ["connmark 1", both(XtConnmarkMtinfo1, true)],
  ["conntrack 1", both(XtConntrackMtinfo1, true)],
  ["conntrack 2", both(XtConntrackMtinfo2, true)],
  ["conntrack 3", both(XtConntrackMtinfo3, true)],
  ["hl 0", { v4: null, v6: Ip6tHlInfo }],
  ["icmp 0", { v4: IptIcmp, v6: null }],
  ["icmp6 0", { v4: null, v6: IptIcmp }],
  ["iprange 1", both(XtIprangeMtinfo)],
  ["length 0", both(XtLengthInfo)],
  ["limit 0", both(XtRateinfo)],
  ["mark 1", both(XtMarkMtinfo1)],
  ["multiport 1", both(XtMultiportV1)],
  ["owner 1", both(XtOwnerMatchInfo)],
  ["pkttype 0", both(XtPkttypeInfo)],
  ["recent 0", both(XtRecentMtinfo)],
  ["recent 1", both(XtRecentMtinfoV1)],
  ["rt 0", { v4: null, v6: Ip6tRt }],
  ["set 1", both(XtSetInfoMatchV1)],
  ["set 2", both(XtSetInfoMatchV1)],
  ["set 4", both(XtSetInfoMatchV4)],
  ["state 0", both(XtStateInfo, true)],
  ["statistic 0", both(XtStatisticInfo)],
  ["tcp 0", both(XtTcp)],
  ["tcpmss 0", both(XtTcpmssMatchInfo)],
  ["ttl 0", { v4: IptTtlInfo, v6: null }],
  ["udp 0", both(XtUdp)],
]);
const TARGETS: ReadonlyMap<string, Extension> = new Map([
  ["CHECKSUM 0", both(XtChecksumInfo)],
  ["CONNMARK 1", both(XtConnmarkTginfo1, true)],
  ["CONNMARK 2", both(XtConnmarkTginfo2, true)],
  ["CT 0", both(XtCtTargetInfo, true)],
  ["CT 1", both(XtCtTargetInfoV1, true)],
  ["CT 2", both(XtCtTargetInfoV1, true)],
  ["DNAT 0", translating(NfNatIpv4MultiRangeCompat, null, DESTINATION_HOOKS)],
  ["DNAT 1", translating(NfNatRange, NfNatRange, DESTINATION_HOOKS)],
  ["DNAT 2", translating(NfNatRange2, NfNatRange2, DESTINATION_HOOKS)],
  ["LOG 0", both(XtLogInfo)],
  ["MARK 2", both(XtMarkTginfo2)],
  ["MASQUERADE 0", translating(NfNatIpv4MultiRangeCompat, NfNatRange, 1 << NF_INET_POST_ROUTING)],
  ["NFLOG 0", both(XtNflogInfo)],
  ["REDIRECT 0", translating(NfNatIpv4MultiRangeCompat, NfNatRange, DESTINATION_HOOKS)],
  ["REJECT 0", both(IptRejectInfo)],
  ["SNAT 0", translating(NfNatIpv4MultiRangeCompat, null, SOURCE_HOOKS)],
  ["SNAT 1", translating(NfNatRange, NfNatRange, SOURCE_HOOKS)],
  ["SNAT 2", translating(NfNatRange2, NfNatRange2, SOURCE_HOOKS)],
  ["TCPMSS 0", both(XtTcpmssInfo)],
]);

const NAMED = { isNeeded: true, fallback: null, hidesZero: false } as const;
const common = { stateSize: 2, check: () => 0, sizes: () => ({}), places: () => null, isStateful: false };

export const EXTENSION_KINDS: ReadonlyMap<string, ExpressionKind> = new Map<string, ExpressionKind>([
  [
    "match",
    {
      rows: [
        { attribute: NFTA_MATCH_NAME, form: "text", ...NAMED },
        { attribute: NFTA_MATCH_REV, form: "u32", ...NAMED },
        { attribute: NFTA_MATCH_INFO, form: "bytes", ...NAMED },
      ],
      ...common,
    },
  ],
  [
    "target",
    {
      rows: [
        { attribute: NFTA_TARGET_NAME, form: "text", ...NAMED },
        { attribute: NFTA_TARGET_REV, form: "u32", ...NAMED },
        { attribute: NFTA_TARGET_INFO, form: "bytes", ...NAMED },
      ],
      ...common,
    },
  ],
]);

/** Attributes of both kinds have the same numbers. */
export function extensionName(it: Expression): string {
  return it.values[NFTA_MATCH_NAME] as string;
}

function extensionOf(it: Expression): Extension | undefined {
  const all = it.kind === "match" ? MATCHES : it.kind === "target" ? TARGETS : null;
  return all?.get(`${extensionName(it)} ${it.number(NFTA_MATCH_REV)}`);
}

/**
 * @param chain  where its rule will be
 * @returns 0; ENOENT there is none of that name and revision for the family; EINVAL its structure has another size, or
 *   it is nothing for the table or the hook
 */
export function checkExtension({ family, name: table }: Table, chain: Chain | null, it: Expression): number {
  const extension = extensionOf(it);
  if (extension === undefined) return ENOENT;
  const layout = family === NFPROTO_IPV6 ? extension.v6 : extension.v4;
  if (layout === null) return ENOENT;
  const info = it.bytes(NFTA_MATCH_INFO);
  if (info.length < layout.size || aligned(info.length) !== aligned(layout.size)) return EINVAL;
  if (extension.table !== undefined && extension.table !== table) return EINVAL;
  const misplaced = checkPlace(it, chain);
  if (misplaced !== 0) return misplaced;
  if (layout === XtAddrtypeInfoV1) return checkAddressType(info, chain);
  if (isMapping(it, layout, info)) return EINVAL;
  // Translating addresses in several ranges has never been there (nf_nat_ipv4_multi_range_compat).
  if (layout === NfNatIpv4MultiRangeCompat && info[layout.offset.rangesize] !== 1) return EINVAL;
  if (layout === Ip6tRt) return checkRoutingHeader(info);
  if (layout === XtRecentMtinfo || layout === XtRecentMtinfoV1) return checkRecent(info);
  // Of a process's groups the first is known alone.
  if (layout === XtOwnerMatchInfo && (info[layout.offset.match]! & XT_OWNER_SUPPL_GROUPS) !== 0) return EOPNOTSUPP;
  const isTracking = it.kind === "target" && extensionName(it) === "CT";
  return isTracking && (info[XtCtTargetInfo.offset.flags]! & XT_CT_NOTRACK) === 0 ? EOPNOTSUPP : 0;
}

/** Of a chain that packets come to it is known at once (xt_check_target, nft_target_validate). */
function checkPlace(it: Expression, chain: Chain | null): number {
  const place = extensionPlaces(it);
  if (place === null || !chain?.hook) return 0;
  if (place.type !== null && place.type !== chain.hook.type) return EINVAL;
  return (place.hooks & (1 << chain.hook.hook)) === 0 ? EINVAL : 0;
}

/** net/netfilter/xt_addrtype.c, addrtype_mt_checkentry_v1 */
function checkAddressType(info: Uint8Array, chain: Chain | null): number {
  const limits = info[XtAddrtypeInfoV1.offset.flags]! & (OF_DEVICE_IN | OF_DEVICE_OUT);
  const hook = chain?.hook?.hook;
  if (limits === (OF_DEVICE_IN | OF_DEVICE_OUT)) return EINVAL;
  if (limits === OF_DEVICE_OUT && (hook === NF_INET_PRE_ROUTING || hook === NF_INET_LOCAL_IN)) return EINVAL;
  return limits === OF_DEVICE_IN && (hook === NF_INET_POST_ROUTING || hook === NF_INET_LOCAL_OUT) ? EINVAL : 0;
}

/** Who takes the address of an interface is given none (net/netfilter/xt_MASQUERADE.c, xt_REDIRECT.c). */
function isMapping(it: Expression, layout: Struct, info: Uint8Array): boolean {
  const name = extensionName(it);
  if (it.kind !== "target" || (name !== "MASQUERADE" && name !== "REDIRECT")) return false;
  const at = layout === NfNatRange ? NfNatRange.offset.flags : NfNatIpv4MultiRangeCompat.offset.flags;
  return (info[at]! & NF_NAT_RANGE_MAP_IPS) !== 0;
}

/** net/ipv6/netfilter/ip6t_rt.c, rt_mt6_check. Addresses of the type that RFC 5095 took back are not compared. */
function checkRoutingHeader(info: Uint8Array): number {
  const { rt_type } = Ip6tRt.offset;
  const [flags, inverted] = [info[Ip6tRt.offset.flags]!, info[Ip6tRt.offset.invflags]!];
  if ((inverted & ~(IP6T_RT_TYP | IP6T_RT_SGS | IP6T_RT_LEN)) !== 0) return EINVAL;
  if ((flags & (IP6T_RT_RES | IP6T_RT_FST_MASK)) === 0) return 0;
  const isTypeZero = info.subarray(rt_type, rt_type + 4).every((byte) => byte === 0);
  if ((flags & IP6T_RT_TYP) === 0 || !isTypeZero || (inverted & IP6T_RT_TYP) !== 0) return EINVAL;
  return (flags & IP6T_RT_FST_MASK) === 0 ? 0 : EOPNOTSUPP;
}

/** XT_ALIGN */
function aligned(size: number): number {
  return (size + 7) & ~7;
}

export function extensionPlaces(it: Expression): { readonly type: string | null; readonly hooks: number } | null {
  const hooks = extensionOf(it)?.natHooks;
  if (hooks !== undefined) return { type: "nat", hooks };
  if (it.kind === "match" && extensionName(it) === "owner") return { type: null, hooks: OWN_HOOKS };
  if (it.kind !== "target" || extensionName(it) !== "REJECT") return null;
  return { type: null, hooks: (1 << NF_INET_LOCAL_IN) | (1 << NF_INET_FORWARD) | (1 << NF_INET_LOCAL_OUT) };
}

/** What the matches of a name say in all rules. */
function* infosOf({ tables }: Ruleset, name: string): Generator<Uint8Array> {
  for (const { chains } of tables)
    for (const { rules } of chains.values())
      for (const { expressions } of rules)
        for (const it of expressions)
          if (it.kind === "match" && extensionName(it) === name) yield it.bytes(NFTA_MATCH_INFO);
}

/** Of the lists that rules have addresses of (`-m recent`). */
export function recentNames(ruleset: Ruleset): Set<string> {
  return new Set([...infosOf(ruleset, "recent")].map(recentName));
}

/** How many rules ask each set of ipset(8), by its index. */
export function setReferences(ruleset: Ruleset): Map<number, number> {
  const counts = new Map<number, number>();
  for (const info of infosOf(ruleset, "set")) {
    const { index: at } = XtSetInfoMatchV1.offset;
    const index = info[at]! | (info[at + 1]! << 8);
    counts.set(index, (counts.get(index) ?? 0) + 1);
  }
  return counts;
}

/** Does it need connections to be known? */
export function extensionTracks(it: Expression): boolean {
  return extensionOf(it)?.tracks === true;
}

/**
 * Is there one of a name and a revision (NFNL_MSG_COMPAT_GET)?
 *
 * @returns 0; ENOENT there is none of the name; EPROTONOSUPPORT none of the revision
 */
export function askExtension(name: string, revision: number, isTarget: boolean): number {
  const all = isTarget ? TARGETS : MATCHES;
  if (all.has(`${name} ${revision}`)) return 0;
  return [...all.keys()].some((each) => each.startsWith(`${name} `)) ? EPROTONOSUPPORT : ENOENT;
}
