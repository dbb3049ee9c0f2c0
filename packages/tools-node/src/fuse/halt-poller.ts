/** The thread that keeps a processor from halting, as the serving thread sees it: two words that both share. */
import { availableParallelism } from "node:os";
import type { HaltPoller } from "./halt-poll.ts";

/** Words: how often the thread was asked to run, 0: it is to sleep; does it run? */
export const ASKED = 0;
export const RUNS = 1;

/** @param start  has the thread started, which is done once @returns null where there is but one processor */
export function haltPoller(start: (words: Int32Array) => void): HaltPoller | null {
  if (availableParallelism() < 2) return null;
  const words = new Int32Array(new SharedArrayBuffer(8));
  let isStarted = false;
  return {
    nowMs: () => performance.now(),
    poll: () => {
      Atomics.add(words, ASKED, 1);
      if (isStarted) Atomics.notify(words, ASKED);
      else start(words);
      isStarted = true;
    },
    sleep: () => void Atomics.store(words, ASKED, 0),
    isPolling: () => Atomics.load(words, RUNS) === 1,
  };
}
