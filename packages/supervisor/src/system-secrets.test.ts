/**
 * Goal: a system's engine hears its secrets whenever it begins, and no file does; who cannot know them names them.
 * Method: a supervisor in a folder of its own, which is let down and begun again; engines that are scripts.
 */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { StratosError, type SystemSpec } from "@stratos/sdk/api";
import { Supervisor } from "./supervisor.ts";
import { missingSecrets, placesOf, requireSecrets } from "./system-secrets.ts";
import { ScriptedEngines, SPEC } from "./testing/scripted-engines.ts";

const VALUE = "the-key-of-the-whole-house";
const secrets = { KEY: { value: VALUE, hosts: ["api.example.com"] } };
const WITH_NETWORK: SystemSpec = { ...SPEC, network: "host", checkpointEveryMs: 1_000_000 };
const WANTED = new AbortController().signal;

function folderOf(t: TestContext): { parent: string; folder: string } {
  const parent = mkdtempSync(join(tmpdir(), "stratos-secrets-"));
  t.after(() => rmSync(parent, { recursive: true, force: true }));
  const folder = join(parent, "systems");
  mkdirSync(folder);
  return { parent, folder };
}

function filesWith(folder: string, text: string): string[] {
  return (readdirSync(folder, { recursive: true }) as string[]).filter(
    (name) => statSync(join(folder, name)).isFile() && readFileSync(join(folder, name)).includes(text),
  );
}

test("a system's engine hears its secrets, a fork's and one rolled back, too; no file does", async (t) => {
  const { parent, folder } = folderOf(t);
  const engines = new ScriptedEngines();
  const supervisor = new Supervisor(parent, folder, () => {}, engines);
  const view = await supervisor.start({ name: "one", spec: WITH_NETWORK, secrets }, WANTED, () => {});
  assert.deepEqual(view.secrets, { KEY: { hosts: ["api.example.com"], bytes: VALUE.length } });
  const one = supervisor.find("one");
  await one.snapshot("good");
  await one.rollback("good");
  const file = join(parent, "one.checkpoint");
  await one.checkpoint(file);
  await supervisor.fork(one, { count: 1, identity: "fresh" }, WANTED);
  const again = { path: file, name: "two", mounts: [], network: "host", ports: [], secrets, ca: ["PEM"] } as const;
  await supervisor.resume(again, WANTED);
  await one.keep();
  const nets = engines.asked.map(({ net }) => net);
  assert.deepEqual(nets, [...Array(2).fill({ policy: "allow", secrets }), { policy: "allow", secrets, ca: ["PEM"] }]);
  const [fork] = supervisor.present(["one-1"]);
  assert.deepEqual(fork!.secrets, secrets, "a fork of a live system has them");
  assert.deepEqual(filesWith(parent, VALUE), []);
  await supervisor.close();
});

test("what nobody can know any more is named, and a system goes on once it is told", async (t) => {
  const { parent, folder } = folderOf(t);
  const first = new Supervisor(parent, folder, () => {}, new ScriptedEngines());
  await first.start({ name: "one", spec: WITH_NETWORK, secrets }, WANTED, () => {});
  await first.start({ name: "ended", spec: WITH_NETWORK, secrets }, WANTED, () => {});
  await first.find("ended").stop("SIGTERM", 1000);
  // Its end leaves a checkpoint behind.
  await first.close();

  const engines = new ScriptedEngines();
  const supervisor = new Supervisor(parent, folder, () => {}, engines);
  supervisor.takeUp();
  const view = (name: string) => supervisor.views().find((each) => each.name === name)!;
  assert.deepEqual([view("one").state, view("one").missingSecrets], ["lost", ["KEY"]]);
  assert.match(view("one").error!, /told again \(start --secret\): KEY$/);
  const refused = (error: unknown): boolean =>
    error instanceof StratosError && error.kind === "option" && /KEY/.test(error.message);
  for (const name of ["one", "ended"]) {
    await assert.rejects(supervisor.restart({ name }), refused);
    await assert.rejects(supervisor.restart({ name, secrets: {} }), refused);
    const short = { KEY: { ...secrets.KEY, value: VALUE.slice(1) } };
    await assert.rejects(supervisor.restart({ name, secrets: short }), /KEY: a value of 26 bytes/);
    const more = { ...secrets, OTHER: secrets.KEY };
    await assert.rejects(supervisor.restart({ name, secrets: more }), /had no secret OTHER/);
    assert.deepEqual(engines.asked, []);
  }
  const rotated = { KEY: { value: VALUE.toUpperCase(), hosts: ["new.example.com"] } };
  for (const name of ["one", "ended"]) await supervisor.restart({ name, secrets: rotated });
  assert.deepEqual(
    engines.asked.map(({ net, checkpoint }) => [net?.secrets, checkpoint]),
    [
      [rotated, join(folder, "one", "last.checkpoint")],
      [rotated, undefined],
    ],
  );
  assert.deepEqual(
    [view("one").state, view("one").missingSecrets, view("one").secrets!["KEY"]!.hosts],
    ["running", [], ["new.example.com"]],
  );
  await supervisor.close();
});

