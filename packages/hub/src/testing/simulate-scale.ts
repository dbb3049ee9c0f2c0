/**
 * `npm run sim:hub -- --hosts N [--batch N] [--tasks N] [--failovers N] [--seed S]`: as many hosts as a distribution
 * has, under virtual time, whose tasks take minutes and are over in a moment.
 *
 * The statements are a hub's; the clock that they ask (`now()`) is a row, which goes on to the next thing that some
 * host does when nothing is left to do before. Hosts run what they claimed, renew leases, end runs in batches and claim
 * again; some die and come back when their leases are over, lose answers, or tell results of runs that others have. The
 * database's server is killed in the middle, and started again. Then the history of each task is checked
 * (check-history.ts): none is lost, none done twice.
 */
import { SeededRandom } from "@stratos/base";
import type { ClaimedRun, RunEnd, RunProof } from "@stratos/hub-api";
import { DatabaseError, type Database } from "../database/database.ts";
import { openDatabase } from "../database/open-database.ts";
import { claimRuns } from "../store/claim-runs.ts";
import { sealEvents } from "../store/event-chain.ts";
import { fsck } from "../store/fsck.ts";
import { hearHost, registerHost } from "../store/hosts.ts";
import { HubError } from "../store/hub-error.ts";
import { endRuns, expireRuns, releaseUnknown, renewRuns } from "../store/move-runs.ts";
import { QueueHeads } from "../store/queue-heads.ts";
import { endPauses, settleEnded } from "../store/settle-ended.ts";
import { submitTasks } from "../store/submit-tasks.ts";
import { checkHistory } from "./check-history.ts";
import { EventQueue } from "./event-queue.ts";
import { openMigrated, type TestServer } from "./test-database.ts";

interface ScaleOptions {
  readonly seed: number;
  readonly server: TestServer;
  readonly hosts: number;
  /** Tasks that a host runs at once. */
  readonly capacity: number;
  readonly tasks: number;
  /** What happens within one is done at once: of long ones a host ends and claims more tasks in one statement. */
  readonly momentSeconds: number;
  /** Of a submission. */
  readonly batch: number;
  /** How often the server is killed. */
  readonly failovers: number;
  /** Told how far it is, a line at a time. */
  readonly tell: (line: string) => void;
}

interface ScaleResult {
  readonly tasks: number;
  readonly events: number;
  readonly virtualSeconds: number;
  /** Until the last task had ended; without the check. */
  readonly seconds: number;
  /** Of history, chain and rows. */
  readonly checkSeconds: number;
  /** Without the check: of this process, and of the server's. */
  readonly ownCpuSeconds: number;
  readonly serverCpuSeconds: number;
  /** At most. */
  readonly ownMebibytes: number;
  readonly faults: Readonly<Record<string, number>>;
  /** By kind of statement, with the wait for a connection: what grows as tasks or hosts do shows here. */
  readonly statements: Readonly<Record<string, { readonly count: number; readonly meanMs: number }>>;
}

const CHANNEL = "scale";
const LANES = 8;
const LEASE_SECONDS = 300;
/** Hosts renew in thirds of a lease, as workers do. */
const RENEW_MS = (LEASE_SECONDS / 3) * 1_000;
const DURATION_MS = { min: 20_000, max: 400_000 } as const;
const POLL_MS = 30_000;
/** A host that was not woken looks by itself. */
const LOOK_MS = 300_000;
const LEAD_MS = 5_000;
/** Of a queue with so much for each place at a host nobody needs more to be busy. */
const QUEUED_FOR_ROOM = 5;
const TELL_TASKS = 50_000;

interface Host {
  readonly name: string;
  session: string | null;
  readonly runs: Map<number, { readonly proof: RunProof; readonly endMs: number }>;
  /** An answer did not come: the hub may know of runs that this host does not. */
  isUnsure: boolean;
  renewMs: number;
  heardMs: number;
  /** When it found less than it wanted. */
  emptyMs: number;
  stale: RunProof | null;
}

/**
 * Of a server that is killed, but whose host is not: what it wrote is in the host's memory. Its log is written as it
 * goes, rather than all of it anew behind each checkpoint.
 */
export const SCALE_SETTINGS = [
  "full_page_writes=off",
  "max_wal_size=16GB",
  "checkpoint_timeout=30min",
  "shared_buffers=1GB",
];

/** `now()` of all connections that are made from now on is the clock's row. */
const CLOCK = [
  "create schema sim",
  "create table sim.clock (at timestamptz not null) with (fillfactor = 10)",
  "insert into sim.clock values ('2026-01-01T00:00:00Z')",
  "create function sim.now() returns timestamptz language sql stable as 'select at from sim.clock'",
];
const EPOCH_MS = Date.parse("2026-01-01T00:00:00Z");

