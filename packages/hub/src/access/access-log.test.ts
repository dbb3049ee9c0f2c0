/**
 * Goal: no request waits for itself on a database of one connection: within its own transaction it asks nothing of the
 * database outside. Method: each route that joins the transaction of an Idempotency-Key, while the log of decisions is
 * full, on PGlite.
 */
import assert from "node:assert/strict";
import { after, before } from "node:test";
import { extendedTest, isExtended } from "@stratos/base/testing";
import { apiRoutes } from "../hub-server.ts";
import { startTestHub, type TestHub } from "../testing/test-hub.ts";

const FULL = 5_000;

/** Beside a request that waits for itself nothing else is answered, so the end is not waited for either. */
const PATIENCE_MS = 60_000;

let hub: TestHub;
if (isExtended)
  before(async () => {
    hub = await startTestHub();
  });
after(() => isExtended && hub.close(), { timeout: PATIENCE_MS });

const task = { kind: "command", payload: { argv: ["true"] } };
const BODIES: Readonly<Record<string, { readonly body: unknown; readonly status: number }>> = {
  submitTask: { body: { ...task, cacheKey: "key" }, status: 201 },
  submitBatch: { body: { tasks: [task, { ...task, label: "b", afterInBatch: [0] }] }, status: 201 },
  submitWorkflow: { body: { name: "w", tasks: [task, { ...task, label: "b", afterInBatch: [0] }] }, status: 201 },
  submitTemplate: { body: { values: { name: "x" } }, status: 201 },
  retryTask: { body: {}, status: 200 },
  createToken: { body: { principal: "one", scopes: ["task:read"], grants: ["viewer"] }, status: 201 },
  createWebhook: { body: { url: "http://127.0.0.1:9/", events: ["FAILED"] }, status: 201 },
  // It gets as far as the statement; this hub serves without TLS.
  redeliver: { body: {}, status: 404 },
  redeliverDead: { body: {}, status: 200 },
  inviteHost: { body: { host: "h" }, status: 409 },
  // There is no such source; it gets as far as the plan.
  rebuildSources: { body: { reason: "r", sources: ["hello"] }, status: 404 },
};

extendedTest("requests with an idempotency key, while the log of decisions is full", async () => {
  const routes = apiRoutes(hub.database, {} as never, {} as never).filter(
    ({ joinsTransaction }) => joinsTransaction === true,
  );
  assert.deepEqual(routes.map(({ id }) => id).sort(), Object.keys(BODIES).sort());
  await hub.admin.call("PUT", "/brakes/admin", { maxQueued: 1_000 });
  await hub.admin.call("PUT", "/templates/t", {
    parameters: { name: { type: "string" } },
    tasks: [task, { ...task, label: "{{name}}" }],
  });
  const { id: canceled } = await hub.admin.call<{ id: number }>("POST", "/tasks", task);
  await hub.admin.call("POST", `/tasks/${canceled}/cancel`);
  const names: Readonly<Record<string, string>> = { channel: "default", template: "t", task: String(canceled) };
  const { accessLog } = hub.server.service;
  const decision = { actor: "x", isAllowed: true, permission: "p", method: "GET", path: "/", from: "127.0.0.1" };
  for (const { id, method, path } of routes) {
    await accessLog.flush();
    // One is missing until the request is decided about.
    for (let count = 1; count < FULL; count++) accessLog.add(decision);
    const response = await fetch(`${hub.server.url}/v1${path.replace(/\{(\w+)\}/g, (_, name) => names[name] ?? "1")}`, {
      method: method.toUpperCase(),
      signal: AbortSignal.timeout(PATIENCE_MS),
      body: JSON.stringify(BODIES[id]!.body),
      headers: {
        "content-type": "application/json",
        authorization: `Bearer ${hub.adminToken}`,
        "idempotency-key": id,
      },
    });
    assert.equal(response.status, BODIES[id]!.status, `${id}: ${await response.text()} ${hub.warnings.join("\n")}`);
  }
  await accessLog.flush();
  const [counted] = await hub.database.query<{ count: number }>(
    "select count(*) as count from event where actor = 'x' and what = 'ALLOWED'",
  );
  assert.equal(counted!.count, routes.length * (FULL - 1), "none is dropped");
});
