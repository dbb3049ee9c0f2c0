/**
 * Goal: a slip of the fingers is seen as one. Method: examples of each kind, and a slow definition of the distance
 * beside the table.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { closestName, editDistance, slipsOfWord } from "./edit-distance.ts";
import { SeededRandom } from "./seeded-random.ts";

test("each kind of slip counts once", () => {
  const pairs: [string, string][] = [
    ["comppose", "compose"],
    ["compse", "compose"],
    ["compise", "compose"],
    ["imgae", "image"],
  ];
  assert.deepEqual(
    pairs.map(([left, right]) => editDistance(left, right)),
    [1, 1, 1, 1],
  );
  assert.equal(editDistance("", "abc"), 3);
});

test("the distance is what its definition says, and a bound cuts it off", () => {
  const random = new SeededRandom(7);
  const word = (): string => Array.from({ length: random.below(6) }, () => "abc"[random.below(3)]!).join("");
  for (let round = 0; round < 2000; round++) {
    const left = word(),
      right = word(),
      bound = 1 + random.below(5),
      expected = slow(left, right);
    assert.equal(editDistance(left, right), expected, `${left} ${right}`);
    assert.equal(editDistance(left, right, bound), Math.min(expected, bound), `${left} ${right} ${bound}`);
  }
});

test("the closest name is told, or none", () => {
  assert.equal(
    closestName("lib", ["lid", "lib2", "lib"], () => 2),
    "lib",
  );
  assert.equal(closestName("comppose", ["completion", "compose"], slipsOfWord), "compose");
  assert.equal(closestName("frobnicate", ["completion", "compose", "fs"], slipsOfWord), undefined);
  assert.equal(closestName("xy", ["fs"], slipsOfWord), undefined);
});

function slow(left: string, right: string): number {
  if (left === "" || right === "") return left.length + right.length;
  const a = left.slice(0, -1),
    b = right.slice(0, -1);
  const ways = [slow(a, right) + 1, slow(left, b) + 1, slow(a, b) + (left.at(-1) === right.at(-1) ? 0 : 1)];
  if (left.length > 1 && right.length > 1 && left.at(-1) === right.at(-2) && left.at(-2) === right.at(-1))
    ways.push(slow(left.slice(0, -2), right.slice(0, -2)) + 1);
  return Math.min(...ways);
}
