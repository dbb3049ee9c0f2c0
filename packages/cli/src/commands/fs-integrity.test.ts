/**
 * Goal: copies, damage, repair, devices, compression and keys as a person meets them. Method: the command line, on
 * volumes in real files that are damaged by hand.
 */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { extendedTest } from "@stratos/base/testing";
import { runCommand } from "../testing/run-command.ts";
import { testFolder } from "../testing/test-folder.ts";

let folder: string;
const at = (name: string): string => join(folder, name);
const works = async (...args: string[]): Promise<string> => {
  const { status, stdout, stderr } = await runCommand("fs", ...args);
  assert.equal(`${stderr}${status}`, "0", args.join(" "));
  return stdout;
};
const json = async <T>(...args: string[]): Promise<T> =>
  JSON.parse((await runCommand("fs", ...args, "--json")).stdout) as T;
const fails = async (message: RegExp, ...args: string[]): Promise<void> => {
  const { status, stderr } = await runCommand("fs", ...args);
  assert.notEqual(status, 0);
  assert.match(stderr, message);
};

/** Flips a byte in the first place (or places) where the content stands. */
function damage(file: string, content: Buffer, places = 1): void {
  const bytes = readFileSync(file);
  let from = 0;
  for (let place = 0; place < places; place++) {
    const found = bytes.indexOf(content, from);
    assert.ok(found >= 0, "the content is there");
    bytes[found + 3]! ^= 1;
    from = found + content.length;
  }
  writeFileSync(file, bytes);
}

const CONTENT = Buffer.alloc(8192, "damage me please ");

before(() => {
  folder = testFolder("stratos-integrity");
  writeFileSync(at("content"), CONTENT);
});
after(() => {
  delete process.env["STRATOS_PASSPHRASE_FILE"];
  rmSync(folder, { recursive: true, force: true });
});

test("with two copies damage is repaired by scrub, counted, and named where both are gone", async () => {
  const v = at("copies");
  await works("format", v, "-s", "64M", "--copies", "2");
  await works("cp", at("content"), `${v}:/f`);
  damage(v, CONTENT.subarray(0, 4096));
  assert.equal((await runCommand("fs", "check", v)).status, 1);
  const scrubbed = await json<{ repairedBlocks: number; lostBlocks: number }>("scrub", v);
  assert.deepEqual([scrubbed.repairedBlocks > 0, scrubbed.lostBlocks], [true, 0]);
  assert.equal(await works("check", v), `${v}: clean\n`);
  assert.equal((await json<{ state: string }>("health", v)).state, "repaired");
  await works("health", v, "--reset");
  assert.equal((await json<{ state: string }>("health", v)).state, "healthy");
  damage(v, CONTENT.subarray(0, 4096), 2);
  const lost = await runCommand("fs", "scrub", v);
  assert.equal(lost.status, 1);
  assert.match(lost.stdout, /lost: content of inode 2 in subvolume 1/);
  assert.match(await works("scrub", v, "--status"), /^Paused: none\nLast: begun /);
});

test("a scrub pauses and goes on; one copy is told as it is", async () => {
  const v = at("single");
  await works("format", v, "-s", "64M");
  writeFileSync(at("large"), Buffer.alloc(20 << 20, "x"));
  await works("cp", at("large"), `${v}:/large`);
  assert.equal((await json<{ paused: boolean }>("scrub", v, "--limit", "8M")).paused, true);
  assert.match(await works("scrub", v, "--status"), /^Paused: begun /);
  const done = await json<{ paused: boolean; verifiedBytes: number }>("scrub", v);
  assert.deepEqual([done.paused, done.verifiedBytes > 20 << 20], [false, true]);
});

test("check --repair mends what it names, after a look", async () => {
  const v = at("repairable");
  await works("format", v, "-s", "64M", "--copies", "2");
  await works("cp", at("content"), `${v}:/f`);
  damage(v, CONTENT.subarray(0, 4096));
  assert.equal(
    await works("check", v, "--repair"),
    `${v}: repaired: wrote 1 damaged blocks anew from good copies\n${v}: clean\n`,
  );
  assert.equal(await works("check", v), `${v}: clean\n`);
});

