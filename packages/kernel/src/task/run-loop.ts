/**
 * How tasks run: the loop between the processor and the kernel.
 *
 *     runTasks ── pick ──► runSlice ── switchTo ──► processor.run(fuel) ──┐ a trap: handleTrap (page fault, SIGILL …)
 *        ▲                    ▲                                           │ ecall: handleEcall ─► the call's row
 *        └── turn is over ────┴── slice is over, task sleeps or ended ◄───┘
 *
 * - A machine that is replayed may stand in the midst of a slice (stops.ts), which then goes on as if it had not.
 * - A slice ends by its instructions (fuel), by the calls' work (ground/call-work.ts), by a sleep, or when a better
 *   task wants to run. Registers of the task on the hart are the hart's; `saveTo` gives them back when it ends.
 * - A call that must wait returns BLOCKED and its kin and is executed *again* when its task runs: what it keeps
 *   meanwhile is `task.syscallState`; no JavaScript stack waits. `pc` moves behind the `ecall` when the call is done.
 * - Signals are delivered here alone, before a task goes on in user mode.
 *
 * Read next: call-work.ts (bounds), wait-queue.ts (results of calls that wait), deliver-signals.ts.
 */
import {
  BUS_ADRALN,
  ENOSYS,
  ILL_ILLOPC,
  PAGE_SIZE,
  SEGV_ACCERR,
  SEGV_MAPERR,
  SIGBUS,
  SIGILL,
  SIGSEGV,
  SIGTRAP,
  SI_KERNEL,
  SYSCALL_NUMBERS,
  TRAP_BRKPT,
  RLIMIT_CPU,
} from "@stratos/abi";
import { ExitReason, HART_FAULT, HART_PC } from "@stratos/riscv";
import { tellOutOfMemory } from "./oom-killer.ts";
import type { Kernel } from "./kernel-state.ts";
import { USER_TOP, WIDE_TOP } from "../mm/address-space.ts";
import { addressOfEntry } from "../mm/page-table.ts";
import { handlePageFault, isAwaited, isAwaitedToWrite, isBorrowed, type BadAccess } from "../mm/page-fault.ts";
import { deliverSignals, forceSignal, isToDie } from "./deliver-signals.ts";
import { signalInfo } from "../signal/pending-signals.ts";
import { fatalSignal, hasDeliverableSignal, isToldOfSignal, setBlocked } from "../signal/send-signal.ts";
import { expireCpuTimers } from "./cpu-timers.ts";
import { CALL_NS, FAULT_NS, WORK_UNIT_NS } from "../time/turn-clock.ts";
import { exitGroup, exitGroupTold, exitTask } from "./exit.ts";
import { endAsking } from "../vfs/fanotify-marks.ts";
import { continueEnding } from "../vfs/mount-lifetime.ts";
import { isFetched } from "./fetched-instruction.ts";
import { settleRseq } from "./rseq.ts";
import { RSEQ_DISTURBED, type Task } from "./task.ts";
import { reportUnknown } from "./unknown-calls.ts";
import {
  BLOCKED,
  BLOCKED_EINTR,
  BLOCKED_KILLABLE,
  BLOCKED_RESTART,
  NO_RETURN,
  UNFINISHED,
} from "../ground/wait-queue.ts";
import { answerOf } from "./seccomp-listener.ts";
import { ALLOWED, ASKED, checkSeccomp } from "./seccomp-check.ts";
import { A0 } from "./hart-registers.ts";
import { awaitPage } from "./awaited-page.ts";
import { takesCall } from "./call-dispatch.ts";
import { hideHeldFiles, holdFiles, releaseHeldFiles, showHeldFiles } from "./held-files.ts";
import { standsAtEntry, standsAtExit, standsBehindCall, standsInCall, type Tracing } from "./tracing.ts";

/** Instructions that a task runs before others get their turn. */
const SLICE = 1_000_000;
/** Rough speed, to size slices towards the next timer: instructions per nanosecond. */
const SPEED = 0.4;

/** `runTasks`: the machine stands in the midst of a slice; the next call goes on there. */
export const STANDS = -2;

