/**
 * Goal: the list of gVisor's tests stays readable and says of each that doesn't pass why; what googletest prints is
 * counted right. Method: the list is parsed and written again; logs of programs that end well, badly and not.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parseTests, testedOf } from "../conformance/gvisor-tests.ts";
import { formatList, parseList } from "../conformance/ltp-list.ts";
import { repository } from "./support/stratos.ts";

test("each test that doesn't pass has a class that says why", () => {
  const text = readFileSync(join(repository, "conformance/gvisor-expected.txt"), "utf8");
  const list = parseList(text);
  assert.ok(list.expected.size > 0);
  for (const [name, { class: group }] of list.expected) assert.notEqual(group, "unsorted", name);
  for (const [name, words] of list.classes) assert.ok(words.length > 10, name);
  assert.equal(formatList(list), text, "as --record writes it");
});

const LOG = `
[ RUN      ] A.Works
[       OK ] A.Works (3 ms)
[ RUN      ] A.Fails/0
a.cc:7: Failure
Value of: one
  Actual: 2
[  FAILED  ] A.Fails/0, where GetParam() = 1 (0 ms)
[ RUN      ] B.CannotTest
[  SKIPPED ] B.CannotTest (0 ms)
`;

test("a program's tests end as googletest says; those of the summary are not counted twice", () => {
  const results = parseTests("p", `${LOG}[  FAILED  ] A.Fails/0, where GetParam() = 1\n`, 1);
  assert.deepEqual(
    results.map(({ name, outcome }) => [name, outcome]),
    [
      ["p:A.Works", "pass"],
      ["p:A.Fails/0", "fail"],
      ["p:B.CannotTest", "conf"],
    ],
  );
  assert.equal(results[1]!.words, "a.cc:7: Failure Value of: one Actual: 2");
  assert.equal(testedOf(results[1]!.words), "one");
});

test("what the guest leaves of a log tells the same", () => {
  const script = readFileSync(join(repository, "conformance/guest/gvisor.sh"), "utf8");
  const pattern = /grep -aE '([^']+)'/.exec(script)![1]!;
  const left = execFileSync("grep", ["-aE", pattern], { input: LOG, encoding: "utf8" });
  assert.deepEqual(parseTests("p", left, 1), parseTests("p", LOG, 1));
});

test("the test that a program ends in, or that has no end, is named; so is a program that does not begin", () => {
  const begun = `${LOG}[ RUN      ] B.Hangs\n`;
  assert.deepEqual(parseTests("p", begun, 124).at(-1), { name: "p:B.Hangs", outcome: "slow", words: "" });
  assert.deepEqual(parseTests("p", begun, 0).at(-1), { name: "p:B.Hangs", outcome: "pass", words: "" });
  assert.deepEqual(parseTests("p", begun, 139).at(-1), { name: "p:B.Hangs", outcome: "brok", words: "" });
  assert.deepEqual(parseTests("p", "", 127), [{ name: "p:", outcome: "brok", words: "" }]);
  assert.deepEqual(parseTests("p", "", 0), []);
});
