/**
 * The clock of the database may be set, or its host may have been suspended: all times that are waited for move with
 * it. Else each lease would be over at once, or a task of a host that has died would be kept for as long as the step
 * back was; how long a lease lasts its worker counts by a clock that nobody sets, and so does this.
 */
import type { Database } from "../database/database.ts";

/** Clocks that are slowed down or hurried on (adjtimex(2)) differ by less between two looks. */
const STEP_SECONDS_MIN = 5;

const MOVE = `
with r as (
  update run set lease_until = lease_until + make_interval(secs => $1) where state in ('ASSIGNED','RUNNING') returning 1
), w as (update waiting set due = due + make_interval(secs => $1) returning 1),
h as (update host set last_seen = last_seen + make_interval(secs => $1) where session is not null returning 1),
q as (update runnable set until = until + make_interval(secs => $1) where until is not null returning 1)
select (select count(*) from r) as runs`;

/** In milliseconds; when a clock was read is known but for the time that the answer took. */
interface Offset {
  readonly least: number;
  readonly most: number;
}

/** What is left when all of the doubt is taken off. */
function stepBetween(before: Offset, now: Offset): number {
  if (now.least > before.most) return now.least - before.most;
  return Math.min(now.most - before.least, 0);
}

export class ClockSteps {
  readonly #database: Database;
  readonly #warn: (message: string) => void;
  readonly #nowMs: () => number;
  /** What the database's clock says less what ours does, as it was at the last look. */
  #offset: Offset | null = null;

  constructor(database: Database, warn: (message: string) => void, nowMs: () => number = () => performance.now()) {
    this.#database = database;
    this.#warn = warn;
    this.#nowMs = nowMs;
  }

  /** Who did not lead meanwhile knows nothing of what was. */
  forget(): void {
    this.#offset = null;
  }

  /** @returns seconds by which the clock was set since the last look; 0: it was not */
  async look(): Promise<number> {
    const sentMs = this.#nowMs();
    const [row] = await this.#database.query<{ now: number }>("select extract(epoch from now())::float8 as now");
    const nowMs = row!.now * 1_000;
    // It was read at some time between.
    const now = { least: nowMs - this.#nowMs(), most: nowMs - sentMs };
    const seconds = this.#offset === null ? 0 : stepBetween(this.#offset, now) / 1_000;
    const isStep = Math.abs(seconds) >= STEP_SECONDS_MIN;
    if (isStep) await this.#database.query(MOVE, [seconds]);
    this.#offset = now;
    if (!isStep) return 0;
    this.#warn(`the clock of the database was set by ${seconds.toFixed(0)} s; leases and pauses were moved with it`);
    return seconds;
  }
}
