/**
 * Goal: whoever changes fflags or frm between two runs is noticed, though generated code looks at a derived cell.
 * Method: an endless loop of inexact additions, run in slices, interpreted and translated.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { NodeWasmEngine } from "@stratos/host-node";
import { BareGuest } from "../bare/bare-guest.ts";
import { ExitReason } from "../exit-reason.ts";
import { HART_F, HART_FFLAGS, HART_FRM } from "../hart-state.ts";
import { FloatFlag, RoundingMode } from "../softfloat/softfloat.ts";
import { Assembler, staticElf } from "../testing/assembler.ts";
import { formNamed } from "../testing/instruction-forms.ts";

const ORIGIN = 0x10000,
  DYNAMIC = 7;

/** f1 = f2 + f3 for ever. */
function additionLoop(): Uint8Array {
  const assembler = new Assembler(ORIGIN);
  assembler.label("again");
  assembler.word(formNamed("fadd.d").match | (1 << 7) | (2 << 15) | (3 << 20) | (DYNAMIC << 12));
  assembler.jump(0, "again");
  return staticElf({ entry: ORIGIN, segments: [{ address: ORIGIN, bytes: assembler.finish(), writable: false }] });
}

for (const translate of [false, true]) {
  test(`flags and modes changed between runs take effect, ${translate ? "translated" : "interpreted"}`, () => {
    const guest = new BareGuest(additionLoop(), {
      engine: new NodeWasmEngine(),
      frameBytes: 1 << 20,
      translate,
      hotThreshold: 1,
    });
    const { u32, f64 } = guest.physical;
    f64[(HART_F >>> 3) + 2] = 1;
    f64[(HART_F >>> 3) + 3] = 2 ** -60;
    const runWith = (frm: number): number => {
      u32[HART_FFLAGS >>> 2] = 0;
      u32[HART_FRM >>> 2] = frm;
      while (guest.step(100) !== ExitReason.BUDGET); // the first one asks for the page
      assert.equal(u32[HART_FFLAGS >>> 2], FloatFlag.NX, "cleared flags are raised again");
      return f64[(HART_F >>> 3) + 1]!;
    };
    for (let round = 0; round < 5; round++) {
      assert.equal(runWith(RoundingMode.RNE), 1);
      assert.equal(runWith(RoundingMode.RUP), 1 + 2 ** -52);
      assert.equal(runWith(RoundingMode.RNE), 1);
    }
  });
}