/**
 * Runs tasks until none is runnable, `untilNs` has passed, the calls' work of a turn is done, or the machine stopped.
 *
 * @returns monotonic time at which a timer wants to be served (Infinity: none) when all tasks sleep; −1 when some still
 *   want to run; STANDS
 */
export function runTasks(kernel: Kernel, untilNs: number): number {
  const { scheduler, timers, work } = kernel;
  const stopped = kernel.stops?.takeSlice() ?? null;
  if (stopped === null) {
    kernel.turn.resume();
    kernel.followHostClock();
  } else if (!continueSlice(kernel, stopped.task, stopped.fuel, stopped.before)) return STANDS;
  for (;;) {
    const now = kernel.now();
    if (timers.nextNs <= now) timers.expire(now);
    if (kernel.isStopped) return Infinity;
    if (kernel.stops?.isTurnOver === true) return -1;
    if (now >= untilNs || work.isTurnUsed) return scheduler.hasRunnable || hasWork(kernel) ? -1 : timers.nextNs;
    let hasWorked = kernel.reaper.run();
    if (kernel.vfs.ending.size > 0 && continueEnding(kernel)) hasWorked = true;
    if (kernel.uring?.run()) hasWorked = true;
    const task = scheduler.pick();
    if (task === null && hasWorked) continue;
    if (task === null) return timers.nextNs;
    if (!runSlice(kernel, task, now)) return STANDS;
  }
}

/** Is something to be done for no task? */
function hasWork({ reaper, uring, vfs }: Kernel): boolean {
  return reaper.hasWork || vfs.ending.size > 0 || uring?.hasWork === true;
}

/** One turn of one task. @returns false when it stands in its midst */
function runSlice(kernel: Kernel, task: Task, now: number): boolean {
  const { scheduler, processor, timers } = kernel;
  switchTo(kernel, task);
  scheduler.mustSwitch = false;
  kernel.turn.begin(now);
  kernel.work.sliceSpent = 0;
  if (task.syscallNumber >= 0) resumeSyscall(kernel, task);
  const before = processor.statistics.instructions;
  const untilTimer = timers.nextNs === Infinity ? SLICE : Math.max(20_000, Math.ceil((timers.nextNs - now) * SPEED));
  let fuel = Math.min(SLICE, untilTimer);
  if (kernel.disturber !== null) fuel = kernel.disturber.fuelFor(task, fuel);
  return continueSlice(kernel, task, fuel, before);
}

/**
 * @param fuel  instructions left of the slice
 * @param before  those retired at its beginning
 */
function continueSlice(kernel: Kernel, task: Task, fuel: number, before: number): boolean {
  const { scheduler, processor, stops } = kernel;
  for (;;) {
    if (task.hasWork && task.syscallNumber < 0) deliverSignals(task);
    if (task.state !== "R" || scheduler.mustSwitch) break;
    if (task.syscallNumber >= 0) {
      // A stop or an ignored signal woke it: the call goes on waiting.
      resumeSyscall(kernel, task);
      continue;
    }
    if (task.rseqWork !== 0) {
      if (!settleRseq(task)) forceSignal(task, signalInfo(SIGSEGV, SI_KERNEL));
      if (task.hasWork) continue;
    }
    kernel.codeChanged = false;
    const start = processor.statistics.instructions;
    const reason = stops === null ? processor.run(fuel) : stops.run(task, fuel);
    fuel -= processor.statistics.instructions - start;
    if (reason === ExitReason.STOP) {
      stops!.keepSlice({ task, fuel, before });
      return false;
    }
    if (reason === ExitReason.BUDGET) break;
    if (reason !== ExitReason.ECALL) {
      if (showPage(kernel, task, reason)) continue;
      handleTrap(kernel, task, reason);
    }
    // Who looks at what a call has done ends no slice.
    if (fuel <= 0 && stops?.isLooking !== true) break;
    if (stops !== null) stops.isLooking = false;
  }
  endSlice(kernel, task, before);
  return true;
}

