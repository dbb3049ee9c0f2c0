/**
 * Goal: what may be changed of a running hub is changed at once, in all hubs of its database, and stays; what may not
 * is said by name; each change is checked, and is an event. Method: hubs in this process, on PGlite and on PostgreSQL.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { extendedTest } from "@stratos/base/testing";
import { HubProblem, type ChangeableSetting, type EventView, type HubClient, type HubSettings } from "@stratos/hub-api";
import { startPostgres } from "./testing/test-database.ts";
import { startTestHub, type TestHub } from "./testing/test-hub.ts";

const set = (client: HubClient, name: string, value: unknown): Promise<ChangeableSetting> =>
  client.call("PUT", `/settings/${name}`, { value });
const all = (client: HubClient): Promise<HubSettings> => client.call("GET", "/settings");
async function refusal(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => assert.fail("it was not refused"),
    (error: HubProblem) => `${error.status} ${error.message}`,
  );
}
async function keepAliveOf(hub: TestHub): Promise<string | undefined> {
  const { hostname, port } = new URL(hub.server.url);
  const socket = connect(Number(port), hostname);
  socket.write("GET /healthz HTTP/1.1\r\nHost: hub\r\n\r\n");
  const [bytes] = (await once(socket, "data")) as [Buffer];
  socket.destroy();
  return /Keep-Alive: timeout=(\d+)/i.exec(bytes.toString())?.[1];
}
async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await isSo()); tries++) {
    assert.ok(tries < 300, "in vain");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

test("a setting is changed at once, told as an event, and taken back", async (t) => {
  const hub = await startTestHub({ http: { keepAliveSeconds: 9 }, rateLimit: 500 });
  t.after(() => hub.close());
  assert.equal(await keepAliveOf(hub), "9");
  const told = await set(hub.admin, "keep-alive", 21);
  assert.deepEqual([told.value, told.started, told.setBy], [21, 9, "admin"]);
  assert.ok(Math.abs(Date.parse(told.setAt!) - Date.now()) < 300_000, told.setAt!);
  assert.equal(await keepAliveOf(hub), "21");
  const { groups, changeable } = await all(hub.admin);
  assert.equal(groups["Connections"]!["--keep-alive, s"], 21);
  assert.deepEqual(
    changeable!.find(({ name }) => name === "keep-alive"),
    told,
  );
  const { value, setBy } = await hub.admin.call<ChangeableSetting>("DELETE", "/settings/keep-alive");
  assert.deepEqual([value, setBy], [9, null]);
  assert.equal(await keepAliveOf(hub), "9");
  let changes: unknown[] = [];
  await until(async () => {
    const { items } = await hub.admin.call<{ items: EventView[] }>("GET", "/events?limit=500");
    changes = items.filter(({ what }) => what === "SETTING_CHANGED").map(({ actor, detail }) => [actor, detail]);
    return changes.length === 2;
  });
  assert.deepEqual(changes, [
    ["admin", { setting: "keep-alive", before: 9, value: 21 }],
    ["admin", { setting: "keep-alive", before: 21, value: 9, isReset: true }],
  ]);
});

extendedTest("a limit of requests counts from the next one on, and 0 is none", async (t) => {
  const hub = await startTestHub({ rateLimit: 0 });
  t.after(() => hub.close());
  await set(hub.admin, "rate-limit", 1);
  const statuses = new Set<number>();
  for (let count = 0; count < 40; count++) statuses.add((await fetch(`${hub.server.url}/healthz`)).status);
  assert.deepEqual([...statuses], [200, 429]);
  await set(hub.admin, "rate-limit", 0);
  assert.equal((await fetch(`${hub.server.url}/healthz`)).status, 200);
});

test("values that cannot be are refused, and so is what takes a restart, by its name", async (t) => {
  const hub = await startTestHub();
  t.after(() => hub.close());
  for (const [name, value, words] of [
    ["rate-limit", -1, "422 rate-limit: expected a whole number from 0 to 1000000"],
    ["rate-limit", "5", "422 rate-limit: expected a whole number from 0 to 1000000"],
    ["keep-alive", 0, "422 keep-alive: expected a whole number from 1 to 86400, of seconds"],
    ["worker-certificates", "perhaps", "422 worker-certificates: expected allow or require"],
    ["worker-certificates", "require", "409 nobody shows a certificate without TLS: `stratos hub --tls-cert FILE"],
    ["headers-timeout", 301, "409 headers-timeout, 301 s, is more than request-timeout, 300 s"],
    ["request-timeout", 59, "409 headers-timeout, 60 s, is more than request-timeout, 59 s"],
    ["listen", "0.0.0.0:1", "409 listen: a hub takes it when it is started anew: `stratos hub --listen …`"],
    ["pool", 4, "409 pool: a hub takes it when it is started anew"],
    ["lease", 1, "409 lease: a hub takes it when it is started anew"],
    ["kep-alive", 1, "404 kep-alive: there is no such setting; did you mean keep-alive?"],
    ["constructor", 1, "404 constructor: there is no such setting"],
  ] as const) {
    const said = await refusal(set(hub.admin, name, value));
    assert.ok(said.startsWith(words), said);
  }
  assert.ok((await refusal(hub.admin.call("DELETE", "/settings/listen"))).startsWith("409 listen"));
  assert.ok(
    (await refusal(hub.admin.call("PUT", "/settings/keep-alive", { value: [1] }))).startsWith("422 value: expected a "),
  );
  await hub.admin.call("PUT", "/grants/operator/operator");
  const key = { principal: "operator", scopes: ["*"] };
  const { token } = await hub.admin.call<{ token: string }>("POST", "/tokens", key);
  assert.match(await refusal(set(hub.client(token), "keep-alive", 5)), /^403 .* takes the permission setting:change/);
  assert.ok(
    (await all(hub.client(token))).changeable!.every(({ setBy }) => setBy === null),
    "nothing was changed",
  );
});

test("what is set holds for all hubs of a database, and after a restart goes before their options", async (t) => {
  const server = startPostgres();
  t.after(() => server.stop());
  const database = server.createDatabase();
  const one = await startTestHub({ database });
  const two = await startTestHub({ database, http: { keepAliveSeconds: 30 } });
  const other = two.client(one.adminToken);
  await set(one.admin, "keep-alive", 17);
  await until(async () => (await keepAliveOf(two)) === "17");
  // Of the pool there is nothing to see from here, but that it still serves.
  await set(other, "pool", 3);
  await set(other, "slow-query", 1);
  await Promise.all(Array.from({ length: 20 }, () => all(one.admin)));
  await one.close();
  await two.close();
  const three = await startTestHub({ database, http: { keepAliveSeconds: 40 } });
  t.after(() => three.close());
  assert.equal(await keepAliveOf(three), "17");
  const client = three.client(one.adminToken);
  assert.equal((await client.call<ChangeableSetting>("DELETE", "/settings/keep-alive")).value, 40);
  assert.equal(await keepAliveOf(three), "40");
});

extendedTest("a setting that this program does not know is passed over, and said", async (t) => {
  const hub = await startTestHub();
  t.after(() => hub.close());
  const newer = { value: "blue", by: "admin", at: "2027-01-01T00:00:00Z" };
  for (const name of ["colour", "keep-alive"])
    await hub.database.query("insert into setting (name, value) values ($1, $2)", [
      `option:${name}`,
      JSON.stringify(newer),
    ]);
  await hub.server.service.settings.refresh();
  assert.equal(await keepAliveOf(hub), "75");
  const warned = hub.warnings.filter((words) => /^setting /.test(words)).sort();
  assert.deepEqual(warned, [
    "setting colour, set by admin: there is no such setting; it is passed over",
    "setting keep-alive, set by admin: expected a whole number from 1 to 86400, of seconds; it is passed over",
  ]);
});
