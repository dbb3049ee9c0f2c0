/**
 * `hub-once.ts MODE CACHE [TASKS]`: figures of the hub in a process of its own, as JSON; each with a PostgreSQL server
 * of its own that keeps what it answered (`fsync`), where it needs one.
 *
 * ```
 * batches  life cycles (submitted, claimed, ended) of tasks in batches, and of pg-boss' jobs, by turns
 * singles  of tasks one by one, and of graphile-worker's jobs
 * latency  over HTTP: from a submission to the claim's answer at an idle host; 256 tasks for as many idle hosts
 * snapshot claims one by one while another transaction holds an old snapshot, and without
 * pglite   life cycles with the database that a hub brings with it
 * page     a page of a queue with 100,000 tasks, by REST and as a page of the browser
 * ```
 *
 * Processor time is that of this process and of the server's processes together.
 */
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { claimRuns } from "../../packages/hub/src/store/claim-runs.ts";
import { endRuns } from "../../packages/hub/src/store/move-runs.ts";
import { registerHost } from "../../packages/hub/src/store/hosts.ts";
import { QueueHeads } from "../../packages/hub/src/store/queue-heads.ts";
import { submitTasks } from "../../packages/hub/src/store/submit-tasks.ts";
import type { Database } from "../../packages/hub/src/database/database.ts";
import { openMigrated, startPostgres, type TestServer } from "../../packages/hub/src/testing/test-database.ts";
import { startTestHub } from "../../packages/hub/src/testing/test-hub.ts";
import { processTimes } from "../process-times.ts";
import { peerQueues } from "./peers.ts";
import { median } from "../statistics.ts";

const [mode, cache, count] = process.argv.slice(2);
const TASKS = Number(count ?? 10_000);
/** Of a host: as much as one may have. */
const CAPACITY = 10_000;
const ROUNDS = 3;
/** What a life cycle is cut into, in batches: submissions, and claims. */
const SUBMITTED_AT_ONCE = 1_000;
const CLAIMED_AT_ONCE = 50;
/** Workers at once: in batches, one by one. */
const BATCH_WORKERS = 4;
const WORKERS = 8;
const task = { kind: "command", payload: { argv: ["true"] } };

interface Cost {
  readonly cpuMs: number;
  readonly wallMs: number;
}

/** @returns what a task costs, milliseconds of the processor, and how many were done in a second */
async function measured(server: TestServer, tasks: number, work: () => Promise<void>): Promise<Cost> {
  const cpuMs = (): number => process.cpuUsage().user / 1000 + process.cpuUsage().system / 1000 + serverMs(server);
  const before = cpuMs();
  const start = performance.now();
  await work();
  return { cpuMs: (cpuMs() - before) / tasks, wallMs: (performance.now() - start) / tasks };
}

/** Of all processes of the server, those that have ended included. */
function serverMs({ folder }: TestServer): number {
  const postmaster = Number(readFileSync(join(folder, "data/postmaster.pid"), "utf8").split("\n")[0]);
  let sum = processTimes(postmaster)!.withEnded;
  for (const name of readdirSync("/proc"))
    if (/^\d+$/.test(name)) {
      const times = processTimes(Number(name));
      if (times?.parent === postmaster) sum += times.own;
    }
  return sum;
}

async function host(database: Database, name: string): Promise<{ host: string; session: string }> {
  const capacity = CAPACITY;
  const registration = { arches: ["amd64"], channels: ["default"], capacity };
  return { host: name, session: await registerHost(database, name, registration, "bench") };
}

/**
 * Workers of one hub that take and end tasks until none is left.
 * @returns milliseconds of each claim that got something
 */
async function workOff(database: Database, { workers, slots }: { workers: number; slots: number }): Promise<number[]> {
  const claims: number[] = [];
  const heads = new QueueHeads();
  const worker = async (index: number): Promise<void> => {
    const who = await host(database, `w${index}`);
    for (;;) {
      const start = performance.now();
      const runs = await claimRuns(database, { ...who, slots, leaseSeconds: 60, start: true, heads });
      if (runs.length === 0) return;
      claims.push(performance.now() - start);
      const ends = runs.map(({ run, token }) => ({ run, token, outcome: "COMPLETED" as const }));
      const ended = await endRuns(database, who.host, ends);
      if (ended.length !== runs.length) throw new Error(`${ended.length} of ${runs.length} runs have ended`);
    }
  };
  await Promise.all(Array.from({ length: workers }, (_, index) => worker(index)));
  const [left] = await database.query<{ tasks: number }>("select count(*) as tasks from task where finished is null");
  if (left!.tasks > 0) throw new Error(`${left!.tasks} tasks have not ended`);
  return claims;
}

