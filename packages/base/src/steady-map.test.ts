/**
 * Goal: a map and a set behave as the engine's own, but that a key which comes back takes its place again: that
 * place is what keeps its chain short. Method: random operations beside a model.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom } from "./seeded-random.ts";
import { copyState } from "./state-copy.ts";
import { SteadyMap, SteadySet } from "./steady-map.ts";

test("random operations have the results that they have of the engine's map", () => {
  const random = new SeededRandom(1);
  const map = new SteadyMap<number, string>();
  const model = new Map<number, string>();
  for (let step = 0; step < 20_000; step++) {
    const key = random.below(200);
    const kind = random.below(100);
    if (kind < 48) assert.equal(map.set(key, `${step}`), (model.set(key, `${step}`), map));
    else if (kind < 96) assert.equal(map.delete(key), model.delete(key));
    else if (kind < 98) map.putLast(key);
    else if (kind === 98 && step % 37 === 0) (map.clear(), model.clear());
    assert.equal(map.size, model.size);
    assert.equal(map.has(key), model.has(key));
    assert.equal(map.get(key), model.get(key));
    if (step % 100 !== 0) continue;
    const sorted = [...model].sort(([a], [b]) => a - b);
    assert.deepEqual(
      [...map].sort(([a], [b]) => a - b),
      sorted,
    );
    assert.deepEqual([...map.values()].sort(), [...model.values()].sort());
  }
});

test("a key that comes back takes its place again; put last it comes behind all others", () => {
  const set = new SteadySet<string>();
  for (const each of ["a", "b", "c"]) set.add(each);
  set.delete("a");
  assert.deepEqual([...set], ["b", "c"]);
  set.add("a");
  assert.deepEqual([...set], ["a", "b", "c"]);
  set.putLast("a");
  set.putLast("missing");
  assert.deepEqual([...set], ["b", "c", "a"]);
  for (const each of set) set.delete(each);
  assert.deepEqual([set.size, [...set]], [0, []]);
});

test("what is removed while all are gone through is not met, and what is added is", () => {
  const set = new SteadySet<number>();
  for (let each = 0; each < 500; each++) set.add(each);
  const met: number[] = [];
  for (const each of set) {
    met.push(each);
    set.delete(each);
    set.delete(each + 1);
    if (each === 0) set.add(1000);
  }
  assert.deepEqual(met, [...Array.from({ length: 250 }, (_, index) => 2 * index), 1000]);
  assert.equal(set.size, 0);
});

test("a copy in memory has what is there, and goes its own way", () => {
  const map = new SteadyMap<string, number>();
  map.set("a", 1).set("b", 2).delete("a");
  const copy = copyState(map, { replaced: new Map(), given: new Map() });
  copy.set("a", 3);
  assert.deepEqual(
    [[...map], [...copy].sort()],
    [
      [["b", 2]],
      [
        ["a", 3],
        ["b", 2],
      ],
    ],
  );
});
