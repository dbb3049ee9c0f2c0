/** Goal: a descriptor is that of the folder at its path now, and stays open while its caller is at work. */
import assert from "node:assert/strict";
import { closeSync, fstatSync, mkdirSync, mkdtempSync, openSync, renameSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { PinnedFolders } from "./pinned-folders.ts";

let base: string, rootFd: number, folders: PinnedFolders;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "stratos-pinned-"));
  rootFd = openSync(base, "r");
  folders = new PinnedFolders(rootFd);
});

afterEach(() => {
  folders.close();
  closeSync(rootFd);
  rmSync(base, { recursive: true });
});

test("a folder is opened once, and anew when another stands there", () => {
  mkdirSync(join(base, "a/b"), { recursive: true });
  const fd = folders.open("a/b");
  assert.equal(folders.open("a/b"), fd);
  renameSync(join(base, "a"), join(base, "c"));
  mkdirSync(join(base, "a/b"), { recursive: true });
  const other = folders.open("a/b");
  assert.equal(fstatSync(other).ino, statSync(join(base, "a/b")).ino);
  // Who works with two was given the first one before.
  assert.equal(fstatSync(fd).ino, statSync(join(base, "c/b")).ino);
  assert.throws(() => folders.open("none/b"), { code: "ENOENT" });
});
