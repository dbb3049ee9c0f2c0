/**
 * Goal: eventfd(2), timerfd_create(2), signalfd(2), pidfd_open(2), poll(2) and select(2) as their pages say. Method:
 * fake tasks and virtual time.
 */
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import {
  CLOCK_MONOTONIC,
  CLOCK_PROCESS_CPUTIME_ID,
  CLOCK_REALTIME,
  EAGAIN,
  EBADF,
  ECANCELED,
  EFAULT,
  EFD_NONBLOCK,
  EFD_SEMAPHORE,
  EINVAL,
  ENOTTY,
  EPERM,
  ESRCH,
  FASYNC,
  FIOASYNC,
  F_GETFL,
  F_SETFL,
  F_SETOWN,
  O_NONBLOCK,
  POLLHUP,
  POLLIN,
  POLLNVAL,
  POLLOUT,
  SFD_NONBLOCK,
  SIGCHLD,
  SIGIO,
  SIGKILL,
  SIGUSR1,
  SI_QUEUE,
  SI_USER,
  TFD_NONBLOCK,
  TFD_TIMER_ABSTIME,
  TFD_TIMER_CANCEL_ON_SET,
} from "@stratos/abi";
import { ROOT } from "../security/credentials.ts";
import { signalInfo } from "../signal/pending-signals.ts";
import { sendSignalToProcess } from "../signal/send-signal.ts";
import { fileCalls } from "../syscall/file-calls.ts";
import { openCalls } from "../syscall/open-calls.ts";
import { eventFileCalls } from "../syscall/event-file-calls.ts";
import { pidfdCalls } from "../syscall/pidfd-calls.ts";
import { pollCalls } from "../syscall/poll-calls.ts";
import type { SyscallTable } from "../syscall/syscall-table.ts";
import type { Task } from "../task/task.ts";
import {
  advance,
  asCurrent,
  Call,
  createTestKernel,
  createTestTask,
  type FakeUserMemory,
  type TestKernel,
} from "../testing/fake-task.ts";
import type { OpenFile } from "../vfs/open-file.ts";
import { EventFile } from "./eventfd.ts";
import { processOfPidfd } from "../task/pidfd.ts";
import { SignalSet } from "../signal/signal-set.ts";

const BUFFER = 0x100;
let machine: TestKernel;
let task: Task;
let memory: FakeUserMemory;

beforeEach(() => {
  machine = createTestKernel();
  ({ task, memory } = createTestTask(machine.kernel));
});

function run(table: SyscallTable, name: string, ...args: number[]): number {
  const call = Call.of(task, table[name]!, ...args);
  assert.ok(call.result !== null, `${name} blocked`);
  return call.result;
}

function file(fd: number): OpenFile {
  return task.files.get(fd)!;
}

function read(fd: number, count: number): Call {
  return new Call(task, () => file(fd).read(task, memory.cursor(BUFFER, count), -1));
}

function write(fd: number, low: number, high = 0, count = 8): Call {
  memory.storeU32(BUFFER, low);
  memory.storeU32(BUFFER + 4, high);
  return new Call(task, () => file(fd).write(task, memory.cursor(BUFFER, count), -1));
}

test("eventfd: counts, blocks at its bounds, semaphores", () => {
  const fd = run(eventFileCalls, "eventfd2", 3, 0);
  assert.equal(file(fd).poll(), POLLIN | POLLOUT);
  assert.equal(read(fd, 8).result, 8);
  assert.equal(memory.loadU64(BUFFER), 3);
  assert.equal(read(fd, 7).result, -EINVAL);
  assert.equal(write(fd, 1, 0, 4).result, -EINVAL);
  assert.equal(write(fd, 0xffffffff, 0xffffffff).result, -EINVAL);
  assert.equal(write(fd, 0xfffffffe, 0xffffffff).result, 8);
  assert.equal(file(fd).poll(), POLLIN);
  const blocked = write(fd, 1);
  assert.ok(blocked.isBlocked);
  const other = createTestTask(machine.kernel);
  const bytes = other.memory.cursor(BUFFER, 8);
  assert.equal(file(fd).read(other.task, bytes, -1), 8);
  assert.equal(blocked.resume(), 8);
  const reader = createTestTask(machine.kernel);
  assert.equal(read(fd, 8).result, 8);
  const waiting = new Call(reader.task, () => file(fd).read(reader.task, reader.memory.cursor(BUFFER, 8), -1));
  assert.ok(waiting.isBlocked);
  write(fd, 2);
  assert.equal(waiting.resume(), 8);

  const semaphore = run(eventFileCalls, "eventfd2", 2, EFD_SEMAPHORE | EFD_NONBLOCK);
  assert.equal(read(semaphore, 8).result, 8);
  assert.equal(memory.loadU64(BUFFER), 1);
  assert.equal(read(semaphore, 8).result, 8);
  assert.equal(read(semaphore, 8).result, -EAGAIN);
  assert.equal(run(eventFileCalls, "eventfd2", 0, 2), -EINVAL);
});

