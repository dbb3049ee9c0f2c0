/**
 * What a blocked call keeps is plain data (the compiler holds that, for all members of the union), and what is asked of
 * it is asked by its kind.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type CallState, type Plain, stateOf } from "./call-state.ts";
import type { WaitQueue } from "./wait-queue.ts";

test("a call finds what it has kept itself, and nothing of another's", () => {
  const syscallState: CallState = { kind: "count", count: 3 };
  assert.equal(stateOf({ syscallState }, "count"), syscallState);
  assert.equal(stateOf({ syscallState }, "range"), null);
  assert.equal(stateOf({ syscallState: null }, "count"), null);
});

test("a record that holds an object of the kernel is no state of a call", () => {
  type Refused<Record> = [Plain<Record>] extends [never] ? "refused" : "kept";
  const ofQueue: Refused<{ kind: "msg"; queue: WaitQueue }> = "refused";
  const ofFunction: Refused<{ kind: "msg"; later: () => void }> = "refused";
  const inList: Refused<{ kind: "msg"; queues: readonly { queue: WaitQueue | null }[] }> = "refused";
  const ofNumbers: Refused<{ kind: "msg"; queues: readonly { queue: number }[] }> = "kept";
  assert.deepEqual([ofQueue, ofFunction, inList, ofNumbers], ["refused", "refused", "refused", "kept"]);
});
