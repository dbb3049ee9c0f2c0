import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  rmSync,
  statSync,
  symlinkSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { failedAt, readAll, replaceFile, writeFully, writeWhole } from "./whole-file.ts";

test(
  "a failed write is given its place; what has one keeps it, and what is no refusal of the host stays",
  {
    skip: existsSync("/dev/full") ? false : "the host has no /dev/full",
  },
  () => {
    const fd = openSync("/dev/full", "w");
    assert.throws(
      () => writeSync(fd, "x"),
      (error) =>
        (failedAt("/some/file", error) as NodeJS.ErrnoException).path === "/some/file" &&
        (failedAt("/another", error) as NodeJS.ErrnoException).path === "/some/file",
    );
    closeSync(fd);
    assert.equal((failedAt("/some/file", new Error("x")) as NodeJS.ErrnoException).path, undefined);
  },
);

test("what is longer than one call of the host may carry is written in several", () => {
  // Zeros that nobody reads take no memory.
  const bytes = new Uint8Array(2 ** 31 + 4096);
  const nowhere = openSync("/dev/null", "w");
  writeFully(nowhere, bytes);
  closeSync(nowhere);
});

test("a file is replaced whole: what cannot be leaves the old one, and nothing beside it", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "stratos-replace-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "keys");
  replaceFile(path, "old", { mode: 0o600 });
  assert.equal(statSync(path).mode & 0o777, 0o600);

  // Whoever has it open goes on reading what he opened.
  const before = openSync(path, "r");
  replaceFile(path, Buffer.from("new"), { mode: 0o400, flush: false });
  assert.equal(Buffer.from(readAll(before)).toString(), "old");
  closeSync(before);
  assert.equal(readFileSync(path, "utf8"), "new");
  assert.equal(statSync(path).mode & 0o777, 0o400);

  replaceFile(path, "dated", { mtime: 86_400 });
  assert.deepEqual([readFileSync(path, "utf8"), statSync(path).mtimeMs], ["dated", 86_400_000]);
  assert.throws(() => replaceFile("/dev/full", "new"), { code: "ENOSPC", path: "/dev/full" });
  assert.throws(() => replaceFile(join(path, "below"), "new"), { code: "ENOTDIR", path: join(path, "below") });
  assert.deepEqual([readFileSync(path, "utf8"), readdirSync(folder)], ["dated", ["keys"]]);

  mkdirSync(join(folder, "full", "inside"), { recursive: true });
  assert.throws(() => replaceFile(join(folder, "full"), "x"), { code: "EISDIR" });
  assert.deepEqual(readdirSync(folder).sort(), ["full", "keys"]);
});

test("what leads to a device or a FIFO stays, and is written", () => {
  const place = join(mkdtempSync(join(tmpdir(), "stratos-channel-")), "out");
  symlinkSync("/dev/null", place);
  replaceFile(place, "gone", { mtime: 1 });
  assert.equal(readlinkSync(place), "/dev/null");
  rmSync(place);
  execFileSync("mkfifo", [place]);
  const reader = openSync(place, constants.O_RDONLY | constants.O_NONBLOCK);
  replaceFile(place, Buffer.from("to the reader"));
  const bytes = Buffer.alloc(100);
  assert.equal(bytes.toString("utf8", 0, readSync(reader, bytes)), "to the reader");
  closeSync(reader);
  assert.ok(statSync(place).isFIFO());
  rmSync(dirname(place), { recursive: true });
});

test("a file that finds no room is named, whichever way it is written", { skip: !existsSync("/dev/full") }, () => {
  for (const write of [writeWhole, replaceFile])
    assert.throws(() => write("/dev/full", "x"), { code: "ENOSPC", path: "/dev/full" }, write.name);
});
