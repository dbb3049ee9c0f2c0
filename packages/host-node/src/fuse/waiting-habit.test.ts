/**
 * Goal: the server looks for messages where that is faster, and sleeps where it is not. Method: a clock that moves by
 * what a message takes in either way.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { WaitingHabit } from "./waiting-habit.ts";

/** Messages by way of waiting, of `count` that take so long each. */
function run(
  habit: WaitingHabit,
  clock: { ms: number },
  count: number,
  { asleepUs, lookingUs, isVain = false }: { asleepUs: number; lookingUs: number; isVain?: boolean },
): { asleep: number; looking: number } {
  const by = { asleep: 0, looking: 0 };
  for (let message = 0; message < count; message++) {
    const isLooking = habit.looks > 0;
    clock.ms += (isLooking ? lookingUs : asleepUs) / 1000;
    by[isLooking ? "looking" : "asleep"]++;
    habit.came(!isLooking || isVain);
  }
  return by;
}

function start(): { habit: WaitingHabit; clock: { ms: number } } {
  const clock = { ms: 1000 };
  return { habit: new WaitingHabit(() => clock.ms), clock };
}

test("where looking is faster it is done for nearly all messages", () => {
  const { habit, clock } = start();
  run(habit, clock, 2000, { asleepUs: 50, lookingUs: 25 });
  const { asleep } = run(habit, clock, 100_000, { asleepUs: 50, lookingUs: 25 });
  assert.ok(asleep < 1000, `${asleep} asleep`);
});

test("where looking is slower it is given up, and tried ever more seldom", () => {
  const { habit, clock } = start();
  const first = run(habit, clock, 10_000, { asleepUs: 50, lookingUs: 100 });
  assert.ok(first.looking >= 128 && first.looking < 1000, `${first.looking} at first`);
  const later = run(habit, clock, 1_000_000, { asleepUs: 50, lookingUs: 100 });
  assert.ok(later.looking < 18_000, `${later.looking} later`);
});

test("looking that takes far longer ends before its batch does", () => {
  const { habit, clock } = start();
  const { looking } = run(habit, clock, 2000, { asleepUs: 50, lookingUs: 1000 });
  assert.ok(looking > 0 && looking <= 32, `${looking}`);
});

test("it goes back to sleep as soon as looking is in vain, and looks again when the load is back", () => {
  const { habit, clock } = start();
  run(habit, clock, 2000, { asleepUs: 50, lookingUs: 25 });
  assert.ok(habit.looks > 0);
  const idle = run(habit, clock, 10_000, { asleepUs: 5000, lookingUs: 5000, isVain: true });
  assert.ok(idle.looking <= 33, `${idle.looking} looked in vain`);
  run(habit, clock, 2000, { asleepUs: 50, lookingUs: 25 });
  assert.ok(habit.looks > 0);
});

test("a machine that becomes busy ends looking within a batch", () => {
  const { habit, clock } = start();
  run(habit, clock, 2000, { asleepUs: 50, lookingUs: 25 });
  const { looking } = run(habit, clock, 1000, { asleepUs: 80, lookingUs: 300 });
  assert.ok(looking <= 256, `${looking}`);
});

test("messages far apart are slept for", () => {
  const { habit, clock } = start();
  assert.equal(run(habit, clock, 10_000, { asleepUs: 1000, lookingUs: 900 }).looking, 0);
});
