/** Goal: the clock of processor time is fine enough for the turns of a machine's tasks, which take some 0.3 ms. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { NodeClock } from "./clock.ts";

test("processor time advances in less than a tick of the host's kernel", () => {
  const clock = new NodeClock();
  let smallest = Infinity;
  let last = clock.cpuNs();
  for (let looks = 0; looks < 20_000; looks++) {
    const now = clock.cpuNs();
    assert.ok(now >= last);
    if (now > last) smallest = Math.min(smallest, now - last);
    last = now;
  }
  assert.ok(smallest < 250_000, `it went on by ${smallest} ns at least`);
});
