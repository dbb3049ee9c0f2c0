/**
 * Goal: what a system names leads to no other place of this host, and what can't be written there is named. Method: a
 * system whose folder has such names.
 */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { FileAccess } from "@stratos/sdk/api";
import { copyOut } from "./copy-files.ts";

function systemWith(name: string): FileAccess {
  return {
    stat: async (path: string) => ({ kind: path === "/folder" ? "folder" : "file", mode: 0o755 }),
    list: async () => [{ name, kind: "file" }],
    read: async () => new TextEncoder().encode("bytes"),
  } as unknown as FileAccess;
}

test("a name with a way in it is refused, and nothing is written", async () => {
  const folder = mkdtempSync(join(tmpdir(), "copied-"));
  try {
    const to = join(folder, "to");
    const place = { from: "/folder", to };
    for (const name of ["../up", "..", "", "a/../../up"])
      await assert.rejects(copyOut(systemWith(name), place, assert.fail), /a name in it is none/);
    assert.equal(existsSync(join(folder, "up")), false);
    await copyOut(systemWith("..plain"), place, assert.fail);
    assert.equal(readFileSync(join(to, "..plain"), "utf8"), "bytes");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a file that finds no room is named", async () => {
  await assert.rejects(copyOut(systemWith("file"), { from: "/file", to: "/dev/full" }, assert.fail), {
    code: "ENOSPC",
    path: "/dev/full",
  });
});
