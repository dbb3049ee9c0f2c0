/**
 * Goal: the reference hart, the generated interpreter and the translator mean the same as qemu, instruction by
 * instruction and over control flow. Method: some dozens of random sequences (in the extended run some hundreds), each
 * on four inputs, and slices of the floating-point vectors; `npm run fuzz:riscv` runs as many more as one likes.
 * Machine code that is kept costs most, as the host's compiler takes its time for each function of it: it gets the
 * fewest; windows and the wide mode, which differ in their accesses alone, get fewer than the others. Where qemu isn't
 * installed the reference hart judges the processor.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { extendedTest, sampleCount } from "@stratos/base/testing";
import { unknownInstructions } from "../reference/reference-hart.ts";
import { runReference } from "./reference-run.ts";
import { checkFloatVectors, checkSequences, repeatCommand, type EngineName } from "./differential-check.ts";
import { floatVectorProgram } from "./float-vectors.ts";
import { frameProgram, type SequenceKind } from "./frame-program.ts";
import { sliceEnds } from "./processor-run.ts";
import { hasQemu } from "./qemu.ts";

const SEED = 20;
/** Of what the extended run checks. */
const SHARE = 0.2;
const withQemu = hasQemu();

function check(kind: SequenceKind, all: number, engines: readonly EngineName[]): void {
  const count = sampleCount(all, SHARE);
  const differences = checkSequences({ seed: SEED, first: 0, count, batch: 250, engines, kind });
  const report = differences
    .slice(0, 5)
    .map(
      (difference) => `${difference.engine}: ${difference.what}\n  repeat: ${repeatCommand(SEED, difference, kind)}`,
    );
  assert.equal(differences.length, 0, `\n${report.join("\n")}`);
}

test("the reference hart knows every instruction of the table", () => {
  assert.deepEqual(unknownInstructions(), []);
});

for (const [kind, count] of [
  ["integer", 100],
  ["float", 100],
  ["all", 100],
  ["branchy", 40],
] as const) {
  test(`random ${kind} sequences mean the same to all`, () => {
    const judge = withQemu ? "qemu" : "reference";
    check(
      kind,
      count,
      kind === "branchy"
        ? [judge, "interpreter", "translator", "sliced", "forgetful"]
        : [judge, "interpreter", "translator"],
    );
  });

  test(`random ${kind} sequences mean the same with translations of an earlier run`, () => {
    check(kind, 3, ["interpreter", "kept", "kept-forgetful", "kept-wide", "kept-window"]);
  });

  test(`random ${kind} sequences mean the same in windows`, () => {
    check(kind, 20, ["interpreter", "window", "window-forgetful"]);
  });

  test(`random ${kind} sequences mean the same in the wide address mode`, () => {
    check(kind, 20, ["interpreter", "wide-interpreter", "wide", "wide-forgetful"]);
  });

  test(
    `random ${kind} sequences mean to the reference what they mean to qemu`,
    {
      skip: withQemu ? false : "qemu-riscv64-static isn't installed",
    },
    () => {
      check(kind, 80, ["qemu", "reference"]);
    },
  );
}

test("loops that go round by jumps through registers mean the same to all", () => {
  const judge = withQemu ? "qemu" : "reference";
  check("loops", 20, [judge, "interpreter", "translator", "late", "later"]);
  check("loops", 8, ["interpreter", "sliced", "window", "wide"]);
  check("loops", 3, ["interpreter", "kept"]);
});

test("the extensions' instructions mean the same to all", () => {
  const judge = withQemu ? "qemu" : "reference";
  check("extensions", 80, [judge, "reference", "interpreter", "translator", "sliced", "wide"]);
  check("conditional", 40, ["reference", "interpreter", "translator", "sliced", "wide"]);
});

for (const format of ["s", "d"] as const) {
  for (let rounding = 0; rounding < 5; rounding++) {
    test(`operations of format ${format} on special values in rounding mode ${rounding}`, () => {
      for (const dynamic of [false, true]) {
        const program = floatVectorProgram({ format, rounding, dynamic, chunk: rounding, chunks: 60 });
        const engines: readonly EngineName[] = dynamic ? ["interpreter", "translator"] : ["translator", "unfused"];
        assert.deepEqual(checkFloatVectors(program, [withQemu ? "qemu" : "reference", ...engines]), []);
      }
    });
  }
}

extendedTest("slices end after the same instruction in each tier, and instructions are counted as they retire", () => {
  const { program } = frameProgram(
    SEED,
    Array.from({ length: 12 }, (_, index) => index),
    "branchy",
  );
  const whole = runReference(program).retired;
  for (const slice of [1, 37, 1000]) {
    // A page fault begins a new slice here, and the wide mode has others.
    for (const mode of ["paged", "window", "wide"] as const) {
      const interpreted = sliceEnds(program, { translate: false, slice, mode });
      const translated = sliceEnds(program, { translate: true, slice, mode });
      assert.deepEqual(translated, interpreted, `slices of ${slice}, ${mode}`);
      assert.equal(interpreted.at(-1)!.retired, whole, "the interpreter counts as the reference does");
      for (const stopEvery of slice === 37 ? [1, 5] : []) {
        const stopped = sliceEnds(program, { translate: true, slice, mode, stopEvery });
        assert.deepEqual(stopped, interpreted, `slices of ${slice}, ${mode}, stopped every ${stopEvery}`);
      }
    }
  }
});
