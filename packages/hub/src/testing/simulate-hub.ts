/**
 * `npm run sim:hub -- [--rounds N] [--seed S] [--database memory|URL] [--steps N]`: hubs, workers and connections that
 * die, under one seed, and a checker of what came out. With `--hosts` and `--batch` it is many of them, under virtual
 * time (simulate-scale.ts).
 *
 * A round is a handful of hubs and hosts that submit, claim, begin, renew, end, cancel and retry in random order
 * against one database. Meanwhile hubs are dropped in the middle of their statements, connections are ended by the
 * server, workers vanish with their runs and come back with results of runs that are not theirs any more, answers to
 * claims get lost, hours pass, the leader's work is done by two at once. At the end everything may run to its end, and
 * then the events say what happened:
 *
 *   - each task went only from state to state as task-states.ts allows, so a claim took effect at one moment, between a
 *     FREE and the next: no two runs of a task lived at once
 *   - a result was accepted from the run that had the task then, at most once
 *   - every task has ended: none is lost
 *   - rows and chain are sound (fsck), and PostgreSQL counted no deadlock
 */
import { parseArgs } from "node:util";
import { SeededRandom } from "@stratos/base";
import { BALANCES, type ClaimedRun, type RunOutcome } from "@stratos/hub-api";
import { openDatabase } from "../database/open-database.ts";
import { DatabaseError, type Database } from "../database/database.ts";
import { cancelTask, retryTask, setPriority } from "../store/change-tasks.ts";
import { claimRuns } from "../store/claim-runs.ts";
import { sealEvents } from "../store/event-chain.ts";
import { fsck } from "../store/fsck.ts";
import { hearHost, registerHost } from "../store/hosts.ts";
import { HubError } from "../store/hub-error.ts";
import { endRuns, expireRuns, releaseUnknown, renewRuns, startRuns } from "../store/move-runs.ts";
import { endPauses, settleEnded } from "../store/settle-ended.ts";
import { submitTasks } from "../store/submit-tasks.ts";
import { whyWaits } from "../store/why-waits.ts";
import { checkHistory } from "./check-history.ts";
import { SCALE_SETTINGS, simulateScale } from "./simulate-scale.ts";
import { openMigrated, startPostgres, type TestServer } from "./test-database.ts";

interface SimulationOptions {
  readonly seed: number;
  /** Where the hubs meet. */
  readonly place: string;
  /** Steps of all hubs together. */
  readonly steps: number;
}

interface SimulationResult {
  readonly tasks: number;
  readonly runs: number;
  readonly events: number;
  /** What was done to them. */
  readonly faults: Readonly<Record<string, number>>;
}

const HUBS = 3;
const HOSTS = 4;
const LEASE_SECONDS = 0.15;
/** Each round is checked with all that came before it in its database: more would make each dearer than the last. */
const DATABASE_ROUNDS = 25;

interface Host {
  readonly name: string;
  session: string;
  readonly runs: ClaimedRun[];
  readonly stale: ClaimedRun[];
}

