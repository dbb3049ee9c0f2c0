/**
 * Goal: a command starts with the code that V8 compiled when it ran before, and what is kept never changes what it
 * does: damaged, of others, or of a file that can't be written. Method: `stratos --version` of the bundle in a home of
 * its own.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { VERSION } from "@stratos/sdk/version";
import { repository } from "./support/stratos.ts";

const home = mkdtempSync(join(tmpdir(), "stratos-kept-program-"));
const folder = join(home, "compile-cache");
const file = join(folder, "program-other");
after(() => rmSync(home, { recursive: true, force: true }));

function stratos(words: readonly string[], stratosHome = home): { status: number | null; stdout: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(repository, "dist/main.cjs"), ...words], {
    env: { ...process.env, STRATOS_HOME: stratosHome },
    encoding: "utf8",
  });
  if (status === 0) assert.equal(stderr, "");
  return { status, stdout };
}

function tellsVersion(): void {
  assert.deepEqual(stratos(["--version"]), { status: 0, stdout: `${VERSION}\n` });
}

test("what was compiled is kept once, for its user alone, and left as it is by the next run", () => {
  tellsVersion();
  const kept = readFileSync(file);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const { ino } = statSync(file);
  tellsVersion();
  assert.equal(statSync(file).ino, ino);
  assert.deepEqual(readFileSync(file), kept);
  assert.deepEqual(readdirSync(folder), ["program-other"]);
});

test("what is damaged is made anew", () => {
  tellsVersion();
  const whole = readFileSync(file);
  const damages: [string, Buffer][] = [
    ["cut", whole.subarray(0, whole.length - 1)],
    ["empty", Buffer.alloc(0)],
    ["short", whole.subarray(0, 6)],
  ];
  for (const at of [0, 5, 100, whole.length >>> 1, whole.length - 1]) {
    const flipped = Buffer.from(whole);
    flipped[at]! ^= 0x41;
    damages.push([`byte ${at}`, flipped]);
  }
  for (const [name, bytes] of damages) {
    writeFileSync(file, bytes);
    tellsVersion();
    assert.ok(statSync(file).size > whole.length >>> 1 && !readFileSync(file).equals(bytes), name);
  }
});

test("a file that others may write isn't taken, and gives way to one of our own", () => {
  tellsVersion();
  chmodSync(file, 0o666);
  tellsVersion();
  assert.equal(statSync(file).mode & 0o777, 0o600);
});

test("a command line that makes no sense keeps nothing; a home that can't be written is no reason to fail", () => {
  assert.equal(stratos(["nonsense"]).status, 2);
  assert.equal(existsSync(join(folder, "program-nonsense")), false);
  assert.deepEqual(stratos(["--version"], "/proc/nope"), { status: 0, stdout: `${VERSION}\n` });
});
