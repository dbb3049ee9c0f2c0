/**
 * Goal: a sample of `npm run sim:hub`, and that its checker would see what it looks for. Method: the same seeds each
 * time, unless STRATOS_SEED says others; the states narrowed for the checker's own test.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { extendedTest, sampleCount } from "@stratos/base/testing";
import type { Queryable } from "../database/database.ts";
import { checkBrake } from "./check-history.ts";
import { simulateScale } from "./simulate-scale.ts";
import { HubKilled, SimulatedHubs } from "./simulated-hubs.ts";
import { simulateRound } from "./simulated-round.ts";
import { ROUND_SETTINGS, SimulationRounds } from "./simulation-rounds.ts";
import { startPostgres, type TestServer } from "./test-database.ts";

let server: TestServer;
before(() => void (server = startPostgres(ROUND_SETTINGS)));
after(() => server.stop());

const first = Number(process.env["STRATOS_SEED"] ?? 1);
const ROUNDS = sampleCount(6, 0.5);

const rounds = (options: {
  readonly first: number;
  readonly rounds: number;
  readonly jobs?: number;
}): {
  told: string[];
  all: SimulationRounds;
} => {
  const told: string[] = [];
  const tell = (line: string): void => void told.push(line);
  const all = { steps: 240, jobs: 1, minutes: Infinity, server, place: "", tell, ...options };
  return { told, all: new SimulationRounds(all) };
};

test("hubs, workers and connections die: no task is lost, none has two results, no deadlock", async () => {
  console.log(`seed ${first}`);
  const { told, all } = rounds({ first, rounds: ROUNDS, jobs: 2 });
  assert.ok(await all.run(), told.join("\n"));
  assert.match(told[0]!, new RegExp(`^seeds ${first} to ${first + ROUNDS - 1}: [1-9]\\d+ tasks, .* hubs killed`));
  assert.match(told.at(-1)!, new RegExp(`^${ROUNDS} passed, 0 failed; [\\d.]+ s a round, [\\d.]+ s of the processor$`));
});

extendedTest("the same on PGlite", async (t) => {
  const hubs = await SimulatedHubs.open("memory");
  t.after(() => hubs.close());
  await simulateRound({ seed: first, hubs, steps: 120 });
});

test("a hub that is killed answers nobody, and what it was at is not waited for", async (t) => {
  const hubs = await SimulatedHubs.open(server.createDatabase());
  t.after(() => hubs.close());
  const ask = (): Promise<unknown> => hubs.ask(1, (at) => at.query("select pg_sleep(60)"));
  // More than it has connections.
  const asked = Promise.allSettled([ask(), ask(), ask(), ask()]);
  await hubs.ask(1, () => Promise.resolve());
  const back = hubs.kill(1);
  await assert.rejects(ask(), HubKilled);
  await back;
  assert.deepEqual(
    (await asked).map((each) => (each as PromiseRejectedResult).reason instanceof HubKilled),
    [true, true, true, true],
  );
  assert.deepEqual(await hubs.ask(1, (at) => at.query("select 1 as one")), [{ one: 1 }]);
});

extendedTest("the database is killed while many hosts work: no task is lost, none done twice", async () => {
  const { faults } = await simulateScale({
    ...{
      seed: first,
      server,
      hosts: 40,
      capacity: 8,
      momentSeconds: 5,
      tasks: 600,
      batch: 300,
      failovers: 2,
      tell: () => {},
    },
  });
  assert.equal(faults["servers killed"], 2);
});

extendedTest("a result that is accepted twice is found, and told with the seed", async (t) => {
  const place = server.createDatabase();
  const hubs = await SimulatedHubs.open(place);
  t.after(() => hubs.close());
  await simulateRound({ seed: 5, hubs, steps: 60 });
  // A hub with a defect: when a task completes, it writes down a second time that it does.
  server.sql(
    new URL(place).pathname.slice(1),
    `
    create function twice() returns trigger language plpgsql as $$ begin
      if pg_trigger_depth() = 1 then insert into event (actor, what, task_id, run_id) values (new.actor, new.what, \
new.task_id, new.run_id); end if; return new; end $$;
    create trigger twice after insert on event for each row when (new.what = 'COMPLETED') execute function twice()`,
  );
  const fault = /seed 6: task \d+: from COMPLETED to COMPLETED/;
  await assert.rejects(simulateRound({ seed: 6, hubs, steps: 120 }), fault);
});

extendedTest(
  "rounds that fail are told with what repeats them, and the others go on in another database",
  async (t) => {
    let made = 0;
    const counted = { ...server, createDatabase: () => (made++, server.createDatabase()) };
    t.mock.method(SimulatedHubs, "open", async (place: string) => {
      t.mock.restoreAll();
      const hubs = await SimulatedHubs.open(place);
      await hubs.base.query("alter table event rename column what to that");
      return hubs;
    });
    const told: string[] = [];
    const tell = (line: string): void => void told.push(line);
    const options = { first: 9, rounds: 3, steps: 60, jobs: 1, minutes: Infinity, server: counted, place: "", tell };
    assert.equal(await new SimulationRounds(options).run(), false);
    assert.match(told[0]!, /seed 9: .*column "what"[\s\S]*\nnpm run sim:hub -- --rounds 1 --seed 9 --steps 60$/);
    assert.match(told.at(-1)!, /^2 passed, 1 failed/);
    assert.equal(made, 2);
  },
);

test("rounds that there was no time for are told, with the command that does them", async () => {
  const told: string[] = [];
  const tell = (line: string): void => void told.push(line);
  const options = { first: 7, rounds: 40, steps: 12, jobs: 1, minutes: 1e-9, server, place: "", tell };
  const none = new SimulationRounds(options);
  assert.ok(await none.run());
  assert.deepEqual(told, ["0 passed, 0 failed\nto go on: npm run sim:hub -- --rounds 40 --seed 7 --steps 12"]);
});

test("more that run at once than a brake allows are found", async () => {
  const events = (whats: readonly [number, string][]): Queryable => ({
    query: <Row>() => Promise.resolve(whats.map(([task, what], index) => ({ task, what, id: index + 1 })) as Row[]),
  });
  const brake = { channel: "c", after: 0, most: 1, lastEvent: Infinity };
  await checkBrake(
    events([
      [1, "ASSIGNED"],
      [1, "RUNNING"],
      [1, "FREE"],
      [2, "ASSIGNED"],
      [2, "COMPLETED"],
    ]),
    brake,
  );
  await assert.rejects(
    checkBrake(
      events([
        [1, "ASSIGNED"],
        [1, "RUNNING"],
        [2, "ASSIGNED"],
      ]),
      brake,
    ),
    /event 3: 2 tasks run, and the brake allows 1/,
  );
});
