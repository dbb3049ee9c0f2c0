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
import { hostParts } from "./console-server.ts";
import { createConsoleService } from "./console-service.ts";
import { HOST_ROUTES } from "./host-routes.ts";
import { SYSTEM_ROUTES } from "./system-routes.ts";

const ROUTES = [...SYSTEM_ROUTES, ...HOST_ROUTES];

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
    commandLine: { program: "false", words: [] },
    onDefect: () => {},
    ...more,
  };
  const parts = { host: hostParts(options), terminals: { count: 3 } };
  const service = createConsoleService(options, { text: "session" }, parts);
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
  for (const route of ROUTES) {
    const path = `/v1${route.path.replace(/\{\w+\}/g, "none")}`;
    for (const { role, secret } of keys) {
      asked.length = 0;
      const body = ["post", "put"].includes(route.method)
        ? { body: "{}", headers: { "content-type": "application/json" } }
        : {};
      const { status } = await ask(secret, route.method.toUpperCase(), path, body);
      const isAllowed = ROLES.indexOf(role) >= ROLES.indexOf(route.role);
      assert.equal(status === 403, !isAllowed, `${role}: ${route.id}: ${status}`);
      if (!isAllowed) assert.deepEqual(asked, []);
    }
  }
});

test("viewers only look; who makes systems, and could be given folders of the host, is an administrator", () => {
  const idsOf = (role: Role): string[] =>
    ROUTES.filter((route) => route.role === role)
      .map(({ id }) => id)
      .sort();
  assert.ok(ROUTES.every(({ method, role }) => method === "get" || role !== "viewer"));
  assert.deepEqual(idsOf("administrator"), [
    "cancelJob",
    "createSystem",
    "forkSystem",
    "getAudit",
    "putTreefile",
    "removeJob",
    "removeSnapshot",
    "removeSystem",
    "removeTreefile",
    "renameSystem",
    "startJob",
  ]);
});

test("everybody is told who he is; strangers nothing", async (t) => {
  const { ask, key } = served(t);
  const viewer = key("viewer");
  assert.deepEqual(await (await ask(viewer, "GET", "/v1/session")).json(), { name: "viewer", role: "viewer" });
  assert.deepEqual(await (await ask("token", "GET", "/v1/session")).json(), { name: "owner", role: "administrator" });
  assert.equal((await ask("", "GET", "/v1/session")).status, 401);
});

test("a method that is not for a path is told with those that are", async (t) => {
  const { ask } = served(t);
  const put = await ask("token", "PUT", "/v1/systems");
  assert.deepEqual([put.status, put.headers.get("allow")], [405, "GET, HEAD, POST"]);
  assert.equal((await ask("", "PUT", "/v1/systems")).status, 401);
  assert.equal((await ask("token", "PUT", "/v1/none")).status, 404);
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

test("who has changed what, and who was refused, is written down; secrets are not", async (t) => {
  const { ask, key } = served(t);
  const json = { headers: { "content-type": "application/json" } };
  const [viewer, operator] = [key("viewer"), key("operator")];
  for (const token of ["nobody", operator])
    await ask("", "POST", "/v1/session", { ...json, body: JSON.stringify({ token }) });
  await ask(viewer, "GET", "/v1/systems");
  await ask(viewer, "GET", "/v1/audit");
  await ask(operator, "POST", "/v1/systems/dev/pause");
  const env = { PASSWORD: "hidden" };
  await ask("token", "POST", "/v1/systems", {
    ...json,
    body: JSON.stringify({ name: "db", command: ["ls", "/"], env }),
  });
  const text = await (await ask("token", "GET", "/v1/audit")).text();
  assert.doesNotMatch(text, /hidden|PASSWORD/);
  const entries = JSON.parse(text) as Record<string, unknown>[];
  assert.deepEqual(
    // Of one millisecond any may be the first.
    entries.map(({ name, operation, target, status }) => [name, operation, target, status].join()).sort(),
    ["operator,pauseSystem,dev,200", "operator,signIn,,201", "owner,createSystem,db ls /,201", "viewer,getAudit,,403"],
  );
  assert.deepEqual((await (await ask("token", "GET", "/v1/audit?count=1")).json()) as unknown, entries.slice(0, 1));
});

test("viewers see a job's kind and state; its words, what it writes and treefiles are for operators", async (t) => {
  const { ask, key } = served(t);
  const headers = { "content-type": "application/json" };
  const [viewer, operator] = [key("viewer"), key("operator")];
  const body = JSON.stringify({ command: ["image", "pull", "https://me:hidden@host/x"] });
  await ask("token", "POST", "/v1/jobs", { headers, body });
  const treefile = JSON.stringify({ text: "password: hidden\n" });
  assert.equal((await ask("token", "PUT", "/v1/composes/server", { headers, body: treefile })).status, 200);
  for (const path of ["/v1/jobs", "/v1/jobs/1", "/v1/composes"]) {
    const response = await ask(viewer, "GET", path);
    const text = await response.text();
    assert.ok(response.status === 200 && !text.includes("hidden"), text);
    if (path !== "/v1/composes") assert.ok(text.includes('"command":["image","pull"]'), text);
  }
  for (const path of ["/v1/jobs/1/log", "/v1/composes/server"])
    assert.deepEqual([(await ask(viewer, "GET", path)).status, (await ask(operator, "GET", path)).status], [403, 200]);
  assert.match(await (await ask(operator, "GET", "/v1/jobs/1")).text(), /hidden/);
});

test("treefiles: names that lead elsewhere are none, and what somebody has changed meanwhile stays", async (t) => {
  const { ask } = served(t);
  const put = async (name: string, body: object): Promise<[number, Record<string, string>]> => {
    const headers = { "content-type": "application/json" };
    const response = await ask("token", "PUT", `/v1/composes/${name}`, { headers, body: JSON.stringify(body) });
    return [response.status, (await response.json()) as Record<string, string>];
  };
  for (const name of ["..%2Fserve.keys", "%2Fetc%2Fpasswd", "a%00b", "-x", ".x", "a.b", "%E2%80%AE"])
    for (const method of ["GET", "DELETE"])
      assert.equal((await ask("token", method, `/v1/composes/${name}`)).status, 404, `${method} ${name}`);
  assert.equal((await put("..%2Fx", { text: "" }))[0], 404);
  const [status, first] = await put("server", { text: "name: one\n" });
  assert.equal(status, 200);
  assert.equal((await put("server", { text: "name: other\n" }))[0], 409, "there is one");
  const changed = first["digest"];
  assert.equal((await put("server", { text: "name: two\n", changed }))[0], 200);
  assert.equal((await put("server", { text: "name: three\n", changed }))[0], 409, "it is another one by now");
  const kept = (await (await ask("token", "GET", "/v1/composes/server")).json()) as { text: string };
  assert.equal(kept.text, "name: two\n");
  assert.equal((await ask("token", "DELETE", "/v1/composes/server")).status, 200);
  assert.deepEqual(await (await ask("token", "GET", "/v1/composes")).json(), []);
});

test("an image's name is no option of a command; nor is a job's number a path", async (t) => {
  const { ask } = served(t);
  for (const path of ["images/--root=%2F/packages", "images/..%2Fx/changes", "jobs/..%2F..%2Fserve.keys/log", "jobs/0"])
    assert.equal((await ask("token", "GET", `/v1/${path}`)).status, 404, path);
  assert.equal((await ask("token", "GET", "/v1/jobs?from=1")).status, 400);
});
