/**
 * Goal: a hub tells where its time goes, keeps no more of it than it may, for administrators alone, and what it tells
 * names sources. Method: a hub in this process, which is made busy by a function that has a name.
 */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { extendedTest } from "@stratos/base/testing";
import { HubProblem, type HubClient, type ProfileView } from "@stratos/hub-api";
import { startTestHub, type TestHub } from "../testing/test-hub.ts";
import { hottest, profileTimes } from "./hot-functions.ts";
import { parseCpuProfile } from "./cpu-profile.ts";
import { ProfileFolder } from "./profile-folder.ts";
import { Profiler } from "./profiler.ts";
import { SourceNames } from "./source-names.ts";

const temporary = (t: { after(work: () => void): void }): string => {
  const folder = mkdtempSync(join(tmpdir(), "hub-profiles-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};
const PROFILES = { everySeconds: null, seconds: 0.2, keep: 3, bytesMax: 1 << 30, software: "stratos hub test" };
const list = async (client: HubClient): Promise<readonly ProfileView[]> =>
  (await client.call<{ items: readonly ProfileView[] }>("GET", "/profiles")).items;
const statusOf = (work: Promise<unknown>): Promise<number> =>
  work.then(
    () => 200,
    (error: unknown) => (error as HubProblem).status,
  );

let kept: unknown[] = [];
function burnProcessorTime(ms: number): void {
  for (const until = performance.now() + ms; performance.now() < until;)
    kept = Array.from({ length: 1_000 }, (_, index) => ({ index, text: `${index} of it` }));
}
async function whileBusy<Answer>(work: Promise<Answer>): Promise<Answer> {
  const timer = setInterval(() => burnProcessorTime(20), 25);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}

async function metric(hub: TestHub, name: string): Promise<number> {
  const headers = { authorization: `Bearer ${hub.adminToken}` };
  const text = await (await fetch(`${hub.server.url}/metrics`, { headers })).text();
  return Number(new RegExp(`^stratos_hub_${name} (\\S+)$`, "m").exec(text)?.[1]);
}

extendedTest(
  "a profile is taken, kept, read and removed, by an administrator alone, and that is in the audit",
  async (t) => {
    const folder = join(temporary(t), "profiles");
    const hub = await startTestHub({ profiles: { ...PROFILES, folder } });
    t.after(() => hub.close());
    assert.deepEqual(await list(hub.admin), []);
    assert.equal(await metric(hub, "profile_seconds"), 0);

    const taking = whileBusy(hub.admin.call<ProfileView>("POST", "/profiles", { seconds: 1 }));
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.equal(await statusOf(hub.admin.call("POST", "/profiles", {})), 409);
    const view = await taking;
    assert.equal(view.by, "admin");
    assert.ok(view.seconds >= 1 && view.loopBusy > 0.2 && view.cpuSeconds > 0.1, JSON.stringify(view));
    assert.ok(view.heap.used > 1e6 && view.heap.rss > view.heap.used && view.heap.spaces.length > 3);
    assert.ok(view.heap.allocated.length > 0 && kept.length > 0);
    assert.deepEqual(await list(hub.admin), [view]);
    assert.deepEqual(await hub.admin.call("GET", `/profiles/${view.id}`), view);
    assert.ok((await metric(hub, "profile_seconds")) >= 1);

    const response = await hub.admin.raw("GET", `/profiles/${view.id}/file`, {});
    assert.match(response.headers.get("content-disposition")!, /filename="\d{8}T\d{9}Z-[0-9a-f]{6}\.cpuprofile"/);
    const text = await response.text();
    assert.equal(text.length, view.bytes);
    const times = profileTimes(parseCpuProfile(text));
    const burner = hottest(times, "total", 30).find((one) => one.function === "burnProcessorTime");
    assert.match(burner!.where, /^packages\/hub\/src\/profiling\/profiler\.test\.ts:\d+$/);
    assert.ok(burner!.totalMs > 100, JSON.stringify(burner));
    assert.ok(!text.includes(process.cwd()), "it names a path of this computer");

    for (const name of readdirSync(folder)) assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600, name);
    assert.equal(statSync(folder).mode & 0o777, 0o700);

    await hub.admin.call("PUT", "/grants/olga/operator");
    const { token } = await hub.admin.call<{ token: string }>("POST", "/tokens", { principal: "olga", scopes: ["*"] });
    const olga = hub.client(token);
    for (const [method, path] of [
      ["GET", "/profiles"],
      ["GET", `/profiles/${view.id}`],
      ["GET", `/profiles/${view.id}/file`],
      ["DELETE", `/profiles/${view.id}`],
    ] as const)
      assert.equal(await statusOf(olga.call(method, path)), 403, `${method} ${path}`);
    assert.equal(await statusOf(olga.call("POST", "/profiles", {})), 403);
    for (const seconds of [0, -1, 61, "1"])
      assert.equal(await statusOf(hub.admin.call("POST", "/profiles", { seconds })), 422, String(seconds));

    await hub.admin.call("DELETE", `/profiles/${view.id}`);
    assert.deepEqual(readdirSync(folder), []);
    for (const path of [view.id, `${view.id}/file`, "..%2fx", "20260101T000000000Z-aaaaaa"])
      assert.equal(await statusOf(hub.admin.call("GET", `/profiles/${path}`)), 404, path);
    const rows = await hub.database.query<{ actor: string; what: string; profile: string }>(
      "select actor, what, detail->>'profile' as profile from event where what like 'PROFILE%' order by id",
    );
    assert.deepEqual(rows, [
      { actor: "admin", what: "PROFILE_TAKEN", profile: view.id },
      { actor: "admin", what: "PROFILE_REMOVED", profile: view.id },
    ]);
  },
);

test("by the clock they come by themselves, and no more are kept than may be", async (t) => {
  const folder = join(temporary(t), "profiles");
  const profiler = new Profiler({ ...PROFILES, folder, everySeconds: 0.02, seconds: 0.05, warn: assert.fail });
  profiler.start();
  for (let round = 0; profiler.taken < 5 && round < 600; round++)
    await new Promise((resolve) => setTimeout(resolve, 50));
  await profiler.close();
  const views = profiler.kept.list();
  assert.equal(views.length, 3);
  assert.equal(readdirSync(folder).length, 6);
  assert.ok(views.every(({ by }) => by === null) && views[0]!.at >= views[2]!.at);
  const { taken } = profiler;
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.equal(profiler.taken, taken, "it goes on after its end");
});

test("one that is being taken when the process ends is left, at once", async (t) => {
  const folder = join(temporary(t), "profiles");
  const profiler = new Profiler({ ...PROFILES, folder, warn: assert.fail });
  const taking = profiler.take(60, null);
  await profiler.close();
  assert.equal(await taking, null);
  assert.ok(!existsSync(folder));
});

test("bytes are bounded too, what a killed process left goes, and what is no profile is not touched", (t) => {
  const folder = temporary(t);
  const store = new ProfileFolder(folder, { keep: 100, bytesMax: 5_000 });
  const view = {
    at: "",
    process: "",
    software: "",
    by: null,
    seconds: 1,
    cpuSeconds: 0,
    loopBusy: 0,
    heap: {} as never,
  };
  const add = (number: number, bytes: number): unknown =>
    store.add({ ...view, id: `20260101T00000${number}000Z-aaaaaa` }, { x: "x".repeat(bytes) });
  writeFileSync(join(folder, "20250101T000000000Z-bbbbbb.cpuprofile.part"), "");
  writeFileSync(join(folder, "20250101T000000000Z-cccccc.cpuprofile"), "");
  writeFileSync(join(folder, "notes.json"), "mine");
  for (const name of readdirSync(folder)) utimesSync(join(folder, name), 1, 1);
  for (let number = 1; number <= 4; number++) add(number, 2_000);
  assert.deepEqual(
    store.list().map(({ id }) => id.slice(13, 15)),
    ["04", "03"],
  );
  assert.deepEqual(
    readdirSync(folder).filter((name) => !name.startsWith("2026")),
    ["notes.json"],
  );
  // The newest stays, however large: somebody waits for it.
  add(5, 50_000);
  assert.equal(store.list().length, 1);
  assert.equal(store.find("../notes"), null);
  assert.equal(store.read("notes"), null);
});

test("functions of the bundle are told by the files that they come from", (t) => {
  const folder = temporary(t);
  const piece = join(folder, "program-X.cjs");
  writeFileSync(piece, "head\n// packages/hub/src/feed.ts\none\ntwo\n// node_modules/hono/dist/hono.js\nthree\n");
  const names = new SourceNames();
  const at = (url: string, lineNumber: number): [string, number] => {
    const frame = names.frame({ functionName: "f", scriptId: "1", url, lineNumber, columnNumber: 1 });
    return [frame.url, frame.lineNumber];
  };
  assert.deepEqual(at(piece, 3), ["packages/hub/src/feed.ts", -1]);
  assert.deepEqual(at(`file://${piece}`, 5), ["node_modules/hono/dist/hono.js", -1]);
  assert.deepEqual(at(piece, 0), ["program-X.cjs", 0]);
  assert.deepEqual(at("file:///srv/x/packages/hub/src/feed.ts?a=1", 7), ["packages/hub/src/feed.ts", 7]);
  assert.deepEqual(at("node:fs", 7), ["node:fs", 7]);
  assert.deepEqual(at(join(folder, "gone.cjs"), 7), ["gone.cjs", 7]);
});

extendedTest("how often profiles are taken, and how many are kept, is changed while the hub runs", async (t) => {
  const folder = join(temporary(t), "profiles");
  const hub = await startTestHub({ profiles: { ...PROFILES, seconds: 1, folder } });
  t.after(() => hub.close());
  const set = (name: string, value: number): Promise<unknown> => hub.admin.call("PUT", `/settings/${name}`, { value });
  await set("profile-keep", 1);
  await set("profile-every", 1);
  for (let tries = 0; (await metric(hub, "profile_seconds")) === 0; tries++) {
    assert.ok(tries < 600, "none was taken");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await set("profile-every", 0);
  await hub.admin
    .call("POST", "/profiles", { seconds: 1 })
    .catch((error: HubProblem) => assert.equal(error.status, 409));
  assert.equal((await list(hub.admin)).length, 1);
});
