/**
 * Goal: what tasks leave is in their channel's repository, once, signed, and whoever waited for it goes on. Method: a
 * hub in this process; packages are JSON that says what a .deb would.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import type { ClaimedRun, PackageView, RepositoriesView, RunEnd, TaskView } from "@stratos/hub-api";
import { HubProblem } from "@stratos/hub-api";
import { startTestHub, type TestHub } from "../testing/test-hub.ts";

let hub: TestHub;
let session = "";
before(async () => {
  hub = await startTestHub({
    readPackage: async (path) => {
      const text = readFileSync(path, "utf8");
      if (!text.startsWith("Package:")) throw new Error("is no package");
      const sum = (name: string): string => createHash(name).update(text).digest("hex");
      return { control: text, sizeBytes: text.length, md5: sum("md5"), sha256: sum("sha256"), files: ["usr/bin/x"] };
    },
  });
  for (const name of ["stable", "child"])
    await hub.admin.call("PUT", `/channels/${name}`, name === "child" ? { inherits: ["default"] } : {});
  const host = { arches: ["amd64"], channels: ["default", "child"], capacity: 10 };
  ({ session } = await hub.admin.call<{ session: string }>("PUT", "/hosts/h", host));
});
after(() => hub.close());

const control = (name: string, version: string, more = ""): string =>
  `Package: ${name}\nVersion: ${version}\nArchitecture: amd64\nSource: src-${name}\n` +
  `Maintainer: T <t@mirror.example>\n${more}Description: ${name}\n`;

async function upload(text: string): Promise<string> {
  const digest = `sha256:${createHash("sha256").update(text).digest("hex")}`;
  await hub.admin.call("PUT", `/blobs/${digest}?size=${text.length}`, new TextEncoder().encode(text));
  return digest;
}
async function begin(channel = "default"): Promise<ClaimedRun> {
  await hub.admin.call("POST", "/tasks", { kind: "build", payload: { source: "hello" }, channel });
  const { runs } = await hub.admin.call<{ runs: ClaimedRun[] }>("POST", "/hosts/h/claim", {
    session,
    slots: 1,
    start: true,
    waitSeconds: 10,
    holding: [],
  });
  return runs[0]!;
}
async function end({ run, token }: ClaimedRun, how: Partial<RunEnd>): Promise<void> {
  await hub.admin.call("POST", "/hosts/h/runs/end", { runs: [{ run, token, outcome: "COMPLETED", ...how }] });
}
/** A task that leaves these packages, until the hub has looked at them. */
async function leave(...texts: string[]): Promise<number> {
  const run = await begin();
  const artefacts = [];
  for (const [index, text] of texts.entries())
    artefacts.push({ name: `${index}.deb`, role: "package", digest: await upload(text), media: "x/y" });
  await end(run, { artefacts });
  for (let left = 1; left > 0; await new Promise((resolve) => setTimeout(resolve, 50)))
    left = (await hub.database.query("select 1 from to_publish")).length;
  return run.task;
}
const get = (path: string): Promise<Response> => fetch(`${hub.server.url}/repos/${path}`);
const events = async (what: string): Promise<unknown[]> =>
  (await hub.database.query<{ detail: unknown }>("select detail from event where what = $1 order by id", [what])).map(
    ({ detail }) => detail,
  );

test("a task's packages are listed, signed, served without a key; who waited for them is tried at once", async () => {
  const waiting = await begin("child");
  const message = "Install-Deps failed: apple: there is no such package";
  await end(waiting, { outcome: "FAILED", failureClass: "dependency-wait", message });
  const other = await begin();
  await end(other, { outcome: "FAILED", failureClass: "dependency-wait", message: "pear: there is no such package" });
  assert.equal((await get("default/dists/default/InRelease")).status, 404);

  const task = await leave(control("apple", "1"), control("libapple", "1", "Provides: apple-abi (= 1)\n"));
  const lists = await (await get("default/dists/default/main/binary-amd64/Packages")).text();
  assert.match(lists, /Package: apple\nVersion: 1\n[^]*Package: libapple\n/);
  const release = await (await get("default/dists/default/InRelease")).text();
  assert.match(release, /^-----BEGIN PGP SIGNED[^]*Suite: default\r?\n/);
  const pool = /Filename: (\S+apple_1_amd64\.deb)/.exec(lists)![1]!;
  assert.equal(await (await get(`default/${pool}`)).text(), control("apple", "1"));
  const part = await fetch(`${hub.server.url}/repos/default/${pool}`, { headers: { range: "bytes=0-6" } });
  assert.deepEqual([part.status, await part.text()], [206, "Package"]);
  assert.equal((await get(`stable/${pool}`)).status, 404, "another channel has it not");
  assert.deepEqual(await events("PUBLISHED"), [
    { channel: "default", packages: ["apple 1 amd64", "libapple 1 amd64"] },
  ]);

  // The first pause is a minute. Its channel inherits the one where the package came.
  const due = await hub.database.query<{ id: number; due: boolean }>(
    "select t.id, coalesce(w.due <= now(), true) as due from task t left join waiting w on w.task_id = t.id where " +
      "t.id = any($1::bigint[]) order by t.id",
    [[waiting.task, other.task]],
  );
  assert.deepEqual(due, [
    { id: waiting.task, due: true },
    { id: other.task, due: false },
  ]);
  for (const { task: id } of [waiting, other]) await hub.admin.call("POST", `/tasks/${id}/cancel`, {});
  const { items } = await hub.admin.call<{ items: PackageView[] }>("GET", "/packages?source=src-apple");
  assert.deepEqual(
    items.map((one) => [one.channel, one.name, one.version, one.task, one.actor]),
    [["default", "apple", "1", task, "hub"]],
  );
  const none = await hub.admin.call<{ items: PackageView[] }>("GET", "/packages?channel=default&source=no-such");
  assert.deepEqual(none.items, []);
  const slip = hub.admin.call("GET", "/packages?channel=defualt");
  await assert.rejects(slip, { status: 404, message: /channel defualt: there is none/ });
  const places = await hub.admin.call<RepositoriesView>("GET", "/channels/child/repositories");
  assert.deepEqual(places.items, [{ path: "/repos/default", suite: "default", components: ["main"] }]);
  assert.match(places.key, /^-----BEGIN PGP PUBLIC KEY/);
});

