/** Goal: who submits is limited from the command line. Method: a hub in this process, and somebody with a key. */
import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openBlobs, openDatabase, startHub, type Database, type HubServer } from "@stratos/hub";
import { runCommand, type CommandResult } from "../testing/run-command.ts";
import { testFolder } from "../testing/test-folder.ts";

let database: Database, server: HubServer, folder: string;
before(async () => {
  folder = testFolder("stratos-hub-limit");
  database = await openDatabase("memory");
  server = await startHub(database, {
    ...{ host: "127.0.0.1", port: 0, version: "1.2.3", leaseSeconds: 90, leaderSeconds: 5, warn: () => {} },
    blobs: await openBlobs({}, folder),
    readPackage: () => Promise.reject(new Error("this test has no packages")),
  });
  writeFileSync(join(folder, "admin"), server.firstToken!, { mode: 0o600 });
});
after(async () => {
  await server.close();
  await database.close();
  rmSync(folder, { recursive: true, force: true });
});

const hub = (key: string, ...words: string[]): Promise<CommandResult> =>
  runCommand("hub", ...words.slice(0, 2), "--hub", server.url, "--token-file", join(folder, key), ...words.slice(2));

async function printed(...words: string[]): Promise<string> {
  const { status, stdout, stderr } = await hub("admin", ...words);
  assert.equal(`${stderr}${status}`, "0", words.join(" "));
  return stdout;
}

test("an owner's limit is set, refuses what is beyond it, is listed and removed", async () => {
  writeFileSync(join(folder, "anna"), await printed("token", "create", "anna", "--role", "submitter"), { mode: 0o600 });
  await printed("limit", "set", "anna", "--max-queued", "1");
  assert.equal((await hub("anna", "task", "submit", "true")).status, 0);
  const second = await hub("anna", "task", "submit", "true");
  assert.match(`${second.stderr}${second.status}`, /anna has 1 open tasks? and may have 1.*\n1$/);
  assert.match(await printed("limit", "ls"), /^OWNER +QUEUED MAX +RUNNING MAX\nanna +1 +-\n$/);
  await printed("limit", "rm", "anna");
  assert.equal(await printed("limit", "ls", "--json"), "[]\n");
  assert.equal((await hub("anna", "task", "submit", "true")).status, 0);
  assert.match((await hub("admin", "limit", "rm", "anna")).stderr, /brake of anna: there is none/);
  assert.equal((await hub("admin", "limit", "set", "anna")).status, 2);
});