function endSlice(kernel: Kernel, task: Task, before: number): void {
  const { scheduler, processor, hart } = kernel;
  const elapsed = kernel.turn.end(task);
  task.instructions += processor.statistics.instructions - before;
  scheduler.turnEnded(task, elapsed);
  const holdNs = kernel.disturber === null ? 0 : kernel.disturber.turnEnded(task);
  if (task.state === "R") {
    task.involuntarySwitches++;
    if (holdNs > 0) scheduler.hold(task, kernel.now() + holdNs);
    else scheduler.enqueue(task);
  } else task.voluntarySwitches++;
  const left = scheduler.runnableCount;
  scheduler.load.turnEnded(kernel.turn.startNs, kernel.turn.endNs, task.queueIndex >= 0 ? left : left + 1, left);
  if (task.state !== "X" && task.state !== "Z") {
    hart.saveTo(task.registers);
  }
  scheduler.current = null;
  if (
    task.cpuTimers !== null ||
    task.userTimers !== null ||
    task.group.cpuTimers !== null ||
    task.group.userTimers !== null ||
    task.group.limits[RLIMIT_CPU]!.soft !== Infinity
  )
    expireCpuTimers(task);
}

/**
 * The slice that the machine stands in is over: its task waits for its next turn. For a machine that does something
 * else from here on.
 */
export function leaveStoppedSlice(kernel: Kernel): void {
  const slice = kernel.stops?.takeSlice() ?? null;
  kernel.stops = null;
  if (slice !== null) endSlice(kernel, slice.task, slice.before);
}

function switchTo(kernel: Kernel, task: Task): void {
  const { scheduler, hart } = kernel;
  hart.loadFrom(task.registers);
  hart.dropReservation();
  kernel.slots.activate(task.space);
  if (kernel.lastTask !== task) {
    kernel.contextSwitches++;
    if (task.rseqAddress !== 0) task.rseqWork |= RSEQ_DISTURBED;
  }
  kernel.lastTask = task;
  scheduler.begin(task);
}

/**
 * Shows translated code a page that it may touch as the page tables have it, or could but for a fork of the machine:
 * that is no trap of the program's. It ends neither a slice nor an LR/SC pair and is not counted, so that a machine
 * does the same whether it was forked or not.
 *
 * @returns false: it is a trap
 */
function showPage(kernel: Kernel, task: Task, reason: ExitReason): boolean {
  const { space } = task;
  if (reason === ExitReason.FETCH) {
    const address = fetchAddress(kernel);
    return kernel.hart.hasNearPc && space.table.get(address) !== 0 && handlePageFault(space, address, "execute") === 0;
  }
  if (reason !== ExitReason.MEMORY || !isFetched(kernel, space)) return false;
  const { va, size, kind } = kernel.processor.faultingAccess();
  if (kind === "load" || !(va >= 0)) return false;
  let isShown = false;
  for (const address of [va, va + size - 1]) {
    if (!isBorrowed(space, address)) continue;
    const from = space.table.get(address);
    if (handlePageFault(space, address, "write") !== 0) return false;
    if (space.isWide) kernel.hart.moveReservation(addressOfEntry(from), addressOfEntry(space.table.get(address)));
    isShown = true;
  }
  return isShown;
}

/** What a FETCH exit wants to be there. */
function fetchAddress({ hart, physical }: Kernel): number {
  return hart.hasNearPc ? physical.u32[HART_FAULT >> 2]! : hart.pc;
}

/** A trap that is no system call. */
function handleTrap(kernel: Kernel, task: Task, reason: ExitReason): void {
  const { hart, physical } = kernel;
  hart.dropReservation();
  kernel.turn.spendInKernel(FAULT_NS);
  switch (reason) {
    case ExitReason.MEMORY:
      return handleMemoryTrap(kernel, task);
    case ExitReason.FETCH: {
      const address = fetchAddress(kernel);
      const bad = handlePageFault(task.space, address, "execute");
      if (bad !== 0) raiseFault(task, bad, physical.u32[(hart.hasNearPc ? HART_FAULT : HART_PC) >> 2]!, hart.pcHigh);
      return;
    }
    case ExitReason.FENCE:
      return fenceInstructions(kernel, task);
    case ExitReason.ILLEGAL:
      noteVector(task);
      return forceSignal(task, signalInfo(SIGILL, ILL_ILLOPC, { valueLow: physical.u32[HART_PC >> 2]! }));
    case ExitReason.BREAKPOINT:
      return forceSignal(task, signalInfo(SIGTRAP, TRAP_BRKPT, { valueLow: physical.u32[HART_PC >> 2]! }));
  }
}

