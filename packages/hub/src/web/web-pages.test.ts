/**
 * Goal: the pages show what is there, to whom it may be shown, and nothing that they show becomes markup. Method: a hub
 * in this process, its pages by fetch.
 */
import assert from "node:assert/strict";
import { request } from "node:http";
import { after, before, test } from "node:test";
import type { TaskView } from "@stratos/hub-api";
import { startTestHub, type TestHub } from "../testing/test-hub.ts";

let hub: TestHub;
let cookie = "";
const get = (path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(hub.server.url + path, {
    redirect: "manual",
    ...init,
    headers: { cookie, ...(init.headers as Record<string, string>) },
  });
const post = (
  path: string,
  form: Record<string, string> = {},
  headers: Record<string, string> = {},
): Promise<Response> => get(path, { method: "POST", body: new URLSearchParams(form), headers });
const signIn = async (token: string): Promise<string> =>
  (await post("/login", { token })).headers.get("set-cookie") ?? "";

before(async () => void (hub = await startTestHub()));
after(() => hub.close());

test(
  "who is not signed in is asked for a key; a wrong one is told so; the cookie is out of reach of scripts and of " +
    "other sites",
  async () => {
    for (const path of ["/", "/tasks", "/tasks/1", "/hosts", "/audit", "/tasks/1/log"])
      assert.deepEqual([(await get(path)).status, (await get(path)).headers.get("location")], [303, "/login"], path);
    assert.match(await (await get("/login")).text(), /<label>Key <input type="password"/);
    const wrong = await post("/login", { token: "x" });
    assert.deepEqual([wrong.status, wrong.headers.get("set-cookie")], [401, null]);
    const set = await signIn(hub.adminToken);
    assert.match(set, /^stratos_session=[\w-]{43}; Max-Age=43200; Path=\/; HttpOnly; SameSite=Strict$/);
    cookie = set.split(";")[0]!;
    assert.equal(
      (await fetch(`${hub.server.url}/v1/status`, { headers: { cookie } })).status,
      401,
      "the API takes no cookie",
    );
  },
);

test(
  "a task's page: its state, why it waits, its attempts; text that looks like markup stays text; it is canceled by " +
    "a form",
  async () => {
    const evil = "<script>alert(1)</script><img src=x onerror=alert(1)>";
    const task = await hub.admin.call<TaskView>("POST", "/tasks", {
      kind: "command",
      arch: "s390x",
      label: evil,
      payload: { argv: [evil, "</pre>"] },
    });
    const response = await get(`/tasks/${task.id}`);
    assert.match(response.headers.get("content-security-policy")!, /default-src 'none'.*script-src 'sha256-/);
    const text = await response.text();
    assert.ok(!text.includes("<script>alert") && !text.includes("<img"), text);
    assert.match(text, /<h2>Why it waits<\/h2><p>no host is registered: start `stratos worker`/);
    assert.match(text, /<span class="state FREE">FREE<\/span>/);
    assert.equal((text.match(/<script>/g) ?? []).length, 1);
    assert.ok(Buffer.byteLength(/<script>([^]*)<\/script>/.exec(text)![1]!) < 20_000);
    for (const path of ["/", "/tasks?state=open", "/packages", "/hosts", "/audit"]) {
      const page = await (await get(path)).text();
      assert.ok(!page.includes("<script>") && !page.includes("<img"), path);
      assert.match(page, /<html lang="en">[^]*<main id="main"><h1>/, path);
    }
    assert.match(await (await get("/tasks?state=open")).text(), new RegExp(`<a href="/tasks/${task.id}">`));
    assert.doesNotMatch(await (await get("/tasks?state=FAILED")).text(), new RegExp(`<a href="/tasks/${task.id}">`));
    assert.equal((await post(`/tasks/${task.id}/cancel`, {}, { origin: "http://evil.example" })).status, 403);
    assert.equal((await post(`/tasks/${task.id}/cancel`, {}, { origin: hub.server.url })).status, 303);
    assert.equal((await hub.admin.call<TaskView>("GET", `/tasks/${task.id}`)).state, "CANCELED");
    assert.match(await (await get(`/tasks/${task.id}`)).text(), /action="\/tasks\/\d+\/retry"><button>Try again/);
    assert.equal((await get("/tasks/999999")).status, 404);
  },
);

test("a workflow is drawn: each task right of what it waits for, with a table that says the same", async () => {
  const tasks = [
    { kind: "command", payload: { argv: ["true"] }, label: "base" },
    { kind: "command", payload: { argv: ["true"] }, label: "<i>left</i>", afterInBatch: [0] },
    { kind: "command", payload: { argv: ["true"] }, label: "right", afterInBatch: [0] },
    { kind: "command", payload: { argv: ["true"] }, label: "last", afterInBatch: [0, 1] },
  ];
  const { id, tasks: made } = await hub.admin.call<{ id: number; tasks: { id: number }[] }>("POST", "/workflows", {
    name: "four",
    tasks,
  });
  const text = await (await get(`/workflows/${id}`)).text();
  const places = [...text.matchAll(/<rect x="(\d+)" y="(\d+)"/g)].map(([, x, y]) => [Number(x), Number(y)]);
  const columns = places.map(([x]) => (x! - 2) / 224);
  assert.deepEqual(columns, [0, 1, 1, 2]);
  assert.notEqual(places[1]![1], places[2]![1], "none hides another");
  assert.equal((text.match(/<path class="success"/g) ?? []).length, 4);
  assert.ok(!text.includes("<i>left"));
  assert.match(text, new RegExp(`>${made[0]!.id} ${made[1]!.id}</td></tr></tbody>`), "the last row: after both");
  assert.match(await (await get(`/tasks/${made[0]!.id}`)).text(), new RegExp(`href="/workflows/${id}"`));
  assert.equal((await get("/workflows/999999")).status, 404);
});

test("a form that never ends is not gathered: who is nobody fills no memory", async () => {
  const { hostname, port } = new URL(hub.server.url);
  for (const type of ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]) {
    const status = await new Promise<number>((resolve) => {
      const endless = request(
        { hostname, port, path: "/login", method: "POST", headers: { "content-type": type } },
        (response) => {
          resolve(response.statusCode!);
          endless.destroy();
        },
      );
      endless.on("error", () => {});
      const more = (): void => void (endless.destroyed || endless.write("x".repeat(65_536), () => setImmediate(more)));
      more();
    });
    assert.equal(status, 413, type);
  }
});

test("what no database keeps is refused in addresses of pages, too", async () => {
  for (const path of ["/tasks?channel=%00", "/triggers/%00", "/packages?channel=a%00b", "/templates/x?version=%00"])
    assert.equal((await get(path)).status, 400, path);
});

test("settings are changed and taken back by forms; what cannot be is told", async () => {
  const page = async (): Promise<string> => (await get("/settings")).text();
  assert.match(await page(), /<input type="number" name="value" value="75" min="1" max="86400" required> s<\/label>/);
  assert.doesNotMatch(await page(), /Take back/);
  const origin = { origin: hub.server.url };
  assert.equal((await post("/settings/keep-alive/set", { value: "76" }, origin)).status, 303);
  assert.match(await page(), /value="76"[^]*admin, <time[^]*75 <form [^>]*action="\/settings\/keep-alive\/reset"/);
  assert.equal((await post("/settings/keep-alive/reset", {}, origin)).status, 303);
  assert.doesNotMatch(await page(), /Take back/);
  for (const verb of ["set", "reset"])
    assert.equal((await post(`/settings/keep-alive/${verb}`, { value: "77", version: "2" }, origin)).status, 412, verb);
  assert.match(await page(), /name="version" value="3">\s<label>keep-alive /);
  for (const [name, value, status] of [
    ["keep-alive", "", 422],
    ["keep-alive", "1e9", 422],
    ["keep-alive", "0", 422],
    ["worker-certificates", "require", 409],
    ["listen", "1", 409],
    ["nothing", "1", 404],
  ] as const)
    assert.equal((await post(`/settings/${name}/set`, { value }, origin)).status, status, `${name} ${value}`);
  assert.equal((await post("/settings/keep-alive/set", { value: "5" }, { origin: "http://evil.example" })).status, 403);
});

test(
  "a viewer sees no buttons, and what a viewer posts is refused; a session ends " + "with its key, and by signing out",
  async () => {
    await hub.admin.call("PUT", "/grants/guest/viewer");
    const { token, id } = await hub.admin.call<{ token: string; id: string }>("POST", "/tokens", {
      principal: "guest",
      scopes: ["*"],
    });
    const task = await hub.admin.call<TaskView>("POST", "/tasks", { kind: "command", payload: { argv: ["true"] } });
    const admin = cookie;
    cookie = (await signIn(token)).split(";")[0]!;
    assert.doesNotMatch(await (await get(`/tasks/${task.id}`)).text(), /Cancel<\/button>/);
    assert.equal((await post(`/tasks/${task.id}/cancel`)).status, 403);
    await hub.admin.call("DELETE", `/tokens/${id}`);
    assert.equal((await get("/")).status, 303);
    cookie = admin;
    assert.equal((await get("/")).status, 200);
    await post("/logout");
    assert.equal((await get("/")).status, 303);
  },
);
