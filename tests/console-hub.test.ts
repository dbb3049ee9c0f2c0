/**
 * Goal: one sign-in, at the console, for the hub behind it: each role does at the hub what its own does, keys of the
 * hub stay keys, and what the console refuses (other origins, other names, cookies alone, sessions that are over) never
 * comes to the hub. Method: a hub and a console in this process, over HTTP.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { extendedTest } from "@stratos/base/testing";
import { type ClaimAnswer, GATEWAY_HEADERS, HubClient, type TaskView } from "@stratos/hub-api";
import { AccessKeys, addAccessKey } from "@stratos/volumes/serve";
import { ROLES, type Role } from "@stratos/volumes/roles";
import { SignIn } from "../packages/console/src/serve/access/sign-in.ts";
import { startConsole } from "../packages/console/src/serve/console-server.ts";
import { remoteHub } from "../packages/console/src/serve/hub/hub-link.ts";
import { apiRoutes } from "../packages/hub/src/hub-server.ts";
import { startTestHub, type TestHub } from "../packages/hub/src/testing/test-hub.ts";
import { until } from "./support/until.ts";

const HUB_ROLES = { viewer: "viewer", operator: "operator", administrator: "admin" } as const;
let hub: TestHub;
let url = "";
let close = (): Promise<void> => Promise.resolve();
const keys = new Map<Role, string>();
const folder = mkdtempSync(join(tmpdir(), "console-hub-"));

before(async () => {
  hub = await startTestHub();
  const { token } = await hub.admin.call<{ token: string }>("POST", "/tokens", {
    principal: "console",
    scopes: ["identity:vouch"],
  });
  await hub.admin.call("PUT", "/grants/console/console");
  const path = join(folder, "serve.keys");
  for (const role of ROLES) keys.set(role, addAccessKey(path, `one-${role}`, role, null));
  const server = await startConsole(
    { host: "127.0.0.1", port: 0 },
    {
      home: folder,
      version: "0",
      signIn: new SignIn("the token", new AccessKeys(path, assert.fail), null),
      defaults: { image: () => "none", memoryBytes: () => 1 },
      names: [],
      isSecure: false,
      isPublic: false,
      page: new Map([["index.html", Buffer.from("the page")]]),
      hub: remoteHub({ url: hub.server.url, key: token }),
      openSupervisor: () => {
        const answer = Promise.resolve({ value: [] });
        return Promise.resolve({ call: () => ({ call: 1, answer }), send: () => {}, close: () => {} } as never);
      },
      commandLine: { program: "false", words: [] },
      onDefect: assert.fail,
    },
  );
  url = server.address.replace(/\/$/, "");
  close = server.close;
});
after(async () => {
  await close();
  await hub.close();
  rmSync(folder, { recursive: true, force: true });
});

const ask = (path: string, secret: string | null, init: RequestInit = {}): Promise<Response> =>
  fetch(url + path, {
    redirect: "manual",
    ...init,
    headers: {
      ...(secret === null ? {} : { authorization: `Bearer ${secret}` }),
      ...(init.headers as Record<string, string>),
    },
  });
const submission = (label: string): RequestInit => ({
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ kind: "command", label, payload: { argv: ["true"] } }),
});
const submit = async (label: string, secret = keys.get("operator")!): Promise<TaskView> => {
  const response = await ask("/v1/hub/tasks", secret, submission(label));
  assert.equal(response.status, 201);
  return (await response.json()) as TaskView;
};

/** A session, as a browser has it. */
async function signIn(token: string): Promise<Record<string, string>> {
  const response = await fetch(`${url}/v1/session`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ token }),
  });
  const { key } = (await response.json()) as { key: string };
  return { "cookie": response.headers.get("set-cookie")!.split(";")[0]!, "stratos-key": key };
}

