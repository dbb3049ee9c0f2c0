/**
 * Goal: a detached program is found by its name, while it runs and after, in the system that it was begun in, in forks
 * and in what comes from a file; there is a bound on all. Method: a supervisor whose engines are scripts.
 */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { Viewer } from "./audience.ts";
import type { NamedSystem } from "./named-system.ts";
import { Supervisor } from "./supervisor.ts";
import { ScriptedEngines, SPEC } from "./testing/scripted-engines.ts";

const WANTED = new AbortController().signal;
const NOTHING = new Uint8Array(0);

async function begin(t: TestContext) {
  const parent = mkdtempSync(join(tmpdir(), "stratos-sessions-"));
  t.after(() => rmSync(parent, { recursive: true, force: true }));
  const folder = join(parent, "systems");
  mkdirSync(folder);
  const engines = new ScriptedEngines();
  const supervisor = new Supervisor(parent, folder, () => {}, engines);
  await supervisor.start({ name: "one", spec: SPEC }, WANTED, () => {});
  return { parent, engines, supervisor, one: supervisor.find("one") };
}

const open = async (system: NamedSystem, command = "job", hasInput = true): Promise<string> =>
  (await system.openSession({ name: system.name, command: [command], env: {}, hasInput }, NOTHING)).name;

/** All that it has written, and writes while somebody types. */
function talk(system: NamedSystem, name: string, typed: string): string {
  let told = "";
  const session = system.sessions.find(name);
  const show = (_: 1 | 2, bytes: Uint8Array): void => void (told += Buffer.from(bytes).toString());
  const viewer = new Viewer(
    show,
    () => {},
    () => {},
    () => {},
  );
  session.watch(viewer);
  for (const { bytes } of session.history()) show(1, bytes);
  session.type(viewer, Buffer.from(typed));
  session.leave(viewer);
  return told;
}

async function end({ sessions }: NamedSystem, name: string): Promise<void> {
  const session = sessions.find(name);
  await session.signal("SIGTERM");
  await session.ended();
}

const listed = ({ sessions }: NamedSystem): unknown[] =>
  sessions.all().map(({ name, pid, end }) => [name, pid, end?.exitCode ?? null]);

test("a detached program goes on in forks, with what it has written, and each fork has its own", async (t) => {
  const { supervisor, engines, one } = await begin(t);
  const name = await open(one);
  const [[, pid]] = listed(one) as [[string, number]];
  assert.equal(talk(one, name, "a"), "a");
  await supervisor.fork(one, { count: 2, identity: "fresh" }, WANTED);
  assert.deepEqual(engines.kept, [one.pid, pid]);
  const [first, second] = supervisor.present(["one-1", "one-2"]) as [NamedSystem, NamedSystem];
  assert.deepEqual([listed(first), listed(second)], [[[name, pid, null]], [[name, pid, null]]]);
  assert.deepEqual([talk(first, name, "b"), talk(second, name, "c"), talk(one, name, "d")], ["ab", "ac", "ad"]);
  await end(first, name);
  assert.deepEqual([listed(first), listed(second)], [[[name, pid, 0]], [[name, pid, null]]]);
  assert.equal(await open(first), "2", "a name comes once, in forks, too");
  await supervisor.close();
});

test("it goes on from a file and after a rollback; what was begun since is gone", async (t) => {
  const { parent, supervisor, engines, one } = await begin(t);
  const name = await open(one);
  const [[, pid]] = listed(one) as [[string, number]];
  await one.snapshot("good");
  const path = join(parent, "one.checkpoint");
  await one.checkpoint(path);
  const later = await open(one);
  const watched = one.sessions.find(later).ended();
  watched.catch(() => {});
  await one.rollback("good");
  assert.deepEqual(engines.kept, [one.pid, pid]);
  await watched.catch(() => {});
  assert.ok(!one.sessions.views().some((view) => view.name === later));
  assert.equal(talk(one, name, "on"), "on");
  await supervisor.resume({ path, name: "two", mounts: [], network: "none", ports: [] }, WANTED);
  assert.deepEqual(listed(supervisor.find("two")), [[name, pid, null]]);
  await supervisor.close();
});

test("the last 32 that have ended are kept; who has no input is not typed at; a long command is cut", async (t) => {
  const { supervisor, one } = await begin(t);
  for (let count = 1; count <= 40; count++) await end(one, await open(one));
  assert.deepEqual([one.sessions.all().length, one.sessions.all()[0]!.name], [32, "9"]);
  assert.equal(talk(one, await open(one, "job", false), "unheard"), "");
  await open(one, "x".repeat(100_000));
  assert.ok(JSON.stringify(one.sessions.views()).length < 10_000);
  await supervisor.close();
});
