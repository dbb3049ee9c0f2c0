/**
 * A round of `npm run sim:hub`: hubs, workers and connections that die, under one seed, and a checker of what came out.
 *
 * A handful of hubs and hosts submit, claim, begin, renew, end, cancel and retry in random order against one database.
 * Meanwhile hubs die in the middle of their statements, connections are ended by the server, workers vanish with their
 * runs and come back with results of runs that are not theirs any more, answers to claims get lost, hours pass, the
 * leader's work is done by two at once. At the end everything may run to its end, and then the events say what
 * happened:
 *
 *   - each task went only from state to state as task-states.ts allows, so a claim took effect at one moment, between a
 *     FREE and the next: no two runs of a task lived at once
 *   - a result was accepted from the run that had the task then, at most once
 *   - no more ran at once than a brake allowed
 *   - every task has ended: none is lost
 *   - rows and chain are sound (fsck), and PostgreSQL counted no deadlock
 *
 * What each lane does in which order follows from the seed; how the lanes fall together does not.
 */
import { SeededRandom } from "@stratos/base";
import { BALANCES, type ClaimedRun, type RunEnd, type RunOutcome } from "@stratos/hub-api";
import { DatabaseError, type Database } from "../database/database.ts";
import { cancelTask, retryTask, setPriority } from "../store/change-tasks.ts";
import { claimRuns } from "../store/claim-runs.ts";
import { CHAIN_START } from "../audit/chain.ts";
import { chainHead, sealEvents } from "../store/event-chain.ts";
import { fsck } from "../store/fsck.ts";
import { hearHost, registerHost } from "../store/hosts.ts";
import { HubError } from "../store/hub-error.ts";
import { endRuns, expireRuns, releaseUnknown, renewRuns, startRuns } from "../store/move-runs.ts";
import { endPauses, settleEnded } from "../store/settle-ended.ts";
import { submitTasks } from "../store/submit-tasks.ts";
import { whyWaits } from "../store/why-waits.ts";
import { checkBrake, checkHistory } from "./check-history.ts";
import { HubKilled, type SimulatedHubs } from "./simulated-hubs.ts";

interface RoundOptions {
  readonly seed: number;
  readonly hubs: SimulatedHubs;
  /** Of all lanes together. */
  readonly steps: number;
}

interface RoundResult {
  readonly tasks: number;
  readonly runs: number;
  readonly events: number;
  /** What was done to them. */
  readonly faults: Readonly<Record<string, number>>;
}

const HOSTS = 4;
const CAPACITY = 6;
const OUTCOMES: readonly RunOutcome[] = ["COMPLETED", "COMPLETED", "COMPLETED", "FAILED", "RELEASED"];
const LEASE_SECONDS = 0.15;
const LANES = 6;
/** Of one connection inside this process. */
const LANES_ALONE = 2;
/** So long a brake holds at the end: it would only make it longer, and hubs without one claim otherwise. */
const BRAKED_TURNS = 3;
/** Most rounds take a tenth of it. */
const LAST_TURNS_MAX = 400;

interface Host {
  readonly name: string;
  session: string;
  readonly runs: ClaimedRun[];
  readonly stale: ClaimedRun[];
}

interface Act {
  host: Host;
  /** Of a hundred. */
  roll: number;
  random: SeededRandom;
}

/** @throws Error in words for what must not be; the seed is in them */
export async function simulateRound({ seed, hubs, steps }: RoundOptions): Promise<RoundResult> {
  try {
    const round = new Round(hubs, seed);
    await round.prepare();
    await round.work(steps);
    await round.finish();
    return await round.check();
  } catch (error) {
    throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
  }
}

class Round {
  readonly #hubs: SimulatedHubs;
  readonly #base: Database;
  readonly #random: SeededRandom;
  readonly #channel: string;
  readonly #hosts: Host[] = [];
  readonly #tasks: number[] = [];
  readonly #faults: Record<string, number> = {};
  #runs = 0;
  /** Of tasks that run at once, until it was released. */
  #brake: { readonly most: number; lastEvent: number } | null = null;
  /** The youngest task and the last seal of other rounds, whose own these were. */
  #taskBefore = 0;
  #chainBefore = CHAIN_START;

