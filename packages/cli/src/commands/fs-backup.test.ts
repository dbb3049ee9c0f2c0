/**
 * Goal: what was backed up comes back, wherever it was kept, and damage is told. Method: the command line; a folder,
 * stand-ins for rsync and rclone, and an S3 server of our own.
 */
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { extendedTest } from "@stratos/base/testing";
import {
  keptEntries,
  makeBackup,
  openBackupStore,
  withBackupVolume,
  type BackupEntry,
  type BackupStore,
} from "@stratos/volumes/backup";
import { runCommand } from "../testing/run-command.ts";
import { testFolder } from "../testing/test-folder.ts";

let folder: string, volume: string;
const works = async (...args: string[]): Promise<string> => {
  const { status, stdout, stderr } = await runCommand("fs", ...args);
  assert.equal(`${stderr}${status}`, "0", args.join(" "));
  return stdout;
};
const put = async (path: string, content: string): Promise<void> => {
  writeFileSync(join(folder, "content"), content);
  await works("cp", join(folder, "content"), `${volume}:${path}`);
};

before(async () => {
  folder = testFolder("stratos-backup");
  volume = join(folder, "v");
  await works("format", volume, "-s", "64M", "-L", "mine");
  await put("/a", "first ".repeat(50_000));
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** Two backups, the second as differences, and both back in a new volume. */
async function roundTrip(store: string): Promise<void> {
  await put("/a", "first ".repeat(50_000));
  assert.match(await works("backup", "run", volume, store), /^backup-\S+: whole, /);
  await put("/a", "second ".repeat(50_000));
  await put("/b", store);
  assert.match(await works("backup", "run", volume, store), /^backup-\S+: since backup-\S+, /);
  assert.equal(await works("backup", "verify", store), `${store}: intact\n`);
  const [first, second] = (JSON.parse(await works("backup", "list", store, "--json")) as { entries: BackupEntry[] })
    .entries;
  const target = join(folder, "restored");
  await works("format", target, "-s", "64M", "--force");
  assert.equal(await works("backup", "restore", store, target, "--live"), `${second!.name}\n`);
  assert.equal(await works("cat", `${target}:/b`), store);
  assert.equal(await works("cat", `${target}@${first!.name}:/a`), "first ".repeat(50_000));
  assert.equal(await works("check", target), `${target}: clean\n`);
  await works("rm", `${volume}:/b`);
}

test("a folder", async () => {
  const store = join(folder, "store");
  await roundTrip(store);
  assert.equal(
    (await works("snapshot", "list", volume, "--names")).split("\n").filter((name) => name.startsWith("backup-"))
      .length,
    1,
    "only the last one stays in the volume",
  );
  const piece = readdirSync(store).find((name) => name.endsWith(".0001"))!;
  const bytes = readFileSync(join(store, piece));
  bytes[bytes.length >> 1]! ^= 1;
  writeFileSync(join(store, piece), bytes);
  const verified = await runCommand("fs", "backup", "verify", store);
  assert.equal(verified.status, 1);
  assert.match(verified.stdout, /backup-\S+: backup-\S+\.0001 is damaged/);
  await works("format", join(folder, "restored"), "-s", "64M", "--force");
  assert.match((await runCommand("fs", "backup", "restore", store, join(folder, "restored"))).stderr, /is damaged/);
  const other = join(folder, "other");
  await works("format", other, "-s", "64M");
  assert.match((await runCommand("fs", "backup", "run", other, store)).stderr, /holds the backup of another volume/);
  assert.match((await runCommand("fs", "backup", "list", join(folder, "nothing"))).stderr, /there is no backup/);
});

test("old backups go, those that later ones build on stay", async () => {
  const entry = (name: string, parent: string | null): BackupEntry => ({
    name,
    parent,
    identity: "",
    createdAt: "",
    streamBytes: 0,
    pieces: [],
  });
  const entries = [entry("1", null), entry("2", "1"), entry("3", null), entry("4", "3"), entry("5", "4")];
  assert.deepEqual(
    keptEntries(entries, 1).map(({ name }) => name),
    ["3", "4", "5"],
  );
  assert.deepEqual(
    keptEntries(entries, 4).map(({ name }) => name),
    ["1", "2", "3", "4", "5"],
  );
  const store = join(folder, "pruned");
  for (let round = 0; round < 3; round++) await works("backup", "run", volume, store, "--full", "--keep", "1");
  assert.equal(
    (JSON.parse(await works("backup", "list", store, "--json")) as { entries: unknown[] }).entries.length,
    1,
  );
  assert.equal(readdirSync(store).length, 2);
});

test("what another host adds to the list while a backup is made stays in it", async () => {
  const store = join(folder, "shared"),
    list = join(store, "backup.json");
  await works("backup", "run", volume, store);
  const folderStore = openBackupStore(store);
  const busy: BackupStore = {
    name: store,
    get: (piece) => folderStore.get(piece),
    remove: (piece) => folderStore.remove(piece),
    put: async (piece, bytes) => {
      if (piece !== "backup.json") {
        const manifest = JSON.parse(readFileSync(list, "utf8")) as { entries: BackupEntry[] };
        manifest.entries.push({ ...manifest.entries[0]!, name: "backup-of-another" });
        writeFileSync(list, JSON.stringify(manifest));
      }
      await folderStore.put(piece, bytes);
    },
  };
  const made = await withBackupVolume(volume, (opened) =>
    makeBackup(opened, busy, { keep: null, isFull: false }, () => {}),
  );
  const { entries } = JSON.parse(readFileSync(list, "utf8")) as { entries: BackupEntry[] };
  assert.deepEqual(
    entries.slice(1).map(({ name }) => name),
    ["backup-of-another", made.name],
  );
});

extendedTest("rsync and rclone are run as they want to be", async () => {
  // Stand-ins that keep what they are given below a folder, and complain of any other form.
  const bin = join(folder, "bin");
  mkdirSync(bin);
  const script = (name: string, body: string): void => {
    writeFileSync(
      join(bin, name),
      `#!/bin/sh\nset -e\nplace() { echo "${folder}/remote/$(echo "$1" | tr ':' '/')"; }\n${body}`,
    );
    chmodSync(join(bin, name), 0o755);
  };
  script(
    "rsync",
    'case "$*" in "-t --mkpath -- "*) mkdir -p "$(dirname "$(place "$5")")"; cp "$4" "$(place "$5")";; "-t -- ' +
      '"*) if ! test -e "$(place "$3")"; then echo "rsync: link_stat failed: No such file (2)" >&2; exit ' +
      '23; elif test -e "$(place denied)"; then echo "rsync: send_files failed to open: Permission denied (13)" >&2; ' +
      'exit 23; elif test -e "$(place silent)"; then echo "IO error encountered" >&2; exit 23; ' +
      'fi; cp "$(place "$3")" "$4";; "-r --delete --include=/"*) rm -f ' +
      '"$(place "$7")${3#--include=/}";; *) echo "bad arguments: $*" >&2; exit 1;; esac\n',
  );
  script(
    "rclone",
    'case "$1 $2" in "copyto --") case "$3" in /*) mkdir -p "$(dirname "$(place "$4")")"; cp "$3" "$(place ' +
      '"$4")";; *) test -e "$(place "$3")" || exit 3; cp "$(place "$3")" "$4";; esac;; "deletefile --") rm ' +
      '"$(place "$3")";; *) echo "bad arguments: $*" >&2; exit 1;; esac\n',
  );
  const path = process.env["PATH"];
  try {
    process.env["PATH"] = `${bin}:${path!}`;
    await roundTrip("rsync:host:/backup/r");
    await roundTrip("rclone:remote:backup/c");
    await works("backup", "run", volume, "rsync:host:/backup/r", "--full", "--keep", "1");
    assert.equal(readdirSync(join(folder, "remote/host/backup/r")).length, 2);
    // A list that cannot be read is not one that is not there.
    writeFileSync(join(folder, "remote/denied"), "");
    const denied = await runCommand("fs", "backup", "run", volume, "rsync:host:/backup/r");
    assert.match(`${denied.stderr}${denied.status}`, /failed to open: Permission denied \(13\)\n1$/);
    assert.equal(readdirSync(join(folder, "remote/host/backup/r")).length, 2);
    rmSync(join(folder, "remote/denied"));
    writeFileSync(join(folder, "remote/silent"), "");
    const silent = await runCommand("fs", "backup", "run", volume, "rsync:host:/backup/r");
    assert.match(`${silent.stderr}${silent.status}`, /IO error encountered\n1$/);
    process.env["PATH"] = join(folder, "nowhere");
    assert.match((await runCommand("fs", "backup", "list", "rsync:host:/x")).stderr, /rsync is not installed/);
  } finally {
    process.env["PATH"] = path;
  }
});

test("S3: signed requests, a bucket in the path, refusals in the storage's words", async () => {
  const objects = new Map<string, Buffer>();
  const server: Server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request
      .on("data", (piece: Buffer) => pieces.push(piece))
      .on("end", () => {
        const signed =
          // wide: one pattern
          /^AWS4-HMAC-SHA256 Credential=KEY\/\d{8}\/eu-test-1\/s3\/aws4_request, SignedHeaders=\S*host\S*, Signature=[0-9a-f]{64}$/.test(
            request.headers.authorization ?? "",
          );
        if (!signed)
          return void response
            .writeHead(403)
            .end("<Error><Code>AccessDenied</Code><Message>Access Denied here</Message></Error>");
        if (request.method === "PUT") objects.set(request.url!, Buffer.concat(pieces));
        else if (request.method === "DELETE") objects.delete(request.url!);
        else if (!objects.has(request.url!)) return void response.writeHead(404).end();
        response.writeHead(200).end(request.method === "GET" ? objects.get(request.url!) : "");
      });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const environment = {
    AWS_ACCESS_KEY_ID: "KEY",
    AWS_SECRET_ACCESS_KEY: "SECRET",
    AWS_REGION: "eu-test-1",
    AWS_ENDPOINT_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  };
  try {
    assert.match(
      (await runCommand("fs", "backup", "list", "s3:bucket/prefix")).stderr,
      /AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are needed/,
    );
    Object.assign(process.env, environment);
    await roundTrip("s3:bucket/prefix");
    assert.ok(objects.has("/bucket/prefix/backup.json"));
    process.env["AWS_ACCESS_KEY_ID"] = "OTHER";
    assert.match(
      (await runCommand("fs", "backup", "list", "s3:bucket/prefix")).stderr,
      /the storage answers 403: Access Denied here/,
    );
  } finally {
    for (const name of Object.keys(environment)) delete process.env[name];
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});
