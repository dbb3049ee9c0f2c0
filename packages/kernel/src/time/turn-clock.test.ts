/**
 * Goal: guests are charged for the processor, not for the wall. Method: a clock of which both sides are set by hand.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { TurnClock } from "./turn-clock.ts";

const MS = 1e6;

interface SetUp {
  readonly turn: TurnClock;
  readonly pass: (wallNs: number, cpuNs: number) => void;
  readonly begin: () => void;
  /** What the task is charged more. */
  readonly charge: () => number;
  readonly end: () => number;
  readonly looks: () => number;
}

function setUp(): SetUp {
  let wallNs = 0,
    cpuNs = 5 * MS,
    looks = 0;
  const clock = { monotonicNs: () => wallNs, realtimeMs: () => 0, cpuNs: () => (looks++, cpuNs) };
  const turn = new TurnClock(clock);
  turn.resume();
  const task = { userNs: 0, systemNs: 0 };
  const charged = (by: () => void): number => {
    const before = task.userNs;
    by();
    return task.userNs - before;
  };
  return {
    turn,
    begin: () => turn.begin(wallNs),
    pass: (wall, cpu) => {
      wallNs += wall;
      cpuNs += cpu;
    },
    charge: () => charged(() => turn.charge(task)),
    end: () => turn.end(task),
    looks: () => looks,
  };
}

test("a turn in which the host did something else costs what it used", () => {
  const { begin, pass, charge, end } = setUp();
  begin();
  pass(30 * MS, 2 * MS);
  assert.equal(charge(), 2 * MS);
  pass(1 * MS, 1 * MS);
  assert.equal(end(), 3 * MS);
});

test("a long turn looks at processor time once, a short one never", () => {
  const { begin, pass, end, looks } = setUp();
  const before = looks();
  begin();
  pass(0.1 * MS, 0.1 * MS);
  end();
  assert.equal(looks() - before, 0);
  begin();
  pass(2 * MS, 1 * MS);
  assert.equal(end(), 1 * MS);
  assert.equal(looks() - before, 1);
});

test("short turns are taken from the wall, and not counted again by the next long one", () => {
  const { begin, pass, end } = setUp();
  for (let each = 0; each < 10; each++) {
    begin();
    pass(0.1 * MS, 0.1 * MS);
    assert.equal(end(), 0.1 * MS);
  }
  begin();
  pass(4 * MS, 4 * MS);
  assert.equal(end(), 4 * MS);
});

test("processor time never goes back within a turn", () => {
  const { begin, pass, charge } = setUp();
  begin();
  pass(0.2 * MS, 0.05 * MS);
  assert.equal(charge(), 0.2 * MS);
  pass(0.2 * MS, 0.05 * MS);
  assert.equal(charge(), 0);
});

test("what the host's thread did between the machine's turns is not charged", () => {
  const { turn, begin, pass, end } = setUp();
  pass(50 * MS, 50 * MS);
  turn.resume();
  begin();
  pass(3 * MS, 1 * MS);
  assert.equal(end(), 1 * MS);
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
  assert.equal(turn.end(task), 3 * MS);
  assert.deepEqual(task, { userNs: 0.8 * MS, systemNs: 2.2 * MS });
  // Nor from the next turn.
  begin();
  pass(1 * MS, 1 * MS);
  turn.charge(task);
  assert.deepEqual(task, { userNs: 1.8 * MS, systemNs: 2.2 * MS });
});
