/**
 * Goal: `siginfo_t` has each kind of signal's parts at their places (include/uapi/asm-generic/siginfo.h), and who may
 * send a signal to whom (kill(2)). Method: each kind once; processes of several users.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EINVAL, EPERM, ESRCH, SIGBUS, SIGCHLD, SIGCONT, SIGIO, SIGSYS, SIGUSR1 } from "@stratos/abi";
import type { Credentials } from "../security/credentials.ts";
import { createTestKernel, createTestTask } from "../testing/fake-task.ts";
import { call } from "../testing/system-calls.ts";
import type { Task } from "./task.ts";
import { signalInfo, type SignalInfo } from "../signal/pending-signals.ts";
import { writeSignalInfo } from "../signal/siginfo.ts";

/** Words 4 … 7 of the structure: those that differ from kind to kind. */
function wordsOf(signal: number, code: number, parts: Partial<SignalInfo>): number[] {
  const view = new DataView(new ArrayBuffer(128));
  writeSignalInfo(view, 0, signalInfo(signal, code, { errno: 3, ...parts }));
  assert.deepEqual(
    [0, 4, 8].map((at) => view.getInt32(at, true)),
    [signal, 3, code],
  );
  return [16, 20, 24, 28].map((at) => view.getUint32(at, true));
}

test("each kind of signal has its own parts", () => {
  const value = { valueLow: 7, valueHigh: 8 };
  const sender = { pid: 5, uid: 6 };
  assert.deepEqual(wordsOf(SIGBUS, 2, { valueLow: 0x23456789, valueHigh: 1, ...sender }), [0x23456789, 1, 0, 0]);
  assert.deepEqual(wordsOf(SIGBUS, 0, { address: 1, ...sender, ...value }), [5, 6, 7, 8]);
  assert.deepEqual(wordsOf(SIGSYS, 1, { address: 0x1_0000_0010, ...value }), [0x10, 1, 7, 8]);
  assert.deepEqual(wordsOf(SIGUSR1, -2, { timerId: 3, overrun: 4, ...value, ...sender }), [3, 4, 7, 8]);
  assert.deepEqual(wordsOf(SIGIO, 1, { band: 0x41, fd: 9, ...sender }), [0x41, 0, 9, 0]);
  assert.deepEqual(wordsOf(SIGIO, 6, { band: 0x10, fd: 9 }), [0x10, 0, 9, 0]);
  assert.deepEqual(wordsOf(SIGCHLD, 1, { status: 11, ...sender, ...value }), [5, 6, 11, 0]);
  assert.deepEqual(wordsOf(SIGUSR1, -1, { ...sender, ...value }), [5, 6, 7, 8]);
});

function createUsers(...ids: number[]): Task[] {
  const { kernel } = createTestKernel();
  return ids.map((id) => {
    const { task } = createTestTask(kernel);
    become(task, { uid: id, euid: id, suid: id, effective: 0 });
    return task;
  });
}

function become(task: Task, change: Partial<Credentials>): void {
  task.credentials = { ...task.credentials, ...change };
}

test("a signal goes to processes of the same user, by real and saved ids, or by CAP_KILL", () => {
  const [sender, target] = createUsers(10, 20) as [Task, Task];
  const kill = (): number => call(sender, "kill", target.pid, 0);
  assert.equal(kill(), -EPERM);
  for (const change of [{ uid: 10 }, { suid: 10 }]) {
    become(target, { uid: 20, euid: 20, suid: 20, ...change });
    assert.equal(kill(), 0);
    become(sender, { uid: 30 });
    assert.equal(kill(), 0, "the effective id");
    become(sender, { uid: 10, euid: 30 });
    assert.equal(kill(), 0, "the real id");
    become(sender, { euid: 10 });
  }
  become(target, { uid: 20, euid: 10, suid: 20 });
  assert.equal(kill(), -EPERM);
  become(sender, { effective: 2 ** 5 });
  assert.equal(kill(), 0);
});