async function lifeCycles(database: Database, tasks: number, atOnce: { submitted: number; claimed: number }) {
  const { submitted, claimed } = atOnce;
  const workers = claimed === 1 ? WORKERS : BATCH_WORKERS;
  let left = tasks;
  const submit = async (): Promise<void> => {
    while (left > 0) {
      const many = Math.min(submitted, left);
      left -= many;
      await submitTasks(database, new Array(many).fill(task), { owner: "bench" });
    }
  };
  await Promise.all(Array.from({ length: submitted === 1 ? WORKERS : 1 }, submit));
  await workOff(database, { workers, slots: claimed });
}

async function submitMany(database: Database, tasks: number): Promise<void> {
  for (let made = 0; made < tasks; made += SUBMITTED_AT_ONCE)
    await submitTasks(database, new Array(SUBMITTED_AT_ONCE).fill(task), { owner: "bench" });
}

const SETTINGS = ["fsync=on", "max_wal_size=4GB"];

async function batches(): Promise<object> {
  const server = startPostgres(SETTINGS);
  try {
    const database = await openMigrated(server.createDatabase());
    const boss = peerQueues(cache!).makePgBoss(server.createDatabase());
    boss.on("error", () => {});
    await boss.start();
    await boss.createQueue("bench");
    const theirs = async (): Promise<void> => {
      for (let made = 0; made < TASKS; made += SUBMITTED_AT_ONCE)
        await boss.insert("bench", new Array(SUBMITTED_AT_ONCE).fill({ data: task.payload }));
      const worker = async (): Promise<void> => {
        for (;;) {
          const jobs = await boss.fetch("bench", { batchSize: CLAIMED_AT_ONCE });
          if (jobs.length === 0) return;
          await boss.complete(
            "bench",
            jobs.map(({ id }) => id),
          );
        }
      };
      await Promise.all(Array.from({ length: BATCH_WORKERS }, worker));
    };
    const ours = (): Promise<void> =>
      lifeCycles(database, TASKS, { submitted: SUBMITTED_AT_ONCE, claimed: CLAIMED_AT_ONCE });
    const figures = await byTurns(server, ours, theirs);
    await boss.stop({ graceful: false });
    await database.close();
    return figures;
  } finally {
    server.stop();
  }
}

async function byTurns(server: TestServer, ours: () => Promise<void>, theirs: () => Promise<void>): Promise<object> {
  const all = { ours: [] as Cost[], theirs: [] as Cost[] };
  for (let round = 0; round <= ROUNDS; round++) {
    const pair = { ours: await measured(server, TASKS, ours), theirs: await measured(server, TASKS, theirs) };
    // In the first one connections and plans are made.
    if (round > 0) for (const side of ["ours", "theirs"] as const) all[side].push(pair[side]);
  }
  const cpu = (costs: readonly Cost[]): number => median(costs.map(({ cpuMs }) => cpuMs));
  const rate = (costs: readonly Cost[]): number => 1000 / median(costs.map(({ wallMs }) => wallMs));
  return {
    oursCpuMs: cpu(all.ours),
    theirsCpuMs: cpu(all.theirs),
    oursPerSecond: rate(all.ours),
    theirsPerSecond: rate(all.theirs),
  };
}

async function singles(): Promise<object> {
  const server = startPostgres(SETTINGS);
  try {
    const database = await openMigrated(server.createDatabase());
    const { graphile } = peerQueues(cache!);
    const options = { connectionString: server.createDatabase(), logger: new graphile.Logger(() => () => {}) };
    const utils = await graphile.makeWorkerUtils(options);
    await utils.migrate();
    const theirs = async (): Promise<void> => {
      let left = TASKS;
      await Promise.all(
        Array.from({ length: WORKERS }, async () => {
          while (left-- > 0) await utils.addJob("bench", task.payload);
        }),
      );
      let done = 0;
      let tell = (): void => {};
      const all = new Promise<void>((resolve) => (tell = resolve));
      const bench = async (): Promise<void> => {
        if (++done === TASKS) tell();
      };
      const runner = await graphile.run({
        ...options,
        concurrency: WORKERS,
        noHandleSignals: true,
        taskList: { bench },
      });
      await all;
      await runner.stop();
    };
    const ours = (): Promise<void> => lifeCycles(database, TASKS, { submitted: 1, claimed: 1 });
    const figures = await byTurns(server, ours, theirs);
    await utils.release();
    await database.close();
    return figures;
  } finally {
    server.stop();
  }
}

