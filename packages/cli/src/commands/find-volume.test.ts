/**
 * Goal: an argument means the volume that its user means, or the error says what it is instead. Method: the command
 * line, on volumes in real files; mounts are in tests/fuse-commands.test.ts.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { foreignContent } from "@stratos/volumes";
import { runCommand } from "../testing/run-command.ts";
import { testFolder } from "../testing/test-folder.ts";

let folder: string;
const at = (name: string): string => join(folder, name);
const works = async (...args: string[]): Promise<string> => {
  const { status, stdout, stderr } = await runCommand("fs", ...args);
  assert.equal(`${stderr}${status}`, "0", args.join(" "));
  return stdout;
};
const fails = async (message: RegExp, ...args: string[]): Promise<void> => {
  const { status, stderr } = await runCommand("fs", ...args);
  assert.ok(status === 1 || status === 2, `status ${status} of ${args.join(" ")}`);
  assert.match(stderr, message);
};
const uuidOf = async (volume: string): Promise<string> =>
  (JSON.parse(await works("stats", volume, "--json")) as { uuid: string }).uuid;

before(() => {
  folder = testFolder("stratos-find");
  process.env["STRATOS_HOME"] = at("home");
});
after(() => rmSync(folder, { recursive: true, force: true }));

test("a volume is found by its UUID and its label, and by one of its devices", async () => {
  await works("format", at("one"), "-s", "8M", "-L", "my data");
  const uuid = await uuidOf(at("one"));
  await works("mkdir", "LABEL=my data:/d");
  for (const name of [`UUID=${uuid}`, uuid, uuid.toUpperCase(), `uuid=${uuid}`, "label=my data", 'LABEL="my data"'])
    assert.equal(await works("ls", name), "d\n", name);
  await works("format", at("a"), at("b"), "-s", "16M", "-L", "pair");
  await works("mkdir", `${at("b")}:/both`);
  for (const name of [at("a"), at("b"), "LABEL=pair", `${at("a")},${at("b")}`])
    assert.equal(await works("ls", name), "both\n", name);
  writeFileSync(at("other"), "");
  writeFileSync(at("c"), "");
  truncateSync(at("c"), 16 << 20);
  await works("device", "add", at("b"), at("c"));
  assert.deepEqual(
    (JSON.parse(await works("health", at("a"), "--json")) as { devices: { path: string }[] }).devices.map(
      ({ path }) => path,
    ),
    [at("a"), at("b"), at("c")],
    "nobody has to keep a list",
  );
  for (const dry of [[], ["--dry-run"]])
    await fails(/one: holds nothing on other devices/, "device", "remove", ...dry, at("one"), "0");
  await fails(/is no device of the volume; `health` shows/, "device", "remove", at("a"), at("other"));
  await fails(
    /none: no such file or directory; a device that is missing has a number/,
    "device",
    "remove",
    at("a"),
    at("none"),
  );
  await works("device", "remove", at("a"), at("c"));
  assert.equal(await works("ls", at("b")), "both\n");
  await fails(/no longer a device of its volume|no AegisFS volume/, "ls", at("c"));
});

test("device list shows volumes, what is missing and what is a copy", async () => {
  interface Listed {
    readonly label: string;
    readonly devices: { readonly path: string }[];
    readonly missing: number[];
    readonly copies: string[];
  }
  const list = async (): Promise<Map<string, Listed>> =>
    new Map(
      (JSON.parse(await works("device", "list", "--dir", folder, "--json")) as Listed[]).map((volume) => [
        volume.label,
        volume,
      ]),
    );
  assert.deepEqual(
    (await list()).get("pair")!.devices.map(({ path }) => path),
    [at("a"), at("b")],
  );
  const [, only, ...more] = (await works("device", "list", at("b"))).trimEnd().split("\n");
  assert.match(only!, /^[0-9a-f-]{36}\s+pair\s.*\/a,\S+\/b\s/);
  assert.deepEqual(more, []);
  mkdirSync(at("away"));
  renameSync(at("b"), at("away/b"));
  copyFileSync(at("one"), at("copy of one"));
  const now = await list();
  assert.deepEqual([now.get("pair")!.missing, now.get("my data")!.copies], [[1], [at("copy of one")]]);
  // Who changes a file makes it known.
  await works("mkdir", `${at("copy of one")}:/own`);
  await fails(/copy of one and \S+one are copies of one another; name one by its path/, "ls", "--all", "LABEL=my data");
  renameSync(at("away/b"), at("b"));
  rmSync(at("copy of one"));
  assert.match(await works("device", "list"), /^VOLUME\s+LABEL\s+SIZE\s+DEVICES\s+STATE\n/);
});

test("what is no volume is called by its name", async () => {
  mkdirSync(at("folder"));
  writeFileSync(at("empty"), "");
  writeFileSync(at("zeros"), Buffer.alloc(5 << 20));
  writeFileSync(at("short"), "x");
  writeFileSync(at("ext4"), ext4Head());
  execFileSync("mkfifo", [at("fifo")]);
  symlinkSync(at("nowhere"), at("dangling"));
  for (const [name, message] of [
    [
      "folder",
      // wide: one pattern
      /is a folder on \S+, and no AegisFS volume: name a volume's file or device, its UUID=… or LABEL=…, or a path in a mounted one/,
    ],
    ["empty", /is empty, and no AegisFS volume; `stratos fs format` makes one of it/],
    ["zeros", /begins with zeros/],
    ["short", /is a file of 1 bytes/],
    ["ext4", /is an ext4 file system, and no AegisFS volume/],
    ["fifo", /is neither a file nor a block device/],
    ["dangling", /dangling: no such file or directory/],
    ["none", /none: no such file or directory/],
  ] as const) {
    for (const command of ["ls", "df", "stats", "health", "scrub"]) await fails(message, command, at(name));
    await fails(message, "check", at(name));
    await fails(message, "mount", at(name), at("folder"));
    await fails(message, "device", "list", at(name));
    await fails(message, "key", "list", at(name));
    await fails(message, "snapshot", "create", at(name));
  }
  await fails(/LABEL=nobody: no volume that is known has it/, "df", "LABEL=nobody");
  await fails(/expected VOLUME:\/PATH, or a path in a mounted volume/, "cat", at("short"));
});

/** A file whose head is that of an ext4. */
function ext4Head(): Buffer {
  const bytes = Buffer.alloc(5 << 20);
  bytes.writeUInt16LE(0xef53, 1024 + 56);
  bytes.writeUInt32LE(0x40, 1024 + 96);
  return bytes;
}

test("marks of foreign content", () => {
  assert.equal(foreignContent(ext4Head()), "an ext4 file system");
  assert.equal(foreignContent(Buffer.from("XFSB")), "an XFS file system");
  assert.equal(foreignContent(Buffer.from("nothing that is known")), null);
});