test("a volume on two devices survives the loss of one, and gets a new one", async () => {
  const pair = `${at("d0")},${at("d1")}`;
  await works("format", at("d0"), at("d1"), "-s", "64M", "--copies", "2");
  await works("cp", at("content"), `${pair}:/f`);
  assert.equal((await json<{ devices: unknown[] }>("health", pair)).devices.length, 2);
  assert.equal(await works("ls", at("d0")), "f\n", "the other one lies beside it");
  mkdirSync(at("away"));
  renameSync(at("d1"), at("away/d1"));
  process.env["STRATOS_HOME"] = at("home");
  await fails(
    /the volume has more devices.*: 2 devices, of which only \S+d0 was found; name them, A,B,C/,
    "ls",
    at("d0"),
  );
  await works("ls", `${at("d0")},${at("away/d1")}`);
  renameSync(at("away/d1"), at("d1"));
  writeFileSync(at("d2"), Buffer.alloc(64 << 20));
  await works("device", "replace", pair, "1", at("d2"));
  const now = `${at("d0")},${at("d2")}`;
  assert.equal(await works("cat", `${now}:/f`), CONTENT.toString());
  assert.equal(await works("check", now), `${now}: clean\n`);
  await fails(/no other device of the volume can take what it holds/, "device", "remove", now, "0");
  writeFileSync(at("d3"), Buffer.alloc(64 << 20));
  await works("device", "add", "--spare", now, at("d3"));
  const three = `${now},${at("d3")}`;
  await fails(/d3: is device 1 of the volume already, which holds nothing/, "device", "replace", three, "0", at("d3"));
  await works("device", "remove", three, at("d0"));
  const moved = `${at("d2")},${at("d3")}`;
  renameSync(at("d3"), at("away/d3"));
  const { status, stdout } = await runCommand("fs", "check", at("d2"));
  assert.equal(status, 1);
  assert.match(stdout, /d2: device [01] is missing: .*`stratos fs device replace`\)\n$/);
  const lost = await runCommand("fs", "health", at("d2"));
  assert.match(lost.stdout, /degraded, 2 copies.*\n.*\n[01] +missing/s);
  await works("device", "replace", at("d2"), /(\d) +missing/.exec(lost.stdout)![1]!, at("away/d3"), "--force");
  renameSync(at("away/d3"), at("d3"));
  assert.equal(await works("cat", `${moved}:/f`), CONTENT.toString());
  assert.equal(await works("check", moved), `${moved}: clean\n`);
});

test("compressed content takes less space and reads the same", async () => {
  for (const codec of ["lz4", "zstd:3"]) {
    const v = at(codec.replace(":", "-"));
    await works("format", v, "-s", "64M", "--compress", codec);
    writeFileSync(at("text"), "all work and no play makes jack a dull boy\n".repeat(100_000));
    await works("cp", at("text"), `${v}:/text`);
    assert.equal(await works("cat", `${v}:/text`), readFileSync(at("text"), "utf8"));
    assert.ok((await json<{ usedBytes: number }[]>("df", v))[0]!.usedBytes < 1_500_000, codec);
    assert.equal(await works("check", v), `${v}: clean\n`);
  }
});

test("an encrypted volume shows nothing without its passphrase, which can be changed", async () => {
  const v = at("secret");
  writeFileSync(at("pass1"), "correct horse\n");
  writeFileSync(at("pass2"), "battery staple\n");
  process.env["STRATOS_PASSPHRASE_FILE"] = at("pass1");
  await works("format", v, "-s", "64M", "--encrypt");
  await works("cp", at("content"), `${v}:/f`);
  assert.equal(readFileSync(v).includes("damage me"), false);
  assert.equal(await works("cat", `${v}:/f`), CONTENT.toString());
  await works("key", "change", v, "--new-file", at("pass2"));
  await fails(/the passphrase is wrong/, "ls", v);
  process.env["STRATOS_PASSPHRASE_FILE"] = at("pass2");
  assert.equal(await works("ls", v), "f\n");
  assert.match(await works("key", "list", v), /: slot 0, scrypt 2\^17/);
  await fails(/holds an encrypted volume; --force replaces it/, "format", v);
});

extendedTest("a lost device of an encrypted volume is replaced, and others come and go", async () => {
  const [d1, d2, d3, d4] = ["e1", "e2", "e3", "e4"].map(at) as [string, string, string, string];
  const pair = `${d1},${d2}`;
  await works("format", d1, d2, "-s", "16M", "--encrypt", "--copies", "2");
  await works("cp", at("pass1"), `${pair}:/f`);
  rmSync(d2);
  writeFileSync(d3, Buffer.alloc(8 << 20, "other data"));
  await fails(
    /e3: is smaller than device 1: it needs \d+ blocks of 4 KiB and has \d+/,
    "device",
    "replace",
    d1,
    "1",
    d3,
    "--force",
  );
  assert.match(readFileSync(d3, "latin1"), /^other data/);
  writeFileSync(d3, Buffer.alloc(16 << 20));
  await works("device", "replace", d1, "1", d3);
  writeFileSync(d4, Buffer.alloc(16 << 20));
  await works("device", "add", "--spare", `${d1},${d3}`, d4);
  await works("device", "remove", `${d1},${d3},${d4}`, d1);
  await fails(/this is no AegisFS volume/, "ls", d1);
  const now = `${d3},${d4}`;
  assert.equal(await works("cat", `${now}:/f`), "correct horse\n");
  assert.equal(await works("check", now), `${now}: clean\n`);
  for (const name of [d3, d4]) assert.equal(readFileSync(name).includes("correct horse"), false);
  process.env["STRATOS_PASSPHRASE_FILE"] = at("pass1");
  await fails(/the passphrase is wrong/, "ls", now);
  process.env["STRATOS_PASSPHRASE_FILE"] = at("pass2");
});

extendedTest("data of an encrypted volume get another key, and its passphrase another derivation", async () => {
  const v = at("secret");
  const resealed = await json<{ resealedBlocks: number; finished: boolean }>(
    "key",
    "rotate",
    v,
    "--kdf",
    "argon2id",
    "--reseal",
  );
  assert.ok(resealed.finished && resealed.resealedBlocks > 10);
  assert.match(await works("key", "list", v), /: slot 0, argon2id 64M, 3 passes, 4 lanes\n$/);
  assert.deepEqual(await json("key", "reseal", v), { resealedBlocks: 0, damagedBlocks: 0, finished: true });
  assert.equal(await works("cat", `${v}:/f`), CONTENT.toString());
  assert.equal(await works("check", v), `${v}: clean\n`);
});
