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
  /** Units of one execution (packages/kernel/src/ground/call-work.ts). */
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
  /** Turns of the machine that took longer than `slowTurnMs`. */
  readonly #slowTurns: { ms: number; startMs: number; endMs: number }[] = [];
  readonly #collections: PerformanceEntry[] = [];
  readonly #observer: PerformanceObserver;
  readonly #slowMs: number;
  readonly #slowTurnMs: number;

  constructor(slowMs: number, slowTurnMs = Infinity) {
    this.#slowMs = slowMs;
    this.#slowTurnMs = slowTurnMs;
    this.#observer = new PerformanceObserver((list) => void this.#collections.push(...list.getEntries()));
    this.#observer.observe({ entryTypes: ["gc"] });
  }

  /** Puts itself around each row of the machine's table, and around its turns. */
  attach(machine: Machine): void {
    const { kernel } = machine;
    const run = machine.run.bind(machine);
    machine.run = (milliseconds) => {
      const startMs = performance.now();
      const before = process.threadCpuUsage();
      const wait = run(milliseconds);
      const used = process.threadCpuUsage(before);
      const ms = (used.user + used.system) / 1000;
      if (ms > this.#slowTurnMs) this.#slowTurns.push({ ms, startMs, endMs: performance.now() });
      return wait;
    };
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

  /**
   * The slow calls, slowest first, and the longest turn (0: none was slow), without the time that collections took in
   * them. Forgets them.
   */
  async takeSlow(): Promise<{ calls: SlowCall[]; turnMs: number }> {
    // Entries about collections come a turn of the event loop later.
    await new Promise((resolve) => setTimeout(resolve, 20));
    const withoutCollections = (ms: number, startMs: number, endMs: number): number => {
      const collected = this.#collections
        .filter((entry) => entry.startTime >= startMs && entry.startTime <= endMs)
        .reduce((sum, entry) => sum + entry.duration, 0);
      return Math.round((ms - collected) * 10) / 10;
    };
    const calls = this.#slow
      .map(({ call, startMs, endMs }) => ({ ...call, ms: withoutCollections(call.ms, startMs, endMs) }))
      .filter((call) => call.ms > this.#slowMs)
      .sort((a, b) => b.ms - a.ms);
    const turns = this.#slowTurns
      .map(({ ms, startMs, endMs }) => withoutCollections(ms, startMs, endMs))
      .filter((ms) => ms > this.#slowTurnMs);
    this.#slow.length = 0;
    this.#slowTurns.length = 0;
    this.#collections.length = 0;
    return { calls, turnMs: Math.max(0, ...turns) };
  }

  stop(): void {
    this.#observer.disconnect();
  }
}
