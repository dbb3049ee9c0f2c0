/** Goal: a byte is followed through registers to where it was loaded, and no further. Method: steps made by hand. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { originOf, type Step, storeOf } from "./register-slice.ts";

/** @param values  of registers before the instruction */
function stepsOf(...rows: readonly (readonly [word: number, values?: Readonly<Record<number, bigint>>])[]): Step[] {
  return rows.map(([word, values = {}], index) => {
    const registers = new Uint8Array(256);
    const view = new DataView(registers.buffer);
    for (const [register, value] of Object.entries(values)) view.setBigInt64(8 * Number(register), value, true);
    return { instructions: index, pc: 0x1000 + 4 * index, word, registers };
  });
}

const LD_A5_8_A4 = 0x00873783;
const LBU_A5_A4 = 0x00074783;
const SLLI_A5_16 = 0x01079793;
const SLLI_A5_3 = 0x00379793;
const OR_A5_A5_A3 = 0x00d7e7b3;
const ADD_A5_A5_A3 = 0x00d787b3;
const MV_A3_A5 = 0x00078693;
const LI_A5_5 = 0x00500793;
const ECALL = 0x73;
const [A0, A3, A4, A5] = [10, 13, 14, 15];

function origin(steps: readonly Step[], register: number, byte: number): string {
  const found = originOf(steps, steps.length, register, byte);
  return found.kind === "memory" ? `0x${found.address.toString(16)}` : found.kind;
}

test("a byte that was shifted by whole bytes and merged comes from where it was loaded", () => {
  const steps = stepsOf(
    [LD_A5_8_A4, { [A4]: 0x5000n }],
    [SLLI_A5_16, { [A5]: 0x8877665544332211n }],
    [OR_A5_A5_A3, { [A5]: 0x6655443322110000n, [A3]: 0xffn }],
    [MV_A3_A5],
  );
  assert.equal(origin(steps, A3, 2), "0x5008");
  assert.equal(origin(steps, A3, 7), "0x500d");
  assert.equal(origin(steps, A3, 0), "before", "the other register's byte");
  assert.equal(origin(steps.slice(0, 2), A5, 1), "constant", "shifted in");
});

test("what is no copy is said so: sums, constants, results of calls, bytes beside the loaded one", () => {
  assert.equal(origin(stepsOf([LBU_A5_A4], [ADD_A5_A5_A3, { [A5]: 1n, [A3]: 2n }]), A5, 0), "computed");
  assert.equal(origin(stepsOf([LBU_A5_A4], [ADD_A5_A5_A3, { [A5]: 1n }]), A5, 0), "0x0", "a sum with zero");
  assert.equal(origin(stepsOf([LBU_A5_A4], [SLLI_A5_3]), A5, 0), "computed");
  assert.equal(origin(stepsOf([LBU_A5_A4]), A5, 1), "constant");
  assert.equal(origin(stepsOf([LI_A5_5]), A5, 0), "constant");
  assert.equal(origin(stepsOf([ECALL]), A0, 0), "call");
  assert.equal(origin(stepsOf([LBU_A5_A4], [ECALL]), A5, 0), "0x0", "a call leaves other registers");
});

const FLD_FA5_8_A4 = 0x00873787;
const FLW_FA5_A4 = 0x00072787;
const FMV_D_FA4_FA5 = 0x22f78753;
const FNEG_D_FA4_FA5 = 0x22f79753;
const FMV_X_D_A5_FA4 = 0xe20707d3;
const FMV_X_W_A5_FA5 = 0xe00787d3;
const FMV_D_X_FA4_A5 = 0xf2078753;
const FCVT_D_W_FA5_A5 = 0xd20787d3;
const FADD_D_FA5_FA5_FA4 = 0x02e7f7d3;
const FMADD_D_FA5_FA5_FA4_FA5 = 0x7ae7f7c3;
const [FA4, FA5] = [32 + 14, 32 + 15];

test("a byte goes through floating-point registers: loads, moves, signs, and to integer registers and back", () => {
  const load = [FLD_FA5_8_A4, { [A4]: 0x5000n }] as const;
  assert.equal(origin(stepsOf(load, [FMV_D_FA4_FA5]), FA4, 7), "0x500f");
  assert.equal(origin(stepsOf(load, [FMV_D_FA4_FA5], [FMV_X_D_A5_FA4]), A5, 3), "0x500b");
  assert.equal(origin(stepsOf([LBU_A5_A4], [FMV_D_X_FA4_A5]), FA4, 0), "0x0");
  assert.equal(origin(stepsOf(load, [FNEG_D_FA4_FA5]), FA4, 6), "0x500e", "all but the sign");
  assert.equal(origin(stepsOf(load, [FNEG_D_FA4_FA5]), FA4, 7), "computed");
  assert.equal(origin(stepsOf([FLW_FA5_A4, { [A4]: 0x5000n }]), FA5, 3), "0x5003");
  assert.equal(origin(stepsOf([FLW_FA5_A4]), FA5, 4), "constant", "boxed");
  assert.equal(origin(stepsOf([FLW_FA5_A4], [FMV_X_W_A5_FA5]), A5, 6), "0x3", "its sign");
  assert.equal(origin(stepsOf(load), A5, 0), "before", "x15 is not f15");
  assert.equal(origin(stepsOf([LBU_A5_A4]), FA5, 0), "before");
});

test("what floating-point instructions compute of one register goes on there, of several it ends", () => {
  const registerOf = (word: number): number | null | undefined => {
    const found = originOf(stepsOf([word]), 1, FA5, 0);
    return found.kind === "computed" ? found.register : undefined;
  };
  assert.equal(registerOf(FCVT_D_W_FA5_A5), A5);
  assert.equal(registerOf(FADD_D_FA5_FA5_FA4), null);
  assert.equal(registerOf(FMADD_D_FA5_FA5_FA4_FA5), null);
});

test("a store tells its bytes, and the register that they are from", () => {
  const [sd, load] = stepsOf([0x00f73423, { [A4]: 0x5000n }], [LBU_A5_A4]);
  assert.deepEqual(storeOf(sd!), { address: 0x5008, size: 8, register: A5 });
  assert.equal(storeOf(load!), null);
  const [fsd] = stepsOf([0x00f73427, { [A4]: 0x5000n }]);
  assert.deepEqual(storeOf(fsd!), { address: 0x5008, size: 8, register: FA5 });
});
