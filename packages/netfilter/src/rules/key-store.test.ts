/**
 * Goal: sets find what a plain list of the same keys would find, and stay quick however many there are. Method: bounds
 * that come and go by chance from one seed, beside a list; a counted number of comparisons of keys.
 */
import assert from "node:assert/strict";
import { it } from "node:test";
import { NFT_SET_ELEM_INTERVAL_END, NFT_SET_INTERVAL } from "@stratos/abi";
import { SeededRandom } from "@stratos/base";
import { KeyStore, StoredKey } from "./key-store.ts";

const SHAPE = { flags: NFT_SET_INTERVAL, keyLength: 4, fields: [], sizeMost: 0 };

const keyOf = (value: number): Uint8Array => Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
const numberOf = (key: Uint8Array): number => ((key[0]! << 24) | (key[1]! << 16) | (key[2]! << 8) | key[3]!) >>> 0;

it("bounds of intervals lie as in a list that is sorted", () => {
  const random = new SeededRandom(96);
  const store = new KeyStore<StoredKey, typeof SHAPE>(SHAPE);
  const list: StoredKey[] = [];
  // Of one key the beginning stands above the end.
  const order = (one: StoredKey, other: StoredKey): number =>
    numberOf(one.key) - numberOf(other.key) || Number(other.isEnd) - Number(one.isEnd);
  for (let step = 0; step < 4000; step++) {
    const value = random.below(600);
    const flags = random.below(2) === 0 ? 0 : NFT_SET_ELEM_INTERVAL_END;
    const known = store.exact(keyOf(value), null, flags !== 0);
    assert.ok(known === (list.find((one) => numberOf(one.key) === value && one.flags === flags) ?? null));
    if (known !== null) {
      store.remove(known);
      list.splice(list.indexOf(known), 1);
    } else {
      const element = new StoredKey(keyOf(value), null, flags);
      store.insert(element);
      list.push(element);
    }
    if (step % 500 !== 0) continue;
    list.sort(order);
    assert.deepEqual([...store.inOrder()], list.toReversed());
    for (let asked = 0; asked < 600; asked += 7) {
      const below = list.findLast((one) => numberOf(one.key) <= asked);
      assert.ok(store.find(keyOf(asked), 0, 0) === (below?.isEnd === false ? below : null));
    }
  }
});

it("a bound that comes before all others costs no more with many than with few", () => {
  const store = new KeyStore<StoredKey, typeof SHAPE>(SHAPE);
  let read = 0;
  const counted = (value: number): StoredKey => {
    const key = keyOf(value);
    const element = new StoredKey(key, null, 0);
    Object.defineProperty(element, "key", { get: () => (read++, key) });
    return element;
  };
  for (let value = 20_000; value > 0; value--) store.insert(counted(value));
  // Two searches of seventeen steps at most, and a few more.
  assert.ok(read < 20_000 * 60, `${read} keys were looked at`);
  assert.equal(numberOf(store.find(keyOf(5), 0, 0)!.key), 5);
});
