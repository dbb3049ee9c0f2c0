import { POLL_HUP, SA_ONSTACK, SIGCHLD, SIGSYS, SS_DISABLE, SS_ONSTACK } from "@stratos/abi";
import { HART_F, HART_X } from "@stratos/riscv";
import { VDSO_BASE } from "../mm/address-space.ts";
import { A0, A1, A2, RA, SP } from "./hart-registers.ts";
import type { Task } from "./task.ts";
import { type SignalInfo } from "../signal/pending-signals.ts";
import type { SignalAction } from "../signal/signal-actions.ts";
import { SignalSet } from "../signal/signal-set.ts";

/**
 * What a handler finds on its stack, and how it comes back.
 *
 * ```
 * 0     siginfo_t                                   128 bytes
 * 128   ucontext: flags, link                        16
 * 144             stack { sp, flags, size }          24
 * 168             sigmask                             8   (+ 120 unused, + 8 to align)
 * 304             mcontext: pc, x1 … x31            256
 * 560             f0 … f31, fcsr                    260   (528 reserved)
 * 1088
 * ```
 * Source: Linux arch/riscv/kernel/signal.c, include/uapi/asm/ucontext.h, sigcontext.h, ptrace.h.
 */
const SIZE = 1088;
const UCONTEXT = 128;
const STACK = 144;
const MASK = 168;
const PC = 304;
const FLOATS = 560;
const FCSR = 816;

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
  if ((action.flags & SA_ONSTACK) !== 0 && signalStack.flags !== SS_DISABLE && !isOnStack)
    top = signalStack.address + signalStack.size;
  const at = Math.floor((top - SIZE) / 16) * 16;
  // A handler on the alternate stack must not run off its end.
  if (isOnStack && (action.flags & SA_ONSTACK) !== 0 && at < signalStack.address) return false;

  frame.fill(0);
  writeSignalInfo(view, 0, info);
  put64(STACK, signalStack.address);
  view.setInt32(STACK + 8, signalStack.size === 0 ? SS_DISABLE : isOnStack ? SS_ONSTACK : 0, true);
  put64(STACK + 16, signalStack.size);
  const mask = task.savedMask ?? task.blocked;
  view.setUint32(MASK, mask.low, true);
  view.setUint32(MASK + 4, mask.high, true);
  put64(PC, hart.pc);
  frame.set(physical.u8.subarray(HART_X + 8, HART_X + 256), PC + 8);
  frame.set(physical.u8.subarray(HART_F, HART_F + 256), FLOATS);
  view.setUint32(FCSR, hart.fcsr, true);
  if (at < 0 || task.space.copyOut(at, frame, 0, SIZE) < 0) return false;

  hart.set(SP, at);
  hart.set(RA, VDSO_BASE);
  hart.set(A0, info.signal);
  hart.set(A1, at);
  hart.set(A2, at + UCONTEXT);
  hart.pc = action.handler;
  return true;
}

/** rt_sigreturn(2): puts back what `enterHandler` saved. Returns false when the frame can't be read. */
export function leaveHandler(task: Task): boolean {
  const { hart, physical } = task.kernel;
  const at = hart.get(SP);
  if (task.space.copyIn(at, frame, 0, SIZE) < 0) return false;
  task.blocked = new SignalSet(view.getUint32(MASK, true), view.getUint32(MASK + 4, true));
  task.blocked.delete(9);
  task.blocked.delete(19);
  task.hasWork = true;
  hart.pc = view.getUint32(PC, true);
  physical.u8.set(frame.subarray(PC + 8, PC + 256), HART_X + 8);
  physical.u8.set(frame.subarray(FLOATS, FLOATS + 256), HART_F);
  hart.fcsr = view.getUint32(FCSR, true);
  hart.dropReservation();
  task.signalStack = {
    address: get64(STACK),
    size: get64(STACK + 16),
    flags: view.getInt32(STACK + 8, true) === SS_DISABLE ? SS_DISABLE : 0,
  };
  return true;
}

export function onSignalStack(task: Task, sp: number): boolean {
  const { address, size } = task.signalStack;
  return size > 0 && sp > address && sp <= address + size;
}

function put64(at: number, value: number): void {
  const high = Math.floor(value / 0x100000000);
  view.setUint32(at, value - high * 0x100000000, true);
  view.setInt32(at + 4, high, true);
}

function get64(at: number): number {
  return view.getInt32(at + 4, true) * 0x100000000 + view.getUint32(at, true);
}

/**
 * `siginfo_t` (128 bytes, zeroed by the caller) as the kind of signal lays it out. Source:
 * include/uapi/asm-generic/siginfo.h.
 */
export function writeSignalInfo(to: DataView, at: number, info: SignalInfo): void {
  to.setInt32(at, info.signal, true);
  to.setInt32(at + 4, info.errno, true);
  to.setInt32(at + 8, info.code, true);
  if (info.code > 0 && FAULTS.has(info.signal)) {
    to.setUint32(at + 16, info.address >>> 0, true);
    to.setInt32(at + 20, Math.floor(info.address / 0x100000000), true);
    return;
  }
  if (info.signal === SIGSYS && info.code > 0) {
    to.setUint32(at + 16, info.address >>> 0, true);
    to.setInt32(at + 20, Math.floor(info.address / 0x100000000), true);
    to.setUint32(at + 24, info.valueLow, true);
    to.setUint32(at + 28, info.valueHigh, true);
    return;
  }
  if (info.code === -2) {
    to.setInt32(at + 16, info.timerId, true);
    to.setInt32(at + 20, info.overrun, true);
    to.setUint32(at + 24, info.valueLow, true);
    to.setUint32(at + 28, info.valueHigh, true);
    return;
  }
  // POLL_IN … POLL_HUP, by SIGIO or what F_SETSIG chose.
  if (info.code > 0 && info.code <= POLL_HUP && info.signal !== SIGCHLD) {
    to.setInt32(at + 16, info.band, true);
    to.setInt32(at + 24, info.fd, true);
    return;
  }
  to.setInt32(at + 16, info.pid, true);
  to.setUint32(at + 20, info.uid, true);
  if (info.signal === SIGCHLD) to.setInt32(at + 24, info.status, true);
  else {
    to.setUint32(at + 24, info.valueLow, true);
    to.setUint32(at + 28, info.valueHigh, true);
  }
}

/** SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV carry an address. */
const FAULTS = new Set([4, 5, 7, 8, 11]);
