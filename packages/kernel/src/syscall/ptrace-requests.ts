/** ptrace(2): the requests of a tracer. What a tracee does with them stands in task/tracing.ts. */
import {
  AUDIT_ARCH_RISCV64,
  CAP_SYS_ADMIN,
  CAP_SYS_PTRACE,
  EFAULT,
  EINVAL,
  EIO,
  EPERM,
  ESRCH,
  Iovec,
  NT_PRFPREG,
  NT_PRSTATUS,
  PTRACE_ATTACH,
  PTRACE_CONT,
  PTRACE_DETACH,
  PTRACE_EVENT_CLONE,
  PTRACE_EVENT_EXEC,
  PTRACE_EVENT_EXIT,
  PTRACE_EVENT_SECCOMP,
  PTRACE_EVENT_FORK,
  PTRACE_EVENT_STOP,
  PTRACE_EVENT_VFORK,
  PTRACE_EVENT_VFORK_DONE,
  PTRACE_GETEVENTMSG,
  PTRACE_GETREGSET,
  PTRACE_GETSIGINFO,
  PTRACE_GETSIGMASK,
  PTRACE_GET_RSEQ_CONFIGURATION,
  PTRACE_GET_SYSCALL_INFO,
  PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG,
  PTRACE_INTERRUPT,
  PTRACE_KILL,
  PTRACE_LISTEN,
  PTRACE_O_EXITKILL,
  PTRACE_O_SUSPEND_SECCOMP,
  PTRACE_O_TRACESYSGOOD,
  PTRACE_PEEKDATA,
  PTRACE_PEEKSIGINFO,
  PTRACE_PEEKSIGINFO_SHARED,
  PTRACE_PEEKTEXT,
  PTRACE_POKEDATA,
  PTRACE_POKETEXT,
  PTRACE_SECCOMP_GET_FILTER,
  PTRACE_SECCOMP_GET_METADATA,
  PTRACE_SEIZE,
  PTRACE_SETOPTIONS,
  PTRACE_SETREGSET,
  PTRACE_SETSIGINFO,
  PTRACE_SETSIGMASK,
  PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG,
  PTRACE_SYSCALL,
  PTRACE_SYSCALL_INFO_ENTRY,
  PTRACE_SYSCALL_INFO_EXIT,
  PTRACE_SYSCALL_INFO_NONE,
  PTRACE_SYSCALL_INFO_SECCOMP,
  PTRACE_TRACEME,
  PR_SYS_DISPATCH_OFF,
  PR_SYS_DISPATCH_ON,
  PtracePeeksiginfoArgs,
  PtraceRseqConfiguration,
  PtraceSudConfig,
  PtraceSyscallInfo,
  RiscvDState,
  SIGKILL,
  SIGRTMAX,
  SIGSTOP,
  SiginfoSender,
  SI_KERNEL,
  isErrno,
} from "@stratos/abi";
import { get64, getU64, put64 } from "../ground/words.ts";
import { pokeMemory, readForced } from "../mm/poke-memory.ts";
import { isCapabilitySubset, isCapable } from "../security/credentials.ts";
import { mayTrace } from "../security/landlock.ts";
import { signalInfo } from "../signal/pending-signals.ts";
import { sendSignalToTask } from "../signal/send-signal.ts";
import {
  A0,
  A1,
  A7,
  floatRegisterBytes,
  GENERAL_REGISTERS_SIZE,
  generalRegisterBytes,
  setFloatRegisterBytes,
  setGeneralRegisterBytes,
  SP,
} from "../task/hart-registers.ts";
import { leaveCall } from "../task/deliver-signals.ts";
import { loadSignalInfo, writeSignalInfo } from "../signal/siginfo.ts";
import { mayInspect } from "../task/task-access.ts";
import { setCallDispatch } from "../task/call-dispatch.ts";
import type { Task } from "../task/task.ts";
import {
  beginTracing,
  detach,
  chosenSignal,
  goOn,
  joinStop,
  oweStop,
  shownRestart,
  type Tracing,
} from "../task/tracing.ts";
import { readFilter, readFilterMetadata } from "./seccomp-requests.ts";
import { loadSet, storeSet } from "./signal-calls.ts";

