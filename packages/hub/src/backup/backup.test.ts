/**
 * Goal: a backup holds a moment, and a hub goes on from it, chain and ids included; a damaged one is refused whole.
 * Method: two databases of one server, and one in memory.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createHash } from "node:crypto";
import { extendedTest } from "@stratos/base/testing";
import { openDatabase } from "../database/open-database.ts";
import { claimRuns } from "../store/claim-runs.ts";
import { sealEvents, verifyChain } from "../store/event-chain.ts";
import { writeEvents } from "../store/events.ts";
import { fsck } from "../store/fsck.ts";
import { registerHost } from "../store/hosts.ts";
import { endRuns } from "../store/move-runs.ts";
import { SCHEMA_VERSION, schemaVersion } from "../store/migrations/migrate.ts";
import type { Database } from "../database/database.ts";
import { createWebhook, queueDeliveries } from "../store/webhooks.ts";
import { submitTasks } from "../store/submit-tasks.ts";
import { openMigrated, startPostgres, type TestServer } from "../testing/test-database.ts";
import { dumpDatabase } from "./dump.ts";
import { countRows, restoreDatabase } from "./restore.ts";

let server: TestServer;
before(() => void (server = startPostgres()));
after(() => server.stop());

async function* linesOf(text: string): AsyncGenerator<string> {
  for (const line of text.split("\n")) if (line !== "") yield line;
}

test(
  "a hub goes on from its backup: rows, live runs, ids and the chain; what is damaged is refused, and nothing of " +
    "it stays",
  async () => {
    const source = await openMigrated(server.createDatabase());
    const target = await openDatabase(server.createDatabase());
    const memory = await openDatabase("memory");
    try {
      const session = await registerHost(source, "h", { arches: ["amd64"], channels: ["default"], capacity: 4 }, "me");
      const ids = (
        await submitTasks(
          source,
          [
            { kind: "command", payload: { text: 'naïve \u2028 "quoted"' } },
            { kind: "command", payload: {}, afterInBatch: [0] },
            { kind: "command", label: "c", payload: {} },
          ],
          { owner: "me" },
        )
      ).map(({ id }) => id);
      const [run] = await claimRuns(source, { host: "h", session, slots: 1, leaseSeconds: 60, start: true });
      await source.query("insert into ci_trigger (name, rule, owner) values ('t', '{}', 'me')");
      await source.query("insert into trigger_delivery (trigger, digest, ref, commit) values ('t', 'd', 'r', 'c')");
      await source.query("insert into commit_status (task_id, trigger, repository, commit) values (1, 't', 'r', 'c')");
      await source.query("insert into template (name, version, body, owner) values ('t', 1, '{}', 'me')");
      await sealEvents(source);
      const text = await new Response(dumpDatabase(source, new AbortController().signal)).text();
      const lines = text.trimEnd().split("\n");

      await assert.rejects(restoreDatabase(target, linesOf(lines.slice(0, -1).join("\n")), 60), /cut short/);
      await assert.rejects(restoreDatabase(target, linesOf(text.replace("naïve", "naive")), 60), /digest differs/);
      await assert.rejects(
        restoreDatabase(target, linesOf(lines.filter((line) => !line.includes('"label": "c"')).join("\n")), 60),
        /digest differs/,
      );
      await assert.rejects(restoreDatabase(target, linesOf('{"some":"json"}'), 60), /no backup of a hub/);
      assert.equal((await countRows(target))["task"], 0);

      for (const each of [target, memory]) {
        await restoreDatabase(each, linesOf(text), 60);
        assert.deepEqual(await countRows(each), await countRows(source));
        assert.equal(await verifyChain(each), null);
        assert.deepEqual(
          (await endRuns(each, "h", [{ run: run!.run, token: run!.token, outcome: "COMPLETED" }])).map(
            ({ task }) => task,
          ),
          [ids[0]],
          "its worker goes on",
        );
        assert.ok((await submitTasks(each, [{ kind: "command", payload: {} }], { owner: "me" }))[0]!.id > ids[2]!);
        assert.ok((await sealEvents(each)) > 0);
        assert.equal(await verifyChain(each), null, "the chain goes on");
        assert.deepEqual(await fsck(each), []);
        await assert.rejects(restoreDatabase(each, linesOf(text), 60), /goes into an empty one/);
      }
      // And once more, from there.
      const again = await openDatabase(server.createDatabase());
      try {
        await restoreDatabase(
          again,
          linesOf(await new Response(dumpDatabase(target, new AbortController().signal)).text()),
          60,
        );
        assert.equal(await verifyChain(again), null);
      } finally {
        await again.close();
      }
    } finally {
      for (const each of [source, target, memory]) await each.close();
    }
  },
);

/** What a program of schema 4 would have written: without what came later. */
function asOfSchema4(text: string): string {
  const laterTables = [
    ...["built_source", "bin_nmu", "worker_certificate", "enrolment", "kerberos_request", "policy"],
    ...["secret", "ci_trigger", "trigger_delivery", "trigger_poll", "commit_status", "template"],
    ...["failure_cause", "failed_run", "to_diagnose", "audit_rotation"],
  ];
  const laterColumns = ["balance", "balance_state", "until", "roles", "entries"];
  const lines: string[] = [];
  const end: Record<string, number> = {};
  for (const line of text.trimEnd().split("\n").slice(0, -1)) {
    const value = JSON.parse(line) as { tables?: string[]; table?: string; row?: Record<string, unknown> };
    if (value.tables !== undefined) {
      const tables = value.tables.filter((table) => !laterTables.includes(table));
      for (const table of tables) end[table] = 0;
      lines.push(JSON.stringify({ ...value, schema: 4, tables }));
    } else if (!laterTables.includes(value.table!)) {
      const { row } = value;
      for (const column of laterColumns) delete row![column];
      if (value.table === "runnable") delete row!["host"];
      end[value.table!]!++;
      lines.push(`{"table":"${value.table}","row":${JSON.stringify(row)}}`);
    }
  }
  const body = lines.map((line) => `${line}\n`).join("");
  const sha256 = createHash("sha256").update(body).digest("hex");
  return `${body}${JSON.stringify({ end, sha256 })}\n`;
}

