/**
 * Goal: the database that a hub brings with it stays as quick as it was, and goes on after a statement that failed.
 * Method: PGlite in memory, with the hub's own tables; rows that come and go; more texts than are kept prepared.
 */
import assert from "node:assert/strict";
import { mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { extendedTest } from "@stratos/base/testing";
import { openMigrated } from "../testing/test-database.ts";
import { DatabaseError, type Database } from "./database.ts";
import { PgliteDatabase } from "./pglite.ts";

const folder = mkdtempSync(join(tmpdir(), "hub-pglite-"));
after(() => rmSync(folder, { recursive: true, force: true }));

let database: Database;
before(async () => void (database = await openMigrated("memory")));
after(() => database.close());

test("a statement goes again with other values, of all kinds, and after one that failed", async () => {
  const echo = (value: number | null, list: string[], bytes: Uint8Array, flag: boolean): Promise<unknown[]> =>
    database.query("select $1::bigint as value, $2::text[] as list, $3::bytea as bytes, $4::boolean as flag", [
      value,
      list,
      bytes,
      flag,
    ]);
  const first = { value: 2 ** 40, list: ["a", 'b"c,{}', "\\"], bytes: Uint8Array.of(0, 255), flag: true };
  assert.deepEqual(await echo(first.value, first.list, first.bytes, first.flag), [first]);
  await assert.rejects(database.query("select 1 / $1::int as one", [0]), { code: "22012" });
  assert.deepEqual(await database.query("select 1 / $1::int as one", [1]), [{ one: 1 }]);
  const second = { value: null, list: [], bytes: new Uint8Array(0), flag: false };
  assert.deepEqual(await echo(second.value, second.list, second.bytes, second.flag), [second]);
  await assert.rejects(database.query("select no_such_column", []), (error) => {
    assert.ok(error instanceof DatabaseError);
    return error.code === "42703";
  });
});

test("a transaction is whole or nothing, and nobody's statement gets into it", async () => {
  await database.script("create table pair (n int)");
  const failing = database.transaction("read committed", async (inside) => {
    await inside.query("insert into pair values ($1)", [1]);
    await inside.query("insert into pair values ($1)", ["x"]);
  });
  const other = database.query("insert into pair values ($1)", [7]);
  await assert.rejects(failing, { code: "22P02" });
  await other;
  assert.deepEqual(await database.query("select n from pair"), [{ n: 7 }]);
});

test("texts beyond those that are kept prepared are statements like all others", async () => {
  for (let text = 0; text < 1_100; text++)
    assert.deepEqual(await database.query(`select ${text} + $1::int as sum`, [1]), [{ sum: text + 1 }]);
  assert.deepEqual(await database.query("select 0 + $1::int as sum", [5]), [{ sum: 5 }]);
});

test("rows that are gone are cleared away, and statistics kept, as a server's autovacuum does", async () => {
  await database.query("insert into waiting select g, now() from generate_series(1, 2000) g");
  await database.query("delete from waiting where task_id > $1", [10]);
  const known = async (): Promise<unknown> => {
    // Else they are counted once in a second.
    await database.query("select pg_stat_force_next_flush()");
    return (await database.query("select n_dead_tup as dead from pg_stat_user_tables where relname = 'waiting'"))[0];
  };
  assert.deepEqual(await known(), { dead: 1990 });
  assert.ok((await database.vacuum!()) >= 1);
  assert.deepEqual(await known(), { dead: 0 });
  assert.deepEqual(await database.query("select reltuples from pg_class where relname = 'waiting'"), [
    { reltuples: 10 },
  ]);
  await database.query("select pg_stat_force_next_flush()");
  assert.equal(await database.vacuum!(), 0, "and not again");
});

extendedTest(
  "a database that gives up says so, refuses all else, holds nobody up, and kept what it answered",
  async () => {
    const place = join(folder, "falls");
    const database = await PgliteDatabase.open(place);
    await database.query("create table kept (i int primary key, t text)");
    await database.query("insert into kept values (1, 'answered')");
    // As a full disk would, when the log needs another file.
    const log = join(place, "pgdata/pg_wal");
    renameSync(log, `${log}-away`);
    const fails = (work: Promise<unknown>): Promise<string> =>
      work.then(
        () => assert.fail("it did not fail"),
        (error: Error) => error.message,
      );
    let waiting: Promise<unknown> = Promise.resolve();
    const inside = database.transaction("read committed", async (at) => {
      waiting = database.query("select 1");
      waiting.catch(() => {});
      await at.query("select pg_switch_wal()");
      await at.query("update kept set t = 'lost'");
      await at.query("select pg_switch_wal()");
      await at.query("update kept set t = 'lost, too'");
    });
    const why = await fails(inside);
    assert.equal((await database.fallen).message, why);
    assert.deepEqual([await fails(waiting), await fails(database.query("select 1"))], [why, why]);
    assert.equal(await fails(database.transaction("read committed", async () => {})), why);
    await database.close();
    renameSync(`${log}-away`, log);
    const again = await PgliteDatabase.open(place);
    assert.deepEqual(await again.query("select t from kept"), [{ t: "answered" }]);
    await again.close();
  },
);

extendedTest("a statement that keeps everybody waiting is told, with how long", async () => {
  const told: [string, number][] = [];
  const slow = {
    slowStatementMs: 80,
    slow: (sql: string, milliseconds: number) => void told.push([sql, milliseconds]),
  };
  const database = await PgliteDatabase.open(null, undefined, slow);
  told.length = 0;
  await database.query("select 1");
  await database.query("select pg_sleep(0.1)");
  await database.transaction("read committed", (inside) => inside.query("select pg_sleep(0.1) as within"));
  await database.script("select pg_sleep(0.1) as script");
  await assert.rejects(database.query("select pg_sleep(0.1), 1 / (random() * 0)::int"), /division by zero/);
  await database.close();
  assert.deepEqual(
    told.map(([sql]) => sql),
    [
      "select pg_sleep(0.1)",
      "select pg_sleep(0.1) as within",
      "select pg_sleep(0.1) as script",
      "select pg_sleep(0.1), 1 / (random() * 0)::int",
    ],
  );
  assert.ok(told.every(([, milliseconds]) => milliseconds >= 80));
});
