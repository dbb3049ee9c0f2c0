/** Goal: debian/tests/control is read as autopkgtest reads it, and results end as it would end. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestOutcome } from "../build-request.ts";
import { parseTestControl, statusOfTests, whySkipped } from "./test-control.ts";

test("stanzas become tests: lists with commas and spaces, folders, commands with and without a name", () => {
  const tests = parseTestControl(
    "Tests: one, two three\nDepends: @, python3\nRestrictions: allow-stderr,\n needs-root\n\n" +
      "Tests: four\nTests-Directory: t/own\nArchitecture: amd64\n\n" +
      "Test-Command: foo --version\nFeatures: test-name=smoke\nDepends:\n\nTest-Command: true\n",
  );
  assert.deepEqual(
    tests.map(({ name, run, depends, restrictions, architecture }) => [
      name,
      "path" in run ? run.path : `$ ${run.command}`,
      depends,
      [...restrictions].join(" "),
      architecture,
    ]),
    [
      ["one", "debian/tests/one", "@, python3", "allow-stderr needs-root", undefined],
      ["two", "debian/tests/two", "@, python3", "allow-stderr needs-root", undefined],
      ["three", "debian/tests/three", "@, python3", "allow-stderr needs-root", undefined],
      ["four", "t/own/four", "@", "", "amd64"],
      ["smoke", "$ foo --version", "", "", undefined],
      ["command6", "$ true", "@", "", undefined],
    ],
  );
});

test("a test that wants what a clean root is not, or what nobody knows, is skipped with a reason", () => {
  const why = (restrictions: string): string | undefined =>
    whySkipped(parseTestControl(`Tests: x\nRestrictions: ${restrictions}\n`)[0]!);
  assert.equal(why("needs-root, flaky superficial"), undefined);
  assert.match(why("isolation-machine allow-stderr")!, /does not offer isolation-machine$/);
  assert.match(why("needs-internet, from-the-future")!, /needs-internet, from-the-future/);
});

test("results end as autopkgtest would", () => {
  const [plain, light] = parseTestControl("Tests: plain\n\nTests: light\nRestrictions: superficial\n");
  const status = (a: TestOutcome, b: TestOutcome, isErroneous = false): number =>
    statusOfTests(
      [plain!, light!],
      [
        { name: "plain", outcome: a },
        { name: "light", outcome: b },
      ],
      isErroneous,
    );
  assert.equal(status("PASS", "PASS"), 0);
  assert.equal(status("PASS", "SKIP"), 2);
  assert.equal(status("FLAKY", "PASS"), 2);
  assert.equal(status("FAIL", "PASS"), 4);
  assert.equal(status("FAIL", "SKIP"), 6);
  assert.equal(status("SKIP", "PASS"), 8, "a superficial test alone says nothing");
  assert.equal(status("FAIL", "PASS", true), 12);
  assert.equal(status("FAIL", "SKIP", true), 14);
  assert.equal(statusOfTests([], [], false), 8);
});
