/** Version order. Goal: the order of dpkg, which is asked about generated and real pairs where it is installed. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { SeededRandom } from "@stratos/base";
import { compareVersions, isVersion, satisfiesRelation } from "./version.ts";

/** each list is in ascending order */
const ORDERED = [
  [
    "1.0~~",
    "1.0~~a",
    "1.0~",
    "1.0",
    "1.0-0.1",
    "1.0-1~bpo1",
    "1.0-1",
    "1.0-2",
    "1.0-10",
    "1.0a",
    "1.0+b1",
    "1.1",
    "1:0.1",
  ],
  ["0", "0.0.1", "0.1", "00.2", "1", "1.a", "1.+0", "2"],
  ["2.41-12", "2.41-12+deb13u1", "2.42~rc1-1", "2.42-1"],
  ["20240101", "20240101.1", "1:0"],
];

test("known chains are in order, in both directions", () => {
  for (const chain of ORDERED) {
    for (let low = 0; low < chain.length; low++) {
      for (let high = low + 1; high < chain.length; high++) {
        assert.ok(compareVersions(chain[low]!, chain[high]!) < 0, `${chain[low]} < ${chain[high]}`);
        assert.ok(compareVersions(chain[high]!, chain[low]!) > 0, `${chain[high]} > ${chain[low]}`);
      }
    }
  }
});

test("different spellings of one version are equal", () => {
  for (const [left, right] of [
    ["1.0", "0:1.0"],
    ["1.0", "1.0-0"],
    ["1.00", "1.0"],
    ["0", "0-0"],
    ["1.0-", "1.0"],
  ])
    assert.equal(compareVersions(left!, right!), 0, `${left} ${right}`);
});

test("relations mean what Policy says", () => {
  assert.ok(satisfiesRelation("1", "<<", "2") && !satisfiesRelation("2", "<<", "2"));
  assert.ok(
    satisfiesRelation("2", "<=", "2") && satisfiesRelation("2", ">=", "2") && satisfiesRelation("2.0", "=", "2.00"),
  );
  assert.ok(satisfiesRelation("3", ">>", "2") && !satisfiesRelation("2", ">>", "2"));
});

test("malformed versions are recognised", () => {
  for (const good of ["1", "1:2.3-4", "2.41-12+deb13u1~bpo12+1"]) assert.ok(isVersion(good), good);
  for (const bad of ["", "a1", ":1", "1:", "1-", "1 2", "2b-0:2", "1:2-3:4", "-1"]) assert.ok(!isVersion(bad), bad);
});

const hasDpkg = spawnSync("dpkg", ["--version"]).status === 0;

test("dpkg agrees on 300 generated pairs", { skip: hasDpkg ? false : "dpkg is not installed" }, () => {
  const random = new SeededRandom(42);
  const letters = "0011299aAbz.+~";
  const version = (): string => {
    let text = random.below(4) === 0 ? `${random.below(3)}:` : "";
    text += String(random.below(3));
    for (let length = random.below(6); length > 0; length--) text += letters[random.below(letters.length)]!;
    if (random.below(2) === 0) text += `-${letters[random.below(11)]!}${random.below(12)}`;
    return text;
  };
  const pairs: [string, string][] = [];
  while (pairs.length < 300) {
    const left = version();
    let right = version();
    if (random.below(2) === 0) right = left.slice(0, random.below(left.length) + 1) + right.slice(-2);
    if (isVersion(left) && isVersion(right)) pairs.push([left, right]);
  }
  // One shell asks for all of them: starting it 300 times would take most of the time.
  const script = pairs
    .map(
      ([left, right]) =>
        `dpkg --compare-versions '${left}' lt '${right}' && echo lt || { dpkg --compare-versions '${left}' eq ` +
        `'${right}' && echo eq || echo gt; }`,
    )
    .join("\n");
  const answers = spawnSync("sh", ["-s"], { input: script, encoding: "utf8" }).stdout.trim().split("\n");
  pairs.forEach(([left, right], index) => {
    const order = compareVersions(left, right);
    assert.equal(order < 0 ? "lt" : order > 0 ? "gt" : "eq", answers[index], `${left} ? ${right}`);
  });
});
