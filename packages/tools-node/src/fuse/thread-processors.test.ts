/**
 * Goal: it is known where threads run, and a thread of this process can be sent elsewhere. Method: Linux's own account
 * of this thread; a thread that is confined stays where it was sent, so nobody else's work matters.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ThreadMover, threadProcessors } from "./thread-processors.ts";

const allowed = (): string => /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync("/proc/self/status", "latin1"))![1]!;
const isLone = /^\d+$/.test(allowed());

it("threads are told by the processor that they ran on last", { skip: isLone && "one processor alone" }, () => {
  const processors = threadProcessors(() => {})!;
  const own = processors.ownProcessor();
  assert.ok(own >= 0);
  assert.ok(processors.processorOf(process.pid) >= 0);
  assert.ok(processors.processorOf(1) >= 0);
  // Beyond the largest number that a thread can have (PID_MAX_LIMIT).
  assert.equal(processors.processorOf(1 << 23), -1);
});

it("a wish tells where the thread may run afterwards", { skip: isLone && "one processor alone" }, () => {
  const wishes: object[] = [];
  const processors = threadProcessors((wish) => void wishes.push(wish))!;
  const processor = processors.ownProcessor();
  processors.moveTo(processor);
  assert.deepEqual(wishes, [{ thread: process.pid, processor, allowed: allowed() }]);
  // Where it must not run it is not sent.
  processors.moveTo(100_000);
  assert.equal(wishes.length, 1);
});

it(
  "a thread is confined for a moment, and then as free as before",
  { skip: isLone && "one processor alone" },
  async () => {
    const before = allowed();
    const last = Number(/\d+$/.exec(before)![0]);
    const mover = new ThreadMover();
    const until = async (list: string): Promise<void> => {
      for (let left = 600; allowed() !== list; left--) {
        assert.ok(left > 0, `${allowed()}, not ${list}`);
        await sleep(50);
      }
    };
    mover.move({ thread: process.pid, processor: last, allowed: String(last) });
    await until(String(last));
    assert.equal(
      threadProcessors(() => {}),
      null,
    );
    mover.move({ thread: process.pid, processor: last, allowed: before });
    await until(before);
    mover.stop();
  },
);