async function snapshot(): Promise<object> {
  const server = startPostgres(SETTINGS);
  try {
    const perSecond: Record<string, number> = {};
    const later: Record<string, number> = {};
    for (const isHeld of [false, true]) {
      const database = await openMigrated(server.createDatabase());
      await submitMany(database, TASKS);
      let letGo = (): void => {};
      const held = new Promise<void>((resolve) => (letGo = resolve));
      let isOpen = (): void => {};
      const open = new Promise<void>((resolve) => (isOpen = resolve));
      const holding = database.transaction("repeatable read", async (inside) => {
        // As pg_dump does; the bound on transactions that idle is the hub's own, for its connections.
        await inside.query("set local idle_in_transaction_session_timeout = 0");
        await inside.query("select count(*) from task");
        isOpen();
        if (isHeld) await held;
      });
      await open;
      const start = performance.now();
      const claimed = await workOff(database, { workers: WORKERS, slots: 1 });
      const name = isHeld ? "held" : "free";
      perSecond[name] = (claimed.length * 1000) / (performance.now() - start);
      later[name] = median(claimed.slice(-1_000));
      letGo();
      await holding;
      await database.close();
    }
    return { ...perSecond, lastFreeMs: later["free"], lastHeldMs: later["held"] };
  } finally {
    server.stop();
  }
}

const HOSTS = 256;
const SUBMISSIONS = 300;

async function latency(): Promise<object> {
  const server = startPostgres(SETTINGS);
  try {
    const hub = await startTestHub({ database: server.createDatabase() });
    const claimAt = async (name: string): Promise<(holding: readonly number[]) => Promise<number[]>> => {
      const registration = { arches: ["amd64"], channels: ["default"], capacity: CAPACITY };
      const { session } = await hub.admin.call<{ session: string }>("PUT", `/hosts/${name}`, registration);
      return async (holding) => {
        const request = { session, slots: 1, waitSeconds: 30, start: true, holding };
        const answer = await hub.admin.call<{ runs: { run: number }[] }>("POST", `/hosts/${name}/claim`, request);
        return answer.runs.map(({ run }) => run);
      };
    };
    const one = await claimAt("one");
    const waits: number[] = [];
    const holding: number[] = [];
    for (let made = 0; made < SUBMISSIONS; made++) {
      const claim = one(holding);
      await new Promise((resolve) => setTimeout(resolve, 30));
      const start = performance.now();
      await hub.admin.call("POST", "/tasks", task);
      holding.push(...(await claim));
      waits.push(performance.now() - start);
    }
    const idle = await Promise.all(Array.from({ length: HOSTS }, (_, index) => claimAt(`h${index}`)));
    const claims = idle.map(async (claim) => {
      for (;;) {
        const runs = await claim([]);
        if (runs.length > 0) return performance.now();
      }
    });
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    const start = performance.now();
    await hub.admin.call("POST", "/task-batches", { tasks: new Array(HOSTS).fill(task) });
    const answered = (await Promise.all(claims)).map((at) => at - start);
    await hub.close();
    waits.sort((a, b) => a - b);
    const at = (part: number): number => waits[Math.min(waits.length - 1, Math.floor(waits.length * part))]!;
    return { p50Ms: at(0.5), p99Ms: at(0.99), firstOf256Ms: Math.min(...answered), allOf256Ms: Math.max(...answered) };
  } finally {
    server.stop();
  }
}

async function page(): Promise<object> {
  const server = startPostgres(SETTINGS);
  try {
    const hub = await startTestHub({ database: server.createDatabase() });
    await submitMany(hub.database, 100_000);
    const p95 = async (ask: () => Promise<unknown>): Promise<number> => {
      const all: number[] = [];
      for (let asked = 0; asked < 200; asked++) {
        const start = performance.now();
        await ask();
        all.push(performance.now() - start);
      }
      return all.sort((a, b) => a - b)[190]!;
    };
    const rest = await p95(() => hub.admin.call("GET", "/tasks?state=open&limit=50"));
    const headers = { authorization: `Bearer ${hub.adminToken}` };
    const web = await p95(async () => (await fetch(`${hub.server.url}/tasks`, { headers })).text());
    await hub.close();
    return { restP95Ms: rest, webP95Ms: web };
  } finally {
    server.stop();
  }
}

async function pglite(): Promise<object> {
  const folder = mkdtempSync(join(tmpdir(), "stratos-bench-hub-"));
  const database = await openMigrated(folder);
  const figures: Record<string, number> = {};
  for (const [name, tasks, submitted, claimed] of [
    ["first", 100, 1, 1],
    ["single", 1_000, 1, 1],
    ["batch", 10_000, SUBMITTED_AT_ONCE, CLAIMED_AT_ONCE],
  ] as const) {
    const before = process.cpuUsage();
    const start = performance.now();
    await lifeCycles(database, tasks, { submitted, claimed });
    const { user, system } = process.cpuUsage(before);
    figures[`${name}CpuMs`] = (user + system) / 1000 / tasks;
    figures[`${name}PerSecond`] = (tasks * 1000) / (performance.now() - start);
  }
  await database.close();
  rmSync(folder, { recursive: true, force: true });
  return figures;
}

const MODES = { batches, singles, snapshot, latency, page, pglite };
console.log(JSON.stringify(await MODES[mode as keyof typeof MODES]()));
process.exit();
