/**
 * Rebuilds. Goal: what builds on a package is built anew as binNMUs, in waves, each number once, and nothing starts
 * before what it needs is in the channel. Method: a hub in this process; packages are JSON that says what a .deb would.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { HubProblem, type ClaimedRun, type RebuildRequest, type RebuildView, type TaskView } from "@stratos/hub-api";
import { startPostgres, type TestServer } from "../testing/test-database.ts";
import { startTestHub, type TestHub } from "../testing/test-hub.ts";
import { readBuildPayload } from "../payloads/build-payload.ts";

let hub: TestHub;
let server: TestServer | null = null;
let session = "";
const ARCHES = ["amd64", "riscv64"];
before(async () => {
  // A server, where transactions are at the same time.
  server = startPostgres();
  hub = await startTestHub({
    database: server.createDatabase(),
    readPackage: async (path) => {
      const text = readFileSync(path, "utf8");
      const sum = (name: string): string => createHash(name).update(text).digest("hex");
      return { control: text, sizeBytes: text.length, md5: sum("md5"), sha256: sum("sha256"), files: [] };
    },
  });
});
after(async () => {
  await hub?.close();
  server?.stop();
});

let made = 0;
async function newChannel(): Promise<string> {
  const channel = `r${++made}`;
  await hub.admin.call("PUT", `/channels/${channel}`, {});
  const host = { arches: ARCHES, channels: [channel], capacity: 100 };
  ({ session } = await hub.admin.call<{ session: string }>("PUT", "/hosts/h", host));
  return channel;
}
async function upload(text: string): Promise<string> {
  const digest = `sha256:${createHash("sha256").update(text).digest("hex")}`;
  await hub.admin.call("PUT", `/blobs/${digest}?size=${text.length}`, new TextEncoder().encode(text));
  return digest;
}
const claim = async (): Promise<readonly ClaimedRun[]> =>
  (
    await hub.admin.call<{ runs: ClaimedRun[] }>("POST", "/hosts/h/claim", {
      session,
      slots: 50,
      start: true,
      waitSeconds: 5,
      holding: held,
    })
  ).runs;
const held: number[] = [];

interface Build {
  readonly source: string;
  readonly version?: string;
  readonly depends?: readonly string[];
  /** Of other files, by name. */
  readonly files?: Readonly<Record<string, string>>;
  readonly arches?: readonly string[];
  readonly needs?: string;
  readonly payload?: Record<string, unknown>;
}

/** A build that ended before rebuilds are asked for. */
async function built(channel: string, build: Build): Promise<void> {
  for (const arch of build.arches ?? ["amd64"]) {
    const payload = { source: build.source, ...build.payload };
    const inputs = (payload as { files?: object[] }).files;
    await hub.admin.call("POST", "/tasks", {
      kind: "build",
      channel,
      arch: arch === "all" ? "any" : arch,
      payload,
      ...(inputs === undefined ? {} : { inputs }),
    });
    const [run] = await claim();
    await finish(run!, { ...build, arches: [arch] });
  }
}

async function finish(run: ClaimedRun, { source, version = "1.0", depends, files = {}, arches, needs }: Build) {
  const [arch] = arches!;
  const artefacts = [];
  const nmu = run.payload["binNmu"] as { number: number; of: string } | undefined;
  const own = nmu === undefined ? version : `${nmu.of}+b${nmu.number}`;
  const deb =
    `Package: ${source}\nVersion: ${own}\nArchitecture: ${arch}\nSource: ${source} (${nmu?.of ?? version})\n` +
    `Maintainer: T <t@mirror.example>\n${needs === undefined ? "" : `Depends: ${needs}\n`}Description: x\n`;
  artefacts.push({ name: `${source}_${own}_${arch}.deb`, role: "package", digest: await upload(deb), media: "x/y" });
  for (const [name, text] of Object.entries(files))
    artefacts.push({ name, role: "record", digest: await upload(text), media: "x/y" });
  const result = { source: { name: source, version }, ...(depends === undefined ? {} : { depends }) };
  await hub.admin.call("POST", "/hosts/h/runs/end", {
    runs: [{ run: run.run, token: run.token, outcome: "COMPLETED", artefacts, result }],
  });
  const deadline = Date.now() + 20_000;
  for (let left = 1; left > 0; await new Promise((resolve) => setTimeout(resolve, 20))) {
    left = (await hub.database.query("select 1 from to_publish")).length;
    assert.ok(Date.now() < deadline, "the hub publishes");
  }
}

const REASON = "Rebuild against libgreet2.";
const plan = (channel: string, request: Partial<RebuildRequest>): Promise<RebuildView> =>
  hub.admin.call("POST", `/channels/${channel}/rebuild/plan`, { reason: REASON, ...request });
const rebuild = (channel: string, request: Partial<RebuildRequest>): Promise<RebuildView> =>
  hub.admin.call("POST", `/channels/${channel}/rebuild`, { reason: REASON, ...request });
