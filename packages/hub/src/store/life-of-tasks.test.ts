/**
 * Goal: what the states of tasks promise, on both databases. Method: the statements themselves, against PGlite and
 * against a PostgreSQL server of the test's own; each test has its own channel and hosts.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { ClaimedRun, RunEnd, TaskSubmission } from "@stratos/hub-api";
import { ClaimPolls } from "../claim-polls.ts";
import type { Database } from "../database/database.ts";
import { openMigrated, postgresBinaries, startPostgres, type TestServer } from "../testing/test-database.ts";
import { cancelTask, retryTask, setPriority } from "./change-tasks.ts";
import { putBrake, putChannel } from "./channels.ts";
import { claimRuns } from "./claim-runs.ts";
import { sealEvents, verifyChain } from "./event-chain.ts";
import { eventsOfTask } from "./events.ts";
import { fsck } from "./fsck.ts";
import { enableHost, registerHost } from "./hosts.ts";
import { HubError } from "./hub-error.ts";
import { endRuns, expireRuns, releaseUnknown, renewRuns, startRuns } from "./move-runs.ts";
import { migrate, SCHEMA_VERSION, schemaVersion } from "./migrations/migrate.ts";
import { endPauses, settleEnded } from "./settle-ended.ts";
import { submitTasks } from "./submit-tasks.ts";
import { findTask } from "./tasks.ts";
import { whyWaits } from "./why-waits.ts";

for (const kind of ["pglite", "postgres"] as const) {
  describe(kind, () => {
    let server: TestServer | null = null;
    let database: Database;
    let made = 0;

    before(async () => {
      if (kind === "postgres") {
        assert.ok(postgresBinaries() !== null, "PostgreSQL is needed: apt-get install postgresql");
        server = startPostgres();
      }
      database = await openMigrated(server === null ? "memory" : server.createDatabase());
    });
    after(async () => {
      await database.close();
      server?.stop();
    });

    interface Place {
      readonly channel: string;
      readonly host: string;
      readonly session: string;
    }
    async function place(
      settings: Parameters<typeof putChannel>[2] = {},
      capacity = 10,
      capabilities: readonly string[] = [],
    ): Promise<Place> {
      const channel = `c${++made}`;
      await putChannel(database, channel, settings, { actor: "test", version: null });
      const session = await registerHost(
        database,
        `h-${channel}`,
        { arches: ["amd64"], channels: [channel], capacity, capabilities },
        "test",
      );
      return { channel, host: `h-${channel}`, session };
    }
    const submit = async (
      { channel }: Place,
      tasks: readonly Partial<TaskSubmission>[],
      owner = "me",
    ): Promise<number[]> =>
      (
        await submitTasks(
          database,
          tasks.map((task) => ({ kind: "command", payload: {}, channel, ...task })),
          { owner },
        )
      ).map(({ id }) => id);
    const claim = (
      { host, session }: Place,
      slots = 1,
      more: { start?: boolean; leaseSeconds?: number } = {},
    ): Promise<ClaimedRun[]> => claimRuns(database, { host, session, slots, leaseSeconds: 60, start: true, ...more });
    const end = ({ host }: Place, run: ClaimedRun, rest: Partial<RunEnd> = {}): ReturnType<typeof endRuns> =>
      endRuns(database, host, [{ run: run.run, token: run.token, outcome: "COMPLETED", ...rest }]);
    const state = async (id: number): Promise<string> => (await findTask(database, id)).state;
    const settle = async (): Promise<void> => void (await settleEnded(database, 100));
    const history = async (task: number): Promise<string[]> =>
      (await eventsOfTask(database, task, { afterId: 0, limit: 100 })).map(({ what }) => what);

    test(
      "a task goes from FREE over ASSIGNED and RUNNING to COMPLETED, and each " + "step is written down with its actor",
      async () => {
        const at = await place();
        const [id] = await submit(at, [{ payload: { argv: ["true"] } }]);
        const [run] = await claim(at, 1, { start: false });
        assert.equal(await state(id!), "ASSIGNED");
        assert.deepEqual(run!.payload, { argv: ["true"] });
        assert.deepEqual(await startRuns(database, at.host, [run!], 60), [run!.run]);
        assert.deepEqual(await end(at, run!, { result: { size: 3 } }), [
          { run: run!.run, task: id, state: "COMPLETED" },
        ]);
        const task = await findTask(database, id!);
        assert.deepEqual([task.state, task.result, task.attempt], ["COMPLETED", { size: 3 }, 1]);
        const events = await eventsOfTask(database, id!, { afterId: 0, limit: 100 });
        assert.deepEqual(
          events.map(({ what, actor }) => [what, actor]),
          [
            ["FREE", "me"],
            ["ASSIGNED", at.host],
            ["RUNNING", at.host],
            ["COMPLETED", at.host],
          ],
        );
      },
    );

    test(
      "steps that the states do not know are refused: completed twice, completed before it ran, by another host, " +
        "with another token",
      async () => {
        const at = await place();
        await submit(at, [{}]);
        const [run] = await claim(at, 1, { start: false });
        assert.deepEqual(await end(at, run!), [], "not yet running");
        assert.deepEqual(await startRuns(database, "other", [run!], 60), [], "another host");
        assert.deepEqual(
          await startRuns(database, at.host, [{ run: run!.run, token: "00000000-0000-0000-0000-000000000000" }], 60),
          [],
        );
        await startRuns(database, at.host, [run!], 60);
        assert.deepEqual(await startRuns(database, at.host, [run!], 60), [], "twice");
        assert.equal((await end(at, run!)).length, 1);
        assert.deepEqual(await end(at, run!), [], "ended");
        assert.deepEqual((await renewRuns(database, at.host, [run!], 60)).lost, [run!.run]);
      },
    );

    test(
      "a host gets what fits its architecture, channel, capabilities and room, and nothing when it is disabled or " +
        "was registered again",
      async () => {
        const at = await place({}, 3, ["kvm"]);
        await submit(at, [{ arch: "riscv64" }, { requires: ["gpu"] }, { weight: 4 }]);
        assert.deepEqual(await claim(at, 10), []);
        const good = await submit(at, [
          { arch: "amd64", weight: 2 },
          { requires: ["kvm"], weight: 2 },
          { arch: "any" },
        ]);
        const runs = await claim(at, 10);
        assert.deepEqual(
          runs.map(({ task }) => task),
          [good[0]],
          "the second does not fit beside the first",
        );
        await end(at, runs[0]!);
        await enableHost(database, at.host, { enabled: false, actor: "test", version: null });
        assert.deepEqual(await claim(at, 10), []);
        await enableHost(database, at.host, { enabled: true, actor: "test", version: null });
        assert.equal((await claim(at, 1)).length, 1);
        await registerHost(database, at.host, { arches: ["amd64"], channels: [at.channel], capacity: 3 }, "test");
        await assert.rejects(claim(at, 1), (error: HubError) => error.status === 409);
      },
    );

    test("by priority: larger first, then the older; fifo: the older; fair: owners take turns", async () => {
      const order = async (policy: "priority" | "fifo" | "fair"): Promise<number[]> => {
        const at = await place({ policy });
        const ids = await submit(at, [{}, { priority: 5 }, { priority: 5 }, { priority: -1 }], "first");
        return (await claim(at, 10)).map(({ task }) => ids.indexOf(task));
      };
      assert.deepEqual(await order("priority"), [1, 2, 0, 3]);
      assert.deepEqual(await order("fifo"), [0, 1, 2, 3]);
      const at = await place({ policy: "fair" });
      const owners = new Map<number, string>();
      for (const id of await submit(
        at,
        Array.from({ length: 6 }, () => ({})),
        "many",
      ))
        owners.set(id, "many");
      for (const id of await submit(at, [{}, {}], "few")) owners.set(id, "few");
      const turns: string[] = [];
      for (let turn = 0; turn < 4; turn++) turns.push(owners.get((await claim(at, 1))[0]!.task)!);
      assert.equal(turns.filter((owner) => owner === "few").length, 2, turns.join(" "));
    });

    test(
      "a child starts when its parents completed; a failed parent cancels it and its children; afterEnd does not " +
        "mind",
      async () => {
        const at = await place();
        const ids = await submit(at, [{}, {}, { afterInBatch: [0, 1] }, { afterInBatch: [2] }]);
        const [tolerant] = await submit(at, [{ afterEnd: [ids[0]!] }]);
        assert.deepEqual([await state(ids[2]!), await state(tolerant!)], ["BLOCKED", "BLOCKED"]);
        const runs = await claim(at, 10);
        assert.deepEqual(
          runs.map(({ task }) => task),
          [ids[0], ids[1]],
        );
        await end(at, runs[0]!);
        await settle();
        assert.deepEqual([await state(ids[2]!), await state(tolerant!)], ["BLOCKED", "FREE"]);
        assert.match(
          (await whyWaits(database, ids[2]!)).summary,
          new RegExp(`waits for task ${ids[1]} \\(RUNNING\\) to complete`),
        );
        await end(at, runs[1]!, { outcome: "FAILED", failureClass: "build", message: "no" });
        await settle();
        await settle();
        assert.deepEqual([await state(ids[2]!), await state(ids[3]!)], ["CANCELED", "CANCELED"]);
        assert.match(
          (await findTask(database, ids[3]!)).message!,
          new RegExp(`task ${ids[2]}, which it needs, is CANCELED`),
        );
        await assert.rejects(submit(at, [{ after: [ids[1]!] }]), (error: HubError) => error.kind === "parent-failed");
        await assert.rejects(submit(at, [{ afterInBatch: [0] }]), (error: HubError) => error.kind === "bad-order");
        await assert.rejects(submit(at, [{ after: [999_999_999] }]), (error: HubError) => error.status === 404);
        const [late] = await submit(at, [{ after: [ids[0]!] }]);
        assert.equal(await state(late!), "FREE", "its parent has completed");
      },
    );

    test("a parent that ended twice counts once, though two hubs settle both ends at the same moment", async () => {
      const at = await place();
      const ids = await submit(at, [{}, {}, { afterInBatch: [0, 1] }]);
      const [first] = await claim(at, 10);
      assert.equal(first!.task, ids[0]);
      await end(at, first!, { outcome: "FAILED", failureClass: "build" });
      await retryTask(database, ids[0]!, "me");
      const [again] = await claim(at);
      assert.equal(again!.task, ids[0]);
      await end(at, again!);
      let other: Promise<number> | null = null;
      await database.transaction("read committed", async (inside) => {
        assert.equal(await settleEnded(inside, 1), 1);
        other = settleEnded(database, 1);
        // Time for the other one to wait for this one's rows; PGlite begins with it afterwards.
        await new Promise((resolve) => setTimeout(resolve, 100));
      });
      assert.equal(await other, 1);
      assert.equal(await state(ids[2]!), "BLOCKED", "its second parent runs");
      await settle();
    });

    test(
      "infrastructure is tried again after a pause, so often and not more; " + "a build's own failure is not",
      async () => {
        const at = await place();
        const [id] = await submit(at, [{}]);
        for (let attempt = 1; attempt <= 6; attempt++) {
          const [run] = await claim(at);
          assert.equal(run!.attempt, attempt);
          await end(at, run!, { outcome: "FAILED", failureClass: "infrastructure", message: "disk" });
          if (attempt === 6) break;
          assert.match((await whyWaits(database, id!)).summary, /tried again in \d+ s, after: disk/);
          assert.deepEqual(await claim(at), [], "it pauses");
          await database.query("update waiting set due = now() - interval '1 s' where task_id = $1", [id]);
          assert.ok((await endPauses(database, 100)) >= 1);
        }
        assert.deepEqual(
          [await state(id!), (await findTask(database, id!)).failureClass],
          ["FAILED", "infrastructure"],
        );
        await retryTask(database, id!, "me");
        const [run] = await claim(at);
        await end(at, run!, { outcome: "FAILED", failureClass: "build" });
        assert.equal(await state(id!), "FAILED");
      },
    );

    test(
      "a run whose lease ends is lost: its task is free again, and what " + "its worker says then is refused",
      async () => {
        const at = await place();
        const [id] = await submit(at, [{}]);
        const [run] = await claim(at, 1, { leaseSeconds: 0 });
        assert.ok((await expireRuns(database, 100)).some(({ task }) => task === id));
        assert.equal(await state(id!), "FREE");
        assert.deepEqual(await end(at, run!), []);
        await database.query("update waiting set due = now() where task_id = $1", [id]);
        await endPauses(database, 100);
        const [again] = await claim(at);
        assert.equal((await end(at, again!)).length, 1);
        assert.deepEqual(await history(id!), [
          "FREE",
          "ASSIGNED",
          "RUNNING",
          "RUN_LOST",
          "FREE",
          "ASSIGNED",
          "RUNNING",
          "COMPLETED",
        ]);
      },
    );

    test("runs that a worker does not know are freed without counting as failures", async () => {
      const at = await place();
      const [id] = await submit(at, [{}]);
      const [run] = await claim(at);
      assert.equal(await releaseUnknown(database, at.host, [run!.run]), 0);
      assert.equal(await releaseUnknown(database, at.host, []), 1);
      assert.equal(await state(id!), "FREE");
      assert.deepEqual(await end(at, run!), []);
    });

    test("a claim of a worker that has gone, and has claimed again, frees nothing", async () => {
      const at = await place();
      const [id] = await submit(at, [{}]);
      const polls = new ClaimPolls(database, 60);
      const mayStill = (): Promise<boolean> => Promise.resolve(true);
      const ask = (signal: AbortSignal): ReturnType<ClaimPolls["claim"]> =>
        polls.claim(
          { host: at.host, session: at.session, slots: 1, waitMs: 0, start: true, holding: [], mayStill },
          signal,
        );
      const [run] = (await ask(new AbortController().signal)).runs;
      assert.equal(run!.task, id);
      assert.deepEqual((await ask(AbortSignal.abort())).runs, []);
      assert.equal(await state(id!), "RUNNING");
      await ask(new AbortController().signal);
      assert.deepEqual(await end(at, run!), [], "one that is there and does not know of it does");
    });

    test("canceling: what waits at once, what runs when its host has stopped it, what ended not", async () => {
      const at = await place();
      const [running, free, blocked] = await submit(at, [{ priority: 1 }, {}, { afterInBatch: [0] }]);
      const [run] = await claim(at);
      assert.equal(await cancelTask(database, free!, "me"), "CANCELED");
      assert.equal(await cancelTask(database, blocked!, "me"), "CANCELED");
      assert.equal(await cancelTask(database, running!, "me"), "RUNNING");
      assert.deepEqual((await renewRuns(database, at.host, [run!], 60)).cancel, [run!.run]);
      await end(at, run!, { outcome: "FAILED", failureClass: "infrastructure" });
      assert.equal(await state(running!), "CANCELED", "it is not tried again");
      assert.equal(await cancelTask(database, running!, "me"), "CANCELED", "once more is no error");
      const [done] = await submit(at, [{}]);
      await end(at, (await claim(at))[0]!);
      await assert.rejects(cancelTask(database, done!, "me"), (error: HubError) => error.status === 409);
      await assert.rejects(cancelTask(database, 999_999_999, "me"), (error: HubError) => error.status === 404);
    });

    test("brakes: a submission over the limit is refused as a whole; no more run at once than may", async () => {
      const at = await place({ maxQueued: 5, maxRunning: 2 });
      await submit(at, [{}, {}, {}, {}]);
      await assert.rejects(
        submit(at, [{}, {}]),
        (error: HubError) => error.status === 429 && /has 4 open tasks and may have 5; 2 more/.test(error.message),
      );
      const runs = await claim(at, 10);
      assert.equal(runs.length, 2);
      assert.deepEqual(await claim(at, 10), []);
      const [waiting] = await database.query<{ id: number }>(
        "select id from task where channel = $1 and state = 'FREE' limit 1",
        [at.channel],
      );
      assert.match((await whyWaits(database, waiting!.id)).summary, /2 tasks of channel .* run, and 2 may/);
      await end(at, runs[0]!);
      assert.equal((await claim(at, 10)).length, 1);
      await putBrake(database, "channel", at.channel, {});
      assert.equal((await claim(at, 10)).length, 1);
    });

    test("why it waits: the first filter that leaves no host", async () => {
      const at = await place({}, 2, ["kvm"]);
      const why = async (task: Partial<TaskSubmission>): Promise<string> =>
        (await whyWaits(database, (await submit(at, [task]))[0]!)).summary;
      assert.match(await why({ arch: "s390x" }), /no host takes it: .* 0 of \d+ have architecture s390x/);
      assert.match(await why({ requires: ["kvm", "gpu"] }), /0 of 1 offer gpu/);
      assert.match(await why({ weight: 3 }), /0 of 1 are large enough for weight 3/);
      assert.match(await why({}), /1 host could take it now/);
      const [first] = await submit(at, [{ priority: 9, weight: 2 }]);
      assert.equal((await claim(at))[0]!.task, first);
      assert.match(
        await why({}),
        /0 of 1 have room now \(the next lease ends, or is renewed, in \d+ s\); 3 tasks come first/,
      );
    });

    test("priorities change while a task waits; who read another version is told", async () => {
      const at = await place();
      const [a, b] = await submit(at, [{}, {}]);
      await setPriority(database, b!, { priority: 7, actor: "me", version: 1 });
      await assert.rejects(
        setPriority(database, b!, { priority: 8, actor: "me", version: 1 }),
        (error: HubError) => error.status === 412,
      );
      assert.equal((await claim(at))[0]!.task, b);
      await assert.rejects(
        setPriority(database, b!, { priority: 8, actor: "me", version: null }),
        (error: HubError) => error.status === 409,
      );
      assert.equal(await state(a!), "FREE");
    });

    if (kind === "postgres")
      test("a priority set while a task comes into the queue, or leaves it, counts or is refused", async () => {
        const at = await place();
        const [parent] = await submit(at, [{ priority: 9 }]);
        const parentRun = (await claim(at))[0]!;
        const [child, paused, plain] = await submit(at, [{ after: [parent!] }, {}, {}]);
        const queued = async (id: number): Promise<number | undefined> =>
          (await database.query<{ priority: number }>("select priority from runnable where task_id = $1", [id]))[0]
            ?.priority;
        /** Sets it while `work` has been done and is not seen yet. */
        const setDuring = async (id: number, work: (inside: Database) => Promise<unknown>): Promise<number> => {
          const set = await database.transaction("read committed", async (inside) => {
            await work(inside as Database);
            let isOver = false;
            const result = setPriority(database, id, { priority: 7, actor: "me", version: null });
            const over = result.then(
              () => (isOver = true),
              () => (isOver = true),
            );
            // It waits for a row that `work` has, or has found none that it has to wait for.
            const waits =
              "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
            while (!isOver && (await database.query(waits)).length === 0) await new Promise(setImmediate);
            void over;
            return { result };
          });
          return set.result;
        };
        await end(at, parentRun);
        await setDuring(child!, (inside) => settleEnded(inside, 100));
        assert.equal(await queued(child!), 7, "it became free");
        await database.query("update runnable set priority = 20 where task_id = $1", [paused]);
        await end(at, (await claim(at))[0]!, { outcome: "FAILED", failureClass: "infrastructure" });
        await database.query("update waiting set due = now() where task_id = $1", [paused]);
        await setDuring(paused!, (inside) => endPauses(inside, 100));
        assert.equal(await queued(paused!), 7, "its pause ended");
        await database.query("update runnable set priority = 20 where task_id = $1", [plain]);
        let claimed: ClaimedRun[] = [];
        await assert.rejects(
          setDuring(plain!, async (inside) => {
            const { host, session } = at;
            claimed = await claimRuns(inside, { host, session, slots: 1, leaseSeconds: 60, start: true });
          }),
          (error: HubError) => error.status === 409,
        );
        assert.equal(claimed[0]!.task, plain);
      });

    test("text with U+0000 and a payload with every kind of value come back", async () => {
      const at = await place();
      const payload = { text: "a\u0000b", backslash: "\\u0000", list: [1, null, true, { x: 1.5 }], "": "" };
      const [id] = await submit(at, [{ payload }]);
      assert.deepEqual((await findTask(database, id!)).payload, { ...payload, text: "a\ufffdb" });
    });

    test("the chain of events: a changed, a removed and an added event show; nothing is wrong else", async () => {
      while ((await sealEvents(database)) > 0);
      assert.equal(await verifyChain(database), null);
      assert.deepEqual(await fsck(database), []);
      const tamper = async (sql: string, undo: string): Promise<void> => {
        await database.query(sql);
        assert.match((await verifyChain(database))!.words, /\(seal \d+\)$/, sql);
        await database.query(undo);
        assert.equal(await verifyChain(database), null, undo);
      };
      await tamper(
        "update event set actor = 'x' || actor where id = 5",
        "update event set actor = substr(actor, 2) where id = 5",
      );
      await tamper(
        "insert into event (tx, actor, what) select tx, 'ghost', 'FREE' from event where id = 5",
        "delete from event where actor = 'ghost'",
      );
      await database.query("create table taken as select * from event where id = 7");
      await tamper(
        "delete from event where id = 7",
        "insert into event (id, tx, at, actor, what, task_id, run_id, detail) select id, tx, at, actor, what, " +
          "task_id, run_id, detail from taken",
      );
    });

    test("a child does not start while its parent's packages are not in the channel", async () => {
      const at = await place();
      const [parent] = await submit(at, [{}]);
      const [child] = await submit(at, [{ after: [parent!] }]);
      await end(at, (await claim(at))[0]!);
      await database.query("insert into to_publish (task_id) values ($1)", [parent]);
      await settle();
      assert.equal(await state(child!), "BLOCKED");
      await database.query("delete from to_publish where task_id = $1", [parent]);
      await settle();
      assert.equal(await state(child!), "FREE");
    });

    test("fsck names what does not fit", async () => {
      const at = await place();
      const [id] = await submit(at, [{}]);
      await database.query("delete from runnable where task_id = $1", [id]);
      assert.deepEqual(await fsck(database), [
        { check: "a free task is neither in the queue nor pausing", count: 1, examples: [String(id)] },
      ]);
      await database.query(
        "insert into runnable select id, channel, arch, priority, rank, weight, requires, owner from task where id " +
          "= $1",
        [id],
      );
      assert.deepEqual(await fsck(database), []);
    });

    test("migrations go back to nothing and forward again", async () => {
      const other = server === null ? await openMigrated("memory") : await openMigrated(server.createDatabase());
      try {
        for (let version = SCHEMA_VERSION - 1; version >= 0; version--) {
          await migrate(other, version);
          assert.equal(await schemaVersion(other), version);
        }
        const [left] = await other.query<{ count: number }>(
          "select count(*) as count from pg_tables where schemaname = 'public'",
        );
        assert.equal(left!.count, 1, "only schema_version");
        assert.equal((await migrate(other)).length, SCHEMA_VERSION);
        await other.query("insert into schema_version (version, title) values (99, 'later')");
        await assert.rejects(migrate(other), /newer than this program/);
      } finally {
        await other.close();
      }
    });
  });
}
