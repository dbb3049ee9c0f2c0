/**
 * Goal: a change that is to happen on a condition does not happen without it, and who knows what there is is told so.
 * Method: a hub over HTTP; the forms of RFC 9110 §13.1.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import type { ChangeableSetting, ChannelView, HostView, TaskView } from "@stratos/hub-api";
import { apiRoutes } from "../hub-server.ts";
import { startTestHub, type TestHub } from "../testing/test-hub.ts";

let hub: TestHub;
before(async () => void (hub = await startTestHub()));
after(() => hub.close());

async function ask(method: string, path: string, headers: Record<string, string> = {}, body?: object) {
  const response = await fetch(`${hub.server.url}/v1${path}`, {
    method,
    headers: {
      authorization: `Bearer ${hub.adminToken}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, etag: response.headers.get("etag") ?? "", text };
}

test("a channel is changed and removed as the version that was read, and made where there is none", async () => {
  const put = (headers: Record<string, string>, description: string) =>
    ask("PUT", "/channels/one", headers, { description });
  const description = async (): Promise<string> =>
    (await hub.admin.call<ChannelView>("GET", "/channels/one")).description;
  for (const wanted of ['"1"', "*"])
    assert.equal((await put({ "if-match": wanted }, "changed")).status, 412, `${wanted}: there is nothing to match`);
  assert.equal((await ask("GET", "/channels/one")).status, 404, "a condition that fails makes nothing");
  assert.equal((await put({ "if-none-match": "*" }, "made")).status, 200);
  assert.equal((await put({ "if-none-match": "*" }, "made again")).status, 412);
  assert.equal(await description(), "made");
  const { etag } = await ask("GET", "/channels/one");
  assert.equal((await put({ "if-match": `W/${etag}` }, "weak")).status, 412);
  assert.equal((await put({ "if-match": "*" }, "any")).status, 200);
  assert.equal((await put({ "if-match": etag }, "stale")).status, 412);
  assert.equal((await ask("DELETE", "/channels/one", { "if-match": etag })).status, 412);
  assert.equal(await description(), "any");
  const now = (await ask("GET", "/channels/one")).etag;
  assert.equal((await ask("DELETE", "/channels/one", { "if-match": now })).status, 204);
});

test("a host is removed as the version that was read", async () => {
  await ask("PUT", "/hosts/h", {}, { arches: ["amd64"], channels: ["default"], capacity: 1 });
  const { etag } = await ask("GET", "/hosts/h");
  await hub.admin.call<HostView>("PATCH", "/hosts/h", { enabled: false });
  assert.equal((await ask("DELETE", "/hosts/h", { "if-match": etag })).status, 412);
  assert.equal((await ask("DELETE", "/hosts/h", { "if-match": (await ask("GET", "/hosts/h")).etag })).status, 204);
});

const task = { kind: "command", payload: { argv: ["true"] } };
/** What is put by name, besides channels: two things that it may be. */
const PUT: Readonly<Record<string, readonly [object, object]>> = {
  "/roles/one": [{ permissions: ["task:read"] }, { permissions: ["task:read", "host:read"] }],
  "/policies/one": [
    { permissions: ["task:read"], conditions: { isOwn: true } },
    { permissions: ["task:submit"], conditions: { isOwn: true } },
  ],
  "/triggers/one": [
    { forge: "git", url: "http://127.0.0.1:9/", task },
    { forge: "git", url: "http://127.0.0.1:10/", task },
  ],
  "/secrets/one": [{ value: "12345678" }, { value: "abcdefgh" }],
  "/brakes/one": [{ maxQueued: 1 }, { maxQueued: 2 }],
  "/templates/one": [{ tasks: [task] }, { tasks: [task, task] }],
};

test("what is put by name is changed, removed and made on the conditions that channels take", async () => {
  for (const [path, [first, second]] of Object.entries(PUT)) {
    const put = (headers: Record<string, string>, body: object) => ask("PUT", path, headers, body);
    const shown = async (): Promise<string> => (await ask("GET", path)).text;
    for (const wanted of ['"1"', "*"]) assert.equal((await put({ "if-match": wanted }, first)).status, 412, path);
    assert.equal((await ask("GET", path)).status, 404, `${path}: a condition that fails makes nothing`);
    const made = await put({ "if-none-match": "*" }, first);
    assert.ok(made.status === 200 || made.status === 204, `${path}: ${made.text}`);
    assert.equal(made.etag, '"1"', path);
    assert.equal((await put({ "if-none-match": "*" }, second)).status, 412, path);
    const { etag, text } = await ask("GET", path);
    assert.equal((JSON.parse(text) as { version: number }).version, 1, path);
    assert.equal((await ask("GET", path, { "if-none-match": etag })).status, 304, path);
    assert.equal((await put({ "if-match": etag }, second)).etag, '"2"', path);
    const now = await shown();
    const stale = await put({ "if-match": etag }, first);
    assert.equal(stale.status, 412, path);
    assert.match(stale.text, /has changed: it is version 2 now/, path);
    assert.equal(await shown(), now, path);
    if (path.startsWith("/brakes/")) continue;
    assert.equal((await ask("DELETE", path, { "if-match": etag })).status, 412, path);
    assert.equal((await ask("DELETE", path, { "if-match": '"2"' })).status, 204, path);
  }
});

