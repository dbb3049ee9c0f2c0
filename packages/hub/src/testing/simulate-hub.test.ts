/**
 * Goal: a sample of `npm run sim:hub`, and that its checker would see what it looks for. Method: the same seeds each
 * time, unless STRATOS_SEED says others; the states narrowed for the checker's own test.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { simulateHub } from "./simulate-hub.ts";
import { simulateScale } from "./simulate-scale.ts";
import { startPostgres, type TestServer } from "./test-database.ts";

let server: TestServer;
before(() => void (server = startPostgres()));
after(() => server.stop());

const first = Number(process.env["STRATOS_SEED"] ?? 1);

test("hubs, workers and connections die: no task is lost, none has two results, no deadlock", async () => {
  console.log(`seed ${first}`);
  const place = server.createDatabase();
  for (let seed = first; seed < first + 2; seed++) {
    const { tasks, runs } = await simulateHub({ seed, place, steps: 240 });
    assert.ok(tasks > 0 && runs > 0);
  }
});

test("the same on PGlite", async () => {
  await simulateHub({ seed: first, place: "memory", steps: 120 });
});

test("the database is killed while many hosts work: no task is lost, none done twice", async () => {
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

test("a result that is accepted twice is found", async () => {
  const place = server.createDatabase();
  await simulateHub({ seed: 5, place, steps: 60 });
  // A hub with a defect: when a task completes, it writes down a second time that it does.
  server.sql(
    new URL(place).pathname.slice(1),
    `
    create function twice() returns trigger language plpgsql as $$ begin
      if pg_trigger_depth() = 1 then insert into event (actor, what, task_id, run_id) values (new.actor, new.what, \
new.task_id, new.run_id); end if; return new; end $$;
    create trigger twice after insert on event for each row when (new.what = 'COMPLETED') execute function twice()`,
  );
  await assert.rejects(simulateHub({ seed: 6, place, steps: 120 }), /seed 6: task \d+: from COMPLETED to COMPLETED/);
});
