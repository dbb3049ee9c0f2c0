/**
 * Goal: what a signal does to the task on the hart (signal(7), sigaction(2)): handlers and frames, defaults, calls that
 * it interrupts. Method: a task with real memory and registers, but no processor; a return is the system call.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  EINTR,
  ENOMEM,
  EPERM,
  MAP_ANONYMOUS,
  MAP_PRIVATE,
  PROT_READ,
  PROT_WRITE,
  RLIMIT_CORE,
  SA_NODEFER,
  SA_ONSTACK,
  SA_RESETHAND,
  SA_RESTART,
  SIGABRT,
  SIGCHLD,
  SIGCONT,
  SIGKILL,
  SIGSEGV,
  SIGSTOP,
  SIGTERM,
  SIGTSTP,
  SIGUSR1,
  SIGUSR2,
  SI_TKILL,
  SI_USER,
} from "@stratos/abi";
import type { Kernel } from "./kernel-state.ts";
import { mmap } from "../mm/mmap.ts";
import { futexWait, futexWake } from "./futex.ts";
import { createTestTask } from "../testing/fake-task.ts";
import { createMemoryTask } from "../testing/memory-task.ts";
import { call } from "../testing/system-calls.ts";
import type { Task } from "./task.ts";
import { BLOCKED, BLOCKED_EINTR, BLOCKED_RESTART } from "../ground/wait-queue.ts";
import { deliverSignals, forceSignal } from "./deliver-signals.ts";
import { signalInfo } from "../signal/pending-signals.ts";
import { sendSignalToTask } from "../signal/send-signal.ts";

const RA = 1,
  SP = 2,
  A0 = 10;
const HANDLER = 0x12340,
  PROGRAM = 0x56780;
/** Offsets of the frame: ucontext, its stack, its mask, pc (x1 … x31 follow), fcsr. */
const UCONTEXT = 128,
  STACK = 144,
  MASK = 168,
  PC = 304,
  FCSR = 816,
  FRAME_SIZE = 1088;
const READ_CALL = 63,
  FUTEX_CALL = 98;

interface Running {
  kernel: Kernel;
  task: Task;
  space: Task["space"];
  /** Top of its stack; below lie 16 KiB, the lowest 4 of which are for structures. */
  top: number;
  notes: number;
}

function createRunning(): Running {
  const { kernel, task, space } = createMemoryTask();
  const notes = mmap(task, {
    address: 0,
    length: 20480,
    protection: PROT_READ | PROT_WRITE,
    flags: MAP_PRIVATE | MAP_ANONYMOUS,
    file: null,
    offset: 0,
  });
  const top = notes + 20480;
  for (let register = 3; register < 32; register++) kernel.hart.set(register, register * 0x100000001);
  kernel.hart.set(SP, top);
  kernel.hart.set(RA, 0x777);
  kernel.hart.pc = PROGRAM;
  kernel.hart.fcsr = 0b011_10101;
  task.group.limits[RLIMIT_CORE] = { ...task.group.limits[RLIMIT_CORE]!, soft: 0 };
  return { kernel, task, space, top, notes };
}

const bit = (signal: number): number => 2 ** (signal - 1);

function handle({ task, space, notes }: Running, signal: number, flags = 0, mask = 0, handler = HANDLER): void {
  space.storeU64(notes, handler);
  space.storeU64(notes + 8, flags);
  space.storeU64(notes + 16, mask);
  assert.equal(call(task, "rt_sigaction", signal, notes, 0, 8), 0);
}

function raise({ task }: Running, ...signals: number[]): void {
  for (const signal of signals) call(task, "tgkill", task.pid, task.tid, signal);
  deliverSignals(task);
}

const registers = ({ hart }: Kernel): number[] => Array.from({ length: 31 }, (_, index) => hart.get(index + 1));

