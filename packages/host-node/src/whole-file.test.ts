import assert from "node:assert/strict";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { failedAt, readAll, replaceFile, writeFully } from "./whole-file.ts";

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

  // In pieces, and with a time of its own.
  replaceFile(path, [Buffer.from("in "), Buffer.from("pieces")], { mtime: 86_400 });
  assert.deepEqual([readFileSync(path, "utf8"), statSync(path).mtimeMs], ["in pieces", 86_400_000]);
  const breaksOff = function* (): Generator<Uint8Array> {
    yield Buffer.from("half");
    throw new Error("breaks off");
  };
  assert.throws(() => replaceFile(path, breaksOff()), /breaks off/);
  assert.deepEqual([readFileSync(path, "utf8"), readdirSync(folder)], ["in pieces", ["keys"]]);

  mkdirSync(join(folder, "full", "inside"), { recursive: true });
  assert.throws(() => replaceFile(join(folder, "full"), "x"), { code: "EISDIR" });
  assert.deepEqual(readdirSync(folder).sort(), ["full", "keys"]);
});
