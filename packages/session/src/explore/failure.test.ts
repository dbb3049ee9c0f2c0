/** Goal: what counts as a failure, and how it is told. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32c, utf8Of } from "@stratos/base";
import type { AppliedDisturbance } from "@stratos/kernel/faults";
import type { AttemptOutcome } from "./attempt.ts";
import type { StreamOutput } from "./captured-output.ts";
import { failureOf, type FailureRules } from "./failure.ts";

function output(text: string): StreamOutput {
  const kept = utf8Of(text);
  return { checksum: crc32c(kept), bytes: kept.length, kept };
}

function outcome(more: Partial<AttemptOutcome> & { out?: string; met?: AppliedDisturbance["kind"] }): AttemptOutcome {
  const { out = "", met } = more;
  const applied = met === undefined ? [] : [{ ...NOWHERE, kind: met }];
  return {
    ...{ status: 0, killedBecause: null, instructions: 1, ns: 1, points: [], tasks: new Map() },
    ...{ stdout: output(out), stderr: output(""), applied, cut: null },
    ...more,
  };
}

const NOWHERE = {
  tid: 2,
  at: "call",
  n: 1,
  amount: 0,
  program: "x",
  pid: 2,
  call: 64,
  a0: 1,
  a2: 1,
  subject: null,
} as const;
const STATUS: FailureRules = { expect: null, compare: "status" };
const OUTPUT: FailureRules = { expect: null, compare: "output" };
const GOOD = outcome({ out: "a\nb\n" });

for (const [name, rules, attempt, text] of [
  ["the same status", STATUS, { out: "other" }, null],
  ["another status", STATUS, { status: 3 }, "status 3 instead of 0"],
  ["another status after a short write", STATUS, { status: 1, met: "short" }, "status 1 instead of 0"],
  ["a failure that is told after a full disk", STATUS, { status: 1, met: "enospc" }, null],
  ["a signal after a full disk", STATUS, { status: 139, met: "enospc" }, "status 139 instead of 0"],
  ["a wait without end", STATUS, { status: 137, killedBecause: "waits for ever" }, /^it waits for ever: /],
  ["one of the expected statuses", { ...STATUS, expect: [0, 3] }, { status: 3 }, null],
  ["none of them", { ...STATUS, expect: [0, 3] }, { status: 1, met: "eio" }, "status 1, expected 0 or 3"],
  [
    "another line",
    OUTPUT,
    { out: "a\nc\n" },
    'the status is the same, but standard output differs: line 2 is "c" instead of "b"',
  ],
  [
    "a lost line, though a fault was met that may be told",
    OUTPUT,
    { out: "a\n", met: "enospc" },
    'the status is the same, but standard output differs: it ends after line 1 instead of going on with "b"',
  ],
  ["the same output", OUTPUT, { out: "a\nb\n" }, null],
] as const satisfies readonly (readonly [string, FailureRules, Parameters<typeof outcome>[0], unknown])[])
  test(name, () => {
    const found = failureOf(GOOD, outcome(attempt), rules)?.text ?? null;
    if (text instanceof RegExp) assert.match(String(found), text);
    else assert.equal(found, text);
  });

test("after a power cut the check alone counts, not how the program ended", () => {
  const check = { status: 0, killedBecause: null, stdout: output(""), stderr: output(""), lost: [] };
  const cut = (more: Partial<typeof check>): AttemptOutcome =>
    outcome({ status: 125, met: "power", cut: { ...check, ...more } });
  assert.equal(failureOf(outcome({}), cut({}), STATUS), null);
  assert.equal(
    failureOf(outcome({}), cut({ status: 3 }), STATUS)?.text,
    "the check ends with status 3 after the power has failed",
  );
});
