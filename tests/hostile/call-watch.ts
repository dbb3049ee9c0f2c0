/**
 * Looks on while a machine executes system calls: which did the most counted work at a time, and which held the main
 * thread the longest.
 */
import { PerformanceObserver, type PerformanceEntry } from "node:perf_hooks";
import type { Machine } from "@stratos/machine";
import { SYSCALL_NAMES } from "@stratos/abi";

export interface SlowCall {
  readonly name: string;
  readonly arguments: readonly number[];
  /** Processor time of the main thread in milliseconds, collection of garbage not counted. */
  readonly ms: number;
  /** Units of one execution (packages/kernel/src/task/call-work.ts). */
  readonly work: number;
}

interface Interval {
  readonly call: SlowCall;
  readonly startMs: number;
  readonly endMs: number;
}

export class CallWatch {
  /** Calls by the most work, and those that took longer than `slowMs`. */
  mostWork: SlowCall | null = null;
  count = 0;
  readonly #slow: Interval[] = [];
  readonly #collections: PerformanceEntry[] = [];
  readonly #observer: PerformanceObserver;
  readonly #slowMs: number;

  constructor(slowMs: number) {
    this.#slowMs = slowMs;
    this.#observer = new PerformanceObserver((list) => void this.#collections.push(...list.getEntries()));
    this.#observer.observe({ entryTypes: ["gc"] });
  }

  /** Puts itself around each row of the machine's table. */
  attach(machine: Machine): void {
    const { kernel } = machine;
    kernel.calls = kernel.calls.map((row, number) =>
      row === undefined
        ? row
        : {
            ...row,
            run: (task, ...args) => {
              const startMs = performance.now();
              const before = process.threadCpuUsage();
              const result = row.run(task, ...args);
              const used = process.threadCpuUsage(before);
              const call = {
                name: SYSCALL_NAMES[number] ?? String(number),
                arguments: args,
                ms: (used.user + used.system) / 1000,
                work: kernel.work.spent,
              };
              this.count++;
              if (this.mostWork === null || call.work > this.mostWork.work) this.mostWork = call;
              if (call.ms > this.#slowMs) this.#slow.push({ call, startMs, endMs: performance.now() });
              return result;
            },
          },
    );
  }

  /** The slow calls, slowest first, without the time that collections took in them. Forgets them. */
  async takeSlow(): Promise<SlowCall[]> {
    // Entries about collections come a turn of the event loop later.
    await new Promise((resolve) => setTimeout(resolve, 20));
    const calls = this.#slow.map(({ call, startMs, endMs }) => {
      const collected = this.#collections
        .filter((entry) => entry.startTime >= startMs && entry.startTime <= endMs)
        .reduce((sum, entry) => sum + entry.duration, 0);
      return { ...call, ms: Math.round((call.ms - collected) * 10) / 10 };
    });
    this.#slow.length = 0;
    this.#collections.length = 0;
    return calls.filter((call) => call.ms > this.#slowMs).sort((a, b) => b.ms - a.ms);
  }

  stop(): void {
    this.#observer.disconnect();
  }
}