const EVENTS = [
  PTRACE_EVENT_FORK,
  PTRACE_EVENT_VFORK,
  PTRACE_EVENT_CLONE,
  PTRACE_EVENT_EXEC,
  PTRACE_EVENT_VFORK_DONE,
  PTRACE_EVENT_EXIT,
  PTRACE_EVENT_SECCOMP,
];
const OWN_OPTIONS = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_SUSPEND_SECCOMP;
const OPTIONS = EVENTS.reduce((all, event) => all | (1 << event), OWN_OPTIONS);

export function ptrace(task: Task, request: number, pid: number, address: number, data: number): number {
  if (request === PTRACE_TRACEME) return traceMe(task);
  const target = task.kernel.tasks.taskIn(task.group.pidNamespace, pid | 0);
  if (target === undefined) return -ESRCH;
  if (request === PTRACE_ATTACH || request === PTRACE_SEIZE) {
    const isSeized = request === PTRACE_SEIZE;
    if (isSeized && (address !== 0 || !areOptions(data))) return -EIO;
    if (isSeized && refusesOptions(task, data)) return -EPERM;
    return attach(task, target, isSeized, isSeized ? data : 0);
  }
  const { tracing } = target;
  if (tracing === null || tracing.tracer !== task) return -ESRCH;
  if (request === PTRACE_KILL) return sendSignalToTask(target, signalInfo(SIGKILL, SI_KERNEL));
  if (request === PTRACE_INTERRUPT) {
    if (!tracing.isSeized) return -EIO;
    oweStop(target, tracing);
    return 0;
  }
  if (target.state !== "t") return -ESRCH;
  switch (request) {
    case PTRACE_PEEKTEXT:
    case PTRACE_PEEKDATA:
      return peek(task, target, address, data);
    case PTRACE_POKETEXT:
    case PTRACE_POKEDATA:
      return poke(task, target, address);
    case PTRACE_CONT:
    case PTRACE_SYSCALL:
    case PTRACE_DETACH:
      return resume(target, tracing, request, data);
    case PTRACE_SETOPTIONS:
      if (!areOptions(data)) return -EINVAL;
      if (refusesOptions(task, data)) return -EPERM;
      tracing.options = data;
      return 0;
    case PTRACE_GETEVENTMSG:
      return task.space.storeU64(data, tracing.stop!.message) < 0 ? -EFAULT : 0;
    case PTRACE_GETSIGINFO:
      return getSignalInfo(task, target, tracing, data);
    case PTRACE_PEEKSIGINFO:
      return peekSignals(task, target, address, data);
    case PTRACE_SETSIGINFO:
      return setSignalInfo(task, tracing, data);
    case PTRACE_GETREGSET:
    case PTRACE_SETREGSET:
      return moveRegisters(task, target, request === PTRACE_SETREGSET, address, data);
    case PTRACE_SECCOMP_GET_FILTER:
      return readFilter(task, target, address, data);
    case PTRACE_SECCOMP_GET_METADATA:
      return readFilterMetadata(task, target, address, data);
    case PTRACE_LISTEN:
      return listen(target, tracing);
    case PTRACE_GETSIGMASK:
    case PTRACE_SETSIGMASK:
      return moveMask(task, target, request === PTRACE_SETSIGMASK, address, data);
    case PTRACE_GET_SYSCALL_INFO:
      return getSyscallInfo(task, target, tracing, address, data);
    case PTRACE_GET_RSEQ_CONFIGURATION:
      return getRseq(task, target, address, data);
    case PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG:
      return getDispatch(task, target, address, data);
    case PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG:
      return setDispatch(task, target, address, data);
    default:
      // PTRACE_SINGLESTEP, too: riscv64 has none, debuggers step by breakpoints.
      return -EIO;
  }
}

function areOptions(data: number): boolean {
  return Number.isSafeInteger(data) && data >= 0 && data <= 0xffffffff && (data & ~OPTIONS) === 0;
}

/** Who is not filtered itself and rules the system may lift the filters of others (kernel/ptrace.c). */
function refusesOptions(task: Task, data: number): boolean {
  if ((data & PTRACE_O_SUSPEND_SECCOMP) === 0) return false;
  return !isCapable(task.credentials, CAP_SYS_ADMIN) || task.seccomp !== null || task.tracing?.suspendsSeccomp === true;
}

