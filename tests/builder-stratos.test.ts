/**
 * Builds in machines of Stratos. Goal: a package that embeds time, chance and inode numbers, and is another each time
 * that this host builds it, is the same each time inside Stratos, records and all. The root is made once, from the
 * mirror, and stays in the tests' cache.
 */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { BuildResult } from "@stratos/builder";
import { extendedTest, isExtended } from "@stratos/base/testing";
import { buildObstacle } from "@stratos/tools-node/builder";
import { writeSource } from "./builder/sample-source.ts";
import { launcher, run } from "./support/stratos.ts";
import { TEST_HOME } from "./support/test-image.ts";

const TIMEOUT_MS = 30 * 60_000;
const folder = mkdtempSync(join(tmpdir(), "stratos-builder-seeded-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const source = writeSource(folder, {
  name: "embedding",
  script:
    "date +%s.%N >$D/usr/share/sample/time; head -c 16 /dev/urandom | od -An -tx1 >$D/usr/share/sample/chance; ls -U " +
    "-i . >$D/usr/share/sample/order",
});

async function hashes(name: string, carrier: readonly string[]): Promise<Record<string, string>> {
  mkdirSync(TEST_HOME, { recursive: true });
  const { stdout, stderr } = await run(
    [...launcher, "builder", "build", source, "-o", join(folder, name), "--json", "--in", ...carrier],
    { timeoutMs: TIMEOUT_MS, env: { STRATOS_HOME: TEST_HOME } },
  );
  const { status, artefacts } = JSON.parse(stdout || "{}") as BuildResult;
  assert.equal(status, "built", stderr);
  return Object.fromEntries(artefacts.map((one) => [one.name, one.sha256]));
}

test(
  "a package that embeds time and chance differs between two builds on this host",
  { skip: buildObstacle() ?? false },
  async () => {
    assert.notDeepEqual(await hashes("first", ["linux"]), await hashes("second", ["linux"]));
  },
);

extendedTest("… and inside Stratos is the same each time, by its seed", { timeout: TIMEOUT_MS }, async () => {
  const once = await hashes("once", ["stratos", "--seed", "3"]);
  assert.deepEqual(
    Object.keys(once)
      .map((name) => name.replace(/^.*\./, ""))
      .sort(),
    ["buildinfo", "changes", "deb"],
  );
  // `npm run conformance:seeded-builds` does the same with packages of Debian.
  if (isExtended) assert.deepEqual(await hashes("twice", ["stratos", "--seed", "3"]), once);
});
