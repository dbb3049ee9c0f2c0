/**
 * Goal: nobody does what his role may not. Method: each operation, asked by each role; the supervisor does nothing.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { SupervisorClient } from "@stratos/sdk/systems";
import { ROLES, type Role } from "@stratos/volumes/roles";
import { AccessKeys, addAccessKey } from "@stratos/volumes/serve";
import { SignIn } from "./access/sign-in.ts";
import { createConsoleService } from "./console-service.ts";
import { SYSTEM_ROUTES } from "./system-routes.ts";

/** What it was asked is told by `asked`; it knows no systems. */
function supervisor(asked: string[]): SupervisorClient {
  const call = (operation: string): object => {
    asked.push(operation);
    return { call: 1, answer: Promise.resolve({ value: operation === "systems" ? [] : null }) };
  };
  return { call, send: () => {}, close: () => {} } as unknown as SupervisorClient;
}

interface Served {
  readonly asked: string[];
  ask(secret: string, method: string, path: string, more?: RequestInit): Promise<Response>;
  key(role: Role): string;
}

function served(
  t: TestContext,
  more: { isPublic?: boolean; isSecure?: boolean; names?: readonly string[] } = {},
): Served {
  const folder = mkdtempSync(join(tmpdir(), "stratos-roles-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "serve.keys");
  const asked: string[] = [];
  const options = {
    home: folder,
    version: "0",
    signIn: new SignIn("token", new AccessKeys(path, assert.fail), null),
    defaults: { image: () => "none", memoryBytes: () => 1 },
    names: [],
    isSecure: false,
    isPublic: false,
    page: null,
    openSupervisor: () => Promise.resolve(supervisor(asked)),
    onDefect: () => {},
    ...more,
  };
  const service = createConsoleService(options, { text: "session" }, { count: 3 });
  return {
    asked,
    key: (role) => addAccessKey(path, role, role, null),
    ask: async (secret, method, at, { headers, ...init } = {}) =>
      service.request(`http://localhost${at}`, {
        method,
        headers: { host: "localhost", authorization: `Bearer ${secret}`, ...headers },
        ...init,
      }),
  };
}

test("each operation is refused to roles below its own, before anything is asked of the supervisor", async (t) => {
  const { ask, asked, key } = served(t);
  const keys = ROLES.map((role) => ({ role, secret: key(role) }));
  for (const route of SYSTEM_ROUTES) {
    const path = `/v1${route.path.replace(/\{\w+\}/g, "none")}`;
    for (const { role, secret } of keys) {
      asked.length = 0;
      const body = route.method === "post" ? { body: "{}", headers: { "content-type": "application/json" } } : {};
      const { status } = await ask(secret, route.method.toUpperCase(), path, body);
      const isAllowed = ROLES.indexOf(role) >= ROLES.indexOf(route.role);
      assert.equal(status === 403, !isAllowed, `${role}: ${route.id}: ${status}`);
      if (!isAllowed) assert.deepEqual(asked, []);
    }
  }
});

test("viewers only look; who makes systems, and could be given folders of the host, is an administrator", () => {
  const idsOf = (role: Role): string[] =>
    SYSTEM_ROUTES.filter((route) => route.role === role)
      .map(({ id }) => id)
      .sort();
  assert.ok(SYSTEM_ROUTES.every(({ method, role }) => method === "get" || role !== "viewer"));
  assert.deepEqual(idsOf("administrator"), [
    "createSystem",
    "forkSystem",
    "removeSnapshot",
    "removeSystem",
    "renameSystem",
  ]);
});

test("everybody is told who he is; strangers nothing", async (t) => {
  const { ask, key } = served(t);
  const viewer = key("viewer");
  assert.deepEqual(await (await ask(viewer, "GET", "/v1/session")).json(), { name: "viewer", role: "viewer" });
  assert.deepEqual(await (await ask("token", "GET", "/v1/session")).json(), { name: "owner", role: "administrator" });
  assert.equal((await ask("", "GET", "/v1/session")).status, 401);
});

test("metrics: sums for users of this host; systems by name, or from elsewhere, for keys alone", async (t) => {
  const local = served(t);
  const open = await (await local.ask("", "GET", "/metrics")).text();
  assert.match(open, /^stratos_systems\{state="running"\} 0$/m);
  assert.match(open, /^stratos_console_terminals 3$/m);
  assert.doesNotMatch(open, /stratos_system_running/);
  await local.ask("token", "GET", "/v1/images");
  const told = await (await local.ask("token", "GET", "/metrics")).text();
  assert.match(told, /^# TYPE stratos_system_running gauge$/m);
  assert.match(told, /^stratos_console_requests_total\{operation="listImages",status="200"\} 1$/m);
  const remote = served(t, { isPublic: true });
  assert.equal((await remote.ask("", "GET", "/metrics")).status, 401);
  assert.equal((await remote.ask(remote.key("viewer"), "GET", "/metrics")).status, 200);
});

test("by TLS only names of the certificate and pages that came by TLS are served", async (t) => {
  const { ask } = served(t, { isPublic: true, isSecure: true, names: ["box.example", "*.lab.example"] });
  const status = async (host: string, origin?: string): Promise<number> =>
    (await ask("token", "GET", "/v1/session", { headers: { host, ...(origin === undefined ? {} : { origin }) } }))
      .status;
  for (const host of ["box.example", "BOX.example:7470", "a.lab.example", "localhost"])
    assert.equal(await status(host), 200, host);
  for (const host of ["lab.example", "a.b.lab.example", "evil.example", "box.example.evil"])
    assert.equal(await status(host), 421, host);
  assert.equal(await status("box.example", "https://box.example"), 200);
  assert.equal(await status("box.example", "http://box.example"), 403);
  const response = await ask("token", "GET", "/v1/session");
  assert.match(response.headers.get("strict-transport-security")!, /^max-age=\d+$/);
});
