/**
 * Sets and maps: keys with what belongs to them. Which of three forms one has follows from its flags:
 *
 * - single keys, found by a hash of their bytes;
 * - intervals, as sorted bounds (a key, or the end before it, NFT_SET_ELEM_INTERVAL_END): what a key is in is told by
 *   the last bound that isn't above it;
 * - intervals of several fields (NFT_SET_CONCAT), where each field must lie within: these are tried one after another.
 *
 * Packets look keys up in bytes of the register file; nothing is allocated for that.
 */
import {
  NFT_SET_ANONYMOUS,
  NFT_SET_CONCAT,
  NFT_SET_ELEM_CATCHALL,
  NFT_SET_ELEM_INTERVAL_END,
  NFT_SET_EVAL,
  NFT_SET_INTERVAL,
  NFT_SET_TIMEOUT,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { compare, SortedKeys } from "./sorted-keys.ts";

/** A key of a set. */
export class StoredKey {
  readonly key: Uint8Array;
  /** Of an interval in several fields: its last key. */
  readonly keyEnd: Uint8Array | null;
  /** NFT_SET_ELEM_*. */
  readonly flags: number;
  /** How long it is to stay, and until when it does; 0: for ever. */
  timeoutMs = 0;
  expiresNs = 0;
  /** In the same bucket. */
  next: StoredKey | null = null;

  constructor(key: Uint8Array, keyEnd: Uint8Array | null, flags: number) {
    this.key = key;
    this.keyEnd = keyEnd;
    this.flags = flags;
  }

  isExpired(nowNs: number): boolean {
    return this.expiresNs !== 0 && nowNs >= this.expiresNs;
  }

  get isEnd(): boolean {
    return (this.flags & NFT_SET_ELEM_INTERVAL_END) !== 0;
  }

  get isEverythingElse(): boolean {
    return (this.flags & NFT_SET_ELEM_CATCHALL) !== 0;
  }

  static {
    stateClass("StoredKey", this);
  }
}

/** Of which form the keys of a set are. */
export interface KeyShape {
  /** NFT_SET_*. */
  readonly flags: number;
  readonly keyLength: number;
  /** Bytes of each field. */
  readonly fields: readonly number[];
  /** Elements that it may have, as its maker said; 0: nothing was said. */
  sizeMost: number;
}

export class KeyStore<Element extends StoredKey, Shape extends KeyShape> {
  readonly shape: Shape;
  /** In the order in which they came. Bound: that of the ruleset, and its own size. */
  readonly elements = new Set<Element>();
  /** What all other keys are (`*`). */
  everythingElse: Element | null = null;
  #buckets: (Element | null)[] = [];
  #sorted = new SortedKeys<Element>();

  constructor(shape: Shape) {
    this.shape = shape;
  }

  get hasIntervals(): boolean {
    return (this.shape.flags & NFT_SET_INTERVAL) !== 0 && !this.isConcat;
  }

  /** What Linux calls the structure that it keeps such a set in (NFTA_SET_TYPE). */
  get typeName(): string {
    if (this.hasIntervals) return "nft_set_rbtree_type";
    if (this.isConcat) return "nft_set_pipapo_type";
    if ((this.shape.flags & (NFT_SET_EVAL | NFT_SET_TIMEOUT)) !== 0 || this.shape.sizeMost === 0)
      return "nft_set_rhash_type";
    return this.shape.keyLength === 4 ? "nft_set_hash_fast_type" : "nft_set_hash_type";
  }

  /** Elements as users count them: an interval is one. */
  get countTold(): number {
    if (!this.hasIntervals) return this.elements.size;
    let count = 0;
    for (const one of this.elements) if (!one.isEnd) count++;
    return count;
  }

  get isConcat(): boolean {
    return (
      (this.shape.flags & (NFT_SET_INTERVAL | NFT_SET_CONCAT)) === (NFT_SET_INTERVAL | NFT_SET_CONCAT) &&
      this.shape.fields.length > 1
    );
  }

  /** Of a packet: which element the key is in; null: none. */
  find(bytes: Uint8Array, at: number, nowNs: number): Element | null {
    return this.#find(bytes, at, nowNs) ?? this.everythingElse;
  }

  #find(bytes: Uint8Array, at: number, nowNs: number): Element | null {
    if (this.hasIntervals) {
      const below = this.#sorted.below(bytes, at);
      if (below === undefined || below.isEnd || below.isExpired(nowNs)) return null;
      return below;
    }
    if (this.isConcat) {
      for (const element of this.elements)
        if (this.#isWithin(element, bytes, at) && !element.isExpired(nowNs)) return element;
      return null;
    }
    const found = this.#findKey(bytes, at);
    return found === null || found.isExpired(nowNs) ? null : found;
  }

  /** Of a request for a key: what it is in; of an interval the bound before or behind it. */
  bound(key: Uint8Array, isEnd: boolean, nowNs: number): Element | null {
    if (!isEnd || !this.hasIntervals) return this.find(key, 0, nowNs);
    const behind = this.exact(key, null, true) ?? this.#sorted.above(key, 0);
    return behind?.isEnd === true ? behind : this.everythingElse;
  }

  /** Of a request: the same element. */
  exact(key: Uint8Array, keyEnd: Uint8Array | null, isEnd: boolean): Element | null {
    if (this.hasIntervals) {
      for (const one of this.#sorted.same(key)) if (one.isEnd === isEnd) return one;
      return null;
    }
    if (!this.isConcat) return this.#findKey(key, 0);
    for (const one of this.elements)
      if (compare(one.key, key, 0) === 0 && compare(one.keyEnd ?? one.key, keyEnd ?? key, 0) === 0) return one;
    return null;
  }

  /** Would an interval that begins there lie in another? Those of a set without a name may leave their ends out. */
  overlaps(key: Uint8Array): boolean {
    if (!this.hasIntervals || (this.shape.flags & NFT_SET_ANONYMOUS) !== 0) return false;
    const below = this.#sorted.below(key, 0);
    return below !== undefined && !below.isEnd && compare(below.key, key, 0) !== 0;
  }

  /** Does its first or its last key lie in another one of several fields? What encloses another may come after it. */
  overlapsConcat(key: Uint8Array, keyEnd: Uint8Array): boolean {
    if (!this.isConcat) return false;
    for (const one of this.elements) if (this.#isWithin(one, key, 0) || this.#isWithin(one, keyEnd, 0)) return true;
    return false;
  }

  insert(element: Element): void {
    if (element.isEverythingElse) {
      this.everythingElse = element;
      return;
    }
    this.elements.add(element);
    // An end comes before what begins at the same key.
    if (this.hasIntervals) this.#sorted.insert(element, (other) => element.isEnd && !other.isEnd);
    else if (!this.isConcat) this.#link(element);
  }

  remove(element: Element): void {
    if (element.isEverythingElse) {
      this.everythingElse = null;
      return;
    }
    this.elements.delete(element);
    if (this.hasIntervals) this.#sorted.remove(element);
    else if (!this.isConcat) this.#unlink(element);
  }

  /** As dumps tell them: bounds from the highest down, others in their order. */
  *inOrder(): Generator<Element> {
    if (this.hasIntervals) yield* this.#sorted.descending();
    else yield* this.elements;
    if (this.everythingElse !== null) yield this.everythingElse;
  }

  /** Those whose time is over. */
  expired(nowNs: number): Element[] {
    if ((this.shape.flags & NFT_SET_TIMEOUT) === 0) return [];
    return [...this.elements].filter((one) => one.isExpired(nowNs));
  }

  #findKey(bytes: Uint8Array, at: number): Element | null {
    if (this.#buckets.length === 0) return null;
    let one: Element | null = this.#buckets[hashOf(bytes, at, this.shape.keyLength) & (this.#buckets.length - 1)]!;
    while (one !== null && compare(one.key, bytes, at) !== 0) one = one.next as Element | null;
    return one;
  }

  #link(element: Element): void {
    if (this.elements.size > this.#buckets.length) {
      this.#buckets = new Array<Element | null>(Math.max(16, 2 * this.#buckets.length)).fill(null);
      for (const one of this.elements) if (one !== element) this.#push(one);
    }
    this.#push(element);
  }

  #push(element: Element): void {
    const bucket = hashOf(element.key, 0, this.shape.keyLength) & (this.#buckets.length - 1);
    element.next = this.#buckets[bucket]!;
    this.#buckets[bucket] = element;
  }

  #unlink(element: Element): void {
    const bucket = hashOf(element.key, 0, this.shape.keyLength) & (this.#buckets.length - 1);
    const first = this.#buckets[bucket]!;
    if (first === element) this.#buckets[bucket] = element.next as Element | null;
    else
      for (let one: Element | null = first; one !== null; one = one.next as Element | null)
        if (one.next === element) one.next = element.next;
    element.next = null;
  }

  #isWithin({ key, keyEnd }: Element, bytes: Uint8Array, at: number): boolean {
    let from = 0;
    for (let field = 0; field < this.shape.fields.length; field++) {
      const size = this.shape.fields[field]!;
      for (let index = 0; index < size; index++)
        if (bytes[at + from + index]! !== key[from + index]!) {
          if (bytes[at + from + index]! < key[from + index]!) return false;
          break;
        }
      const end = keyEnd ?? key;
      for (let index = 0; index < size; index++)
        if (bytes[at + from + index]! !== end[from + index]!) {
          if (bytes[at + from + index]! > end[from + index]!) return false;
          break;
        }
      from += padded(size);
    }
    return true;
  }

  static {
    stateClass("KeyStore", this, {
      save: (it) => ({ buckets: it.#buckets, sorted: it.#sorted }),
      load: (it, from) => ({ buckets: it.#buckets, sorted: it.#sorted } = from),
    });
  }
}

/** Fields begin at words. */
function padded(size: number): number {
  return (size + 3) & ~3;
}

/** FNV-1a. */
function hashOf(bytes: Uint8Array, at: number, length: number): number {
  let hash = 0x811c9dc5;
  for (let index = at; index < at + length; index++) hash = Math.imul(hash ^ bytes[index]!, 0x01000193);
  return (hash ^ (hash >>> 15)) >>> 0;
}
