/** Goal: CLOCK_REALTIME runs with CLOCK_MONOTONIC and follows the host's when that was set. Method: a clock of ours. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { CpuClock } from "@stratos/host";
import { WallClock } from "./wall-clock.ts";

/** Time is what the test says; each look takes `lookNs`. */
class TestClock implements CpuClock {
  ns = 5e9;
  ms = 1_700_000_000_000.5;
  lookNs = 0;

  monotonicNs(): number {
    return (this.ns += this.lookNs);
  }

  realtimeMs(): number {
    return this.ms;
  }

  cpuNs(): number {
    return this.ns;
  }
}

test("it runs with the monotonic clock, and a host that is a little off isn't followed", () => {
  const clock = new TestClock();
  const wall = new WallClock();
  assert.equal(wall.follow(clock, 0), true);
  assert.deepEqual(wall.at(5e9), { seconds: 1_700_000_000, nanoseconds: 500_000 });
  assert.deepEqual(wall.at(7_999_999_999), { seconds: 1_700_000_003, nanoseconds: 499_999 });
  clock.ms += 1.9;
  assert.equal(wall.follow(clock, 0), false);
  clock.ms += 3_600_000;
  assert.equal(wall.follow(clock, 0), true);
  assert.equal(wall.at(5e9).seconds, 1_700_003_600);
  assert.equal(wall.follow(clock, -3_600_000), true);
  assert.equal(wall.at(5e9).seconds, 1_700_000_000);
});

test("a time that was set is exact, before the machine's start as well", () => {
  const wall = new WallClock();
  wall.set(5e9 + 7, 1, 3);
  assert.deepEqual(wall.at(5e9 + 7), { seconds: 1, nanoseconds: 3 });
  assert.deepEqual(wall.at(6e9), { seconds: 1, nanoseconds: 999_999_996 });
  assert.equal(wall.sinceNs(6e9, { seconds: 1, nanoseconds: 3 }), 999_999_993);
  assert.equal(wall.sinceNs(5e9, { seconds: 2, nanoseconds: 0 }), -1_000_000_004);
});

test("looks that were interrupted are taken again, for a while", () => {
  const clock = new TestClock();
  clock.lookNs = 1e6;
  const wall = new WallClock();
  assert.equal(wall.follow(clock, 0), true);
  assert.equal(clock.ns, 5e9 + 7e6, "three looks with one behind them, and the last, which must do");
});
