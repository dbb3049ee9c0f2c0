/**
 * Goal: an instruction whose dynamic rounding mode is reserved (frm 5 … 7) traps as illegal and changes nothing,
 * interpreted and translated; a static mode isn't disturbed. Method: the instruction in a loop that makes it hot with a
 * legal frm first.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { NodeWasmEngine } from "@stratos/host-node";
import { BareGuest } from "../bare/bare-guest.ts";
import { HART_PC } from "../hart-state.ts";
import { Assembler, staticElf } from "../testing/assembler.ts";
import { INSTRUCTION_FORMS } from "../testing/instruction-forms.ts";

const ORIGIN = 0x10000,
  ROUNDS = 20,
  COUNTER = 5,
  FRM = 2,
  DESTINATION = 10,
  RNE = 0,
  DYNAMIC = 7;

/** f10 or x10 = op(f1, f2, f3 or x1) `ROUNDS` times with frm 0 and once more with `frm`, then exit(0). */
function loopProgram(match: number, rm: number, frm: number): { elf: Uint8Array; at: number } {
  const assembler = new Assembler(ORIGIN);
  assembler.i("addi", COUNTER, 0, ROUNDS);
  assembler.label("again");
  const at = assembler.here;
  const sources = (match & 0x7f) !== 0x53 ? (2 << 20) | (3 << 27) : match >>> 25 < 0x18 ? 2 << 20 : 0;
  assembler.word((match | (DESTINATION << 7) | (1 << 15) | sources | (rm << 12)) >>> 0);
  assembler.i("addi", COUNTER, COUNTER, -1);
  assembler.branch(4, 0, COUNTER, "again"); // blt zero, t0
  assembler.i("csrrwi", 0, frm, FRM);
  assembler.branch(0, 0, COUNTER, "again"); // once more, then the counter is negative
  assembler.i("addi", 10, 0, 0);
  assembler.i("addi", 17, 0, 93);
  assembler.ecall();
  return {
    elf: staticElf({ entry: ORIGIN, segments: [{ address: ORIGIN, bytes: assembler.finish(), writable: false }] }),
    at,
  };
}

const rounding = INSTRUCTION_FORMS.filter((form) => form.kind.endsWith("-rm"));

for (const translate of [false, true]) {
  test(`reserved rounding modes are illegal, ${translate ? "translated" : "interpreted"}`, () => {
    for (const form of rounding) {
      for (const frm of [5, 7]) {
        const { elf, at } = loopProgram(form.match, DYNAMIC, frm);
        const guest = new BareGuest(elf, {
          engine: new NodeWasmEngine(),
          frameBytes: 1 << 20,
          translate,
          hotThreshold: 2,
          slice: 10,
        });
        guest.run(10_000);
        assert.equal(guest.failure, `exit 5 at ${at.toString(16)}`, `${form.name} with frm ${frm}`);
        assert.equal(guest.physical.u32[HART_PC >>> 2], at);
        assert.equal(guest.x(COUNTER), 0);
      }
    }
  });
}

test("a static rounding mode doesn't look at frm", () => {
  for (const form of rounding) {
    const { elf } = loopProgram(form.match, RNE, 5);
    const guest = new BareGuest(elf, { engine: new NodeWasmEngine(), frameBytes: 1 << 20, hotThreshold: 2, slice: 10 });
    guest.run(10_000);
    assert.equal(guest.failure, "", form.name);
    assert.equal(guest.exitStatus, 0, form.name);
  }
});
