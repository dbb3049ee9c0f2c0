/** Goal: what calls see of registers whose numbers no double holds. Method: registers set by words. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { FILE_SIZE_MAX } from "../vfs/content-change.ts";
import { EXACT_END } from "../ground/words.ts";
import { FileTask } from "../testing/file-system-task.ts";
import { A0 } from "./hart-registers.ts";

test("whatever stands above an int, its own word is exact, and what is far stays far", () => {
  const { hart } = FileTask.create().user.task.kernel;
  const read = (high: number, low: number): number => {
    hart.setWords(A0, low, high);
    return hart.get(A0);
  };
  assert.equal(read(0xffffffff, 0xffffffff), -1);
  assert.equal(read(2 ** 21 - 2, 0xffffffff), EXACT_END - 1);
  for (const high of [0xdefaced0, 0x7eadbeef, 0x80000000, 0x7fffffff, 2 ** 21, 0xffe00000, 0xffdfffff])
    for (const low of [0, 1, 42, 0x7fffffff, 0xffffffff]) {
      const value = read(high, low);
      assert.equal(value >>> 0, low);
      if (high >= 0x80000000) assert.ok(value < 0);
      else assert.ok(value > FILE_SIZE_MAX);
    }
});