test("another file of a version that is there, and what is no package, are told of and left out", async () => {
  await leave(control("apple", "1", "Section: other\n"), "something else");
  assert.deepEqual(await events("NOT_PUBLISHED"), [
    { channel: "default", package: "apple 1 amd64", why: "the channel has another file of this name and version" },
    { file: "1.deb", why: "is no package" },
  ]);
  assert.doesNotMatch(await (await get("default/dists/default/main/binary-amd64/Packages")).text(), /Section: other/);
});

test("sources are promoted by name or version, and withdrawn; lists of the state before stay by hash", async () => {
  await leave(control("apple", "2"));
  const promote = (...sources: string[]): Promise<{ items: PackageView[] }> =>
    hub.admin.call("POST", "/channels/stable/promote", { from: "default", sources });
  const versions = ({ items }: { items: readonly PackageView[] }): string[] => items.map(({ version }) => version);
  assert.deepEqual(versions(await promote("src-apple=1")), ["1"]);
  const release = await (await get("stable/dists/stable/Release")).text();
  const before = /^ ([0-9a-f]{64}) +\d+ main\/binary-amd64\/Packages$/m.exec(release)![1]!;
  assert.deepEqual(versions(await promote("src-apple")), ["2"]);
  const list = (path: string): Promise<Response> => get(`stable/dists/stable/main/binary-amd64/${path}`);
  assert.match(await (await list("Packages")).text(), /Version: 2\n[^]*Version: 1\n/);
  assert.doesNotMatch(await (await list(`by-hash/SHA256/${before}`)).text(), /Version: 2/);
  await assert.rejects(promote("src-pear"), (error: HubProblem) => error.status === 404);

  await hub.admin.call("POST", "/channels/stable/withdraw", { sources: ["src-apple=1"] });
  assert.doesNotMatch(await (await list("Packages")).text(), /Version: 1\n/);
  assert.equal((await list(`by-hash/SHA256/${before}`)).status, 404, "two states back");
  assert.match(
    await (await get("default/dists/default/main/binary-amd64/Packages")).text(),
    /Version: 1\n/,
    "the other channel keeps it",
  );
});

test("who waits for a package is tried when it is promoted, or when its channel comes to inherit one", async () => {
  const host = { arches: ["amd64"], channels: ["default", "child", "testing"], capacity: 10 };
  await hub.admin.call("PUT", "/channels/testing", {});
  ({ session } = await hub.admin.call<{ session: string }>("PUT", "/hosts/h", host));
  const isDue = async (task: number): Promise<boolean> =>
    (
      await hub.database.query<{ due: boolean }>("select due <= now() as due from waiting where task_id = $1", [task])
    ).every(({ due }) => due);
  const wait = async (): Promise<number> => {
    const run = await begin("testing");
    await end(run, { outcome: "FAILED", failureClass: "dependency-wait", message: "apple: no such package" });
    assert.equal(await isDue(run.task), false);
    return run.task;
  };
  const first = await wait();
  await hub.admin.call("POST", "/channels/testing/promote", { from: "default", sources: ["src-apple"] });
  assert.equal(await isDue(first), true);
  await hub.admin.call("POST", `/tasks/${first}/cancel`, {});
  const second = await wait();
  await hub.admin.call("PUT", "/channels/testing", { inherits: ["stable"] });
  assert.equal(await isDue(second), true);
  await hub.admin.call("POST", `/tasks/${second}/cancel`, {});
});

test("channels that would inherit each other in a circle are refused; one that is inherited stays", async () => {
  const change = hub.admin.call("PUT", "/channels/default", { inherits: ["child"] });
  await assert.rejects(change, (error: HubProblem) => error.status === 422 && /circle/.test(error.message));
  await hub.admin.call("PUT", "/channels/grandchild", { inherits: ["child"] });
  await assert.rejects(
    hub.admin.call("DELETE", "/channels/child"),
    (error: HubProblem) => error.status === 409,
    "it has open tasks, and an heir",
  );
});

test("an artefact that is a task's input stays, and one that was not uploaded is refused", async () => {
  const digest = await upload("input");
  const submission = { kind: "build", payload: { source: "hello" }, inputs: [{ name: "a.dsc", digest }] };
  const { id } = await hub.admin.call<TaskView>("POST", "/tasks", submission);
  assert.deepEqual(await hub.database.query("select name, role from task_artefact where task_id = $1", [id]), [
    { name: "a.dsc", role: "input" },
  ]);
  const missing = { ...submission, inputs: [{ name: "a.dsc", digest: `sha256:${"0".repeat(64)}` }] };
  await assert.rejects(hub.admin.call("POST", "/tasks", missing), (error: HubProblem) => error.status === 409);
});
