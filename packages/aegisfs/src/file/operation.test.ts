/** Goal: what the audit log names by a number has one of its own, which stays what it is on disks. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { Operation, OPERATION_NAMES } from "./operation.ts";

test("each operation has a number of its own, and those of volumes the numbers that are on disks", () => {
  const numbers: readonly number[] = Object.values(Operation);
  assert.equal(new Set(numbers).size, numbers.length);
  assert.equal(Object.keys(OPERATION_NAMES).length, numbers.length);
  const ranges: readonly number[] = [...Array.from({ length: 19 }, (_, at) => at + 1), ...[32, 33, 34, 35, 36, 37, 38]];
  assert.deepEqual(numbers, ranges);
});
