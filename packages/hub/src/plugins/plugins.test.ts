/**
 * Goal: a plugin's word counts, once, and no plugin stops the hub, whatever it does. Method: hubs in this process whose
 * plugins throw, loop, fill their memory and exit; the example's plugin as it stands.
 */
import assert from "node:assert/strict";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { extendedTest } from "@stratos/base/testing";
import { HubProblem, type PluginView, type TaskView } from "@stratos/hub-api";
import { startTestHub, type TestHub } from "../testing/test-hub.ts";

const folder = mkdtempSync(join(tmpdir(), "hub-plugins-"));
const put = (name: string, body: string, settings?: object): void => {
  writeFileSync(join(folder, `${name}.mjs`), `export default { contract: 1, ${body} };\n`);
  if (settings !== undefined) writeFileSync(join(folder, `${name}.json`), JSON.stringify(settings));
};
const TIMES = { startMs: 10_000, submissionMs: 1_000, eventMs: 500, jobMs: 1_000, pauseMs: 60_000, againMs: 50 };
const EXAMPLE = fileURLToPath(new URL("../../../../examples/hub-plugin/", import.meta.url));

const RULES = { ticket: "^(loop|throw|throws|lost|T-\\d+)$", priorityMax: 10, releaseTeam: [], large: "large" };

let hub: TestHub;
before(async () => {
  put("broken", "version: ");
  put("exits", 'events: ["PRIORITY"], event: () => process.exit(1)');
  put("fills", 'events: ["PRIORITY"], event: () => { const all = []; for (;;) all.push(new Array(1e6).fill(0)); }');
  put("future", "contract: 2");
  put("loops", "submission: (task) => { if (task.label === 'loop') for (;;); }");
  put("prints", "submission: () => console.log('hello from a plugin')");
  put("strict", "settings: { required: ['word'] }", { settings: {} });
  put(
    "tells",
    `events: ["COMPLETED", "CANCELED"], event: ({ what }, { task }) => {
      if (task.label === "throws") throw new Error("the receiver is away");
      const channel = task.label === "lost" ? "nowhere" : "default";
      return { submit: [{ kind: "after", payload: { what, of: task.id }, channel }] };
    }`,
  );
  put("throws", "submission: (task) => { if (task.label === 'throw') throw new Error('no such luck'); }");
  cpSync(EXAMPLE, folder, { recursive: true, filter: (path) => !path.endsWith(".md") });
  writeFileSync(join(folder, "house-rules.json"), JSON.stringify({ settings: RULES }));
  hub = await startTestHub({ plugins: { folder, times: TIMES } });
});
after(async () => {
  await hub.close();
  rmSync(folder, { recursive: true, force: true });
});

const submit = (more: object = {}): Promise<TaskView> =>
  hub.admin.call("POST", "/tasks", { kind: "command", payload: { argv: ["true"] }, label: "T-1", ...more });
const plugin = async (name: string): Promise<PluginView> => {
  const { items } = await hub.admin.call<{ items: PluginView[] }>("GET", "/plugins");
  return items.find((one) => one.name === name)!;
};
const events = (what: string): Promise<{ actor: string; task: number; detail: { message: string } }[]> =>
  hub.database.query("select actor, task_id as task, detail from event where what = $1 order by id", [what]);
async function until<Value>(what: string, look: () => Promise<Value | undefined>): Promise<Value> {
  for (let round = 0; round < 200; round++) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return assert.fail(what);
}
const refusal = async (work: Promise<unknown>): Promise<[number, string]> => {
  const problem = await work.then(
    () => assert.fail("it was not refused"),
    (error: unknown) => (error as HubProblem).problem,
  );
  return [problem.status, problem.detail];
};

