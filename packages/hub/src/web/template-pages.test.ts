/**
 * Goal: a template is started from a page, with what the form says and nothing else; a trigger's page says what was
 * pushed and why nothing came of it. Method: a hub in this process, its pages by fetch, as who may and who may not.
 */
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, before, test } from "node:test";
import type { TaskView, WorkflowView } from "@stratos/hub-api";
import { startTestHub, type TestHub } from "../testing/test-hub.ts";

let hub: TestHub;
let cookie = "";
const get = (path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(hub.server.url + path, { redirect: "manual", ...init, headers: { cookie } });
const textOf = async (path: string): Promise<string> => (await get(path)).text();
const post = (path: string, form: Record<string, string>): Promise<Response> =>
  get(path, { method: "POST", body: new URLSearchParams(form) });
const signIn = async (token: string): Promise<string> =>
  (await post("/login", { token })).headers.get("set-cookie")!.split(";")[0]!;
const asRole = async (principal: string, role: string): Promise<string> => {
  await hub.admin.call("PUT", `/grants/${principal}/${role}`);
  const { token } = await hub.admin.call<{ token: string }>("POST", "/tokens", { principal, scopes: ["*"] });
  return signIn(token);
};

const parameters = {
  source: { type: "string", description: "<b>what</b>", default: "hello" },
  suite: { type: "string", choices: ["bookworm", "trixie"], default: "trixie" },
  jobs: { type: "integer", minimum: 1, maximum: 8 },
  tests: { type: "boolean", default: true },
};
const payload = { argv: ["{{source}}", "{{suite}}"], jobs: "{{jobs}}", tests: "{{tests}}" };

before(async () => {
  hub = await startTestHub();
  cookie = await signIn(hub.adminToken);
  await hub.admin.call("PUT", "/templates/deb", { tasks: [{ kind: "command", payload: { argv: ["old"] } }] });
  const tasks = [{ kind: "command", label: "{{source}}", payload }];
  await hub.admin.call("PUT", "/templates/deb", { description: "ours", parameters, tasks });
});
after(() => hub.close());

test("a template's form has its parameters, their bounds and defaults; each version has a page", async () => {
  assert.match(await textOf("/templates"), /<a href="\/templates\/deb">deb<\/a><\/td><td>2<\/td><td>ours/);
  const text = await textOf("/templates/deb");
  assert.match(text, /<input name="p:source" value="hello"/);
  assert.match(text, /&lt;b&gt;what/);
  assert.match(text, /<option value="bookworm">bookworm<\/option><option value="trixie" selected>/);
  assert.match(text, /<input type="number" name="p:jobs" value="" min="1" max="8"\s+required>/);
  assert.match(text, /<input type="checkbox" name="p:tests" value="true" checked>/);
  const first = await textOf("/templates/deb?version=1");
  assert.match(first, /Version 1 of 2/);
  assert.doesNotMatch(first, /p:source/);
  for (const path of ["/templates/none", "/templates/deb?version=3", "/templates/deb?version=x"])
    assert.equal((await get(path)).status, 404, path);
});

test("what the form says becomes a workflow; what does not fit is told, and what was typed stays", async () => {
  const form = { version: "2", "p:source": "bash", "p:suite": "bookworm", "p:jobs": "4" };
  const made = await post("/templates/deb", form);
  assert.equal(made.status, 303);
  const path = made.headers.get("location")!;
  assert.match(path, /^\/workflows\/\d+$/);
  const { name, tasks } = await hub.admin.call<WorkflowView>("GET", path);
  assert.equal(name, "deb v2");
  const task = await hub.admin.call<TaskView>("GET", `/tasks/${tasks[0]!.id}`);
  assert.deepEqual([task.label, task.owner], ["bash", "admin"]);
  assert.deepEqual(task.payload, { argv: ["bash", "bookworm"], jobs: 4, tests: false }, "a box that is not ticked");

  for (const [jobs, why] of [
    ["9", /role="alert">jobs: 9 is not a whole number from 1 to 8/],
    ["4x", /role="alert">jobs: &quot;4x&quot; is not a whole number/],
    ["", /role="alert">jobs is missing/],
  ] as const) {
    const refused = await post("/templates/deb", { ...form, "p:jobs": jobs });
    assert.equal(refused.status, 422);
    const text = await refused.text();
    assert.match(text, why);
    assert.match(text, /name="p:source" value="bash"/);
    assert.match(text, /<option value="bookworm" selected>/);
  }
  const { items } = await hub.admin.call<{ items: TaskView[] }>("GET", "/tasks");
  assert.equal(items.length, 1, "nothing of what was refused");
});

test("who may not submit starts nothing, who may not read triggers sees none", async () => {
  const admin = cookie;
  try {
    cookie = await asRole("vera", "viewer");
    assert.equal((await get("/templates/deb")).status, 200);
    assert.equal((await post("/templates/deb", { version: "1" })).status, 403);
    assert.equal((await get("/triggers")).status, 403);
    cookie = "";
    for (const path of ["/templates", "/templates/deb", "/triggers", "/triggers/push"])
      assert.equal((await get(path)).headers.get("location"), "/login", path);
  } finally {
    cookie = admin;
  }
});

test("a trigger's page: its address, what a ref would start, what was pushed and why nothing came of it", async () => {
  const secret = "of-the-forge";
  await hub.admin.call("PUT", "/secrets/forge", { value: secret });
  await hub.admin.call("PUT", "/triggers/push", {
    forge: "github",
    secret: "forge",
    branches: ["main"],
    task: { kind: "command", payload: { argv: ["{{name}}"] } },
  });
  const body = JSON.stringify({
    ref: "refs/heads/side",
    after: "a".repeat(40),
    repository: { full_name: "me/tool", clone_url: "https://forge.example/me/tool.git" },
    commits: [],
  });
  const delivered = await fetch(`${hub.server.url}/hooks/push`, {
    method: "POST",
    body,
    headers: {
      "Content-Type": "application/json",
      "X-GitHub-Event": "push",
      "X-Hub-Signature-256": `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`,
    },
  });
  assert.ok(delivered.ok, await delivered.text());
  assert.match(
    await textOf("/triggers"),
    /<a href="\/triggers\/push">push<\/a><\/td><td>github<\/td><td>any<\/td><td>main/,
  );
  const text = await textOf("/triggers/push");
  assert.match(text, /<code>\/hooks\/push<\/code>/);
  assert.match(
    text,
    /refs\/heads\/side<\/td><td><code>aaaaaaaaaaaa<\/code><\/td><td><\/td><td>branch side matches main not/,
  );
  assert.ok(!text.includes(secret));
  assert.match(await textOf("/triggers/push?ref=refs/heads/main"), /role="status"><pre[^]*argv[^]*&quot;main&quot;/);
  assert.match(await textOf("/triggers/push?ref=refs/heads/x"), /role="status">Nothing: branch x matches main not/);
  assert.equal((await get("/triggers/none")).status, 404);
});
