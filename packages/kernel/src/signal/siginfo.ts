/**
 * `siginfo_t` in memory (sigaction(2)): 48 bytes of meaning, whose layout is told by signal and code, and 80 zeroes.
 * Source: Linux kernel/signal.c, include/uapi/asm-generic/siginfo.h.
 */
import {
  CLD_CONTINUED,
  E2BIG,
  EFAULT,
  NSIGPOLL,
  SIGBUS,
  SIGCHLD,
  SIGFPE,
  SIGILL,
  SIGIO,
  SIGSEGV,
  SIGSYS,
  SIGTRAP,
  SI_ASYNCNL,
  SI_DETHREAD,
  SI_KERNEL,
  SI_SIGIO,
  SI_TIMER,
  SI_USER,
  SiginfoChild,
  SiginfoFault,
  SiginfoPoll,
  SiginfoSender,
  SiginfoSystemCall,
  SiginfoTimer,
} from "@stratos/abi";
import type { UserMemory } from "../ground/user-memory.ts";
import { put64 } from "../ground/words.ts";
import type { Credentials } from "../security/credentials.ts";
import { type SignalInfo, signalInfo } from "./pending-signals.ts";

/** struct kernel_siginfo: what is kept. */
const KEPT = 48;
/** Behind signal, errno and code: what the layouts differ in. */
const GIVEN = SiginfoSender.offset._pad;

type SiginfoLayout = "sender" | "timer" | "poll" | "fault" | "child" | "value" | "call";

/** Codes of their own have these, up to the greatest that is known (sig_sicodes). */
const OWN_CODES: ReadonlyMap<number, { readonly layout: SiginfoLayout; readonly most: number }> = new Map([
  [SIGILL, { layout: "fault", most: 11 }],
  [SIGFPE, { layout: "fault", most: 15 }],
  [SIGSEGV, { layout: "fault", most: 10 }],
  [SIGBUS, { layout: "fault", most: 5 }],
  [SIGTRAP, { layout: "fault", most: 6 }],
  [SIGCHLD, { layout: "child", most: CLD_CONTINUED }],
  [SIGIO, { layout: "poll", most: NSIGPOLL }],
  [SIGSYS, { layout: "call", most: 2 }],
]);

/** siginfo_layout */
export function siginfoLayout(signal: number, code: number): SiginfoLayout {
  if (code > SI_USER && code < SI_KERNEL) {
    const own = OWN_CODES.get(signal);
    if (own !== undefined && code <= own.most) return own.layout;
    return code <= NSIGPOLL ? "poll" : "sender";
  }
  if (code === SI_TIMER) return "timer";
  if (code === SI_SIGIO) return "poll";
  return code < 0 ? "value" : "sender";
}

/** Does Linux know that nothing stands behind what it keeps (known_siginfo_layout)? */
function isKnown(signal: number, code: number): boolean {
  if (code === SI_KERNEL) return true;
  if (code > SI_USER) return code <= (OWN_CODES.get(signal)?.most ?? NSIGPOLL);
  return code >= SI_DETHREAD || code === SI_ASYNCNL;
}

/**
 * Takes what a program gives.
 *
 * @param scratch  room for it, where it stands afterwards
 * @param signal  what it is given for; null: what it says itself
 * @returns −EFAULT; −E2BIG: bytes that nobody keeps
 * @see __copy_siginfo_from_user
 */
export function loadSignalInfo(
  sender: { readonly space: UserMemory; readonly credentials: Credentials },
  scratch: { readonly u8: Uint8Array; readonly view: DataView },
  address: number,
  signal: number | null,
): SignalInfo | number {
  const { u8, view } = scratch;
  if (sender.space.copyIn(address, u8, 0, KEPT) < 0) return -EFAULT;
  const code = view.getInt32(SiginfoSender.offset.si_code, true);
  signal ??= view.getInt32(SiginfoSender.offset.si_signo, true);
  if (!isKnown(signal, code)) {
    if (sender.space.copyIn(address + KEPT, u8, KEPT, SiginfoSender.size - KEPT) < 0) return -EFAULT;
    for (let at = KEPT; at < SiginfoSender.size; at++) if (u8[at] !== 0) return -E2BIG;
  }
  return signalInfo(signal, code, {
    errno: view.getInt32(SiginfoSender.offset.si_errno, true),
    pid: view.getInt32(SiginfoSender.offset.si_pid, true),
    uid: sender.credentials.userNamespace.uids.toKernel(view.getUint32(SiginfoSender.offset.si_uid, true)),
    valueLow: view.getUint32(SiginfoSender.offset.si_value, true),
    valueHigh: view.getUint32(SiginfoSender.offset.si_value + 4, true),
    given: u8.slice(GIVEN, KEPT),
  });
}

/** `siginfo_t` (zeroed by the caller) as the kind of signal lays it out. */
export function writeSignalInfo(to: DataView, at: number, info: SignalInfo): void {
  to.setInt32(at + SiginfoSender.offset.si_signo, info.signal, true);
  to.setInt32(at + SiginfoSender.offset.si_errno, info.errno, true);
  to.setInt32(at + SiginfoSender.offset.si_code, info.code, true);
  if (info.given !== null) return writeGiven(to, at, info, info.given);
  switch (info.isChildEnd ? "child" : siginfoLayout(info.signal, info.code)) {
    case "fault":
      to.setUint32(at + SiginfoFault.offset.si_addr, info.valueLow, true);
      to.setUint32(at + SiginfoFault.offset.si_addr + 4, info.valueHigh, true);
      break;
    case "call":
      put64(to, at + SiginfoSystemCall.offset.si_call_addr, info.address);
      to.setUint32(at + SiginfoSystemCall.offset.si_syscall, info.valueLow, true);
      to.setUint32(at + SiginfoSystemCall.offset.si_arch, info.valueHigh, true);
      break;
    case "timer":
      to.setInt32(at + SiginfoTimer.offset.si_timerid, info.timerId, true);
      to.setInt32(at + SiginfoTimer.offset.si_overrun, info.overrun, true);
      writeValue(to, at, info);
      break;
    // By SIGIO or what F_SETSIG chose.
    case "poll":
      to.setInt32(at + SiginfoPoll.offset.si_band, info.band, true);
      to.setInt32(at + SiginfoPoll.offset.si_fd, info.fd, true);
      break;
    case "child":
      writeSender(to, at, info);
      to.setInt32(at + SiginfoChild.offset.si_status, info.status, true);
      put64(to, at + SiginfoChild.offset.si_utime, info.userTicks);
      put64(to, at + SiginfoChild.offset.si_stime, info.systemTicks);
      break;
    default:
      writeSender(to, at, info);
      writeValue(to, at, info);
  }
}

/** The sender's number and user are told in the receiver's words; all else is as it came. */
function writeGiven(to: DataView, at: number, info: SignalInfo, given: Uint8Array): void {
  for (let index = 0; index < given.length; index++) to.setUint8(at + GIVEN + index, given[index]!);
  const layout = siginfoLayout(info.signal, info.code);
  if (layout === "sender" || layout === "value" || layout === "child") writeSender(to, at, info);
}

function writeSender(to: DataView, at: number, info: SignalInfo): void {
  to.setInt32(at + SiginfoSender.offset.si_pid, info.pid, true);
  to.setUint32(at + SiginfoSender.offset.si_uid, info.uid, true);
}

function writeValue(to: DataView, at: number, info: SignalInfo): void {
  to.setUint32(at + SiginfoSender.offset.si_value, info.valueLow, true);
  to.setUint32(at + SiginfoSender.offset.si_value + 4, info.valueHigh, true);
}
