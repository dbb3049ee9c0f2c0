/** Goal: structures that grow with Linux's versions. Method: user memory, and a scratch page that was used. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { E2BIG, EFAULT, PAGE_SIZE } from "@stratos/abi";
import { FakeUserMemory } from "../testing/fake-task.ts";
import { copyExtensible } from "./extensible-structure.ts";

const KNOWN = 24,
  AT = PAGE_SIZE;

test("what a caller doesn't give is zero, whatever the last one gave; what nobody knows must be", () => {
  const memory = new FakeUserMemory(3 * PAGE_SIZE);
  const into = new Uint8Array(PAGE_SIZE).fill(0xff);
  memory.u8.fill(7, AT, AT + 16);
  assert.equal(copyExtensible(memory, AT, into, 16, KNOWN), 0);
  assert.deepEqual([...into.subarray(0, KNOWN)], [...new Array<number>(16).fill(7), ...new Array<number>(8).fill(0)]);
  assert.equal(copyExtensible(memory, AT, into, PAGE_SIZE, KNOWN), 0);
  memory.u8[AT + KNOWN] = 1;
  assert.equal(copyExtensible(memory, AT, into, KNOWN, KNOWN), 0);
  assert.equal(copyExtensible(memory, AT, into, KNOWN + 1, KNOWN), -E2BIG);
  assert.equal(copyExtensible(memory, AT, into, PAGE_SIZE + 1, KNOWN), -E2BIG);
  assert.equal(copyExtensible(memory, 3 * PAGE_SIZE - 8, into, 16, KNOWN), -EFAULT);
  const last = 3 * PAGE_SIZE - KNOWN - 8;
  assert.equal(copyExtensible(memory, last, into, KNOWN + 16, KNOWN), -EFAULT);
  memory.u8[3 * PAGE_SIZE - 1] = 1;
  assert.equal(copyExtensible(memory, last, into, KNOWN + 16, KNOWN), -E2BIG, "it stands before what is not there");
});
