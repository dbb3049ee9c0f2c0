/**
 * Goal: going back costs as much as the distance, and comes to the same places as going forwards. Method: a recorded
 * program of 134 million instructions; where the machines stood that were gone on from is noted.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { nodePorts } from "@stratos/host-node";
import { peekMemory } from "@stratos/kernel";
import {
  DATA,
  LONG_BEFORE,
  LONG_ROUND,
  LONG_ROUNDS,
  LONG_WHOLE,
  NotedOutput,
  recordProgram,
  startReplayOf,
} from "../testing/recorded-program.ts";
import type { StartedReplay } from "./replay.ts";
import { Timeline } from "./timeline.ts";

let timeline: Timeline;
/** Instructions of machines when they were forked. */
let forkedAt: number[] = [];
const COUNTER = { breakpoints: new Set<number>(), watches: [{ address: DATA, length: 8 }] };
/** Distance of checkpoints, and the turns before one can be made. */
const NEAR = 30_000_000;

function noted(started: StartedReplay): StartedReplay {
  return {
    ...started,
    fork: () => {
      forkedAt.push(started.replay.session.machine.statistics.instructions);
      return noted(started.fork());
    },
  };
}

before(async () => {
  const { recording } = await recordProgram({ isLong: true });
  timeline = await Timeline.open({
    loop: nodePorts().loop,
    open: () => noted(startReplayOf(recording, new NotedOutput(), { isLong: true })),
  });
  await timeline.lookAt(timeline.firstPid);
});
after(() => timeline.close());

function counter(): number {
  const { kernel } = timeline.replay.session.machine;
  const bytes = new Uint8Array(8);
  peekMemory(kernel.tasks.processes.get(timeline.firstPid)!.leader.space, DATA, bytes);
  return new DataView(bytes.buffer).getUint32(0, true);
}

test("steps back from the end begin near the end", async () => {
  await timeline.seekEnd();
  assert.equal(timeline.position.instructions, LONG_WHOLE - 1);
  forkedAt = [];
  for (let steps = 1; steps <= 3; steps++) {
    await timeline.stepBack(timeline.firstPid);
    assert.equal(timeline.position.instructions, LONG_WHOLE - 1 - steps);
  }
  assert.equal(forkedAt.length, 3);
  assert.ok(Math.min(...forkedAt) > LONG_WHOLE - NEAR, forkedAt.join());
});

test("each change of a value is found backwards, the nearest first; a store of the same value is none", async () => {
  await timeline.seekEnd();
  for (let round = LONG_ROUNDS - 1; round >= 0; round--) {
    forkedAt = [];
    const here = timeline.position.instructions;
    const arrival = await timeline.backward(COUNTER);
    assert.deepEqual(arrival.kind === "stop" && arrival.stop.reason, { kind: "watch", address: DATA });
    assert.equal(timeline.position.instructions, LONG_BEFORE + round * LONG_ROUND);
    assert.equal(counter(), 3 * round);
    assert.ok(round === 0 || Math.min(...forkedAt) > here - LONG_ROUND - NEAR, `${here}: ${forkedAt.join()}`);
  }
  assert.deepEqual(await timeline.backward(COUNTER), { kind: "begin" });
});

test("forwards the same changes are met, right behind the store, from wherever one begins", async () => {
  await timeline.seekInstruction(LONG_BEFORE + 2 * LONG_ROUND + 1_000_000);
  for (let round = 3; round < LONG_ROUNDS; round++) {
    const arrival = await timeline.forward(COUNTER, -1);
    assert.equal(arrival.kind, "stop");
    assert.equal(timeline.position.instructions, LONG_BEFORE + round * LONG_ROUND + 1);
    assert.equal(counter(), 3 * (round + 1));
  }
  assert.deepEqual(await timeline.forward(COUNTER, -1), { kind: "end" });
});
