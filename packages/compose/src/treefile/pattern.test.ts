/** Patterns mean what they mean to a shell. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { compilePattern, isPattern } from "./pattern.ts";

test("patterns match whole names as a shell does", () => {
  const rows: [string, string[], string[]][] = [
    ["linux-*", ["linux-", "linux-image-amd64"], ["xlinux-", "linux"]],
    ["arm?", ["arm6"], ["arm", "arm64"]],
    ["{amd,arm}64", ["amd64", "arm64"], ["riscv64", "{amd,arm}64"]],
    ["lib[a-c]x", ["libax", "libcx"], ["libdx"]],
    ["lib[!a]x", ["libbx"], ["libax"]],
    ["g++.1", ["g++.1"], ["gg.1", "g++x1"]],
    ["a[b", ["a[b"], ["ab"]],
    ["x*y", ["x\ny"], []],
  ];
  for (const [pattern, yes, no] of rows) {
    const matches = compilePattern(pattern);
    for (const name of yes) assert.ok(matches(name), `${pattern} ${name}`);
    for (const name of no) assert.ok(!matches(name), `${pattern} ${name}`);
  }
  assert.ok(!isPattern("g++"));
});

test("in paths one star stays within a folder, two do not", () => {
  const one = compilePattern("/usr/share/doc/*", { isPath: true }),
    all = compilePattern("/usr/share/doc/**", { isPath: true });
  assert.deepEqual(
    [one("/usr/share/doc/a"), one("/usr/share/doc/a/b"), all("/usr/share/doc/a/b")],
    [true, false, true],
  );
});
