/**
 * Goal: any place of a recorded run is found again, from whichever side one comes, and is the same each time; stops on
 * the way are those of the program, not of the machine. Method: a program of 51 instructions, each of whose places is
 * gone to in a random order (the seed is printed) and compared with what it was on the way forward.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Sha256, hexOf } from "@stratos/base";
import { nodePorts } from "@stratos/host-node";
import { peekMemory, registersOf, type Stops } from "@stratos/kernel";
import {
  BEFORE,
  CODE,
  DATA,
  FAULT,
  HANDLER,
  LOOP_START,
  NotedOutput,
  recordProgram,
  ROUND,
  ROUNDS,
  startReplayOf,
  STORE,
  WHOLE,
} from "../testing/recorded-program.ts";
import { describePlace } from "./describe-place.ts";
import type { Recording } from "./recording-format.ts";
import { Timeline } from "./timeline.ts";

let recording: Recording;
let output: string;
let timeline: Timeline;
before(async () => {
  ({ recording, output } = await recordProgram());
  timeline = await open();
});
after(() => timeline.close());

function open(): Promise<Timeline> {
  return Timeline.open({ loop: nodePorts().loop, open: () => startReplayOf(recording, new NotedOutput()) });
}

const NOTHING = { breakpoints: new Set<number>(), watches: [] };
const at = (...breakpoints: number[]): typeof NOTHING => ({ breakpoints: new Set(breakpoints), watches: [] });
const COUNTER = { breakpoints: new Set<number>(), watches: [{ address: DATA, length: 8 }] };

function counter(): number {
  const bytes = new Uint8Array(8);
  assert.equal(peekMemory(task().space, DATA, bytes), 8);
  return bytes[0]!;
}

function task(): NonNullable<ReturnType<Timeline["replay"]["session"]["machine"]["kernel"]["tasks"]["tasks"]["get"]>> {
  const found = timeline.replay.session.machine.kernel.tasks.tasks.get(timeline.firstPid);
  assert.ok(found !== undefined, "the program is there");
  return found;
}

/** Registers, memory and output so far. */
function state(): string {
  const hash = new Sha256();
  const memory = new Uint8Array(4096);
  peekMemory(task().space, DATA, memory);
  hash.update(registersOf(task()));
  hash.update(memory);
  return `${hexOf(hash.digest())} ${timeline.replay.gate.outputLines} ${timeline.replay.gate.moment.ns}`;
}

test("what was recorded is what the program does", () => {
  assert.equal(output, "x\n".repeat(ROUNDS));
  assert.equal(recording.end?.status, 7);
  assert.equal(recording.end?.instructions, WHOLE);
});

test("each instruction is found again in any order, with the same state", async (t) => {
  const seed = (Date.now() % 1e6) + 1;
  t.diagnostic(`seed ${seed}`);
  const states: string[] = [];
  for (let instructions = 0; instructions < WHOLE; instructions++) {
    assert.ok(await timeline.seekInstruction(instructions), `instruction ${instructions}`);
    assert.equal(timeline.position.instructions, instructions);
    states.push(state());
  }
  assert.equal(new Set(states).size, WHOLE, "no two places are alike");
  let random = seed;
  for (let round = 0; round < 25; round++) {
    random = (random * 48271) % 0x7fffffff;
    const instructions = random % WHOLE;
    assert.ok(await timeline.seekInstruction(instructions));
    assert.equal(state(), states[instructions], `instruction ${instructions}`);
  }
});

test("a run that stood at each instruction ends as the recorded one", async () => {
  const stepped = await open();
  try {
    for (let instructions = 1; instructions < WHOLE; instructions++) await stepped.seekInstruction(instructions);
    const { replay } = stepped;
    (replay.session.machine.kernel.stops as Stops).target = null;
    for (let turns = 0; replay.turn() === "goes on"; turns++) assert.ok(turns < 100);
    const { instructions, ns, output: hash } = replay.gate.end(7);
    const { end } = recording;
    assert.deepEqual([instructions, ns, hash], [end!.instructions, end!.ns, end!.output]);
  } finally {
    stepped.close();
  }
});

test("beyond the end is said so, and stands at the last instruction", async () => {
  assert.equal(await timeline.seekInstruction(WHOLE), false);
  assert.equal(timeline.position.instructions, WHOLE - 1);
  assert.deepEqual(await timeline.forward(NOTHING, -1), { kind: "end" });
});

test("a line of output is where its last byte is written", async () => {
  assert.ok(await timeline.seekLine(3));
  assert.equal(timeline.replay.gate.outputLines, 3);
  assert.equal(timeline.position.instructions, BEFORE + 2 * ROUND + 8);
  assert.ok(await timeline.seekLine(1));
  assert.equal(timeline.position.instructions, BEFORE + 8);
  assert.equal(await timeline.seekLine(ROUNDS + 1), false);
});

