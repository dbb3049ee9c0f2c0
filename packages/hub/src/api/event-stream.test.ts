/**
 * Goal: who may no longer hear is told nothing more: a revoked key, a role that is gone, a console that no longer
 * vouches, a session that was left; and nobody misses events unaware. Method: streams of a hub over HTTP, all open at
 * once; each loses its right, one stays and hears on. Streams from behind each event round a rotation of the audit.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { GATEWAY_HEADERS, type EventView, type Problem, type TaskView } from "@stratos/hub-api";
import { keepConsoleKey } from "../access/console-key.ts";
import { dumpDatabase } from "../backup/dump.ts";
import { linesOf } from "../backup/lines.ts";
import { restoreDatabase } from "../backup/restore.ts";
import { chainHead, sealEvents, takeOutEvents } from "../store/event-chain.ts";
import {
  EVENT_START,
  eventsAfter,
  parseCursor,
  placeOf,
  requireNoneGone,
  writeEvents,
  type NewEvent,
} from "../store/events.ts";
import { openMigrated } from "../testing/test-database.ts";
import { ADMIN_ROUTES } from "./admin-routes.ts";
import type { ApiRequest } from "./route.ts";
import { startTestHub, type TestHub } from "../testing/test-hub.ts";

let hub: TestHub;
before(async () => void (hub = await startTestHub()));
after(() => hub.close());

interface KeyMade {
  readonly id: string;
  readonly token: string;
}

async function viewer(principal: string): Promise<KeyMade> {
  await hub.admin.call("PUT", `/grants/${principal}/viewer`);
  return hub.admin.call("POST", "/tokens", { principal, scopes: ["*"] });
}

const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });

/** @returns what a stream said until it ended, or until the signal */
async function heard(path: string, headers: Record<string, string>, signal: AbortSignal): Promise<string> {
  const answer = await fetch(hub.server.url + path, { headers, signal });
  assert.equal(answer.status, 200, path);
  let text = "";
  try {
    for await (const part of answer.body!.pipeThrough(new TextDecoderStream())) text += part;
  } catch (error) {
    assert.equal((error as Error).name, "AbortError");
    text += "[cut by who listened]";
  }
  return text;
}

test(
  "who loses the right to hear hears nothing more, within seconds; others hear on",
  { timeout: 60_000 },
  async () => {
    const submit = (): Promise<TaskView> =>
      hub.admin.call("POST", "/tasks", { kind: "command", payload: { argv: ["true"] } });
    const task = await submit();
    const [stays, revoked, ungranted, seated] = await Promise.all(["anna", "ben", "cleo", "dora"].map(viewer));
    const consoleKey = join(hub.folder, "console.key");
    await keepConsoleKey(hub.server.service.access, consoleKey);
    const gateway = readFileSync(consoleKey, "utf8").trim();
    const vouched = {
      [GATEWAY_HEADERS.key]: gateway,
      [GATEWAY_HEADERS.client]: "192.0.2.7",
      [GATEWAY_HEADERS.person]: "emil",
      [GATEWAY_HEADERS.role]: "viewer",
    };
    const signedIn = await fetch(`${hub.server.url}/login`, {
      method: "POST",
      redirect: "manual",
      headers: { "content-type": "application/x-www-form-urlencoded", origin: hub.server.url },
      body: new URLSearchParams({ token: seated!.token }),
    });
    const cookie = { cookie: signedIn.headers.get("set-cookie")!.split(";")[0]! };

    const stop = new AbortController();
    const events = "/v1/events/stream";
    const hears = heard(events, bearer(stays!.token), stop.signal);
    const ends = Promise.all([
      heard(events, bearer(revoked!.token), stop.signal),
      heard(`/v1/tasks/${task.id}/stream`, bearer(ungranted!.token), stop.signal),
      heard(events, vouched, stop.signal),
      heard(`/tasks/${task.id}/log`, cookie, stop.signal),
    ]);
    await new Promise((wait) => setTimeout(wait, 500));
    await hub.admin.call("DELETE", `/tokens/${revoked!.id}`);
    await hub.admin.call("DELETE", `/grants/cleo/viewer`);
    const [console] = await hub.database.query<{ id: string }>("select id from api_key where principal = 'console'");
    await hub.admin.call("DELETE", `/tokens/${console!.id}`);
    await fetch(`${hub.server.url}/logout`, {
      method: "POST",
      redirect: "manual",
      headers: { ...cookie, origin: hub.server.url },
    });
    const said = await ends;
    assert.deepEqual(
      said.map((text) => text.includes("[cut")),
      [false, false, false, false],
    );
    const later = await submit();
    await new Promise((wait) => setTimeout(wait, 1_500));
    stop.abort();
    assert.match(await hears, new RegExp(`"task":${later.id}\\b`));
  },
);

