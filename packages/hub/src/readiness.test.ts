/** Goal: who asks whether a hub is ready hears that its disk is full. Method: a hub whose disks are said to be. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DatabaseError } from "./database/database.ts";
import { Readiness } from "./readiness.ts";
import { startTestHub } from "./testing/test-hub.ts";

const full = new DatabaseError("could not extend file", { code: "53100", constraint: "", cause: null });

test("a hub is ready while there is room for its state, and not while its database has none", async (t) => {
  const hub = await startTestHub();
  t.after(() => hub.close());
  const ready = async (): Promise<[number, string]> => {
    const response = await fetch(`${hub.server.url}/readyz`);
    return [response.status, await response.text()];
  };
  const { readiness } = hub.server.service;
  const free = await readiness.room!();
  assert.ok(free > 0);
  assert.deepEqual(await ready(), [200, "ready\n"]);
  readiness.room = () => Promise.resolve(1_000_000);
  const [status, text] = await ready();
  assert.equal(status, 503);
  assert.match(text, /the disk of the hub's state is full/);
  readiness.room = null;
  assert.equal((await ready())[0], 200);

  const { query } = hub.database;
  t.mock.method(hub.database, "query", (sql: string, parameters?: readonly unknown[]) =>
    sql.includes("insert into task") ? Promise.reject(full) : query.call(hub.database, sql, parameters),
  );
  const task = { kind: "command", payload: { argv: ["true"] } };
  await assert.rejects(hub.admin.call("POST", "/tasks", task), { status: 507 });
  t.mock.restoreAll();
  assert.match((await ready())[1], /the disk of the hub's database is full/);
});

test("half a minute after the last statement that met a full disk it tries again", async () => {
  let nowMs = 5;
  const database = { query: () => Promise.resolve([]) };
  const readiness = new Readiness(database as never, () => nowMs);
  assert.equal(await readiness.fault(), null);
  readiness.note(new Error("something else"));
  assert.equal(await readiness.fault(), null);
  readiness.note(full);
  nowMs += 29_999;
  assert.match((await readiness.fault())!, /full/);
  nowMs++;
  assert.equal(await readiness.fault(), null);
});
