/**
 * Goal: a processor is kept awake beside bursts where that makes messages cheaper, and nowhere else. Method: a machine
 * of a clock and a thread, in which a message takes `plainMs` or `polledMs`; then the thread itself.
 */
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { HaltPoll, LINGER_MS } from "./halt-poll.ts";
import { haltPoller } from "./halt-poller.ts";

const BATCH = 32;

function machine(costs: { readonly plainMs: number; readonly polledMs: number; readonly starts?: boolean }) {
  let nowMs = 0;
  let asksUntil = -1;
  const seen = { polled: 0, sent: 0 };
  const polls = (): boolean => costs.starts !== false && nowMs < asksUntil;
  const habit = new HaltPoll({
    nowMs: () => nowMs,
    poll: () => void (asksUntil = nowMs + LINGER_MS),
    sleep: () => void (asksUntil = -1),
    isPolling: polls,
  });
  /** @returns the part of the messages beside which the thread ran */
  const ask = (batches: number, thinkMs = 0): number => {
    let polled = 0;
    for (let message = 0; message < batches * BATCH; message++) {
      if (polls()) polled++;
      nowMs += thinkMs + (polls() ? costs.polledMs : costs.plainMs);
      habit.came();
    }
    seen.sent += batches * BATCH;
    seen.polled += polled;
    return polled / (batches * BATCH);
  };
  return { ask, pass: (ms: number) => void (nowMs += ms), polls };
}

it("the thread runs beside bursts that it makes shorter, and no longer", () => {
  const { ask, pass, polls } = machine({ plainMs: 0.07, polledMs: 0.02 });
  assert.ok(ask(100) > 0.95);
  assert.ok(polls());
  pass(LINGER_MS + 1);
  assert.ok(!polls());
  // It is known by now: the next burst has it from its second batch on.
  assert.ok(ask(10) >= 0.8);
  // It is judged again and again.
  assert.ok(ask(10_000) > 0.99);
});

it("where it does not pay it is tried ever more seldom", () => {
  const { ask } = machine({ plainMs: 0.02, polledMs: 0.019 });
  assert.ok(ask(1000) < 0.1);
  assert.ok(ask(20_000) < 0.01);
});

it("it is left alone where somebody asks now and then, and where it does not start", () => {
  const slow = machine({ plainMs: 0.07, polledMs: 0.02 });
  assert.equal(slow.ask(200, 1), 0);
  const absent = machine({ plainMs: 0.07, polledMs: 0.02, starts: false });
  assert.equal(absent.ask(2000), 0);
});

it("the thread runs with the lowest priority while it is asked to, and then sleeps", async () => {
  const threads = (): string[] => readdirSync("/proc/self/task");
  const before = new Set(threads());
  let worker: Worker | undefined;
  const poller = haltPoller((words) => {
    worker = new Worker(new URL("./halt-poll-thread.ts", import.meta.url), { workerData: words });
  });
  assert.ok(poller !== null, "this machine has one processor");
  const until = async (runs: boolean, ask: () => void): Promise<void> => {
    for (let left = 6000; poller.isPolling() !== runs; left--) {
      assert.ok(left > 0);
      ask();
      await sleep(5);
    }
  };
  await until(true, () => poller.poll());
  const nice = (thread: string): number =>
    Number(
      readFileSync(`/proc/self/task/${thread}/stat`, "latin1")
        .replace(/^.*\) /, "")
        .split(" ")[16],
    );
  assert.deepEqual(
    threads().filter((thread) => !before.has(thread) && nice(thread) === 19).length,
    1,
    "one thread, and no other, is nice",
  );
  await until(false, () => {});
  await until(true, () => poller.poll());
  poller.sleep();
  await until(false, () => {});
  await worker!.terminate();
});
