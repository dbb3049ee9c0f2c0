/**
 * Goal: who looks at files gets their attributes with the listing, who wants names does not. Method: listings and
 * look-ups in the order in which the kernel sends them.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ListingHabits } from "./listing-habits.ts";

/** Lists a folder of four files; returns how many came with attributes. */
function list(habits: ListingHabits, pid: number, folder: number, tree = 0): number {
  habits.list(pid, folder, tree, true);
  let given = 0;
  for (let file = 0; file < 4; file++) if (habits.gives()) given++;
  return given;
}

test("a process that looks at files gets all attributes from then on", () => {
  const habits = new ListingHabits();
  assert.equal(list(habits, 7, 100), 3, "all but the probe");
  habits.look(100, 0);
  assert.deepEqual(
    [101, 102, 103, 104].map((folder) => list(habits, 7, folder)),
    [4, 4, 4, 4],
  );
});

test("a process that looks at none gets names, until it looks", () => {
  const habits = new ListingHabits();
  assert.deepEqual(
    [100, 101, 102, 103].map((folder) => list(habits, 7, folder)),
    [3, 3, 0, 0],
  );
  habits.look(103, 9);
  assert.equal(list(habits, 7, 104), 0, "a folder of another tree");
  habits.look(104, 0);
  assert.equal(list(habits, 7, 105), 4);
});

test("folders without files and listings that go on say nothing", () => {
  const habits = new ListingHabits();
  for (let folder = 0; folder < 10; folder++) habits.list(7, folder, 0, true);
  habits.list(7, 10, 0, false);
  assert.equal(habits.gives(), true);
  assert.equal(list(habits, 7, 11), 3);
});

test("processes are told apart, also those that share a place", () => {
  const habits = new ListingHabits();
  for (const folder of [100, 101, 102]) list(habits, 7, folder);
  assert.equal(list(habits, 8, 103), 3);
  assert.equal(list(habits, 7, 104), 0);
  assert.equal(list(habits, 7 + 256, 105), 3, "it takes the place over");
  assert.equal(list(habits, 7, 106), 3, "and whoever had it is unknown again");
  habits.look(105, 0);
  assert.equal(list(habits, 7, 107), 3, "what it listed before is not its own any more");
});
