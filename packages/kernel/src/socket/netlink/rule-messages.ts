/** RTM_NEWRULE, RTM_DELRULE, RTM_GETRULE: in which order routing tables are asked, and for whom (ip-rule(8)). */
import {
  AF_INET,
  AF_INET6,
  AF_UNSPEC,
  EAFNOSUPPORT,
  EINVAL,
  EOPNOTSUPP,
  FIB_RULE_IIF_DETACHED,
  FIB_RULE_INVERT,
  FIB_RULE_OIF_DETACHED,
  FIB_RULE_UNRESOLVED,
  FibRuleHdr,
  FibRulePortRange,
  FibRuleUidRange,
  FRA_DPORT_RANGE,
  FRA_DST,
  FRA_FWMARK,
  FRA_FWMASK,
  FRA_GOTO,
  FRA_IIFNAME,
  FRA_IP_PROTO,
  FRA_L3MDEV,
  FRA_OIFNAME,
  FRA_PRIORITY,
  FRA_PROTOCOL,
  FRA_SPORT_RANGE,
  FRA_SRC,
  FRA_SUPPRESS_IFGROUP,
  FRA_SUPPRESS_PREFIXLEN,
  FRA_TABLE,
  FRA_TUN_ID,
  FRA_UID_RANGE,
  FR_ACT_GOTO,
  FR_ACT_TO_TBL,
  NLM_F_EXCL,
  RTM_DELRULE,
  RTM_NEWRULE,
  RT_TABLE_COMPAT,
  RT_TABLE_UNSPEC,
  isErrno,
} from "@stratos/abi";
import { ANY_V4, ANY_V6, type IpAddress, ipBytes, ipOfBytes, isSameIp, isV4 } from "@stratos/netstack";
import { putFields, viewOf } from "../../ground/words.ts";
import type { InterfaceNetwork } from "../interface-network.ts";
import type { RoutingRule, RoutingRules } from "../routing-rules.ts";
import { attributeOf, type NetlinkRequest, numberOf, textOf } from "./netlink-request.ts";
import { type NetlinkHeading, NetlinkWriter } from "./netlink-writer.ts";

/** What programs may ask for, and rules of ours can't: tunnels, groups of interfaces. */
const UNKNOWN = [FRA_TUN_ID, FRA_L3MDEV];

export function ruleMessages(network: InterfaceNetwork, family: number, heading: NetlinkHeading): Uint8Array[] {
  const { v4, v6 } = network.routes.rules;
  const messages: Uint8Array[] = [];
  for (const [rules, own] of [
    [v4, AF_INET],
    [v6, AF_INET6],
  ] as const)
    if (family === AF_UNSPEC || family === own)
      for (const rule of rules.list) messages.push(ruleMessage(network, rule, heading));
  return messages;
}

/** @see net/core/fib_rules.c, fib_nl_fill_rule */
export function ruleMessage(
  network: InterfaceNetwork,
  rule: RoutingRule,
  heading: NetlinkHeading,
  isGone = false,
): Uint8Array {
  const v4 = isV4(rule.from);
  const { table, action, tos, mark, markMask, users } = rule;
  let { flags } = rule;
  const isThere = (name: string): boolean => network.interfaceByName(name) !== undefined;
  if (action === FR_ACT_GOTO && !rulesOf(network, v4).isResolved(rule)) flags |= FIB_RULE_UNRESOLVED;
  if (rule.iif !== "" && !isThere(rule.iif)) flags |= FIB_RULE_IIF_DETACHED;
  if (rule.oif !== "" && !isThere(rule.oif)) flags |= FIB_RULE_OIF_DETACHED;
  const writer = new NetlinkWriter()
    .begin(isGone ? RTM_DELRULE : RTM_NEWRULE, heading)
    .fields(FibRuleHdr, {
      family: v4 ? AF_INET : AF_INET6,
      dst_len: rule.toLength,
      src_len: rule.fromLength,
      tos,
      table: table < 256 ? table : RT_TABLE_COMPAT,
      action,
      flags,
    })
    .attributeU32(FRA_TABLE, table)
    .attributeU32(FRA_SUPPRESS_PREFIXLEN, rule.suppressPrefix)
    .attributeU8(FRA_PROTOCOL, rule.protocol);
  if (rule.iif !== "") writer.attributeText(FRA_IIFNAME, rule.iif);
  if (rule.oif !== "") writer.attributeText(FRA_OIFNAME, rule.oif);
  if (rule.priority !== 0) writer.attributeU32(FRA_PRIORITY, rule.priority);
  if (mark !== 0) writer.attributeU32(FRA_FWMARK, mark);
  if (mark !== 0 || markMask !== 0) writer.attributeU32(FRA_FWMASK, markMask);
  if (rule.target !== 0) writer.attributeU32(FRA_GOTO, rule.target);
  if (users !== null) {
    const range = new Uint8Array(FibRuleUidRange.size);
    putFields(viewOf(range), FibRuleUidRange, { start: users.first, end: users.last });
    writer.attribute(FRA_UID_RANGE, range);
  }
  if (rule.sourcePorts !== null) writer.attribute(FRA_SPORT_RANGE, bytesOfPorts(rule.sourcePorts));
  if (rule.ports !== null) writer.attribute(FRA_DPORT_RANGE, bytesOfPorts(rule.ports));
  if (rule.ipProtocol !== 0) writer.attributeU8(FRA_IP_PROTO, rule.ipProtocol);
  if (rule.toLength > 0) writer.attribute(FRA_DST, ipBytes(rule.to));
  if (rule.fromLength > 0) writer.attribute(FRA_SRC, ipBytes(rule.from));
  return writer.finish();
}