/** `fence.i` does what riscv_flush_icache(2) does, and its work counts as that call's. */
function fenceInstructions({ work, scheduler }: Kernel, task: Task): void {
  work.begin();
  task.space.forgetWrittenCode();
  work.end(SYS_RISCV_FLUSH_ICACHE);
  if (work.isSliceUsed) scheduler.mustSwitch = true;
}

const SYS_RISCV_FLUSH_ICACHE = SYSCALL_NUMBERS.get("riscv_flush_icache")!;

function handleMemoryTrap(kernel: Kernel, task: Task): void {
  const { processor } = kernel;
  const { space } = task;
  if (!isFetched(kernel, task.space)) {
    const { pc } = kernel.hart;
    const bad = handlePageFault(task.space, pc, "execute");
    return bad === 0 ? undefined : raiseFault(task, bad, pc, 0);
  }
  const access = processor.faultingAccess();
  const kind = access.kind === "load" ? "read" : "write";
  const misaligned = access.va % access.size !== 0;
  const first = access.va;
  const last = first + access.size - 1;
  if (!(first >= 0 && last < (space.isWide ? WIDE_TOP : USER_TOP)))
    return raiseAccessFault(kernel, task, { signal: SIGSEGV, code: SEGV_MAPERR }, 0);
  if (!misaligned) {
    const bad = handlePageFault(space, first, kind);
    if (bad !== 0) raiseAccessFault(kernel, task, bad, 0);
    return;
  }
  // Where it reaches into the next page, that part's address is reported (Privileged ISA §3.1.16, mtval).
  for (const address of [first, Math.max(first, last - (last % PAGE_SIZE))]) {
    if (space.translate(address, kind === "write") < 0) {
      const bad = handlePageFault(space, address, kind) || { signal: SIGSEGV, code: SEGV_ACCERR };
      return raiseAccessFault(kernel, task, bad, address - first);
    }
  }
  if (processor.emulateMisaligned((va) => space.translate(va, kind === "write")) !== 0)
    raiseAccessFault(kernel, task, { signal: SIGBUS, code: BUS_ADRALN }, 0);
}

/** @param offset  into the access */
function raiseAccessFault({ processor }: Kernel, task: Task, bad: BadAccess, offset: number): void {
  const [low, high] = processor.faultingAddress();
  raiseFault(task, bad, low + offset, low + offset > 0xffffffff ? high + 1 : high);
}

/** Says once for each program why it ends: an instruction of V, which the processor doesn't have. */
function noteVector(task: Task): void {
  const { kernel, space } = task;
  const { pc } = kernel.hart;
  const instruction = space.loadU32(pc);
  if (space.hasMetVector || instruction < 0 || !isVector(instruction)) return;
  space.hasMetVector = true;
  const at = `${instruction.toString(16)} at ${pc.toString(16)}`;
  kernel.log(`${task.name}[${task.tid}]: vector instruction ${at}: this processor has no V extension`);
}

/** OP-V, or a load or store of floating point whose width is a vector's (V 1.0, §5 and §7.3). */
function isVector(instruction: number): boolean {
  const opcode = instruction & 0x7f;
  const width = (instruction >>> 12) & 7;
  return opcode === 0x57 || ((opcode === 0x07 || opcode === 0x27) && (width === 0 || width >= 5));
}

/** @param low, high  of the address: that of a wild access has 64 bits, whatever of them the processor looked at */
function raiseFault(task: Task, bad: BadAccess, low: number, high: number): void {
  if (isAwaited(bad)) return awaitPage(task, high * 2 ** 32 + (low >>> 0), isAwaitedToWrite(bad));
  if (bad.signal === 9) {
    tellOutOfMemory(task.group, `${task.name}[${task.tid}] ended`);
    exitGroup(task, 9);
  } else forceSignal(task, signalInfo(bad.signal, bad.code, { valueLow: low >>> 0, valueHigh: high >>> 0 }));
}

// ---- System calls

/** The processor's `onTlbMiss` hook. A page that is resident needs no trap. */
export function handleTlbMiss(kernel: Kernel, address: number, forWrite: boolean): boolean {
  return kernel.scheduler.current!.space.republish(address, forWrite);
}

