/**
 * Values by key, within a bound of entries and of bytes, and how often one was there. When there is no room the one
 * goes that the policy names: `lru` the one that was used longest ago, `lfu` the one that was used the least (of those
 * the one longest ago), `ttl` the eldest. With `lifeMs` none is given out that is older, whatever the policy.
 */
interface CacheSettings {
  /** In metrics. */
  readonly name: string;
  readonly policy: "lru" | "lfu" | "ttl";
  readonly entriesMax: number;
  readonly bytesMax?: number;
  readonly lifeMs?: number;
  readonly now?: () => number;
}

interface Entry<Value> {
  readonly value: Value;
  readonly bytes: number;
  readonly untilMs: number;
  /** Of the bucket that it is in; for `lfu` how often it was used. */
  rank: number;
}

export interface CacheCounts {
  readonly name: string;
  readonly hits: number;
  readonly misses: number;
  readonly evicted: number;
  readonly entries: number;
  readonly bytes: number;
}

export class BoundedCache<Value> {
  readonly #settings: CacheSettings;
  readonly #now: () => number;
  readonly #entries = new Map<string, Entry<Value>>();
  /** Keys by rank, the one that goes first in front. */
  readonly #buckets = new Map<number, Set<string>>();
  #bytes = 0;
  #hits = 0;
  #misses = 0;
  #evicted = 0;

  constructor(settings: CacheSettings) {
    this.#settings = settings;
    this.#now = settings.now ?? (() => performance.now());
  }

  get counts(): CacheCounts {
    const { name } = this.#settings;
    const [hits, misses, evicted] = [this.#hits, this.#misses, this.#evicted];
    return { name, hits, misses, evicted, entries: this.#entries.size, bytes: this.#bytes };
  }

  get(key: string): Value | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || entry.untilMs <= this.#now()) {
      this.#misses++;
      if (entry !== undefined) this.delete(key);
      return undefined;
    }
    this.#hits++;
    if (this.#settings.policy !== "ttl") {
      this.#leaveBucket(key, entry.rank);
      if (this.#settings.policy === "lfu") entry.rank++;
      this.#enterBucket(key, entry.rank);
    }
    return entry.value;
  }

  /** What is larger than all that may be kept is not kept. */
  set(key: string, value: Value, bytes = 0): void {
    const { entriesMax, bytesMax = Infinity, lifeMs = Infinity } = this.#settings;
    this.delete(key);
    if (bytes > bytesMax) return;
    while (this.#entries.size >= entriesMax || this.#bytes + bytes > bytesMax) {
      this.delete(this.#first());
      this.#evicted++;
    }
    this.#entries.set(key, { value, bytes, untilMs: this.#now() + lifeMs, rank: 0 });
    this.#enterBucket(key, 0);
    this.#bytes += bytes;
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#leaveBucket(key, entry.rank);
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
  }

  clear(): void {
    this.#entries.clear();
    this.#buckets.clear();
    this.#bytes = 0;
  }

  #first(): string {
    let rank = Infinity;
    for (const each of this.#buckets.keys()) rank = Math.min(rank, each);
    return this.#buckets.get(rank)!.values().next().value!;
  }

  #enterBucket(key: string, rank: number): void {
    const bucket = this.#buckets.get(rank);
    if (bucket === undefined) this.#buckets.set(rank, new Set([key]));
    else bucket.add(key);
  }

  #leaveBucket(key: string, rank: number): void {
    const bucket = this.#buckets.get(rank)!;
    bucket.delete(key);
    if (bucket.size === 0) this.#buckets.delete(rank);
  }
}
