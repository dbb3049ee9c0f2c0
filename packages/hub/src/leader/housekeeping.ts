/** What one hub does for all: it runs while it leads, at once when it is told of work, else every half second. */
import type { Database } from "../database/database.ts";
import { sealEvents } from "../store/event-chain.ts";
import { removeUnusedCauses } from "../store/failures.ts";
import { expireRuns } from "../store/move-runs.ts";
import { endPauses, settleEnded } from "../store/settle-ended.ts";
import type { ClockSteps } from "./clock-steps.ts";
import { removeOldTasks, removeOldKeys } from "./retention.ts";

export interface Chore {
  readonly name: string;
  readonly everyMs: number;
  /** @returns how much it did; it is called again at once while that is `all` of a batch */
  readonly work: (limit: number) => Promise<number>;
}

/** Bound of one statement, so that none keeps rows locked for long. */
const BATCH = 500;
const BATCHES_MAX = 200;
const PULSE_MS = 500;

export function storeChores(database: Database, clock: ClockSteps): Chore[] {
  return [
    {
      name: "expire",
      everyMs: 500,
      work: async (limit) => {
        await clock.look();
        return (await expireRuns(database, limit)).length;
      },
    },
    { name: "settle", everyMs: 0, work: (limit) => settleEnded(database, limit) },
    { name: "pauses", everyMs: 0, work: (limit) => endPauses(database, limit) },
    { name: "seal", everyMs: 1_000, work: () => sealEvents(database) },
    { name: "retention", everyMs: 60_000, work: (limit) => removeOldTasks(database, limit) },
    { name: "causes", everyMs: 3_600_000, work: (limit) => removeUnusedCauses(database, limit) },
    { name: "keys", everyMs: 60_000, work: (limit) => removeOldKeys(database, limit) },
    ...(database.vacuum === undefined ? [] : [{ name: "vacuum", everyMs: 60_000, work: () => database.vacuum!() }]),
  ];
}

export class Housekeeping {
  readonly #chores: readonly Chore[];
  readonly #isLeader: () => boolean;
  readonly #warn: (message: string) => void;
  readonly #due = new Map<string, number>();
  #timer: NodeJS.Timeout | null = null;
  #working: Promise<void> | null = null;
  #again = false;
  #isClosed = false;
  /** Failures of chores since the start, for the metrics. */
  failures = 0;

  constructor(chores: readonly Chore[], isLeader: () => boolean, warn: (message: string) => void) {
    this.#chores = chores;
    this.#isLeader = isLeader;
    this.#warn = warn;
  }

  start(): void {
    this.#timer = setInterval(() => this.nudge(), PULSE_MS);
  }

  /** There is, or may be, something to do. */
  nudge(): void {
    if (this.#isClosed || !this.#isLeader()) return;
    if (this.#working !== null) this.#again = true;
    else
      this.#working = this.#run().finally(() => {
        this.#working = null;
        if (this.#again) this.nudge();
      });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.#working;
  }

  async #run(): Promise<void> {
    this.#again = false;
    for (const { name, everyMs, work } of this.#chores) {
      const nowMs = performance.now();
      if (nowMs < (this.#due.get(name) ?? 0)) continue;
      this.#due.set(name, nowMs + everyMs);
      try {
        for (let batch = 0; batch < BATCHES_MAX && !this.#isClosed && (await work(BATCH)) >= BATCH; batch++);
      } catch (error) {
        // A broken chore, or a lost connection, does not keep the others from theirs.
        this.failures++;
        if (!this.#isClosed) this.#warn(`${name}: ${(error as Error).message}`);
      }
    }
  }
}
