/**
 * Goal: of several that wait for one thing each gets its turn, and nobody is told what is none of his. Method:
 * processes without a processor at an epoll and at a signalfd.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EPOLL_CTL_ADD, POLLIN, SFD_NONBLOCK, SIGKILL, SIGUSR1, SIGUSR2, SI_QUEUE } from "@stratos/abi";
import { signalInfo } from "../signal/pending-signals.ts";
import { sendSignalToProcess } from "../signal/send-signal.ts";
import type { Task } from "../task/task.ts";
import { asCurrent, createTestKernel, createTestTask, type TestTask } from "../testing/fake-task.ts";
import { begin, call } from "../testing/system-calls.ts";
import { EventFile } from "./eventfd.ts";

const EVENT = 0x100,
  EVENTS = 0x1000,
  BUFFER = 0x2000,
  MASK = 0x200;
/** Processes that share their descriptors. */
function together(count: number): TestTask[] {
  const { kernel } = createTestKernel();
  const first = createTestTask(kernel);
  const others = Array.from({ length: count - 1 }, () => createTestTask(kernel, first.task));
  for (const { task } of others) task.files = first.task.files;
  return [first, ...others];
}

test("what stays ready goes from one caller of an epoll to the next, each once", () => {
  const [{ task, memory }, ...callers] = together(4) as [TestTask, ...TestTask[]];
  const epfd = call(task, "epoll_create1", 0);
  const fd = task.files.install(new EventFile(0, false, true), false, 0, 1024);
  memory.storeU32(EVENT, POLLIN);
  assert.equal(call(task, "epoll_ctl", epfd, EPOLL_CTL_ADD, fd, EVENT), 0);
  const waits = callers.map((each) => begin(each.task, "epoll_pwait", epfd, EVENTS, 1, -1, 0, 8));
  assert.deepEqual(
    waits.map(({ isBlocked }) => isBlocked),
    [true, true, true],
  );
  memory.storeU64(BUFFER, 1);
  assert.equal(call(task, "write", fd, BUFFER, 8), 8);
  const awake = (): number => callers.filter((each) => each.task.state === "R").length;
  assert.equal(awake(), 1, "one is woken for one event");
  assert.deepEqual(
    waits.map((wait) => wait.resume()),
    [1, 1, 1],
    "and hands it on, since it is still there",
  );
});

test("an epoll whose event was taken wakes nobody else", () => {
  const [{ task, memory }, first, second] = together(3) as [TestTask, TestTask, TestTask];
  const epfd = call(task, "epoll_create1", 0);
  const fd = task.files.install(new EventFile(0, false, true), false, 0, 1024);
  memory.storeU32(EVENT, POLLIN);
  call(task, "epoll_ctl", epfd, EPOLL_CTL_ADD, fd, EVENT);
  const waits = [first, second].map((each) => begin(each.task, "epoll_pwait", epfd, EVENTS, 1, -1, 0, 8));
  memory.storeU64(BUFFER, 1);
  call(task, "write", fd, BUFFER, 8);
  call(task, "read", fd, BUFFER, 8);
  assert.deepEqual(
    waits.map((wait) => wait.resume()),
    [null, null],
  );
});

function signalfd(task: Task, memory: TestTask["memory"], ...signals: number[]): number {
  memory.storeU32(
    MASK,
    signals.reduce((mask, signal) => mask + 2 ** (signal - 1), 0),
  );
  memory.storeU32(MASK + 4, 0);
  return asCurrent(task, () => call(task, "signalfd4", -1, MASK, 8, SFD_NONBLOCK));
}

test("a signalfd gives as many records as there is room for, and never SIGKILL", () => {
  const { task, memory } = createTestTask(createTestKernel().kernel);
  for (const signal of [SIGUSR1, SIGUSR2]) task.blocked.add(signal);
  const fd = signalfd(task, memory, SIGUSR1, SIGUSR2, SIGKILL);
  for (const signal of [SIGUSR1, SIGUSR2]) sendSignalToProcess(task.group, signalInfo(signal, SI_QUEUE, { pid: 1 }));
  assert.equal(
    asCurrent(task, () => call(task, "read", fd, BUFFER, 300)),
    256,
  );
  assert.deepEqual([memory.loadU32(BUFFER), memory.loadU32(BUFFER + 128)], [SIGUSR1, SIGUSR2]);
  task.pending.add(signalInfo(SIGKILL, SI_QUEUE));
  assert.equal(
    asCurrent(task, () => task.files.get(fd)!.poll()),
    0,
    "SIGKILL is for nobody to read",
  );
});

test("a signalfd has no position", () => {
  const { task, memory } = createTestTask(createTestKernel().kernel);
  assert.equal(call(task, "lseek", signalfd(task, memory, SIGUSR1), 5, 0), 0);
});
