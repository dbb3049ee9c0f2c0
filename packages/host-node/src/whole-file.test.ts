import assert from "node:assert/strict";
import { closeSync, existsSync, openSync, writeSync } from "node:fs";
import { test } from "node:test";
import { failedAt, writeFully } from "./whole-file.ts";

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
