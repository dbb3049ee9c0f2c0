/** ppc64le under Linux: a program's start, its system calls, and how exceptions find their handlers. */
import { Register as Limits } from "../../heap/layout.ts";
import { MADE_FRAME_BYTES, STACK_END } from "../layout.ts";
import type { Intrinsic, NativePlatform } from "../program.ts";
import type { Assembler, Target } from "../target.ts";
import * as E from "./encode.ts";
import { Bit, Register } from "./encode.ts";
import { CONSTANTS, integer, ppc64leTarget } from "./target.ts";

const { r0, sp, r3 } = Register;
const EM_PPC64 = 21;
/** The second version of the ABI: a function's address is that of its code. */
const EF_PPC64_ABI_V2 = 2;
const MIB = 1024 * 1024;

export const ppc64le: NativePlatform = {
  machine: EM_PPC64,
  elfFlags: EF_PPC64_ABI_V2,
  // Distributions' kernels have pages of 64 KiB.
  pageBytes: 65536,
  // Linux arch/powerpc/kernel/syscalls/syscall.tbl
  calls: {
    read: 3,
    write: 4,
    openat: 286,
    close: 6,
    exit_group: 234,
    unlinkat: 292,
    faccessat: 298,
    clock_gettime: 246,
    nanosleep: 162,
    rt_sigaction: 173,
    rt_sigtimedwait: 176,
    setitimer: 104,
    mmap: 90,
    ppoll: 281,
    madvise: 205,
  },
  // Linux arch/powerpc/include/uapi/asm/mman.h
  mapNoReserve: 0x40,
  target: ppc64leTarget,
  routines: new Map(),
  intrinsic,
  madeUnwind,
  signalReturnAt: 0,
  nearBytes: 32 * MIB - 4096,
};

function move(code: Assembler, d: number, a: number): void {
  code.u32(E.logic("or", d, a, a));
}

function intrinsic(code: Assembler, name: Intrinsic, target: Target): void {
  switch (name) {
    case "start":
      integer(code, sp, BigInt(STACK_END));
      for (const [register, value] of CONSTANTS) integer(code, register, BigInt(value));
      target.call(code, "native/main", false);
      return target.trap(code);
    case "syscall": {
      move(code, r0, r3);
      for (let index = 0; index < 6; index++) move(code, r3 + index, r3 + index + 1);
      code.u32(E.SYSTEM_CALL);
      // The summary overflow bit, at unordered's place, tells that the result is the error's number.
      code.u32(E.branchIf(Bit.unordered, false, 8));
      code.u32(E.neg(r3, r3));
      return target.return(code);
    }
    case "look-handler":
      integer(code, r3, BigInt(Limits.stackLimit));
      integer(code, r3 + 1, 0n);
      code.u32(E.access("stw", r3 + 1, r3, 0));
      return target.return(code);
    default:
      // find-handler (sp, return address, kind): the handler below, its frame above.
      move(code, r3, sp);
      code.u32(E.fromLink(r3 + 1));
      integer(code, r3 + 2, name === "throw-unwind" ? 0n : 1n);
      target.call(code, "native/find-handler", false);
      code.u32(E.rotate64("rldicl", sp, r3, 32, 32));
      code.u32(E.rotate64("rldicl", r3, r3, 0, 32));
      return target.call(code, r3, true);
  }
}

function madeUnwind(code: Assembler, target: Target): number {
  code.u32(E.access("ld", r3, sp, 0));
  code.u32(E.access("lwz", r3 + 1, sp, 8));
  target.call(code, "low/save-frame", false);
  const saved = code.length;
  code.u32(E.access("ld", r0, sp, MADE_FRAME_BYTES - 8));
  code.u32(E.addi(sp, sp, MADE_FRAME_BYTES));
  code.u32(E.toLink(r0));
  target.call(code, "native/throw-unwind", true);
  return saved;
}
