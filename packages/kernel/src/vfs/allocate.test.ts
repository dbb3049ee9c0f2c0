/** Goal: seals of a memfd hold against fallocate(2), as far as each says (fcntl(2), F_ADD_SEALS). */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  EPERM,
  F_SEAL_FUTURE_WRITE,
  F_SEAL_GROW,
  F_SEAL_SHRINK,
  F_SEAL_WRITE,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
} from "@stratos/abi";
import { checkAllocationSeals } from "./allocate.ts";
import type { Inode } from "./inode.ts";

const SIZE = 8192;
const PUNCH = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;

function check(seals: number, mode: number, end: number): number {
  return checkAllocationSeals({ seals, size: SIZE } as Inode, mode, end);
}

test("F_SEAL_GROW refuses what ends behind the file, and not what ends with it", () => {
  assert.equal(check(F_SEAL_GROW, 0, SIZE), 0);
  assert.equal(check(F_SEAL_GROW, 0, SIZE + 1), -EPERM);
  assert.equal(check(F_SEAL_SHRINK | F_SEAL_WRITE, 0, SIZE + 1), 0);
});

test("holes are punched where writing is not sealed", () => {
  for (const seal of [F_SEAL_WRITE, F_SEAL_FUTURE_WRITE]) assert.equal(check(seal, PUNCH, SIZE), -EPERM);
  assert.equal(check(F_SEAL_GROW | F_SEAL_SHRINK, PUNCH, SIZE), 0);
});
