/** Goal: an operator's rules go first, and none stops the hub. Method: rules that are wrong, slow and endless. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { OwnRules, parseOwnRules } from "./own-rules.ts";

test("rules are read, and what is wrong with one is said", () => {
  assert.deepEqual(parseOwnRules("- {cause: mirror-away, match: 'x+y', stage: Build, says: our mirror was away}"), [
    { cause: "mirror-away", match: "x+y", stage: "Build", says: "our mirror was away" },
  ]);
  for (const [text, why] of [
    ["{", /^Error: no YAML: /],
    ["cause: x", /expected a list/],
    ["- x", /rule 1: expected cause and match/],
    ["- {cause: x, match: y}\n- {cause: x, match: '('}", /rule 2: match: Invalid regular expression/],
    ["- {cause: X y, match: y}", /rule 1: cause: expected a word/],
    ["- {cause: x, match: ''}", /rule 1: match: expected/],
    ["- {cause: x, match: y, when: z}", /rule 1: when: there is/],
    ['- {cause: x, match: y, says: "a\\nb"}', /rule 1: says: expected one line/],
    ["- {cause: x, match: y, stage: 'a b'}", /rule 1: stage: expected/],
    [JSON.stringify(Array.from({ length: 201 }, () => ({ cause: "x", match: "y" }))), /201 rules: 200 at most/],
    [`- {cause: x, match: ${"y".repeat(1_001)}}`, /1000 characters at most/],
  ] as const)
    assert.throws(() => parseOwnRules(text), why, text);
});

test("the first that fits counts, in its stage, and on what the worker said", async (t) => {
  const rules = new OwnRules(
    parseOwnRules(
      "- {cause: one, match: '^b', stage: Check}\n- {cause: two, match: '(?i:^B)', says: it begins}\n" +
        "- {cause: three, match: c}",
    ),
    assert.fail,
  );
  t.after(() => rules.close());
  const lines = ["a", "bc", "c"];
  assert.deepEqual(await rules.match({ stage: "Build", lines }, ""), { cause: "two", line: "bc", says: "it begins" });
  assert.deepEqual(await rules.match({ stage: "Check", lines }, ""), { cause: "one", line: "bc" });
  assert.deepEqual(await rules.match({ stage: "", lines: [] }, "said c"), { cause: "three", line: "said c" });
  assert.equal(await rules.match({ stage: "", lines: ["x"] }, ""), null);
  assert.deepEqual(
    rules.list().map(({ runs }) => runs),
    [1, 1, 1],
  );
});

test("one that takes for ever is ended, named and left; the others go on, and so does who asks", async (t) => {
  const warnings: string[] = [];
  const rules = new OwnRules(
    parseOwnRules("- {cause: one, match: zzz}\n- {cause: slow, match: '^(a|a)*$'}\n- {cause: good, match: '!$'}"),
    (message) => void warnings.push(message),
    1_000,
  );
  t.after(() => rules.close());
  const part = { stage: "", lines: ["x", `${"a".repeat(60)}!`] };
  let turns = 0;
  const timer = setInterval(() => turns++, 20);
  const found = await rules.match(part, "");
  clearInterval(timer);
  assert.equal(found?.cause, "good");
  assert.ok(turns > 3, "the caller stood still");
  assert.match(warnings.join("\n"), /^rule 2 of failures \(\^\(a\|a\)\*\$\): it took longer than 1 s; it is not used/);
  assert.deepEqual(
    rules.list().map(({ off }) => off),
    [null, "it took longer than 1 s", null],
  );
  // At once now, also when many ask together.
  const all = await Promise.all(Array.from({ length: 20 }, () => rules.match(part, "")));
  assert.ok(all.every((one) => one?.cause === "good"));
  assert.equal(warnings.length, 1);
});