test("a handler starts on the task's stack with its signal, siginfo and context, and returns to where it was", () => {
  const running = createRunning();
  const { kernel, task, space, top } = running;
  const { hart } = kernel;
  task.blocked.add(SIGTERM);
  handle(running, SIGUSR1, 0, bit(SIGUSR2) + bit(SIGKILL));
  const before = registers(kernel);
  raise(running, SIGUSR1);
  const frame = hart.get(SP);
  assert.ok(frame <= top - FRAME_SIZE && frame > top - FRAME_SIZE - 32 && frame % 16 === 0);
  assert.deepEqual(
    [hart.pc, hart.get(A0), hart.get(A0 + 1), hart.get(A0 + 2)],
    [HANDLER, SIGUSR1, frame, frame + UCONTEXT],
  );
  assert.deepEqual(
    [0, 4, 8, 16, 20].map((offset) => space.loadU32(frame + offset) | 0),
    [SIGUSR1, 0, SI_TKILL, task.pid, 0],
  );
  assert.equal(space.loadU64(frame + MASK), bit(SIGTERM), "the mask to go back to");
  assert.equal(space.loadU64(frame + PC), PROGRAM);
  assert.deepEqual(
    before.map((_, index) => space.loadU64(frame + PC + 8 + index * 8)),
    before,
  );
  assert.equal(space.loadU32(frame + FCSR), 0b011_10101);
  assert.deepEqual(
    [SIGUSR1, SIGUSR2, SIGTERM, SIGKILL].map((signal) => task.blocked.has(signal)),
    [true, true, true, false],
  );

  for (let register = 3; register < 32; register++) hart.set(register, 0);
  hart.fcsr = 0;
  call(task, "rt_sigreturn");
  assert.deepEqual([hart.pc, hart.fcsr], [PROGRAM, 0b011_10101]);
  assert.deepEqual(registers(kernel), before);
  assert.deepEqual([task.blocked.low, task.blocked.high], [bit(SIGTERM), 0]);
});

test("a handler may change where its task goes on, and with what it blocks, but never SIGKILL", () => {
  const running = createRunning();
  const { kernel, task, space } = running;
  handle(running, SIGUSR1);
  raise(running, SIGUSR1);
  const frame = kernel.hart.get(SP);
  space.storeU64(frame + PC, 0x9990);
  space.storeU64(frame + PC + 8 * A0, 55);
  space.storeU64(frame + MASK, bit(SIGKILL) + bit(SIGSTOP) + bit(SIGUSR2));
  call(task, "rt_sigreturn");
  assert.deepEqual([kernel.hart.pc, kernel.hart.get(A0)], [0x9990, 55]);
  assert.equal(task.blocked.low, bit(SIGUSR2));
  assert.equal(task.hasWork, true, "what is no longer blocked is looked at");
});

test("of several signals the last handler that is entered runs first and returns into the others", () => {
  const running = createRunning();
  const { kernel, task } = running;
  handle(running, SIGUSR1, 0, 0, 0x1110);
  handle(running, SIGUSR2, 0, 0, 0x2220);
  raise(running, SIGUSR2, SIGUSR1);
  const order = [kernel.hart.pc];
  for (let count = 0; count < 2; count++) {
    call(task, "rt_sigreturn");
    order.push(kernel.hart.pc);
  }
  assert.deepEqual(order, [0x2220, 0x1110, PROGRAM]);
});

test("SA_NODEFER lets the signal in again, SA_RESETHAND only once", () => {
  const running = createRunning();
  const { task } = running;
  handle(running, SIGUSR1, SA_NODEFER);
  raise(running, SIGUSR1);
  assert.equal(task.blocked.has(SIGUSR1), false);
  handle(running, SIGUSR2, SA_RESETHAND);
  raise(running, SIGUSR2);
  assert.equal(task.group.actions.get(SIGUSR2).handler, 0);
  assert.equal(task.group.actions.get(SIGUSR1).handler, HANDLER);
});

test("SA_ONSTACK takes the other stack from its top, unless the task is on it; its end is SIGSEGV", () => {
  const running = createRunning();
  const { kernel, task, space, notes } = running;
  const stack = notes + 4096;
  space.storeU64(notes + 64, stack);
  space.storeU64(notes + 72, 0);
  space.storeU64(notes + 80, 2048);
  assert.equal(call(task, "sigaltstack", notes + 64, 0), 0);
  handle(running, SIGUSR2);
  raise(running, SIGUSR2);
  assert.ok(kernel.hart.get(SP) > stack + 2048, "only who asks for it");
  call(task, "rt_sigreturn");
  handle(running, SIGUSR1, SA_ONSTACK | SA_NODEFER);
  raise(running, SIGUSR1);
  assert.equal(kernel.hart.get(SP), stack + 2048 - FRAME_SIZE);
  assert.deepEqual([space.loadU64(stack + 2048 - FRAME_SIZE + STACK), space.loadU64(notes + 80)], [stack, 2048]);
  assert.equal(call(task, "sigaltstack", notes + 64, 0), -EPERM);
  assert.equal(call(task, "sigaltstack", 0, notes + 64), 0);
  assert.equal(space.loadU32(notes + 72), 1, "SS_ONSTACK");
  // As a fault, it cannot be ignored.
  handle(running, SIGSEGV, 0, 0, 1);
  raise(running, SIGUSR1);
  assert.equal(task.group.exitStatus! & 0x7f, SIGSEGV);
});

