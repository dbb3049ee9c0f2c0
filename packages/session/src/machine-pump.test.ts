/**
 * Goal: a machine runs when there is something to do, and only then. Method: the pump on an event loop in virtual time,
 * with a machine that says what it is told to.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SimulatedEventLoop } from "@stratos/host";
import { MachinePump } from "./machine-pump.ts";

/** Answers `run` with `waits`, one after the other; then it has stopped. */
class ScriptedMachine {
  readonly kernel: { onRunnable: (() => void) | null } = { onRunnable: null };
  readonly turnsAtMs: number[] = [];
  readonly #loop: SimulatedEventLoop;
  readonly #waits: number[];

  constructor(loop: SimulatedEventLoop, waits: number[]) {
    this.#loop = loop;
    this.#waits = waits;
  }

  get isStopped(): boolean {
    return this.#waits.length === 0;
  }

  run(): number {
    this.turnsAtMs.push(this.#loop.nowMs());
    return this.#waits.shift()!;
  }
}

function pumped(...waits: number[]): { loop: SimulatedEventLoop; machine: ScriptedMachine; pump: MachinePump } {
  const loop = new SimulatedEventLoop();
  const machine = new ScriptedMachine(loop, waits);
  return { loop, machine, pump: new MachinePump(machine, loop) };
}

function drain(loop: SimulatedEventLoop): void {
  for (let steps = 0; loop.step(); steps++) assert.ok(steps < 1000, "the loop never rests");
}

test("work goes on in the next turn, and a sleep lasts until its timer", async () => {
  const { loop, machine, pump } = pumped(0, 0.5, 20, 0);
  const finished = pump.run();
  assert.equal(loop.holds, 1, "the process stays while the machine lives");
  drain(loop);
  await finished;
  assert.deepEqual(machine.turnsAtMs, [0, 0, 0.5, 20.5]);
  assert.equal(loop.holds, 0);
});

test("an idle machine runs no turn until the kernel has a runnable task, and then one for many", async () => {
  const { loop, machine, pump } = pumped(Infinity, 0);
  const finished = pump.run();
  drain(loop);
  assert.equal(machine.turnsAtMs.length, 1);
  machine.kernel.onRunnable!();
  machine.kernel.onRunnable!();
  assert.equal(machine.turnsAtMs.length, 1, "never from within the event");
  drain(loop);
  await finished;
  assert.equal(machine.turnsAtMs.length, 2);
});

test("an event cuts a sleep short, and the sleep's timer does not come again", async () => {
  const { loop, machine, pump } = pumped(1000, Infinity, 0);
  const finished = pump.run();
  loop.step();
  machine.kernel.onRunnable!();
  drain(loop);
  assert.deepEqual([machine.turnsAtMs.length, loop.nowMs()], [2, 0]);
  pump.wake();
  drain(loop);
  await finished;
});

test("a closed gate holds the turn back, and hears of idleness", async () => {
  const { loop, machine, pump } = pumped(Infinity, 0);
  let isBlocked = true,
    idle = 0;
  pump.gate = {
    get isBlocked() {
      return isBlocked;
    },
    beforeTurn: () => {},
    onIdle: () => void idle++,
  };
  const finished = pump.run();
  drain(loop);
  assert.deepEqual(machine.turnsAtMs, []);
  isBlocked = false;
  pump.wake();
  drain(loop);
  assert.deepEqual([machine.turnsAtMs.length, idle], [1, 1]);
  pump.wake();
  drain(loop);
  await finished;
});

test("what the machine throws is the run's failure", async () => {
  const loop = new SimulatedEventLoop();
  const defect = new Error("a defect");
  const pump = new MachinePump(
    {
      isStopped: false,
      kernel: { onRunnable: null },
      run: () => {
        throw defect;
      },
    },
    loop,
  );
  const finished = pump.run();
  drain(loop);
  await assert.rejects(finished, defect);
  assert.equal(loop.holds, 0);
});

test("a machine that has worked for seconds and now rests is told once, in the midst of small work, too", async () => {
  class BusyLoop extends SimulatedEventLoop {
    busyMs = 0;
    override nowMs(): number {
      return super.nowMs() + this.busyMs;
    }
  }
  const loop = new BusyLoop();
  const kernel: { onRunnable: (() => void) | null } = { onRunnable: null };
  const rests: number[] = [];
  let turns = 0;
  // 1,500 turns of 8 ms, then one of a millisecond each second; at last it stops.
  const pump = new MachinePump(
    {
      kernel,
      get isStopped() {
        return turns === 1600;
      },
      run: () => {
        const isBusy = ++turns <= 1500;
        loop.busyMs += isBusy ? 8 : 1;
        return isBusy ? 0 : 1000;
      },
    },
    loop,
  );
  pump.onRest = () => void rests.push(turns);
  const finished = pump.run();
  for (let steps = 0; loop.step(); steps++) assert.ok(steps < 10_000, "the loop never rests");
  await finished;
  assert.equal(rests.length, 1, String(rests));
  assert.ok(rests[0]! > 1500 && rests[0]! < 1510, String(rests));
  assert.equal(loop.holds, 0);
});