/**
 * The processor's `onEcall` hook: executes the call whose number is in a7. Returns 0 to go on after the `ecall`, 1 to
 * leave translated code.
 */
export function handleEcall(kernel: Kernel): number {
  const task = kernel.scheduler.current!;
  const { hart } = kernel;
  const number = hart.get(17);
  if (task.callDispatch !== null && takesCall(task, task.callDispatch, number)) return 1;
  if (task.tracing !== null && standsAtEntry(task, task.tracing, number)) return 1;
  return beginCall(kernel, task, number);
}

function beginCall(kernel: Kernel, task: Task, number: number): number {
  if (task.seccomp !== null && !task.tracing?.suspendsSeccomp) {
    const verdict = checkSeccomp(task, task.seccomp, number);
    if (verdict === ASKED) return 1;
    if (verdict !== ALLOWED) return finish(kernel, task, number, verdict);
  }
  // The tracer takes the call back, and may have chosen a result (arch/riscv/kernel/traps.c, do_trap_ecall_u).
  if (number === -1 && task.tracing?.choseResult) return finish(kernel, task, number, kernel.hart.get(A0));
  if (task.tracing !== null && (number === SYS_EXIT || number === SYS_EXIT_GROUP)) {
    const status = (kernel.hart.get(A0) & 0xff) << 8;
    // The other threads end before this one stands.
    if (number === SYS_EXIT_GROUP && task.group.tasks.length > 1) {
      exitGroupTold(task, status);
      return 1;
    }
    if (standsAtExit(task, task.tracing, status)) return 1;
  }
  const result = invoke(kernel, task, number);
  kernel.stops?.afterCall(task);
  return finish(kernel, task, number, result);
}

function invoke(kernel: Kernel, task: Task, number: number): number {
  const { hart, work } = kernel;
  kernel.syscallCount++;
  const row = kernel.calls[number];
  if (row === undefined) {
    reportUnknown(kernel, number);
    return -ENOSYS;
  }
  const a0 = hart.get(10),
    a1 = hart.get(11),
    a2 = hart.get(12),
    a3 = hart.get(13),
    a4 = hart.get(14),
    a5 = hart.get(15);
  work.begin();
  const held = task.heldFiles;
  if (held !== null) showHeldFiles(task, held);
  const result =
    kernel.disturber === null
      ? row.run(task, a0, a1, a2, a3, a4, a5)
      : kernel.disturber.call(row, task, number, { a0, a1, a2, a3, a4, a5 });
  if (held !== null) hideHeldFiles(task, held);
  work.end(number);
  kernel.turn.spendInKernel(CALL_NS + work.spent * WORK_UNIT_NS);
  // One that waits must sleep first, or it would miss that it is woken: then between slices.
  if (kernel.uring?.isDue && result > BLOCKED) kernel.uring.run();
  if (work.isSliceUsed) kernel.scheduler.mustSwitch = true;
  if (kernel.onSyscall === null || result === UNFINISHED) return result;
  kernel.onSyscall(
    task,
    number,
    [a0, a1, a2, a3, a4, a5],
    result <= BLOCKED && result !== NO_RETURN ? undefined : result,
  );
  return result;
}

