/** Goal: versions are ordered as pacman orders them. The real `vercmp` is the judge for thousands of random pairs; the table is from vercmp(8). */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { SeededRandom } from "@stratos/base";
import { parseAlpmDependency, satisfiesAlpmDependency } from "./dependency.ts";
import { compareAlpmVersions } from "./version.ts";

const order = (left: string, right: string): number => Math.sign(compareAlpmVersions(left, right));

test("the manual's chain of versions ascends", () => {
  const chain = ["1.0a", "1.0b", "1.0beta", "1.0p", "1.0pre", "1.0rc", "1.0", "1.0.a", "1.0.1"];
  for (let left = 0; left < chain.length; left++) {
    for (let right = 0; right < chain.length; right++) assert.equal(order(chain[left]!, chain[right]!), Math.sign(left - right), `${chain[left]} ${chain[right]}`);
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

test("4 000 random pairs are ordered as vercmp orders them", () => {
  const seed = 20261120;
  const random = new SeededRandom(seed);
  const pieces = ["0", "1", "2", "10", "007", "a", "b", "rc", "beta", ".", ".", "..", "_", "+", "-", "-1", ":", "1:", "~", "git", "r12"];
  const version = (): string => Array.from({ length: 1 + random.below(6) }, () => pieces[random.below(pieces.length)]!).join("");
  const pairs = Array.from({ length: 4000 }, () => { const one = version(); return [one, random.below(3) === 0 ? `${one}${pieces[random.below(pieces.length)]!}` : version()] as const; })
    .filter(([one, other]) => !one.startsWith("-") && !other.startsWith("-"));
  // One shell for all: a process per pair would take a minute.
  const script = 'while IFS=" " read -r one other; do vercmp "$one" "$other"; done';
  const judge = spawnSync("sh", ["-c", script], { input: pairs.map(([one, other]) => `${one} ${other}\n`).join(""), encoding: "utf8", maxBuffer: 1 << 24 });
  assert.equal(judge.status, 0, `vercmp of pacman-package-manager: ${judge.stderr}`);
  const expected = judge.stdout.trim().split("\n").map(Number);
  assert.equal(expected.length, pairs.length);
  pairs.forEach(([one, other], index) => assert.equal(order(one, other), Math.sign(expected[index]!), `seed ${seed}: ${one} against ${other}`));
});

test("dependencies: names, versions, sonames, descriptions", () => {
  const parse = (text: string): unknown[] => { const { name, relation, version, description } = parseAlpmDependency(text); return [name, relation, version, description]; };
  assert.deepEqual(parse("glibc"), ["glibc", undefined, "", ""]);
  assert.deepEqual(parse("foo>=1:2.0-3"), ["foo", ">=", "1:2.0-3", ""]);
  assert.deepEqual(parse("libfoo.so=1-64"), ["libfoo.so", "=", "1-64", ""]);
  assert.deepEqual(parse("perl: for the scripts"), ["perl", undefined, "", "for the scripts"]);
  assert.deepEqual(parse("qt<6: an older one"), ["qt", "<", "6", "an older one"]);
  assert.equal(satisfiesAlpmDependency({ name: "x", version: "1.5-2", provides: ["y=3"] }, parseAlpmDependency("x=1.5")), true);
  assert.equal(satisfiesAlpmDependency({ name: "x", version: "1.5-2", provides: ["y=3", "z"] }, parseAlpmDependency("y>2")), true);
  assert.equal(satisfiesAlpmDependency({ name: "x", version: "1.5-2", provides: ["y=3", "z"] }, parseAlpmDependency("z>=1")), false);
});
