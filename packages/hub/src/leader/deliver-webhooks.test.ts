/**
 * Goal: each event is told once, signed, however often the receiver fails; what cannot be told is kept. Method: a hub's
 * chore by hand, a receiver in its place.
 */
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, before, test } from "node:test";
import { openMigrated } from "../testing/test-database.ts";
import type { Database } from "../database/database.ts";
import { writeEvents } from "../store/events.ts";
import {
  createWebhook,
  listDeliveries,
  listWebhooks,
  queueDeliveries,
  redeliver,
  redeliverDead,
} from "../store/webhooks.ts";
import { deliverDue, DELIVERY_ATTEMPTS_MAX, deliverTest } from "./deliver-webhooks.ts";

let database: Database;
before(async () => {
  database = await openMigrated("memory");
  await queueDeliveries(database);
});
after(() => database.close());

const broken = (async () => new Response("no", { status: 500 })) as unknown as typeof fetch;
const taken = (async () => new Response(null, { status: 200 })) as unknown as typeof fetch;

const dueNow = (): Promise<unknown> => database.query("update delivery set due = now() where state = 'WAITING'");

test("told once and signed, after failures, in the order of the events; other events are not told", async () => {
  const hook = await createWebhook(database, { url: "https://ci.example/hook", events: ["COMPLETED", "FAILED"] }, "me");
  await writeEvents(database, [
    { actor: "h", what: "COMPLETED", task: 1 },
    { actor: "h", what: "RUNNING", task: 2 },
    { actor: "h", what: "FAILED", task: 2, detail: { class: "build" } },
  ]);
  assert.ok((await queueDeliveries(database)) >= 3);
  assert.equal(await queueDeliveries(database), 0);
  const told: { task: number; delivery: string }[] = [];
  let failures = 2;
  const receiver = (async (url: string, init: RequestInit) => {
    assert.equal(url, "https://ci.example/hook");
    if (failures-- > 0) throw new TypeError("fetch failed", { cause: new Error("connect ECONNREFUSED") });
    const headers = init.headers as Record<string, string>;
    const [, at, signature] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(headers["stratos-signature"]!)!;
    assert.equal(
      signature,
      createHmac("sha256", hook.secret)
        .update(`${at}.${String(init.body)}`)
        .digest("hex"),
    );
    told.push({
      task: (JSON.parse(String(init.body)) as { task: number }).task,
      delivery: headers["stratos-delivery"]!,
    });
    return new Response(null, { status: 204 });
  }) as unknown as typeof fetch;
  await deliverDue(database, receiver);
  assert.deepEqual(
    (await listDeliveries(database, hook.id, 10)).map(({ state, message }) => [state, message]),
    [
      ["WAITING", "connect ECONNREFUSED"],
      ["WAITING", "connect ECONNREFUSED"],
    ],
  );
  assert.equal(await deliverDue(database, receiver), 0, "it pauses");
  await dueNow();
  await deliverDue(database, receiver);
  assert.deepEqual(told.map(({ task }) => task).sort(), [1, 2]);
  await dueNow();
  assert.equal(await deliverDue(database, receiver), 0);
});

test("what fails for long is dead, and is told when somebody asks for it", async () => {
  const hook = await createWebhook(database, { url: "https://dead.example/", events: ["RUN_LOST"] }, "me");
  await writeEvents(database, [{ actor: "h", what: "RUN_LOST" }]);
  await queueDeliveries(database);
  for (let attempt = 0; attempt < DELIVERY_ATTEMPTS_MAX + 2; attempt++) {
    await dueNow();
    await deliverDue(database, broken);
  }
  const [dead] = await listDeliveries(database, hook.id, 10);
  assert.deepEqual([dead!.state, dead!.attempt, dead!.status], ["DEAD", DELIVERY_ATTEMPTS_MAX, 500]);
  assert.deepEqual([dead!.event, dead!.task, dead!.next], ["RUN_LOST", null, null]);
  const countsOf = async (): Promise<unknown> => {
    const { waiting, dead } = (await listWebhooks(database)).find(({ id }) => id === hook.id)!;
    return { waiting, dead };
  };
  assert.deepEqual(await countsOf(), { waiting: 0, dead: 1 });
  await redeliver(database, dead!.id);
  assert.deepEqual(await countsOf(), { waiting: 1, dead: 0 });
  await deliverDue(database, taken);
  assert.equal((await listDeliveries(database, hook.id, 10))[0]!.state, "DELIVERED");
  assert.deepEqual(await countsOf(), { waiting: 0, dead: 0 });
});

test("who asks has told at once what waits, again what was told, and together all that is dead", async () => {
  const hook = await createWebhook(database, { url: "https://lost.example/", events: ["REMOVED"] }, "me");
  for (const task of [1, 2, 3]) await writeEvents(database, [{ actor: "h", what: "REMOVED", task }]);
  await queueDeliveries(database);
  await deliverDue(database, broken);
  const [third, second] = await listDeliveries(database, hook.id, 10);
  assert.ok(Date.parse(third!.next!) > Date.now(), "it pauses");
  assert.equal(third!.task, 3);
  for (const state of ["DELIVERED", "WAITING"]) {
    await redeliver(database, third!.id);
    assert.equal(await deliverDue(database, taken), 1, state);
  }
  await assert.rejects(redeliver(database, 9_999), /delivery 9999: there is none/);
  await database.query("update delivery set state = 'DEAD' where webhook_id = $1 and id <> $2", [hook.id, second!.id]);
  assert.equal(await redeliverDead(database, hook.id), 2);
  assert.equal(await deliverDue(database, taken), 2);
  await assert.rejects(redeliverDead(database, 9_999), /webhook 9999: there is none/);
});

test("a test is signed as the rest, told once, and kept nowhere", async () => {
  const hook = await createWebhook(database, { url: "https://test.example/", events: ["FAILED"] }, "me");
  const told: RequestInit[] = [];
  const receiver = (async (_: string, init: RequestInit) => {
    told.push(init);
    return new Response("no", { status: 503 });
  }) as unknown as typeof fetch;
  const answer = await deliverTest(database, { webhook: hook.id, actor: "me" }, receiver);
  assert.deepEqual(answer, { status: 503, message: null });
  const { "stratos-signature": signature } = told[0]!.headers as Record<string, string>;
  const at = /^t=(\d+),/.exec(signature!)![1]!;
  const hmac = createHmac("sha256", hook.secret).update(`${at}.${String(told[0]!.body)}`);
  assert.equal(signature, `t=${at},v1=${hmac.digest("hex")}`);
  const { what, actor } = JSON.parse(String(told[0]!.body)) as { what: string; actor: string };
  assert.deepEqual([what, actor], ["TEST", "me"]);
  assert.deepEqual(await listDeliveries(database, hook.id, 10), []);
  await assert.rejects(deliverTest(database, { webhook: 9_999, actor: "me" }, receiver), /webhook 9999: there is none/);
});
