/**
 * Goal: what a claim and an end cost doesn't grow with the queue, whatever the planner knew of it before.
 * Method: rows that PostgreSQL says it has read (pg_stat_user_tables), in PGlite; statements are planned first while
 * the queue is empty, and statistics taken then, which is what misleads a planner most.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openMigrated } from "../testing/test-database.ts";
import { claimRuns } from "./claim-runs.ts";
import { registerHost } from "./hosts.ts";
import { endRuns, renewRuns } from "./move-runs.ts";
import { submitTasks } from "./submit-tasks.ts";

const QUEUED = 4_000;
const CLAIMS = 20;
/** A claim looks at seventeen heads, twice, and what it takes it moves from table to table. */
const ROWS_FOR_A_CLAIM = 120;

test(`${CLAIMS} claims, renewals and ends of ${QUEUED} queued tasks read few rows`, async () => {
  const database = await openMigrated("memory");
  const kind = { arches: ["amd64"], channels: ["default"], capacity: 10 };
  const host = "h";
  const session = await registerHost(database, host, kind, "test");
  const submit = async (count: number): Promise<void> => {
    const task = { kind: "command", arch: "amd64", payload: {} };
    await submitTasks(database, new Array<typeof task>(count).fill(task), { owner: "test" });
  };
  const cycle = async (): Promise<void> => {
    const runs = await claimRuns(database, { host, session, slots: 1, leaseSeconds: 60, start: true });
    const proofs = runs.map(({ run, token }) => ({ run, token }));
    assert.equal((await renewRuns(database, host, proofs, 60)).kept.length, 1);
    const ends = proofs.map((proof) => ({ ...proof, outcome: "COMPLETED" as const }));
    assert.equal((await endRuns(database, host, ends)).length, 1);
  };
  const rowsRead = async (): Promise<number> => {
    // Else they are counted once in a second.
    await database.query("select pg_stat_force_next_flush()");
    const [row] = await database.query<{ rows: number }>(`
      select sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) as rows from pg_stat_user_tables
      where relname in ('runnable', 'task', 'run')`);
    return row!.rows;
  };
  for (let round = 0; round < 10; round++) {
    await submit(1);
    await cycle();
  }
  await database.script("analyze");
  await submit(1);
  await cycle();
  await submit(QUEUED);
  const before = await rowsRead();
  for (let claim = 0; claim < CLAIMS; claim++) await cycle();
  const perClaim = ((await rowsRead()) - before) / CLAIMS;
  assert.ok(perClaim < ROWS_FOR_A_CLAIM, `${perClaim} rows for each`);
  await database.close();
});

test("a host that waits asks the database two things when it looks, and hears that its session is over", async (t) => {
  const database = await openMigrated("memory");
  t.after(() => database.close());
  const kind = { arches: ["amd64"], channels: ["default"], capacity: 1 };
  const session = await registerHost(database, "h", kind, "test");
  await database.query("insert into channel (name) values ('other')");
  const task = { kind: "command", arch: "amd64", channel: "other", payload: {} };
  // Nothing that it may take.
  await submitTasks(database, [task], { owner: "test" });
  let asked = 0;
  const counted: typeof database = Object.create(database, {
    query: {
      value: (...question: Parameters<typeof database.query>) => {
        asked++;
        return database.query(...question);
      },
    },
  }) as typeof database;
  const request = { host: "h", session, slots: 1, leaseSeconds: 60, start: true };
  assert.deepEqual(await claimRuns(counted, request), []);
  assert.equal(asked, 2);
  await registerHost(database, "h", kind, "test");
  await assert.rejects(claimRuns(database, request), /this one's session is over/);
  await assert.rejects(claimRuns(database, { ...request, host: "nobody" }), /not registered/);
});
