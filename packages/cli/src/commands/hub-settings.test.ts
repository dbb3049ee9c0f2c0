/** Goal: what a hub runs with is read by the names that it has, or that people type. Method: a hub in this process. */
import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openBlobs, openDatabase, startHub, type Database, type HubServer } from "@stratos/hub";
import type { HubSettings } from "@stratos/hub-api";
import { runCommand, type CommandResult } from "../testing/run-command.ts";
import { testFolder } from "../testing/test-folder.ts";

let database: Database, hub: HubServer, folder: string;
before(async () => {
  folder = testFolder("stratos-hub-settings");
  database = await openDatabase("memory");
  hub = await startHub(database, {
    ...{ host: "127.0.0.1", port: 0, version: "1.2.3", leaseSeconds: 90, leaderSeconds: 5, warn: () => {} },
    http: { keepAliveSeconds: 33 },
    blobs: await openBlobs({}, folder),
    readPackage: () => Promise.reject(new Error("this test has no packages")),
  });
  writeFileSync(join(folder, "key"), hub.firstToken!, { mode: 0o600 });
});
after(async () => {
  await hub.close();
  await database.close();
  rmSync(folder, { recursive: true, force: true });
});

const settings = (...words: string[]): Promise<CommandResult> =>
  runCommand("hub", "settings", ...words, "--hub", hub.url, "--token-file", join(folder, "key"));

async function printed(...words: string[]): Promise<string> {
  const { status, stdout, stderr } = await settings(...words);
  assert.equal(`${stderr}${status}`, "0", words.join(" "));
  return stdout;
}

test("all are listed, by group, or as the API has them", async () => {
  for (const word of ["ls", "list"]) {
    const table = await printed(word);
    assert.match(table, /^GROUP +SETTING +VALUE\n/);
    assert.match(table, /^Program +version +1\.2\.3$/m);
    assert.match(table, /^Connections +--keep-alive, s +33$/m);
    assert.match(table, /^TLS +--tls-ciphers +$/m);
  }
  const { groups } = JSON.parse(await printed("ls", "--json")) as HubSettings;
  assert.equal(groups["Work"]!["--lease, s"], 90);
});

test("one is printed alone, by each of its names; several by line; JSON has the API's names", async () => {
  for (const name of ["--keep-alive, s", "--keep-alive", "keep-alive", "keep-alive, s"])
    assert.equal(await printed("get", name), "33\n", name);
  assert.equal(await printed("get", "--lease", "tls-min", "version"), "90\n\n1.2.3\n");
  assert.equal(await printed("get", "failure-rules"), "0\n");
  assert.deepEqual(JSON.parse(await printed("get", "lease", "tls-min", "--json")), {
    "--lease, s": 90,
    "--tls-min": null,
  });
});

test("a name that there is not is refused with what was meant; a hub is set by its options", async () => {
  for (const [words, said] of [
    [["get", "version", "keepalive"], /^stratos: keepalive: .*did you mean keep-alive\?\n$/],
    [["get", "--leaes"], /^stratos: --leaes: .*did you mean --lease\?\n$/],
    [["get", "nothing-like-it"], /: the hub has no such setting; `stratos hub settings ls` lists them\n$/],
    [["set", "keep-alive", "60s"], /^stratos: --keep-alive, s: .*started anew: `stratos hub --keep-alive 60s`\n$/],
    [["set", "version", "2"], /^stratos: version: no option of `stratos hub`/],
    [["set", "leas", "1"], /did you mean lease\?/],
  ] as const) {
    const { status, stdout, stderr } = await settings(...words);
    assert.deepEqual([status, stdout], [1, ""], words.join(" "));
    assert.match(stderr, said);
  }
  const bare = await settings("get");
  assert.equal(bare.status, 2);
  assert.match(bare.stderr, /SETTING: missing; see --help/);
});

test("help names what there is, and how", async () => {
  assert.match(
    (await runCommand("hub", "settings", "--help")).stdout,
    /ls\|list .*list settings[^]*get .*print settings/,
  );
  assert.match((await runCommand("hub", "settings", "get", "--help")).stdout, /--json[^]*--hub|--hub[^]*--json/);
});
