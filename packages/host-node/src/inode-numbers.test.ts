import assert from "node:assert/strict";
import type { BigIntStats, Stats } from "node:fs";
import { test } from "node:test";
import { InodeNumbers } from "./inode-numbers.ts";

function numberOf(dev: number, ino: bigint): number {
  const number = new InodeNumbers(7).of({ dev, ino: Number(ino) } as Stats, () => ({ ino }) as BigIntStats);
  assert.ok(Number.isSafeInteger(number) && number > 0);
  return number;
}

test("files of the folder's own file system keep their numbers", () => {
  for (const ino of [1n, 256n, 2n ** 44n, 2n ** 52n - 1n]) assert.equal(numberOf(7, ino), Number(ino));
});

test("files of others, and neighbours beyond 2^53, are told apart, the same way each time", () => {
  const seen = new Set<number>();
  for (let device = 0; device < 100; device++)
    for (let ino = 0n; ino < 100n; ino++) seen.add(numberOf(device, (device === 7 ? 2n ** 63n : 1n) + ino));
  assert.equal(seen.size, 10_000);
  assert.equal(numberOf(9, 2n), numberOf(9, 2n));
});
