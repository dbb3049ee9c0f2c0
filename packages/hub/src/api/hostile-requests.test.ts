/**
 * Goal: what somebody asks for who means no good, or makes a mistake, costs the hub and others nothing. Method: a hub
 * in this process, over HTTP.
 */
import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { after, before, test } from "node:test";
import { extendedTest } from "@stratos/base/testing";
import { HubProblem, type HubClient, type TaskView } from "@stratos/hub-api";
import { startTestHub, type TestHub } from "../testing/test-hub.ts";

let hub: TestHub;
before(async () => void (hub = await startTestHub()));
after(() => hub.close());

async function clientWith(principal: string, role: string): Promise<HubClient> {
  await hub.admin.call("PUT", `/grants/${principal}/${role}`);
  const { token } = await hub.admin.call<{ token: string }>("POST", "/tokens", { principal, scopes: ["*"] });
  return hub.client(token);
}

async function problemOf(work: Promise<unknown>): Promise<HubProblem["problem"]> {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof HubProblem, String(error));
    return error.problem;
  }
  return assert.fail("it was not refused");
}

const submit = (client: HubClient, more: object = {}): Promise<TaskView> =>
  client.call("POST", "/tasks", { kind: "command", payload: { argv: ["true"] }, ...more });

test("a payload that is nested too deep is refused, and one that is not is kept", async () => {
  const nested = (depth: number): unknown => {
    let value: unknown = 1;
    for (let level = 0; level < depth; level++) value = [value];
    return value;
  };
  const kept = await submit(hub.admin, { kind: "own", payload: { deep: nested(190) } });
  assert.deepEqual((await hub.admin.call<TaskView>("GET", `/tasks/${kept.id}`)).payload, { deep: nested(190) });
  for (const depth of [250, 100_000]) {
    // Written by hand, as JSON.stringify has a stack, too.
    const body = `{"kind":"own","payload":{"deep":${"[".repeat(depth)}${"]".repeat(depth)}}}`;
    const headers = { "content-type": "application/json" };
    const { status, detail } = await problemOf(hub.admin.raw("POST", "/tasks", { body, headers }));
    assert.deepEqual([status, detail], [422, "body: deeper than 200 lists or objects in each other"], String(depth));
  }
});

test("text that looks like an escape of JSON is text, in events, too", async () => {
  const description = '\\u0000 \\\\u0000 \\ud800 "\\';
  await hub.admin.call("PUT", "/channels/escapes", { description });
  const rows = await hub.database.query<{ detail: { description: string } }>(
    "select detail from event where what = 'CHANNEL_CHANGED' and detail->>'channel' = 'escapes'",
  );
  assert.deepEqual(
    rows.map(({ detail }) => detail.description),
    [description],
  );
});

test("a task of a channel that is gone is not tried again, and stays what it is", async () => {
  await hub.admin.call("PUT", "/channels/going", {});
  const { id } = await submit(hub.admin, { channel: "going" });
  await hub.admin.call("POST", `/tasks/${id}/cancel`, {});
  await hub.admin.call("DELETE", "/channels/going");
  const { status, type } = await problemOf(hub.admin.call("POST", `/tasks/${id}/retry`, {}));
  assert.deepEqual([status, type], [409, "urn:stratos:hub:no-such-channel"]);
  assert.equal((await hub.admin.call<TaskView>("GET", `/tasks/${id}`)).state, "CANCELED");
  assert.deepEqual((await hub.admin.call<{ findings: unknown[] }>("POST", "/fsck")).findings, []);
});

extendedTest("a page of large tasks ends early, and the next goes on behind it", async () => {
  await hub.admin.call("PUT", "/channels/large", {});
  const made: number[] = [];
  for (let index = 0; index < 12; index++)
    made.push((await submit(hub.admin, { channel: "large", kind: "own", payload: { x: "y".repeat(1_000_000) } })).id);
  const seen: number[] = [];
  const pages: number[] = [];
  for (let cursor = ""; ;) {
    const page = await hub.admin.call<{ items: TaskView[]; next: string | null }>(
      "GET",
      `/tasks?channel=large&limit=500${cursor}`,
    );
    pages.push(page.items.length);
    seen.push(...page.items.map(({ id }) => id));
    if (page.next === null) break;
    cursor = `&cursor=${page.next}`;
  }
  assert.deepEqual(pages, [8, 4]);
  assert.deepEqual(seen, made.toReversed());
});

test("a workflow that there is not is not canceled; one that somebody may not cancel stays whole", async () => {
  assert.equal((await problemOf(hub.admin.call("POST", "/workflows/999999/cancel", {}))).status, 404);
  const client = await clientWith("halves", "submitter");
  await hub.admin.call("PUT", "/channels/half", {});
  const task = { kind: "command", payload: { argv: ["true"] } };
  const { id, tasks } = await hub.admin.call<{ id: number; tasks: { id: number }[] }>("POST", "/workflows", {
    name: "half",
    tasks: [task, { ...task, channel: "half" }],
  });
  await hub.admin.call("PUT", "/roles/half-changer", { permissions: ["task:change:default"] });
  await hub.admin.call("PUT", "/grants/halves/half-changer");
  await until(async () => (await problemOf(client.call("POST", `/workflows/${id}/cancel`, {}))).status === 403);
  for (const one of tasks)
    assert.equal((await hub.admin.call<TaskView>("GET", `/tasks/${one.id}`)).state, "FREE", "nothing was canceled");
});

test("times that there are not are refused, and so are deliveries of no webhook", async () => {
  for (const since of ["-1", "2026-02-30", "2026-02-30T00:00:00Z", "0000-01-01T00:00:00Z", "2026-13-01", "yesterday"])
    assert.equal((await problemOf(hub.admin.call("GET", `/failures?since=${since}`))).status, 422, since);
  await hub.admin.call("GET", "/failures?since=2024-02-29&until=2026-01-01T00:00:00%2B02:00");
  assert.equal((await problemOf(hub.admin.call("GET", "/webhooks/999999/deliveries"))).status, 404);
});