function setTimer(fd: number, flags: number, valueMs: number, intervalMs = 0): number {
  const store = (at: number, ms: number): void => {
    memory.storeU64(at, Math.floor(ms / 1000));
    memory.storeU64(at + 8, (ms % 1000) * 1e6);
  };
  store(0x200, intervalMs);
  store(0x210, valueMs);
  return run(eventFileCalls, "timerfd_settime", fd, flags, 0x200, 0x240);
}

function ticks(fd: number): number {
  const result = read(fd, 8).result!;
  return result === 8 ? memory.loadU64(BUFFER) : result;
}

test("timerfd: once, periodic with missed ticks, disarmed, gettime", () => {
  const fd = run(eventFileCalls, "timerfd_create", CLOCK_MONOTONIC, TFD_NONBLOCK);
  assert.equal(setTimer(fd, 0, 100), 0);
  assert.equal(ticks(fd), -EAGAIN);
  advance(machine, 40);
  run(eventFileCalls, "timerfd_gettime", fd, 0x280);
  assert.equal(memory.loadU64(0x298), 60e6);
  advance(machine, 61);
  assert.equal(file(fd).poll(), POLLIN);
  assert.equal(ticks(fd), 1);
  assert.equal(ticks(fd), -EAGAIN);
  setTimer(fd, 0, 10, 10);
  advance(machine, 35);
  assert.equal(ticks(fd), 3);
  advance(machine, 4);
  assert.equal(ticks(fd), -EAGAIN);
  advance(machine, 2);
  assert.equal(ticks(fd), 1);
  setTimer(fd, 0, 0);
  assert.equal(memory.loadU64(0x248), 10e6, "the old interval is reported");
  advance(machine, 100);
  assert.equal(ticks(fd), -EAGAIN);
});

test("timerfd: a blocked read, absolute times in the past, and errors", () => {
  const fd = run(eventFileCalls, "timerfd_create", CLOCK_REALTIME, 0);
  setTimer(fd, 0, 5);
  const call = read(fd, 8);
  assert.ok(call.isBlocked);
  advance(machine, 6);
  assert.equal(call.resume(), 8);
  setTimer(fd, TFD_TIMER_ABSTIME, 1000);
  assert.equal(ticks(fd), 1, "1970 is over");
  setTimer(fd, TFD_TIMER_ABSTIME, 1_700_000_000_000 + 500);
  advance(machine, 480);
  assert.equal(file(fd).poll(), 0);
  advance(machine, 20);
  assert.equal(ticks(fd), 1);
  assert.equal(run(eventFileCalls, "timerfd_create", CLOCK_PROCESS_CPUTIME_ID, 0), -EINVAL);
  assert.equal(run(eventFileCalls, "timerfd_create", CLOCK_REALTIME, 1), -EINVAL);
  assert.equal(setTimer(fd, 8, 1), -EINVAL);
  memory.storeU64(0x218, 1e9);
  assert.equal(run(eventFileCalls, "timerfd_settime", fd, 0, 0x200, 0), -EINVAL);
  assert.equal(run(eventFileCalls, "timerfd_settime", fd, 0, 0, 0), -EFAULT);
  assert.equal(run(eventFileCalls, "timerfd_gettime", 77, 0x200), -EBADF);
  const event = run(eventFileCalls, "eventfd2", 0, 0);
  assert.equal(run(eventFileCalls, "timerfd_gettime", event, 0x200), -EINVAL);
});

