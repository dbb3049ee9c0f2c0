/**
 * Goal: what a program's turn on the hart costs it and brings it. Method: the run loop over a processor that executes
 * nothing but takes its time.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { RLIMIT_CPU, SIGPROF, SIGVTALRM, SIGXCPU } from "@stratos/abi";
import { ExitReason, HART_STATE_SIZE, type Processor } from "@stratos/riscv";
import { createMemoryTask, type MemoryTask } from "../testing/memory-task.ts";
import { call } from "../testing/system-calls.ts";
import { mmap } from "../mm/mmap.ts";
import { runTasks } from "./run-loop.ts";

const ITIMER_VIRTUAL = 1,
  ITIMER_PROF = 2;
const TURN_MS = 10;

/** A process that computes; each of its turns takes 10 ms. */
function createSpinner(): MemoryTask & { turn: () => void } {
  const made = createMemoryTask();
  const { kernel, task, test: machine } = made;
  const statistics = { instructions: 0 };
  Object.assign(kernel.processor as Processor, {
    statistics,
    run: (fuel: number): ExitReason => {
      statistics.instructions += fuel;
      machine.clock.advance(TURN_MS * 1e6);
      return ExitReason.BUDGET;
    },
  });
  Object.assign(task, { registers: new Uint8Array(HART_STATE_SIZE) });
  for (const signal of [SIGPROF, SIGVTALRM, SIGXCPU]) task.blocked.add(signal);
  kernel.scheduler.current = null;
  kernel.scheduler.enqueue(task);
  return { ...made, turn: () => void runTasks(kernel, kernel.now() + 1) };
}

test("timers of processor time and RLIMIT_CPU come after the turns that they are set to", () => {
  for (const [which, signal] of [
    [ITIMER_VIRTUAL, SIGVTALRM],
    [ITIMER_PROF, SIGPROF],
    [null, SIGXCPU],
  ] as const) {
    const { task, space, turn } = createSpinner();
    const { limits, pending } = task.group;
    if (which === null) limits[RLIMIT_CPU] = { soft: 1, hard: Infinity };
    else {
      const at = mmap(task, { address: 0, length: 4096, protection: 3, flags: 0x22, file: null, offset: 0 });
      space.storeU64(at + 16, 1);
      assert.equal(call(task, "setitimer", which, at, 0), 0);
    }
    let turns = 0;
    for (; turns < 1000 && !pending.set.has(signal); turns++) turn();
    assert.equal(turns, 1000 / TURN_MS);
    assert.equal(task.userNs, 1e9);
  }
});

test("who computes for a minute is 0.63 of the load, and nobody is after it has slept for long", () => {
  const { kernel, task, test: machine, turn } = createSpinner();
  const minuteLoad = (): number => kernel.scheduler.load.read(kernel.now())[0]! / 2048;
  const end = kernel.now() + 60e9;
  while (kernel.now() < end) turn();
  assert.ok(minuteLoad() > 0.58 && minuteLoad() < 0.68, String(minuteLoad()));
  kernel.scheduler.dequeue(task);
  task.state = "S";
  kernel.scheduler.load.turnEnded(kernel.now(), kernel.now(), 1, 0);
  machine.clock.advance(3600e9);
  assert.equal(minuteLoad(), 0);
});
