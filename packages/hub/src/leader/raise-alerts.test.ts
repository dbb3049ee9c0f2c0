/**
 * Goal: guessing of keys, probing of permissions and changed privileges raise an alert each, once, whatever hub leads;
 * daily work raises none. Method: a hub, wrong keys and refused requests over HTTP, the chore by hand.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { lastAlerts } from "../store/events.ts";
import { startTestHub, type TestHub } from "../testing/test-hub.ts";
import { raiseAlerts } from "./raise-alerts.ts";

let hub: TestHub;
before(async () => {
  hub = await startTestHub();
  await raiseAlerts(hub.database);
});
after(() => hub.close());

const told = async (rule: string): Promise<string[]> => {
  await hub.server.service.accessLog.flush();
  await raiseAlerts(hub.database);
  return (await lastAlerts(hub.database, 100))
    .map(({ detail }) => detail as { rule: string; text: string })
    .filter((alert) => alert.rule === rule)
    .map(({ text }) => text);
};
const guess = async (times: number): Promise<void> => {
  for (let round = 0; round < times; round++)
    assert.equal(
      (await fetch(`${hub.server.url}/v1/whoami`, { headers: { authorization: "Bearer stratos_guess" } })).status,
      401,
    );
};

test("alerts: keys that are guessed from one address are told once, not at the first mistakes", async () => {
  await guess(9);
  assert.deepEqual(await told("brute-force"), []);
  await guess(1);
  assert.deepEqual(await told("brute-force"), ["10 failed sign-ins from 127.0.0.1 in five minutes"]);
  await guess(5);
  assert.equal((await told("brute-force")).length, 1, "it is quiet for a while");
  await hub.database.query("update event set at = at - interval '11 minutes' where what = 'ALERT'");
  await guess(1);
  assert.equal((await told("brute-force")).length, 2, "and told again when it goes on");
});

test("alerts: who probes what a key may", async () => {
  const { token } = await hub.admin.call<{ token: string }>("POST", "/tokens", {
    principal: "eve",
    scopes: ["*"],
  });
  for (let round = 0; round < 20; round++)
    await assert.rejects(hub.client(token).call("GET", "/tokens"), /eve may not/);
  assert.deepEqual(await told("probing"), ["eve was refused 20 requests in five minutes"]);
});

test("alerts: changed privileges, told by the API and a metric; reading changes nothing", async () => {
  const before = (await told("privileges-changed")).length;
  await hub.admin.call("GET", "/tokens");
  assert.equal((await told("privileges-changed")).length, before);
  await hub.admin.call("PUT", "/grants/eve/operator");
  await hub.admin.call("PUT", "/roles/night", { permissions: ["task:read"] });
  await hub.admin.call("DELETE", "/roles/night");
  await hub.admin.call("DELETE", "/grants/eve/operator");
  const texts = await told("privileges-changed");
  assert.deepEqual(texts.slice(0, texts.length - before), [
    "admin took the role operator from eve",
    "admin removed the role night",
    "admin changed what the role night may",
    "admin gave eve the role operator",
  ]);
  const { items } = await hub.admin.call<{ items: { what: string }[] }>("GET", "/alerts?limit=2");
  assert.deepEqual(
    items.map(({ what }) => what),
    ["ALERT", "ALERT"],
  );
  const metrics = await fetch(`${hub.server.url}/metrics`, { headers: { authorization: `Bearer ${hub.adminToken}` } });
  assert.match(await metrics.text(), /alerts\{rule="privileges-changed"\} [1-9]/);
});