test("a file says which secrets it had, and whoever resumes it whom they are for", async (t) => {
  const { parent, folder } = folderOf(t);
  const engines = new ScriptedEngines();
  const supervisor = new Supervisor(parent, folder, () => {}, engines);
  await supervisor.start({ name: "one", spec: { ...WITH_NETWORK, ca: ["another's"] }, secrets }, WANTED, () => {});
  const path = join(parent, "one.checkpoint");
  await supervisor.find("one").checkpoint(path);
  const request = { path, name: "two", mounts: [], network: "host", ports: [] } as const;
  await assert.rejects(supervisor.resume(request, WANTED), /\.checkpoint: .* add --secret KEY=HOST$/);
  const mine = { KEY: { ...secrets.KEY, hosts: ["mine.example.com"] } };
  await supervisor.resume({ ...request, secrets: mine }, WANTED);
  assert.deepEqual(engines.asked.at(-1)!.net, { policy: "allow", secrets: mine });
  await supervisor.close();
});

test("all that a file's system had of the host is asked for at once, and what it had not is refused", async (t) => {
  const { parent, folder } = folderOf(t);
  const supervisor = new Supervisor(parent, folder, () => {}, new ScriptedEngines());
  const mounts = [{ host: "/srv/data", guest: "/data", readOnly: false }];
  await supervisor.start({ name: "one", spec: { ...WITH_NETWORK, mounts }, secrets }, WANTED, () => {});
  await supervisor.start({ name: "alone", spec: { ...SPEC, network: "none" } }, WANTED, () => {});
  const [path, alone] = ["one", "alone"].map((name) => join(parent, `${name}.checkpoint`)) as [string, string];
  await supervisor.find("one").checkpoint(path);
  await supervisor.find("alone").checkpoint(alone);
  const request = { path, name: "two", mounts: [], network: "none", ports: [] } as const;
  await assert.rejects(
    supervisor.resume(request, WANTED),
    /: add -v HOST:\/data \(it had \/srv\/data there\), --net host, --secret KEY=HOST$/,
  );
  await assert.rejects(supervisor.resume({ ...request, mounts }, WANTED), /: add --net host, --secret KEY=HOST$/);
  await assert.rejects(
    supervisor.resume({ ...request, path: alone, network: "host" }, WANTED),
    /it had no network; leave --net host away$/,
  );
  await assert.rejects(supervisor.resume({ ...request, path: alone, mounts }, WANTED), /it had no folder at \/data/);
  await supervisor.close();
});

test("secrets of an object's own names are told apart from what every object has", () => {
  const spec = { ...SPEC, ...placesOf({ constructor: secrets.KEY }) };
  assert.deepEqual(missingSecrets(spec, {}), ["constructor"]);
  assert.throws(() => requireSecrets("one", SPEC, { constructor: secrets.KEY }), /had no secret constructor/);
});
