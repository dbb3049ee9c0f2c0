/**
 * Which connections programs may open. The first rule that fits decides; when none does, the connection is denied.
 *
 * Rules by name hold for the addresses that the host's name servers gave for such a name: a question for a name that no
 * rule allows is answered REFUSED and never leaves (RFC 1035 §4.1.1); answers are remembered for their time to live.
 * Addresses of private networks are never taken from a name: who owns the name must not lead into the host's own
 * network. Those need a rule of their own.
 */
import {
  ipOfText,
  isInPrefix,
  isLinkLocal,
  isLoopback,
  isMulticast,
  isWildcard,
  textOfIp,
  widthOf,
} from "@stratos/kernel";
import { type NetPolicy, type NetRule, StratosError } from "./api.ts";
import { answersOf, questionOf } from "./dns-message.ts";

type IpAddress = NonNullable<ReturnType<typeof ipOfText>>;
export type Protocol = "tcp" | "udp";

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
const QUESTIONS_MAX = 1024;
/** An address is used a while after it was asked for, however short its time to live. */
const LIFE_SECONDS_MIN = 60,
  LIFE_SECONDS_MAX = 86_400;
const PRIVATE = ["0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"].map(
  (text) => prefixOf(text)!,
);

export class NetRules {
  readonly #nowMs: () => number;
  #rules: readonly CheckedRule[] = [];
  /** By address, the names that it was given for, and until when. */
  readonly #names = new Map<string, Map<string, number>>();
  /** Questions that were let through, by number and name. */
  readonly #asked = new Set<string>();

  /** @throws StratosError of kind option */
  constructor(policy: NetPolicy, nowMs: () => number) {
    this.#nowMs = nowMs;
    this.update(policy);
  }

  /** @throws StratosError of kind option; then the rules are as before */
  update(policy: NetPolicy): void {
    this.#rules = checked(policy);
  }

  /** Of a connection, or a datagram. */
  verdict(address: string, port: number, protocol: Protocol): Verdict {
    const ip = ipOfText(address);
    if (ip === null) return DENIED;
    const names = this.#namesOf(ip);
    const index = this.#rules.findIndex((rule) => fits(rule, { ip, port, protocol, names }));
    return index < 0 ? DENIED : { isAllowed: this.#rules[index]!.allows, rule: index };
  }

  /** Of a question for a name: rules by address say nothing about it. */
  verdictOfName(name: string): Verdict {
    const index = this.#rules.findIndex(
      ({ what }) => what.kind === "all" || (what.kind === "name" && isNamed(what, name)),
    );
    return index < 0 ? DENIED : { isAllowed: this.#rules[index]!.allows, rule: index };
  }

  /** A name that the address was given for, for people. */
  nameOf(address: string): string | null {
    const ip = ipOfText(address);
    return ip === null ? null : (this.#namesOf(ip)[0] ?? null);
  }

  #namesOf(ip: IpAddress): string[] {
    if (isPrivate(ip)) return [];
    const nowMs = this.#nowMs();
    return [...(this.#names.get(textOfIp(ip)) ?? [])].filter(([, untilMs]) => untilMs > nowMs).map(([name]) => name);
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
      if (!this.#names.has(key) && this.#names.size >= ADDRESSES_MAX)
        this.#names.delete(this.#names.keys().next().value!);
      const names = this.#names.get(key) ?? new Map<string, number>();
      const life = Math.min(Math.max(seconds, LIFE_SECONDS_MIN), LIFE_SECONDS_MAX);
      this.#names.set(key, names.set(question.name, this.#nowMs() + life * 1000));
    }
  }
}

const DENIED: Verdict = { isAllowed: false, rule: null };

function fits(
  { what, ports, protocol: only }: CheckedRule,
  to: { readonly ip: IpAddress; readonly port: number; readonly protocol: Protocol; readonly names: readonly string[] },
): boolean {
  const { ip, port, protocol, names } = to;
  if (only !== null && only !== protocol) return false;
  if (ports !== null && !ports.some(([first, last]) => port >= first && port <= last)) return false;
  if (what.kind === "all") return true;
  if (what.kind === "name") return names.some((name) => isNamed(what, name));
  return isInPrefix(ip, what.ip, what.length);
}

function isNamed({ name, below }: { readonly name: string; readonly below: boolean }, asked: string): boolean {
  return below ? asked.endsWith(`.${name}`) : asked === name;
}

function isPrivate(ip: IpAddress): boolean {
  if (isLoopback(ip) || isLinkLocal(ip) || isMulticast(ip) || isWildcard(ip)) return true;
  return PRIVATE.some((prefix) => isInPrefix(ip, prefix.ip, prefix.length));
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
    if (protocol !== null && protocol !== "tcp" && protocol !== "udp") throw wrong('protocol: "tcp" or "udp"');
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
