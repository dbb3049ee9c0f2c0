/**
 * Goal: what recorders of other makers fail on is repeated, and a recording with another byte is refused. Method: a
 * sample of `npm run determinism:recorders`: its programs in the test image, one replay each.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { SeededRandom } from "@stratos/base";
import { extendedTest } from "@stratos/base/testing";
import { ensureTestImage, TEST_IMAGE } from "../support/test-image.ts";
import { compareReplays, RECORDED_PROGRAMS } from "./recorded-programs.ts";

let folder = "";
before(async () => {
  await ensureTestImage();
  folder = mkdtempSync(join(tmpdir(), "stratos-recorders-"));
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** Others are longer ways to the same, or recorded in tests of their own. */
const SHORT = "a pipe between two programs";

for (const program of RECORDED_PROGRAMS.filter(({ needs }) => needs === undefined))
  (program.name === SHORT ? test : extendedTest)(`${program.name}: recorded and repeated`, async () => {
    const random = new SeededRandom(5);
    assert.deepEqual(await compareReplays(program, { image: TEST_IMAGE, folder, rounds: 1, random, flips: 1 }), []);
  });