extendedTest("what webhooks were not yet told of is told by the hub that goes on, each event once", async () => {
  const source = await openMigrated(server.createDatabase());
  const target = await openDatabase(server.createDatabase());
  const memory = await openDatabase("memory");
  try {
    // It has counted more transactions than the one that goes on.
    await source.query("do $$ begin for n in 1..20000 loop perform txid_current(); commit; end loop; end $$");
    await createWebhook(source, { url: "https://ci.example/", events: ["PUBLISHED", "WITHDRAWN", "REBUILD"] }, "me");
    await queueDeliveries(source);
    const told = async (on: Database): Promise<string[]> => {
      await queueDeliveries(on);
      const rows = await on.query<{ what: string }>("select body->>'what' as what from delivery order by id");
      return rows.map(({ what }) => what);
    };
    await writeEvents(source, [{ actor: "me", what: "PUBLISHED" }]);
    assert.deepEqual(await told(source), ["PUBLISHED"]);
    await writeEvents(source, [{ actor: "me", what: "WITHDRAWN" }]);
    let from = source;
    for (const to of [target, memory]) {
      const text = await new Response(dumpDatabase(from, new AbortController().signal)).text();
      await restoreDatabase(to, linesOf(text), 60);
      if (to === target) assert.deepEqual(await told(to), ["PUBLISHED", "WITHDRAWN"]);
      await writeEvents(to, [{ actor: "me", what: "REBUILD" }]);
      from = to;
    }
    assert.deepEqual(
      await told(memory),
      ["PUBLISHED", "WITHDRAWN", "REBUILD", "REBUILD"],
      "with one that the second had not told",
    );
  } finally {
    await memory.close();
    await target.close();
    await source.close();
  }
});

extendedTest("a backup of an older program is brought forward; one of a newer is refused", async () => {
  const source = await openMigrated(server.createDatabase());
  const target = await openDatabase(server.createDatabase());
  try {
    await registerHost(source, "h", { arches: ["amd64"], channels: ["default"], capacity: 4 }, "me");
    await submitTasks(source, [{ kind: "command", payload: {} }], { owner: "me" });
    await sealEvents(source);
    const text = await new Response(dumpDatabase(source, new AbortController().signal)).text();
    await assert.rejects(
      restoreDatabase(target, linesOf(text.replace(/"schema":\d+/, '"schema":99')), 60),
      /schema 99, newer than this program's/,
    );
    await restoreDatabase(target, linesOf(asOfSchema4(text)), 60);
    assert.equal(await schemaVersion(target), SCHEMA_VERSION);
    assert.deepEqual(await countRows(target), await countRows(source));
    assert.deepEqual(await target.query("select name, balance from channel"), [{ name: "default", balance: "first" }]);
    assert.equal(await verifyChain(target), null);
    assert.deepEqual(await fsck(target), []);
  } finally {
    await source.close();
    await target.close();
  }
});