function traceMe(task: Task): number {
  const { parent, parentThread } = task.group;
  const tracer = parentThread ?? parent?.leader;
  if (task.tracing !== null || parent === null || tracer === undefined || parent.pid === 1) return -EPERM;
  // As security/commoncap.c, cap_ptrace_traceme: it doesn't give away more than its parent has.
  const own = task.credentials,
    other = tracer.credentials;
  const isEqual = own.userNamespace === other.userNamespace && isCapabilitySubset(own.permitted, other.permitted);
  if (!mayTrace(other.landlock, own.landlock)) return -EPERM;
  if (!isEqual && !isCapable(other, CAP_SYS_PTRACE, own.userNamespace)) return -EPERM;
  beginTracing(tracer, task, false, 0);
  return 0;
}

function attach(task: Task, target: Task, isSeized: boolean, options: number): number {
  const { group } = target;
  if (group === task.group || group.pid === 1 || target.tracing !== null) return -EPERM;
  if (mayInspect(task, target, "real") < 0) return -EPERM;
  const tracing = beginTracing(task, target, isSeized, options);
  if (target.state === "T") joinStop(target, tracing, group.stopSignal);
  else if (!isSeized) sendSignalToTask(target, signalInfo(SIGSTOP, SI_KERNEL));
  return 0;
}

function resume(target: Task, tracing: Tracing, request: number, signal: number): number {
  if (!(signal >= 0 && signal <= SIGRTMAX)) return -EIO;
  if (request === PTRACE_DETACH) {
    detach(target, tracing, chosenSignal(tracing, signal));
    return 0;
  }
  tracing.tracesCalls = request === PTRACE_SYSCALL;
  goOn(target, tracing, signal);
  return 0;
}

/** The stop of its process goes on, though its tracer hears when it ends. */
function listen(target: Task, tracing: Tracing): number {
  if (!tracing.isSeized || tracing.stop!.code >> 8 !== PTRACE_EVENT_STOP) return -EIO;
  tracing.listens = true;
  if (target.group.stopSignal !== 0) target.state = "T";
  else goOn(target, tracing, 0);
  return 0;
}

// ---- Memory

const WORD = 8;

function peek(task: Task, target: Task, address: number, data: number): number {
  const word = new Uint8Array(WORD);
  if (readForced(target.space, address, word) < WORD) return -EIO;
  return task.space.copyOut(data, word, 0, WORD);
}

/** The word to write is an argument, all 64 bits of it. */
function poke(task: Task, target: Task, address: number): number {
  const words = new Uint32Array(2);
  task.kernel.hart.copyWords(A3, words, 0);
  return pokeMemory(target.space, address, new Uint8Array(words.buffer)) < WORD ? -EIO : 0;
}

// ---- Signals

/** Of what is no signal, the sender is the tracee itself (kernel/signal.c, ptrace_do_notify). */
function getSignalInfo(task: Task, target: Task, { stop }: Tracing, data: number): number {
  const { code, info, kind } = stop!;
  if (kind === "group" && code >> 8 === 0) return -EINVAL;
  const bytes = new Uint8Array(SiginfoSender.size);
  const view = new DataView(bytes.buffer);
  if (info !== null) writeSignalInfo(view, 0, info);
  else {
    view.setInt32(SiginfoSender.offset.si_signo, code & 0x7f, true);
    view.setInt32(SiginfoSender.offset.si_code, code, true);
    view.setInt32(SiginfoSender.offset.si_pid, target.group.pidNamespace.idOf(target.tid), true);
    view.setUint32(SiginfoSender.offset.si_uid, target.credentials.uid, true);
  }
  return task.space.copyOut(data, bytes, 0, bytes.length);
}

/** @returns how many it copied, without taking them; −EFAULT, −EINVAL */
function peekSignals(task: Task, target: Task, address: number, data: number): number {
  const args = new Uint8Array(PtracePeeksiginfoArgs.size);
  if (task.space.copyIn(address, args, 0, args.length) < 0) return -EFAULT;
  const view = new DataView(args.buffer);
  const { offset } = PtracePeeksiginfoArgs;
  const flags = view.getUint32(offset.flags, true),
    count = view.getInt32(offset.nr, true),
    from = getU64(view, offset.off);
  if ((flags & ~PTRACE_PEEKSIGINFO_SHARED) !== 0 || count < 0) return -EINVAL;
  const { pending } = (flags & PTRACE_PEEKSIGINFO_SHARED) !== 0 ? target.group : target;
  for (let index = 0; index < count; index++) {
    const info = pending.at(from + index);
    if (info === undefined) return index;
    const bytes = new Uint8Array(SiginfoSender.size);
    writeSignalInfo(new DataView(bytes.buffer), 0, info);
    if (task.space.copyOut(data + index * bytes.length, bytes, 0, bytes.length) < 0) return index || -EFAULT;
  }
  return count;
}

