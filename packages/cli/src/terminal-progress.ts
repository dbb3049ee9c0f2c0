/** Progress of work on a volume, on a terminal alone: what takes a second is no news in a log. */
import type { Progress } from "@stratos/operation";
import { ProgressDisplay } from "./progress-display.ts";

/** @param work  its progress is to be seen until it ends, however it does */
export async function withTerminalProgress<T>(work: (progress: Progress) => Promise<T>): Promise<T> {
  const display = new ProgressDisplay(process.stderr);
  const progress: Progress = {
    update: (...told) => {
      if (process.stderr.isTTY) display.update(...told);
    },
    note: (line) => display.note(line),
    clear: () => display.clear(),
  };
  try {
    return await work(progress);
  } finally {
    display.clear();
  }
}
