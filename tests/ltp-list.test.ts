/**
 * Goal: the list of LTP programs stays readable, and says of each program that doesn't pass why. Method: it is parsed,
 * looked through and written again.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { formatList, isForTheWorse, outcomeOf, parseList, tallyClasses } from "../conformance/ltp-list.ts";
import { repository } from "./support/stratos.ts";

const text = readFileSync(join(repository, "conformance/ltp-expected.txt"), "utf8");

test("each program that doesn't pass has a class that says why, and none stands on both sides", () => {
  const list = parseList(text);
  assert.ok(list.passing.size > 1000, `${list.passing.size} pass`);
  assert.deepEqual(
    [...list.expected]
      .filter(([name, each]) => each.class === "unsorted" || list.passing.has(name))
      .map(([name]) => name),
    [],
  );
  for (const [name, words] of list.classes) assert.ok(words.length > 10, name);
  assert.equal(formatList(list), text, "as --record writes it");
});

test("the table of the conformance page is that of the list: a class without programs has no row in it", () => {
  const { tallies } = JSON.parse(readFileSync(join(repository, "conformance/results/ltp.json"), "utf8")) as {
    tallies: { name: string }[];
  };
  const rows = tallyClasses(parseList(text)).sort((one, other) => (one.name < other.name ? -1 : 1));
  assert.deepEqual(tallies, JSON.parse(JSON.stringify(rows)), "--record writes it, of any programs");
  const small = parseList("class a  words that say why\nclass b  others\np fail a\nq helper b\nr conf a\npass s t\n");
  assert.deepEqual(tallyClasses(small), [
    { name: "passes", group: "passes", counts: { pass: 2 } },
    { name: "a", group: "a", counts: { fail: 1, conf: 1 } },
  ]);
});

test("a line that is wrong is named; exit statuses are LTP's bits", () => {
  assert.throws(() => parseList("class a  words\nprogram fail b\n"), /ltp-expected\.txt:2: there is no class "b"/);
  assert.throws(() => parseList("class a  words\nprogram odd a\n"), /:2: "odd" is no outcome/);
  assert.throws(() => parseList("class a  words\np fail a\np conf a\n"), /:3: p stands here twice/);
  assert.deepEqual([0, 1, 2, 3, 4, 32, 33, 36, 124, 137, 139].map(outcomeOf), [
    "pass",
    "fail",
    "brok",
    "fail",
    "warn",
    "conf",
    "fail",
    "warn",
    "slow",
    "slow",
    "brok",
  ]);
});

test("what passed or could not be tested may not fail; what measures time may", () => {
  assert.equal(isForTheWorse("fail", { outcome: "pass", class: "" }), true);
  assert.equal(isForTheWorse("brok", { outcome: "conf", class: "ext4" }), true);
  assert.equal(isForTheWorse("slow", { outcome: "fail", class: "processes" }), false);
  assert.equal(isForTheWorse("pass", { outcome: "fail", class: "processes" }), false);
  assert.equal(isForTheWorse("fail", { outcome: "pass", class: "time" }), false);
});