/** @throws Error in words for what must not be; the seed is in them */
export async function simulateHub({ seed, place, steps }: SimulationOptions): Promise<SimulationResult> {
  const random = new SeededRandom(seed);
  const chance = (percent: number): boolean => random.below(100) < percent;
  const base = await openMigrated(place);
  const faults: Record<string, number> = {};
  const fault = (name: string): void => void (faults[name] = (faults[name] ?? 0) + 1);
  const hubs: Database[] = [];
  // One connection inside this process cannot be killed: there the hubs are one.
  for (let index = 0; index < HUBS; index++)
    hubs.push(base.isShared ? await openDatabase(place, { poolSize: 4 }) : base);
  const channel = `sim${seed % 100_000}x${Number(process.hrtime.bigint() % 1_000_000n)}`;
  const policy = ["priority", "fifo", "fair"][random.below(3)]!;
  const balance = BALANCES[random.below(BALANCES.length)]!;
  await base.query("insert into channel (name, policy, balance) values ($1, $2, $3)", [channel, policy, balance]);
  if (chance(40))
    await base.query("insert into brake (scope, name, max_running) values ('channel', $1, $2)", [
      channel,
      3 + random.below(4),
    ]);
  const hosts: Host[] = [];
  for (let index = 0; index < HOSTS; index++) {
    const name = `${channel}-h${index}`;
    hosts.push({
      name,
      session: await registerHost(base, name, { arches: ["amd64"], channels: [channel], capacity: 6 }, "sim"),
      runs: [],
      stale: [],
    });
  }
  const tasks: number[] = [];
  let runs = 0;
  const hub = (): Database => hubs[random.below(hubs.length)]!;
  const take = <Item>(list: Item[]): Item | undefined => list.splice(random.below(Math.max(list.length, 1)), 1)[0];

  const step = async (isLast: boolean): Promise<void> => {
    const host = hosts[random.below(hosts.length)]!;
    const at = hub();
    const roll = random.below(100);
    if (roll < 14 && !isLast) {
      const linked = chance(50) && tasks.length > 0;
      const parent = tasks[random.below(Math.max(tasks.length, 1))];
      const made = await submitTasks(
        at,
        Array.from({ length: 1 + random.below(4) }, (_, position) => ({
          kind: "sim",
          payload: { position },
          channel,
          priority: random.below(3),
          weight: 1 + random.below(2),
          ...(linked && chance(50) ? { [chance(60) ? "after" : "afterEnd"]: [parent!] } : {}),
          ...(linked && position > 0 && chance(50) ? { afterInBatch: [position - 1] } : {}),
        })),
        { owner: `owner${random.below(3)}` },
      );
      tasks.push(...made.map(({ id }) => id));
    } else if (roll < 44) {
      // As claim-polls.ts does: who claims is heard of.
      await hearHost(at, host.name, host.session);
      const claimed = await claimRuns(at, {
        host: host.name,
        session: host.session,
        slots: 1 + random.below(4),
        leaseSeconds: LEASE_SECONDS,
        start: chance(50),
      });
      runs += claimed.length;
      if (chance(10)) fault("answers lost");
      else host.runs.push(...claimed);
    } else if (roll < 52) {
      const run = host.runs[random.below(Math.max(host.runs.length, 1))];
      if (run !== undefined) await startRuns(at, host.name, [run], LEASE_SECONDS);
    } else if (roll < 58) {
      if (host.runs.length > 0) {
        const { lost, cancel } = await renewRuns(at, host.name, host.runs, LEASE_SECONDS);
        for (const run of [...lost, ...cancel])
          host.stale.push(
            ...host.runs.splice(
              host.runs.findIndex((one) => one.run === run),
              1,
            ),
          );
      }
    } else if (roll < 80) {
      const run = take(host.runs);
      if (run !== undefined) {
        await startRuns(at, host.name, [run], LEASE_SECONDS);
        const outcome = (["COMPLETED", "COMPLETED", "COMPLETED", "FAILED", "RELEASED"] as const)[
          random.below(5)
        ]! satisfies RunOutcome;
        await endRuns(at, host.name, [
          {
            run: run.run,
            token: run.token,
            outcome,
            ...(outcome === "FAILED"
              ? { failureClass: chance(50) ? ("infrastructure" as const) : ("build" as const) }
              : {}),
          },
        ]);
        host.stale.push(run);
      }
    } else if (roll < 84) {
      // It comes back with what is not its any more.
      const run = host.stale[random.below(Math.max(host.stale.length, 1))];
      if (run !== undefined) {
        fault("late results");
        await endRuns(at, chance(80) ? host.name : hosts[0]!.name, [
          { run: run.run, token: run.token, outcome: "COMPLETED" },
        ]);
      }
    } else if (roll < 87 && tasks.length > 0) await cancelTask(at, tasks[random.below(tasks.length)]!, "sim");
    else if (roll < 89 && tasks.length > 0 && !isLast) await retryTask(at, tasks[random.below(tasks.length)]!, "sim");
    else if (roll < 90 && tasks.length > 0)
      await setPriority(at, tasks[random.below(tasks.length)]!, {
        priority: random.below(5),
        actor: "sim",
        version: null,
      });
    else if (roll < 92) {
      fault("workers killed");
      host.stale.push(...host.runs.splice(0));
      if (chance(50))
        host.session = await registerHost(
          at,
          host.name,
          { arches: ["amd64"], channels: [channel], capacity: 6 },
          "sim",
        );
    } else if (roll < 93)
      await releaseUnknown(
        at,
        host.name,
        host.runs.map(({ run }) => run),
      );
    else if (roll < 94 && base.isShared && !isLast) {
      fault("connections killed");
      await base.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'stratos-hub' and pid <> " +
          "pg_backend_pid() and datname = current_database() order by random() limit 2",
      );
    } else if (roll < 95 && base.isShared && !isLast) {
      // Its statements are under way, and end with it.
      fault("hubs killed");
      const index = random.below(hubs.length);
      const old = hubs[index]!;
      hubs[index] = await openDatabase(place, { poolSize: 4 });
      void old.close().catch(() => {});
    } else if (roll < 96 && !isLast) {
      fault("hours passed");
      await passHour(base, channel);
    } else await lead(at);
  };
  const lead = async (at: Database): Promise<void> => {
    await expireRuns(at, 50);
    await settleEnded(at, 50);
    await base.query("update waiting set due = now() where task_id in (select id from task where channel = $1)", [
      channel,
    ]);
    // Rounds are shorter than offers last.
    await base.query(
      "update runnable set until = now() where task_id in (select task_id from runnable where channel = $1 and host " +
        "is not null order by task_id for update skip locked)",
      [channel],
    );
    await endPauses(at, 50);
    if (chance(30)) await sealEvents(at);
  };
  const survive = async (work: Promise<void>): Promise<void> => {
    try {
      await work;
    } catch (error) {
      if (error instanceof HubError) return;
      if (error instanceof DatabaseError && (error.isPassing || /pool/.test(error.message)) && error.code !== "40P01")
        return;
      throw error;
    }
  };

  try {
    const lanes = base.isShared ? 6 : 2;
    for (let done = 0; done < steps; done += lanes)
      await Promise.all(Array.from({ length: lanes }, () => survive(step(false))));
    // Now all may end: until nothing is open.
    for (let turn = 0; ; turn++) {
      const [left] = await base.query<{ open: number }>(
        "select count(*) as open from task where channel = $1 and finished is null",
        [channel],
      );
      if (left!.open === 0) break;
      if (turn > 400) throw new Error(`${left!.open} tasks never end: ${await openInWords(base, channel)}`);
      await Promise.all(Array.from({ length: lanes }, () => survive(step(true))));
      await survive(lead(base));
    }
    while ((await settleEnded(base, 500)) > 0);
    const { events } = await checkHistory(base, channel);
    await sealEvents(base);
    const findings = await fsck(base);
    if (findings.length > 0) throw new Error(`fsck: ${JSON.stringify(findings)}`);
    if (base.isShared) {
      const [row] = await base.query<{ deadlocks: number }>(
        "select deadlocks from pg_stat_database where datname = current_database()",
      );
      if (row!.deadlocks > 0) throw new Error(`${row!.deadlocks} deadlocks`);
    }
    return { tasks: tasks.length, runs, events, faults };
  } catch (error) {
    throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
  } finally {
    for (const each of new Set([...hubs, base])) await each.close().catch(() => {});
  }
}

