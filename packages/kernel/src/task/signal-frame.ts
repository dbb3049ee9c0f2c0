import {
  RtSigframe,
  SA_ONSTACK,
  SS_AUTODISARM,
  SS_DISABLE,
  SS_ONSTACK,
  Sigaltstack,
  Sigcontext,
  Ucontext,
} from "@stratos/abi";
import { HART_F, HART_X } from "@stratos/riscv";
import { VDSO_BASE } from "../mm/address-space.ts";
import { SIGRETURN_OFFSET } from "../mm/vdso/vdso-image.ts";
import { A0, A1, A2, RA, SP } from "./hart-registers.ts";
import type { Task } from "./task.ts";
import type { SignalInfo } from "../signal/pending-signals.ts";
import { setBlocked } from "../signal/send-signal.ts";
import { writeSignalInfo } from "../signal/siginfo.ts";
import { get64, put64 } from "../ground/words.ts";
import type { SignalAction } from "../signal/signal-actions.ts";
import { SignalSet } from "../signal/signal-set.ts";

/** What a handler finds on its stack, and how it comes back. Source: Linux arch/riscv/kernel/signal.c. */
const SIZE = RtSigframe.size,
  UCONTEXT = RtSigframe.offset.uc,
  STACK = UCONTEXT + Ucontext.offset.uc_stack,
  MASK = UCONTEXT + Ucontext.offset.uc_sigmask,
  CONTEXT = UCONTEXT + Ucontext.offset.uc_mcontext,
  PC = CONTEXT + Sigcontext.offset.pc,
  REGISTERS = CONTEXT + Sigcontext.offset.x,
  FLOATS = CONTEXT + Sigcontext.offset.f,
  FCSR = CONTEXT + Sigcontext.offset.fcsr;

const frame = new Uint8Array(SIZE);
const view = new DataView(frame.buffer);

/**
 * Builds the frame and makes the handler the next thing to run. Returns false when the stack can't hold it (the process
 * gets SIGSEGV).
 */
export function enterHandler(task: Task, info: SignalInfo, action: SignalAction): boolean {
  const { kernel } = task;
  const { hart, physical } = kernel;
  let top = hart.get(SP);
  const { signalStack } = task;
  const isOnStack = onSignalStack(task, top);
  if ((action.flags & SA_ONSTACK) !== 0 && signalStack.size > 0 && !isOnStack)
    top = signalStack.address + signalStack.size;
  const at = Math.floor((top - SIZE) / 16) * 16;
  // A handler on the alternate stack must not run off its end.
  if (isOnStack && (action.flags & SA_ONSTACK) !== 0 && at < signalStack.address) return false;

  frame.fill(0);
  writeSignalInfo(view, 0, info);
  put64(view, STACK + Sigaltstack.offset.ss_sp, signalStack.address);
  view.setInt32(STACK + Sigaltstack.offset.ss_flags, signalStack.flags, true);
  put64(view, STACK + Sigaltstack.offset.ss_size, signalStack.size);
  const mask = task.savedMask ?? task.blocked;
  view.setUint32(MASK, mask.low, true);
  view.setUint32(MASK + 4, mask.high, true);
  hart.writePc(view, PC);
  frame.set(physical.u8.subarray(HART_X + 8, HART_X + 256), REGISTERS);
  frame.set(physical.u8.subarray(HART_F, HART_F + 256), FLOATS);
  view.setUint32(FCSR, hart.fcsr, true);
  if (at < 0 || task.space.copyOut(at, frame, 0, SIZE) < 0) return false;

  hart.set(SP, at);
  hart.set(RA, VDSO_BASE + SIGRETURN_OFFSET);
  hart.set(A0, info.signal);
  hart.set(A1, at);
  hart.set(A2, at + UCONTEXT);
  hart.pc = action.handler;
  // The handler may be switched away from, and the stack be used anew (sigaltstack(2)).
  if ((signalStack.flags & SS_AUTODISARM) !== 0) task.signalStack = { address: 0, size: 0, flags: SS_DISABLE };
  return true;
}

/** rt_sigreturn(2): puts back what `enterHandler` saved. Returns false when the frame can't be read. */
export function leaveHandler(task: Task): boolean {
  const { hart, physical } = task.kernel;
  const at = hart.get(SP);
  if (task.space.copyIn(at, frame, 0, SIZE) < 0) return false;
  const blocked = new SignalSet(view.getUint32(MASK, true), view.getUint32(MASK + 4, true));
  blocked.deleteUnblockable();
  setBlocked(task, blocked);
  task.hasWork = true;
  hart.readPc(view, PC);
  physical.u8.set(frame.subarray(REGISTERS, FLOATS), HART_X + 8);
  physical.u8.set(frame.subarray(FLOATS, FLOATS + 256), HART_F);
  hart.fcsr = view.getUint32(FCSR, true);
  hart.dropReservation();
  task.signalStack = {
    address: get64(view, STACK + Sigaltstack.offset.ss_sp),
    size: get64(view, STACK + Sigaltstack.offset.ss_size),
    flags: view.getInt32(STACK + Sigaltstack.offset.ss_flags, true) & (SS_DISABLE | SS_ONSTACK | SS_AUTODISARM),
  };
  return true;
}

export function onSignalStack(task: Task, sp: number): boolean {
  const { address, size, flags } = task.signalStack;
  return (flags & SS_AUTODISARM) === 0 && size > 0 && sp > address && sp <= address + size;
}
