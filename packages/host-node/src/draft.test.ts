/** Goal: what is half made has no final name, and goes. Method: drafts of processes that live and that are gone. */
import assert from "node:assert/strict";
import { ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { test } from "node:test";
import { draftOf, failedDraft, replaceByPieces, scratchFolder } from "./draft.ts";

/** Beyond the most that Linux gives (PID_MAX_LIMIT). */
const GONE = 4194305;

test("a new draft takes away those of killed processes, for the same place alone", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "stratos-draft-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const mine = draftOf(join(folder, "disk.img"));
  writeFileSync(mine, "");
  const others = [
    "disk.img",
    "disk.img.new",
    `other.img.${GONE}-0123456789ab.new`,
    `disk.img.${process.ppid}-0123456789ab.new`,
    basename(mine),
  ];
  for (const name of others) writeFileSync(join(folder, name), "");
  writeFileSync(join(folder, `disk.img.${GONE}-0123456789ab.new`), "half");
  writeFileSync(join(folder, `disk.img.${GONE}-0123456789ab.new.lock`), `${GONE}\n`);
  mkdirSync(join(folder, `disk.img.${GONE}-ba9876543210.new`, "blobs"), { recursive: true });
  const next = draftOf(join(folder, "disk.img"));
  assert.notEqual(next, mine);
  assert.deepEqual(readdirSync(folder).sort(), others.sort());
  assert.match(draftOf(join(folder, "no", "folder")), /\/no\/folder\.\d+-[0-9a-f]{12}\.new$/);
});

test("what fails in a draft is told of the place", () => {
  const failure = (path?: string): NodeJS.ErrnoException =>
    Object.assign(new Error("full"), { code: "ENOSPC", syscall: "write", ...(path === undefined ? {} : { path }) });
  const told = (path?: string): unknown => (failedDraft("/a.1.new", "/a", failure(path)) as NodeJS.ErrnoException).path;
  assert.deepEqual([told(), told("/a.1.new"), told("/a.1.new/blobs/x"), told("/other")], ["/a", "/a", "/a", "/other"]);
});

/** Makes `disk.img` of pieces that never end, without a wait, and says when it has begun. */
const MAKER = `
  import { writeSync } from "node:fs";
  import { replaceByPieces } from ${JSON.stringify(join(import.meta.dirname, "draft.ts"))};
  function* endless() {
    yield new Uint8Array(1);
    writeSync(1, "begun");
    for (;;) yield new Uint8Array(0);
  }
  replaceByPieces(process.argv[1], endless(), { mode: 0o600, sizeBytes: 1 << 30 });
`;

for (const signal of ["SIGINT", "SIGKILL"] as const)
  test(`${signal} leaves nothing of what is written without a wait`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "stratos-draft-"));
    t.after(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, "disk.img"), "old");
    const flags = ["--disable-warning=ExperimentalWarning", "--input-type=module", "-e", MAKER];
    const maker = spawn(process.execPath, [...flags, join(folder, "disk.img")], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    t.after(() => maker.kill("SIGKILL"));
    await once(maker.stdout, "data");
    assert.equal(readdirSync(folder).length, 2);
    maker.kill(signal);
    assert.deepEqual(await once(maker, "exit"), [null, signal]);
    while (readdirSync(folder).length > 1) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal(readFileSync(join(folder, "disk.img"), "utf8"), "old");
  });

test("a long file has its name, and its mode, when all of it is there; what fails leaves the old one", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "stratos-draft-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "disk.img");
  for (const sizeBytes of [6, 8 << 20]) {
    replaceByPieces(path, [Buffer.from("abc"), Buffer.from("def")], { mode: 0o600, sizeBytes });
    assert.deepEqual([readFileSync(path, "utf8"), statSync(path).mode & 0o777], ["abcdef", 0o600]);
    const failing = function* (): Generator<Uint8Array> {
      yield Buffer.from("half");
      throw new Error("the other file");
    };
    assert.throws(() => replaceByPieces(path, failing(), { mode: 0o600, sizeBytes }), /the other file/);
    assert.deepEqual([readFileSync(path, "utf8"), readdirSync(folder)], ["abcdef", ["disk.img"]]);
  }
  const missing = join(folder, "no", "disk.img");
  assert.throws(() => replaceByPieces(missing, [], { mode: 0o600, sizeBytes: 0 }), { code: "ENOENT", path: missing });
});

test("where there is no shell a folder goes all the same, and nobody is killed instead of one", (t) => {
  const kill = t.mock.method(ChildProcess.prototype, "kill", () => false);
  const path = process.env["PATH"];
  process.env["PATH"] = "/nowhere";
  t.after(() => void (process.env["PATH"] = path));
  const folder = scratchFolder("stratos-scratch-");
  folder.remove();
  assert.equal(existsSync(folder.path), false);
  assert.equal(kill.mock.callCount(), 0);
});

test("a folder of a process's own goes when it is told to, and with the process", async (t) => {
  const { path, remove } = scratchFolder("stratos-scratch-");
  writeFileSync(join(path, "file"), "");
  remove();
  assert.equal(existsSync(path), false);
  const folder = mkdtempSync(join(tmpdir(), "stratos-draft-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const script = `
    const { scratchFolder } = await import(${JSON.stringify(join(import.meta.dirname, "draft.ts"))});
    const { path } = scratchFolder("own-", process.argv[1]);
    (await import("node:fs")).writeFileSync(path + "/file", "");
    process.kill(process.pid, "SIGKILL");`;
  const flags = ["--disable-warning=ExperimentalWarning", "--input-type=module", "-e", script];
  const owner = spawn(process.execPath, [...flags, folder], { stdio: ["ignore", "ignore", "inherit"] });
  assert.deepEqual(await once(owner, "exit"), [null, "SIGKILL"]);
  while (readdirSync(folder).length > 0) await new Promise((resolve) => setTimeout(resolve, 10));
});
