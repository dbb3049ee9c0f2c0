/**
 * Which connections programs may open. The first rule that fits decides; when none does, the connection is denied.
 *
 * Rules by name hold for the addresses that the host's name servers gave for such a name: a question for a name that no
 * rule allows is answered REFUSED and never leaves (RFC 1035 §4.1.1); answers are remembered for their time to live.
 * Addresses of private networks are never taken from a name: who owns the name must not lead into the host's own
 * network. Those need a rule of their own; `localhost` is the loopback's name, whom nobody asks for it. What was given
 * for a name that is denied stays denied when its time is up; an address that nobody has asked for is under no such
 * name.
 */
import { ipOfText, isInPrefix, isLoopback, isV4, isWildcard, makeV4, textOfIp, widthOf } from "@stratos/kernel";
import { type NetPolicy, type NetRule, StratosError } from "./api.ts";
import { answersOf, questionOf } from "./dns-message.ts";
import { PRIVATE_NETWORKS } from "./private-networks.ts";

type IpAddress = NonNullable<ReturnType<typeof ipOfText>>;
/** What may be permitted; echoes of ICMP have port 0, and those of the host alone are asked for. */
export type Protocol = "tcp" | "udp" | "icmp";
const PROTOCOLS: readonly unknown[] = ["tcp", "udp", "icmp"];

export interface Verdict {
  readonly isAllowed: boolean;
  /** Of the policy's, from 0; null: none fits. */
  readonly rule: number | null;
}

interface CheckedRule {
  readonly allows: boolean;
  readonly ports: readonly (readonly [number, number])[] | null;
  readonly protocol: Protocol | null;
  readonly what:
    | { readonly kind: "all" }
    | { readonly kind: "name"; readonly name: string; readonly below: boolean }
    | { readonly kind: "prefix"; readonly ip: IpAddress; readonly length: number };
}

const RULES_MAX = 1024;
const ADDRESSES_MAX = 4096;
/** Of one address, the latest. */
const NAMES_MAX = 16;
const QUESTIONS_MAX = 1024;
/** An address is used a while after it was asked for, however short its time to live. */
const LIFE_SECONDS_MIN = 60,
  LIFE_SECONDS_MAX = 86_400;
const PRIVATE = PRIVATE_NETWORKS.map((text) => prefixOf(text)!);

export class NetRules {
  readonly #nowMs: () => number;
  #rules: readonly CheckedRule[] = [];
  readonly #names = new NameTable();
  /** Those that a rule denies, for good. */
  readonly #deniedNames = new NameTable();
  /** Questions that were let through, by number and name. */
  readonly #asked = new Set<string>();