function bytesOfPorts({ first, last }: PortRange): Uint8Array {
  const range = new Uint8Array(FibRulePortRange.size);
  putFields(viewOf(range), FibRulePortRange, { start: first, end: last });
  return range;
}

function rulesOf(network: InterfaceNetwork, v4: boolean): RoutingRules {
  const { rules } = network.routes;
  return v4 ? rules.v4 : rules.v6;
}

/** What a request says; what it does not say is null. */
interface WantedRule {
  readonly rule: RoutingRule;
  readonly priority: number | null;
  readonly hasMask: boolean;
}

/**
 * @returns 0; −EAFNOSUPPORT; −EINVAL malformed; −EOPNOTSUPP asks for what is not known; −EEXIST; −ENOENT; −ENOBUFS
 */
export function changeRule(network: InterfaceNetwork, request: NetlinkRequest): number {
  const wanted = readRule(network, request);
  if (isErrno(wanted)) return wanted;
  const { rule, priority } = wanted;
  const rules = rulesOf(network, isV4(rule.from));
  const isGone = request.type === RTM_DELRULE;
  let changed = { ...rule, priority: priority ?? rules.freePriority };
  if (isGone) {
    const removed = rules.remove((one) => isWanted(one, wanted));
    if (isErrno(removed)) return removed;
    changed = removed;
  } else {
    const failed = rules.add(changed, (request.flags & NLM_F_EXCL) !== 0);
    if (failed < 0) return failed;
  }
  for (const observer of network.observers) observer.ruleChanged(changed, isGone);
  return 0;
}

function readRule(network: InterfaceNetwork, { type, payload }: NetlinkRequest): WantedRule | number {
  if (payload.length < FibRuleHdr.size) return -EINVAL;
  const { offset } = FibRuleHdr;
  const family = payload[offset.family];
  if (family !== AF_INET && family !== AF_INET6) return -EAFNOSUPPORT;
  const v4 = family === AF_INET;
  const given = (name: number): Uint8Array | null => attributeOf(payload, FibRuleHdr.size, name);
  if (UNKNOWN.some((name) => given(name) !== null)) return -EOPNOTSUPP;
  const ifGroup = numberOf(given(FRA_SUPPRESS_IFGROUP));
  if (ifGroup !== null && ifGroup !== 0xffffffff) return -EOPNOTSUPP;
  const fromLength = payload[offset.src_len]!;
  const toLength = payload[offset.dst_len]!;
  const from = prefixIn(given(FRA_SRC), fromLength, v4);
  const to = prefixIn(given(FRA_DST), toLength, v4);
  if (from === null || to === null) return -EINVAL;
  const action = payload[offset.action]!;
  const priority = numberOf(given(FRA_PRIORITY));
  const target = numberOf(given(FRA_GOTO));
  const isNew = type === RTM_NEWRULE;
  if (action === FR_ACT_GOTO ? isNew && (target === null || target <= (priority ?? 0)) : target !== null)
    return -EINVAL;
  const range = given(FRA_UID_RANGE);
  if (range !== null && range.length < FibRuleUidRange.size) return -EINVAL;
  const users = range === null ? null : usersIn(range);
  if (users !== null && users.first > users.last) return -EINVAL;
  const sourcePorts = portsIn(given(FRA_SPORT_RANGE)),
    ports = portsIn(given(FRA_DPORT_RANGE));
  if (sourcePorts === "malformed" || ports === "malformed") return -EINVAL;
  const tos = payload[offset.tos]!;
  if ((tos & (v4 ? ~TOS_V4 : ECN)) !== 0) return -EINVAL;
  const mark = numberOf(given(FRA_FWMARK)) ?? 0;
  const mask = numberOf(given(FRA_FWMASK));
  let table = numberOf(given(FRA_TABLE)) ?? payload[offset.table]!;
  if (isNew && action === FR_ACT_TO_TBL && table === RT_TABLE_UNSPEC) {
    // Of IPv4 one that nobody uses (net/ipv4/fib_rules.c, fib4_rule_configure).
    if (!v4) return -EINVAL;
    table = 1;
    while (network.routes.hasTable(table, v4) || rulesOf(network, v4).list.some((one) => one.table === table)) table++;
  }
  const suppress = numberOf(given(FRA_SUPPRESS_PREFIXLEN));
  const flags = viewOf(payload).getUint32(offset.flags, true) & FIB_RULE_INVERT;
  const rule = {
    ...{ action, table, flags, from, fromLength, to, toLength, mark, users },
    priority: priority ?? 0,
    tos,
    ipProtocol: given(FRA_IP_PROTO)?.[0] ?? 0,
    sourcePorts,
    ports,
    protocol: given(FRA_PROTOCOL)?.[0] ?? 0,
    markMask: mask ?? (mark !== 0 ? 0xffffffff : 0),
    iif: textOf(given(FRA_IIFNAME) ?? EMPTY),
    oif: textOf(given(FRA_OIFNAME) ?? EMPTY),
    suppressPrefix: suppress === null ? -1 : suppress | 0,
    target: target ?? 0,
  };
  return { rule, priority, hasMask: rule.markMask !== 0 };
}

