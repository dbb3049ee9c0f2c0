import {
  POLL_HUP,
  RtSigframe,
  SA_ONSTACK,
  SIGBUS,
  SIGCHLD,
  SIGFPE,
  SIGILL,
  SIGSEGV,
  SIGSYS,
  SIGTRAP,
  SI_TIMER,
  SS_AUTODISARM,
  SS_DISABLE,
  SS_ONSTACK,
  Sigaltstack,
  Sigcontext,
  SiginfoChild,
  SiginfoFault,
  SiginfoPoll,
  SiginfoSender,
  SiginfoSystemCall,
  SiginfoTimer,
  Ucontext,
} from "@stratos/abi";
import { HART_F, HART_X } from "@stratos/riscv";
import { VDSO_BASE } from "../mm/address-space.ts";
import { SIGRETURN_OFFSET } from "../mm/vdso/vdso-image.ts";
import { A0, A1, A2, RA, SP } from "./hart-registers.ts";
import type { Task } from "./task.ts";
import { type SignalInfo, signalInfo } from "../signal/pending-signals.ts";
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
/** Where rt_sigqueueinfo(2) and its like end to look: with the value. */
export const SIGINFO_SENT = SiginfoSender.offset.si_value + 8;

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
  task.blocked = new SignalSet(view.getUint32(MASK, true), view.getUint32(MASK + 4, true));
  task.blocked.deleteUnblockable();
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

/** What `sender` wrote into its `siginfo_t`, at the start of `view`, for one that the kernel knows to be `signal`. */
export function readSignalInfo(sender: Task, view: DataView, signal: number): SignalInfo {
  return signalInfo(signal, view.getInt32(SiginfoSender.offset.si_code, true), {
    errno: view.getInt32(SiginfoSender.offset.si_errno, true),
    pid: view.getInt32(SiginfoSender.offset.si_pid, true),
    uid: sender.credentials.userNamespace.uids.toKernel(view.getUint32(SiginfoSender.offset.si_uid, true)),
    valueLow: view.getUint32(SiginfoSender.offset.si_value, true),
    valueHigh: view.getUint32(SiginfoSender.offset.si_value + 4, true),
  });
}

/** `siginfo_t` (zeroed by the caller) as the kind of signal lays it out. */
export function writeSignalInfo(to: DataView, at: number, info: SignalInfo): void {
  to.setInt32(at + SiginfoSender.offset.si_signo, info.signal, true);
  to.setInt32(at + SiginfoSender.offset.si_errno, info.errno, true);
  to.setInt32(at + SiginfoSender.offset.si_code, info.code, true);
  const isChild = info.isChildEnd || info.signal === SIGCHLD;
  if (info.code > 0 && FAULTS.has(info.signal) && !isChild) {
    to.setUint32(at + SiginfoFault.offset.si_addr, info.valueLow, true);
    to.setUint32(at + SiginfoFault.offset.si_addr + 4, info.valueHigh, true);
    return;
  }
  if (info.signal === SIGSYS && info.code > 0 && !isChild) {
    put64(to, at + SiginfoSystemCall.offset.si_call_addr, info.address);
    to.setUint32(at + SiginfoSystemCall.offset.si_syscall, info.valueLow, true);
    to.setUint32(at + SiginfoSystemCall.offset.si_arch, info.valueHigh, true);
    return;
  }
  if (info.code === SI_TIMER) {
    to.setInt32(at + SiginfoTimer.offset.si_timerid, info.timerId, true);
    to.setInt32(at + SiginfoTimer.offset.si_overrun, info.overrun, true);
    to.setUint32(at + SiginfoTimer.offset.si_value, info.valueLow, true);
    to.setUint32(at + SiginfoTimer.offset.si_value + 4, info.valueHigh, true);
    return;
  }
  // POLL_IN … POLL_HUP, by SIGIO or what F_SETSIG chose.
  if (info.code > 0 && info.code <= POLL_HUP && !isChild) {
    to.setInt32(at + SiginfoPoll.offset.si_band, info.band, true);
    to.setInt32(at + SiginfoPoll.offset.si_fd, info.fd, true);
    return;
  }
  to.setInt32(at + SiginfoSender.offset.si_pid, info.pid, true);
  to.setUint32(at + SiginfoSender.offset.si_uid, info.uid, true);
  if (isChild) to.setInt32(at + SiginfoChild.offset.si_status, info.status, true);
  else {
    to.setUint32(at + SiginfoSender.offset.si_value, info.valueLow, true);
    to.setUint32(at + SiginfoSender.offset.si_value + 4, info.valueHigh, true);
  }
}

/** They carry an address. */
const FAULTS: ReadonlySet<number> = new Set([SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV]);
