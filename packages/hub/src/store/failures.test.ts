/**
 * Goal: what broke is one look: failed runs by cause, found once, as fast with a hundred thousand of them. Method: hubs
 * in this process on PGlite and on a PostgreSQL server, with hosts that end runs with logs.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { extendedTest, sampleOf } from "@stratos/base/testing";
import {
  HubProblem,
  type ClaimAnswer,
  type FailedRunView,
  type FailureReport,
  type FailureRuleView,
  type RunEnd,
  type TaskView,
} from "@stratos/hub-api";
import type { Database } from "../database/database.ts";
import { OwnRules, parseOwnRules } from "../failures/own-rules.ts";
import { openMigrated, startPostgres, type TestServer } from "../testing/test-database.ts";
import { startTestHub, type TestHub } from "../testing/test-hub.ts";
import { diagnoseAgain, diagnoseRuns, failureReport, removeUnusedCauses } from "./failures.ts";
import { fsck } from "./fsck.ts";
import { migrate } from "./migrations/migrate.ts";

let server: TestServer;
before(() => void (server = startPostgres()));
after(() => server.stop());

const RULES = "- {cause: mirror-away, match: '^E: Failed to fetch', says: our mirror was away}";

interface Host {
  fail(submission: object, log: string, end?: Partial<RunEnd>): Promise<TaskView>;
}

async function hostOf(hub: TestHub): Promise<Host> {
  const registration = { arches: ["amd64", "arm64"], channels: ["default"], capacity: 10 };
  const { session } = await hub.admin.call<{ session: string }>("PUT", "/hosts/h", registration);
  return {
    fail: async (submission, log, end = {}) => {
      const task = await hub.admin.call<TaskView>("POST", "/tasks", { kind: "build", arch: "amd64", ...submission });
      const claim = { session, slots: 1, waitSeconds: 5, start: true, holding: [] };
      const { runs } = await hub.admin.call<ClaimAnswer>("POST", "/hosts/h/claim", claim);
      const { run, token } = runs[0]!;
      assert.equal(runs[0]!.task, task.id);
      if (log !== "")
        await hub.admin.call("PUT", `/hosts/h/runs/${run}/log?offset=0`, new Uint8Array(Buffer.from(log)), {
          headers: { "run-token": token },
        });
      const failed = {
        run,
        token,
        outcome: "FAILED",
        failureClass: "build",
        message: "Build failed: status 2",
        ...end,
      };
      await hub.admin.call("POST", "/hosts/h/runs/end", { runs: [failed] });
      return task;
    },
  };
}

async function until(what: string, look: () => Promise<boolean>): Promise<void> {
  for (let round = 0; round < 600; round++) {
    if (await look()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail(`in vain: ${what}`);
}
const report = (hub: TestHub, query = ""): Promise<FailureReport> => hub.admin.call("GET", `/failures?${query}`);
const seen = async (hub: TestHub, runs: number): Promise<FailureReport> => {
  await until(`${runs} were looked at`, async () => (await report(hub)).runs === runs);
  return report(hub);
};
const short = ({ items }: FailureReport): unknown =>
  items.map(({ cause, text, runs, tasks, packages }) => [cause, text, runs, tasks, packages.map(({ name }) => name)]);

for (const kind of sampleOf(["server", "memory"] as const, 2))
  test(`failed runs are found by cause, counted, shown and filtered (${kind})`, async (t) => {
    const database = kind === "memory" ? "memory" : server.createDatabase();
    const hub = await startTestHub({ database, failureRules: parseOwnRules(RULES) });
    t.after(() => hub.close());
    const host = await hostOf(hub);
    const compiler = (line: number): string => `==== Build ====\n/build/x-1/a.c:${line}:2: error: no 'x'\n`;
    await host.fail({ payload: { source: "hello=2.10", suite: "trixie" } }, compiler(3));
    await host.fail({ payload: { source: "https://example.org/g/tool.git#main", suite: "sid" } }, compiler(77));
    const source = "hello_2.10-3.dsc";
    const files = [{ name: source, digest: `sha256:${"0".repeat(64)}` }];
    const third = await host.fail({ payload: { source, files }, arch: "arm64" }, compiler(4), {
      result: { source: { name: "hello", version: "2.10-3" } },
    });
    await host.fail(
      { payload: { source: "lib" } },
      "==== Build ====\nE: Failed to fetch http://x/y\na.c:1: error: z\n",
    );
    await host.fail({ kind: "command", label: "nightly", payload: { argv: ["true"] } }, "one\nFAIL: sums 17\n", {
      message: "exit status 1",
    });
    const all = await seen(hub, 5);
    assert.deepEqual(short(all), [
      ["compiler", "a.c:N: error: no 'x'", 3, 3, ["hello", "tool"]],
      ["test", "FAIL: sums N", 1, 1, ["nightly"]],
      ["mirror-away", "our mirror was away", 1, 1, ["lib"]],
    ]);
    assert.deepEqual([all.runs, all.tasks, all.causes], [5, 5, 3]);
    const [first] = all.items;
    assert.deepEqual(first!.packages, [
      { name: "hello", runs: 2 },
      { name: "tool", runs: 1 },
    ]);
    assert.equal(first!.packageCount, 2);
    assert.equal(first!.stage, "Build");
    assert.equal(first!.isNew, true);
    assert.ok(first!.firstSeen < first!.lastSeen);
    assert.deepEqual(
      { ...first!.example, run: 0 },
      { task: third.id, run: 0, line: "/build/x-1/a.c:4:2: error: no 'x'", file: "a.c" },
    );
    const counts = async (query: string): Promise<number[]> => (await report(hub, query)).items.map(({ runs }) => runs);
    assert.deepEqual(await counts("package=hello"), [2]);
    assert.deepEqual(await counts("suite=sid"), [1]);
    assert.deepEqual(await counts("arch=arm64"), [1]);
    assert.deepEqual(await counts("cause=test"), [1]);
    assert.deepEqual(await counts("channel=nowhere"), []);
    assert.deepEqual(await counts("limit=1"), [3]);
    assert.deepEqual(await counts("until=2026-01-01"), []);
    assert.equal((await report(hub, "since=2000-01-01&until=2001-01-01")).runs, 0);
    const { items } = await hub.admin.call<{ items: FailedRunView[] }>("GET", `/failures/${first!.id}/runs?limit=2`);
    assert.deepEqual(
      items.map((one) => [one.package, one.arch, one.suite, one.line]),
      [
        ["hello", "arm64", "", "/build/x-1/a.c:4:2: error: no 'x'"],
        ["tool", "amd64", "sid", "/build/x-1/a.c:77:2: error: no 'x'"],
      ],
    );
    const rest = await hub.admin.call<{ items: FailedRunView[]; next: unknown }>(
      "GET",
      `/failures/${first!.id}/runs?limit=2&cursor=${items[1]!.run}`,
    );
    assert.deepEqual([rest.items.length, rest.next], [1, null]);
    for (const path of [
      "/failures?since=tomorrow",
      "/failures?until=%2B275760-01-01",
      "/failures?since=-000099-01-01",
      "/failures?since=2026-02-01&until=2026-01-01",
    ])
      await assert.rejects(hub.admin.call("GET", path), (error: HubProblem) => error.status === 422);
    await assert.rejects(
      hub.admin.call("GET", `/failures/${"0".repeat(16)}/runs`),
      (error: HubProblem) => error.status === 404,
    );
    const rules = await hub.admin.call<{ items: FailureRuleView[] }>("GET", "/failure-rules");
    assert.deepEqual(
      rules.items.map(({ cause, runs, off }) => [cause, runs, off]),
      [["mirror-away", 1, null]],
    );
    assert.deepEqual(await fsck(hub.database), []);

    const metrics = await fetch(`${hub.server.url}/metrics`, {
      headers: { authorization: `Bearer ${hub.adminToken}` },
    });
    assert.match(await metrics.text(), /^stratos_hub_failed_runs\{cause="compiler"\} 3$/m);
  });

test("a log's end counts, however long it is; a lost host is a cause; again finds by the rules of now", async () => {
  const database = await openMigrated(server.createDatabase());
  try {
    const filler = Buffer.from("x".repeat(199) + "\n").toString("hex");
    await database.script(`
      insert into task (id, kind, arch, channel, label, payload, state, priority, rank, weight, requires, owner,
        blockers, timeout_seconds, finished) overriding system value
        values (1, 'command', 'any', 'default', '', '{}', 'FAILED', 0, 0, 1, '{}', 'o', 0, 60, now());
      insert into run (id, task_id, attempt, host, state, weight, lease_until, ended, failure_class, message, log_bytes)
        overriding system value values
        (1, 1, 1, 'h', 'FAILED', 1, now(), now(), 'build', 'exit status 1', 2000024),
        (2, 1, 2, 'h', 'LOST', 1, now(), now(), 'infrastructure', 'its lease ended: the host was not heard of', 0),
        (3, 1, 3, 'h', 'COMPLETED', 1, now(), now(), null, null, 0);
      insert into log_chunk values (1, 0, convert_to(E'FAIL: at the beginning\\n', 'UTF8'));
      insert into log_chunk select 1, 23 + 200000 * n, decode(repeat('${filler}', 1000), 'hex')
        from generate_series(0, 9) n;
      insert into log_chunk values (1, 2000023, convert_to(E'FAIL: at the end\\n', 'UTF8'));`);
    const filter = { since: new Date(0), until: new Date(Date.now() + 86_400_000) };
    const texts = async (): Promise<unknown> => {
      await diagnoseRuns(database, rules);
      return (await failureReport(database, filter, 10)).items.map(({ cause, text }) => [cause, text]).sort();
    };
    await database.query("insert into to_diagnose values (1), (2)");
    let rules = new OwnRules([], assert.fail);
    const lost = ["infrastructure", "its lease ended: the host was not heard of"];
    assert.deepEqual(
      await texts(),
      [lost, ["test", "FAIL: at the end"]].sort((a, b) => (a[0]! < b[0]! ? -1 : 1)),
    );
    rules = new OwnRules(parseOwnRules("- {cause: mine, match: at the end$}"), assert.fail);
    assert.deepEqual(await texts(), [lost, ["test", "FAIL: at the end"]], "it stays until it is asked for");
    assert.equal(await diagnoseAgain(database, filter.since), 2);
    assert.deepEqual(await texts(), [lost, ["mine", "FAIL: at the end"]]);
    await rules.close();
    assert.equal(await removeUnusedCauses(database, 10), 1);
    assert.deepEqual(
      (await fsck(database)).filter(({ check }) => /cause/.test(check)),
      [],
    );
    await database.query("delete from failed_run");
    assert.match(JSON.stringify(await fsck(database)), /a failed run has no cause, and nobody looks/);

    // Back, and forward again: runs are looked at anew.
    await migrate(database, 13);
    assert.equal((await database.query("select 1 from run")).length, 3);
    assert.equal((await migrate(database))[0], "to 14: causes of failures");
    assert.equal(((await texts()) as unknown[]).length, 2);
  } finally {
    await database.close();
  }
});

extendedTest(
  "of a hundred thousand failures a week is read by its index, and all are counted within a moment",
  async () => {
    const database = await openMigrated(server.createDatabase());
    try {
      await fill(database);
      const filter = { since: new Date(Date.now() - 7 * 86_400_000), until: new Date() };
      const week = await failureReport(database, filter, 50);
      assert.equal(week.items.length, 50);
      assert.ok(week.runs > 1_500 && week.runs < 2_500, String(week.runs));
      const plan = JSON.stringify(
        await database.query("explain select count(*) from failed_run f where f.at >= $1 and f.at < $2", [
          filter.since,
          filter.until,
        ]),
      );
      assert.match(plan, /Index (Only )?Scan using failed_run_at|Bitmap Index Scan on failed_run_at/);
      const all = await failureReport(database, { ...filter, since: new Date(0) }, 50);
      assert.equal(all.runs, 100_000);
    } finally {
      await database.close();
    }
  },
);

/** A year's, of 500 causes and 2,000 packages. */
async function fill(database: Database): Promise<void> {
  await database.script(`
    insert into failure_cause select lpad(to_hex(n), 16, '0'), 'compiler', 'Build', 'a.c:N: error ' || n,
      now() - interval '1 year' from generate_series(0, 499) n;
    insert into failed_run
      select n * 2, n * 2, lpad(to_hex(n * 7919::bigint % 500), 16, '0'), now() - n * interval '315 s',
      'p' || n % 2000, 'sid', 'amd64', 'default', 'a.c:12:1: error ' || n, 'a.c' from generate_series(0, 99999) n;
    analyze failed_run;`);
}
