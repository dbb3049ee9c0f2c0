/**
 * Goal: what a pidfd tells and does (pidfd_open(2), pidfd_send_signal(2)), and the records of a signalfd. Method:
 * processes and threads without a processor.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  EAGAIN,
  ECHILD,
  EINVAL,
  ESRCH,
  O_NONBLOCK,
  PIDFD_THREAD,
  POLLHUP,
  POLLIN,
  P_PIDFD,
  SIGBUS,
  SIGCHLD,
  SIGUSR1,
  WEXITED,
  WNOWAIT,
} from "@stratos/abi";
import { BytesCursor } from "@stratos/base";
import { signalInfo } from "../signal/pending-signals.ts";
import { sendSignalToProcess } from "../signal/send-signal.ts";
import { asCurrent, createTestKernel, createTestTask } from "../testing/fake-task.ts";
import { begin, call } from "../testing/system-calls.ts";
import { createThreads } from "../testing/thread-tasks.ts";
import { exitTask } from "./exit.ts";
import type { Task } from "./task.ts";

const HANDLER = { handler: 0x1000, flags: 0, restorer: 0, maskLow: 0, maskHigh: 0 };

test("a pidfd is readable when its process has ended, hung up when it was waited for", () => {
  const { kernel } = createTestKernel();
  const { task } = createTestTask(kernel);
  const child = createTestTask(kernel, task).task;
  const fd = call(task, "pidfd_open", child.pid, 0);
  const poll = (): number => task.files.get(fd)!.poll() & (POLLIN | POLLHUP);
  assert.equal(poll(), 0);
  call(child, "exit_group", 3);
  assert.equal(poll(), POLLIN);
  assert.equal(call(task, "waitid", P_PIDFD, fd, 0x100, WEXITED | WNOWAIT, 0), 0);
  assert.equal(poll(), POLLIN);
  assert.equal(call(task, "pidfd_send_signal", fd, 0, 0, 0), 0, "a zombie is still there");
  assert.equal(call(task, "waitid", P_PIDFD, fd, 0x100, WEXITED, 0), 0);
  assert.equal(poll(), POLLIN | POLLHUP);
  assert.equal(call(task, "waitid", P_PIDFD, fd, 0x100, WEXITED, 0), -ECHILD);
  assert.equal(call(task, "pidfd_send_signal", fd, 0, 0, 0), -ESRCH);
});

test("waitid on a pidfd waits for that child alone, and not at all with O_NONBLOCK", () => {
  const { kernel } = createTestKernel();
  const { task } = createTestTask(kernel);
  const [meant, other] = [createTestTask(kernel, task).task, createTestTask(kernel, task).task];
  const fd = call(task, "pidfd_open", meant.pid, O_NONBLOCK);
  call(other, "exit_group", 0);
  assert.equal(call(task, "waitid", P_PIDFD, fd, 0x100, WEXITED, 0), -EAGAIN);
  task.files.get(fd)!.flags &= ~O_NONBLOCK;
  const waiting = begin(task, "waitid", P_PIDFD, fd, 0x100, WEXITED, 0);
  assert.ok(waiting.isBlocked);
  call(meant, "exit_group", 0);
  assert.equal(waiting.resume(), 0);
});

test("PIDFD_THREAD means one thread: its end, its signals", () => {
  const { tasks, leader } = createThreads(2);
  const [thread, other] = tasks as [Task, Task];
  leader.group.actions.set(SIGUSR1, HANDLER);
  assert.equal(call(leader, "pidfd_open", thread.tid, 0), -EINVAL, "no process");
  const fd = call(leader, "pidfd_open", thread.tid, PIDFD_THREAD);
  const ofProcess = call(leader, "pidfd_open", leader.pid, 0);
  assert.equal(call(leader, "pidfd_send_signal", fd, SIGUSR1, 0, 0), 0);
  assert.equal(thread.pending.set.has(SIGUSR1), true);
  assert.equal(leader.group.pending.set.has(SIGUSR1), false);
  assert.equal(call(leader, "pidfd_send_signal", fd, SIGUSR1, 0, 2), 0, "PIDFD_SIGNAL_THREAD_GROUP");
  assert.equal(leader.group.pending.set.has(SIGUSR1), true);
  exitTask(other, 0);
  assert.equal(leader.files.get(fd)!.poll(), 0);
  exitTask(thread, 0);
  assert.equal(leader.files.get(fd)!.poll() & POLLIN, POLLIN);
  assert.equal(leader.files.get(ofProcess)!.poll(), 0);
  assert.equal(call(leader, "pidfd_send_signal", fd, SIGUSR1, 0, 3), -EINVAL, "one scope");
});

test("a signalfd's record has the parts of each kind of signal at their places", () => {
  const { kernel } = createTestKernel();
  const { task, memory } = createTestTask(kernel);
  task.blocked.add(SIGBUS);
  task.blocked.add(SIGCHLD);
  memory.storeU64(0x100, 2 ** (SIGBUS - 1) + 2 ** (SIGCHLD - 1));
  const fd = asCurrent(task, () => call(task, "signalfd4", -1, 0x100, 8, O_NONBLOCK));
  const parts = {
    errno: 1,
    pid: 2,
    uid: 3,
    fd: 4,
    timerId: 5,
    band: 6,
    overrun: 7,
    status: 8,
    valueLow: 9,
    valueHigh: 10,
    userTicks: 11,
    systemTicks: 12,
  };
  /** Words that are not 0, by their places. */
  const recordOf = (signal: number, code: number): Record<number, number> => {
    sendSignalToProcess(task.group, signalInfo(signal, code, parts));
    const bytes = new Uint8Array(200).fill(0xee);
    assert.equal(
      asCurrent(task, () => task.files.get(fd)!.read(task, new BytesCursor(bytes), -1)),
      128,
    );
    assert.equal(bytes[128], 0xee);
    const view = new DataView(bytes.buffer);
    const words = Array.from({ length: 32 }, (_, index): [number, number] => [index, view.getInt32(index * 4, true)]);
    return Object.fromEntries(words.filter(([, word]) => word !== 0));
  };
  const sender = { 1: 1, 3: 2, 4: 3 };
  assert.deepEqual(recordOf(SIGBUS, 0), { 0: SIGBUS, ...sender });
  assert.deepEqual(recordOf(SIGBUS, -1), { 0: SIGBUS, 2: -1, ...sender, 11: 9, 12: 9, 13: 10 });
  assert.deepEqual(recordOf(SIGBUS, -2), { 0: SIGBUS, 1: 1, 2: -2, 6: 5, 8: 7, 11: 9, 12: 9, 13: 10 });
  assert.deepEqual(recordOf(SIGBUS, -5), { 0: SIGBUS, 1: 1, 2: -5, 5: 4, 7: 6 });
  assert.deepEqual(recordOf(SIGBUS, 2), { 0: SIGBUS, 1: 1, 2: 2, 18: 9, 19: 10 });
  assert.deepEqual(recordOf(SIGCHLD, 1), { 0: SIGCHLD, 2: 1, ...sender, 10: 8, 14: 11, 16: 12 });
});
