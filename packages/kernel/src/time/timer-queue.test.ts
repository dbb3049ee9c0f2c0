import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom } from "@stratos/base";
import { Timer, TimerQueue } from "./timer-queue.ts";

test("timers expire in order of their deadlines, also after moves and cancellations", () => {
  const seed = 20251120;
  const random = new SeededRandom(seed);
  const queue = new TimerQueue();
  const fired: number[] = [];
  const timers = Array.from({ length: 200 }, (_, index) => new Timer({ timerExpired: () => void fired.push(index) }));
  const deadlines = new Map<number, number>();
  for (let step = 0; step < 1000; step++) {
    const index = random.below(timers.length);
    if (random.below(4) === 0) {
      queue.cancel(timers[index]!);
      deadlines.delete(index);
    } else {
      const deadline = random.below(1_000_000);
      queue.set(timers[index]!, deadline);
      deadlines.set(index, deadline);
    }
  }
  const half = 500_000;
  queue.expire(half);
  assert.deepEqual(
    fired.map((index) => deadlines.get(index)!),
    [...deadlines.values()].filter((deadline) => deadline <= half).sort((a, b) => a - b),
    `seed ${seed}`,
  );
  assert.equal(queue.nextNs, Math.min(...[...deadlines.values()].filter((deadline) => deadline > half)));
  for (const index of fired) assert.equal(timers[index]!.isArmed, false);
});

test("a client may arm its timer again while it expires", () => {
  const queue = new TimerQueue();
  let count = 0;
  const timer: Timer = new Timer({
    timerExpired: (now) => {
      count++;
      if (count < 3) queue.set(timer, now + 10);
    },
  });
  queue.set(timer, 5);
  for (let now = 0; now <= 100; now += 5) queue.expire(now);
  assert.equal(count, 3);
  assert.equal(queue.nextNs, Infinity);
});
