/**
 * Goal: a hub is moved whole, or it is said why not; nothing is brought to where a hub works or has worked. Method:
 * databases in folders, commands in this process.
 */
import assert from "node:assert/strict";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before } from "node:test";
import { extendedTest, isExtended } from "@stratos/base/testing";
import { openHubPlace, startHub, openBlobs } from "@stratos/hub";
import { runCommand, type CommandResult } from "../testing/run-command.ts";
import { testFolder } from "../testing/test-folder.ts";

let folder: string;
async function makeHub(): Promise<void> {
  folder = testFolder("stratos-hub-move");
  const place = await openHubPlace({ state: join(folder, "state"), database: join(folder, "first") });
  const hub = await startHub(place.database, {
    ...{ host: "127.0.0.1", port: 0, version: "1", leaseSeconds: 60, leaderSeconds: 5, warn: () => {} },
    blobs: await openBlobs({}, folder),
    readPackage: () => Promise.reject(new Error("this test has no packages")),
  });
  await hub.close();
  // More than a stream holds before somebody reads it.
  const detail = JSON.stringify({ text: "x".repeat(200_000) });
  for (let count = 0; count < 5; count++)
    await place.database.query("insert into event (actor, what, detail) values ('t', 'ALLOWED', $1::jsonb)", [detail]);
  await place.close();
}
// All of its tests are of the extended run: otherwise there is nothing to begin.
if (isExtended) {
  before(makeHub);
  after(() => rmSync(folder, { recursive: true, force: true }));
}

const at = (name: string): string => join(folder, name);
const hub = (...words: string[]): Promise<CommandResult> => runCommand("hub", ...words, "--state", at("state"));
async function refused(words: readonly string[], why: RegExp): Promise<void> {
  const { status, stdout, stderr } = await hub(...words);
  assert.deepEqual([status, stdout], [1, ""], stderr);
  assert.match(stderr, why);
}

extendedTest(
  "a hub is moved; where one has worked nothing is brought, and none that there is not is moved",
  async () => {
    const move = ["migrate", "--database", at("first"), "--to", at("second")];
    const { status, stdout, stderr } = await hub(...move);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^event +\d+$/m);
    await refused(move, /^stratos: [^:]+second: a hub has worked with this database/);
    await refused(["migrate", "--database", at("frist"), "--to", at("third")], /frist: there is no database of a hub/);
    assert.ok(!existsSync(at("frist")) && !existsSync(at("third")));
  },
);

extendedTest("a database in which no hub has worked is none that could be moved", async () => {
  const empty = await openHubPlace({ state: at("state"), database: at("empty") });
  await empty.close();
  const words = /^stratos: [^:]+empty: there is no database of a hub\n$/;
  await refused(["migrate", "--database", at("empty"), "--to", at("fourth")], words);
  assert.ok(!existsSync(at("fourth")));
});

extendedTest("what is no backup is refused before a database is made", async () => {
  const to = ["--database", at("restored")];
  await refused(["restore", at("none"), ...to], /none: no such file or directory/);
  assert.ok(!existsSync(at("restored")));
  writeFileSync(at("junk"), Uint8Array.of(0xff, 0xfe, 0, 1));
  await refused(["restore", at("junk"), ...to], /junk: this is no backup of a hub, or it is damaged/);
  await refused(["restore", at("junk"), "--database", "memory"], /memory: .* would be gone/);
});
