/**
 * Matches and targets of iptables (net/netfilter/nft_compat.c): `match` and `target` expressions with the structures of
 * x_tables, in the layout of 64-bit programs. Which ones there are, by name and revision, and the bytes of each.
 */
import {
  EINVAL,
  ENOENT,
  EOPNOTSUPP,
  EPROTONOSUPPORT,
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
} from "@stratos/abi";
import type { ExpressionKind } from "./expression-kind.ts";
import type { Expression } from "./ruleset.ts";

/** Bytes of a structure for IPv4 and for IPv6; 0: it isn't there for that one. */
interface Extension {
  readonly v4: number;
  readonly v6: number;
  /** Of a target that translates: hooks, a bit each. */
  readonly natHooks?: number;
  readonly tracks?: boolean;
}

const both = (size: number, tracks = false): Extension => ({ v4: size, v6: size, tracks });
const SOURCE_HOOKS = (1 << NF_INET_POST_ROUTING) | (1 << NF_INET_LOCAL_IN),
  DESTINATION_HOOKS = (1 << NF_INET_PRE_ROUTING) | (1 << NF_INET_LOCAL_OUT);
const translating = (v4: number, v6: number, natHooks: number): Extension => ({ v4, v6, natHooks, tracks: true });
/** `struct nf_nat_ipv4_multi_range_compat`, `nf_nat_range`, `nf_nat_range2`. */
const RANGE_V4 = 24,
  RANGE = 40,
  RANGE_2 = 48;

const MATCHES: ReadonlyMap<string, Extension> = new Map([
  ["addrtype 0", { v4: 16, v6: 0 }],
  ["addrtype 1", both(8)],
  ["comment 0", both(256)],
  ["connmark 1", both(16, true)],
  ["conntrack 1", both(152, true)],
  ["conntrack 2", both(160, true)],
  ["conntrack 3", both(168, true)],
  ["icmp 0", { v4: 8, v6: 0 }],
  ["icmp6 0", { v4: 0, v6: 8 }],
  ["iprange 1", both(72)],
  ["length 0", both(8)],
  ["limit 0", both(40)],
  ["mark 1", both(16)],
  ["multiport 1", both(48)],
  ["pkttype 0", both(8)],
  ["state 0", both(8, true)],
  ["statistic 0", both(24)],
  ["tcp 0", both(16)],
  ["tcpmss 0", both(8)],
  ["udp 0", both(16)],
]);
const TARGETS: ReadonlyMap<string, Extension> = new Map([
  ["CHECKSUM 0", both(8)],
  ["CONNMARK 1", both(16, true)],
  ["CONNMARK 2", both(16, true)],
  ["CT 0", both(40, true)],
  ["CT 1", both(72, true)],
  ["CT 2", both(72, true)],
  ["DNAT 0", translating(RANGE_V4, 0, DESTINATION_HOOKS)],
  ["DNAT 1", translating(RANGE, RANGE, DESTINATION_HOOKS)],
  ["DNAT 2", translating(RANGE_2, RANGE_2, DESTINATION_HOOKS)],
  ["LOG 0", both(32)],
  ["MARK 2", both(8)],
  ["MASQUERADE 0", translating(RANGE_V4, RANGE, 1 << NF_INET_POST_ROUTING)],
  ["NFLOG 0", both(80)],
  ["REDIRECT 0", translating(RANGE_V4, RANGE, DESTINATION_HOOKS)],
  ["REJECT 0", both(8)],
  ["SNAT 0", translating(RANGE_V4, 0, SOURCE_HOOKS)],
  ["SNAT 1", translating(RANGE, RANGE, SOURCE_HOOKS)],
  ["SNAT 2", translating(RANGE_2, RANGE_2, SOURCE_HOOKS)],
  ["TCPMSS 0", both(8)],
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

/** @returns 0; ENOENT there is none of that name and revision for the family; EINVAL its structure has another size */
export function checkExtension(family: number, it: Expression): number {
  const extension = extensionOf(it);
  if (extension === undefined) return ENOENT;
  const size = family === NFPROTO_IPV6 ? extension.v6 : extension.v4;
  if (size === 0) return ENOENT;
  const info = it.bytes(NFTA_MATCH_INFO);
  if (((info.length + 7) & ~7) !== size) return EINVAL;
  // Translating addresses in several ranges has never been there (nf_nat_ipv4_multi_range_compat).
  if (extension.natHooks !== undefined && size === RANGE_V4 && info[0] !== 1) return EINVAL;
  const isTracking = it.kind === "target" && extensionName(it) === "CT";
  return isTracking && (info[0]! & 1) === 0 ? EOPNOTSUPP : 0;
}

export function extensionPlaces(it: Expression): { readonly type: string | null; readonly hooks: number } | null {
  const hooks = extensionOf(it)?.natHooks;
  if (hooks !== undefined) return { type: "nat", hooks };
  if (it.kind !== "target" || extensionName(it) !== "REJECT") return null;
  return { type: null, hooks: (1 << NF_INET_LOCAL_IN) | (1 << NF_INET_FORWARD) | (1 << NF_INET_LOCAL_OUT) };
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
