/** Goal: a checkpoint that is to be written where no file is puts none there. Method: a link to a device. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readlinkSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { checkpointFiles } from "./checkpoint-files.ts";

test("what leads to a device stays, and is written", async () => {
  const folder = mkdtempSync(join(tmpdir(), "stratos-checkpoint-"));
  const place = join(folder, "checkpoint");
  symlinkSync("/dev/null", place);
  assert.equal(await checkpointFiles.write(place, [new Uint8Array(5), new Uint8Array(6)]), 11);
  assert.equal(readlinkSync(place), "/dev/null");
  rmSync(place);
  assert.equal(await checkpointFiles.write(place, [Buffer.from("whole")]), 5);
  assert.equal(Buffer.from(checkpointFiles.read(place)).toString(), "whole");
  assert.deepEqual(readdirSync(folder), ["checkpoint"]);
  rmSync(folder, { recursive: true });
});