test("timerfd: setting the clock cancels or moves absolute timers", () => {
  const canceled = run(eventFileCalls, "timerfd_create", CLOCK_REALTIME, TFD_NONBLOCK);
  setTimer(canceled, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, 1_700_000_000_000 + 10_000);
  const moved = run(eventFileCalls, "timerfd_create", CLOCK_REALTIME, TFD_NONBLOCK);
  setTimer(moved, TFD_TIMER_ABSTIME, 1_700_000_000_000 + 10_000);
  const relative = run(eventFileCalls, "timerfd_create", CLOCK_REALTIME, TFD_NONBLOCK);
  setTimer(relative, 0, 10_000);
  machine.kernel.realtimeOffsetMs += 9_000;
  for (const observer of machine.kernel.clockSetObservers) observer.clockWasSet();
  assert.equal(file(canceled).poll(), POLLIN);
  assert.equal(ticks(canceled), -ECANCELED);
  assert.equal(file(canceled).poll(), 0);
  advance(machine, 1_001);
  assert.equal(ticks(moved), 1);
  assert.equal(ticks(relative), -EAGAIN);
  task.files.closeAll(task);
  assert.equal(machine.kernel.clockSetObservers.size, 0);
});

test("signalfd: reads pending signals in order, changes its mask", () => {
  task.blocked.add(SIGUSR1);
  task.blocked.add(SIGCHLD);
  const mask = (signal: number): void => {
    memory.storeU32(0x200, 2 ** (signal - 1));
    memory.storeU32(0x204, 0);
  };
  mask(SIGUSR1);
  const fd = asCurrent(task, () => run(eventFileCalls, "signalfd4", -1, 0x200, 8, SFD_NONBLOCK));
  assert.equal(read(fd, 128).result, -EAGAIN);
  assert.equal(read(fd, 127).result, -EINVAL);
  sendSignalToProcess(task.group, signalInfo(SIGUSR1, SI_QUEUE, { pid: 42, uid: 7, valueLow: 99 }));
  sendSignalToProcess(task.group, signalInfo(SIGCHLD, SI_USER, { pid: 5 }));
  assert.equal(
    asCurrent(task, () => file(fd).poll()),
    POLLIN,
  );
  assert.equal(read(fd, 1000).result, 128);
  assert.deepEqual(
    [0, 8, 12, 16, 44].map((at) => memory.view.getInt32(BUFFER + at, true)),
    [SIGUSR1, SI_QUEUE, 42, 7, 99],
  );
  mask(SIGCHLD);
  assert.equal(
    asCurrent(task, () => run(eventFileCalls, "signalfd4", fd, 0x200, 8, 0)),
    fd,
  );
  assert.equal(read(fd, 128).result, 128);
  assert.equal(memory.loadU32(BUFFER), SIGCHLD);
  assert.equal(run(eventFileCalls, "signalfd4", -1, 0x200, 4, 0), -EINVAL);
  assert.equal(run(eventFileCalls, "signalfd4", -1, 0, 8, 0), -EFAULT);
  assert.equal(run(eventFileCalls, "signalfd4", 50, 0x200, 8, 0), -EBADF);
});

test("pidfd: shows the end of a process, signals it, and takes descriptors", () => {
  const child = createTestTask(machine.kernel, task);
  const pid = child.task.pid;
  const fd = run(pidfdCalls, "pidfd_open", pid, 0);
  assert.equal(processOfPidfd(file(fd))?.pid, child.task.pid);
  assert.ok(task.files.isCloseOnExec(fd));
  assert.equal(file(fd).poll(), 0);
  assert.equal(run(pidfdCalls, "pidfd_send_signal", fd, SIGUSR1, 0, 0), 0);
  assert.ok(child.task.group.pending.set.has(SIGUSR1));
  assert.equal(run(pidfdCalls, "pidfd_send_signal", fd, 99, 0, 0), -EINVAL);
  child.task.credentials = { ...ROOT, uid: 5, euid: 5, suid: 5 };
  task.credentials = { ...ROOT, uid: 6, euid: 6, suid: 6, effective: 0 };
  assert.equal(run(pidfdCalls, "pidfd_send_signal", fd, SIGUSR1, 0, 0), -EPERM);
  assert.equal(run(pidfdCalls, "pidfd_getfd", fd, 0, 0), -EPERM);
  child.task.credentials = task.credentials = { ...ROOT, effective: 0 };
  child.task.group.dumpable = 0;
  assert.equal(run(pidfdCalls, "pidfd_getfd", fd, 0, 0), -EPERM, "not dumpable");
  child.task.group.dumpable = 1;
  task.credentials = ROOT;
  assert.equal(run(pidfdCalls, "pidfd_getfd", fd, 0, 0), -EBADF);
  const event = eventFileCalls["eventfd2"]!.run(child.task, 4, 0, 0, 0, 0, 0);
  const copy = run(pidfdCalls, "pidfd_getfd", fd, event, 0);
  assert.ok(file(copy) === child.task.files.get(event));
  child.task.group.isZombie = true;
  assert.equal(file(fd).poll() & (POLLIN | POLLHUP), POLLIN);
  machine.kernel.tasks.processes.delete(pid);
  machine.kernel.tasks.tasks.delete(pid);
  assert.equal(file(fd).poll() & (POLLIN | POLLHUP), POLLIN | POLLHUP);
  assert.equal(run(pidfdCalls, "pidfd_send_signal", fd, SIGUSR1, 0, 0), -ESRCH);
  assert.equal(run(pidfdCalls, "pidfd_open", pid, 0), -ESRCH);
  assert.equal(run(pidfdCalls, "pidfd_open", 0, 0), -EINVAL);
  assert.equal(run(pidfdCalls, "pidfd_send_signal", copy, SIGUSR1, 0, 0), -EBADF);
});

