/**
 * Goal: no flipped byte shows as content. Method: testing/flipped-bytes.ts, here a sample of all bytes;
 * `npm run sim:aegisfs:flips` takes each.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { flipBytes } from "./flipped-bytes.ts";

const SEED = Number(process.env["AEGISFS_SEED"] ?? 20260101);

for (const copies of [1, 2] as const) {
  test(
    "bytes of each block flipped in turn, " +
      `${copies === 1 ? "one copy: errors, and their names" : "two copies: nothing is missing"} (seed ${SEED})`,
    () => {
      const { flips, blocks, named } = flipBytes({ seed: SEED, copies, stride: 499 });
      assert.ok(blocks > 30 && flips > 8 * blocks, `${flips} flips in ${blocks} blocks`);
      // A good part of each block is in use, and its loss is seen.
      assert.ok(copies === 2 ? named === 0 : named > flips / 3, `${named} of ${flips} flips were named`);
    },
  );
}
