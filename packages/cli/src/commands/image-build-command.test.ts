/** What `image build` refuses before anything is fetched. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { buildImage } from "./image-build-command.ts";

test("the built-in image is not put in the shade unasked", async () => {
  const home = mkdtempSync(join(tmpdir(), "stratos-image-build-"));
  const given = process.env["STRATOS_HOME"];
  process.env["STRATOS_HOME"] = home;
  try {
    await assert.rejects(
      // Nobody listens there: what is not refused at once fails otherwise.
      buildImage("astra", { packages: [], suite: "trixie", mirror: "http://127.0.0.1:9", warmCode: false, warm: [] }),
      /^Error: astra: this is the built-in image, .*--force to take its place$/,
    );
    assert.deepEqual(readdirSync(home), []);
  } finally {
    if (given === undefined) delete process.env["STRATOS_HOME"];
    else process.env["STRATOS_HOME"] = given;
    rmSync(home, { recursive: true, force: true });
  }
});
