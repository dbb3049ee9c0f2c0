/**
 * Goal: a cache keeps what its policy says, within both bounds, and counts what it was worth.
 * Method: one after the other by hand; then each policy against a plain list, under a seed.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom } from "@stratos/base";
import { BoundedCache } from "./bounded-cache.ts";

const keys = (cache: BoundedCache<string>, all: string): string =>
  [...all].filter((key) => cache.get(key) !== undefined).join("");

test("lru: what was used longest ago goes; lfu: what was used least; ttl: the eldest", () => {
  for (const [policy, left] of [
    ["lru", "acd"],
    ["lfu", "abd"],
    ["ttl", "bcd"],
  ] as const) {
    const cache = new BoundedCache<string>({ name: "c", policy, entriesMax: 3 });
    for (const key of "abc") cache.set(key, key);
    for (const key of "bbbaac") cache.get(key);
    if (policy === "lru") cache.get("a");
    cache.set("d", "d");
    assert.equal(keys(cache, "abcd"), left, policy);
    assert.equal(cache.counts.evicted, 1);
  }
});

test("nothing older than its life is given out; bytes are bounded, and what is too large is not kept", () => {
  let nowMs = 0;
  const cache = new BoundedCache<string>({
    name: "c",
    policy: "lru",
    entriesMax: 10,
    bytesMax: 100,
    lifeMs: 1_000,
    now: () => nowMs,
  });
  cache.set("a", "1", 60);
  nowMs = 999;
  assert.equal(cache.get("a"), "1");
  cache.set("b", "2", 60);
  assert.deepEqual([cache.get("a"), cache.get("b"), cache.counts.bytes], [undefined, "2", 60]);
  cache.set("c", "3", 101);
  assert.deepEqual([cache.get("c"), cache.get("b")], [undefined, "2"]);
  nowMs = 1_999;
  assert.equal(cache.get("b"), undefined);
  assert.deepEqual(cache.counts, { name: "c", hits: 3, misses: 3, evicted: 1, entries: 0, bytes: 0 });
});

test("each policy keeps what a plain list by the same rule keeps", () => {
  for (const policy of ["lru", "lfu", "ttl"] as const) {
    const random = new SeededRandom(7);
    const cache = new BoundedCache<number>({ name: "c", policy, entriesMax: 5, bytesMax: 40 });
    let list: { key: string; value: number; bytes: number; uses: number; at: number }[] = [];
    for (let step = 0; step < 5_000; step++) {
      const key = String(random.below(12));
      const found = list.find((one) => one.key === key);
      if (random.below(3) > 0) {
        assert.equal(cache.get(key), found?.value, `${policy}, step ${step}`);
        if (found === undefined || policy === "ttl") continue;
        found.at = step;
        found.uses++;
        continue;
      }
      const bytes = random.below(20);
      list = list.filter((one) => one !== found);
      const rank = ({ uses, at }: (typeof list)[0]): number => (policy === "lfu" ? uses * 1e6 : 0) + at;
      while (list.length >= 5 || list.reduce((sum, one) => sum + one.bytes, 0) + bytes > 40)
        list = list.sort((a, b) => rank(a) - rank(b)).slice(1);
      list.push({ key, value: step, bytes, uses: 0, at: step });
      cache.set(key, step, bytes);
    }
  }
});
