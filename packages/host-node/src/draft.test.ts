/** Goal: what is half made has no final name, and goes. Method: drafts of processes that live and that are gone. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { test } from "node:test";
import { draftOf, failedDraft } from "./draft.ts";

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