const words = ({ items }: RebuildView): string[] =>
  items.map(({ wave, source, version, number, arch }) => `${wave} ${source} ${version}+b${number} ${arch}`);
async function problemOf(work: Promise<unknown>): Promise<HubProblem> {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof HubProblem);
    return error;
  }
  throw new Error("it was not refused");
}

test("what builds on a package is built anew in waves; each starts when what it needs is in the channel", async () => {
  const channel = await newChannel();
  await built(channel, { source: "libgreet", depends: ["debhelper (>= 13)"] });
  await built(channel, { source: "hello", version: "2.10-3", depends: ["libgreet (>= 1)", "gcc"], arches: ARCHES });
  await built(channel, { source: "tools", depends: ["libgreet", "hello | other"], payload: { suite: "trixie" } });
  await built(channel, { source: "other", depends: ["gcc"] });
  const planned = await plan(channel, { reverseDepends: ["libgreet"] });
  const expected = ["1 hello 2.10-3+b1 amd64", "1 hello 2.10-3+b1 riscv64", "2 tools 1.0+b1 amd64"];
  assert.deepEqual(words(planned), expected);
  assert.deepEqual(planned.items[2], {
    wave: 2,
    source: "tools",
    version: "1.0",
    arch: "amd64",
    number: 1,
    because: ["libgreet"],
    after: ["hello"],
    circle: [],
    known: "builder",
    task: null,
  });
  assert.equal(
    (await hub.admin.call<{ items: unknown[] }>("GET", `/tasks?channel=${channel}&state=FREE`)).items.length,
    0,
  );

  const done = await rebuild(channel, { reverseDepends: ["libgreet"] });
  assert.deepEqual(words(done), expected);
  const tools = await hub.admin.call<TaskView>("GET", `/tasks/${done.items[2]!.task}`);
  assert.equal(tools.state, "BLOCKED");
  const { date, ...nmu } = tools.payload["binNmu"] as Record<string, unknown>;
  assert.deepEqual(
    { ...tools.payload, binNmu: nmu },
    {
      source: "tools=1.0",
      suite: "trixie",
      binNmu: { number: 1, reason: REASON, of: "1.0" },
    },
  );
  assert.ok(Math.abs((date as number) - Date.now() / 1000) < 600);
  assert.ok(typeof readBuildPayload(tools.payload) !== "string", "workers take it");

  const first = await claim();
  assert.deepEqual(first.map(({ arch }) => arch).sort(), ARCHES);
  for (const run of first) await finish(run, { source: "hello", version: "2.10-3", arches: [run.arch] });
  const [second] = await claim();
  assert.equal(second!.label, "rebuild tools 1.0+b1");
  const { items } = await hub.admin.call<{ items: { version: string }[] }>(
    "GET",
    `/packages?channel=${channel}&source=hello`,
  );
  assert.deepEqual(items.map(({ version }) => version).sort(), ["2.10-3", "2.10-3", "2.10-3+b1", "2.10-3+b1"]);
  await finish(second!, { source: "tools", arches: ["amd64"] });
  // What was a binNMU is built of the same source the next time, with the next number.
  assert.deepEqual(words(await plan(channel, { sources: ["tools", "hello"] })).slice(0, 1), [
    "1 hello 2.10-3+b2 amd64",
  ]);
});

test("of many rebuilds at once each has a number of its own", async () => {
  const channel = await newChannel();
  await built(channel, { source: "solo", depends: ["x-dev"] });
  const all = await Promise.all(Array.from({ length: 12 }, () => rebuild(channel, { sources: ["solo"] })));
  assert.deepEqual(
    all.map(({ items }) => items[0]!.number).sort((a, b) => a - b),
    Array.from({ length: 12 }, (_, index) => index + 1),
  );
  const problem = await problemOf(rebuild(channel, { sources: ["solo"], number: 7 }));
  assert.equal(problem.status, 409);
  assert.match(problem.message, /solo 1\.0\+b7 is there already; 13 is free/);
  // A number that came to nothing is free again.
  await hub.admin.call("POST", `/tasks/${all.find(({ items }) => items[0]!.number === 7)!.items[0]!.task}/cancel`, {});
  assert.deepEqual(words(await rebuild(channel, { sources: ["solo"], number: 7 })), ["1 solo 1.0+b7 amd64"]);
});

test("numbers count in all channels that have the source", async () => {
  const from = await newChannel();
  await built(from, { source: "wide", depends: ["x-dev"] });
  await rebuild(from, { sources: ["wide"] });
  const [run] = await claim();
  await finish(run!, { source: "wide", arches: ["amd64"] });
  await hub.database.query("delete from bin_nmu where source = 'wide'");
  const to = await newChannel();
  await hub.admin.call("POST", `/channels/${to}/promote`, { from, sources: ["wide=1.0"] });
  assert.deepEqual(words(await plan(to, { sources: ["wide"] })), ["1 wide 1.0+b2 amd64"], "its file says so");
});