/** Nobody reads for it what it does not ask for, as a connection would. */
async function followEvents(lastId: string): Promise<ReadableStreamDefaultReader<Uint8Array>> {
  const route = ADMIN_ROUTES.find(({ id }) => id === "followEvents")!;
  const answer = await route.handle({
    hub: hub.server.service,
    principal: { name: "reader" },
    headers: new Headers({ "last-event-id": lastId }),
    signal: new AbortController().signal,
    mayStill: () => Promise.resolve(true),
  } as unknown as ApiRequest);
  return (answer as Response).body!.getReader();
}

test("who goes on from before a rotation of the audit is told what is gone, and what there is", async () => {
  const { database, adminToken } = hub;
  const events = (): Promise<EventView[]> => eventsAfter(database, EVENT_START, 5_000);
  const seal = async (actor: string): Promise<void> => {
    await writeEvents(database, Array<NewEvent>(2).fill({ actor, what: "ALLOWED" }));
    while ((await sealEvents(database)) > 0);
  };
  // More than a stream takes at a time.
  await writeEvents(database, Array<NewEvent>(1_000).fill({ actor: "many", what: "ALLOWED" }));
  await seal("before");
  const through = await chainHead(database);
  await seal("behind");
  const all = await events();
  const last = all.findLastIndex(({ actor }) => actor === "before");
  const slow = await followEvents(all[0]!.cursor);
  // Readers come so far by themselves, in their time.
  let taken = 0;
  for (let look = 0; taken === 0; look++) {
    try {
      taken = await takeOutEvents(database, through, "me");
    } catch (error) {
      assert.ok(look < 100 && /still needed/.test((error as Error).message), String(error));
      await new Promise((wait) => setTimeout(wait, 100));
    }
  }
  assert.equal(taken, last + 1);
  await slow.read();
  await assert.rejects(slow.read(), { status: 410 }, "who had begun, and did not read on");
  const [left] = await events();
  assert.equal(left!.cursor, all[last + 1]!.cursor);

  const ask = (cursor: string): Promise<Response> =>
    fetch(`${hub.server.url}/v1/events/stream`, { headers: { ...bearer(adminToken), "last-event-id": cursor } });
  for (const cursor of ["0-1", all[0]!.cursor, all[last - 1]!.cursor]) {
    const answer = await ask(cursor);
    assert.equal(answer.status, 410, cursor);
    assert.equal(answer.headers.get("content-type"), "application/problem+json");
    const problem = (await answer.json()) as Problem;
    assert.equal(problem.type, "urn:stratos:hub:events-gone");
    assert.deepEqual(problem.first, left);
    assert.match(problem.detail, new RegExp(`behind ${cursor} were taken out .* first one here is ${left!.cursor}`));
    await assert.rejects(hub.admin.call("GET", `/events?cursor=${cursor}`), { status: 410 });
  }
  // Who saw all that is gone, and who has seen the first that is left, hear on.
  for (const [cursor, next] of [
    [all[last]!.cursor, left!.cursor],
    [left!.cursor, all[last + 2]!.cursor],
  ] as const) {
    const answer = await ask(cursor);
    assert.equal(answer.status, 200, cursor);
    const reader = answer.body!.getReader();
    assert.match(new TextDecoder().decode((await reader.read()).value), new RegExp(`^id: ${next}\n`));
    await reader.cancel();
  }
  const document = (await (await fetch(`${hub.server.url}/v1/openapi.json`)).json()) as {
    paths: Record<string, { get: { responses: Record<string, { description: string }> } }>;
  };
  for (const path of ["/v1/events/stream", "/v1/events"])
    assert.match(document.paths[path]!.get.responses["410"]!.description, /`events-gone`/);

  const moved = await openMigrated("memory");
  try {
    await restoreDatabase(moved, linesOf(dumpDatabase(database, new AbortController().signal)), 60);
    const [first] = await moved.query<{ tx: number; id: number }>("select tx, id from event order by tx, id limit 1");
    await requireNoneGone(moved, first!);
    await assert.rejects(requireNoneGone(moved, parseCursor("-9007199254740991-0")), { status: 410 });
    // Whoever followed the hub of before goes on behind what he saw, and misses nothing that is new.
    await writeEvents(moved, [{ actor: "new", what: "ALLOWED" }]);
    const seen = await eventsAfter(moved, EVENT_START, 5_000);
    const old = await events();
    const behind = async (cursor: string): Promise<number[]> =>
      (await eventsAfter(moved, await placeOf(moved, parseCursor(cursor)), 5_000)).map(({ id }) => id);
    for (const [index, { cursor }] of old.slice(0, 5).entries())
      assert.deepEqual(
        await behind(cursor),
        seen.slice(index + 1).map(({ id }) => id),
        cursor,
      );
    assert.deepEqual(await behind("99999999999-99999999999"), [seen.at(-1)!.id], "of what the backup has not");
    assert.deepEqual(await behind(seen.at(-1)!.cursor), []);
  } finally {
    await moved.close();
  }
});
