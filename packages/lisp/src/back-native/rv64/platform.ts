/** RV64GC under Linux: a program's start, its system calls, and how exceptions find their handlers. */
import { Op } from "@stratos/wasm";
import { Register as Limits } from "../../heap/layout.ts";
import { MADE_FRAME_BYTES, STACK_END, TABLE_START } from "../layout.ts";
import type { Intrinsic, NativePlatform } from "../program.ts";
import type { Assembler, Target } from "../target.ts";
import * as E from "./encode.ts";
import { Register } from "./encode.ts";
import { rv64Foreign } from "./foreign.ts";
import { GLOBAL_POINTER, integer, rv64Target } from "./target.ts";

const { zero, ra, sp, gp, tp, t0, a0, a7 } = Register;
const EM_RISCV = 243;
const EF_RISCV_RVC = 1;
const EF_RISCV_FLOAT_ABI_DOUBLE = 4;
const MIB = 1024 * 1024;

export const rv64: NativePlatform = {
  machine: EM_RISCV,
  elfFlags: EF_RISCV_RVC | EF_RISCV_FLOAT_ABI_DOUBLE,
  pageBytes: 4096,
  mapNoReserve: 0x4000,
  // Linux include/uapi/asm-generic/unistd.h
  calls: {
    read: 63,
    write: 64,
    openat: 56,
    close: 57,
    exit_group: 94,
    unlinkat: 35,
    faccessat: 48,
    clock_gettime: 113,
    nanosleep: 101,
    rt_sigaction: 134,
    rt_sigtimedwait: 137,
    setitimer: 103,
    mmap: 222,
    ppoll: 73,
    madvise: 233,
  },
  target: rv64Target,
  routines: new Map<number, string>([
    [Op.i32Clz, "native/clz32"],
    [Op.i64Clz, "native/clz64"],
    [Op.i64Ctz, "native/ctz64"],
    [Op.i64Popcnt, "native/popcnt64"],
    [Op.f64Ceil, "native/fceil"],
    [Op.f64Floor, "native/ffloor"],
    [Op.f64Trunc, "native/ftrunc"],
    [Op.f64Nearest, "native/fnearest"],
  ]),
  intrinsic,
  madeUnwind,
  signalReturnAt: 0,
  nearBytes: MIB - 4096,
  foreign: rv64Foreign,
};

function intrinsic(code: Assembler, name: Intrinsic, target: Target): void {
  switch (name) {
    case "start":
      integer(code, sp, BigInt(STACK_END));
      integer(code, gp, BigInt(GLOBAL_POINTER));
      integer(code, tp, BigInt(TABLE_START));
      target.call(code, "native/main", false);
      return code.u32(E.EBREAK);
    case "syscall":
      code.u32(E.immediate("add", a7, a0, 0));
      for (let index = 0; index < 6; index++) code.u32(E.immediate("add", a0 + index, a0 + index + 1, 0));
      code.u32(E.ECALL);
      return code.u32(E.jalr(zero, ra, 0));
    case "look-handler":
      code.u32(E.lui(t0, Limits.stackLimit >> 12));
      code.u32(E.access("sw", zero, t0, Limits.stackLimit & 0xfff));
      return code.u32(E.jalr(zero, ra, 0));
    default:
      // find-handler (sp, return address, kind): the handler below, its frame above.
      code.u32(E.immediate("add", a0, sp, 0));
      code.u32(E.immediate("add", a0 + 1, ra, 0));
      code.u32(E.immediate("add", a0 + 2, zero, name === "throw-unwind" ? 0 : 1));
      target.call(code, "native/find-handler", false);
      code.u32(E.shift("srl", sp, a0, 32));
      code.u32(E.addiw(a0, a0, 0));
      return code.u32(E.jalr(zero, a0, 0));
  }
}

function madeUnwind(code: Assembler, target: Target): number {
  code.u32(E.access("ld", a0, sp, 0));
  code.u32(E.access("lw", a0 + 1, sp, 8));
  target.call(code, "low/save-frame", false);
  const saved = code.length;
  code.u32(E.access("ld", ra, sp, MADE_FRAME_BYTES - 8));
  code.u32(E.immediate("add", sp, sp, MADE_FRAME_BYTES));
  target.call(code, "native/throw-unwind", true);
  return saved;
}
