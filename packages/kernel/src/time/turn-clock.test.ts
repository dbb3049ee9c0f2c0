/**
 * Goal: guests are charged for the processor, not for the wall. Method: a clock of which both sides are set by hand.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { TurnClock } from "./turn-clock.ts";

const MS = 1e6;

function setUp(): { turn: TurnClock; pass: (wallNs: number, cpuNs: number) => void; begin: () => void } {
  let wallNs = 0,
    cpuNs = 5 * MS;
  const clock = { monotonicNs: () => wallNs, realtimeMs: () => 0, cpuNs: () => cpuNs };
  const turn = new TurnClock(clock);
  turn.resume();
  return {
    turn,
    begin: () => turn.begin(wallNs),
    pass: (wall, cpu) => {
      wallNs += wall;
      cpuNs += cpu;
    },
  };
}

test("a turn in which the host did something else costs what it used", () => {
  const { turn, begin, pass } = setUp();
  begin();
  pass(30 * MS, 2 * MS);
  assert.equal(turn.elapsed(), 2 * MS);
  pass(1 * MS, 1 * MS);
  assert.equal(turn.end(), 3 * MS);
});

test("short turns are taken from the wall, and not counted again by the next long one", () => {
  const { turn, begin, pass } = setUp();
  for (let each = 0; each < 10; each++) {
    begin();
    pass(0.1 * MS, 0.1 * MS);
    assert.equal(turn.end(), 0.1 * MS);
  }
  begin();
  pass(4 * MS, 4 * MS);
  assert.equal(turn.end(), 4 * MS);
});

test("processor time never goes back within a turn", () => {
  const { turn, begin, pass } = setUp();
  begin();
  pass(0.2 * MS, 0.05 * MS);
  assert.equal(turn.elapsed(), 0.2 * MS);
  pass(0.2 * MS, 0.05 * MS);
  assert.equal(turn.elapsed(), 0.2 * MS);
});

test("what the host's thread did between the machine's turns is not charged", () => {
  const { turn, begin, pass } = setUp();
  pass(50 * MS, 50 * MS);
  turn.resume();
  begin();
  pass(3 * MS, 1 * MS);
  assert.equal(turn.end(), 1 * MS);
});

test("what is done in the kernel is system time, and neither time goes back", () => {
  const { turn, begin, pass } = setUp();
  const task = { userNs: 0, systemNs: 0 };
  begin();
  pass(1 * MS, 1 * MS);
  turn.spendInKernel(0.2 * MS);
  turn.charge(task);
  assert.deepEqual(task, { userNs: 0.8 * MS, systemNs: 0.2 * MS });
  // Work that took no time yet doesn't take it from what was charged before.
  turn.spendInKernel(5 * MS);
  turn.charge(task);
  assert.deepEqual(task, { userNs: 0.8 * MS, systemNs: 0.2 * MS });
  pass(2 * MS, 2 * MS);
  turn.charge(task);
  assert.equal(turn.end(), 3 * MS);
  assert.deepEqual(task, { userNs: 0.8 * MS, systemNs: 2.2 * MS });
  // Nor from the next turn.
  begin();
  pass(1 * MS, 1 * MS);
  turn.charge(task);
  assert.deepEqual(task, { userNs: 1.8 * MS, systemNs: 2.2 * MS });
});
