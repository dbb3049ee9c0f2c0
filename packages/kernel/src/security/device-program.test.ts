/** Goal: what programs of control groups compute (Linux Documentation/bpf/standardization/instruction-set.rst). */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  BPF_ALU,
  BPF_ALU64,
  BPF_ARSH,
  BPF_DIV,
  BPF_EXIT,
  BPF_JA,
  BPF_JEQ,
  BPF_JMP,
  BPF_LSH,
  BPF_MOD,
  BPF_MOV,
  BPF_PROG_TYPE_CGROUP_DEVICE,
  BPF_RSH,
  BPF_X,
  BpfInsn,
  EACCES,
  EINVAL,
} from "@stratos/abi";
import { DeviceProgram, PROGRAM_CONTEXTS, readInstructions, refusalOf } from "./device-program.ts";

type Words = readonly [code: number, to: number, from: number, off: number, imm: number];

function program(...instructions: Words[]): DeviceProgram {
  const bytes = new Uint8Array(instructions.length * BpfInsn.size);
  const view = new DataView(bytes.buffer);
  instructions.forEach(([code, to, from, off, imm], index) => {
    const at = index * BpfInsn.size;
    view.setUint8(at + BpfInsn.offset.code, code);
    view.setUint8(at + BpfInsn.offset.regs, to | (from << 4));
    view.setInt16(at + BpfInsn.offset.off, off, true);
    view.setInt32(at + BpfInsn.offset.imm, imm, true);
  });
  return new DeviceProgram(1, { bytes, uid: 0, loadedNs: 0 }, readInstructions(bytes));
}

/** Does `a operation b` give `result`? All are sign-extended to the width. */
function gives(kind: number, operation: number, values: { a: number; b: number; result: number }): boolean {
  return program(
    [kind | BPF_MOV, 2, 0, 0, values.a],
    [kind | BPF_MOV, 3, 0, 0, values.b],
    [kind | operation | BPF_X, 2, 3, 0, 0],
    [kind | BPF_MOV, 4, 0, 0, values.result],
    [BPF_ALU64 | BPF_MOV, 0, 0, 0, 1],
    [BPF_JMP | BPF_JEQ | BPF_X, 2, 4, 1, 0],
    [BPF_ALU64 | BPF_MOV, 0, 0, 0, 0],
    [BPF_JMP | BPF_EXIT, 0, 0, 0, 0],
  ).allows(0, 0, 0);
}

test("shifts count within the width, and the arithmetic one keeps the sign; nothing fails for a divisor of 0", () => {
  for (const [kind, bits] of [
    [BPF_ALU, 32],
    [BPF_ALU64, 64],
  ] as const)
    for (const [operation, a, b, result] of [
      [BPF_LSH, 3, 4, 48],
      [BPF_LSH, 3, bits + 4, 48],
      [BPF_RSH, 48, bits + 4, 3],
      [BPF_ARSH, -48, 4, -3],
      [BPF_ARSH, -48, bits + 4, -3],
      [BPF_ARSH, 48, bits - 1, 0],
      [BPF_DIV, 7, 0, 0],
      [BPF_MOD, 7, 0, 7],
    ] as const)
      assert.ok(gives(kind, operation, { a, b, result }), `${bits} bits: ${operation.toString(16)} of ${a}, ${b}`);
});

test("a program is checked on both ways of a jump on a condition, and on the one of a jump on none", () => {
  const refused = (...instructions: Words[]): number =>
    refusalOf(program(...instructions).instructions, PROGRAM_CONTEXTS.get(BPF_PROG_TYPE_CGROUP_DEVICE)!)?.error ?? 0;
  const set = (to: number): Words => [BPF_ALU64 | BPF_MOV, to, 0, 0, 1];
  const exit: Words = [BPF_JMP | BPF_EXIT, 0, 0, 0, 0];
  assert.equal(refused(set(2), [BPF_JMP | BPF_JEQ, 2, 0, 1, 1], exit, set(0), exit), EACCES, "R0 on the short way");
  assert.equal(refused(set(2), [BPF_JMP | BPF_JEQ, 2, 0, 1, 1], set(0), exit), EACCES, "R0 on the long way");
  assert.equal(refused(set(0), [BPF_JMP | BPF_JEQ, 0, 0, 1, 1], set(0), exit), 0);
  assert.equal(refused(set(2), [BPF_JMP | BPF_JEQ, 2, 0, 0, 1], set(0), exit), 0, "with a number");
  assert.equal(refused(set(2), set(3), [BPF_JMP | BPF_JEQ | BPF_X, 2, 3, 0, 0], set(0), exit), 0, "with a register");
  assert.equal(refused(set(2), [BPF_JMP | BPF_JEQ | BPF_X, 2, 3, 0, 0], set(0), exit), EACCES, "with what is not set");
  assert.equal(refused([BPF_JMP | BPF_JA, 0, 0, 1, 0], exit, set(0), exit), 0);
  assert.equal(refused(set(0), [BPF_JMP | BPF_JA, 0, 0, -1, 0], exit), EINVAL, "back");
  assert.equal(refused(set(0)), EINVAL, "no end");
});