test("a setting is changed and taken back as the version that was read; taking back counts", async () => {
  const path = "/settings/keep-alive";
  const shown = async () => {
    const { etag, text } = await ask("GET", path);
    return { etag, value: (JSON.parse(text) as ChangeableSetting).value };
  };
  const first = await shown();
  assert.match(first.etag, /^"1-/);
  assert.equal((await ask("GET", path, { "if-none-match": first.etag })).status, 304);
  assert.equal((await ask("PUT", path, { "if-match": first.etag }, { value: 20 })).etag, '"2"');
  assert.equal((await ask("PUT", path, { "if-match": "*" }, { value: 21 })).status, 200);
  for (const [method, body] of [["PUT", { value: 22 }] as const, ["DELETE"] as const]) {
    const stale = await ask(method, path, { "if-match": '"2"' }, body);
    assert.equal(stale.status, 412);
    assert.match(stale.text, /setting keep-alive has changed: it is version 3 now/);
  }
  assert.equal((await shown()).value, 21);
  assert.equal((await ask("DELETE", path, { "if-match": (await shown()).etag })).etag, '"4"');
  assert.equal((await shown()).value, first.value);
  assert.equal(
    (await ask("PUT", path, { "if-match": first.etag }, { value: 23 })).status,
    412,
    "as it was, but changed",
  );
  const raced = await Promise.all([30, 31, 32].map((value) => ask("PUT", path, { "if-match": '"4"' }, { value })));
  assert.deepEqual(raced.map(({ status }) => status).sort(), [200, 412, 412]);
});

test("of two that make one thing where there is none, one does", async () => {
  for (const [path, [first, second]] of Object.entries(PUT)) {
    const many = Array.from({ length: 6 }, (_, index) => [first, second][index % 2]!);
    const answers = await Promise.all(
      many.map((body) => ask("PUT", path.replace("one", "raced"), { "if-none-match": "*" }, body)),
    );
    assert.deepEqual(answers.map(({ status }) => status).filter((status) => status !== 412).length, 1, path);
  }
});

/** Nothing that is read there can have been changed since. */
const WITHOUT_VERSION = new Set([
  ...["grantRole", "takeRole", "revokeToken", "revokeOwnToken", "revokeCertificate", "removeWebhook", "removeProfile"],
  ...["putBlob", "registerHost", "appendLog"],
]);

test("each route that puts, changes or removes what has a version takes conditions", () => {
  const routes = apiRoutes(hub.database, {} as never, {} as never);
  const without = routes.filter(
    ({ method, takesConditions }) => method !== "get" && method !== "post" && takesConditions === undefined,
  );
  assert.deepEqual(new Set(without.map(({ id }) => id)), WITHOUT_VERSION);
});

test("conditions that a route would not look at are refused, and nothing is changed", async () => {
  for (const condition of [{ "if-none-match": "*" }, { "if-match": '"1"' }])
    assert.equal((await ask("PUT", "/grants/anna/viewer", condition)).status, 400);
  const { items } = await hub.admin.call<{ items: { principal: string }[] }>("GET", "/grants");
  assert.ok(!items.some(({ principal }) => principal === "anna"));
});

test("an artefact is told once, from where it is wanted; a range of another one is none of it", async () => {
  const path = `/blobs/sha256:${createHash("sha256").update("abcdef").digest("hex")}`;
  await hub.admin.call("PUT", `${path}?size=6`, Buffer.from("abcdef"));
  const { etag } = await ask("GET", path);
  for (const [headers, status, text] of [
    [{ "if-none-match": etag }, 304, ""],
    [{ "if-none-match": '"other"' }, 200, "abcdef"],
    [{ range: "bytes=1-2" }, 206, "bc"],
    [{ range: "bytes=4-" }, 206, "ef"],
    [{ range: "bytes=-2" }, 206, "ef"],
    [{ range: "bytes=-99" }, 206, "abcdef"],
    [{ range: "bytes=-" }, 200, "abcdef"],
    [{ range: "bytes=1-2", "if-range": etag }, 206, "bc"],
    [{ range: "bytes=1-2", "if-range": '"other"' }, 200, "abcdef"],
  ] as const) {
    const answer = await ask("GET", path, headers);
    assert.deepEqual([answer.status, answer.text], [status, text], JSON.stringify(headers));
  }
  for (const range of ["bytes=6-", "bytes=-0"]) assert.equal((await ask("GET", path, { range })).status, 416, range);
});

test("what has not changed is not told again; a task has, when another one waits for it", async () => {
  const submit = (more: object = {}): Promise<TaskView> =>
    hub.admin.call("POST", "/tasks", { kind: "own", payload: {}, ...more });
  const { id } = await submit();
  const { etag } = await ask("GET", `/tasks/${id}`);
  for (const known of [etag, `W/${etag}`, `"x", ${etag}`, "*"])
    assert.deepEqual((await ask("GET", `/tasks/${id}`, { "if-none-match": known })).status, 304, known);
  const child = await submit({ after: [id] });
  const again = await ask("GET", `/tasks/${id}`, { "if-none-match": etag });
  assert.equal(again.status, 200);
  assert.deepEqual((JSON.parse(again.text) as { children: number[] }).children, [child.id]);
  // Its version has not, so that what was read before is good enough to change it.
  assert.equal((await ask("PATCH", `/tasks/${id}`, { "if-match": etag }, { priority: 4 })).status, 200);
  assert.equal((await ask("PATCH", `/tasks/${id}`, { "if-match": etag }, { priority: 5 })).status, 412);
});
