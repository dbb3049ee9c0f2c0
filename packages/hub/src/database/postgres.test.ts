/** Goal: what a server has planned for a connection it doesn't plan again. Method: a server of the test's own. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { startPostgres } from "../testing/test-database.ts";
import { openDatabase } from "./open-database.ts";

test("statements are prepared once for a connection, whether they have parameters or not", async (t) => {
  const server = startPostgres();
  const database = await openDatabase(server.createDatabase(), { poolSize: 1 });
  t.after(async () => {
    await database.close();
    server.stop();
  });
  await database.query("create table thing (id integer)");
  for (const id of [1, 2]) {
    await database.query("insert into thing (id) values ($1)", [id]);
    await database.query("select count(*) as things from thing");
    await database.transaction("read committed", (inside) => inside.query("\n    update thing set id = id + 1"));
  }
  const prepared = await database.query<{ statement: string; plans: number }>(
    "select statement, generic_plans + custom_plans as plans from pg_prepared_statements where " +
      "statement like '%thing%' and statement not like '%pg_prepared%' order by statement",
  );
  assert.deepEqual(
    prepared.map(({ statement, plans }) => [statement.trim(), plans]),
    [
      ["update thing set id = id + 1", 2],
      ["insert into thing (id) values ($1)", 2],
      ["select count(*) as things from thing", 2],
    ],
  );
});
