/** x86-64 under Linux: a program's start, its system calls, and how exceptions find their handlers. */
import { Op } from "@stratos/wasm";
import { Register as Limits } from "../../heap/layout.ts";
import { MADE_FRAME_BYTES, STACK_END } from "../layout.ts";
import type { Intrinsic, NativePlatform } from "../program.ts";
import type { Assembler, Target } from "../target.ts";
import * as E from "./encode.ts";
import { Register } from "./encode.ts";
import { x86Foreign } from "./foreign.ts";
import { integer, x86Target } from "./target.ts";

const { rax, rcx, rdx, rsi, rdi, rsp, r8, r12 } = Register;
const EM_X86_64 = 62;
/** The kernel wants to be told how a handler is left (arch/x86/kernel/signal_64.c): code behind the handler. */
const SIGNAL_RETURN_AT = 16;
const SYS_RT_SIGRETURN = 15;

export const x86_64: NativePlatform = {
  machine: EM_X86_64,
  elfFlags: 0,
  pageBytes: 4096,
  mapNoReserve: 0x4000,
  // Linux arch/x86/entry/syscalls/syscall_64.tbl
  calls: {
    read: 0,
    write: 1,
    openat: 257,
    close: 3,
    exit_group: 231,
    unlinkat: 263,
    faccessat: 269,
    clock_gettime: 228,
    nanosleep: 35,
    rt_sigaction: 13,
    rt_sigtimedwait: 128,
    setitimer: 38,
    mmap: 9,
    ppoll: 271,
    madvise: 28,
  },
  target: x86Target,
  routines: new Map<number, string>([
    [Op.i32Clz, "native/clz32"],
    [Op.i64Clz, "native/clz64"],
    [Op.i64Ctz, "native/ctz64"],
    [Op.i64Popcnt, "native/popcnt64"],
  ]),
  intrinsic,
  madeUnwind,
  signalReturnAt: SIGNAL_RETURN_AT,
  nearBytes: Infinity,
  foreign: x86Foreign,
};

function intrinsic(code: Assembler, name: Intrinsic, target: Target): void {
  switch (name) {
    case "start":
      integer(code, rsp, BigInt(STACK_END));
      target.call(code, "native/main", false);
      return target.trap(code);
    case "syscall": {
      // Number and operands come in rsi, rdi, r8 … r12.
      const moves = [
        [rax, rsi],
        [rsi, r8],
        [rdx, r8 + 1],
        [r8, r8 + 3],
        [r8 + 1, r12],
      ] as const;
      for (const [d, a] of moves) E.move(code, true, d, a);
      code.u8(0x0f);
      code.u8(0x05);
      return target.return(code);
    }
    case "look-handler":
      E.onMemory(code, { opcode: [0xc7] }, 0, { base: -1, offset: Limits.stackLimit });
      code.u32(0);
      target.return(code);
      while (code.length < SIGNAL_RETURN_AT) target.trap(code);
      integer(code, rax, BigInt(SYS_RT_SIGRETURN));
      code.u8(0x0f);
      return code.u8(0x05);
    default:
      // find-handler (sp after the return, return address, kind): the handler below, its frame above.
      E.onMemory(code, { is64: true, opcode: [0x8d] }, rsi, { base: rsp, offset: 8 });
      E.onMemory(code, { is64: true, opcode: [0x8b] }, rdi, { base: rsp, offset: 0 });
      integer(code, r8, name === "throw-unwind" ? 0n : 1n);
      target.call(code, "native/find-handler", false);
      E.move(code, true, rcx, rax);
      E.onRegisters(code, { is64: true, opcode: [0xc1] }, 5, rcx);
      code.u8(32);
      E.move(code, false, rax, rax);
      E.move(code, true, rsp, rcx);
      return target.call(code, rax, true);
  }
}

function madeUnwind(code: Assembler, target: Target): number {
  E.onMemory(code, { is64: true, opcode: [0x8b] }, rsi, { base: rsp, offset: 0 });
  E.onMemory(code, { opcode: [0x8b] }, rdi, { base: rsp, offset: 8 });
  target.call(code, "low/save-frame", false);
  const saved = code.length;
  E.withConstant(code, E.Arithmetic.add, true, rsp, MADE_FRAME_BYTES - 8);
  target.call(code, "native/throw-unwind", true);
  return saved;
}
