/** Goal: of a list that shows something, the part that is needed is left, in bounded runs, whatever the parts do. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom } from "@stratos/base";
import { narrow } from "./narrow.ts";

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

/** It shows when all of these are there. */
function needs(...needed: readonly number[]): (part: readonly number[]) => Promise<readonly number[] | null> {
  return (part) => Promise.resolve(needed.every((each) => part.includes(each)) ? part : null);
}

test("one of a hundred is found in a few runs", async () => {
  const { list, runs, isLeast } = await narrow(numbers(100), needs(42), 1000);
  assert.deepEqual([list, isLeast], [[42], true]);
  assert.ok(runs < 30, String(runs));
});

test("what does not need anything is told with nothing", async () => {
  assert.deepEqual(await narrow(numbers(50), needs(), 1000), { list: [], runs: 1, isLeast: true });
  assert.deepEqual(await narrow([], needs(), 1000), { list: [], runs: 0, isLeast: true });
});

test("whatever set is needed, it is left, in its order (random sets)", async () => {
  const seed = 20260;
  const random = new SeededRandom(seed);
  for (let round = 0; round < 50; round++) {
    const count = 1 + random.below(60);
    const needed = numbers(count).filter(() => random.below(8) === 0);
    const { list, isLeast } = await narrow(numbers(count), needs(...needed), 10_000);
    assert.deepEqual([list, isLeast], [needed, true], `seed ${seed}, round ${round}`);
  }
});

test("what a run did not use is left out at once", async () => {
  // Of each part only the even ones come to anything.
  const test = (part: readonly number[]): Promise<readonly number[] | null> =>
    Promise.resolve(part.includes(6) && part.includes(60) ? part.filter((each) => each % 2 === 0) : null);
  assert.deepEqual((await narrow(numbers(64), test, 1000)).list, [6, 60]);
});

test("when the runs are used up, what still shows it is left, and said to be more than is needed", async () => {
  const { list, runs, isLeast } = await narrow(numbers(100), needs(3, 50, 97), 12);
  assert.ok(runs <= 12, String(runs));
  assert.equal(isLeast, false);
  for (const each of [3, 50, 97]) assert.ok(list.includes(each));
  assert.deepEqual(await narrow(numbers(5), needs(1), 0), { list: numbers(5), runs: 0, isLeast: false });
});
