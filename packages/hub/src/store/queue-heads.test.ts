/**
 * Goal: what a hub remembers of its queues' beginnings hides no task: not one that comes in before them, nor one that
 * nobody was told of, for longer than half a second.
 * Method: a clock of the test's own; claims in PGlite whose rows say by which of them they were taken.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Database } from "../database/database.ts";
import { openMigrated } from "../testing/test-database.ts";
import { claimRuns } from "./claim-runs.ts";
import { registerHost } from "./hosts.ts";
import { QueueHeads } from "./queue-heads.ts";
import { submitTasks } from "./submit-tasks.ts";

const host = "h";
const kind = { arches: ["amd64"], channels: ["default"], capacity: 1_000 };
let database: Database;
let session: string;
let nowMs = 0;
const heads = new QueueHeads(() => nowMs);
before(async () => {
  database = await openMigrated("memory");
  session = await registerHost(database, host, kind, "test");
});
after(() => database.close());

async function submit(labels: readonly string[], priority = 0, requires: readonly string[] = []): Promise<void> {
  const tasks = labels.map((label) => ({ kind: "command", label, priority, requires, arch: "amd64", payload: {} }));
  await submitTasks(database, tasks, { owner: "test" });
}

async function claim(slots = 1): Promise<string[]> {
  const runs = await claimRuns(database, { host, session, slots, leaseSeconds: 60, start: true, heads });
  return runs.map(({ label }) => label);
}

test("claims go on where the queue begins, and begin anew when something has come in before it", async () => {
  await submit(["a", "b", "c", "d", "e"]);
  assert.deepEqual(await claim(2), ["a", "b"]);
  const [head] = heads.known;
  assert.deepEqual([head!.channel, head!.arch], ["default", "amd64"]);
  assert.deepEqual(await claim(), ["c"]);
  await submit(["behind"]);
  heads.cameIn("default", "amd64", [0, 0, head!.place[2] + 100]);
  assert.equal(heads.known.length, 1, "what comes in behind it changes nothing");
  await submit(["urgent"], 5);
  heads.cameIn("default", "amd64", [-5, 0, 1]);
  assert.deepEqual(heads.known, []);
  assert.deepEqual(await claim(), ["urgent"]);
});

test("what nobody was told of is found half a second later", async () => {
  nowMs += 1_000;
  assert.deepEqual(await claim(), ["d"]);
  await submit(["untold"], 5);
  assert.deepEqual(await claim(), ["e"]);
  nowMs += 500;
  assert.deepEqual(await claim(), ["untold"]);
  assert.deepEqual(await claim(10), ["behind"]);
});

test("a task that this host cannot do stays where the queue begins, for those who can", async () => {
  nowMs += 1_000;
  await submit(["special"], 9, ["gpu"]);
  await submit(["x", "y"]);
  assert.deepEqual(await claim(), ["x"]);
  session = await registerHost(database, host, { ...kind, capabilities: ["gpu"] }, "test");
  assert.deepEqual(await claim(2), ["special", "y"]);
});

test("a look that began before something came in is not remembered", () => {
  const own = new QueueHeads(() => nowMs);
  nowMs = 10_000;
  own.cameIn("default", "amd64", null);
  own.found([{ channel: "default", arch: "amd64", place: [0, 0, 7] }], 9_999);
  assert.equal(own.isOld, true);
  own.found([{ channel: "default", arch: "amd64", place: [0, 0, 7] }], 10_001);
  assert.deepEqual(
    own.known.map(({ place }) => place),
    [[0, 0, 7]],
  );
});