/** @throws Error in words for what must not be; the seed is in them */
export async function simulateScale(options: ScaleOptions): Promise<ScaleResult> {
  const { seed, server } = options;
  const place = server.createDatabase();
  const made = await openMigrated(place);
  for (const statement of CLOCK) await made.query(statement);
  const [{ name }] = (await made.query("select current_database() as name")) as [{ name: string }];
  await made.query(`alter database ${name} set search_path = sim, pg_catalog, public`);
  await made.query("insert into channel (name) values ($1)", [CHANNEL]);
  await made.close();
  const database = await openDatabase(place, { poolSize: LANES });
  try {
    return await new Cluster(database, options).run();
  } catch (error) {
    throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
  } finally {
    await database.close().catch(() => {});
  }
}

class Cluster {
  readonly #database: Database;
  readonly #options: ScaleOptions;
  readonly #random: SeededRandom;
  readonly #queue = new EventQueue<() => Promise<void>>();
  readonly #heads: QueueHeads;
  readonly #faults: Record<string, number> = {};
  readonly #times = new Map<string, { count: number; ms: number }>();
  #startedMs = 0;
  #nowMs = 0;
  #submitted = 0;
  #ended = 0;
  #isOver = false;
  /** Hosts that found less than they wanted, in the order in which they are woken. */
  readonly #waiters = new Set<Host>();
  #failoversLeft: number;
  readonly #momentMs: number;

  constructor(database: Database, options: ScaleOptions) {
    this.#database = database;
    this.#options = options;
    this.#random = new SeededRandom(options.seed);
    this.#heads = new QueueHeads(() => this.#nowMs);
    this.#failoversLeft = options.failovers;
    this.#momentMs = options.momentSeconds * 1_000;
  }

