/**
 * C under Linux on RV64GC. Source: RISC-V ELF psABI, chapter "Calling Conventions"; a program's start: glibc's
 * sysdeps/riscv/start.S.
 */
import { STACK_END, TABLE_START } from "../layout.ts";
import { CALLBACKS_MAX, CallBlock, CallbackBlock, ERRNO_AT, RESULTS_AT, importAt } from "../foreign/places.ts";
import type { ForeignIntrinsic, ForeignPlatform } from "../foreign/foreign-platform.ts";
import type { Assembler, Target } from "../target.ts";
import * as E from "./encode.ts";
import { Register } from "./encode.ts";
import { FOREIGN_TABLE_REGISTER, GLOBAL_POINTER, integer } from "./target.ts";

const { zero, ra, sp, gp, t0, t1, t2, a0 } = Register;
const [t3, t4] = [28, 29];
/** s0 to s11, and fs0 to fs11. */
const SAVED = [8, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27];
const THUNK_BYTES = 4;

function move(code: Assembler, d: number, a: number): void {
  code.u32(E.immediate("add", d, a, 0));
}
function jump(code: Assembler, link: number, label: number): void {
  code.branchHere(label);
  code.u32(E.jal(link, 0));
}
function branch(code: Assembler, op: E.BranchOp, operands: readonly [a: number, b: number], label: number): void {
  code.branchHere(label);
  code.u32(E.branch(op, ...operands, 0));
}
function at(code: Assembler, op: E.Access, value: number, base: number, offset: number): void {
  code.u32(E.access(op, value, base, offset));
}
function importInto(code: Assembler, d: number, name: Parameters<typeof importAt>[0]): void {
  integer(code, d, BigInt(importAt(name)));
  at(code, "ld", d, d, 0);
}
/** What Lisp's code has in registers always. */
function own(code: Assembler): void {
  integer(code, gp, BigInt(GLOBAL_POINTER));
  integer(code, FOREIGN_TABLE_REGISTER, BigInt(TABLE_START));
}

export const rv64Foreign: ForeignPlatform = {
  interpreter: "/lib/ld-linux-riscv64-lp64d.so.1",
  wordRelocation: 2, // R_RISCV_64
  number: 1,
  thunkBytes: THUNK_BYTES,
  thunkReturn: THUNK_BYTES,
  intrinsic(code, name, target) {
    INTRINSICS[name](code, target);
    code.finish(target);
  },
};