function setSignalInfo(task: Task, { stop }: Tracing, data: number): number {
  const info = loadSignalInfo(task, task.kernel.scratch, data, null);
  if (isErrno(info)) return info;
  if (stop!.kind === "group" && stop!.code >> 8 === 0) return -EINVAL;
  stop!.info = info;
  return 0;
}

function moveMask(task: Task, target: Task, isSet: boolean, size: number, data: number): number {
  if (size !== 8) return -EINVAL;
  if (!isSet) return storeSet(task, data, target.savedMask ?? target.blocked);
  const mask = loadSet(task, data);
  if (mask === null) return -EFAULT;
  mask.deleteUnblockable();
  target.blocked = mask;
  return 0;
}

// ---- Registers

/** A signal has interrupted the call, which is about to be begun again: the exit of it was shown before, if at all. */
function isToRestart(target: Task): boolean {
  const { call, stop } = target.tracing!;
  return call === "interrupted" && stop!.kind !== "exit";
}

/**
 * As Linux has them: in a call the pc is behind the `ecall`, and at the exit of an interrupted one a0 says why. What is
 * to be begun again stands before it with its arguments, so that a debugger can bring it back after calls of its own
 * (arch/riscv/kernel/signal.c, arch_do_signal_or_restart).
 */
function shownRegisters(target: Task): Uint8Array {
  const bytes = generalRegisterBytes(target.registers);
  if (target.syscallNumber < 0 || isToRestart(target)) return bytes;
  const view = new DataView(bytes.buffer);
  const restart = shownRestart(target, view.getUint32(A1 * 8, true));
  view.setBigUint64(0, view.getBigUint64(0, true) + 4n, true);
  if (restart !== null) view.setBigInt64(A0 * 8, BigInt(restart), true);
  return bytes;
}

function moveRegisters(task: Task, target: Task, isSet: boolean, kind: number, vector: number): number {
  const base = task.space.loadU64(vector + Iovec.offset.iov_base);
  const length = task.space.loadU64(vector + Iovec.offset.iov_len);
  if (base < 0 || length < 0) return -EFAULT;
  if ((kind !== NT_PRSTATUS && kind !== NT_PRFPREG) || length % 8 !== 0) return -EINVAL;
  const isGeneral = kind === NT_PRSTATUS;
  const count = Math.min(length, isGeneral ? GENERAL_REGISTERS_SIZE : RiscvDState.size);
  const bytes = isGeneral ? shownRegisters(target) : floatRegisterBytes(target.registers);
  if (isSet) {
    const shown = bytes.slice();
    if (task.space.copyIn(base, bytes, 0, count) < 0) return -EFAULT;
    if (isGeneral) setGeneral(target, shown, bytes);
    else setFloatRegisterBytes(target.registers, bytes);
  } else if (task.space.copyOut(base, bytes, 0, count) < 0) return -EFAULT;
  return task.space.storeU64(vector + Iovec.offset.iov_len, count) < 0 ? -EFAULT : 0;
}

/** Who moves the pc out of an interrupted call, or chooses its result or its arguments, doesn't want it as it was. */
function setGeneral(target: Task, shown: Uint8Array, bytes: Uint8Array): void {
  const before = new DataView(shown.buffer),
    view = new DataView(bytes.buffer);
  const { call } = target.tracing!;
  const changes = (register: number): boolean =>
    view.getBigUint64(register * 8, true) !== before.getBigUint64(register * 8, true);
  if (call === "entering" && changes(A0)) target.tracing!.choseResult = true;
  const ofCall = isToRestart(target) ? [PC, A0, A0 + 1, A0 + 2, A3, A0 + 4, A0 + 5, A7] : [PC, A0];
  if (call === "interrupted" && ofCall.some(changes)) {
    leaveCall(target);
    if (target.savedMask !== null) target.blocked = target.savedMask;
    target.savedMask = null;
  } else if (target.syscallNumber >= 0 && !isToRestart(target)) {
    view.setBigUint64(0, view.getBigUint64(0, true) - 4n, true);
    if (call === "interrupted") bytes.set(target.registers.subarray(A0 * 8, A0 * 8 + 8), A0 * 8);
  }
  setGeneralRegisterBytes(target.registers, bytes);
}