  /** @param known  what it has learned of names is known here. @throws StratosError of kind option */
  constructor(policy: NetPolicy, nowMs: () => number, known: NetRules | null = null) {
    this.#nowMs = nowMs;
    if (known !== null) {
      for (const entry of known.#names.entries()) this.#names.add(...entry);
      for (const entry of known.#deniedNames.entries()) this.#deniedNames.add(...entry);
    }
    this.update(policy);
  }

  /** @throws StratosError of kind option; then the rules are as before */
  update(policy: NetPolicy): void {
    this.#rules = checked(policy);
    for (const [address, name] of this.#names.entries()) this.#noteDenied(address, name);
  }

  #noteDenied(address: string, name: string): void {
    if (this.#rules.some(({ allows, what }) => !allows && what.kind === "name" && isNamed(what, name)))
      this.#deniedNames.add(address, name, Infinity);
  }

  /** Of a connection, or a datagram. @param named  names that it had when it was begun */
  verdict(address: string, port: number, protocol: Protocol, named: readonly string[] = []): Verdict {
    const ip = ipOfText(address);
    if (ip === null) return DENIED;
    const names = [...this.#namesOf(ip), ...named];
    // Programs know that name's addresses by themselves (RFC 6761 §6.3).
    if (isLoopback(ip)) names.push("localhost");
    const deniedNames = [...names, ...this.#deniedNames.of(textOfIp(ip), 0)];
    const index = this.#rules.findIndex((rule) => fits(rule, { ip, port, protocol, names, deniedNames }));
    return index < 0 ? DENIED : { isAllowed: this.#rules[index]!.allows, rule: index };
  }

  /** Of a question for a name: rules by address, and denials of some ports alone, say nothing about it. */
  verdictOfName(name: string): Verdict {
    const index = this.#rules.findIndex(({ allows, ports, protocol, what }) => {
      if (!allows && (ports !== null || protocol !== null)) return false;
      return what.kind === "all" || (what.kind === "name" && isNamed(what, name));
    });
    return index < 0 ? DENIED : { isAllowed: this.#rules[index]!.allows, rule: index };
  }

  /** Names that the address was given for, and that it still has; the latest comes last. */
  namesOf(address: string): readonly string[] {
    const ip = ipOfText(address);
    return ip === null ? [] : this.#namesOf(ip);
  }

  #namesOf(ip: IpAddress): string[] {
    return isPrivate(ip) ? [] : this.#names.of(textOfIp(ip), this.#nowMs());
  }

  /** A question that goes out: its answer will be believed. */
  asks(message: Uint8Array): void {
    const question = questionOf(message);
    if (question === null) return;
    if (this.#asked.size >= QUESTIONS_MAX) this.#asked.delete(this.#asked.values().next().value!);
    this.#asked.add(`${question.id} ${question.name}`);
  }

  /** What a name server has answered. */
  learn(message: Uint8Array): void {
    const question = questionOf(message);
    if (question === null || !this.#asked.delete(`${question.id} ${question.name}`)) return;
    for (const { address, seconds } of answersOf(message)) {
      const ip = ipOfText(address);
      if (ip === null) continue;
      const key = textOfIp(ip);
      const life = Math.min(Math.max(seconds, LIFE_SECONDS_MIN), LIFE_SECONDS_MAX);
      this.#names.add(key, question.name, this.#nowMs() + life * 1000);
      this.#noteDenied(key, question.name);
    }
  }
}

/** By address, the names that it was given for, and until when. What is beyond its bounds replaces the oldest. */
class NameTable {
  readonly #byAddress = new Map<string, Map<string, number>>();

  add(address: string, name: string, untilMs: number): void {
    const names = this.#byAddress.get(address) ?? new Map<string, number>();
    this.#byAddress.delete(address);
    names.delete(name);
    dropOldest(this.#byAddress, ADDRESSES_MAX - 1);
    dropOldest(names, NAMES_MAX - 1);
    this.#byAddress.set(address, names.set(name, untilMs));
  }

  /** Those that live. */
  of(address: string, nowMs: number): string[] {
    const names = this.#byAddress.get(address);
    if (names === undefined) return [];
    for (const [name, untilMs] of names) if (untilMs <= nowMs) names.delete(name);
    if (names.size === 0) this.#byAddress.delete(address);
    return [...names.keys()];
  }

  *entries(): Iterable<readonly [address: string, name: string, untilMs: number]> {
    for (const [address, names] of this.#byAddress) for (const [name, untilMs] of names) yield [address, name, untilMs];
  }
}

function dropOldest(map: Map<string, unknown>, most: number): void {
  while (map.size > most) map.delete(map.keys().next().value!);
}

const DENIED: Verdict = { isAllowed: false, rule: null };

interface Destination {
  readonly ip: IpAddress;
  readonly port: number;
  readonly protocol: Protocol;
  readonly names: readonly string[];
  /** Those too that it had once. */
  readonly deniedNames: readonly string[];
}

function fits({ allows, what, ports, protocol: only }: CheckedRule, to: Destination): boolean {
  const { ip, port, protocol, names, deniedNames } = to;
  if (only !== null && only !== protocol) return false;
  if (ports !== null && !ports.some(([first, last]) => port >= first && port <= last)) return false;
  if (what.kind === "all") return true;
  if (what.kind === "name") return (allows ? names : deniedNames).some((name) => isNamed(what, name));
  if (isInPrefix(ip, what.ip, what.length)) return true;
  const inner = allows ? null : innerIpv4(ip);
  return inner !== null && isInPrefix(inner, what.ip, what.length);
}

/**
 * The IPv4 address that packets to an IPv6 one may end at: by a translator (RFC 6052 §2.1, 64:ff9b::/96), through a
 * tunnel (RFC 3056 §2, 2002::/16), or as it was written once (RFC 4291 §2.5.5.1, ::/96); null: it has none.
 */
function innerIpv4(ip: IpAddress): IpAddress | null {
  const [first = 0, second = 0, third = 0, fourth = 0] = ip;
  if (isV4(ip) || isWildcard(ip) || isLoopback(ip)) return null;
  if (first >>> 16 === 0x2002) return makeV4(((first << 16) | (second >>> 16)) >>> 0);
  if (second !== 0 || third !== 0) return null;
  return first === 0x0064ff9b || first === 0 ? makeV4(fourth) : null;
}

function isNamed({ name, below }: { readonly name: string; readonly below: boolean }, asked: string): boolean {
  return below ? asked.endsWith(`.${name}`) : asked === name;
}

function isPrivate(ip: IpAddress): boolean {
  if (PRIVATE.some((prefix) => isInPrefix(ip, prefix.ip, prefix.length))) return true;
  const inner = innerIpv4(ip);
  return inner !== null && isPrivate(inner);
}

function checked(policy: NetPolicy): readonly CheckedRule[] {
  if (policy === "deny") return [];
  if (policy === "allow") return [{ allows: true, ports: null, protocol: null, what: { kind: "all" } }];
  if (!Array.isArray(policy) || policy.length > RULES_MAX)
    throw wrong(`"allow", "deny" or at most ${RULES_MAX} rules are expected`);
  return policy.map((rule: NetRule) => {
    const [target, ...more] = [rule.allow, rule.deny].filter((text) => text !== undefined);
    if (typeof target !== "string" || more.length > 0) throw wrong(`a rule says either "allow" or "deny"`);
    const { protocol = null, ports } = rule;
    if (protocol !== null && !PROTOCOLS.includes(protocol)) throw wrong('protocol: "tcp", "udp" or "icmp"');
    return { allows: rule.allow !== undefined, protocol, ports: portsOf(ports), what: targetOf(target) };
  });
}

function portsOf(ports: NetRule["ports"]): CheckedRule["ports"] {
  if (ports === undefined) return null;
  const isPort = (value: unknown): boolean => Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 65535;
  return ports.map((each) => {
    const range: readonly [number, number] = typeof each === "number" ? [each, each] : each;
    if (!range.every(isPort) || range[0] > range[1]) throw wrong("ports: numbers, or pairs of the first and the last");
    return range;
  });
}

function targetOf(text: string): CheckedRule["what"] {
  if (text === "*") return { kind: "all" };
  const prefix = prefixOf(text);
  if (prefix !== null) return { kind: "prefix", ...prefix };
  const name = text.toLowerCase().replace(/\.$/, "");
  const [, star, rest] =
    /^(\*\.)?((?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)$/.exec(name) ?? [];
  if (rest === undefined || /^[\d.]+$/.test(rest))
    throw wrong(`${text}: no name, address or prefix such as 10.0.0.0/8`);
  return { kind: "name", name: rest, below: star !== undefined };
}

/** An address, or a prefix; null: something else. @throws StratosError for a length that cannot be */
function prefixOf(text: string): { readonly ip: IpAddress; readonly length: number } | null {
  const [, address = "", digits] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const ip = ipOfText(address);
  if (ip === null) return null;
  const length = digits === undefined ? widthOf(ip) : Number(digits);
  if (length > widthOf(ip)) throw wrong(`${text}: a prefix has at most ${widthOf(ip)} bits`);
  return { ip, length };
}

function wrong(why: string): StratosError<"option"> {
  return new StratosError("option", `net: ${why}`, { option: "net" });
}