const INTRINSICS: Record<ForeignIntrinsic, (code: Assembler, target: Target) => void> = {
  start(code, target) {
    // __libc_start_main (main, argc, argv, init, fini, rtld_fini, stack_end)
    const begin = code.newLabel();
    move(code, a0 + 5, a0);
    at(code, "ld", a0 + 1, sp, 0);
    code.u32(E.immediate("add", a0 + 2, sp, 8));
    code.u32(E.immediate("and", sp, sp, -16));
    move(code, a0 + 3, zero);
    move(code, a0 + 4, zero);
    move(code, a0 + 6, sp);
    jump(code, t0, begin);
    // main, as libc calls it
    integer(code, sp, BigInt(STACK_END));
    own(code);
    importInto(code, t1, "__errno_location");
    code.u32(E.jalr(ra, t1, 0));
    integer(code, t1, BigInt(ERRNO_AT));
    at(code, "sd", a0, t1, 0);
    target.call(code, "native/main", false);
    code.u32(E.EBREAK);
    code.bind(begin);
    move(code, a0, t0);
    importInto(code, t1, "__libc_start_main");
    code.u32(E.jalr(ra, t1, 0));
    code.u32(E.EBREAK);
  },

  "foreign-call"(code) {
    // The function comes in a0, the block in a1. C keeps s0 and s1.
    const [s0, s1] = [8, 9];
    const again = code.newLabel();
    const done = code.newLabel();
    move(code, s0, sp);
    move(code, s1, ra);
    move(code, t3, a0);
    move(code, t4, a0 + 1);
    at(code, "ld", t0, t4, CallBlock.stackCount);
    code.u32(E.shift("sll", t1, t0, 3));
    code.u32(E.register("sub", sp, sp, t1));
    code.u32(E.immediate("and", sp, sp, -16));
    code.u32(E.immediate("add", t1, t4, CallBlock.stack));
    move(code, t2, sp);
    code.bind(again);
    branch(code, "beq", [t0, zero], done);
    at(code, "ld", a0, t1, 0);
    at(code, "sd", a0, t2, 0);
    code.u32(E.immediate("add", t1, t1, 8));
    code.u32(E.immediate("add", t2, t2, 8));
    code.u32(E.immediate("add", t0, t0, -1));
    jump(code, zero, again);
    code.bind(done);
    for (let index = 0; index < 8; index++) {
      at(code, "fld", 10 + index, t4, CallBlock.floats + 8 * index);
      at(code, "ld", a0 + index, t4, CallBlock.integers + 8 * index);
    }
    code.u32(E.jalr(ra, t3, 0));
    move(code, sp, s0);
    integer(code, t0, BigInt(RESULTS_AT));
    at(code, "sd", a0, t0, 0);
    at(code, "sd", a0 + 1, t0, 8);
    at(code, "fsd", 10, t0, 16);
    at(code, "fsd", 11, t0, 24);
    code.u32(E.jalr(zero, s1, 0));
  },

  "callback-address"(code, target) {
    const end = code.newLabel();
    const common = code.newLabel();
    jump(code, t0, end);
    for (let index = 0; index < CALLBACKS_MAX; index++) jump(code, t1, common);
    code.bind(common);
    const savedAt = CallbackBlock.bytes + 8;
    const floatsAt = savedAt + 8 * SAVED.length;
    const frame = (floatsAt + 8 * SAVED.length + 15) & ~15;
    code.u32(E.immediate("add", sp, sp, -frame));
    for (let index = 0; index < 8; index++) {
      at(code, "sd", a0 + index, sp, CallbackBlock.integers + 8 * index);
      at(code, "fsd", 10 + index, sp, CallbackBlock.floats + 8 * index);
    }
    code.u32(E.immediate("add", t2, sp, frame));
    at(code, "sd", t2, sp, CallbackBlock.stack);
    at(code, "sd", t1, sp, CallbackBlock.thunk);
    at(code, "sd", ra, sp, CallbackBlock.bytes);
    SAVED.forEach((register, index) => {
      at(code, "sd", register, sp, savedAt + 8 * index);
      at(code, "fsd", register, sp, floatsAt + 8 * index);
    });
    move(code, a0, sp);
    own(code);
    target.call(code, "native/callback", false);
    at(code, "ld", a0, sp, CallbackBlock.results);
    at(code, "ld", a0 + 1, sp, CallbackBlock.results + 8);
    at(code, "fld", 10, sp, CallbackBlock.results + 16);
    at(code, "fld", 11, sp, CallbackBlock.results + 24);
    SAVED.forEach((register, index) => {
      at(code, "ld", register, sp, savedAt + 8 * index);
      at(code, "fld", register, sp, floatsAt + 8 * index);
    });
    at(code, "ld", ra, sp, CallbackBlock.bytes);
    code.u32(E.immediate("add", sp, sp, frame));
    code.u32(E.jalr(zero, ra, 0));
    code.bind(end);
    code.u32(E.shift("sll", a0, a0, 2));
    code.u32(E.register("add", a0, a0, t0));
    code.u32(E.jalr(zero, ra, 0));
  },

  "copy-far"(code) {
    // To, from and count in a0 to a2: by words while both places are aligned, then by bytes.
    const words = code.newLabel();
    const byBytes = code.newLabel();
    const done = code.newLabel();
    const [a1, a2] = [a0 + 1, a0 + 2];
    code.u32(E.register("or", t0, a0, a1));
    code.u32(E.immediate("and", t0, t0, 7));
    code.u32(E.immediate("add", t1, zero, 8));
    branch(code, "bne", [t0, zero], byBytes);
    code.bind(words);
    branch(code, "bltu", [a2, t1], byBytes);
    at(code, "ld", t0, a1, 0);
    at(code, "sd", t0, a0, 0);
    for (const [register, by] of [
      [a0, 8],
      [a1, 8],
      [a2, -8],
    ] as const)
      code.u32(E.immediate("add", register, register, by));
    jump(code, zero, words);
    code.bind(byBytes);
    branch(code, "beq", [a2, zero], done);
    at(code, "lbu", t0, a1, 0);
    at(code, "sb", t0, a0, 0);
    for (const [register, by] of [
      [a0, 1],
      [a1, 1],
      [a2, -1],
    ] as const)
      code.u32(E.immediate("add", register, register, by));
    jump(code, zero, byBytes);
    code.bind(done);
    code.u32(E.jalr(zero, ra, 0));
  },

  "to-single"(code) {
    code.u32(E.toSingle(0, 10));
    code.u32(E.moveFromSingle(a0, 0));
    // As an unsigned number: the upper half is of no float.
    code.u32(E.shift("sll", a0, a0, 32));
    code.u32(E.shift("srl", a0, a0, 32));
    code.u32(E.jalr(zero, ra, 0));
  },
  "from-single"(code) {
    code.u32(E.moveToSingle(0, a0));
    code.u32(E.fromSingle(10, 0));
    code.u32(E.jalr(zero, ra, 0));
  },
};
