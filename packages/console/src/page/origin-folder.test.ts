/** Goal: a page's address says how much memory its machine has, in the words that commands take. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { wantedMemory } from "./origin-folder.ts";

test("memory= is a size, a number alone MiB; what a tab cannot have is the default", () => {
  const MIB = 2 ** 20;
  for (const [query, mib] of [
    ["", 512],
    ["?memory=256", 256],
    ["?memory=256M", 256],
    ["?name=x&memory=1.5GiB", 1536],
    ["?memory=2G", 2048],
    ["?memory=4G", 512],
    ["?memory=1K", 512],
    ["?memory=much", 512],
  ] as const)
    assert.equal(wantedMemory(query), mib * MIB, query);
});
