/**
 * C under Linux on x86-64. Source: System V ABI, AMD64 Architecture Processor Supplement, §3.2.3 (passing of
 * parameters), §3.4.1 (initial stack).
 */
import { STACK_END } from "../layout.ts";
import { CALLBACKS_MAX, CallBlock, CallbackBlock, ERRNO_AT, RESULTS_AT, importAt } from "../foreign/places.ts";
import type { ForeignIntrinsic, ForeignPlatform } from "../foreign/foreign-platform.ts";
import { NONE } from "../instructions.ts";
import type { Assembler, Target } from "../target.ts";
import * as E from "./encode.ts";
import { Arithmetic, Condition, Register } from "./encode.ts";
import { integer } from "./target.ts";

const { rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r12 } = Register;
const r9 = 9;
const r11 = 11;
const C_INTEGERS = [rdi, rsi, rdx, rcx, r8, r9];
const C_SAVED = [rbx, rbp, r12, 13, 14, 15];
const THUNK_BYTES = 8;
const CALL_BYTES = 5;

const LOAD = { is64: true, opcode: [0x8b] };
const STORE = { is64: true, opcode: [0x89] };
const LEA = { is64: true, opcode: [0x8d] };
const LOAD_DOUBLE = { prefix: 0xf2, opcode: [0x0f, 0x10] };
const STORE_DOUBLE = { prefix: 0xf2, opcode: [0x0f, 0x11] };

function load(code: Assembler, d: number, base: number, offset: number): void {
  E.onMemory(code, LOAD, d, { base, offset });
}
function store(code: Assembler, a: number, base: number, offset: number): void {
  E.onMemory(code, STORE, a, { base, offset });
}
function push(code: Assembler, a: number): void {
  if (a >= 8) code.u8(0x41);
  code.u8(0x50 | (a & 7));
}
function pop(code: Assembler, d: number): void {
  if (d >= 8) code.u8(0x41);
  code.u8(0x58 | (d & 7));
}
function bytes(code: Assembler, ...all: number[]): void {
  for (const byte of all) code.u8(byte);
}
/** A call of a label. */
function callLabel(code: Assembler, label: number): void {
  code.u8(0xe8);
  code.branchHere(label);
  code.u32(0);
}
function callMemory(code: Assembler, address: number): void {
  E.onMemory(code, { opcode: [0xff] }, 2, { base: NONE, offset: address });
}

export const x86Foreign: ForeignPlatform = {
  interpreter: "/lib64/ld-linux-x86-64.so.2",
  wordRelocation: 6, // R_X86_64_GLOB_DAT
  number: 0,
  thunkBytes: THUNK_BYTES,
  thunkReturn: CALL_BYTES,
  intrinsic(code, name, target) {
    INTRINSICS[name](code, target);
    code.finish(target);
  },
};

