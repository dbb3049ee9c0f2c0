/**
 * Sets of ipset(8) (Linux net/netfilter/ipset): what `-m set` of iptables asks; fail2ban, Shorewall and Calico fill
 * them.
 *
 * An element is a key of KEY_SIZE bytes, found by a hash of them; of networks each prefix length that occurs is tried,
 * the longest first. Packets look up in one scratch key, so that nothing is allocated for them.
 *
 *     0         16       17         18    20
 *     | address | prefix | protocol | port |
 *
 * Bound: SETS_MAX sets, ELEMENTS_MAX elements of all of them.
 */
import { NFPROTO_IPV6 } from "@stratos/abi";
import { stateClass } from "@stratos/base";

const SETS_MAX = 1024;
export const ELEMENTS_MAX = 1 << 17;
export const KEY_SIZE = 20,
  PREFIX_AT = 16,
  PROTOCOL_AT = 17,
  PORT_AT = 18;
const PREFIXES = 129;

/** What elements of a type have, and the newest form of it that ipset(8) may ask for. */
interface SetType {
  readonly name: string;
  readonly revision: number;
  readonly isNet: boolean;
  readonly hasPort: boolean;
}

export const SET_TYPES: readonly SetType[] = [
  { name: "hash:ip", revision: 6, isNet: false, hasPort: false },
  { name: "hash:net", revision: 7, isNet: true, hasPort: false },
  { name: "hash:ip,port", revision: 7, isNet: false, hasPort: true },
  { name: "hash:net,port", revision: 8, isNet: true, hasPort: true },
];

export class IpSetElement {
  readonly key: Uint8Array;
  /** Until when it stays; 0: for ever. */
  expiresNs = 0;
  /** It is not in the set, though a network of it is. */
  isException = false;
  packets = 0;
  bytes = 0;
  comment: string | null = null;
  /** In the same bucket. */
  next: IpSetElement | null = null;

  constructor(key: Uint8Array) {
    this.key = key;
  }

  isOver(nowNs: number): boolean {
    return this.expiresNs !== 0 && nowNs >= this.expiresNs;
  }

  static {
    stateClass("IpSetElement", this);
  }
}

/** What its maker said. */
export interface SetOptions {
  readonly type: SetType;
  /** NFPROTO_IPV4, NFPROTO_IPV6. */
  readonly family: number;
  readonly hashSize: number;
  readonly elementsMost: number;
  readonly bucketSize: number;
  /** Seconds that elements stay who say nothing else; null: all stay. */
  readonly timeout: number | null;
  readonly hasCounters: boolean;
  readonly hasComments: boolean;
  /** Bits of the network that addresses are taken for; all of them: no. */
  readonly netmask: number;
}

export class IpSet {
  name: string;
  /** What rules know it by. */
  index: number;
  readonly options: SetOptions;
  #buckets = new Map<number, IpSetElement>();
  count = 0;
  /** How many elements have each prefix length. */
  #prefixes = new Uint32Array(PREFIXES);

  constructor(name: string, index: number, options: SetOptions) {
    this.name = name;
    this.index = index;
    this.options = options;
  }

  get isV6(): boolean {
    return this.options.family === NFPROTO_IPV6;
  }

