/**
 * What a signal handler finds on its stack. Source: Linux arch/riscv/include/uapi/asm/{ucontext,sigcontext,ptrace}.h,
 * arch/riscv/kernel/signal.c.
 */
import { SiginfoSender } from "./siginfo.ts";
import { Sigaltstack } from "./signal-numbers.ts";
import { array, hex32, hex64, pointer, struct, u8 } from "./struct.ts";

/** The room of the quadruple-precision state, of which the double-precision one is the beginning. */
export const Sigcontext = struct(
  "sigcontext",
  {
    pc: pointer,
    x: array(hex64, 31), // x1 … x31
    f: array(hex64, 32),
    fcsr: hex32,
    _quadruple: array(u8, 528 - 32 * 8 - 4),
  },
  { align: 16 },
);
export const Ucontext = struct("ucontext", {
  uc_flags: hex64,
  uc_link: pointer,
  uc_stack: Sigaltstack,
  uc_sigmask: hex64,
  _unused: array(u8, 120),
  uc_mcontext: Sigcontext,
});
export const RtSigframe = struct("rt_sigframe", { info: SiginfoSender, uc: Ucontext });
