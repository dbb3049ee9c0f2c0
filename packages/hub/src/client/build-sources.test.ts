/**
 * Goal: who wants packages of sources has them, from a channel or built, or is told which of them fails and why.
 * Method: a hub in this process, and a worker that ends each run as the test says; packages are their control text.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { HubClient, type ClaimedRun, type PackageView, type RunEnd, type TaskView } from "@stratos/hub-api";
import { startTestHub, type TestHub } from "../testing/test-hub.ts";
import { buildSources, SourceError, type WantedSource } from "./build-sources.ts";

let hub: TestHub;
/** How runs of a source end, by its name; the name `-dsc` of those that were uploaded. */
const ends = new Map<string, (run: ClaimedRun) => Promise<Partial<RunEnd>>>();
const told: string[] = [];
const stop = new AbortController();
let worker: Promise<void>;

before(async () => {
  hub = await startTestHub({
    readPackage: async (path) => {
      const text = readFileSync(path, "utf8");
      const sum = (name: string): string => createHash(name).update(text).digest("hex");
      return { control: text, sizeBytes: text.length, md5: sum("md5"), sha256: sum("sha256"), files: [] };
    },
  });
  for (const [name, inherits] of Object.entries({ stable: [], heir: ["stable"], fresh: [] }))
    await hub.admin.call("PUT", `/channels/${name}`, { inherits });
  const channels = ["default", "stable", "heir", "fresh"];
  const { session } = await hub.admin.call<{ session: string }>("PUT", "/hosts/h", {
    arches: ["amd64"],
    channels,
    capacity: 10,
  });
  worker = work(session);
});
after(async () => {
  stop.abort();
  await worker;
  await hub.close();
});

async function work(session: string): Promise<void> {
  while (!stop.signal.aborted) {
    const { runs } = await hub.admin.call<{ runs: ClaimedRun[] }>("POST", "/hosts/h/claim", {
      session,
      slots: 1,
      start: true,
      waitSeconds: 0.2,
      holding: [],
    });
    for (const run of runs) {
      const source = String(run.payload["source"]).split("=")[0]!;
      const how = (await ends.get(source)?.(run)) ?? { outcome: "FAILED", failureClass: "build", message: "no way" };
      await hub.admin.call("POST", "/hosts/h/runs/end", {
        runs: [{ run: run.run, token: run.token, outcome: "COMPLETED", ...how }],
      });
    }
  }
}

async function leaves(name: string, version: string, more = ""): Promise<Partial<RunEnd>> {
  const text =
    `Package: lib${name}\nVersion: ${version}\nArchitecture: amd64\nSource: ${name}\n` +
    `Maintainer: T <t@mirror.example>\n${more}Description: x\n`;
  const digest = `sha256:${createHash("sha256").update(text).digest("hex")}`;
  await hub.admin.call("PUT", `/blobs/${digest}?size=${text.length}`, new TextEncoder().encode(text));
  return { artefacts: [{ name: `lib${name}.deb`, role: "package", digest, media: "x/y" }] };
}

const wanted = (name: string, more: Partial<WantedSource> = {}): WantedSource => ({
  item: name,
  name,
  arch: "amd64",
  suite: "trixie",
  ...more,
});
const build = (sources: readonly WantedSource[], more: { channel?: string; mode?: "look" | "anew" } = {}) =>
  buildSources(hub.admin, sources, {
    channel: "default",
    mode: "build",
    signal: new AbortController().signal,
    tell: (message) => void told.push(message),
    pollMs: 20,
    ...more,
  });
const versions = ({ packages }: { packages: readonly PackageView[] }): string[] =>
  packages.map(({ name, version }) => `${name} ${version}`);
const tasksOf = async (source: string): Promise<TaskView[]> =>
  (await hub.admin.call<{ items: TaskView[] }>("GET", "/tasks?limit=100")).items.filter(
    ({ payload }) => payload["source"] === source,
  );

test("what a channel lacks is built, once; afterwards it is taken from there", async () => {
  ends.set("apple", () => leaves("apple", "1"));
  const first = await build([wanted("apple")]);
  assert.deepEqual(versions(first), ["libapple 1"]);
  assert.equal(first.repositories.items[0]!.path, "/repos/default");
  assert.match(first.repositories.key, /BEGIN PGP PUBLIC KEY/);
  const [task] = await tasksOf("apple");
  assert.deepEqual([task!.arch, task!.payload], ["amd64", { source: "apple", suite: "trixie" }]);
  assert.ok(told.some((line) => line === `apple: task ${task!.id} builds it`));

  assert.deepEqual(versions(await build([wanted("apple"), wanted("apple", { version: "1" })])), [
    "libapple 1",
    "libapple 1",
  ]);
  assert.deepEqual(versions(await build([wanted("apple")], { mode: "look" })), ["libapple 1"]);
  assert.equal((await tasksOf("apple")).length, 1);
});