/**
 * For a channel's tasks and hosts an hour passes in which nobody did anything: all leases, pauses and offers are over,
 * all hosts were silent. What depends on time then meets each round, however quick or slow the computer is.
 */
async function passHour(base: Database, channel: string): Promise<void> {
  const [past, tasks] = ["now() - interval '1 hour'", "select id from task where channel = $1"];
  // One statement each and nothing that is locked: whoever works now has met the hour already.
  for (const [table, set, key, which] of [
    ["runnable", `until = ${past}`, "task_id", "channel = $1 and host is not null"],
    ["waiting", `due = ${past}`, "task_id", `task_id in (${tasks})`],
    ["run", `lease_until = ${past}`, "id", `state in ('ASSIGNED','RUNNING') and task_id in (${tasks})`],
    ["host", `last_seen = ${past}`, "name", "$1 = any(channels)"],
  ] as const)
    await base.query(
      `update ${table} set ${set} where ${key} in (select ${key} from ${table} where ${which} order by ${key} ` +
        "for update skip locked)",
      [channel],
    );
}

/** What the first of the open tasks wait for. */
async function openInWords(database: Database, channel: string): Promise<string> {
  const rows = await database.query<{ id: number; state: string }>(
    "select id, state from task where channel = $1 and finished is null order by id limit 3",
    [channel],
  );
  const words: string[] = [];
  for (const { id, state } of rows) words.push(`task ${id} (${state}): ${(await whyWaits(database, id)).summary}`);
  return words.join("; ");
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string", default: "20" },
      seed: { type: "string" },
      steps: { type: "string", default: "300" },
      database: { type: "string", default: "postgres" },
      hosts: { type: "string" },
      capacity: { type: "string", default: "8" },
      moment: { type: "string", default: "5" },
      batch: { type: "string", default: "1000" },
      tasks: { type: "string", default: "10000" },
      failovers: { type: "string", default: "1" },
    },
  });
  const first = Number(values.seed ?? Date.now() % 1_000_000);
  let server: TestServer | null = null;
  // A server that is left behind has its folder for ever.
  for (const [signal, number] of [
    ["SIGINT", 2],
    ["SIGTERM", 15],
  ] as const)
    process.once(signal, () => {
      server?.stop();
      process.exit(128 + number);
    });
  const isScale = values.hosts !== undefined;
  if (isScale || values.database === "postgres") server = startPostgres(isScale ? SCALE_SETTINGS : []);
  try {
    process.exitCode = (await (isScale ? scale(server!) : rounds(server))) ? 0 : 1;
  } finally {
    server?.stop();
  }

  async function scale(server: TestServer): Promise<boolean> {
    const [hosts, batch, tasks] = [Number(values.hosts), Number(values.batch), Number(values.tasks)];
    const [capacity, momentSeconds] = [Number(values.capacity), Number(values.moment)];
    const tell = (line: string): void => void process.stdout.write(`${line}\n`);
    const words =
      `--hosts ${hosts} --capacity ${capacity} --moment ${momentSeconds} --batch ${batch} --tasks ${tasks} ` +
      `--failovers ${values.failovers}`;
    try {
      const failovers = Number(values.failovers);
      const result = await simulateScale({
        seed: first,
        server,
        hosts,
        capacity,
        momentSeconds,
        batch,
        tasks,
        failovers,
        tell,
      });
      const { events, seconds, virtualSeconds, faults } = result;
      tell(
        `seed ${first}: ${tasks} tasks on ${hosts} hosts in ${(virtualSeconds / 3_600).toFixed(2)} virtual hours, ` +
          `${seconds.toFixed(1)} s (${(tasks / seconds).toFixed(0)}/s); ${events} events; ` +
          Object.entries(faults)
            .map(([name, count]) => `${count} ${name}`)
            .join(", "),
      );
      const { checkSeconds, ownCpuSeconds, serverCpuSeconds, ownMebibytes } = result;
      const perTask = (cpuSeconds: number): string => `${((1_000 * cpuSeconds) / tasks).toFixed(2)} ms`;
      tell(
        `processor time of a task: ${perTask(serverCpuSeconds)} in the database, ${perTask(ownCpuSeconds)} here; ` +
          `${ownMebibytes.toFixed(0)} MiB here at most; checked in ${checkSeconds.toFixed(1)} s`,
      );
      const times = Object.entries(result.statements).map(
        ([name, { count, meanMs }]) => `${count} ${name} (${meanMs.toFixed(1)} ms)`,
      );
      tell(times.join(", "));
      tell("1 passed, 0 failed");
      return true;
    } catch (error) {
      tell(`${(error as Error).stack ?? String(error)}\nnpm run sim:hub -- --seed ${first} ${words}`);
      tell("0 passed, 1 failed");
      return false;
    }
  }

  async function rounds(server: TestServer | null): Promise<boolean> {
    const [wanted, steps] = [Number(values.rounds), Number(values.steps)];
    let failed = 0;
    for (let done = 0; done < wanted; done += DATABASE_ROUNDS) {
      const place = server?.createDatabase() ?? values.database;
      const end = Math.min(done + DATABASE_ROUNDS, wanted);
      const total: Record<string, number> = {};
      for (let seed = first + done; seed < first + end; seed++) {
        try {
          const { faults, ...counts } = await simulateHub({ seed, place, steps });
          for (const [name, count] of [...Object.entries(counts), ...Object.entries(faults)])
            total[name] = (total[name] ?? 0) + count;
        } catch (error) {
          failed++;
          process.stdout.write(
            `${(error as Error).stack ?? String(error)}\n` +
              `npm run sim:hub -- --rounds 1 --seed ${seed} --steps ${steps}\n`,
          );
        }
      }
      process.stdout.write(
        `seeds ${first + done} to ${first + end - 1}: ` +
          `${Object.entries(total)
            .map(([name, count]) => `${count} ${name}`)
            .join(", ")}\n`,
      );
      server?.dropDatabase(place);
    }
    process.stdout.write(`${wanted - failed} passed, ${failed} failed\n`);
    return failed === 0;
  }
}