test("an alternate stack is at least MINSIGSTKSZ, and may be switched off", () => {
  const running = createRunning();
  const { task, space, notes } = running;
  space.storeU64(notes, notes);
  space.storeU64(notes + 8, 0);
  space.storeU64(notes + 16, 2047);
  assert.equal(call(task, "sigaltstack", notes, 0), -ENOMEM);
  space.storeU64(notes + 8, 2);
  assert.equal(call(task, "sigaltstack", notes, notes), 0);
  assert.deepEqual(
    [0, 8, 16].map((offset) => space.loadU32(notes + offset)),
    [0, 2, 0],
  );
});

test("a handler whose stack is not there is SIGSEGV, and that ends the process", () => {
  const running = createRunning();
  const { kernel, task } = running;
  handle(running, SIGUSR1);
  kernel.hart.set(SP, 0x2000);
  raise(running, SIGUSR1);
  assert.equal(task.group.exitStatus, SIGSEGV);
});

test("without a handler a signal ends, stops, or does nothing", () => {
  const cases: [signal: number, expected: string][] = [
    [SIGTERM, "ends 15"],
    [SIGKILL, "ends 9"],
    [SIGABRT, "ends 6"],
    [34, "ends 34"],
    [SIGSTOP, "stops 19"],
    [SIGCHLD, "goes on"],
    [SIGCONT, "goes on"],
    // Nobody could continue the group: it is an orphan.
    [SIGTSTP, "goes on"],
  ];
  for (const [signal, expected] of cases) {
    const running = createRunning();
    const { task } = running;
    raise(running, signal);
    const { exitStatus, stopSignal } = task.group;
    const actual =
      exitStatus !== null ? `ends ${exitStatus & 0x7f}` : stopSignal > 0 ? `stops ${stopSignal}` : "goes on";
    assert.equal(actual, expected, `signal ${signal}`);
    assert.equal(task.state, actual === "goes on" ? "R" : stopSignal > 0 ? "T" : "Z");
  }
});

test("SIGTSTP stops a job of a shell, whose parent is told", () => {
  const running = createRunning();
  const { kernel, task } = running;
  const shell = createTestTask(kernel, task, { ownGroup: true }).task;
  const { group: job } = task;
  shell.group.parent = null;
  job.parent = shell.group;
  shell.group.children.add(job);
  shell.group.actions.set(SIGCHLD, { handler: HANDLER, flags: 0, restorer: 0, maskLow: 0, maskHigh: 0 });
  raise(running, SIGTSTP);
  assert.deepEqual([task.state, job.stopSignal, job.unreportedStop], ["T", SIGTSTP, SIGTSTP]);
  const info = shell.group.pending.take(() => true)!;
  assert.deepEqual([info.signal, info.pid, info.status], [SIGCHLD, job.pid, SIGTSTP]);
  // SA_NOCLDSTOP.
  call(shell, "kill", job.pid, SIGCONT);
  shell.group.pending.clear();
  shell.group.actions.set(SIGCHLD, { handler: HANDLER, flags: 1, restorer: 0, maskLow: 0, maskHigh: 0 });
  raise(running, SIGTSTP);
  assert.equal(task.state, "T");
  assert.equal(shell.group.pending.isEmpty, true);
});

test("a blocked signal waits, an ignored one goes", () => {
  const running = createRunning();
  const { kernel, task } = running;
  handle(running, SIGUSR1);
  task.blocked.add(SIGUSR1);
  raise(running, SIGUSR1);
  assert.equal(kernel.hart.pc, PROGRAM);
  assert.equal(task.pending.set.has(SIGUSR1), true);
  handle(running, SIGUSR1, 0, 0, 1);
  assert.equal(task.pending.set.has(SIGUSR1), false, "setting it to be ignored drops it");
  raise(running, SIGUSR1);
  assert.equal(kernel.hart.pc, PROGRAM);
});