test("what was built before dependencies were kept: from the .dsc, else from the .buildinfo", async () => {
  const channel = await newChannel();
  const dsc =
    "Format: 3.0 (native)\nSource: old\nBinary: old\nArchitecture: linux-any\nVersion: 1.0\n" +
    "Maintainer: T <t@mirror.example>\nBuild-Depends: zlib-dev [amd64], doc-tool <!nodoc>, win-dev [hurd-any]\n" +
    `Checksums-Sha256:\n ${"0".repeat(64)} 1 old_1.0.tar.gz\nFiles:\n ${"0".repeat(32)} 1 old_1.0.tar.gz\n`;
  const digest = await upload(dsc);
  const files = [{ name: "old_1.0.dsc", digest }];
  await built(channel, { source: "old", payload: { source: "old_1.0.dsc", files, profiles: ["nodoc"] } });
  const buildinfo =
    "Format: 1.0\nSource: older\nBinary: older\nArchitecture: amd64\nVersion: 1.0\n" +
    `Checksums-Sha256:\n ${"0".repeat(64)} 1 older_1.0_amd64.deb\n` +
    "Installed-Build-Depends:\n base-files (= 13),\n libz1 (= 1:1.3),\n zlib-dev (= 1:1.3)\n";
  await built(channel, { source: "older", files: { "older_1.0_amd64.buildinfo": buildinfo } });
  await built(channel, { source: "oldest" });
  const { items, leftOut } = await plan(channel, { reverseDepends: ["zlib-dev"] });
  assert.deepEqual(
    items.map(({ source, known }) => [source, known]),
    [
      ["old", "dsc"],
      ["older", "buildinfo"],
    ],
  );
  assert.deepEqual(
    leftOut.map(({ source, why }) => [source, why]),
    [["oldest", "what it builds on is not known: the task that built it is gone, and nothing of it was kept"]],
  );
  for (const name of ["doc-tool", "win-dev"])
    assert.deepEqual((await plan(channel, { reverseDepends: [name] })).items, [], name);
  const done = await rebuild(channel, { sources: ["old"] });
  const task = await hub.admin.call<TaskView>("GET", `/tasks/${done.items[0]!.task}`);
  assert.deepEqual([task.payload["source"], task.payload["files"]], ["old_1.0.dsc", files]);
  // The tasks go; what they built on stays known.
  await hub.database.query("delete from task_artefact where name like '%.buildinfo'");
  assert.equal((await plan(channel, { reverseDepends: ["libz1"] })).items[0]!.source, "older");
});

test("what cannot be built anew is left out, and said", async () => {
  const channel = await newChannel();
  await built(channel, { source: "docs", depends: ["x-dev"], arches: ["all"] });
  const digest = await upload("gone");
  const files = [{ name: "lost_1.0.dsc", digest }];
  await built(channel, { source: "lost", depends: ["x-dev"], payload: { source: "lost_1.0.dsc", files } });
  await hub.database.query("delete from task_artefact where digest = $1", [digest]);
  await hub.database.query("delete from artefact where digest = $1", [digest]);
  const { items, leftOut } = await rebuild(channel, { sources: ["docs", "lost"] });
  assert.deepEqual(items, []);
  assert.match(leftOut.find(({ source }) => source === "docs")!.why, /for all architectures only/);
  assert.match(leftOut.find(({ source }) => source === "lost")!.why, /^lost_1\.0\.dsc of its source is not kept/);
  assert.equal((await problemOf(plan(channel, { sources: ["none"] }))).status, 404);
  assert.equal((await problemOf(plan(channel, {}))).status, 422);
  assert.equal((await problemOf(plan(channel, { sources: ["docs"], reason: "a\nb" }))).status, 422);
  assert.equal((await problemOf(plan("nowhere", { sources: ["docs"] }))).status, 404);
});

test("a worker refuses a binNMU that is none", () => {
  const nmu = { number: 1, reason: "x", date: 0, of: "1:1.0-1" };
  const read = (more: object): ReturnType<typeof readBuildPayload> =>
    readBuildPayload({ source: "hello", binNmu: { ...nmu, ...more } });
  const good = read({ reason: "--seed" });
  assert.ok(typeof good !== "string");
  assert.deepEqual(good.options, [
    "--bin-nmu",
    "1",
    "--reason=--seed",
    "--bin-nmu-date",
    "0",
    "--bin-nmu-of",
    "1:1.0-1",
  ]);
  for (const more of [{ number: 0 }, { reason: "" }, { reason: "a\nb" }, { date: -1 }, { of: "--x" }, { other: 1 }])
    assert.equal(typeof read(more), "string", JSON.stringify(more));
  assert.equal(typeof readBuildPayload({ source: "hello", binNmu: null }), "string");
});
