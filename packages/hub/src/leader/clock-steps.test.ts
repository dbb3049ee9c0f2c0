/**
 * Goal: a clock that is set, forward or back, neither ends leases nor keeps them. Method: `now()` of the database is a
 * row; what nobody sets is an argument.
 */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { Database } from "../database/database.ts";
import { claimRuns } from "../store/claim-runs.ts";
import { registerHost } from "../store/hosts.ts";
import { expireRuns } from "../store/move-runs.ts";
import { submitTasks } from "../store/submit-tasks.ts";
import { openMigrated } from "../testing/test-database.ts";
import { ClockSteps } from "./clock-steps.ts";

const LEASE_SECONDS = 60;

async function databaseWithClock(
  t: TestContext,
): Promise<{ database: Database; pass(seconds: number): Promise<void> }> {
  const database = await openMigrated("memory");
  t.after(() => database.close());
  for (const statement of [
    "create schema sim",
    "create table sim.clock (at timestamptz not null)",
    "insert into sim.clock values ('2026-01-01T00:00:00Z')",
    "create function sim.now() returns timestamptz language sql stable as 'select at from sim.clock'",
    "set search_path = sim, pg_catalog, public",
  ])
    await database.query(statement);
  const pass = async (seconds: number): Promise<void> =>
    void (await database.query("update sim.clock set at = at + make_interval(secs => $1)", [seconds]));
  return { database, pass };
}

for (const step of [7_200, -7_200])
  test(`the clock is set by ${step} s: leases end when they would have`, async (t) => {
    const { database, pass } = await databaseWithClock(t);
    let ownMs = 0;
    const told: string[] = [];
    const clock = new ClockSteps(
      database,
      (words) => void told.push(words),
      () => ownMs,
    );
    const wait = async (seconds: number): Promise<void> => {
      ownMs += seconds * 1_000;
      await pass(seconds);
    };
    const session = await registerHost(database, "h", { arches: ["amd64"], channels: ["default"], capacity: 1 }, "t");
    await submitTasks(database, [{ kind: "command", payload: {} }], { owner: "t" });
    await claimRuns(database, { host: "h", session, slots: 1, leaseSeconds: LEASE_SECONDS, start: true });
    const due = async (): Promise<number> => {
      await clock.look();
      return (await expireRuns(database, 10)).length;
    };
    assert.equal(await due(), 0);
    await wait(20);
    assert.equal(await due(), 0);
    assert.deepEqual(told, [], "time that passes is no step");
    await pass(step);
    await wait(1);
    assert.equal(await due(), 0, "its worker thinks that it has 39 s");
    assert.equal(told.length, 1);
    await wait(LEASE_SECONDS);
    assert.equal(await due(), 1, "nobody heard of it for a minute");
  });

test("who leads anew has nothing to compare with", async (t) => {
  const { database, pass } = await databaseWithClock(t);
  const clock = new ClockSteps(database, assert.fail, () => 0);
  await clock.look();
  clock.forget();
  await pass(3_600);
  assert.equal(await clock.look(), 0);
});
