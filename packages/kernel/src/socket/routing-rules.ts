/**
 * In which tables a network looks up its routes, and for whom (ip-rule(8); Linux net/core/fib_rules.c). Rules are asked
 * by priority; the first that fits and whose table has a route decides.
 */
import {
  EEXIST,
  EINVAL,
  ENOBUFS,
  ENOENT,
  FIB_RULE_INVERT,
  FR_ACT_GOTO,
  FR_ACT_NOP,
  FR_ACT_PROHIBIT,
  FR_ACT_TO_TBL,
  FR_ACT_UNREACHABLE,
  EACCES,
  ENETUNREACH,
  RTPROT_KERNEL,
  RT_TABLE_DEFAULT,
  RT_TABLE_LOCAL,
  RT_TABLE_MAIN,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { ANY_V4, ANY_V6, type IpAddress, isInPrefix, isSameIp, isV4 } from "@stratos/netstack";

/** Who wants to reach something: what rules may ask for. */
export interface Flow {
  /** null: not chosen yet. */
  readonly source: IpAddress | null;
  /** SO_MARK. */
  readonly mark: number;
  /** The interface that it must leave by; 0: any. */
  readonly out: number;
  /** The interface that it came in by; 0: it is this machine's own. */
  readonly from: number;
  /** −1: nobody's. */
  readonly uid: number;
  /** IPPROTO_*, and the ports of both sides; 0: not said, or not chosen yet. */
  readonly ipProtocol: number;
  readonly sourcePort: number;
  readonly port: number;
  /** Type of service, or traffic class. */
  readonly tos: number;
}

export const ANY_FLOW: Flow = {
  source: null,
  mark: 0,
  out: 0,
  from: 0,
  uid: -1,
  ipProtocol: 0,
  sourcePort: 0,
  port: 0,
  tos: 0,
};

/** From one number to another, both included. */
interface NumberRange {
  readonly first: number;
  readonly last: number;
}

export interface RoutingRule {
  readonly priority: number;
  /** FR_ACT_*. */
  readonly action: number;
  readonly table: number;
  /** FIB_RULE_INVERT. */
  readonly flags: number;
  readonly tos: number;
  readonly protocol: number;
  readonly from: IpAddress;
  readonly fromLength: number;
  readonly to: IpAddress;
  readonly toLength: number;
  readonly mark: number;
  readonly markMask: number;
  /** Names of interfaces, which may not be there; "": any. */
  readonly iif: string;
  readonly oif: string;
  /** null: anybody. */
  readonly users: NumberRange | null;
  /** 0: any. */
  readonly ipProtocol: number;
  /** null: any. */
  readonly sourcePorts: NumberRange | null;
  readonly ports: NumberRange | null;
  /** Routes of so short a prefix don't count; −1: all do. */
  readonly suppressPrefix: number;
  /** FR_ACT_GOTO: the priority of the rule that is asked next. */
  readonly target: number;
}

/** A network's interfaces, by which rules may choose. */
interface NamedInterfaces {
  interfaceByName(name: string): { readonly index: number } | undefined;
}

/** Rules of one family at most. */
const RULES_MAX = 1024;
/** What a program sends comes in by the loopback (net/ipv4/route.c, LOOPBACK_IFINDEX). */
const LOOPBACK_INDEX = 1;

function initialRule(isV4: boolean, priority: number, table: number): RoutingRule {
  const ip = isV4 ? ANY_V4 : ANY_V6;
  const everything = { from: ip, fromLength: 0, to: ip, toLength: 0, mark: 0, markMask: 0, iif: "", oif: "", tos: 0 };
  const plain = {
    action: FR_ACT_TO_TBL,
    flags: 0,
    protocol: RTPROT_KERNEL,
    users: null,
    ipProtocol: 0,
    sourcePorts: null,
    ports: null,
    suppressPrefix: -1,
    target: 0,
  };
  return { ...everything, ...plain, priority, table };
}

/** The rules of one family of a network. Bound: RULES_MAX. */
export class RoutingRules {
  /** By priority; of equal ones the oldest first. */
  #rules: RoutingRule[];

  constructor(isV4: boolean) {
    this.#rules = [initialRule(isV4, 0, RT_TABLE_LOCAL), initialRule(isV4, 32766, RT_TABLE_MAIN)];
    if (isV4) this.#rules.push(initialRule(isV4, 32767, RT_TABLE_DEFAULT));
  }

  get list(): readonly RoutingRule[] {
    return this.#rules;
  }

  /** What a rule gets that names none: before all but the first (fib_default_rule_pref). */
  get freePriority(): number {
    const second = this.#rules[1];
    return second === undefined || second.priority === 0 ? 0 : second.priority - 1;
  }

  /** Does a rule with FR_ACT_GOTO lead anywhere? */
  isResolved({ target }: RoutingRule): boolean {
    return this.#rules.some(({ priority }) => priority === target);
  }

  /** 0; −EEXIST there is the same already, and `isNew` says that there must not be; −ENOBUFS */
  add(rule: RoutingRule, isNew: boolean): number {
    if (isNew && this.#rules.some((one) => isSameRule(one, rule))) return -EEXIST;
    if (this.#rules.length >= RULES_MAX) return -ENOBUFS;
    const at = this.#rules.findIndex(({ priority }) => priority > rule.priority);
    this.#rules.splice(at < 0 ? this.#rules.length : at, 0, rule);
    return 0;
  }

  /** Takes off the first that fits. −ENOENT */
  remove(fits: (rule: RoutingRule) => boolean): RoutingRule | number {
    const at = this.#rules.findIndex(fits);
    return at < 0 ? -ENOENT : this.#rules.splice(at, 1)[0]!;
  }

  /**
   * What `find` gives for the first table that has it. Work: one step a rule, and what `find` takes for each table.
   *
   * @param find  the route of a table, null where there is none
   * @returns −ENETUNREACH no table has one, or a rule says so; −EACCES, −EINVAL a rule says so (prohibit, blackhole)
   */
  lookUp<Found extends { readonly prefixLength: number }>(
    to: IpAddress,
    flow: Flow,
    interfaces: NamedInterfaces,
    find: (table: number) => Found | null,
  ): Found | number {
    // A table that has none is not asked again, however many rules lead there.
    const empty: number[] = [];
    for (let at = 0; at < this.#rules.length; at++) {
      const rule = this.#rules[at]!;
      if (!fits(rule, to, flow, interfaces)) continue;
      switch (rule.action) {
        case FR_ACT_TO_TBL: {
          if (empty.includes(rule.table)) break;
          const found = find(rule.table);
          if (found === null) empty.push(rule.table);
          else if (found.prefixLength > rule.suppressPrefix) return found;
          break;
        }
        case FR_ACT_GOTO: {
          const target = this.#rules.findIndex(({ priority }) => priority === rule.target);
          if (target > at) at = target - 1;
          break;
        }
        case FR_ACT_NOP:
          break;
        case FR_ACT_UNREACHABLE:
          return -ENETUNREACH;
        case FR_ACT_PROHIBIT:
          return -EACCES;
        default:
          return -EINVAL;
      }
    }
    return -ENETUNREACH;
  }

  static {
    stateClass("RoutingRules", this, {
      save: (it) => ({ rules: it.#rules }),
      load: (it, from) => ({ rules: it.#rules } = from),
    });
  }
}

function fits(rule: RoutingRule, to: IpAddress, flow: Flow, interfaces: NamedInterfaces): boolean {
  if (rule.iif !== "" && interfaces.interfaceByName(rule.iif)?.index !== (flow.from || LOOPBACK_INDEX)) return false;
  if (rule.oif !== "" && (flow.out === 0 || interfaces.interfaceByName(rule.oif)?.index !== flow.out)) return false;
  if (((rule.mark ^ flow.mark) & rule.markMask) !== 0) return false;
  if (!isInRange(rule.users, flow.uid)) return false;
  const isFrom = rule.fromLength === 0 || (flow.source !== null && isInPrefix(flow.source, rule.from, rule.fromLength));
  const isOfBoth = isFrom && isInPrefix(to, rule.to, rule.toLength) && fitsKind(rule, flow);
  return isOfBoth !== ((rule.flags & FIB_RULE_INVERT) !== 0);
}

/** IPv4 knows the low three bits of a DSCP alone (net/ipv4/fib_rules.c, fib_dscp_masked_match). */
const TOS_MASK = 0x1c;

/** What is sent, of what kind: families ask for it beside the addresses, so that an inverted rule inverts it, too. */
function fitsKind(rule: RoutingRule, flow: Flow): boolean {
  if (rule.tos !== 0 && rule.tos !== (flow.tos & (isV4(rule.from) ? TOS_MASK : 0xfc))) return false;
  if (rule.ipProtocol !== 0 && rule.ipProtocol !== flow.ipProtocol) return false;
  return isInRange(rule.sourcePorts, flow.sourcePort) && isInRange(rule.ports, flow.port);
}

function isInRange(range: NumberRange | null, number: number): boolean {
  return range === null || (number >= range.first && number <= range.last);
}

function isSameRange(one: NumberRange | null, other: NumberRange | null): boolean {
  return one?.first === other?.first && one?.last === other?.last;
}

function isSameRule(one: RoutingRule, other: RoutingRule): boolean {
  return (
    one.priority === other.priority &&
    one.action === other.action &&
    one.table === other.table &&
    one.iif === other.iif &&
    one.oif === other.oif &&
    one.mark === other.mark &&
    one.markMask === other.markMask &&
    one.suppressPrefix === other.suppressPrefix &&
    isSameRange(one.users, other.users) &&
    one.ipProtocol === other.ipProtocol &&
    isSameRange(one.sourcePorts, other.sourcePorts) &&
    isSameRange(one.ports, other.ports) &&
    one.protocol === other.protocol &&
    one.tos === other.tos &&
    one.target === other.target &&
    one.fromLength === other.fromLength &&
    one.toLength === other.toLength &&
    isSameIp(one.from, other.from) &&
    isSameIp(one.to, other.to)
  );
}