  constructor(hubs: SimulatedHubs, seed: number) {
    this.#hubs = hubs;
    this.#base = hubs.base;
    this.#random = new SeededRandom(seed);
    this.#channel = `sim${seed % 100_000}x${Number(process.hrtime.bigint() % 1_000_000n)}`;
  }

  async prepare(): Promise<void> {
    const random = this.#random;
    const policy = ["priority", "fifo", "fair"][random.below(3)]!;
    const balance = BALANCES[random.below(BALANCES.length)]!;
    const [youngest] = await this.#base.query<{ id: number }>("select coalesce(max(id), 0) as id from task");
    this.#taskBefore = youngest!.id;
    this.#chainBefore = await chainHead(this.#base);
    await this.#base.query("insert into channel (name, policy, balance) values ($1, $2, $3)", [
      this.#channel,
      policy,
      balance,
    ]);
    if (random.below(100) < 40) {
      const most = 3 + random.below(4);
      await this.#base.query("insert into brake (scope, name, max_running) values ('channel', $1, $2)", [
        this.#channel,
        most,
      ]);
      this.#brake = { most, lastEvent: Infinity };
    }
    for (let index = 0; index < HOSTS; index++) {
      const host: Host = { name: `${this.#channel}-h${index}`, session: "", runs: [], stale: [] };
      await this.#register(this.#base, host);
      this.#hosts.push(host);
    }
  }

  async work(steps: number): Promise<void> {
    const lanes = this.#base.isShared ? LANES : LANES_ALONE;
    const lane = async (random: SeededRandom): Promise<void> => {
      // One of its own for each step: what goes on at a hub that was killed draws from none that others do.
      for (let done = 0; done < steps / lanes; done++) await survive(this.#step(new SeededRandom(random.u32())));
    };
    await Promise.all(Array.from({ length: lanes }, () => lane(new SeededRandom(this.#random.u32()))));
  }

  /** Now all may end: until nothing is open. */
  async finish(): Promise<void> {
    const base = this.#base;
    const randoms = this.#hosts.map(() => new SeededRandom(this.#random.u32()));
    let before = Infinity;
    for (let turn = 0; ; turn++) {
      const [left] = await base.query<{ open: number }>(
        "select count(*) as open from task where id > $2 and channel = $1 and finished is null",
        [this.#channel, this.#taskBefore],
      );
      const { open } = left!;
      if (open === 0) break;
      if (turn > LAST_TURNS_MAX) throw new Error(`${open} tasks never end: ${await openInWords(base, this.#channel)}`);
      if (turn === BRAKED_TURNS) await this.#releaseBrake();
      // Somebody's lease or pause, perhaps, is all that is waited for.
      if (open >= before) await survive(this.#passHour());
      before = open;
      await Promise.all(this.#hosts.map((host, index) => survive(this.#workOff(host, randoms[index]!))));
      await survive(this.#lead(base, this.#random));
    }
    await this.#releaseBrake();
    while ((await settleEnded(base, 500)) > 0);
  }

  async #releaseBrake(): Promise<void> {
    const brake = this.#brake;
    if (brake === null || brake.lastEvent < Infinity) return;
    const [last] = await this.#base.query<{ id: number }>("select max(id) as id from event");
    brake.lastEvent = last!.id;
    await this.#base.query("delete from brake where scope = 'channel' and name = $1", [this.#channel]);
  }

  async check(): Promise<RoundResult> {
    const base = this.#base;
    const { events } = await checkHistory(base, this.#channel, this.#taskBefore);
    if (this.#brake !== null)
      await checkBrake(base, { channel: this.#channel, after: this.#taskBefore, ...this.#brake });
    await sealEvents(base);
    const findings = await fsck(base, { chainFrom: this.#chainBefore });
    if (findings.length > 0) throw new Error(`fsck: ${JSON.stringify(findings)}`);
    if (base.isShared) {
      const [row] = await base.query<{ deadlocks: number }>(
        "select deadlocks from pg_stat_database where datname = current_database()",
      );
      if (row!.deadlocks > 0) throw new Error(`${row!.deadlocks} deadlocks`);
    }
    return { tasks: this.#tasks.length, runs: this.#runs, events, faults: this.#faults };
  }

  async #step(random: SeededRandom): Promise<void> {
    const host = this.#hosts[random.below(this.#hosts.length)]!;
    const hub = random.below(this.#hubs.count);
    const roll = random.below(100);
    if (!this.#base.isShared || roll < 92 || roll >= 94)
      return this.#hubs.ask(hub, (at) => this.#act(at, { host, roll, random }));
    if (roll < 93) {
      this.#fault("connections killed");
      await this.#base.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'stratos-hub' and pid <> " +
          "pg_backend_pid() and datname = current_database() order by random() limit 2",
      );
    } else {
      // Its statements are under way.
      this.#fault("hubs killed");
      await this.#hubs.kill(hub);
    }
  }

  async #act(at: Database, { host, roll, random }: Readonly<Act>): Promise<void> {
    const tasks = this.#tasks;
    if (roll < 14) await this.#submit(at, random);
    else if (roll < 44) await this.#claim(at, host, random);
    else if (roll < 52) {
      const run = host.runs[random.below(Math.max(host.runs.length, 1))];
      if (run !== undefined) await startRuns(at, host.name, [run], LEASE_SECONDS);
    } else if (roll < 58) await renew(at, host);
    else if (roll < 80) {
      const first = random.below(Math.max(host.runs.length, 1));
      await this.#end(at, host, random, host.runs.splice(first, 1 + random.below(2)));
    } else if (roll < 84) {
      // It comes back with what is not its any more.
      const run = host.stale[random.below(Math.max(host.stale.length, 1))];
      if (run !== undefined) {
        this.#fault("late results");
        await endRuns(at, random.below(100) < 80 ? host.name : this.#hosts[0]!.name, [
          { run: run.run, token: run.token, outcome: "COMPLETED" },
        ]);
      }
    } else if (roll < 87 && tasks.length > 0) await cancelTask(at, tasks[random.below(tasks.length)]!, "sim");
    else if (roll < 89 && tasks.length > 0) await retryTask(at, tasks[random.below(tasks.length)]!, "sim");
    else if (roll < 90 && tasks.length > 0)
      await setPriority(at, tasks[random.below(tasks.length)]!, {
        priority: random.below(5),
        actor: "sim",
        version: null,
      });
    else if (roll < 92) {
      this.#fault("workers killed");
      host.stale.push(...host.runs.splice(0));
      if (random.below(100) < 50) await this.#register(at, host);
    } else if (roll < 95) {
      const known = host.runs.map(({ run }) => run);
      await releaseUnknown(at, host.name, known);
    } else if (roll < 96) {
      this.#fault("hours passed");
      await this.#passHour();
    } else await this.#lead(at, random);
  }

  /** A host whose worker does nothing else any more. */
  #workOff(host: Host, random: SeededRandom): Promise<void> {
    return this.#hubs.ask(random.below(this.#hubs.count), async (at) => {
      await this.#claim(at, host, random, CAPACITY);
      await this.#end(at, host, random, host.runs.splice(0));
    });
  }

  async #register(at: Database, host: Host): Promise<void> {
    const kind = { arches: ["amd64"], channels: [this.#channel], capacity: CAPACITY };
    host.session = await registerHost(at, host.name, kind, "sim");
  }

  async #submit(at: Database, random: SeededRandom): Promise<void> {
    const chance = (percent: number): boolean => random.below(100) < percent;
    const tasks = this.#tasks;
    const linked = chance(50) && tasks.length > 0;
    const parent = tasks[random.below(Math.max(tasks.length, 1))];
    const made = await submitTasks(
      at,
      Array.from({ length: 1 + random.below(4) }, (_, position) => ({
        kind: "command",
        payload: { position },
        channel: this.#channel,
        priority: random.below(3),
        weight: 1 + random.below(2),
        ...(linked && chance(50) ? { [chance(60) ? "after" : "afterEnd"]: [parent!] } : {}),
        ...(linked && position > 0 && chance(50) ? { afterInBatch: [position - 1] } : {}),
      })),
      { owner: `owner${random.below(3)}` },
    );
    tasks.push(...made.map(({ id }) => id));
  }

  async #claim(at: Database, host: Host, random: SeededRandom, slots = 1 + random.below(4)): Promise<void> {
    const [start, isLost] = [random.below(100) < 50, random.below(100) < 10];
    // As claim-polls.ts does: who claims is heard of.
    await hearHost(at, host.name, host.session);
    const claimed = await claimRuns(at, {
      host: host.name,
      session: host.session,
      slots,
      leaseSeconds: LEASE_SECONDS,
      start,
    });
    this.#runs += claimed.length;
    if (claimed.length === 0) return;
    if (isLost) this.#fault("answers lost");
    else host.runs.push(...claimed);
  }

  /** The host begins runs that it had, where it has not, and tells how they ended. */
  async #end(at: Database, host: Host, random: SeededRandom, runs: readonly ClaimedRun[]): Promise<void> {
    const ends = runs.map(({ run, token }): RunEnd => {
      const outcome = OUTCOMES[random.below(OUTCOMES.length)]!;
      const failureClass = random.below(100) < 50 ? "infrastructure" : "build";
      return outcome === "FAILED" ? { run, token, outcome, failureClass } : { run, token, outcome };
    });
    if (runs.length === 0) return;
    await startRuns(at, host.name, runs, LEASE_SECONDS);
    await endRuns(at, host.name, ends);
    host.stale.push(...runs);
  }

  async #lead(at: Database, random: SeededRandom): Promise<void> {
    const isSealing = random.below(100) < 30;
    await expireRuns(at, 50);
    await settleEnded(at, 50);
    await this.#base.query("update waiting set due = now() where task_id > $1", [this.#taskBefore]);
    // Rounds are shorter than offers last.
    await this.#base.query(
      "update runnable set until = now() where task_id in (select task_id from runnable where task_id > $1 and host " +
        "is not null order by task_id for update skip locked)",
      [this.#taskBefore],
    );
    await endPauses(at, 50);
    if (isSealing) await sealEvents(at);
  }

  /**
   * For the round's tasks and hosts an hour passes in which nobody did anything: all leases, pauses and offers are
   * over, all hosts were silent. What depends on time then meets each round, however quick or slow the computer is.
   */
  async #passHour(): Promise<void> {
    const past = "now() - interval '1 hour'";
    // One statement each and nothing that is locked: whoever works now has met the hour already.
    const [channel, after] = [this.#channel, this.#taskBefore];
    for (const [table, set, key, which, parameter] of [
      ["runnable", `until = ${past}`, "task_id", "task_id > $1 and host is not null", after],
      ["waiting", `due = ${past}`, "task_id", "task_id > $1", after],
      ["run", `lease_until = ${past}`, "id", "state in ('ASSIGNED','RUNNING') and task_id > $1", after],
      ["host", `last_seen = ${past}`, "name", "$1 = any(channels)", channel],
    ] as const)
      await this.#base.query(
        `update ${table} set ${set} where ${key} in (select ${key} from ${table} where ${which} order by ${key} ` +
          "for update skip locked)",
        [parameter],
      );
  }

  #fault(name: string): void {
    this.#faults[name] = (this.#faults[name] ?? 0) + 1;
  }
}

/** What a hub may answer, and what it can't when its connection is gone, is no fault; a deadlock is. */
async function survive(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (error instanceof HubError || error instanceof HubKilled) return;
    if (error instanceof DatabaseError && (error.isPassing || /pool/.test(error.message)) && error.code !== "40P01")
      return;
    throw error;
  }
}

async function renew(at: Database, host: Host): Promise<void> {
  if (host.runs.length === 0) return;
  const { lost, cancel } = await renewRuns(at, host.name, host.runs, LEASE_SECONDS);
  for (const run of [...lost, ...cancel]) {
    // It may have ended meanwhile.
    const index = host.runs.findIndex((one) => one.run === run);
    if (index >= 0) host.stale.push(...host.runs.splice(index, 1));
  }
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
