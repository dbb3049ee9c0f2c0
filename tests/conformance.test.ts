/**
 * Goal: suites from outside keep passing. Method: a fixed sample of CPython's own tests; `npm run conformance:python`
 * runs more, beside qemu-user.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { extendedTest, sampleCount } from "@stratos/base/testing";
import { page } from "../conformance/results.ts";
import { repository, run } from "./support/stratos.ts";

test("docs/conformance.md says what was recorded, and nothing else: the next --record keeps it", () => {
  assert.equal(readFileSync(join(repository, "docs/conformance.md"), "utf8"), page());
});

test("a sample of CPython's own tests passes", async () => {
  const result = await run(
    [
      process.execPath,
      "--disable-warning=ExperimentalWarning",
      join(repository, "conformance/python.ts"),
      "--sample",
      "--only-ours",
      "--timeout",
      "600",
    ],
    { timeoutMs: 1_700_000 },
  );
  assert.match(result.stdout, /\n\d{2,} passed, 0 failed\n$/, result.stdout + result.stderr);
  assert.equal(result.status, 0);
});

extendedTest(
  "the resolver answers as the host's apt does on a sample of random requests, and orders versions as dpkg",
  {
    skip: existsSync("/usr/bin/apt-get") ? false : "there is no apt here",
  },
  async () => {
    const { TEST_HOME } = await import("./support/test-image.ts");
    const result = await run(
      [
        process.execPath,
        "--disable-warning=ExperimentalWarning",
        join(repository, "conformance/apt.ts"),
        "--architecture",
        "amd64",
        "--count",
        String(sampleCount(6, 0.17)),
        "--seed",
        "1",
        "--versions",
        String(sampleCount(20000, 0.1)),
        "--dpkg-pairs",
        String(sampleCount(50, 0.2)),
      ],
      { env: { STRATOS_HOME: TEST_HOME }, timeoutMs: 900_000 },
    );
    assert.match(
      result.stdout,
      new RegExp(`\\n${sampleCount(6, 0.17) + 1} passed, 0 failed\\n$`),
      result.stdout + result.stderr,
    );
  },
);
