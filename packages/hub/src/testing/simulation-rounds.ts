/**
 * Rounds by the thousand. Some have a database together, since a new one costs more than a round; one in which a round
 * failed is given up. A line is told for each database, and at the end from where to go on.
 */
import { fsck } from "../store/fsck.ts";
import { SimulatedHubs } from "./simulated-hubs.ts";
import { simulateRound } from "./simulated-round.ts";
import type { TestServer } from "./test-database.ts";

interface RoundsOptions {
  readonly first: number;
  readonly rounds: number;
  readonly steps: number;
  /** Databases at once. */
  readonly jobs: number;
  /** No other database is begun after so many. */
  readonly minutes: number;
  /** Null: databases are at `place`. */
  readonly server: TestServer | null;
  readonly place: string;
  readonly tell: (line: string) => void;
}

/** Of rounds the server is not killed, so nothing of it has to last; its memory is what a new process maps. */
export const ROUND_SETTINGS = [
  "synchronous_commit=off",
  "wal_level=minimal",
  "max_wal_senders=0",
  "shared_buffers=16MB",
];
/** What is checked of a database's rows, rather than of a round's own, grows with each. */
const DATABASE_ROUNDS = 25;
const LOOKS_MAX = 100;

export class SimulationRounds {
  readonly #options: RoundsOptions;
  readonly #startedMs = performance.now();
  /** Seeds of which a database is under way, each the next to do there. */
  readonly #underWay = new Set<{ seed: number }>();
  /** The next that no database has. */
  #next: number;
  #passed = 0;
  #failed = 0;

  constructor(options: RoundsOptions) {
    this.#options = options;
    this.#next = options.first;
  }

  /** @returns whether nothing failed */
  async run(): Promise<boolean> {
    await Promise.all(Array.from({ length: this.#options.jobs }, () => this.#job()));
    this.#options.tell(this.summary());
    return this.#failed === 0;
  }

  /** How many there were, and what does the rest. */
  summary(): string {
    const { first, rounds, steps, jobs } = this.#options;
    const { cpuSeconds, seconds } = this.#costs();
    const done = this.#passed + this.#failed;
    const each =
      done === 0
        ? ""
        : `; ${(seconds / done).toFixed(2)} s a round, ${(cpuSeconds / done).toFixed(2)} s of the processor`;
    const from = Math.min(this.#next, ...[...this.#underWay].map(({ seed }) => seed));
    const left = first + rounds - from;
    const how = `${steps === 300 ? "" : ` --steps ${steps}`}${jobs === 1 ? "" : ` --jobs ${jobs}`}`;
    const rest = left === 0 ? "" : `\nto go on: npm run sim:hub -- --rounds ${left} --seed ${from}${how}`;
    return `${this.#passed} passed, ${this.#failed} failed${each}${rest}`;
  }

  async #job(): Promise<void> {
    const { first, rounds, minutes } = this.#options;
    const last = first + rounds - 1;
    while (this.#next <= last && performance.now() - this.#startedMs < minutes * 60_000) {
      const begin = this.#next;
      const end = Math.min(begin + DATABASE_ROUNDS - 1, last);
      this.#next = end + 1;
      const at = { seed: begin };
      this.#underWay.add(at);
      const total: Record<string, number> = {};
      while (at.seed <= end) await this.#database(at, end, total);
      this.#underWay.delete(at);
      const counts = Object.entries(total).map(([name, count]) => `${count} ${name}`);
      this.#options.tell(`seeds ${begin} to ${end}: ${counts.join(", ")}`);
    }
  }

  /** Rounds in one database: all, or until one fails. */
  async #database(at: { seed: number }, end: number, total: Record<string, number>): Promise<void> {
    const { server, steps } = this.#options;
    const place = server?.createDatabase() ?? this.#options.place;
    const hubs = await SimulatedHubs.open(place);
    const begin = at.seed;
    let isSound = true;
    for (; isSound && at.seed <= end; at.seed++)
      try {
        const { faults, ...counts } = await simulateRound({ seed: at.seed, hubs, steps });
        for (const [name, count] of [...Object.entries(counts), ...Object.entries(faults)])
          total[name] = (total[name] ?? 0) + count;
        this.#passed++;
      } catch (error) {
        isSound = false;
        this.#fails((error as Error).stack ?? String(error), at.seed);
      }
    // Each round has looked at the chain's own part alone.
    const faults = isSound ? (await fsck(hubs.base)).map((finding) => JSON.stringify(finding)) : [];
    await hubs.close();
    const deadlocks = server === null ? 0 : deadlocksOf(server, place);
    if (deadlocks > 0) faults.push(`${deadlocks} deadlocks`);
    if (faults.length > 0 && isSound) {
      this.#passed--;
      this.#fails(`seeds ${begin} to ${end}: ${faults.join("; ")}`, begin, end - begin + 1);
    }
    server?.dropDatabase(place);
  }

  #fails(words: string, seed: number, rounds = 1): void {
    this.#failed++;
    this.#options.tell(`${words}\nnpm run sim:hub -- --rounds ${rounds} --seed ${seed} --steps ${this.#options.steps}`);
  }

  #costs(): { cpuSeconds: number; seconds: number } {
    const { user, system } = process.cpuUsage();
    return {
      cpuSeconds: (user + system) / 1e6 + (this.#options.server?.cpuSeconds() ?? 0),
      seconds: (performance.now() - this.#startedMs) / 1_000,
    };
  }
}

/** Of a database that nobody uses any more: a process tells what it has counted at its end. */
function deadlocksOf(server: TestServer, place: string): number {
  const name = new URL(place).pathname.slice(1);
  for (let look = 0; ; look++) {
    const [users, deadlocks] = server
      .sql(
        "postgres",
        "select (select count(*) from pg_stat_activity where datname = d.datname) || ' ' || deadlocks from " +
          `pg_stat_database d where datname = '${name}'`,
      )
      .split(" ")
      .map(Number) as [number, number];
    if (users === 0 || look === LOOKS_MAX) return deadlocks;
  }
}
