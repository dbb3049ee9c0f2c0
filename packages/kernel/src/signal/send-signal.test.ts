/** Goal: which signals a task must act on, and in which order. Method: signals to tasks without a processor. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  EAGAIN,
  SIGCHLD,
  SIGCONT,
  SIGKILL,
  SIGQUIT,
  SIGRTMIN,
  SIGTERM,
  SIGTSTP,
  SIGUSR1,
  SIGUSR2,
  SI_TKILL,
  SI_USER,
  RLIMIT_SIGPENDING,
} from "@stratos/abi";
import { createTestKernel, createTestTask } from "../testing/fake-task.ts";
import { createThreads } from "../testing/thread-tasks.ts";
import { exitTask } from "../task/exit.ts";
import type { Task } from "../task/task.ts";
import { BLOCKED, BLOCKED_KILLABLE } from "../ground/wait-queue.ts";
import { signalInfo } from "./pending-signals.ts";
import { SignalSet } from "./signal-set.ts";
import {
  hasDeliverableSignal,
  isToldOfSignal,
  sendSignalToProcess,
  sendSignalToTask,
  setBlocked,
  takeSignal,
} from "./send-signal.ts";

function createTask(): Task {
  return createTestTask(createTestKernel().kernel).task;
}

const taken = (task: Task): number => takeSignal(task, (signal) => !task.blocked.has(signal))?.signal ?? 0;

test("a blocked signal is pending and not deliverable, until it is let through", () => {
  for (const signal of [SIGUSR1, SIGRTMIN + 5]) {
    const task = createTask();
    task.blocked.add(signal);
    sendSignalToProcess(task.group, signalInfo(signal, SI_USER));
    assert.equal(task.group.pending.set.has(signal), true);
    assert.equal(hasDeliverableSignal(task), false);
    assert.equal(taken(task), 0);
    task.blocked.delete(signal);
    assert.equal(hasDeliverableSignal(task), true);
    assert.equal(taken(task), signal);
    assert.equal(hasDeliverableSignal(task), false);
  }
});

test("a sleep that only the process's end ends is not ended by other signals; any other sleep is", () => {
  for (const [kind, signal, ends] of [
    [BLOCKED, SIGUSR1, true],
    [BLOCKED_KILLABLE, SIGUSR1, true],
    [BLOCKED_KILLABLE, SIGUSR2, false],
    [BLOCKED_KILLABLE, SIGQUIT, false],
    [BLOCKED_KILLABLE, SIGKILL, true],
  ] as const) {
    const task = createTask();
    task.blockedKind = kind;
    task.state = "S";
    task.group.actions.set(SIGUSR2, { handler: 0x1000, flags: 0, restorer: 0, maskLow: 0, maskHigh: 0 });
    sendSignalToTask(task, signalInfo(signal, SI_TKILL));
    assert.equal(task.state, ends ? "R" : "S");
    assert.equal(hasDeliverableSignal(task), true, "it is acted on when the sleep is over");
  }
});

test("signals for the thread and for the process are both deliverable", () => {
  const task = createTask();
  sendSignalToTask(task, signalInfo(SIGUSR2, SI_TKILL));
  assert.equal(hasDeliverableSignal(task), true);
  assert.equal(taken(task), SIGUSR2);
  sendSignalToProcess(task.group, signalInfo(SIGUSR1, SI_USER));
  assert.equal(hasDeliverableSignal(task), true);
});

test("a signal for the process wakes a thread that does not block it, or waits for it, and no other", () => {
  const { leader, tasks } = createThreads(2);
  const threads = [leader, ...tasks];
  const woken = (waited: Task | null): string => {
    for (const thread of threads) {
      thread.state = "S";
      thread.blocked.add(SIGUSR1);
      thread.waitedSignals = null;
    }
    if (waited === null) tasks[1]!.blocked.delete(SIGUSR1);
    else waited.waitedSignals = new SignalSet(1 << (SIGUSR1 - 1), 0);
    sendSignalToProcess(leader.group, signalInfo(SIGUSR1, SI_USER));
    takeSignal(leader, () => true);
    return threads.map(({ state }) => state).join("");
  };
  assert.equal(woken(null), "SSR");
  assert.equal(woken(tasks[0]!), "SRS");
});

test("of several signals for the process each wakes another thread, while there are such", () => {
  const { kernel, leader, tasks } = createThreads(2);
  kernel.scheduler.current = null;
  const threads = [leader, ...tasks];
  for (const thread of threads) {
    thread.state = "S";
    thread.blockedKind = BLOCKED;
  }
  const told = (): boolean[] => threads.map(isToldOfSignal);
  sendSignalToProcess(leader.group, signalInfo(SIGUSR1, SI_USER));
  assert.deepEqual(told(), [true, false, false]);
  assert.equal(hasDeliverableSignal(tasks[0]!), true);
  sendSignalToProcess(leader.group, signalInfo(SIGUSR2, SI_USER));
  assert.deepEqual(told(), [true, true, false]);
});

test("what a thread was told of and then blocks is told to another, and what it lets through again to itself", () => {
  const { leader, tasks } = createThreads(2);
  const [first, second] = tasks;
  first!.blocked.add(SIGUSR1);
  for (const thread of tasks) thread.state = "S";
  sendSignalToProcess(leader.group, signalInfo(SIGUSR1, SI_USER));
  assert.deepEqual(
    [leader, first, second].map((thread) => isToldOfSignal(thread!)),
    [true, false, false],
  );
  const mask = new SignalSet();
  mask.add(SIGUSR1);
  setBlocked(leader, mask);
  assert.deepEqual(
    [leader, first, second].map((thread) => isToldOfSignal(thread!)),
    [false, false, true],
  );
  assert.equal(second!.state, "R");
  setBlocked(first!, new SignalSet());
  assert.equal(isToldOfSignal(first!), true);
});

test("a thread that ends without looking leaves a signal of its process to another", () => {
  const { leader, tasks } = createThreads(2);
  const [first, second] = tasks;
  sendSignalToProcess(leader.group, signalInfo(SIGUSR1, SI_USER), second);
  const told = (): boolean[] => [leader, first!, second!].map(isToldOfSignal);
  assert.deepEqual(told(), [false, false, true]);
  exitTask(second!, 0);
  assert.equal(isToldOfSignal(leader), true);
});

test("a standard signal waits once, real-time ones in order, the lowest number first", () => {
  const task = createTask();
  for (const signal of [SIGRTMIN, SIGUSR1, SIGUSR1]) task.blocked.add(signal);
  for (const [signal, valueLow] of [
    [SIGRTMIN, 1],
    [SIGUSR1, 0],
    [SIGRTMIN, 2],
    [SIGUSR1, 0],
  ] as const)
    sendSignalToProcess(task.group, signalInfo(signal, -1, { valueLow }));
  task.blocked.delete(SIGRTMIN);
  task.blocked.delete(SIGUSR1);
  const order = Array.from({ length: 4 }, () => takeSignal(task, () => true)).map(
    (info) => info && [info.signal, info.valueLow],
  );
  assert.deepEqual(order, [[SIGUSR1, 0], [SIGRTMIN, 1], [SIGRTMIN, 2], null]);
});

test("what would be ignored isn't queued, unless it is blocked; stop and continue cancel each other", () => {
  const task = createTask();
  sendSignalToProcess(task.group, signalInfo(SIGCHLD, SI_USER));
  assert.equal(task.group.pending.isEmpty, true);
  task.blocked.add(SIGTSTP);
  sendSignalToProcess(task.group, signalInfo(SIGTSTP, SI_USER));
  assert.equal(task.group.pending.set.has(SIGTSTP), true);
  sendSignalToProcess(task.group, signalInfo(SIGCONT, SI_USER));
  assert.equal(task.group.pending.set.has(SIGTSTP), false);
});

test("beyond RLIMIT_SIGPENDING a queued real-time signal is refused, others come without their info", () => {
  const task = createTask();
  const { kernel } = task;
  task.group.limits[RLIMIT_SIGPENDING] = { ...task.group.limits[RLIMIT_SIGPENDING]!, soft: 2 };
  for (const signal of [SIGRTMIN, SIGRTMIN + 1, SIGUSR1, SIGTERM]) task.blocked.add(signal);
  const queue = (signal: number, code: number): number =>
    sendSignalToProcess(task.group, signalInfo(signal, code, { pid: 5 }));
  assert.deepEqual([queue(SIGRTMIN, -1), queue(SIGRTMIN, -1), queue(SIGRTMIN, -1)], [0, 0, -EAGAIN]);
  assert.deepEqual([queue(SIGUSR1, SI_TKILL), queue(SIGTERM, SI_USER), queue(SIGRTMIN + 1, SI_USER)], [0, 0, 0]);
  const infos = Array.from({ length: 5 }, () => takeSignal(task, () => true)!);
  assert.deepEqual(
    infos.map(({ signal, pid }) => [signal, pid]),
    [
      [SIGUSR1, 0],
      [SIGTERM, 5],
      [SIGRTMIN, 5],
      [SIGRTMIN, 5],
      [SIGRTMIN + 1, 0],
    ],
  );
  assert.equal(kernel.signalLoad.queued, 0);
  queue(SIGKILL, SI_USER);
  assert.equal(hasDeliverableSignal(task), true);
});