extendedTest("what cannot be loaded is listed with its reason, and the hub serves", async () => {
  const reasons = async (name: string): Promise<[string, string]> => {
    const { state, message } = await plugin(name);
    return [state, message!];
  };
  assert.match((await reasons("broken"))[1], /^Unexpected token/);
  assert.deepEqual(await reasons("future"), ["BROKEN", "it is for contract 2; this is 1"]);
  assert.deepEqual(await reasons("strict"), ["BROKEN", "settings must have required property 'word'"]);
  assert.ok(hub.warnings.includes("plugin future: it is for contract 2; this is 1"), hub.warnings.join("\n"));
  const { state, hooks, events: told, version } = await plugin("house-rules");
  assert.deepEqual([state, hooks, told, version], ["READY", ["submission", "event", "stage"], ["FAILED"], "1.0.0"]);
});

test("a submission is changed or refused, in all ways that there are to submit", async () => {
  assert.equal((await submit({ priority: 500 })).priority, 10);
  const why = [422, `plugin house-rules: the label names no ticket (${RULES.ticket})`] as const;
  const bare = { kind: "command", payload: { argv: ["true"] } };
  assert.deepEqual(await refusal(hub.admin.call("POST", "/tasks", bare)), why);
  const tasks = [{ ...bare, label: "T-2" }, bare];
  assert.deepEqual(await refusal(hub.admin.call("POST", "/task-batches", { tasks })), why);
  assert.deepEqual(await refusal(hub.admin.call("POST", "/workflows", { name: "w", tasks })), why);
  await hub.admin.call("PUT", "/templates/one", { tasks: [bare] });
  const given = { body: JSON.stringify({}), headers: { "content-type": "application/json", "idempotency-key": "k" } };
  assert.deepEqual(await refusal(hub.admin.raw("POST", "/templates/one/submit", given)), why);
  await until("its word is told", async () =>
    hub.warnings.includes("plugin prints: hello from a plugin") ? 1 : undefined,
  );
});

test("a task that ran out of memory is tried on a large host, once", async () => {
  const fail = async (task: number): Promise<void> => {
    await hub.database.query(
      "update task set state = 'FAILED', finished = now(), failure_class = 'killed' where id = $1",
      [task],
    );
    await hub.database.query("insert into event (actor, what, task_id) values ('h', 'FAILED', $1)", [task]);
  };
  const task = await submit({ payload: { argv: ["big"] } });
  await fail(task.id);
  const own = async (): Promise<TaskView[]> => {
    const { items } = await hub.admin.call<{ items: TaskView[] }>("GET", "/tasks");
    return items.filter(({ owner }) => owner === "plugin:house-rules");
  };
  const [again] = await until("it is tried again", async () => ((await own()).length > 0 ? own() : undefined));
  assert.deepEqual([again!.requires, again!.payload, again!.label], [["large"], { argv: ["big"] }, "T-1"]);
  const { calls } = await plugin("house-rules");
  await fail(again!.id);
  await until("it was told", async () => ((await plugin("house-rules")).calls > calls ? true : undefined));
  assert.equal((await own()).length, 1);
});

test("one that throws or loops at a submission is passed over; after five times it is left alone", async () => {
  await submit({ label: "throw" });
  assert.deepEqual([(await plugin("throws")).state, (await plugin("throws")).message], ["READY", "no such luck"]);
  await submit({ label: "loop" });
  assert.equal((await plugin("loops")).message, "submissions took longer than 1 s");
  await submit();
  assert.equal((await plugin("loops")).state, "READY", "in a new thread");
  for (let round = 0; round < 5; round++) await submit({ label: "throw" });
  const { state, calls } = await plugin("throws");
  assert.equal(state, "PAUSED");
  await submit();
  assert.equal((await plugin("throws")).calls, calls);
  await hub.admin.call("POST", "/plugins/throws/restart");
  assert.equal((await plugin("throws")).state, "READY");
  assert.equal((await events("PLUGIN_RESTARTED")).length, 1);
});