  async run(): Promise<ScaleResult> {
    this.#startedMs = performance.now();
    const startedCpu = process.cpuUsage();
    const startedServerCpu = this.#options.server.cpuSeconds();
    for (let index = 0; index < this.#options.hosts; index++) {
      const host: Host = {
        name: `host${index}`,
        session: null,
        runs: new Map(),
        isUnsure: false,
        renewMs: 0,
        heardMs: -Infinity,
        emptyMs: -Infinity,
        stale: null,
      };
      // They do not all begin in one moment.
      this.#at(this.#random.below(POLL_MS), () => this.#act(host));
    }
    this.#at(0, () => this.#submit());
    this.#at(LEAD_MS, () => this.#lead());
    await this.#goOn();
    const seconds = (performance.now() - this.#startedMs) / 1_000;
    const { user, system } = process.cpuUsage(startedCpu);
    const serverCpuSeconds = this.#options.server.cpuSeconds() - startedServerCpu;
    const checkedMs = performance.now();
    const { tasks } = this.#options;
    while ((await settleEnded(this.#database, 500)) > 0);
    const history = await checkHistory(this.#database, CHANNEL);
    if (history.tasks !== tasks) throw new Error(`${history.tasks} tasks have a history, of ${tasks}`);
    const { COMPLETED = 0, ...others } = history.ends;
    if (COMPLETED !== tasks) throw new Error(`${COMPLETED} of ${tasks} completed; ${JSON.stringify(others)}`);
    while ((await sealEvents(this.#database)) > 0);
    const findings = await fsck(this.#database);
    if (findings.length > 0) throw new Error(`fsck: ${JSON.stringify(findings)}`);
    const [row] = await this.#database.query<{ deadlocks: number }>(
      "select deadlocks from pg_stat_database where datname = current_database()",
    );
    if (row!.deadlocks > 0) throw new Error(`${row!.deadlocks} deadlocks`);
    const statements = Object.fromEntries(
      [...this.#times].map(([name, { count, ms }]) => [name, { count, meanMs: ms / count }]),
    );
    const virtualSeconds = this.#nowMs / 1_000;
    return {
      ...{ tasks, events: history.events, virtualSeconds, seconds, faults: this.#faults, statements },
      checkSeconds: (performance.now() - checkedMs) / 1_000,
      ownCpuSeconds: (user + system) / 1_000_000,
      serverCpuSeconds,
      ownMebibytes: process.resourceUsage().maxRSS / 1_024,
    };
  }

  async #timed<Answer>(name: string, work: () => Promise<Answer>): Promise<Answer> {
    const startedMs = performance.now();
    try {
      return await work();
    } finally {
      const time = this.#times.get(name) ?? { count: 0, ms: 0 };
      this.#times.set(name, { count: time.count + 1, ms: time.ms + performance.now() - startedMs });
    }
  }

  #at(ms: number, work: () => Promise<void>): void {
    this.#queue.add(ms, work);
  }

  /** What is due in one moment goes on in lanes; then the clock goes to the next. */
  async #goOn(): Promise<void> {
    while (!this.#isOver) {
      const nextMs = this.#queue.firstMs;
      if (nextMs === null) throw new Error("nobody has anything to do, and tasks are left");
      this.#nowMs = Math.max(this.#nowMs, nextMs);
      await this.#survive(() =>
        this.#database.query("update sim.clock set at = $1", [new Date(EPOCH_MS + this.#nowMs)]),
      );
      const lane = async (): Promise<void> => {
        for (let work = this.#queue.take(this.#nowMs + this.#momentMs); work !== null;) {
          await work();
          work = this.#queue.take(this.#nowMs + this.#momentMs);
        }
      };
      const lanes = Array.from({ length: LANES }, lane);
      this.#killServer();
      await Promise.all(lanes);
    }
  }

  /** While statements are under way: what became of them nobody is told. */
  #killServer(): void {
    const { failovers, tasks, server } = this.#options;
    if (this.#failoversLeft === 0) return;
    const due = (tasks * (failovers - this.#failoversLeft + 1)) / (failovers + 1);
    if (this.#ended < due) return;
    this.#failoversLeft--;
    this.#count("servers killed");
    server.restart();
  }

  /** A hub wakes as many of those that wait as there are new tasks (claim-polls.ts). */
  #cameIn(count: number): void {
    let left = count;
    for (const host of this.#waiters) {
      if (left-- === 0) return;
      this.#waiters.delete(host);
    }
  }

  #count(fault: string): void {
    this.#faults[fault] = (this.#faults[fault] ?? 0) + 1;
  }

  #chance(ofThousand: number): boolean {
    return this.#random.below(1_000) < ofThousand;
  }

  /** @returns null: the database was away, and whether the work was done is not known */
  async #survive<Answer>(work: () => Promise<Answer>): Promise<Answer | null> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof DatabaseError) || !error.isPassing || error.code === "40P01") throw error;
      this.#count("statements cut off");
      return null;
    }
  }

  async #submit(): Promise<void> {
    const { tasks, batch, hosts, capacity } = this.#options;
    const queued = this.#submitted - this.#ended;
    if (queued < Math.max(hosts * capacity * QUEUED_FOR_ROOM, batch)) {
      const label = `batch at ${this.#submitted}`;
      const count = Math.min(batch, tasks - this.#submitted);
      const wanted = Array.from({ length: count }, (_, index) => ({
        ...{ kind: "command", payload: {}, channel: CHANNEL, label, priority: this.#random.below(3) },
        ...(index > 0 && this.#chance(100) ? { afterInBatch: [index - 1] } : {}),
      }));
      const made = await this.#survive(() =>
        this.#timed("submit", () => submitTasks(this.#database, wanted, { owner: "sim" })),
      );
      // It may have been made: its label says so.
      for (let found: { count: number }[] | null = null; made === null && found === null;) {
        found = await this.#survive(() =>
          this.#database.query("select count(*) as count from task where label = $1", [label]),
        );
        if (found?.[0]?.count === 0) return this.#at(this.#nowMs + this.#momentMs, () => this.#submit());
      }
      this.#heads.forget();
      this.#cameIn(count);
      this.#submitted += count;
    }
    if (this.#submitted < tasks) this.#at(this.#nowMs + this.#momentMs, () => this.#submit());
  }

  async #lead(): Promise<void> {
    await this.#survive(async () => {
      while ((await this.#timed("expire", () => expireRuns(this.#database, 500))).length === 500);
      // Hubs tell who waits of both.
      for (const [name, work] of [
        ["settle", settleEnded],
        ["pauses", endPauses],
      ] as const)
        for (let count = 500; count === 500;) {
          count = await this.#timed(name, () => work(this.#database, 500));
          this.#cameIn(count);
        }
      this.#heads.forget();
      await this.#timed("seal", () => sealEvents(this.#database));
    });
    if (this.#ended >= this.#options.tasks) {
      const open = await this.#survive(() =>
        this.#database.query<{ count: number }>("select count(*) as count from task where finished is null"),
      );
      this.#isOver = open?.[0]?.count === 0;
    }
    this.#at(this.#nowMs + Math.max(LEAD_MS, this.#momentMs), () => this.#lead());
  }

  /** All that a host does in one moment. */
  async #act(host: Host): Promise<void> {
    const nowMs = this.#nowMs;
    if (host.runs.size > 0 && this.#chance(1)) {
      this.#count("hosts died");
      host.stale = [...host.runs.values()][0]!.proof;
      host.runs.clear();
      host.session = null;
      // Before or after its leases are over.
      return this.#at(nowMs + this.#random.below(2 * LEASE_SECONDS * 1_000), () => this.#act(host));
    }
    try {
      if ((await this.#survive(() => this.#work(host).then(() => true))) === null) {
        host.isUnsure = true;
        return this.#at(nowMs + this.#momentMs, () => this.#act(host));
      }
    } catch (error) {
      if (!(error instanceof HubError) || error.status !== 409) throw error;
      host.session = null;
    }
    let nextMs = host.runs.size < this.#options.capacity ? nowMs + POLL_MS : Infinity;
    for (const { endMs } of host.runs.values()) nextMs = Math.min(nextMs, endMs);
    if (host.runs.size > 0) nextMs = Math.min(nextMs, host.renewMs);
    this.#at(Math.max(nextMs, nowMs + this.#momentMs), () => this.#act(host));
  }

  async #work(host: Host): Promise<void> {
    const { name, runs } = host;
    host.session ??= await registerHost(
      this.#database,
      name,
      { arches: ["amd64"], channels: [CHANNEL], capacity: this.#options.capacity },
      "sim",
    );
    await this.#endRuns(host);
    if (host.stale !== null && this.#chance(300)) {
      this.#count("late results");
      const ended = await endRuns(this.#database, name, [{ ...host.stale, outcome: "COMPLETED" }]);
      this.#endedTasks(ended.length);
      host.stale = null;
    }
    if (runs.size > 0 && this.#nowMs >= host.renewMs) {
      const proofs = [...runs.values()].map(({ proof }) => proof);
      for (const run of (await this.#timed("renew", () => renewRuns(this.#database, name, proofs, LEASE_SECONDS))).lost)
        runs.delete(run);
      host.renewMs = this.#nowMs + RENEW_MS;
    }
    const slots = this.#options.capacity - runs.size;
    if (slots === 0) return;
    if (host.isUnsure) {
      await releaseUnknown(this.#database, name, [...runs.keys()]);
      host.isUnsure = false;
    }
    if (this.#waiters.has(host) && this.#nowMs - host.emptyMs < LOOK_MS) return;
    const { session } = host;
    // Hubs hear at each claim; so long after nobody is silent yet.
    if (this.#nowMs - host.heardMs >= POLL_MS) {
      await this.#timed("hear", () => hearHost(this.#database, name, session));
      host.heardMs = this.#nowMs;
    }
    const request = { host: name, session, slots, leaseSeconds: LEASE_SECONDS, start: true };
    const claimed = await this.#timed("claim", () => claimRuns(this.#database, { ...request, heads: this.#heads }));
    if (claimed.length < slots) {
      this.#waiters.add(host);
      host.emptyMs = this.#nowMs;
    } else this.#waiters.delete(host);
    if (claimed.length > 0 && this.#chance(2)) {
      this.#count("answers lost");
      host.isUnsure = true;
      return;
    }
    if (runs.size === 0) host.renewMs = this.#nowMs + RENEW_MS;
    for (const claim of claimed) this.#begin(host, claim);
  }

  #begin({ runs }: Host, { run, token }: ClaimedRun): void {
    const durationMs = DURATION_MS.min + this.#random.below(DURATION_MS.max - DURATION_MS.min);
    runs.set(run, { proof: { run, token }, endMs: this.#nowMs + durationMs });
  }

  async #endRuns({ name, runs }: Host): Promise<void> {
    const over = [...runs.values()].filter(({ endMs }) => endMs <= this.#nowMs + this.#momentMs);
    if (over.length === 0) return;
    const ends: RunEnd[] = over.map(({ proof }) => ({ ...proof, outcome: "COMPLETED" }));
    const ended = await this.#timed("end", () => endRuns(this.#database, name, ends));
    for (const { proof } of over) runs.delete(proof.run);
    this.#endedTasks(ended.length);
  }

  #endedTasks(count: number): void {
    const before = this.#ended;
    this.#ended += count;
    if (Math.floor(before / TELL_TASKS) === Math.floor(this.#ended / TELL_TASKS)) return;
    const hours = (this.#nowMs / 3_600_000).toFixed(2);
    const seconds = ((performance.now() - this.#startedMs) / 1_000).toFixed(1);
    this.#options.tell(`${this.#ended} of ${this.#options.tasks} tasks, ${hours} virtual hours, ${seconds} s`);
  }
}
