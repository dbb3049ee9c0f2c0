/**
 * What each thread of two runs did, compared: the first call, by time in the second run, that is another one than that
 * of the same thread in the first, or has another result. Threads that take turns in another order do the same calls,
 * so only what came of the order differs.
 */

/** Lines of a run that are kept; what comes after them is not compared. */
const LINES_MAX = 200_000;

/** Calls that differ with the order of threads and mean nothing, or whose addresses do; those that begin to wait. */
const QUIET =
  /^(futex|rt_sig|sched_yield|clone|wait|mmap|munmap|mprotect|mremap|madvise|brk|clock_|---)|= \? \(waits\)$/;

/** What a TraceWriter without marks writes. */
export class ThreadTrace {
  /** Lines of each thread, and of which thread each line is. */
  readonly threads = new Map<number, string[]>();
  readonly order: number[] = [];
  #rest = "";

  write(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop()!;
    for (const line of lines) {
      const match = /^\[ *(\d+)\] (.*)$/s.exec(line);
      if (match === null || this.order.length >= LINES_MAX || QUIET.test(match[2]!)) continue;
      const tid = Number(match[1]);
      this.order.push(tid);
      const thread = this.threads.get(tid);
      if (thread === undefined) this.threads.set(tid, [match[2]!]);
      else thread.push(match[2]!);
    }
  }
}

export interface ThreadDifference {
  readonly tid: number;
  /** Byte strings; null: the thread does nothing more. */
  readonly first: string | null;
  readonly second: string;
}

/**
 * @param known  calls that are known to differ: thread and name. Each is passed over once
 * @returns null: nothing that both runs kept differs
 */
export function firstThreadDifference(
  first: ThreadTrace,
  second: ThreadTrace,
  known: readonly { readonly tid: number; readonly name: string }[],
): ThreadDifference | null {
  const left = [...known];
  const places = new Map<number, number>();
  for (const tid of second.order) {
    const at = places.get(tid) ?? 0;
    places.set(tid, at + 1);
    const line = second.threads.get(tid)![at]!;
    const before = first.threads.get(tid)?.[at] ?? null;
    if (line === before) continue;
    // Where the first run's lines were not all kept, nothing can be said of those behind them.
    if (before === null && first.order.length >= LINES_MAX) return null;
    const place = left.findIndex((each) => each.tid === tid && line.startsWith(`${each.name}(`));
    if (place < 0) return { tid, first: before, second: line };
    left.splice(place, 1);
  }
  return null;
}
