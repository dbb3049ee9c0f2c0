/**
 * Goal: an administrator takes a profile in a browser, sees who called what, looks closer, and removes it; nobody else
 * does. Method: a hub over HTTP, which is busy by a function that has a name.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { tmpdir } from "node:os";
import { mkdtempSync, rmSync } from "node:fs";
import { test } from "node:test";
import { startTestHub } from "../testing/test-hub.ts";

let kept: unknown[] = [];
function burnProcessorTime(ms: number): void {
  for (const until = performance.now() + ms; performance.now() < until;)
    kept = Array.from({ length: 1_000 }, (_, index) => ({ index, text: `${index} <of> it` }));
}

test("profiles in a browser: taken, looked at closely, removed, by administrators alone", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "hub-profile-pages-"));
  const profiles = { everySeconds: null, seconds: 1, keep: 3, bytesMax: 1 << 30, software: "stratos hub test", folder };
  const hub = await startTestHub({ profiles });
  t.after(async () => {
    await hub.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const sessionOf = async (token: string): Promise<string> => {
    const body = new URLSearchParams({ token });
    const response = await fetch(`${hub.server.url}/login`, { method: "POST", body, redirect: "manual" });
    return response.headers.get("set-cookie")!.split(";")[0]!;
  };
  const cookie = await sessionOf(hub.adminToken);
  const call = (path: string, form?: Record<string, string>, as = cookie): Promise<Response> =>
    fetch(hub.server.url + path, {
      headers: { cookie: as },
      redirect: "manual",
      ...(form === undefined ? {} : { method: "POST", body: new URLSearchParams(form) }),
    });

  assert.match(await (await call("/profiles")).text(), /Take a profile now[^]*newest first: none/);
  for (const seconds of ["", "0", "61", "soon"])
    assert.equal((await call("/profiles", { seconds })).status, 422, seconds);
  const timer = setInterval(() => burnProcessorTime(20), 25);
  const taken = await call("/profiles", { seconds: "1" });
  clearInterval(timer);
  assert.equal(taken.status, 303);
  const at = taken.headers.get("location")!;
  const text = await (await call(at)).text();
  const box =
    /href="(\/profiles\/[^"?]+\?at=[\d.]+)" aria-label="burnProcessorTime \([^"]*profile-pages\.test\.ts:\d+\)/;
  const closer = box.exec(text)![1]!;
  assert.match(text, /<td>burnProcessorTime<\/td>/);
  assert.doesNotMatch(text, /<script/);
  const close = await (await call(closer)).text();
  assert.match(close, /› <strong>burnProcessorTime<\/strong>/);
  assert.match(close, /<rect x="0\.0" y="0" width="1200\.0"/);
  assert.match(await (await call(`${at}?by=total`)).text(), /<strong>With what they called<\/strong>/);
  for (const wrong of [
    `${at}?at=9999`,
    `${at}?at=a`,
    "/profiles/nobody",
    `/profiles/${"2".repeat(8)}T000000000Z-abcdef`,
  ])
    assert.equal((await call(wrong)).status, 404, wrong);

  await hub.admin.call("PUT", "/grants/olga/operator");
  const { token } = await hub.admin.call<{ token: string }>("POST", "/tokens", { principal: "olga", scopes: ["*"] });
  const other = await sessionOf(token);
  assert.equal((await call("/profiles", undefined, other)).status, 403);
  assert.equal((await call(at, undefined, other)).status, 403);
  assert.equal((await call("/profiles", { seconds: "1" }, other)).status, 403);
  assert.equal((await call(`${at}/remove`, {}, other)).status, 403);
  assert.equal((await call(`${at}/remove`, {})).status, 303);
  assert.equal((await call(at)).status, 404);
  const { items } = await hub.admin.call<{ items: { what: string }[] }>("GET", "/events?limit=500");
  const said = items.map(({ what }) => what);
  assert.ok(said.includes("PROFILE_TAKEN") && said.includes("PROFILE_REMOVED"));
  assert.ok(kept.length > 0);
});
