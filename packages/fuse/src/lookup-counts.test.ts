/** Goal: counts are exact whatever the order of lookups and forgets. Method: a Map beside it, from a seed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom } from "@stratos/base";
import { LookupCounts } from "./lookup-counts.ts";

test("a node is known until as much is forgotten as was looked up, and says once that it was kept", () => {
  const seed = 20261120;
  const random = new SeededRandom(seed);
  const counts = new LookupCounts(16);
  const model = new Map<string, { count: number; kept: boolean }>();
  for (let step = 0; step < 60_000; step++) {
    const node = random.below(900) + 1;
    const tree = random.below(3);
    const key = `${node},${tree}`;
    const known = model.get(key);
    const action = random.below(10);
    if (action < 5) {
      counts.add(node, tree);
      if (known === undefined) model.set(key, { count: 1, kept: false });
      else known.count++;
    } else if (action < 6) {
      assert.equal(counts.keep(node, tree), known !== undefined && !known.kept, `seed ${seed} step ${step}`);
      if (known !== undefined) known.kept = true;
    } else {
      const times = known === undefined ? 1 : 1 + random.below(known.count);
      const gone = known !== undefined && known.count === times;
      assert.equal(counts.forget(node, tree, times), gone && known.kept, `seed ${seed} step ${step}`);
      if (gone) model.delete(key);
      else if (known !== undefined) known.count -= times;
    }
    assert.equal(counts.size, model.size, `seed ${seed} step ${step}`);
  }
  const left = new Set<string>();
  counts.forEach((node, tree) => left.add(`${node},${tree}`));
  assert.deepEqual([...left].sort(), [...model.keys()].sort());
});
