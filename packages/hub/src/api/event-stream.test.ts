/**
 * Goal: who may no longer hear is told nothing more: a revoked key, a role that is gone, a console that no longer
 * vouches, a session that was left. Method: streams of a hub over HTTP, all open at once; each loses its right, one
 * stays and hears on.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { GATEWAY_HEADERS, type TaskView } from "@stratos/hub-api";
import { keepConsoleKey } from "../access/console-key.ts";
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