test("events: what is answered is done once; what fails three times is left out, and that is an event", async () => {
  const cancel = async (label: string): Promise<number> => {
    const { id } = await submit({ label });
    await hub.admin.call("POST", `/tasks/${id}/cancel`, {});
    return id;
  };
  const [bad, lost, good] = [await cancel("throws"), await cancel("lost"), await cancel("T-3")];
  const own = async (): Promise<unknown[]> => {
    const { items } = await hub.admin.call<{ items: TaskView[] }>("GET", "/tasks?kind=after");
    return items.map(({ owner, payload }) => [owner, payload]);
  };
  await until("it is told of the third", async () => ((await own()).length > 0 ? true : undefined));
  assert.deepEqual(await own(), [["plugin:tells", { what: "CANCELED", of: good }]]);
  const failed = (await events("PLUGIN_FAILED")).filter(({ actor }) => actor === "plugin:tells");
  assert.deepEqual(
    failed.map(({ task, detail }) => [task, detail.message]),
    [
      [bad, "plugin tells: the receiver is away"],
      [lost, "nowhere: no such channel"],
    ],
  );
});

test("one that is behind what was taken out into a file goes on behind it, and that is an event", async () => {
  const [{ at }] = (await hub.database.query<{ at: string }>(
    "select tx || ' ' || id as at from event order by tx desc, id desc limit 1",
  )) as [{ at: string }];
  await hub.database.query(
    `insert into setting (name, value) values ('taken-out', $1), ('plugin:tells', '0 0')
     on conflict (name) do update set value = excluded.value`,
    [at],
  );
  const missed = await until("it is told", async () =>
    (await events("PLUGIN_MISSED_EVENTS")).find(({ actor }) => actor === "plugin:tells"),
  );
  assert.deepEqual(missed.detail, { plugin: "tells", after: "0-0", through: at.replace(" ", "-") });
  const { id } = await submit({ label: "T-4" });
  await hub.admin.call("POST", `/tasks/${id}/cancel`, {});
  await until("it is told of what came since", async () => {
    const { items } = await hub.admin.call<{ items: TaskView[] }>("GET", "/tasks?kind=after");
    return items.some(({ payload }) => (payload as { of: number }).of === id) ? true : undefined;
  });
});

test("one that fills its memory or exits takes nobody with it", async () => {
  const { id } = await submit();
  await hub.admin.call("PATCH", `/tasks/${id}`, { priority: 3 });
  for (const [name, why] of [
    ["exits", /its thread ended/],
    ["fills", /memory|took longer/],
  ] as const) {
    const { message } = await until(name, async () => {
      const found = await plugin(name);
      return found.failures > 0 ? found : undefined;
    });
    assert.match(message!, why);
  }
  assert.equal((await submit()).state, "FREE");
});

test("while a required one fails nothing is submitted, and all else goes on; its new files are loaded", async () => {
  const own = mkdtempSync(join(tmpdir(), "hub-plugins-"));
  writeFileSync(join(own, "gate.mjs"), "export default { contract: 1, submission() { throw new Error('shut'); } };");
  writeFileSync(join(own, "gate.json"), '{ "required": true }');
  const other = await startTestHub({ plugins: { folder: own, times: TIMES } });
  try {
    const task = { kind: "command", payload: { argv: ["true"] } };
    const why = "plugin gate is required, and fails; nothing is submitted until it works";
    for (let round = 0; round < 7; round++)
      assert.deepEqual(await refusal(other.admin.call("POST", "/tasks", task)), [503, why]);
    await other.admin.call("GET", "/tasks");
    writeFileSync(join(own, "gate.mjs"), 'export default { contract: 1, version: "2", submission() {} };');
    assert.equal((await other.admin.call<PluginView>("POST", "/plugins/gate/restart")).version, "2");
    await other.admin.call("POST", "/tasks", task);
    writeFileSync(join(own, "gate.mjs"), "syntax error");
    assert.equal((await other.admin.call<PluginView>("POST", "/plugins/gate/restart")).state, "BROKEN");
    assert.deepEqual(await refusal(other.admin.call("POST", "/tasks", task)), [503, why]);
  } finally {
    await other.close();
    rmSync(own, { recursive: true, force: true });
  }
});