test("what lies behind a line that is looked for is not shown", async () => {
  const shown = new NotedOutput();
  const own = await Timeline.open({ loop: nodePorts().loop, open: () => startReplayOf(recording, shown) });
  try {
    assert.ok(await own.seekLine(2));
    // Once looking for it, up to there; once going there.
    assert.equal(shown.text, "x\nx\nx\n");
  } finally {
    own.close();
  }
});

test("a place is told in words: what each thread does, in which file and function", async () => {
  await timeline.seekInstruction(BEFORE + ROUND + 8);
  const pc = `0x${timeline.position.pc.toString(16)}`;
  const offset = `0x${(timeline.position.pc - CODE + 4096).toString(16)}`;
  const lines = describePlace(timeline.replay, 0);
  assert.match(lines[0]!, new RegExp(`^instruction ${BEFORE + ROUND + 8}, 0\\.0000\\d\\d s after the start`));
  assert.match(lines[0]!, /line 2 of output$/);
  assert.deepEqual(lines.slice(1), [
    `process 2 (program): goes on here, at ${pc} in /program + ${offset} (round + 0x20)`,
  ]);
});

test("breakpoints stop forwards and backwards, once for each time they are passed", async () => {
  await timeline.seekInstruction(0);
  for (let round = 0; round < ROUNDS; round++) {
    const arrival = await timeline.forward(at(LOOP_START), -1);
    assert.equal(arrival.kind === "stop" && arrival.stop.reason.kind, "breakpoint");
    assert.equal(timeline.position.instructions, BEFORE + round * ROUND);
    assert.equal(counter(), 3 * round);
  }
  assert.deepEqual(await timeline.forward(at(LOOP_START), -1), { kind: "end" });
  for (let round = ROUNDS - 1; round >= 0; round--) {
    await timeline.backward(at(LOOP_START));
    assert.equal(timeline.position.instructions, BEFORE + round * ROUND);
    assert.equal(counter(), 3 * round);
  }
  assert.deepEqual(await timeline.backward(at(LOOP_START)), { kind: "begin" });
  assert.equal(timeline.position.instructions, 0);
});

test("a breakpoint at an instruction whose page has to come first stops once", async () => {
  await timeline.seekInstruction(0);
  const places: number[] = [];
  while ((await timeline.forward(at(STORE), -1)).kind === "stop") places.push(timeline.position.instructions);
  assert.deepEqual(
    places,
    Array.from({ length: ROUNDS }, (_, round) => BEFORE + round * ROUND + 2),
  );
});

test("going back from a changed value comes to before the store that made it", async () => {
  await timeline.seekEnd();
  for (let round = ROUNDS; round > 0; round--) {
    const arrival = await timeline.backward(COUNTER);
    assert.deepEqual(arrival.kind === "stop" && arrival.stop.reason, { kind: "watch", address: DATA });
    assert.equal(timeline.position.pc, STORE);
    assert.equal(counter(), 3 * (round - 1));
  }
  assert.deepEqual(await timeline.backward(COUNTER), { kind: "begin" });
  await timeline.forward(COUNTER, -1);
  assert.equal(timeline.position.pc, STORE + 4);
  assert.equal(counter(), 3);
  await timeline.backward(COUNTER);
  assert.equal(timeline.position.pc, STORE, "from right behind the store, too");
  assert.equal(timeline.position.instructions, BEFORE + 2);
});

test("steps go over a fault into its handler, and back", async () => {
  const pid = timeline.firstPid;
  await timeline.seek({ instructions: BEFORE + ROUNDS * ROUND, tid: pid, pc: FAULT });
  await timeline.forward(NOTHING, pid);
  assert.equal(timeline.position.pc, HANDLER);
  assert.equal(timeline.position.instructions, BEFORE + ROUNDS * ROUND, "the fault retires nothing");
  await timeline.forward(NOTHING, pid);
  assert.equal(timeline.position.pc, HANDLER + 4);
  await timeline.stepBack(pid);
  assert.equal(timeline.position.pc, HANDLER);
  await timeline.stepBack(pid);
  assert.equal(timeline.position.pc, FAULT - 4);
  await timeline.forward(at(HANDLER), -1);
  assert.equal(timeline.position.pc, HANDLER);
  await timeline.backward(at(FAULT));
  assert.equal(timeline.position.pc, FAULT);
});

test("steps back through system calls reach the beginning", async () => {
  await timeline.seekEnd();
  const pid = timeline.firstPid;
  for (let instructions = WHOLE - 2; instructions >= WHOLE - 12; instructions--) {
    await timeline.stepBack(pid);
    assert.equal(timeline.position.instructions, instructions);
  }
  await timeline.seekInstruction(1);
  await timeline.stepBack(pid);
  assert.equal(timeline.position.instructions, 0);
  assert.deepEqual(await timeline.stepBack(pid), { kind: "begin" });
});
