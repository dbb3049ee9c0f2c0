/**
 * Goal: a template's tasks are submitted with values of the declared types, from the version that was asked for, and
 * nothing that does not fit. Method: a hub over HTTP.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { HubProblem, type HubClient, type TaskView, type TemplateView } from "@stratos/hub-api";
import { startTestHub, type TestHub } from "../testing/test-hub.ts";

let hub: TestHub;
let admin: HubClient;
before(async () => {
  hub = await startTestHub();
  ({ admin } = hub);
});
after(() => hub.close());

const parameters = {
  source: { type: "string" },
  suite: { type: "string", choices: ["bookworm", "trixie"], default: "trixie" },
  jobs: { type: "integer", minimum: 1, maximum: 8, default: 2 },
  tests: { type: "boolean", default: false },
};
const tasks = [
  { kind: "build", label: "{{source}} in {{suite}}", payload: { source: "{{source}}", autopkgtest: "{{tests}}" } },
  { kind: "command", label: "{{jobs}}", payload: { argv: ["make", "-j{{jobs}}"] }, afterInBatch: [0] },
];
const put = (body: object = { parameters, tasks }): Promise<TemplateView> => admin.call("PUT", "/templates/deb", body);
const submit = async (values: object, version?: number, client = admin): Promise<TaskView[]> => {
  const body = { values, ...(version === undefined ? {} : { version }) };
  const made = await client.call<{ tasks: { id: number }[] }>("POST", "/templates/deb/submit", body);
  return Promise.all(made.tasks.map(({ id }) => admin.call<TaskView>("GET", `/tasks/${id}`)));
};
const refused = (work: Promise<unknown>, status: number, why: RegExp): Promise<void> =>
  assert.rejects(work, (error) => error instanceof HubProblem && error.status === status && why.test(error.message));

test("tasks are filled in by type, of the version that is asked for; versions stay", async () => {
  assert.equal((await put()).version, 1);
  assert.equal((await put()).version, 1, "nothing has changed");
  const [build, make] = await submit({ source: "hello", tests: true });
  assert.deepEqual(
    [build!.label, build!.payload, make!.payload, make!.label, make!.state, make!.workflow],
    [
      ...["hello in trixie", { source: "hello", autopkgtest: true }, { argv: ["make", "-j2"] }],
      ...["2", "BLOCKED", build!.workflow],
    ],
  );
  assert.equal((await put({ tasks: [{ kind: "command", payload: { argv: ["true"] } }] })).version, 2);
  assert.equal((await submit({})).length, 1);
  assert.equal((await submit({ source: "hello", jobs: 8 }, 1)).length, 2);
  await refused(submit({}, 3), 404, /template deb in version 3/);
});

test("what does not fit is refused in words, and starts nothing", async () => {
  await put();
  const [before] = await hub.database.query("select count(*) as count from task");
  await refused(submit({}), 422, /source is missing: text/);
  await refused(submit({ source: "a", suite: "sid" }), 422, /suite: "sid" is not one of bookworm, trixie/);
  await refused(submit({ source: "a", jobs: 9 }), 422, /jobs: 9 is not a whole number from 1 to 8/);
  await refused(submit({ source: "a", tests: "yes" }), 422, /tests: "yes" is not true or false/);
  await refused(submit({ source: "a", constructor: "b" }), 422, /constructor: deb has no such parameter, but .*source/);
  assert.deepEqual(await hub.database.query("select count(*) as count from task"), [before]);
  await refused(put({ parameters: { a: { type: "integer", default: "x" } }, tasks }), 422, /a: "x" is not a whole/);
  await refused(put({ parameters: {}, tasks }), 422, /\{\{source\}\}: no such parameter/);
});

test("a template gives nobody more than he may: its tasks are submitted as one's own", async () => {
  await put();
  await admin.call("PUT", "/grants/bob/viewer");
  const { token } = await admin.call<{ token: string }>("POST", "/tokens", { principal: "bob", scopes: ["*"] });
  await refused(submit({ source: "a" }, undefined, hub.client(token)), 403, /task:submit:default/);
});

test("a short template does not become a long one by what is filled in, and half a letter is none", async () => {
  const bomb = {
    parameters: { a: { type: "string" } },
    tasks: [{ kind: "own", payload: { x: "{{a}}".repeat(2_000) } }],
  };
  await admin.call("PUT", "/templates/bomb", bomb);
  const fill = (a: string): Promise<unknown> => admin.call("POST", "/templates/bomb/submit", { values: { a } });
  await refused(fill("y".repeat(10_000)), 413, /^bomb: filled in it has more than 8388608 letters$/);
  await fill("y");
  const label = { parameters: { a: { type: "string" } }, tasks: [{ kind: "own", label: "{{a}}", payload: {} }] };
  await admin.call("PUT", "/templates/label", label);
  const a = `${"x".repeat(255)}\u{1f600}`;
  const { tasks: made } = await admin.call<{ tasks: { id: number }[] }>("POST", "/templates/label/submit", {
    values: { a },
  });
  const task = await admin.call<TaskView>("GET", `/tasks/${made[0]!.id}`);
  assert.equal(task.label, `${"x".repeat(255)}\ufffd`);
});