function pollfd(index: number, fd: number, events: number): void {
  memory.view.setInt32(0x300 + index * 8, fd, true);
  memory.view.setInt16(0x304 + index * 8, events, true);
  memory.view.setInt16(0x306 + index * 8, -1, true);
}

function revents(index: number): number {
  return memory.view.getInt16(0x306 + index * 8, true);
}

test("ppoll: ready, invalid and ignored descriptors; time-out with what is left of it", () => {
  const full = run(eventFileCalls, "eventfd2", 1, 0);
  const empty = run(eventFileCalls, "eventfd2", 0, 0);
  pollfd(0, full, POLLIN);
  pollfd(1, empty, POLLIN);
  pollfd(2, -5, POLLIN);
  pollfd(3, 99, POLLIN);
  assert.equal(run(pollCalls, "ppoll", 0x300, 4, 0, 0, 8), 2);
  assert.deepEqual([0, 1, 2, 3].map(revents), [POLLIN, 0, 0, POLLNVAL]);
  memory.storeU64(0x200, 1);
  memory.storeU64(0x208, 5e8);
  const call = Call.of(task, pollCalls["ppoll"]!, 0x308, 1, 0x200, 0, 8);
  assert.ok(call.isBlocked);
  advance(machine, 500);
  write(empty, 1);
});

test("ppoll waits with the mask that it is given, also with none blocked, and takes no wrong one", () => {
  task.blocked = new SignalSet(1 << (SIGUSR1 - 1), 0);
  memory.storeU64(0x300, 0);
  for (const [low, blocked] of [
    [0, []],
    [0xffffffff, [SIGUSR1]],
  ] as const) {
    memory.u8.fill(0, 0x400, 0x408);
    memory.storeU32(0x400, low);
    const call = Call.of(task, pollCalls["ppoll"]!, 0, 0, 0, 0x400, 8);
    assert.ok(call.isBlocked);
    assert.deepEqual(
      [SIGUSR1, SIGKILL].filter((signal) => task.blocked.has(signal)),
      blocked,
    );
    task.endWait("signal");
  }
  assert.equal(run(pollCalls, "ppoll", 0, 0, 0, 0x400, 4), -EINVAL);
  assert.equal(run(pollCalls, "ppoll", 0, 0, 0, 0x7ffffff0, 8), -EFAULT);
});

test("ppoll: a wake-up ends the wait and stores the remaining time", () => {
  const fd = run(eventFileCalls, "eventfd2", 0, 0);
  pollfd(0, fd, POLLIN);
  memory.storeU64(0x200, 2);
  memory.storeU64(0x208, 0);
  const call = Call.of(task, pollCalls["ppoll"]!, 0x300, 1, 0x200, 0, 8);
  advance(machine, 500);
  const other = createTestTask(machine.kernel);
  other.memory.storeU64(8, 1);
  task.files.get(fd)!.write(other.task, other.memory.cursor(8, 8), -1);
  assert.equal(call.resume(), 1);
  assert.deepEqual([memory.loadU64(0x200), memory.loadU64(0x208)], [1, 5e8]);
  assert.equal(run(pollCalls, "ppoll", 0x300, 5000, 0, 0, 8), -EINVAL);
  assert.equal(run(pollCalls, "ppoll", 0, 1, 0, 0, 8), -EFAULT);
  memory.storeU64(0x208, 2e9);
  assert.equal(run(pollCalls, "ppoll", 0x300, 1, 0x200, 0, 8), -EINVAL);
});

