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
import { createWebhook, listDeliveries, queueDeliveries, redeliver } from "../store/webhooks.ts";
import { deliverDue, DELIVERY_ATTEMPTS_MAX } from "./deliver-webhooks.ts";

let database: Database;
before(async () => {
  database = await openMigrated("memory");
  await queueDeliveries(database);
});
after(() => database.close());

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
  const broken = (async () => new Response("no", { status: 500 })) as unknown as typeof fetch;
  for (let attempt = 0; attempt < DELIVERY_ATTEMPTS_MAX + 2; attempt++) {
    await dueNow();
    await deliverDue(database, broken);
  }
  const [dead] = await listDeliveries(database, hook.id, 10);
  assert.deepEqual([dead!.state, dead!.attempt, dead!.status], ["DEAD", DELIVERY_ATTEMPTS_MAX, 500]);
  await redeliver(database, dead!.id);
  await deliverDue(database, (async () => new Response(null, { status: 200 })) as unknown as typeof fetch);
  assert.equal((await listDeliveries(database, hook.id, 10))[0]!.state, "DELIVERED");
});