extendedTest("each role of the console does at the hub what the hub's own role does, route by route", async () => {
  const none = { path: "", method: "GET" };
  const routes = apiRoutes(hub.database, null as never, null as never).filter(
    // The keys that are shown here are needed for the next.
    ({ id, answers }) => answers !== "events" && id !== "revokeOwnToken",
  );
  const direct = new Map<Role, string>();
  for (const role of ROLES) {
    await hub.admin.call("PUT", `/grants/direct-${role}/${HUB_ROLES[role]}`);
    const key = { principal: `direct-${role}`, scopes: ["*"] };
    direct.set(role, (await hub.admin.call<{ token: string }>("POST", "/tokens", key)).token);
  }
  let refused = 0;
  for (const route of [...routes, none]) {
    const path = route.path
      .replace("{digest}", `sha256:${"0".repeat(64)}`)
      .replace(/\{(task|run|workflow|webhook|delivery)\}/g, "999999")
      .replace(/\{\w+\}/g, "nobody");
    const takes = "takes" in route && route.takes === "bytes";
    const body = takes ? new Uint8Array(1) : "body" in route && route.body !== undefined ? "{}" : null;
    const type = takes ? "application/octet-stream" : "application/json";
    const init = {
      method: route.method.toUpperCase(),
      ...(body === null ? {} : { body, headers: { "content-type": type } }),
    };
    for (const role of ROLES) {
      const mounted = await ask(`/v1/hub${path}`, keys.get(role)!, init);
      await mounted.body?.cancel();
      const headers = { ...init.headers, authorization: `Bearer ${direct.get(role)!}` };
      const own = await fetch(`${hub.server.url}/v1${path}`, { ...init, headers, redirect: "manual" });
      await own.body?.cancel();
      assert.equal(mounted.status === 403, own.status === 403, `${role} ${init.method} ${path}: ${mounted.status}`);
      assert.notEqual(mounted.status, 401);
      if (mounted.status === 403) refused++;
    }
    const stranger = await ask(`/v1/hub${path}`, null, init);
    assert.equal(stranger.status, 401, path);
    await stranger.body?.cancel();
  }
  assert.ok(refused > routes.length / 2, "roles differ");
});

test("who signed in at the console is that person at the hub; keys of the hub are what they are", async () => {
  const whoIs = async (path: string, secret: string): Promise<string> =>
    ((await (await ask(path, secret)).json()) as { principal: string }).principal;
  assert.equal(await whoIs("/v1/hub/whoami", keys.get("viewer")!), "console:one-viewer");
  assert.equal(await whoIs("/hub/v1/whoami", "the token"), "console:owner");
  assert.equal(await whoIs("/hub/v1/whoami", hub.adminToken), "admin");
  assert.equal((await ask("/hub/v1/whoami", "stratos_000000000000_wrong")).status, 401);
  const client = new HubClient({ url: `${url}/hub`, token: hub.adminToken, fetch: (to, init) => fetch(to, init) });
  assert.ok((await client.call<{ items: unknown[] }>("GET", "/channels")).items.length > 0);
  const session = await (await ask("/v1/session", keys.get("viewer")!)).json();
  assert.deepEqual(session, { name: "one-viewer", role: "viewer", hub: "/hub" });
});

test("nobody says by headers who he is: they are the console's alone", async () => {
  const forged = {
    [GATEWAY_HEADERS.person]: "one-administrator",
    [GATEWAY_HEADERS.role]: "admin",
    [GATEWAY_HEADERS.client]: "192.0.2.1",
  };
  assert.equal((await ask("/v1/hub/tokens", keys.get("viewer")!, { headers: forged })).status, 403);
  assert.equal((await ask("/v1/hub/tokens", null, { headers: forged })).status, 401);
  assert.equal((await ask("/hub/repos/none", null, { headers: forged })).status, 404);
  // Beside a key of the hub's own, whose request the console vouches for nobody with.
  await hub.admin.call("PUT", "/grants/low/viewer");
  const { token } = await hub.admin.call<{ token: string }>("POST", "/tokens", { principal: "low", scopes: ["*"] });
  assert.equal((await ask("/v1/hub/tasks", token, { headers: forged })).status, 200);
  assert.equal((await ask("/v1/hub/tokens", token, { headers: forged })).status, 403);
  await hub.server.service.accessLog.flush();
  const rows = await hub.database.query<{ from: string }>(
    "select distinct detail->>'from' as from from event where actor like 'console:%' and detail->>'from' is not null",
  );
  assert.deepEqual(rows, [{ from: "127.0.0.1" }]);
});