function finish(kernel: Kernel, task: Task, number: number, result: number): number {
  const { hart, physical } = kernel;
  const { tracing } = task;
  if (result === BLOCKED_KILLABLE && tracing !== null && standsInCall(task, tracing, number)) return 1;
  if (result === BLOCKED || result === BLOCKED_EINTR || result === BLOCKED_KILLABLE || result === BLOCKED_RESTART) {
    if (task.files.users > 1 && task.heldFiles === null) holdFiles(task, number);
    task.syscallNumber = number;
    task.blockedKind = result;
    // A signal that is there already must not be slept over.
    const isOver = result === BLOCKED_KILLABLE ? fatalSignal(task) > 0 : isToldOfSignal(task);
    if (isOver || task.group.exitStatus !== null) {
      task.endWait("signal");
      task.wakeReason = "signal";
      task.hasWork = true;
      return 1;
    }
    task.state = "S";
    if (task.deadlineNs !== Infinity) kernel.scheduler.armDeadline(task);
    return 1;
  }
  if (result === UNFINISHED) {
    if (task.files.users > 1 && task.heldFiles === null) holdFiles(task, number);
    task.syscallNumber = number;
    task.blockedKind = UNFINISHED;
    kernel.onUnfinished?.(kernel.work.spent);
    kernel.scheduler.mustSwitch = true;
    return 1;
  }
  // A signal with a handler may have come while it went on in pieces.
  if (task.blockedKind === UNFINISHED && task.syscallNumber >= 0 && hasDeliverableSignal(task)) task.hasWork = true;
  if (result !== NO_RETURN) hart.set(A0, result);
  if (tracing !== null && task.state === "R") standsBehindCall(task, tracing);
  task.syscallState = null;
  if (task.heldFiles !== null) releaseHeldFiles(task);
  if (task.permissions !== null) endAsking(task);
  task.waitedSignals = null;
  if (result === NO_RETURN) {
    task.syscallNumber = -1;
    return 1;
  }
  if (task.savedMask !== null && !isToldOfSignal(task)) {
    setBlocked(task, task.savedMask);
    task.savedMask = null;
    task.hasWork = true;
  }
  if (
    task.syscallNumber < 0 &&
    !task.hasWork &&
    !kernel.scheduler.mustSwitch &&
    !kernel.codeChanged &&
    task.state === "R"
  ) {
    if (kernel.stops === null || !kernel.stops.takeLook()) return 0;
    kernel.stops.isLooking = true;
  }
  task.syscallNumber = -1;
  physical.u32[HART_PC >> 2] = physical.u32[HART_PC >> 2]! + 4;
  return 1;
}

/** A tracee that stood goes on: it begins a call, or looks at its signals before it begins an interrupted one again. */
function resumesTracee(kernel: Kernel, task: Task, tracing: Tracing): boolean {
  const { call } = tracing;
  if (call !== "entering" && call !== "interrupted") return false;
  if (task.hasWork && (call === "interrupted" || isToDie(task))) {
    deliverSignals(task);
    if (task.syscallNumber < 0 || task.state !== "R") return true;
  }
  // The tracer may have chosen another call.
  const number = kernel.hart.get(17);
  if (call === "interrupted") return standsAtEntry(task, tracing, number);
  tracing.call = "inside";
  beginCall(kernel, task, number);
  return true;
}

const SYS_EXIT = SYSCALL_NUMBERS.get("exit")!,
  SYS_EXIT_GROUP = SYSCALL_NUMBERS.get("exit_group")!;

/**
 * Executes a call that was blocked once more. What it waited for comes before a signal that came with it (a child's end
 * and its exit signal); when it still has to wait, `deliverSignals` ends or restarts it.
 */
function resumeSyscall(kernel: Kernel, task: Task): void {
  const number = task.syscallNumber;
  if (task.endsWith >= 0) return exitTask(task, task.endsWith);
  if (task.tracing !== null && resumesTracee(kernel, task, task.tracing)) return;
  if (task.hasWork && task.blockedKind === UNFINISHED) {
    deliverSignals(task);
    if (task.syscallNumber < 0 || task.state !== "R") return;
  } else if (task.hasWork && task.blockedKind === BLOCKED_KILLABLE) {
    const fatal = fatalSignal(task);
    if (fatal > 0) return exitGroupTold(task, fatal);
  } else if (task.hasWork) {
    if ((task.blockedKind === BLOCKED || task.waitedSignals !== null) && task.group.exitStatus === null) {
      const early = executeAgain(kernel, task, number);
      if (early !== task.blockedKind) {
        finish(kernel, task, number, early);
        return;
      }
      task.endWait("signal");
    }
    deliverSignals(task);
    if (task.syscallNumber < 0 || task.state !== "R") return;
  }
  const result = executeAgain(kernel, task, number);
  finish(kernel, task, number, result);
  task.wakeReason = "none";
}

/** A call for which a listener is asked has not begun (seccomp-listener.ts). */
function executeAgain(kernel: Kernel, task: Task, number: number): number {
  if (task.notification !== null) {
    const answer = answerOf(task);
    if (answer !== 0) return answer;
  }
  return invoke(kernel, task, number);
}
