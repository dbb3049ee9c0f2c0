/**
 * Goal: who was revoked while its claim waited is given nothing. Method: a hub in this process, over HTTP; a key, a
 * role and a host of its own.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { HubProblem, type ClaimAnswer, type HubClient, type TaskDetails, type TaskView } from "@stratos/hub-api";
import { startTestHub, type TestHub } from "../testing/test-hub.ts";

let hub: TestHub;
before(async () => {
  hub = await startTestHub();
});
after(() => hub.close());

/** Longer than a key is believed without a look at it. */
const BELIEVED_MS = 2_500;

interface WaitingWorker {
  readonly id: string;
  readonly claim: () => Promise<ClaimAnswer>;
}

async function workerOf(host: string): Promise<WaitingWorker> {
  const key = { principal: `worker-${host}`, scopes: [`host:serve:${host}`], grants: ["worker"] };
  const { token, id } = await hub.admin.call<{ token: string; id: string }>("POST", "/tokens", key);
  const client: HubClient = hub.client(token);
  await hub.admin.call("PUT", `/channels/${host}`, {});
  const registration = { arches: ["amd64"], channels: [host], capacity: 1 };
  const { session } = await client.call<{ session: string }>("PUT", `/hosts/${host}`, registration);
  const poll = { session, slots: 1, waitSeconds: 20, start: true, holding: [] };
  return { id, claim: () => client.call<ClaimAnswer>("POST", `/hosts/${host}/claim`, poll) };
}

const submit = (channel: string): Promise<TaskView> =>
  hub.admin.call("POST", "/tasks", { kind: "command", payload: { argv: ["true"] }, channel });

test("a claim that waits is given a task while its key is good", async () => {
  const { claim } = await workerOf("good");
  const waiting = claim();
  await sleep(BELIEVED_MS);
  const { id } = await submit("good");
  assert.deepEqual(
    (await waiting).runs.map(({ task }) => task),
    [id],
  );
});

for (const [how, revoke, status] of [
  ["key", ({ id }: WaitingWorker) => hub.admin.call("DELETE", `/tokens/${id}`), 401],
  ["role", () => hub.admin.call("DELETE", "/grants/worker-role/worker"), 403],
] as const)
  test(`a claim that waits is given nothing when its ${how} was taken away`, async () => {
    const worker = await workerOf(how);
    const waiting = worker.claim();
    await sleep(BELIEVED_MS);
    await revoke(worker);
    const { id } = await submit(how);
    assert.deepEqual((await waiting).runs, []);
    const task = await hub.admin.call<TaskDetails>("GET", `/tasks/${id}`);
    assert.deepEqual([task.state, task.runs.map(({ state }) => state)], ["FREE", ["RELEASED"]]);
    await assert.rejects(worker.claim(), (error) => error instanceof HubProblem && error.status === status);
  });
