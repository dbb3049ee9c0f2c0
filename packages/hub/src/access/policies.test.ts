/**
 * Goal: a policy refuses what does not meet all of its conditions, whoever asks and whatever their roles give, and
 * nothing else; it says so, and nobody can lock everybody out. Method: a hub over HTTP; hours by their reader.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { extendedTest } from "@stratos/base/testing";
import { HubProblem, type HubClient, type PolicyConditions } from "@stratos/hub-api";
import { startTestHub, type TestHub } from "../testing/test-hub.ts";
import { isWithin, readHours } from "./policies.ts";

let hub: TestHub;
let alice: HubClient;
before(async () => {
  hub = await startTestHub();
  await hub.admin.call("PUT", "/grants/alice/operator");
  const { token } = await hub.admin.call<{ token: string }>("POST", "/tokens", { principal: "alice", scopes: ["*"] });
  alice = hub.client(token);
});
after(() => hub.close());

const put = (conditions: PolicyConditions, permissions = ["task"], principals: readonly string[] = []): Promise<void> =>
  hub.admin.call("PUT", "/policies/p", { permissions, principals, conditions });
const submit = async (client: HubClient, label = ""): Promise<number> =>
  (await client.call<{ id: number }>("POST", "/tasks", { kind: "command", payload: { argv: ["true"] }, label })).id;
const refused = (work: Promise<unknown>, why: RegExp): Promise<void> =>
  assert.rejects(work, (error) => error instanceof HubProblem && error.status === 403 && why.test(error.message));

test("policies: networks; administrators too, and changing policies never", async () => {
  await put({ networks: ["10.0.0.0/8", "fd00::/8"] });
  for (const client of [alice, hub.admin])
    await refused(submit(client), /may not now: the policy p lets it pass from 10\.0\.0\.0\/8, fd00::\/8 alone/);
  assert.ok(await alice.call("GET", "/channels"), "what it does not concern goes on");
  await put({ networks: ["*"] }, ["*"]).then(
    () => assert.fail("no network"),
    (error) => assert.match(String((error as Error).message), /\*: expected a network/),
  );
  await put({ networks: ["10.0.0.0/8"] }, ["*"]);
  await put({ networks: ["127.0.0.0/8"] }, ["*"]);
  assert.ok((await submit(alice)) > 0);
});

test("policies: one's own tasks, labels, and whom it concerns", async () => {
  const other = await submit(hub.admin, "release/1");
  await put({ isOwn: true }, ["task:change"], ["ali*"]);
  await refused(alice.call("POST", `/tasks/${other}/cancel`, {}), /for one's own tasks alone/);
  const own = await submit(alice);
  await alice.call("POST", `/tasks/${own}/cancel`, {});
  await put({ labels: ["nightly/*", "try"] }, ["task:submit"], ["alice"]);
  await refused(submit(alice, "release/2"), /for tasks labelled nightly\/\*, try alone/);
  assert.ok((await submit(alice, "nightly/7")) > 0);
  assert.ok((await submit(hub.admin, "release/2")) > 0, "it concerns alice");
  await refused(
    alice.call("POST", "/task-batches", {
      tasks: [
        { kind: "command", payload: { argv: ["true"] }, label: "try" },
        { kind: "command", payload: { argv: ["true"] }, label: "nightly" },
      ],
    }),
    /labelled/,
  );
});

test("policies: the refusal and the change are in the audit; a policy is listed and removed", async () => {
  await hub.server.service.accessLog.flush();
  const rows = await hub.database.query<{ why: string }>(
    "select detail->>'why' as why from event where what = 'REFUSED' and detail->>'why' is not null",
  );
  assert.ok(rows.some(({ why }) => why.includes("the policy p")));
  const changed = await hub.database.query("select 1 from event where what = 'POLICY_CHANGED'");
  assert.equal(changed.length, 5);
  const { items } = await hub.admin.call<{ items: { name: string }[] }>("GET", "/policies");
  assert.deepEqual(
    items.map(({ name }) => name),
    ["p"],
  );
  await refused(alice.call("DELETE", "/policies/p"), /policy:change/);
  await hub.admin.call("DELETE", "/policies/p");
  assert.ok((await submit(alice, "release/3")) > 0);
  await assert.rejects(put({}), /it has no condition/);
  await assert.rejects(put({ hours: "always" }), /always: no hours/);
});

extendedTest(
  "policies: a request with an idempotency key is decided about within its transaction",
  { timeout: 60_000 },
  async () => {
    // The first request of all to a hub of one connection: nothing is known yet.
    const fresh = await startTestHub();
    const headers = { "idempotency-key": "one" };
    const task = { kind: "command", payload: { argv: ["true"] } };
    assert.ok((await fresh.admin.call<{ id: number }>("POST", "/tasks", task, { headers })).id > 0);
    await fresh.admin.call("PUT", "/policies/p", {
      permissions: ["task"],
      conditions: { networks: ["10.0.0.0/8"] },
    });
    await refused(fresh.admin.call("POST", "/tasks", task, { headers: { "idempotency-key": "two" } }), /the policy p/);
    await fresh.close();
  },
);

test("policies: hours are of their zone, over midnight and over its changes", () => {
  const at = (text: string, time: string): boolean => isWithin(readHours(text), new Date(time));
  assert.equal(at("Mon-Fri 08:00-18:00 Europe/Berlin", "2026-11-23T07:00:00Z"), true, "08:00 on a Monday, in winter");
  assert.equal(at("Mon-Fri 08:00-18:00 Europe/Berlin", "2026-11-23T06:59:00Z"), false);
  assert.equal(at("Mon-Fri 08:00-18:00 Europe/Berlin", "2026-07-20T06:00:00Z"), true, "08:00 in summer");
  assert.equal(at("Mon-Fri 08:00-18:00", "2026-11-22T12:00:00Z"), false, "a Sunday");
  assert.equal(at("Fri,Sat 22:00-06:00", "2026-11-22T05:00:00Z"), true, "what began on Saturday");
  assert.equal(at("Fri,Sat 22:00-06:00", "2026-11-22T23:00:00Z"), false, "Sunday evening");
  assert.equal(at("Sat-Mon 00:00-24:00", "2026-11-23T23:59:59Z"), true);
  for (const bad of [
    "Mon 8-18",
    "Mon 08:00-08:00",
    "Mon 25:00-26:00",
    "Mon 08:60-09:00",
    "Day 08:00-09:00",
    "Mon 08:00-09:00 Nowhere/X",
  ])
    assert.throws(() => readHours(bad), /expected such as/, bad);
});