test("a call that a handler interrupts fails with EINTR or is made again, by its kind and SA_RESTART", () => {
  const cases: [kind: number, flags: number, restarts: boolean][] = [
    [BLOCKED, 0, false],
    [BLOCKED, SA_RESTART, true],
    [BLOCKED_EINTR, SA_RESTART, false],
    [BLOCKED_RESTART, 0, true],
  ];
  for (const [kind, flags, restarts] of cases) {
    const running = createRunning();
    const { kernel, task, space } = running;
    handle(running, SIGUSR1, flags);
    kernel.hart.set(A0, 3);
    Object.assign(task, { syscallNumber: READ_CALL, blockedKind: kind, syscallState: {} });
    raise(running, SIGUSR1);
    assert.deepEqual([task.syscallNumber, task.syscallState], [-1, null]);
    const frame = kernel.hart.get(SP);
    assert.equal(space.loadU64(frame + PC), restarts ? PROGRAM : PROGRAM + 4);
    call(task, "rt_sigreturn");
    assert.equal(kernel.hart.get(A0), restarts ? 3 : -EINTR);
  }
});

test("a call tells itself with what it ends when a handler interrupts it", () => {
  const running = createRunning();
  const { kernel, task } = running;
  const given: number[] = [];
  const rows: Kernel["calls"][number][] = [];
  rows[READ_CALL] = {
    run: () => BLOCKED,
    interrupted: (_task, ...args) => {
      given.push(...args);
      return -77;
    },
  };
  kernel.calls = rows;
  handle(running, SIGUSR1);
  for (let index = 0; index < 6; index++) kernel.hart.set(A0 + index, 100 + index);
  Object.assign(task, { syscallNumber: READ_CALL, blockedKind: BLOCKED_EINTR });
  raise(running, SIGUSR1);
  assert.deepEqual(given, [100, 101, 102, 103, 104, 105]);
  call(task, "rt_sigreturn");
  assert.equal(kernel.hart.get(A0), -77);
});

test("the mask that sigsuspend had put in place ends with the handler", () => {
  const running = createRunning();
  const { task, space, notes } = running;
  handle(running, SIGUSR1);
  task.blocked.add(SIGUSR1);
  space.storeU64(notes + 64, bit(SIGTERM));
  task.syscallNumber = 133;
  task.blockedKind = BLOCKED_EINTR;
  Object.assign(task, { savedMask: task.blocked, blocked: task.blocked.without(task.blocked) });
  task.blocked.add(SIGTERM);
  raise(running, SIGUSR1);
  assert.equal(task.savedMask, null);
  call(task, "rt_sigreturn");
  assert.equal(task.blocked.low, bit(SIGUSR1));
});

test("a fault's signal can be neither blocked nor ignored", () => {
  for (const [isBlocked, handler] of [
    [true, HANDLER],
    [false, 1],
  ] as const) {
    const running = createRunning();
    const { task } = running;
    handle(running, SIGSEGV, 0, 0, handler);
    if (isBlocked) task.blocked.add(SIGSEGV);
    forceSignal(task, signalInfo(SIGSEGV, 1, { valueLow: 0x3456789a, valueHigh: 0x12 }));
    deliverSignals(task);
    assert.equal(task.group.exitStatus! & 0x7f, SIGSEGV);
  }
  const running = createRunning();
  handle(running, SIGSEGV);
  forceSignal(running.task, signalInfo(SIGSEGV, 1, { valueLow: 0x3456789a, valueHigh: 0x12 }));
  deliverSignals(running.task);
  const frame = running.kernel.hart.get(SP);
  assert.equal(running.space.loadU64(frame + 16), 0x123456789a);
  assert.ok(SI_USER === 0);
});

test("a waiter that was woken before the handler came is told so: the waker counts on it", () => {
  const running = createRunning();
  const { kernel, task, space, notes } = running;
  const word = notes + 8192;
  handle(running, SIGUSR1);
  for (const wait of [BLOCKED_EINTR, BLOCKED]) {
    const deadline = wait === BLOCKED ? Infinity : kernel.now() + 1e9;
    task.syscallState = null;
    task.syscallNumber = FUTEX_CALL;
    assert.equal(futexWait(task, word, 0, 1, deadline, false), wait);
    task.blockedKind = wait;
    kernel.hart.set(A0, word);
    kernel.hart.pc = PROGRAM;
    sendSignalToTask(task, signalInfo(SIGUSR1, SI_USER));
    assert.equal(futexWake(space, word, 1, 1, false), 1);
    deliverSignals(task);
    assert.equal(space.loadU64(kernel.hart.get(SP) + PC), PROGRAM + 4);
    assert.equal(space.loadU64(kernel.hart.get(SP) + PC + 8 * A0), 0);
  }
});
