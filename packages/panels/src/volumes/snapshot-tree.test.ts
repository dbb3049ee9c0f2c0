/** Goal: each snapshot is shown once, below what it goes on from, whatever the service says of parents. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { inTree, type Snapshot } from "./snapshot-tree.ts";

const snapshot = (name: string, parent: string | null): Snapshot => ({
  name,
  parent,
  createdAt: "2026-01-01T00:00:00Z",
  writable: false,
  live: false,
  label: "",
  files: 1,
});
const shown = (...snapshots: Snapshot[]): string[] =>
  inTree(snapshots).map(({ snapshot: { name }, depth }) => `${depth} ${name}`);

test("children stand below their parents", () => {
  assert.deepEqual(shown(snapshot("c", "b"), snapshot("a", null), snapshot("b", "a"), snapshot("d", "a")), [
    "0 a",
    "1 b",
    "2 c",
    "1 d",
  ]);
});

test("a parent that is gone makes a beginning; a circle is shown nevertheless, once", () => {
  assert.deepEqual(shown(snapshot("a", "gone"), snapshot("b", "c"), snapshot("c", "b")), ["0 a", "0 b", "1 c"]);
});
