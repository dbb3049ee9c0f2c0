/** Goal: who counts a line from 0 learns how lines are counted. Method: the command line alone, without a recording. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { runCommand } from "../testing/run-command.ts";

test("lines and columns begin at 1, and an option says what it takes itself", async () => {
  for (const line of ["0", "1:0", "x", "1:", "1234567890123456"]) {
    const { status, stderr } = await runCommand("why", "--output", line, "recording");
    assert.equal(status, 2, line);
    assert.match(stderr, /--output.*: expected a line, N\[:COLUMN\], both from 1; for bytes output:OFFSET\n$/, line);
  }
});