const INTRINSICS: Record<ForeignIntrinsic, (code: Assembler, target: Target) => void> = {
  start(code, target) {
    // __libc_start_main (main, argc, argv, init, fini, rtld_fini, stack_end), the last on the stack
    const begin = code.newLabel();
    E.move(code, true, r9, rdx);
    load(code, rsi, rsp, 0);
    E.onMemory(code, LEA, rdx, { base: rsp, offset: 8 });
    E.withConstant(code, Arithmetic.and, true, rsp, -16);
    push(code, rax);
    push(code, rsp);
    integer(code, rcx, 0n);
    integer(code, r8, 0n);
    integer(code, rbp, 0n);
    callLabel(code, begin);
    // main, as libc calls it
    integer(code, rsp, BigInt(STACK_END));
    callMemory(code, importAt("__errno_location"));
    store(code, rax, NONE, ERRNO_AT);
    target.call(code, "native/main", false);
    target.trap(code);
    code.bind(begin);
    pop(code, rdi);
    callMemory(code, importAt("__libc_start_main"));
    target.trap(code);
  },

  "foreign-call"(code, target) {
    // The function comes in rsi, the block in rdi. C keeps rbp.
    const again = code.newLabel();
    const done = code.newLabel();
    E.move(code, true, rbp, rsp);
    E.move(code, true, r11, rsi);
    E.move(code, true, rax, rdi);
    load(code, rcx, rax, CallBlock.stackCount);
    E.onRegisters(code, { is64: true, opcode: [0xc1] }, 4, rcx);
    code.u8(3);
    E.arithmetic(code, Arithmetic.sub, true, rsp, rcx);
    E.withConstant(code, Arithmetic.and, true, rsp, -16);
    // Words from the last to the first.
    code.bind(again);
    E.onRegisters(code, { is64: true, opcode: [0x85] }, rcx, rcx);
    bytes(code, 0x0f, 0x80 | Condition.equal);
    code.branchHere(done);
    code.u32(0);
    // mov rdx, [rax + rcx + stack - 8]; mov [rsp + rcx - 8], rdx
    bytes(code, 0x48, 0x8b, 0x94, 0x08);
    code.u32(CallBlock.stack - 8);
    bytes(code, 0x48, 0x89, 0x54, 0x0c, 0xf8);
    E.withConstant(code, Arithmetic.sub, true, rcx, 8);
    code.u8(0xe9);
    code.branchHere(again);
    code.u32(0);
    code.bind(done);
    for (let index = 0; index < 8; index++)
      E.onMemory(code, LOAD_DOUBLE, index, { base: rax, offset: CallBlock.floats + 8 * index });
    C_INTEGERS.forEach((d, index) => load(code, d, rax, CallBlock.integers + 8 * index));
    load(code, rax, rax, CallBlock.floatCount);
    target.call(code, r11, false);
    E.move(code, true, rsp, rbp);
    store(code, rax, NONE, RESULTS_AT);
    store(code, rdx, NONE, RESULTS_AT + 8);
    E.onMemory(code, STORE_DOUBLE, 0, { base: NONE, offset: RESULTS_AT + 16 });
    E.onMemory(code, STORE_DOUBLE, 1, { base: NONE, offset: RESULTS_AT + 24 });
    target.return(code);
  },

  "callback-address"(code, target) {
    const end = code.newLabel();
    const common = code.newLabel();
    callLabel(code, end);
    for (let index = 0; index < CALLBACKS_MAX; index++) {
      callLabel(code, common);
      for (let byte = CALL_BYTES; byte < THUNK_BYTES; byte++) code.u8(0x90);
    }
    code.bind(common);
    pop(code, rax);
    for (const register of C_SAVED) push(code, register);
    const frame = CallbackBlock.bytes + 8;
    E.withConstant(code, Arithmetic.sub, true, rsp, frame);
    C_INTEGERS.forEach((a, index) => store(code, a, rsp, CallbackBlock.integers + 8 * index));
    for (let index = 0; index < 8; index++)
      E.onMemory(code, STORE_DOUBLE, index, { base: rsp, offset: CallbackBlock.floats + 8 * index });
    store(code, rax, rsp, CallbackBlock.thunk);
    E.onMemory(code, LEA, rax, { base: rsp, offset: frame + 8 * C_SAVED.length + 8 });
    store(code, rax, rsp, CallbackBlock.stack);
    E.move(code, true, rsi, rsp);
    target.call(code, "native/callback", false);
    load(code, rax, rsp, CallbackBlock.results);
    load(code, rdx, rsp, CallbackBlock.results + 8);
    E.onMemory(code, LOAD_DOUBLE, 0, { base: rsp, offset: CallbackBlock.results + 16 });
    E.onMemory(code, LOAD_DOUBLE, 1, { base: rsp, offset: CallbackBlock.results + 24 });
    E.withConstant(code, Arithmetic.add, true, rsp, frame);
    for (const register of [...C_SAVED].reverse()) pop(code, register);
    target.return(code);
    code.bind(end);
    pop(code, rax);
    E.onRegisters(code, { is64: true, opcode: [0xc1] }, 4, rsi);
    code.u8(3);
    E.arithmetic(code, Arithmetic.add, true, rax, rsi);
    target.return(code);
  },

  "copy-far"(code, target) {
    // To in rsi, from in rdi, the count in r8: rep movsb has the first two the other way round.
    bytes(code, 0x48, 0x87, 0xf7);
    E.move(code, true, rcx, r8);
    bytes(code, 0xf3, 0xa4);
    target.return(code);
  },

  "to-single"(code, target) {
    const { floatArguments } = target.registers;
    E.onRegisters(code, { prefix: 0xf2, opcode: [0x0f, 0x5a] }, 0, floatArguments[0]!);
    E.onRegisters(code, { prefix: 0x66, opcode: [0x0f, 0x7e] }, 0, rax);
    target.return(code);
  },
  "from-single"(code, target) {
    E.onRegisters(code, { prefix: 0x66, opcode: [0x0f, 0x6e] }, 0, rsi);
    E.onRegisters(code, { prefix: 0xf3, opcode: [0x0f, 0x5a] }, target.registers.floatResult, 0);
    target.return(code);
  },
};