function usersIn(range: Uint8Array): { first: number; last: number } {
  const view = viewOf(range);
  const { start, end } = FibRuleUidRange.offset;
  return { first: view.getUint32(start, true), last: view.getUint32(end, true) };
}

/** Bits that a rule may ask for: of IPv4 (IPTOS_TOS_MASK, without the congestion's); and those that none may. */
const TOS_V4 = 0x1c,
  ECN = 3;

type PortRange = NonNullable<RoutingRule["ports"]>;

function portsIn(range: Uint8Array | null): PortRange | null | "malformed" {
  if (range === null) return null;
  if (range.length < FibRulePortRange.size) return "malformed";
  const view = viewOf(range);
  const first = view.getUint16(FibRulePortRange.offset.start, true),
    last = view.getUint16(FibRulePortRange.offset.end, true);
  return first === 0 || last === 0xffff || first > last ? "malformed" : { first, last };
}

const EMPTY = new Uint8Array(0);

/** The address of a prefix: any for none; null when it is malformed. */
function prefixIn(value: Uint8Array | null, length: number, v4: boolean): IpAddress | null {
  if (length === 0) return v4 ? ANY_V4 : ANY_V6;
  const ip = value === null || length > (v4 ? 32 : 128) ? null : ipOfBytes(value);
  return ip === null || isV4(ip) !== v4 ? null : ip;
}

/** Does a rule fit what is to be removed? What is not said fits all (net/core/fib_rules.c, rule_find). */
function isWanted(one: RoutingRule, { rule, priority, hasMask }: WantedRule): boolean {
  const isSame = <Value>(value: Value, own: Value, isGiven: boolean): boolean => !isGiven || value === own;
  return (
    isSame(rule.action, one.action, rule.action !== 0) &&
    isSame(rule.table, one.table, rule.table !== RT_TABLE_UNSPEC) &&
    isSame(priority, one.priority, priority !== null) &&
    isSame(rule.iif, one.iif, rule.iif !== "") &&
    isSame(rule.oif, one.oif, rule.oif !== "") &&
    isSame(rule.mark, one.mark, rule.mark !== 0) &&
    isSame(rule.markMask, one.markMask, hasMask) &&
    isSame(rule.suppressPrefix, one.suppressPrefix, rule.suppressPrefix !== -1) &&
    isSame(rule.users?.first, one.users?.first, rule.users !== null) &&
    isSame(rule.users?.last, one.users?.last, rule.users !== null) &&
    isSame(rule.ipProtocol, one.ipProtocol, rule.ipProtocol !== 0) &&
    isSame(rule.sourcePorts?.first, one.sourcePorts?.first, rule.sourcePorts !== null) &&
    isSame(rule.sourcePorts?.last, one.sourcePorts?.last, rule.sourcePorts !== null) &&
    isSame(rule.ports?.first, one.ports?.first, rule.ports !== null) &&
    isSame(rule.ports?.last, one.ports?.last, rule.ports !== null) &&
    isSame(rule.protocol, one.protocol, rule.protocol !== 0) &&
    isSame(rule.tos, one.tos, rule.tos !== 0) &&
    (rule.fromLength === 0 || (rule.fromLength === one.fromLength && isSameIp(rule.from, one.from))) &&
    (rule.toLength === 0 || (rule.toLength === one.toLength && isSameIp(rule.to, one.to)))
  );
}