  *elements(nowNs: number): Generator<IpSetElement> {
    for (let one of this.#buckets.values())
      for (;;) {
        if (!one.isOver(nowNs)) yield one;
        if (one.next === null) break;
        one = one.next;
      }
  }

  /** Those that are over go. */
  expire(nowNs: number): void {
    if (this.options.timeout === null) return;
    const over: IpSetElement[] = [];
    for (let one of this.#buckets.values())
      for (;;) {
        if (one.isOver(nowNs)) over.push(one);
        if (one.next === null) break;
        one = one.next;
      }
    for (const one of over) this.remove(one);
  }

  /** The same key, over or not. */
  exact(key: Uint8Array): IpSetElement | null {
    let one = this.#buckets.get(hashOf(key)) ?? null;
    while (one !== null && !isSameKey(one.key, key)) one = one.next;
    return one;
  }

  /** What a key with a whole address is in; it is cut to the prefix meanwhile. */
  find(key: Uint8Array, nowNs: number): IpSetElement | null {
    const whole = this.isV6 ? 128 : 32;
    if (!this.options.type.isNet) {
      cut(key, this.options.netmask);
      key[PREFIX_AT] = whole;
      const found = this.exact(key);
      return found === null || found.isOver(nowNs) ? null : found;
    }
    for (let prefix = whole; prefix > 0; prefix--) {
      if (this.#prefixes[prefix] === 0) continue;
      cut(key, prefix);
      key[PREFIX_AT] = prefix;
      const found = this.exact(key);
      if (found !== null && !found.isOver(nowNs)) return found;
    }
    return null;
  }

  add(one: IpSetElement): void {
    const hash = hashOf(one.key);
    one.next = this.#buckets.get(hash) ?? null;
    this.#buckets.set(hash, one);
    this.#prefixes[one.key[PREFIX_AT]!]!++;
    this.count++;
  }

  remove(one: IpSetElement): void {
    const hash = hashOf(one.key);
    const first = this.#buckets.get(hash)!;
    if (first !== one) {
      let before = first;
      while (before.next !== one) before = before.next!;
      before.next = one.next;
    } else if (one.next === null) this.#buckets.delete(hash);
    else this.#buckets.set(hash, one.next);
    this.#prefixes[one.key[PREFIX_AT]!]!--;
    this.count--;
  }

  flush(): void {
    this.#buckets.clear();
    this.#prefixes.fill(0);
    this.count = 0;
  }

  static {
    stateClass("IpSet", this, {
      save: (it) => ({ buckets: it.#buckets, prefixes: it.#prefixes }),
      load: (it, from) => ({ buckets: it.#buckets, prefixes: it.#prefixes } = from),
    });
  }
}

/** The bits of its address behind a prefix become 0. */
export function cut(key: Uint8Array, prefix: number): void {
  for (let at = prefix >> 3; at < PREFIX_AT; at++)
    key[at] = at === prefix >> 3 ? key[at]! & (0xff00 >> (prefix & 7)) : 0;
}

function hashOf(key: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < KEY_SIZE; at++) hash = Math.imul(hash ^ key[at]!, 0x01000193);
  return (hash ^ (hash >>> 15)) >>> 0;
}

function isSameKey(one: Uint8Array, other: Uint8Array): boolean {
  for (let at = 0; at < KEY_SIZE; at++) if (one[at] !== other[at]) return false;
  return true;
}

/** The sets of a network, by their index. */
export class IpSets {
  #sets: (IpSet | undefined)[] = [];

  *list(): Generator<IpSet> {
    for (const one of this.#sets) if (one !== undefined) yield one;
  }

  named(name: string): IpSet | undefined {
    return this.#sets.find((one) => one?.name === name);
  }

  at(index: number): IpSet | undefined {
    return this.#sets[index];
  }

  get elementCount(): number {
    let count = 0;
    for (const one of this.list()) count += one.count;
    return count;
  }

  /** undefined: there are SETS_MAX. */
  make(name: string, options: SetOptions): IpSet | undefined {
    let index = 0;
    while (this.#sets[index] !== undefined) index++;
    if (index >= SETS_MAX) return undefined;
    return (this.#sets[index] = new IpSet(name, index, options));
  }

  remove({ index }: IpSet): void {
    this.#sets[index] = undefined;
  }

  /** Each gets the name of the other, and is what rules ask who knew that. */
  swap(one: IpSet, other: IpSet): void {
    [one.name, other.name] = [other.name, one.name];
    [one.index, other.index] = [other.index, one.index];
    this.#sets[one.index] = one;
    this.#sets[other.index] = other;
  }

  static {
    stateClass("IpSets", this, {
      save: (it) => ({ sets: it.#sets }),
      load: (it, from) => ({ sets: it.#sets } = from),
    });
  }
}
