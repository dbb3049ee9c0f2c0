/**
 * Goal: a key and the roles that its owner is given with it are made together or not at all, and the audit tells of
 * each role once. Method: a hub in this process, over HTTP.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { HubProblem, type HubClient } from "@stratos/hub-api";
import { startTestHub, type TestHub } from "../testing/test-hub.ts";

let hub: TestHub;
before(async () => {
  hub = await startTestHub();
});
after(() => hub.close());

const make = (client: HubClient, body: object): Promise<{ token: string }> =>
  client.call("POST", "/tokens", { scopes: ["task:read"], ...body });

async function refusalOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof HubProblem, String(error));
    return `${error.status} ${error.problem.detail}`;
  }
  return assert.fail("it was not refused");
}

async function rolesOf(who: string): Promise<string[]> {
  const { items } = await hub.admin.call<{ items: { principal: string; role: string }[] }>("GET", "/grants");
  return items.filter(({ principal }) => principal === who).map(({ role }) => role);
}

test("a scope or a role that there is not leaves neither a key nor a role", async () => {
  const bad = make(hub.admin, { principal: "carla", scopes: ["nonsense"], grants: ["viewer"] });
  assert.match(await refusalOf(bad), /^422 nonsense: nothing is permitted/);
  const unknown = make(hub.admin, { principal: "carla", grants: ["viewer", "nobody"] });
  assert.match(await refusalOf(unknown), /^404 role nobody: there is none/);
  assert.deepEqual(await rolesOf("carla"), []);
  assert.equal((await hub.database.query("select 1 from api_key where principal = 'carla'")).length, 0);
});

test("who makes keys and may not give roles gives none with them", async () => {
  await hub.admin.call("PUT", "/roles/keymaker", { permissions: ["token:create", "task:read"] });
  const doris = hub.client((await make(hub.admin, { principal: "doris", scopes: ["*"], grants: ["keymaker"] })).token);
  assert.match(await refusalOf(make(doris, { principal: "erna", grants: ["keymaker"] })), /^403 .*role:grant/);
  await make(doris, { principal: "erna" });
  assert.deepEqual(await rolesOf("erna"), []);
});

test("a key and its roles are made once for an Idempotency-Key", { timeout: 20_000 }, async () => {
  const body = { principal: "gerda", scopes: ["task:read"], grants: ["viewer"] };
  const once = (): Promise<unknown> =>
    hub.admin.call("POST", "/tokens", body, { headers: { "idempotency-key": "gerda" } });
  await once();
  assert.match(await refusalOf(once()), /^409 /);
  assert.deepEqual(await rolesOf("gerda"), ["viewer"]);
  assert.equal((await hub.database.query("select 1 from api_key where principal = 'gerda'")).length, 1);
});

test("a role that somebody has already is given once, and told of once", async () => {
  for (let time = 0; time < 2; time++) await make(hub.admin, { principal: "frida", grants: ["viewer", "submitter"] });
  await hub.admin.call("PUT", "/grants/frida/viewer");
  assert.deepEqual(await rolesOf("frida"), ["submitter", "viewer"]);
  const told = await hub.database.query(
    "select 1 from event where what = 'ROLE_GRANTED' and detail->>'principal' = 'frida'",
  );
  assert.equal(told.length, 2);
});
