/**
 * Goal: whom a console vouches for is who it says, with the role it says, from where it says; and nobody else can say
 * so. Method: a hub over HTTP, asked as a console asks.
 */
import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { GATEWAY_HEADERS } from "@stratos/hub-api";
import { keepConsoleKey } from "../access/console-key.ts";
import { startTestHub, type TestHub } from "../testing/test-hub.ts";

let hub: TestHub;
let key = "";
before(async () => {
  hub = await startTestHub();
  const path = join(hub.folder, "console.key");
  const { access } = hub.server.service;
  await keepConsoleKey(access, path);
  key = readFileSync(path, "utf8").trim();
  assert.equal(statSync(path).mode & 0o777, 0o600);
  await keepConsoleKey(access, path);
  assert.equal(readFileSync(path, "utf8").trim(), key, "a key that is good stays");
});
after(() => hub.close());

interface Said {
  readonly gateway?: string;
  readonly client?: string;
  readonly person?: string;
  readonly role?: string;
  readonly token?: string;
}

function ask(
  path: string,
  { gateway = key, client = "192.0.2.7", person, role, token }: Said,
  method = "GET",
): Promise<Response> {
  return fetch(hub.server.url + path, {
    method,
    redirect: "manual",
    headers: {
      [GATEWAY_HEADERS.key]: gateway,
      [GATEWAY_HEADERS.client]: client,
      ...(person === undefined ? {} : { [GATEWAY_HEADERS.person]: person }),
      ...(role === undefined ? {} : { [GATEWAY_HEADERS.role]: role }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
  });
}

const keyOf = async (principal: string, role: string, scopes: readonly string[]): Promise<string> => {
  await hub.admin.call("PUT", `/grants/${principal}/${role}`);
  return (await hub.admin.call<{ token: string }>("POST", "/tokens", { principal, scopes })).token;
};

test("a console's people have the role that it says, and what was granted to them; pages need no cookie", async () => {
  const anna = { person: "anna", role: "viewer" };
  const me = (await (await ask("/v1/whoami", anna)).json()) as { principal: string };
  assert.equal(me.principal, "console:anna");
  assert.equal((await ask("/v1/tasks", anna)).status, 200);
  assert.equal((await ask("/v1/tokens", anna)).status, 403);
  assert.equal((await ask("/v1/tokens", { person: "anna", role: "admin" })).status, 200);
  await hub.admin.call("PUT", "/grants/console:anna/auditor");
  assert.equal((await ask("/v1/tokens", anna)).status, 200);
  const page = await ask("/tasks", anna);
  assert.equal(page.status, 200);
  assert.match(await page.text(), /<span>console:anna<\/span>/);
  await hub.server.service.accessLog.flush();
  const [row] = await hub.database.query<{ detail: { from: string } }>(
    "select detail from event where actor = 'console:anna' and what = 'REFUSED' order by tx, id limit 1",
  );
  assert.equal(row!.detail.from, "192.0.2.7");
});

test("nobody at a console revokes its key; who shows one of their own there revokes that", async () => {
  const anna = { person: "anna", role: "viewer" };
  const refused = await ask("/v1/whoami", anna, "DELETE");
  assert.equal(refused.status, 409);
  assert.match(await refused.text(), /console:anna has shown no key of its own/);
  assert.equal((await ask("/v1/tasks", anna)).status, 200);
  const token = await keyOf("eve", "viewer", ["*"]);
  assert.equal((await ask("/v1/whoami", { token }, "DELETE")).status, 204);
  assert.equal((await ask("/v1/whoami", { token })).status, 401);
  assert.equal((await ask("/v1/tasks", anna)).status, 200);
});

test("a key of the hub's own that a console passes on stays what it is; a stranger stays one", async () => {
  const me = (await (await ask("/v1/whoami", { token: hub.adminToken })).json()) as { principal: string };
  assert.equal(me.principal, "admin");
  assert.equal((await ask("/v1/tasks", {})).status, 401);
  assert.equal((await ask("/tasks", {})).status, 303);
});

test("only keys that may vouch for a role do; the console's own key does nothing else", async () => {
  assert.equal((await ask("/v1/tasks", { gateway: "stratos_nobody", person: "anna", role: "viewer" })).status, 401);
  const submitter = await keyOf("robot", "submitter", ["*"]);
  assert.equal((await ask("/v1/tasks", { gateway: submitter, person: "anna", role: "viewer" })).status, 403);
  assert.equal((await ask("/v1/tasks", { gateway: submitter, token: submitter })).status, 403);
  const narrow = await keyOf("desk", "console", ["identity:vouch:viewer"]);
  assert.equal((await ask("/v1/tasks", { gateway: narrow, person: "anna", role: "viewer" })).status, 200);
  assert.equal((await ask("/v1/tasks", { gateway: narrow, person: "anna", role: "admin" })).status, 403);
  assert.equal(
    (await fetch(`${hub.server.url}/v1/tasks`, { headers: { authorization: `Bearer ${key}` } })).status,
    403,
  );
  for (const wrong of [
    { person: "a/../b", role: "viewer" },
    { person: "anna", role: "" },
    { person: "", role: "viewer" },
    { person: "anna", role: "viewer", client: "no address" },
  ])
    assert.equal((await ask("/v1/tasks", wrong)).status, 400, JSON.stringify(wrong));
  // A role that is not there gives nothing.
  assert.equal((await ask("/v1/tasks", { person: "otto", role: "emperor" })).status, 403);
});

test("wrong keys of one of a console's clients make that one wait, and nobody else", async () => {
  for (let attempt = 0; attempt < 31; attempt++)
    await ask("/v1/tasks", { client: "192.0.2.66", token: "stratos_wrong" });
  assert.equal((await ask("/v1/tasks", { client: "192.0.2.66", token: "stratos_wrong" })).status, 429);
  assert.equal((await ask("/v1/tasks", { client: "192.0.2.67", token: hub.adminToken })).status, 200);
  assert.equal((await ask("/v1/tasks", { person: "anna", role: "viewer", client: "192.0.2.66" })).status, 200);
});

test("a key that was revoked vouches for nobody any more", async () => {
  const gone = await keyOf("gone", "console", ["identity:vouch"]);
  const anna = { gateway: gone, person: "anna", role: "viewer" };
  assert.equal((await ask("/v1/tasks", anna)).status, 200);
  await hub.admin.call("DELETE", `/tokens/${gone.split("_")[1]}`);
  assert.equal((await ask("/v1/tasks", anna)).status, 401);
});