test("a webhook's URL with a password is refused, without saying it", async () => {
  const url = "http://user:hunter2@127.0.0.1:9/";
  const { status, detail } = await problemOf(hub.admin.call("POST", "/webhooks", { url, events: ["FAILED"] }));
  assert.equal(status, 422);
  assert.doesNotMatch(detail ?? "", /hunter2/);
});

test("who guesses tokens is stopped, and shuts nobody out who has a good one behind the same address", async (t) => {
  const own = await startTestHub();
  t.after(() => own.close());
  const guess = (): Promise<number> =>
    fetch(`${own.server.url}/v1/whoami`, { headers: { authorization: "Bearer wrong" } }).then(({ status }) => status);
  const answers: number[] = [];
  for (let count = 0; count < 40; count++) answers.push(await guess());
  assert.deepEqual([answers[0], answers.at(-1)], [401, 429]);
  assert.equal((await own.admin.call<{ principal: string }>("GET", "/whoami")).principal, "admin");
  assert.equal(await guess(), 429);
});

test("wrong signatures and tokens of others behind one address keep nobody out, and are braked", async (t) => {
  const own = await startTestHub();
  t.after(() => own.close());
  await own.admin.call("PUT", "/secrets/forge", { value: "the forge's secret" });
  await own.admin.call("PUT", "/triggers/tool", {
    ...{ forge: "gitea", secret: "forge", task: { kind: "command", payload: { argv: ["true"] } } },
  });
  const body = JSON.stringify({
    ...{ ref: "refs/heads/main", after: "c".repeat(40), commits: [] },
    repository: { full_name: "me/tool", clone_url: "https://forge.example/me/tool.git" },
  });
  const post = (path: string, text: string, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(own.server.url + path, { method: "POST", body: text, headers });
  const deliver = (key: string): Promise<Response> =>
    post("/hooks/tool", body, {
      "x-gitea-event": "push",
      "x-gitea-signature": createHmac("sha256", key).update(body).digest("hex"),
    });
  const enrol = (token: string): Promise<Response> =>
    post("/ca/enrol", JSON.stringify({ token, request: "no request for a certificate" }));
  const token = `stratos-enrol_${"a".repeat(43)}`;
  await own.database.query(
    "insert into enrolment (hash, host, created_by, expires) values ($1, 'h', 'admin', now() + interval '1 hour')",
    [createHash("sha256").update(token).digest("hex")],
  );
  for (const guess of [() => deliver("wrong"), () => enrol("wrong")]) {
    const statuses: number[] = [];
    for (let count = 0; count < 32; count++) statuses.push((await guess()).status);
    assert.equal(statuses.at(-1), 429);
  }
  const over = await deliver("wrong");
  assert.equal(over.headers.get("retry-after"), "60");
  assert.equal((await deliver("the forge's secret")).status, 201);
  // Its token is good, and what it asks for is not.
  assert.equal((await enrol(token)).status, 422);
});

test("mistakes of clients are told as what they are", async () => {
  const put = (path: string): Promise<unknown> => hub.admin.call("PUT", path, {});
  const { status, detail } = await problemOf(put("/channels/Bad%20Name"));
  assert.deepEqual([status, /^Bad Name: no name for a channel/.test(detail)], [422, true]);
  assert.equal((await problemOf(put("/grants/anna/no%20role"))).status, 422);
  assert.equal((await problemOf(hub.admin.call("GET", "/channels/Bad%20Name"))).status, 404);
  const headers = { "content-type": "application/json", "content-encoding": "gzip" };
  const packed = await problemOf(hub.admin.raw("POST", "/tasks", { body: "{}", headers }));
  assert.deepEqual([packed.status, packed.detail], [415, "Content-Encoding gzip: expected a body as it is"]);
  // Schemes are words in any case (RFC 9110 §11.1).
  const asked = await fetch(`${hub.server.url}/v1/whoami`, { headers: { authorization: `bearer ${hub.adminToken}` } });
  assert.equal(asked.status, 200);
});

test("a cursor of events that are yet to come is refused, rather than silent", async () => {
  const headers = { "last-event-id": "999999999999-1" };
  assert.equal((await problemOf(hub.admin.raw("GET", "/events/stream", { headers }))).status, 400);
  assert.equal((await problemOf(hub.admin.call("GET", "/events?cursor=999999999999-1"))).status, 400);
  const { items } = await hub.admin.call<{ items: { cursor: string }[] }>("GET", "/events?limit=3");
  await hub.admin.call("GET", `/events?cursor=${items.at(-1)!.cursor}`);
});

test("names of triggers, channels and files that no database keeps are nowhere, no failure of the hub", async () => {
  const warned = hub.warnings.length;
  for (const [method, path] of [
    ["POST", "/hooks/a%00b"],
    ["POST", `/hooks/${"a".repeat(5_000)}`],
    ["GET", "/repos/a%00b/dists/a%00b/InRelease"],
    ["GET", "/repos/default/pool/a%00b"],
    ["GET", "/repos/default/dists/default/a%00b"],
    ["GET", "/repos/%ff/dists/%ff/InRelease"],
  ] as const) {
    const { status } = await fetch(hub.server.url + path, { method });
    assert.ok(status === 404 || status === 401 || status === 400, `${method} ${path.slice(0, 40)}: ${status}`);
  }
  assert.deepEqual(hub.warnings.slice(warned), []);
});

async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await isSo()); tries++) {
    assert.ok(tries < 100, "in vain");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
