/** Goal: rows that somebody, or a disk, has changed are named. Method: tasks whose rows are changed behind the hub. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Database } from "../database/database.ts";
import { openMigrated } from "../testing/test-database.ts";
import { fsck } from "./fsck.ts";
import { submitTasks } from "./submit-tasks.ts";

let database: Database;
before(async () => void (database = await openMigrated("memory")));
after(() => database.close());

test("a task that has completed without a run, and one that the queue has lost", async () => {
  const made = await submitTasks(
    database,
    [
      { kind: "own", payload: {} },
      { kind: "own", payload: {} },
    ],
    { owner: "a" },
  );
  assert.deepEqual(await fsck(database), []);
  const [first, second] = made.map(({ id }) => String(id));
  await database.query("delete from runnable");
  await database.query("update task set state = 'COMPLETED', finished = now() where id = $1", [Number(first)]);
  assert.deepEqual(await fsck(database), [
    { check: "a free task is neither in the queue nor pausing", count: 1, examples: [second] },
    { check: "a task has completed and no run of it has", count: 1, examples: [first] },
  ]);
});