/** kernel/ptrace.c, ptrace_get_rseq_configuration */
function getRseq(task: Task, target: Task, size: number, data: number): number {
  const { offset } = PtraceRseqConfiguration;
  const bytes = new Uint8Array(PtraceRseqConfiguration.size);
  const view = new DataView(bytes.buffer);
  put64(view, offset.rseq_abi_pointer, target.rseqAddress);
  view.setUint32(offset.rseq_abi_size, target.rseqLength, true);
  view.setUint32(offset.signature, target.rseqSignature, true);
  const count = size >= 0 && size < bytes.length ? size : bytes.length;
  return task.space.copyOut(data, bytes, 0, count) < 0 ? -EFAULT : bytes.length;
}

function getDispatch(task: Task, target: Task, size: number, data: number): number {
  const { offset } = PtraceSudConfig;
  if (size !== PtraceSudConfig.size) return -EINVAL;
  const bytes = new Uint8Array(PtraceSudConfig.size);
  const view = new DataView(bytes.buffer);
  const { callDispatch } = target;
  put64(view, offset.mode, callDispatch === null ? PR_SYS_DISPATCH_OFF : PR_SYS_DISPATCH_ON);
  put64(view, offset.selector, callDispatch?.selector ?? 0);
  put64(view, offset.offset, callDispatch?.offset ?? 0);
  put64(view, offset.len, callDispatch?.length ?? 0);
  return task.space.copyOut(data, bytes, 0, bytes.length);
}

function setDispatch(task: Task, target: Task, size: number, data: number): number {
  const { offset } = PtraceSudConfig;
  if (size !== PtraceSudConfig.size) return -EINVAL;
  const bytes = new Uint8Array(PtraceSudConfig.size);
  if (task.space.copyIn(data, bytes, 0, bytes.length) < 0) return -EFAULT;
  const view = new DataView(bytes.buffer);
  return setCallDispatch(target, get64(view, offset.mode), {
    offset: get64(view, offset.offset),
    length: get64(view, offset.len),
    selector: get64(view, offset.selector),
  });
}

function getSyscallInfo(task: Task, target: Task, { stop }: Tracing, size: number, data: number): number {
  const { offset } = PtraceSyscallInfo;
  const registers = shownRegisters(target);
  const bytes = new Uint8Array(PtraceSyscallInfo.size);
  const view = new DataView(bytes.buffer);
  const put = (at: number, register: number): void => bytes.set(registers.subarray(register * 8, register * 8 + 8), at);
  const { kind, code, message, info } = stop!;
  // What PTRACE_GETSIGINFO says tells calls apart, so they need PTRACE_O_TRACESYSGOOD (ptrace_get_syscall_info_op).
  const isCall = (code & 0x80) !== 0 && info === null;
  const isFiltered = code >> 8 === PTRACE_EVENT_SECCOMP;
  let actual: number = offset.nr;
  bytes[offset.op] = PTRACE_SYSCALL_INFO_NONE;
  view.setUint32(offset.arch, AUDIT_ARCH_RISCV64, true);
  put(offset.instruction_pointer, 0);
  put(offset.stack_pointer, SP);
  if ((kind === "entry" && isCall) || isFiltered) {
    bytes[offset.op] = isFiltered ? PTRACE_SYSCALL_INFO_SECCOMP : PTRACE_SYSCALL_INFO_ENTRY;
    put(offset.nr, A7);
    for (let index = 0; index < 6; index++) put(offset.args + index * 8, A0 + index);
    actual = offset.ret_data;
    if (isFiltered) {
      view.setUint32(actual, message, true);
      actual += 4;
    }
  } else if (kind === "exit" && isCall) {
    bytes[offset.op] = PTRACE_SYSCALL_INFO_EXIT;
    put(offset.nr, A0);
    bytes[offset.args] = getU64(view, offset.nr) >= 2 ** 64 - 4096 ? 1 : 0;
    actual = offset.args + 1;
  }
  const stored = task.space.copyOut(data, bytes, 0, Math.min(size, actual));
  return stored < 0 ? stored : actual;
}

/** The fourth argument; and where the pc stands among the registers that are shown. */
const A3 = A0 + 3,
  PC = 0;
