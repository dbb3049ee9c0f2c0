/**
 * Offers to hosts. Goal: what a channel's strategy says holds for the claims of many hosts at once, and costs no task:
 * hosts that hang, brakes and full hosts included. Method: the statements, on PGlite and on a PostgreSQL server of the
 * test's own.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { ClaimedRun, HostRegistration, TaskSubmission } from "@stratos/hub-api";
import { SeededRandom } from "@stratos/base";
import type { Database, Isolation, Queryable } from "../database/database.ts";
import { openMigrated, startPostgres, type TestServer } from "../testing/test-database.ts";
import { ClaimPolls } from "../claim-polls.ts";
import { putChannel, type ChannelSettings } from "./channels.ts";
import { claimRuns } from "./claim-runs.ts";
import { registerHost } from "./hosts.ts";
import { endRuns } from "./move-runs.ts";
import { OFFER_SECONDS, offerTasks } from "./offer-tasks.ts";
import { submitTasks } from "./submit-tasks.ts";
import { whyWaits } from "./why-waits.ts";

interface TestHost {
  readonly name: string;
  readonly session: string;
}

const mayStill = (): Promise<boolean> => Promise.resolve(true);

for (const kind of ["pglite", "postgres"] as const)
  describe(kind, () => {
    let server: TestServer | null = null;
    let database: Database;
    let made = 0;
    before(async () => {
      if (kind === "postgres") server = startPostgres();
      database = await openMigrated(server === null ? "memory" : server.createDatabase());
    });
    after(async () => {
      await database?.close();
      server?.stop();
    });

    async function place(
      settings: ChannelSettings,
      hosts: readonly Partial<HostRegistration>[],
    ): Promise<{ channel: string; hosts: TestHost[] }> {
      const channel = `c${++made}`;
      await putChannel(database, channel, settings, { actor: "test", version: null });
      const registered: TestHost[] = [];
      for (const [index, rest] of hosts.entries()) {
        const name = `${channel}-${index}`;
        const host = { arches: ["amd64"], channels: [channel], capacity: 100, ...rest };
        registered.push({ name, session: await registerHost(database, name, host, "test") });
      }
      return { channel, hosts: registered };
    }
    const submit = async (channel: string, tasks: readonly Partial<TaskSubmission>[]): Promise<number[]> =>
      (
        await submitTasks(
          database,
          tasks.map((task) => ({ kind: "command", payload: {}, channel, ...task })),
          { owner: "me" },
        )
      ).map(({ id }) => id);
    const claim = ({ name, session }: TestHost, slots = 500): Promise<ClaimedRun[]> =>
      claimRuns(database, { host: name, session, slots, leaseSeconds: 60, start: true });
    /** So much time passes for offers. */
    const pass = (seconds: number): Promise<unknown> =>
      database.query("update runnable set until = until - make_interval(secs => $1)", [seconds]);

    test("hosts that ask in any order, for as much as they like, get what the strategy gives them", async () => {
      const seed = 7;
      const random = new SeededRandom(seed);
      const expected: Record<string, number[]> = {
        "round-robin": [20, 20, 20],
        "weighted-round-robin": [10, 20, 30],
        "least-runs": [20, 20, 20],
        "least-load": [10, 20, 30],
      };
      for (const [balance, counts] of Object.entries(expected)) {
        const at = await place({ balance: balance as "round-robin" }, [
          { capacity: 100 },
          { capacity: 200 },
          { capacity: 300 },
        ]);
        await submit(at.channel, Array<object>(60).fill({}));
        const got = [0, 0, 0];
        for (let turn = 0; got.reduce((sum, one) => sum + one, 0) < 60; turn++) {
          assert.ok(turn < 1_000, `${balance}: ${got.join(", ")} after ${turn} claims (seed ${seed})`);
          const index = random.below(3);
          got[index]! += (await claim(at.hosts[index]!, 1 + random.below(40))).length;
          // On a busy machine what was offered would lapse before its host's turn.
          await pass(-3600);
        }
        assert.deepEqual(got, counts, `${balance} (seed ${seed})`);
      }
    });

    test("without a strategy the first that asks takes all, as before", async () => {
      const at = await place({}, [{}, {}]);
      await submit(at.channel, Array<object>(10).fill({}));
      assert.equal((await claim(at.hosts[1]!)).length, 10);
    });

    test("the same source goes to the same host, in whatever version, until that one is full", async () => {
      const at = await place({ balance: "hash" }, [{ capacity: 2 }, { capacity: 2 }, { capacity: 2 }]);
      const build = (source: string): Partial<TaskSubmission> => ({ kind: "build", payload: { source } });
      const takers: number[] = [];
      for (const source of ["figlet", "figlet=2.2.5-3", "figlet_2.2.5-4.dsc"]) {
        await submit(at.channel, [build(source)]);
        for (const [index, host] of at.hosts.entries())
          if ((await claim(host)).length > 0 || (await claim(host)).length > 0) takers.push(index);
        // A host that was asked before the one that made the offers.
        for (const [index, host] of at.hosts.entries())
          if (takers.length === 0 && (await claim(host)).length > 0) takers.push(index);
      }
      assert.equal(takers.length, 3);
      assert.equal(takers[0], takers[1]);
      assert.notEqual(takers[2], takers[0], "two units are full");
    });

    test("what a host does not come for is offered to another, and that host is passed over for a while", async () => {
      const at = await place({ balance: "round-robin" }, [{}, {}]);
      await submit(at.channel, [{}, {}]);
      assert.equal((await claim(at.hosts[0]!)).length, 1);
      assert.equal((await claim(at.hosts[0]!)).length, 0, "the other's is its own for now");
      await pass(OFFER_SECONDS + 1);
      assert.equal((await claim(at.hosts[0]!)).length, 1);
      const more = await submit(at.channel, [{}, {}, {}, {}]);
      assert.equal((await claim(at.hosts[0]!)).length, 4);
      assert.equal(more.length, 4);
    });

    test("a hub that dies between offer and claim costs its hosts two seconds", async () => {
      const at = await place({ balance: "round-robin" }, [{}, {}]);
      await submit(at.channel, [{}, {}]);
      await claim(at.hosts[0]!);
      await putChannel(database, at.channel, { balance: "first" }, { actor: "test", version: null });
      assert.equal((await claim(at.hosts[0]!)).length, 0);
      await pass(OFFER_SECONDS + 1);
      assert.equal((await claim(at.hosts[0]!)).length, 1);
    });

    test("tasks are offered to hosts that can take them: architecture, capability, room, not drained", async () => {
      const at = await place({ balance: "round-robin" }, [
        { arches: ["riscv64"] },
        { capabilities: ["kvm"] },
        { capacity: 1 },
        {},
      ]);
      await database.query("update host set enabled = false where name = $1", [at.hosts[3]!.name]);
      await submit(at.channel, [
        { arch: "riscv64" },
        { arch: "amd64", requires: ["kvm"] },
        { arch: "amd64", weight: 2 },
        { arch: "s390x" },
        ...Array<object>(9).fill({ arch: "amd64" }),
      ]);
      const counts = [];
      for (const host of at.hosts) counts.push((await claim(host)).length);
      assert.deepEqual(counts, [1, 10, 1, 0]);
    });

    test("a brake holds what is beyond it, and no host is blamed for that", async () => {
      const at = await place({ balance: "round-robin", maxRunning: 2 }, [{}, {}]);
      await submit(at.channel, Array<object>(6).fill({}));
      const names: string[] = [];
      for (let round = 0; round < 3; round++) {
        const runs: [TestHost, ClaimedRun][] = [];
        for (const host of [...at.hosts, ...at.hosts])
          for (const run of await claim(host)) {
            runs.push([host, run]);
            names.push(host.name);
          }
        assert.equal(runs.length, 2);
        for (const [host, { run, token }] of runs)
          await endRuns(database, host.name, [{ run, token, outcome: "COMPLETED" }]);
        await pass(OFFER_SECONDS + 1);
      }
      assert.equal(names.filter((name) => name === at.hosts[0]!.name).length, 3);
    });

    test("hosts that wait are woken for what they are offered", async () => {
      const at = await place({ balance: "round-robin" }, [{}, {}, {}]);
      const polls = new ClaimPolls(database, 60);
      await database.listen(["hub_runnable", "hub_offered"], (channel, payload) => {
        const [name, arch, count] = payload.split(" ");
        if (channel === "hub_offered") polls.wakeHost(payload);
        else polls.cameIn(name!, arch!, Number(count));
      });
      const answers = Promise.all(
        at.hosts.map(({ name: host, session }) =>
          polls.claim(
            { host, session, slots: 8, waitMs: 4_000, start: true, holding: [], mayStill },
            AbortSignal.timeout(20_000),
          ),
        ),
      );
      while (polls.waiting < 3) await new Promise((resolve) => setImmediate(resolve));
      await submit(at.channel, Array<object>(9).fill({}));
      const counts = (await answers).map(({ runs }) => runs.length);
      polls.close();
      assert.deepEqual(counts, [3, 3, 3]);
    });

    test("a host that nobody has heard of for an hour is offered tasks again as soon as it asks", async () => {
      const at = await place({ balance: "hash" }, [{}]);
      const [{ name: host, session }] = at.hosts as [TestHost];
      await database.query("update host set last_seen = now() - interval '1 hour' where name = $1", [host]);
      await submit(at.channel, [{}]);
      assert.equal((await claim(at.hosts[0]!)).length, 0, "it is offline");
      const polls = new ClaimPolls(database, 60);
      const poll = { host, session, slots: 1, waitMs: 0, start: true, holding: [], mayStill };
      assert.equal((await polls.claim(poll, AbortSignal.timeout(20_000))).runs.length, 1);
      polls.close();
    });

    test("while all hosts are full nobody reads the queue; then the first with room gets what waits", async () => {
      const at = await place({ balance: "least-load" }, [{ capacity: 1 }, { capacity: 1 }]);
      await submit(at.channel, Array<object>(5).fill({}));
      const [[run]] = [await claim(at.hosts[0]!), await claim(at.hosts[1]!)];
      assert.ok(run !== undefined);
      let read = 0;
      const counted = (on: Queryable): Queryable => ({
        query: (sql, parameters) => {
          if (sql.includes("from runnable r join task")) read++;
          return on.query(sql, parameters);
        },
      });
      const watched = Object.create(database, {
        query: { value: database.query.bind(database) },
        transaction: {
          value: <T>(isolation: Isolation, work: (inside: Queryable) => Promise<T>) =>
            database.transaction(isolation, (inside) => work(counted(inside))),
        },
      }) as Database;
      assert.equal(await offerTasks(watched, [at.channel]), 0);
      assert.equal(read, 0);
      await endRuns(database, at.hosts[0]!.name, [{ run: run.run, token: run.token, outcome: "COMPLETED" }]);
      assert.equal(await offerTasks(watched, [at.channel]), 1);
      assert.equal(read, 1);
      assert.equal((await claim(at.hosts[0]!)).length, 1);
    });

    test("why it waits names the host that it is offered to", async () => {
      const at = await place({ balance: "round-robin" }, [{}, {}]);
      const [, second] = await submit(at.channel, [{}, {}]);
      await claim(at.hosts[0]!);
      const { summary } = await whyWaits(database, second!);
      assert.equal(summary, `channel ${at.channel} (round-robin) offers it to host ${at.hosts[1]!.name}`);
    });
  });