test("SIGCONT may be sent within a session, whoever owns the process", () => {
  const { kernel } = createTestKernel();
  const sender = createTestTask(kernel).task;
  const inside = createTestTask(kernel, sender, { ownGroup: true }).task;
  const outside = createTestTask(kernel).task;
  become(sender, { uid: 10, euid: 10, effective: 0 });
  assert.equal(call(sender, "kill", inside.pid, SIGCONT), 0);
  assert.equal(call(sender, "kill", inside.pid, SIGUSR1), -EPERM);
  assert.equal(call(sender, "kill", outside.pid, SIGCONT), -EPERM);
});

test("kill reaches a process, a group, one's own group, or everybody else", () => {
  const { kernel } = createTestKernel();
  const sender = createTestTask(kernel).task;
  const sibling = createTestTask(kernel, sender).task;
  const other = createTestTask(kernel, sender, { ownGroup: true }).task;
  const everybody = [sender, sibling, other];
  const reached = (pid: number): boolean[] => {
    assert.equal(call(sender, "kill", pid, SIGUSR1), 0);
    return everybody.map((task) => task.group.pending.take(() => true) !== null);
  };
  assert.deepEqual(reached(other.pid), [false, false, true]);
  assert.deepEqual(reached(-other.pid), [false, false, true]);
  assert.deepEqual(reached(0), [true, true, false]);
  assert.deepEqual(reached(-1), [false, true, true]);
  assert.equal(call(sender, "kill", 999, SIGUSR1), -ESRCH);
  assert.equal(call(sender, "kill", -999, SIGUSR1), -ESRCH);
  assert.equal(call(sender, "kill", other.pid, 65), -EINVAL);
  assert.equal(call(sender, "kill", other.pid, -1), -EINVAL);
  assert.equal(call(sender, "tgkill", other.pid, sibling.tid, SIGUSR1), -ESRCH);
  assert.equal(call(sender, "tgkill", 0, other.tid, SIGUSR1), -EINVAL);
  assert.equal(call(sender, "tkill", 0, SIGUSR1), -EINVAL);
});

test("a made-up siginfo comes as it is, but can't pretend to be the kernel's or kill's", () => {
  const { kernel } = createTestKernel();
  const { task: sender, memory } = createTestTask(kernel);
  const target = createTestTask(kernel).task;
  [SIGUSR1, 2, -1, 0, 77, 88, 5, 6].forEach((word, index) => memory.storeU32(0x100 + index * 4, word >>> 0));
  assert.equal(call(sender, "rt_sigqueueinfo", target.pid, SIGUSR1, 0x100), 0);
  const { code, errno, pid, uid, valueLow, valueHigh } = target.group.pending.take(() => true)!;
  assert.deepEqual([code, errno, pid, uid, valueLow, valueHigh], [-1, 2, 77, 88, 5, 6]);
  for (const forged of [0, 1, -6]) {
    memory.storeU32(0x108, forged >>> 0);
    assert.equal(call(sender, "rt_sigqueueinfo", target.pid, SIGUSR1, 0x100), -EPERM);
    assert.equal(call(sender, "rt_tgsigqueueinfo", target.pid, target.tid, SIGUSR1, 0x100), -EPERM);
    assert.equal(call(sender, "rt_sigqueueinfo", sender.pid, SIGUSR1, 0x100), 0, "to oneself");
  }
  assert.equal(call(sender, "rt_sigqueueinfo", target.pid, 65, 0x100), -EPERM, "who forges is told so first");
  memory.storeU32(0x108, -1 >>> 0);
  assert.equal(call(sender, "rt_sigqueueinfo", target.pid, 65, 0x100), -EINVAL);
  assert.equal(call(sender, "rt_tgsigqueueinfo", sender.pid, target.tid, SIGUSR1, 0x100), -ESRCH);
});
