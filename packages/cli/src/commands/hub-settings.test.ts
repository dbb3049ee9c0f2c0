/** Goal: what a hub runs with is read by the names that it has, or that people type. Method: a hub in this process. */
import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openBlobs, startHub, type Database, type HubServer } from "@stratos/hub";
import { hubClient } from "@stratos/hub/client";
import type { ChangeableSetting, HubSettings } from "@stratos/hub-api";
import { newDatabase } from "../testing/command-hub.ts";
import { runCommand, type CommandResult } from "../testing/run-command.ts";
import { testFolder } from "../testing/test-folder.ts";

let database: Database, hub: HubServer, folder: string;
before(async () => {
  folder = testFolder("stratos-hub-settings");
  database = await newDatabase();
  hub = await startHub(database, {
    ...{ host: "127.0.0.1", port: 0, version: "1.2.3", leaseSeconds: 90, leaderSeconds: 5, warn: () => {} },
    http: { keepAliveSeconds: 33 },
    blobs: await openBlobs({}, folder),
    profiles: { everySeconds: null, seconds: 1, keep: 3, bytesMax: 1 << 26, software: "test", folder },
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
    assert.match(table, /^GROUP +SETTING +VALUE +CHANGES\n/);
    assert.match(table, /^Program +version +1\.2\.3 *$/m);
    assert.match(table, /^Connections +--keep-alive, s +33 +now$/m);
    assert.match(table, /^TLS +--tls-ciphers +at its start$/m);
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

test("a setting is changed at once, by each of its names, and taken back", async () => {
  assert.equal(await printed("set", "keep-alive", "2m"), "keep-alive: 120 s\n");
  assert.equal(await printed("get", "keep-alive"), "120\n");
  assert.match(await printed("ls"), /^Connections +--keep-alive, s +120 +now; set by admin$/m);
  assert.equal(await printed("set", "--rate-limit", "7000"), "rate-limit: 7000\n");
  const { value, started } = JSON.parse(await printed("reset", "keep-alive, s", "--json")) as ChangeableSetting;
  assert.deepEqual([value, started], [33, 33]);
  assert.equal(await printed("reset", "rate-limit", "keep-alive"), "rate-limit: 0\nkeep-alive: 33 s\n");
  for (const size of ["2G", "2048"])
    assert.equal(await printed("set", "profile-size", size), "profile-size: 2048 MiB\n");
  for (const [words, said] of [
    [["set", "profile-size", "much"], /VALUE: much: expected a size, such as 64M or 1G/],
    [["set", "keep-alive", "soon"], /VALUE: soon: expected a time, such as 30s/],
    [["set", "rate-limit", "1m"], /VALUE: 1m: expected a whole number/],
    [["set", "worker-certificates", "no"], /VALUE: no: expected allow or require/],
    [["set", "keep-alive"], /VALUE: missing/],
  ] as const) {
    const { status, stderr } = await settings(...words);
    assert.equal(status, 2, stderr);
    assert.match(stderr, said);
  }
});

test("what a task is called moves no terminal's cursor", async () => {
  const call = (method: string, path: string, body?: object): Promise<{ id: number }> =>
    hubClient(hub.url, hub.firstToken!).call(method, path, body);
  const label = "\u001b[2Jnice\nstate  COMPLETED";
  const { id } = await call("POST", "/tasks", { kind: "own", payload: {}, label });
  await call("POST", `/tasks/${id}/cancel`, { reason: "\u009b31mred" });
  for (const verb of ["show", "why", "watch", "events"]) {
    const words = verb === "events" ? ["event", String(id)] : ["task", verb, String(id)];
    const { stdout, stderr } = await runCommand("hub", ...words, "--hub", hub.url, "--token-file", join(folder, "key"));
    assert.doesNotMatch(stdout + stderr, /[\u001b\u009b]|^state {2}COMPLETED/m, verb);
  }
});

test("a name that there is not is refused with what was meant; a hub is set by its options", async () => {
  for (const [words, said] of [
    [["get", "version", "keepalive"], /^stratos: keepalive: .*did you mean keep-alive\?\n$/],
    [["get", "--leaes"], /^stratos: --leaes: .*did you mean --lease\?\n$/],
    [["get", "nothing-like-it"], /: the hub has no such setting; `stratos hub settings ls` lists them\n$/],
    [["set", "listen", "[::]:1"], /^stratos: --listen: .*started anew: `stratos hub --listen \[::\]:1`\n$/],
    [["reset", "lease"], /^stratos: --lease, s: .*started anew/],
    [["set", "keep-alive", "90000"], /: keep-alive: expected a whole number from 1 to 86400, of seconds\n$/],
    [["set", "headers-timeout", "10m"], /: headers-timeout, 600 s, is more than request-timeout, 300 s\n$/],
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
