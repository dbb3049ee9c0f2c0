/**
 * Goal: versions are ordered as pacman orders them. pacman's answers to `-T` are the judge for thousands of random
 * pairs; the table is from vercmp(8).
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { sampleOf } from "@stratos/base/testing";
import { SeededRandom } from "@stratos/base";
import { parseAlpmDependency, satisfiesAlpmDependency } from "./dependency.ts";
import { compareAlpmVersions } from "./version.ts";

const order = (left: string, right: string): number => Math.sign(compareAlpmVersions(left, right));

test("the manual's chain of versions ascends", () => {
  const chain = ["1.0a", "1.0b", "1.0beta", "1.0p", "1.0pre", "1.0rc", "1.0", "1.0.a", "1.0.1"];
  for (let left = 0; left < chain.length; left++) {
    for (let right = 0; right < chain.length; right++)
      assert.equal(order(chain[left]!, chain[right]!), Math.sign(left - right), `${chain[left]} ${chain[right]}`);
  }
});

test("epochs come first, and a release counts only where both have one", () => {
  assert.equal(order("1:1.0-1", "2.0-9"), 1);
  assert.equal(order("0:1.0-1", "1.0-1"), 0);
  assert.equal(order("1.5-1", "1.5"), 0);
  assert.equal(order("1.5-2", "1.5-10"), -1);
  assert.equal(order("1.0010-1", "1.10-1"), 0);
  assert.equal(order("99999999999999999999", "100000000000000000000"), -1);
});

test("random pairs are ordered as pacman orders them", () => {
  const seed = 20261120;
  const random = new SeededRandom(seed);
  const pieces = [
    "0",
    "1",
    "2",
    "10",
    "007",
    "a",
    "b",
    "rc",
    "beta",
    ".",
    ".",
    "..",
    "_",
    "+",
    "-",
    "-1",
    ":",
    "1:",
    "~",
    "git",
    "r12",
  ];
  const version = (): string =>
    Array.from({ length: 1 + random.below(6) }, () => pieces[random.below(pieces.length)]!).join("");
  const versions = Array.from({ length: 60 }, version);
  const folder = mkdtempSync(join(tmpdir(), "alpm-versions-"));
  try {
    for (const installed of sampleOf(versions, 3).map(
      (one) => `${one.replaceAll("-", "") || "1"}-${1 + random.below(2)}`,
    )) {
      // pacman tells which of the conditions an installed package does not fulfil.
      const entry = join(folder, "local", `v-${installed}`);
      mkdirSync(entry, { recursive: true });
      writeFileSync(join(folder, "local/ALPM_DB_VERSION"), "9\n");
      writeFileSync(join(entry, "desc"), `%NAME%\nv\n\n%VERSION%\n${installed}\n\n%ARCH%\nany\n\n`);
      const others = [
        ...versions,
        ...Array.from({ length: 5 }, () => installed.replace(/-[^-]*$/, pieces[random.below(pieces.length)]!)),
      ];
      const conditions = others.flatMap((other) => [`v<${other}`, `v=${other}`, `v>${other}`]);
      const judge = spawnSync(
        "pacman",
        ["--config", "/dev/null", "--root", folder, "--dbpath", folder, "-T", ...conditions],
        { encoding: "utf8", env: { ...process.env, LC_ALL: "C" } },
      );
      assert.equal(judge.stderr, "", installed);
      const unfulfilled = new Set(judge.stdout.trim().split("\n"));
      for (const other of others) {
        const expected = !unfulfilled.has(`v<${other}`) ? -1 : !unfulfilled.has(`v=${other}`) ? 0 : 1;
        assert.equal(order(installed, other), expected, `seed ${seed}: ${installed} against ${other}`);
      }
      rmSync(entry, { recursive: true });
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("dependencies: names, versions, sonames, descriptions", () => {
  const parse = (text: string): unknown[] => {
    const { name, relation, version, description } = parseAlpmDependency(text);
    return [name, relation, version, description];
  };
  assert.deepEqual(parse("glibc"), ["glibc", undefined, "", ""]);
  assert.deepEqual(parse("foo>=1:2.0-3"), ["foo", ">=", "1:2.0-3", ""]);
  assert.deepEqual(parse("libfoo.so=1-64"), ["libfoo.so", "=", "1-64", ""]);
  assert.deepEqual(parse("perl: for the scripts"), ["perl", undefined, "", "for the scripts"]);
  assert.deepEqual(parse("qt<6: an older one"), ["qt", "<", "6", "an older one"]);
  assert.equal(
    satisfiesAlpmDependency({ name: "x", version: "1.5-2", provides: ["y=3"] }, parseAlpmDependency("x=1.5")),
    true,
  );
  assert.equal(
    satisfiesAlpmDependency({ name: "x", version: "1.5-2", provides: ["y=3", "z"] }, parseAlpmDependency("y>2")),
    true,
  );
  assert.equal(
    satisfiesAlpmDependency({ name: "x", version: "1.5-2", provides: ["y=3", "z"] }, parseAlpmDependency("z>=1")),
    false,
  );
});
