/**
 * Goal: of the processes in another mount namespace the one is named that a user can act on. Method: names as /proc
 * lists them.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { oldestFirst } from "@stratos/host-node/mounts";

test("processes are asked by their numbers, and not by how these are spelt", () => {
  assert.deepEqual(oldestFirst(["10024", "9690", "bus", "self", "9702"]), [9690, 9702, 10024]);
});