test("pselect6: three sets, counts bits, clears what is not ready", () => {
  const full = run(eventFileCalls, "eventfd2", 1, 0);
  const empty = run(eventFileCalls, "eventfd2", 0, 0);
  const bits = 2 ** full + 2 ** empty;
  memory.storeU64(0x300, bits);
  memory.storeU64(0x308, bits);
  memory.storeU64(0x310, bits);
  assert.equal(run(pollCalls, "pselect6", 10, 0x300, 0x308, 0x310, 0, 0), 3);
  assert.deepEqual(
    [0x300, 0x308, 0x310].map((at) => memory.loadU64(at)),
    [2 ** full, bits, 0],
  );
  memory.storeU64(0x300, 2 ** empty);
  memory.storeU64(0x200, 0);
  memory.storeU64(0x208, 3e6);
  const call = Call.of(task, pollCalls["pselect6"]!, 10, 0x300, 0, 0, 0x200, 0);
  assert.ok(call.isBlocked);
  advance(machine, 4);
  assert.equal(call.resume(), 0);
  assert.equal(memory.loadU64(0x300), 0);
  memory.storeU64(0x300, 2 ** 9);
  assert.equal(run(pollCalls, "pselect6", 10, 0x300, 0, 0, 0, 0), -EBADF);
  assert.equal(run(pollCalls, "pselect6", -1, 0x300, 0, 0, 0, 0), -EINVAL);
  assert.equal(run(pollCalls, "pselect6", 10, 1 << 20, 0, 0, 0, 0), -EFAULT);
});

test("pselect6 looks at descriptors as far up as there can be any", () => {
  const [fd, other] = [1, 0].map((value) => task.files.install(new EventFile(value, false, true), false, 9000, 10_000));
  assert.deepEqual([fd, other], [9000, 9001]);
  const SET = 0x4000;
  memory.u8.fill(0, SET, SET + 1250);
  memory.u8[SET + 9000 / 8] = 3;
  assert.equal(run(pollCalls, "pselect6", 10_000, SET, 0, 0, 0, 0), 1);
  assert.equal(memory.u8[SET + 9000 / 8], 1, "the first alone is ready");
});

test("O_ASYNC: a pipe tells its owner by either call, a signalfd does not answer signals with signals", () => {
  const MASK = 0x200;
  const asynchronous = (fd: number): void => {
    assert.equal(run(openCalls, "fcntl", fd, F_SETOWN, task.pid), 0);
    memory.storeU32(MASK, 1);
  };
  task.blocked.add(SIGIO);
  memory.storeU32(MASK, 2 ** (SIGIO - 1));
  memory.storeU32(MASK + 4, 0);
  const signals = asCurrent(task, () => run(eventFileCalls, "signalfd4", -1, MASK, 8, SFD_NONBLOCK));
  asynchronous(signals);
  assert.equal(run(openCalls, "ioctl", signals, FIOASYNC, MASK), -ENOTTY);
  assert.equal(run(openCalls, "fcntl", signals, F_SETFL, FASYNC | O_NONBLOCK), 0);
  assert.equal(run(openCalls, "fcntl", signals, F_GETFL) & FASYNC, 0);
  sendSignalToProcess(task.group, signalInfo(SIGIO, SI_USER, { pid: 5 }));
  assert.equal(read(signals, 128).result, 128);

  for (const [command, argument] of [
    ["fcntl", FASYNC],
    ["ioctl", MASK],
  ] as const) {
    assert.equal(run(fileCalls, "pipe2", BUFFER, 0), 0);
    const [reader, writer] = [memory.loadU32(BUFFER), memory.loadU32(BUFFER + 4)] as [number, number];
    asynchronous(reader);
    assert.equal(run(openCalls, command, reader, command === "ioctl" ? FIOASYNC : F_SETFL, argument), 0);
    assert.equal(run(openCalls, "fcntl", reader, F_GETFL) & FASYNC, FASYNC);
    write(writer, 1);
    assert.equal(read(signals, 128).result, 128, `${command}: SIGIO is pending`);
  }
});