test("a session is cookie and key together; other origins, other names and what is over are refused", async () => {
  const session = await signIn(keys.get("operator")!);
  const submitted = (headers: Record<string, string>): Promise<Response> =>
    ask("/v1/hub/tasks", null, {
      ...submission("by a session"),
      headers: { "content-type": "application/json", ...headers },
    });
  const at = { ...session, origin: url };
  assert.equal((await submitted(at)).status, 201);
  assert.equal((await submitted({ ...at, origin: "http://evil.example" })).status, 403);
  assert.equal((await submitted({ cookie: session["cookie"]! })).status, 401);
  assert.equal((await submitted({ "stratos-key": session["stratos-key"]! })).status, 401);
  // DNS rebinding: another name leads here.
  const rebound = await new Promise<number>((resolve, reject) =>
    httpRequest(`${url}/v1/hub/tasks`, { headers: { ...session, host: "evil.example" } }, (response) => {
      response.resume();
      resolve(response.statusCode!);
    })
      .on("error", reject)
      .end(),
  );
  assert.equal(rebound, 421);
  const audit = await ask("/v1/audit", "the token");
  const entries = (await audit.json()) as { name: string; operation: string; target: string; status: number }[];
  const { name, operation, target, status } = entries.find((entry) => entry.operation === "hub")!;
  assert.deepEqual([name, operation, target, status], ["one-operator", "hub", "POST /v1/tasks", 201]);

  // A stream that goes on ends with the session.
  const task = await submit("nobody runs it");
  const stream = await ask(`/v1/hub/tasks/${task.id}/stream`, null, { headers: session });
  assert.match(stream.headers.get("content-type")!, /event-stream/);
  const reader = stream.body!.getReader();
  assert.match(new TextDecoder().decode((await reader.read()).value), /event: task/);
  assert.equal((await ask("/v1/session", null, { method: "DELETE", headers: session })).status, 200);
  while (!(await reader.read()).done);
  assert.equal((await submitted(at)).status, 401);
});

test("a visit leads to the console's page; a session's request gets the hub's, which is no page here", async () => {
  const visit = { accept: "text/html,*/*" };
  const lead = async (path: string): Promise<(string | number | null)[]> => {
    const response = await ask(path, null, { headers: visit });
    return [response.status, response.headers.get("location")];
  };
  assert.deepEqual(await lead("/hub"), [303, "/#hub"]);
  assert.deepEqual(await lead("/hub/tasks/7"), [303, "/#hub/tasks/7"]);
  assert.deepEqual(await lead("/hub/tasks?state=open"), [303, "/#hub/tasks/%3Fstate%3Dopen"]);
  const session = await signIn(keys.get("viewer")!);
  const page = await ask("/hub/tasks", null, { headers: { ...session, ...visit } });
  assert.equal(page.status, 200);
  assert.match(await page.text(), /<h1>Tasks<\/h1>/);
  assert.match(page.headers.get("content-security-policy")!, /sandbox/);
  const task = await submit("to be cancelled");
  const operator = await signIn(keys.get("operator")!);
  const cancel = await ask(`/hub/tasks/${task.id}/cancel`, null, { method: "POST", headers: operator });
  assert.deepEqual([cancel.status, cancel.headers.get("location")], [303, `/hub/tasks/${task.id}`]);
  const refused = await ask(`/hub/tasks/${task.id}/retry`, null, { method: "POST", headers: session });
  assert.equal(refused.status, 403);
  // The hub's own sign-in gives no cookie of this origin.
  const login = { method: "POST", body: new URLSearchParams({ token: hub.adminToken }) };
  const given = await ask("/hub/login", hub.adminToken, login);
  assert.deepEqual([given.status, given.headers.get("set-cookie")], [303, null]);
});