test("an heir's images take what its ancestor has; another channel builds for itself", async () => {
  await hub.admin.call("POST", "/channels/stable/promote", { from: "default", sources: ["apple"] });
  const { packages } = await build([wanted("apple")], { channel: "heir" });
  assert.deepEqual(
    packages.map(({ channel }) => channel),
    ["stable"],
  );
  assert.equal((await tasksOf("apple")).length, 1);
  await assert.rejects(build([wanted("apple")], { channel: "fresh", mode: "look" }), (error: SourceError) => {
    assert.equal(error.message, "channel fresh has no packages of it");
    return error.source.item === "apple";
  });
});

test("sources that need each other are built in whichever order they can be", async () => {
  let tries = 0;
  ends.set("user", async () => {
    const { items } = await hub.admin.call<{ items: PackageView[] }>("GET", "/packages?source=needed");
    tries++;
    return items.length > 0
      ? leaves("user", "1")
      : { outcome: "FAILED", failureClass: "dependency-wait", message: "libneeded: there is no such package" };
  });
  let isUserTried = (): void => {};
  const userTried = new Promise<void>((resolve) => (isUserTried = resolve));
  const first = ends.get("user")!;
  ends.set("user", async (run) => {
    isUserTried();
    return first(run);
  });
  ends.set("needed", async () => {
    await userTried;
    return leaves("needed", "1");
  });
  assert.deepEqual(versions(await build([wanted("user"), wanted("needed")])).sort(), ["libneeded 1", "libuser 1"]);
  assert.equal(tries, 2);
});

test("a failure names the source, the task and the builder's words; asked again, the task is tried again", async () => {
  ends.set("broken", async () => ({ outcome: "FAILED", failureClass: "build", message: "Build failed: make: 2" }));
  const isTold = (error: SourceError): boolean =>
    error instanceof SourceError &&
    error.source.item === "broken" &&
    /^task \d+: FAILED: builder: Build failed: make: 2$/.test(error.message);
  await assert.rejects(build([wanted("broken")]), isTold);
  ends.set("broken", () => leaves("broken", "2"));
  assert.deepEqual(versions(await build([wanted("broken")])), ["libbroken 2"]);
  assert.equal((await tasksOf("broken")).length, 1);
});

test("a hub that is away for a moment costs no build", async () => {
  ends.set("fig", () => leaves("fig", "1"));
  let failures = 0;
  const shaky = new HubClient({
    url: hub.admin.url,
    token: hub.adminToken,
    fetch: (url, init) =>
      /\/tasks\/\d+$/.test(url) && failures > 0 && failures++ < 4
        ? Promise.reject(new TypeError("fetch failed"))
        : fetch(url, init),
  });
  const tell = (message: string): void => void (failures = /builds it$/.test(message) ? 1 : failures);
  const { signal } = new AbortController();
  const options = { channel: "default", mode: "build", signal, tell, pollMs: 20 } as const;
  assert.deepEqual(versions(await buildSources(shaky, [wanted("fig")], options)), ["libfig 1"]);
  assert.ok(failures >= 4);
});

test("a package that nobody builds is not waited for", async () => {
  const message = "Install-Deps failed: nowhere-dev: there is no such package";
  ends.set("hopeless", async () => ({ outcome: "FAILED", failureClass: "dependency-wait", message }));
  await assert.rejects(build([wanted("hopeless")]), (error: SourceError) =>
    /waits for a package that nobody builds: builder: .*nowhere-dev/.test(error.message),
  );
});

test("a build that the channel has another file of is refused with the hub's words", async () => {
  ends.set("apple", () => leaves("apple", "1", "Section: other\n"));
  await assert.rejects(build([wanted("apple")], { mode: "anew" }), /libapple 1 amd64: the channel has another file/);
});

test("what was built and withdrawn is built again", async () => {
  ends.set("pear", () => leaves("pear", "1"));
  await build([wanted("pear")]);
  await hub.admin.call("POST", "/channels/default/withdraw", { sources: ["pear"] });
  ends.set("pear", () => leaves("pear", "1.1"));
  assert.deepEqual(versions(await build([wanted("pear")])), ["libpear 1.1"]);
});

test("a .dsc is uploaded with its files; changed, it takes a new version", async () => {
  const path = join(hub.folder, "plum_1.dsc");
  writeFileSync(path, "one");
  ends.set("plum_1.dsc", () => leaves("plum", "1"));
  const files = [{ name: "plum_1.dsc", path, role: "input", media: "x/y" }];
  const plum = wanted("plum", { item: "./plum_1.dsc", version: "1", isForAll: true, files });
  assert.deepEqual(versions(await build([plum])), ["libplum 1"]);
  const [task] = await tasksOf("plum_1.dsc");
  assert.equal(task!.arch, "any");
  assert.deepEqual(versions(await build([plum])), ["libplum 1"]);
  writeFileSync(path, "two");
  await assert.rejects(build([plum]), /has plum 1 of another plum_1\.dsc; a changed source takes a new version/);
});
