/**
 * Goal: whoever does not know whether a request was carried out asks again, and changes nothing twice. Method: a hub
 * over HTTP; routes of both kinds, also together, also after a hub that died. That all routes do so is tried in
 * api.test.ts, by requests made from their descriptions.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { apiRoutes } from "../hub-server.ts";
import { startTestHub, type TestHub } from "../testing/test-hub.ts";
import { takesKey } from "./idempotency.ts";

let hub: TestHub;
before(async () => void (hub = await startTestHub()));
after(() => hub.close());

async function ask(method: string, path: string, key: string, body?: object, more: Record<string, string> = {}) {
  const response = await fetch(`${hub.server.url}/v1${path}`, {
    method,
    headers: {
      ...{ "authorization": `Bearer ${hub.adminToken}`, "idempotency-key": key, ...more },
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

const role = { permissions: ["task:read"] };

test("all that changes something takes a key, but for workers, content, and what only looks like a change", () => {
  const routes = apiRoutes(hub.database, {} as never, {} as never).filter(({ method }) => method !== "get");
  assert.deepEqual(
    routes
      .filter((route) => !takesKey(route) && route.tag !== "workers")
      .map(({ id }) => id)
      .sort(),
    ["planRebuild", "putBlob", "runFsck", "testTrigger", "testWebhook", "verifyAudit"],
  );
});

test("a change that came twice is made once, and answered alike, also when its condition holds no more", async () => {
  const first = await ask("PUT", "/roles/reader", "role-1", role, { "if-none-match": "*" });
  assert.equal(first.status, 200, first.text);
  const again = await ask("PUT", "/roles/reader", "role-1", role, { "if-none-match": "*" });
  assert.deepEqual([again.status, again.headers.get("etag")], [200, '"1"']);
  assert.deepEqual(JSON.parse(again.text), JSON.parse(first.text));
  assert.equal(again.headers.get("idempotent-replayed"), "true");
  assert.match((await ask("PUT", "/roles/reader", "role-1", { permissions: ["*"] })).text, /key-reused/);
  for (let time = 0; time < 2; time++) assert.equal((await ask("DELETE", "/roles/reader", "role-2")).status, 204);
  assert.equal((await ask("DELETE", "/roles/reader", "role-3")).status, 404);
  // What was refused was not carried out, and may be again.
  await ask("PUT", "/roles/reader", "role-4", role);
  assert.equal((await ask("DELETE", "/roles/reader", "role-3")).status, 204);
});

test("a key, a webhook: made once; what is told once is not told again, and is kept nowhere", async () => {
  for (const [path, body, secret] of [
    ["/tokens", { principal: "anna", scopes: ["task:read"] }, "token"],
    ["/webhooks", { url: "http://127.0.0.1:9/", events: ["FAILED"] }, "secret"],
  ] as const) {
    const first = await ask("POST", path, `told ${path}`.replaceAll(/\W/g, "-"), body);
    assert.equal(first.status, 201, first.text);
    const made = JSON.parse(first.text) as Record<string, unknown>;
    const again = await ask("POST", path, `told ${path}`.replaceAll(/\W/g, "-"), body);
    assert.equal(again.status, 409, again.text);
    const problem = JSON.parse(again.text) as { type: string; made: Record<string, unknown> };
    assert.equal(problem.type, "urn:stratos:hub:told-once");
    assert.deepEqual(problem.made, { ...made, [secret]: null });
    const kept = await hub.database.query<{ answer: unknown }>("select answer from idempotency");
    assert.ok(!JSON.stringify(kept).includes(String(made[secret])));
  }
  const { items } = await hub.admin.call<{ items: { principal: string }[] }>("GET", "/tokens");
  assert.equal(items.filter(({ principal }) => principal === "anna").length, 1);
});

test("of five at once one is carried out, and the others are told of it or to wait", async () => {
  const answers = await Promise.all(
    Array.from({ length: 5 }, () =>
      ask("PUT", "/policies/p", "five", {
        permissions: ["task:read"],
        conditions: { isOwn: true },
      }),
    ),
  );
  for (const { status, text } of answers) assert.ok(status === 200 || (status === 409 && /under-way/.test(text)), text);
  assert.equal((await hub.admin.call<{ version: number }>("GET", "/policies/p")).version, 1);
});

test("a hub that died while it carried a request out: told so, and after a while it is carried out again", async () => {
  const body = { maxQueued: 3 };
  await ask("PUT", "/brakes/anna", "died", body);
  await hub.database.query("update idempotency set status = 0, answer = 'null' where key = 'died'");
  const early = await ask("PUT", "/brakes/anna", "died", body);
  assert.deepEqual([early.status, early.headers.get("retry-after")], [409, "1"]);
  await hub.database.query("update idempotency set created = now() - interval '1 hour' where key = 'died'");
  assert.match((await ask("PUT", "/brakes/anna", "died", { maxQueued: 4 })).text, /key-reused/);
  assert.equal((await ask("PUT", "/brakes/anna", "died", body)).status, 200);
  assert.equal((await ask("PUT", "/brakes/anna", "died", body)).headers.get("idempotent-replayed"), "true");
});
