/**
 * Goal: who follows a log has each of its characters once, through attempts, whenever the connection is cut. Method: a
 * worker by hand over HTTP; the stream is left after each event and taken up by its id.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { ClaimAnswer, ClaimedRun, TaskView } from "@stratos/hub-api";
import { startTestHub, type TestHub } from "../testing/test-hub.ts";

let hub: TestHub;
let session: string;
before(async () => {
  hub = await startTestHub();
  ({ session } = await hub.admin.call<{ session: string }>("PUT", "/hosts/h", {
    ...{ arches: ["all"], channels: ["default"], capabilities: ["kind.own"], capacity: 4 },
  }));
});
after(() => hub.close());

async function claim(): Promise<ClaimedRun> {
  const answer = await hub.admin.call<ClaimAnswer>("POST", "/hosts/h/claim", {
    ...{ session, slots: 1, waitSeconds: 20, start: true, holding: [] },
  });
  return answer.runs[0]!;
}

async function write(run: ClaimedRun, start: number, content: Uint8Array): Promise<number> {
  await hub.admin.call("PUT", `/hosts/h/runs/${run.run}/log?offset=${start}`, content, {
    headers: { "run-token": run.token },
  });
  return start + content.length;
}

/** One event behind the last one, by a connection of its own. */
async function oneEvent(task: number, lastId: string): Promise<{ id: string; event: string; text: string }> {
  for await (const { id, event, data } of hub.admin.stream(`/tasks/${task}/log/stream`, { lastId }))
    return { id, event, text: (data as { text?: string }).text ?? "" };
  return assert.fail("the stream ended");
}

test(
  "a log of pieces that end within characters, over two attempts, cut after each event",
  { timeout: 60_000 },
  async () => {
    const { id } = await hub.admin.call<TaskView>("POST", "/tasks", { kind: "own", payload: {} });
    const first = await claim();
    const words = Buffer.from("grün 日本 🦀 end");
    let end = 0;
    let told = "";
    let last = "";
    for (const byte of words) {
      end = await write(first, end, Uint8Array.of(byte));
      // Whole characters are told at once; a piece of one waits for its rest.
      const { text } =
        new TextDecoder().decode(words.subarray(0, end), { stream: true }) === told ? { text: "" } : await follow();
      told += text;
    }
    async function follow(): Promise<{ text: string }> {
      const event = await oneEvent(id, last);
      last = event.id;
      return event;
    }
    assert.equal(told, "grün 日本 🦀 end");
    // Written while nobody listened, before and after the next attempt begins.
    end = await write(first, end, Buffer.from(" of the first\xff"));
    end = await write(first, end, Uint8Array.of(0xe6));
    await hub.admin.call("POST", "/hosts/h/runs/end", {
      runs: [{ run: first.run, token: first.token, outcome: "FAILED", failureClass: "build", message: "no" }],
    });
    await hub.admin.call("POST", `/tasks/${id}/retry`, {});
    const second = await claim();
    await write(second, 0, Buffer.from("second"));
    assert.equal((await follow()).text, " of the first\u00ff\ufffd", "what is cut off at the end of a log is told");
    assert.equal((await follow()).text, "second");
    await hub.admin.call("POST", "/hosts/h/runs/end", {
      runs: [{ run: second.run, token: second.token, outcome: "COMPLETED" }],
    });
    assert.equal((await oneEvent(id, last)).event, "end");
  },
);

test("a place in another task's log, or in none, begins with the task's own", async () => {
  const { id } = await hub.admin.call<TaskView>("POST", "/tasks", { kind: "own", payload: {} });
  const run = await claim();
  await write(run, 0, Buffer.from("own"));
  for (const lastId of ["1-5", "999999-5", "0-2"]) assert.equal((await oneEvent(id, lastId)).text, "own", lastId);
  await hub.admin.call("POST", "/hosts/h/runs/end", {
    runs: [{ run: run.run, token: run.token, outcome: "COMPLETED" }],
  });
  assert.equal((await oneEvent(id, `${run.run}-999999`)).event, "end");
});
