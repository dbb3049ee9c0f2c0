/** Following a hub over streams that end and break off: nothing is told twice, nothing is left out. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { HubClient } from "@stratos/hub-api";
import { hubEvents, taskLog, taskStates } from "./follow-task.ts";

type Told = readonly [id: string, data: unknown, event?: string];

/** A hub that answers each request with the next of `streams`; null: the network fails. Else it is a problem. */
function hubOf(
  streams: readonly (
    | readonly Told[]
    | { readonly status: number; readonly detail: string; readonly first?: unknown }
    | null
  )[],
): { client: HubClient; asked: string[] } {
  const asked: string[] = [];
  const client = new HubClient({
    url: "http://hub.invalid",
    token: null,
    fetch: (url, { headers }) => {
      const told = streams[asked.length];
      asked.push(`${new URL(url).pathname} ${(headers as Record<string, string>)["last-event-id"] ?? "-"}`);
      assert.notEqual(told, undefined, `asked too often: ${asked.join(", ")}`);
      if (told === null) return Promise.reject(new TypeError("fetch failed"));
      if (!Array.isArray(told))
        return Promise.resolve(Response.json(told, { status: (told as { status: number }).status }));
      const lines = (told as Told[]).map(
        ([id, data, event = "state"]) => `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`,
      );
      return Promise.resolve(new Response(lines.join("")));
    },
  });
  return { client, asked };
}

async function all<T>(told: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const one of told) found.push(one);
  return found;
}

test("a task is followed behind what was seen, until it has ended", async () => {
  const { client, asked } = hubOf([
    [["1", { state: "QUEUED", finished: null }]],
    null,
    [
      ["2", { state: "RUNNING", finished: null }],
      ["3", { state: "COMPLETED", finished: "now" }],
      ["4", { state: "NEVER READ", finished: "now" }],
    ],
  ]);
  const states = (await all(taskStates(client, 7))).map(({ state }) => state);
  assert.deepEqual(states, ["QUEUED", "RUNNING", "COMPLETED"]);
  assert.deepEqual(asked, ["/v1/tasks/7/stream -", "/v1/tasks/7/stream 1", "/v1/tasks/7/stream 1"]);
});

test("a log goes on after the hub has ended", async () => {
  const { client, asked } = hubOf([
    [["10", { text: "one " }, "log"]],
    [
      ["20", { text: "two" }, "log"],
      ["20", {}, "end"],
    ],
  ]);
  assert.equal((await all(taskLog(client, 7))).join(""), "one two");
  assert.deepEqual(asked, ["/v1/tasks/7/log/stream -", "/v1/tasks/7/log/stream 10"]);
});

test("a hub that is away behind its balancer is waited for, one that refuses is not", async () => {
  const away = { status: 503, detail: "no server is available" };
  const { client } = hubOf([
    [["1", { state: "RUNNING", finished: null }]],
    away,
    [["2", { state: "COMPLETED", finished: "now" }]],
  ]);
  assert.equal((await all(taskStates(client, 7))).length, 2);
  await assert.rejects(all(taskStates(hubOf([away]).client, 7)), /no server/);
  const revoked = hubOf([[["1", { state: "RUNNING", finished: null }]], { status: 401, detail: "revoked" }]);
  await assert.rejects(all(taskStates(revoked.client, 7)), /revoked/);
});

test("a hub that was never reached is a failure at once", async () => {
  const { client, asked } = hubOf([null]);
  await assert.rejects(all(taskStates(client, 7)), TypeError);
  assert.equal(asked.length, 1);
});

test("events that were taken out meanwhile are told of, and the first that there is comes next", async () => {
  const first = { cursor: "9-9", what: "AUDIT_ROTATED" };
  const { client, asked } = hubOf([
    [["1-1", { cursor: "1-1", what: "ALLOWED" }, "ALLOWED"]],
    { status: 410, detail: "events behind 1-1 were taken out", first },
    [["9-10", { cursor: "9-10", what: "REFUSED" }, "REFUSED"]],
    { status: 410, detail: "and there are none", first: null },
  ]);
  const words: string[] = [];
  const seen: string[] = [];
  const follow = async (): Promise<void> => {
    for await (const { what } of hubEvents(client, "0-1", (word) => words.push(word))) seen.push(what);
  };
  await assert.rejects(follow(), /there are none/);
  assert.deepEqual(seen, ["ALLOWED", "AUDIT_ROTATED", "REFUSED"]);
  assert.deepEqual(words, ["events behind 1-1 were taken out"]);
  assert.deepEqual(
    asked.map((request) => request.split(" ")[1]),
    ["0-1", "1-1", "9-9", "9-10"],
  );
});
