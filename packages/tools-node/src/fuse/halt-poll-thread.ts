/**
 * Runs while it is asked to, and sleeps else (halt-poll.ts). Of the lowest priority: of a processor that others want it
 * has one part in seventy.
 */
import { readlinkSync } from "node:fs";
import { constants, setPriority } from "node:os";
import { basename } from "node:path";
import { workerData } from "node:worker_threads";
import { LINGER_MS } from "./halt-poll.ts";
import { ASKED, RUNS } from "./halt-poller.ts";

const words = workerData as Int32Array;
// Of this thread alone: setpriority(2) of Linux takes one for a process.
setPriority(Number(basename(readlinkSync("/proc/thread-self"))), constants.priority.PRIORITY_LOW);
for (;;) {
  const asked = Atomics.load(words, ASKED);
  const endMs = asked === 0 ? 0 : performance.now() + LINGER_MS;
  Atomics.store(words, RUNS, asked === 0 ? 0 : 1);
  while (Atomics.load(words, ASKED) === asked && performance.now() < endMs);
  if (Atomics.load(words, ASKED) !== asked) continue;
  Atomics.store(words, RUNS, 0);
  Atomics.wait(words, ASKED, asked);
}
