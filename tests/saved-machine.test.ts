/**
 * Goal: a machine that is saved and loaded goes on as one that was not. Method: programs that sleep in each way there
 * is; the machine is saved while they do, and then both go on to their ends in virtual time: output, instructions,
 * calls, faults and frames are to be the same.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { createBoard, Machine } from "@stratos/machine";
import { loadMachine, saveMachine } from "@stratos/machine/saved";
import { buildStatic, countsOf, finish, outside, startStatic, twinOf } from "./saved/saved-run.ts";

let folder = "";

before(() => {
  folder = mkdtempSync(join(tmpdir(), "stratos-saved-"));
});
after(() => rmSync(folder, { recursive: true, force: true }));

test("programs that sleep in each kind of call wake in a loaded machine as in the first one", () => {
  const run = startStatic(buildStatic(folder, "waits"));
  run.machine.run(1);
  assert.match(run.output.text, /pipe, what was in it: hello 5/);
  assert.doesNotMatch(run.output.text, /parent: wakes/);
  const twin = twinOf(run);
  for (const each of [run, twin]) finish(each);
  assert.equal(twin.output.text, run.output.text);
  assert.match(run.output.text, /sum of its children's statuses 300\b/);
  assert.deepEqual(countsOf(twin.machine), countsOf(run.machine));
});

test("a machine may be saved again and again on its way", () => {
  const program = buildStatic(folder, "waits");
  const run = startStatic(program);
  let twin = twinOf(startStatic(program));
  finish(run);
  for (let step = 0; step < 8 && !twin.machine.isStopped; step++) {
    twin.machine.run(1);
    twin = twinOf(twin);
  }
  finish(twin);
  assert.equal(twin.output.text, run.output.text);
  assert.deepEqual(countsOf(twin.machine), countsOf(run.machine));
});

test("a process in namespaces of its own keeps them, with what it has open of them", () => {
  const run = startStatic(buildStatic(folder, "spaces"));
  run.machine.run(1);
  assert.match(run.output.text, /frame: sent 60/);
  assert.doesNotMatch(run.output.text, /vfork/);
  const twin = twinOf(run);
  for (const each of [run, twin]) finish(each);
  assert.equal(twin.output.text, run.output.text);
  assert.match(run.output.text, /frame: before 60/);
  assert.deepEqual(countsOf(twin.machine), countsOf(run.machine));
});

test("a machine that shares its board cannot be saved, and can when it is alone there", () => {
  const board = createBoard({ ...outside(), memoryBytes: 64 << 20 });
  const [one, other] = [40 << 20, 20 << 20].map(
    (memoryBytes) => new Machine({ ...outside(), board, virtualTime: true, memoryBytes, hostname: "stratos" }),
  ) as [Machine, Machine];
  assert.throws(() => saveMachine(one), { kind: "unsavable", message: /shares its board with others/ });
  other.dispose();
  const loaded = loadMachine({ ...outside(), handles: new Map() }, saveMachine(one));
  assert.equal(loaded.kernel.memory.limit, (40 << 20) / 4096);
  assert.equal(loaded.kernel.memory.charged, one.kernel.memory.charged);
});

test("saving a loaded machine at once gives the same bytes", () => {
  const run = startStatic(buildStatic(folder, "waits"));
  run.machine.run(1);
  const twin = twinOf(run);
  assert.equal(Buffer.compare(twinOf(twin).bytes, twin.bytes), 0);
});