test("bytes, locations and streams pass through as they come", async () => {
  const made = await ask("/v1/hub/tasks", keys.get("operator")!, submission("a location"));
  const location = made.headers.get("location")!;
  assert.match(location, /^\/v1\/hub\/tasks\/\d+$/);
  assert.equal((await ask(location, keys.get("viewer")!)).status, 200);
  const below = await ask("/hub/v1/tasks", keys.get("operator")!, submission("another"));
  assert.match(below.headers.get("location")!, /^\/hub\/v1\/tasks\/\d+$/);

  // A worker of the hub, by its own key, and somebody at the console who reads along.
  const worker = new HubClient({ url: `${url}/hub`, token: hub.adminToken, fetch: (to, init) => fetch(to, init) });
  await worker.call("PUT", "/channels/live", {});
  const host = { arches: ["any"], channels: ["live"], capacity: 2 };
  const { session } = await worker.call<{ session: string }>("PUT", "/hosts/live", host);
  const claim = { session, slots: 1, waitSeconds: 50, start: true, holding: [] };
  const waiting = worker.call<ClaimAnswer>("POST", "/hosts/live/claim", claim);
  const task = await worker.call<TaskView>("POST", "/tasks", {
    kind: "command",
    channel: "live",
    payload: { argv: ["true"] },
  });
  const [run] = (await waiting).runs;
  assert.equal(run!.task, task.id);
  const append = (offset: number, content: Uint8Array): Promise<unknown> =>
    worker.call("PUT", `/hosts/live/runs/${run!.run}/log?offset=${offset}`, content, {
      headers: { "run-token": run!.token },
    });
  const reader = new HubClient({ url: `${url}/hub`, token: keys.get("viewer")!, fetch: (to, init) => fetch(to, init) });
  await append(0, Buffer.from("one "));
  const said: string[] = [];
  for await (const { event, data } of reader.stream(`/tasks/${task.id}/log/stream`)) {
    said.push((data as { text: string }).text);
    // It has come while the stream is open; only then is there more.
    if (said.length === 1) await append(4, Buffer.from("two"));
    else assert.equal(event, "log");
    if (said.join("") === "one two") break;
  }
  const bytes = new Uint8Array(300_000).map((_, index) => index * 7);
  const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  await worker.call("PUT", `/blobs/${digest}?offset=0&size=${bytes.length}`, bytes);
  const read = await ask(`/v1/hub/blobs/${digest}`, keys.get("viewer")!);
  assert.deepEqual(new Uint8Array(await read.arrayBuffer()), bytes);
});

test("descriptions, probes and metrics are of both", async () => {
  const own = (await (await ask("/v1/openapi.json", null)).json()) as { externalDocs: { url: string } };
  const described = await (await ask(own.externalDocs.url, null)).json();
  const { paths } = described as { paths: Record<string, object> };
  assert.ok("/v1/hub/tasks/{task}/cancel" in paths && !("/v1/tasks" in paths));
  const metrics = await (await ask("/metrics", keys.get("viewer")!)).text();
  assert.match(metrics, /stratos_console_sessions/);
  assert.match(metrics, /stratos_hub_leader 1/);
  assert.doesNotMatch(await (await ask("/metrics", null)).text(), /stratos_hub_/);
  for (const probe of ["/healthz", "/readyz"]) assert.equal((await ask(probe, null)).status, 200);
  await hub.server.close();
  await until("the hub is away", async () => (await ask("/readyz", null)).status === 503);
  assert.equal((await ask("/healthz", null)).status, 200, "another's hub is another's to start");
  const away = await ask("/v1/hub/tasks", keys.get("viewer")!);
  assert.deepEqual([away.status, away.headers.get("content-type")], [503, "application/problem+json"]);
  assert.match(await (await ask("/metrics", keys.get("viewer")!)).text(), /stratos_console_sessions/);
});
