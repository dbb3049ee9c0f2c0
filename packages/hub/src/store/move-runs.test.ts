/** Goal: locks are taken in one order, whoever moves runs. Method: a PostgreSQL server of the test's own. */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { extendedTest } from "@stratos/base/testing";
import { openMigrated, startPostgres } from "../testing/test-database.ts";
import { claimRuns } from "./claim-runs.ts";
import { registerHost } from "./hosts.ts";
import { renewRuns } from "./move-runs.ts";
import { submitTasks } from "./submit-tasks.ts";

extendedTest("who renews waits for who has the task, as who ends its run does", async (t) => {
  const server = startPostgres();
  const database = await openMigrated(server.createDatabase());
  t.after(async () => {
    await database.close();
    server.stop();
  });
  const kind = { arches: ["amd64"], channels: ["default"], capacity: 2 };
  const session = await registerHost(database, "h", kind, "test");
  await submitTasks(database, [{ kind: "command", payload: {} }], { owner: "me" });
  const runs = await claimRuns(database, { host: "h", session, slots: 1, leaseSeconds: 60, start: true });
  let isRenewed = false;
  let renewal: ReturnType<typeof renewRuns> | null = null;
  await database.transaction("read committed", async (inside) => {
    await inside.query("select 1 from task where id = $1 for update", [runs[0]!.task]);
    renewal = renewRuns(database, "h", runs, 60);
    void renewal.then(() => (isRenewed = true));
    await sleep(500);
    assert.equal(isRenewed, false);
  });
  assert.deepEqual((await renewal!).kept, [runs[0]!.run]);
});
