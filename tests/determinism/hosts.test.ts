/**
 * Goal: one seed leaves one machine behind, in whatever thread, process or page it ran, and what was saved in one place
 * goes on in another. Method: a sample of `npm run determinism:hosts`.
 */
import assert from "node:assert/strict";
import { after, before } from "node:test";
import { extendedTest, isExtended } from "@stratos/base/testing";
import { FINAL_PROGRAMS } from "./final-programs.ts";
import { FinalStates, journeys } from "./final-states.ts";

let states: FinalStates | undefined;
if (isExtended)
  before(async () => {
    states = await FinalStates.open();
  });
after(() => states?.close());

const program = FINAL_PROGRAMS.find(({ name }) => name === "signals and timers")!;

extendedTest("a run of a seed leaves the same behind in a process that is asked what runs, and a worker", async () => {
  assert.deepEqual(await states!.differences(program, ["again", "worker"]), []);
});

extendedTest("… and in a page", async () => {
  assert.deepEqual(await states!.differences(program, ["page"]), []);
});

extendedTest("a system with a server in it goes on in a page as in Node, and back again", async () => {
  assert.deepEqual(await journeys(states!), []);
});

extendedTest("a page forks a sandbox, goes on from its state, and returns to a snapshot", async () => {
  assert.equal(await states!.twinsInPage(), "first, of the fork, of the fork");
});
