/**
 * Goal: what a new thread or process shares with its maker, and what it has of its own (clone(2), clone3(2)). Method:
 * tasks with real memory and registers, but no processor.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CAP_CHECKPOINT_RESTORE,
  CLONE_CHILD_CLEARTID,
  CLONE_CHILD_SETTID,
  CLONE_CLEAR_SIGHAND,
  CLONE_DETACHED,
  CLONE_FILES,
  CLONE_INTO_CGROUP,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWTIME,
  CLONE_PARENT,
  CLONE_PARENT_SETTID,
  CLONE_PIDFD,
  CLONE_SETTLS,
  CLONE_SIGHAND,
  CLONE_THREAD,
  CLONE_VFORK,
  CLONE_VM,
  EAGAIN,
  EBADF,
  EEXIST,
  EFAULT,
  EINVAL,
  ENOMEM,
  ENOSPC,
  EPERM,
  MAP_ANONYMOUS,
  MAP_PRIVATE,
  MAP_SHARED,
  PROT_READ,
  PROT_WRITE,
  RLIMIT_NPROC,
  SIGCHLD,
  SIGINT,
  SIGKILL,
  SIGUSR1,
  SIG_DFL,
  SIG_IGN,
} from "@stratos/abi";
import { HART_STATE_SIZE } from "@stratos/riscv";
import type { Kernel } from "./kernel-state.ts";
import { Tmpfs } from "../fs/tmpfs/tmpfs.ts";
import { mmap } from "../mm/mmap.ts";
import { INITIAL_USER_NAMESPACE } from "../security/user-namespace.ts";
import { asCurrent } from "../testing/fake-task.ts";
import { FileTask } from "../testing/file-system-task.ts";
import { createMemoryTask } from "../testing/memory-task.ts";
import { begin, call } from "../testing/system-calls.ts";
import { mountRoot } from "../vfs/boot-mounts.ts";
import type { OpenFile } from "../vfs/open-file.ts";
import { coreName } from "./core-dump/core-name.ts";
import { startProcess } from "./first-process.ts";
import { exitGroup, killNow } from "./exit.ts";
import type { Task } from "./task.ts";
import { PidFile } from "./pidfd.ts";

const THREAD = CLONE_VM | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD;
const SP = 2,
  TP = 4,
  A0 = 10,
  PROGRAM = 0x5550;

interface Maker {
  kernel: Kernel;
  task: Task;
  page: number;
}

function createMaker(): Maker {
  const { kernel, task } = createMemoryTask();
  const fs = { users: 1, copy: () => ({ ...fs, users: 1 }), release: () => {} };
  task.fs = fs as unknown as Task["fs"];
  const page = map(task, MAP_PRIVATE);
  kernel.hart.pc = PROGRAM;
  for (let register = 1; register < 32; register++) kernel.hart.set(register, register * 16);
  return { kernel, task, page };
}

function map(task: Task, kind: number): number {
  return mmap(task, {
    address: 0,
    length: 4096,
    protection: PROT_READ | PROT_WRITE,
    flags: kind | MAP_ANONYMOUS,
    file: null,
    offset: 0,
  });
}

function clone({ kernel, task }: Maker, flags: number, stack = 0, parentTid = 0, tls = 0, childTid = 0): Task {
  const tid = call(task, "clone", flags, stack, parentTid, tls, childTid);
  assert.ok(tid > 0, String(tid));
  return kernel.tasks.tasks.get(tid)!;
}

function register(task: Task, number: number): number {
  return Number(new DataView(task.registers.buffer).getBigInt64(number * 8, true));
}

test("a child goes on behind the call with 0 and its own stack and thread pointer", () => {
  const maker = createMaker();
  const child = clone(maker, SIGCHLD | CLONE_SETTLS, 0x7000, 0, 0x1234567890);
  assert.equal(child.registers.length, HART_STATE_SIZE);
  assert.deepEqual(
    [A0, SP, TP, 9].map((number) => register(child, number)),
    [0, 0x7000, 0x1234567890, 9 * 16],
  );
  const saved = new Uint8Array(HART_STATE_SIZE);
  maker.kernel.hart.saveTo(saved);
  maker.kernel.hart.loadFrom(child.registers);
  assert.equal(maker.kernel.hart.pc, PROGRAM + 4);
  maker.kernel.hart.loadFrom(saved);
  const plain = clone(maker, SIGCHLD);
  assert.deepEqual(
    [SP, TP].map((number) => register(plain, number)),
    [SP * 16, TP * 16],
  );
  assert.ok(plain.queueIndex >= 0, "it wants to run");
});

test("a process has memory, files and handlers of its own; what is mapped shared is shared", () => {
  const maker = createMaker();
  const { task, page } = maker;
  const shared = map(task, MAP_SHARED);
  task.space.storeU32(page, 1);
  task.group.limits[RLIMIT_NPROC] = { ...task.group.limits[RLIMIT_NPROC]!, soft: 50 };
  Object.assign(task, { nice: 5, name: "maker", timerSlackNs: 77 });
  task.blocked.add(SIGUSR1);
  const child = clone(maker, SIGCHLD);
  task.space.storeU32(page, 2);
  task.space.storeU32(shared, 3);
  assert.deepEqual([child.space.loadU32(page), child.space.loadU32(shared)], [1, 3]);
  assert.equal(child.space.storeU32(page, 9), 0);
  assert.equal(task.space.loadU32(page), 2);
  assert.ok(child.files !== task.files && child.group.actions !== task.group.actions);
  assert.deepEqual([child.nice, child.name, child.timerSlackNs, child.blocked.has(SIGUSR1)], [5, "maker", 77, true]);
  assert.equal(child.group.limits[RLIMIT_NPROC]!.soft, 50);
  child.group.limits[RLIMIT_NPROC] = { ...child.group.limits[RLIMIT_NPROC]!, soft: 3 };
  assert.equal(task.group.limits[RLIMIT_NPROC]!.soft, 50);
  assert.deepEqual([child.group.parent?.pid, child.group.exitSignal, child.pid], [task.pid, SIGCHLD, child.tid]);
  assert.ok(task.group.children.has(child.group));
});

test("a thread shares all of it, and the process's number", () => {
  const maker = createMaker();
  const { task, page } = maker;
  const thread = clone(maker, THREAD, 0x7000);
  assert.deepEqual(
    task.group.tasks.map(({ tid }) => tid),
    [task.tid, thread.tid],
  );
  assert.notEqual(thread.tid, thread.pid);
  thread.space.storeU32(page, 4);
  assert.equal(task.space.loadU32(page), 4);
  assert.ok(thread.files === task.files);
  assert.equal(task.group.children.size, 0);
  call(thread, "exit", 0);
  assert.equal(task.space.loadU32(page), 4, "the others keep the memory");
});

test("thread ids are stored where the flags say, in whose memory they say", () => {
  const maker = createMaker();
  const { task, page } = maker;
  const flags = CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;
  const child = clone(maker, SIGCHLD | flags, 0, page, 0, page + 4);
  assert.deepEqual([task.space.loadU32(page), task.space.loadU32(page + 4)], [child.tid, 0]);
  assert.equal(child.space.loadU32(page + 4), child.tid);
  assert.equal(child.clearTid, page + 4);
  assert.equal(clone(maker, SIGCHLD).clearTid, 0);
});

test("CLONE_PIDFD gives a descriptor that a program doesn't inherit", () => {
  const maker = createMaker();
  const { task, page } = maker;
  const child = clone(maker, SIGCHLD | CLONE_PIDFD, 0, page);
  const fd = task.space.loadU32(page);
  assert.equal(task.files.isCloseOnExec(fd), true);
  const file = task.files.get(fd);
  assert.ok(file instanceof PidFile);
  assert.ok(file.group === child.group);
});

test("who shares nothing may always ask for handlers of his own", () => {
  const { task } = createMaker();
  assert.equal(call(task, "unshare", CLONE_SIGHAND), 0);
});

test("CLONE_PARENT makes a sibling", () => {
  const maker = createMaker();
  const child = clone(maker, SIGCHLD);
  const sibling = clone({ ...maker, task: child }, CLONE_PARENT | SIGCHLD);
  assert.equal(sibling.group.parent?.pid, maker.task.pid);
});

test("the maker of a vfork sleeps until its child executes or ends", () => {
  const maker = createMaker();
  const { task, kernel } = maker;
  const before = new Set(kernel.tasks.tasks.keys());
  const waiting = begin(task, "clone", CLONE_VM | CLONE_VFORK | SIGCHLD, 0, 0, 0, 0);
  assert.ok(waiting.isBlocked);
  const child = [...kernel.tasks.tasks.values()].find(({ tid }) => !before.has(tid))!;
  assert.ok(child.space === task.space);
  assert.equal(waiting.resume(), null);
  exitGroup(child, 0);
  assert.equal(waiting.resume(), child.tid);
});

test("flags that contradict each other are refused", () => {
  const { task } = createMaker();
  for (const flags of [CLONE_SIGHAND, CLONE_THREAD, CLONE_THREAD | CLONE_VM])
    assert.equal(call(task, "clone", flags, 0, 0, 0, 0), -EINVAL, flags.toString(16));
  assert.equal(task.group.children.size, 0);
});

test("RLIMIT_NPROC bounds the tasks of a user, not of root; a deadline isn't shared", () => {
  const maker = createMaker();
  const { task } = maker;
  task.group.limits[RLIMIT_NPROC] = { ...task.group.limits[RLIMIT_NPROC]!, soft: 2 };
  for (let count = 0; count < 3; count++) clone(maker, SIGCHLD);
  task.credentials = { ...task.credentials, uid: 9 };
  clone(maker, SIGCHLD);
  assert.equal(call(task, "clone", SIGCHLD, 0, 0, 0, 0), -EAGAIN);
  task.credentials = { ...task.credentials, uid: 0 };
  task.deadlineShare = { runtimeNs: 1, deadlineNs: 2, periodNs: 2 };
  assert.equal(call(task, "clone", SIGCHLD, 0, 0, 0, 0), -EAGAIN);
});

/** Of a process that was not started; a task would be printed with its whole kernel. */
function refusalOf(started: ReturnType<typeof startProcess>): object | null {
  return "errno" in started ? started : null;
}

test("who waits to be reaped counts against RLIMIT_NPROC and the machine's most tasks", () => {
  const maker = createMaker();
  const { task, kernel } = maker;
  task.credentials = { ...task.credentials, uid: 9 };
  task.group.limits[RLIMIT_NPROC] = { ...task.group.limits[RLIMIT_NPROC]!, soft: 3 };
  for (let count = 0; count < 2; count++) call(clone(maker, SIGCHLD), "exit_group", 0);
  assert.equal(call(task, "clone", SIGCHLD, 0, 0, 0, 0), -EAGAIN);
  assert.ok(call(task, "wait4", -1, 0, 0, 0) > 0);
  call(clone(maker, SIGCHLD), "exit_group", 0);
  task.credentials = { ...task.credentials, uid: 0 };
  while (kernel.tasks.count < kernel.maximumTasks) call(clone(maker, SIGCHLD), "exit_group", 0);
  assert.equal(kernel.tasks.tasks.size, 1);
  const helper = { path: "/none", argv: [], environment: [], workingDirectory: "/", standardFiles: [] };
  assert.deepEqual(refusalOf(startProcess(kernel, helper)), { what: "program", errno: EAGAIN }, "a helper counts, too");
  assert.equal(call(task, "clone", SIGCHLD, 0, 0, 0, 0), -EAGAIN);
  assert.ok(call(task, "wait4", -1, 0, 0, 0) > 0);
  clone(maker, SIGCHLD);
});

test("who is killed now leaves its place at once, whoever of a family comes first; in a call after it", () => {
  for (const order of ["down", "up"]) {
    const maker = createMaker();
    const { task, kernel } = maker;
    task.group.actions.set(SIGCHLD, { ...task.group.actions.get(SIGCHLD), handler: SIG_IGN });
    const child = clone(maker, SIGCHLD);
    child.group.actions.set(SIGCHLD, { ...child.group.actions.get(SIGCHLD), handler: SIG_DFL });
    const family = [child, clone({ ...maker, task: child }, SIGCHLD)].map(({ group }) => group);
    clone({ ...maker, task: child }, THREAD, 0x1000);
    assert.equal(kernel.tasks.count, 4);
    for (const process of order === "down" ? family : family.toReversed()) killNow(process);
    assert.deepEqual([kernel.tasks.count, kernel.tasks.processes.size], [1, 1], order);
    asCurrent(task, () => killNow(task.group));
    assert.deepEqual([kernel.tasks.count, task.group.pending.set.has(SIGKILL)], [1, true]);
  }
});

test("without a free number there is no child and nothing of it stays; a machine's own programs need one, too", () => {
  const maker = createMaker();
  const { task, kernel } = maker;
  kernel.tasks.maximum = 301;
  kernel.tasks.lastAllocated = 299;
  clone(maker, SIGCHLD);
  const users = [task.files.users, task.group.children.size, kernel.memory.free];
  assert.equal(call(task, "clone", SIGCHLD, 0, 0, 0, 0), -EAGAIN);
  assert.deepEqual([task.files.users, task.group.children.size, kernel.memory.free], users);
  const request = { path: "/none", argv: [], environment: [], workingDirectory: "/" };
  const file = { references: 1, release: () => file.references-- };
  const standardFiles = [file as unknown as OpenFile];
  assert.deepEqual(refusalOf(startProcess(kernel, { ...request, standardFiles })), { what: "program", errno: EAGAIN });
  assert.equal(file.references, 0);
});

test("who outlives its namespace's init within a call is reaped by nobody, and leaves nothing", () => {
  const maker = createMaker();
  const { kernel } = maker;
  const init = clone(maker, SIGCHLD | CLONE_NEWPID);
  const id = call(init, "clone", SIGCHLD, 0, 0, 0, 0);
  const member = kernel.tasks.taskIn(init.group.pidNamespace, id)!;
  kernel.coreSettings.pattern = "%p %P %i %I";
  assert.equal(coreName(member, SIGINT), `2 ${member.pid} 2 ${member.tid}`, "cores are named by its own numbers");
  Object.assign(kernel.coreSettings, { pattern: "core", usesPid: true });
  assert.equal(coreName(member, SIGINT), "core.2");
  asCurrent(member, () => exitGroup(init, SIGINT));
  assert.ok(kernel.tasks.processes.has(member.pid));
  exitGroup(member, SIGKILL);
  assert.equal(kernel.tasks.processes.has(member.pid), false);
  assert.equal(kernel.tasks.zombies, 1, "its init waits for its parent");
});

test("who resets on fork has children of the normal policy", () => {
  const maker = createMaker();
  Object.assign(maker.task, { policy: 1, realtimePriority: 20, effectivePriority: 60, nice: -5 });
  const child = clone(maker, SIGCHLD);
  assert.deepEqual([child.policy, child.realtimePriority, child.effectivePriority, child.nice], [1, 20, 20, -5]);
  maker.task.resetsOnFork = true;
  const reset = clone(maker, SIGCHLD);
  assert.deepEqual([reset.policy, reset.realtimePriority, reset.nice, reset.resetsOnFork], [0, 0, 0, false]);
});

test("clone3 takes its structure, and refuses what it doesn't know", () => {
  const maker = createMaker();
  const { kernel, task, page } = maker;
  const { actions } = task.group;
  actions.set(SIGUSR1, { handler: 0x1000, flags: 0, restorer: 0, maskLow: 0, maskHigh: 0 });
  const clone3 = (words: Record<number, number>, size = 88): number => {
    for (let index = 0; index < 12; index++) task.space.storeU64(page + index * 8, words[index] ?? 0);
    return call(task, "clone3", page, size);
  };
  // flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls
  const child = kernel.tasks.tasks.get(
    clone3({ 0: CLONE_SETTLS | CLONE_PARENT_SETTID, 3: page + 512, 4: SIGUSR1, 5: 0x4000, 6: 0x800, 7: 0x99 }),
  )!;
  assert.deepEqual([register(child, SP), register(child, TP), child.group.exitSignal], [0x4800, 0x99, SIGUSR1]);
  assert.equal(task.space.loadU32(page + 512), child.tid);
  assert.equal(child.group.actions.get(SIGUSR1).handler, 0x1000);
  const cleared = kernel.tasks.tasks.get(clone3({ 0: CLONE_CLEAR_SIGHAND }))!;
  assert.equal(cleared.group.actions.get(SIGUSR1).handler, 0);
  assert.equal(actions.get(SIGUSR1).handler, 0x1000);
  const refused: Record<number, number>[] = [
    { 0: 2 * CLONE_INTO_CGROUP },
    { 0: CLONE_INTO_CGROUP, 10: 2 ** 31 },
    { 0: 1 },
    { 0: CLONE_DETACHED },
    { 4: 65 },
    { 5: 0x4000 },
    { 6: 0x800 },
    { 0: CLONE_PARENT, 4: SIGCHLD },
    { 8: page },
    { 0: CLONE_CLEAR_SIGHAND + CLONE_SIGHAND + CLONE_VM },
  ];
  for (const words of refused) assert.equal(clone3(words), -EINVAL, JSON.stringify(words));
  assert.equal(actions.get(SIGUSR1).handler, 0x1000);
  assert.equal(clone3({ 0: CLONE_INTO_CGROUP, 10: 77 }, 80), -EINVAL, "its descriptor came later to the structure");
  assert.equal(clone3({ 0: CLONE_INTO_CGROUP, 10: 77 }), -EBADF);
  assert.equal(clone3({}, 63), -EINVAL);
  assert.equal(clone3({ 11: 1 }, 96), -7);
  const inTime = kernel.tasks.tasks.get(clone3({ 0: CLONE_NEWTIME }))!;
  assert.notEqual(inTime.namespaces.time, task.namespaces.time);
  assert.ok(clone3({}, 96) > 0);
  assert.equal(call(task, "clone3", page, 4097), -7);
  assert.equal(call(task, "clone3", 64, 88), -EFAULT);
});

test("clone3 gives the numbers that set_tid asks for, in each namespace, to who may restore processes", () => {
  const { kernel, task, page } = createMaker();
  const clone3 = (numbers: readonly number[], flags = 0): number => {
    const words = [flags, 0, 0, 0, SIGCHLD, 0, 0, 0, page + 512, numbers.length];
    words.forEach((word, index) => task.space.storeU64(page + index * 8, word));
    numbers.forEach((number, index) => task.space.storeU32(page + 512 + index * 4, number));
    return call(task, "clone3", page, 80);
  };
  assert.equal(clone3([4000]), 4000);
  assert.equal(clone3([4000]), -EEXIST);
  assert.equal(clone3([4100, 5]), -EINVAL, "there is no namespace above");
  for (const wrong of [0, -1, kernel.tasks.maximum]) assert.equal(clone3([wrong]), -EINVAL, `${wrong}`);
  assert.equal(clone3([9], CLONE_NEWPID), -EINVAL, "the first in a namespace is 1");
  assert.equal(clone3([1, 4200], CLONE_NEWPID), 4200);
  const { pidNamespace } = kernel.tasks.processes.get(4200)!;
  assert.equal(pidNamespace.idOf(4200), 1);
  assert.ok(clone3([]) < 4000, "what counts up is not moved");
  const { credentials } = task;
  task.credentials = { ...credentials, effective: 0 };
  assert.equal(clone3([4300]), -EPERM);
  task.credentials = { ...credentials, effective: 2 ** CAP_CHECKPOINT_RESTORE };
  assert.equal(clone3([4300]), 4300);
});

test("a clone into a pid namespace that has ended (ENOMEM) uses up no namespace of another kind", () => {
  const { kernel, task } = createMemoryTask();
  mountRoot(kernel, new Tmpfs(kernel));
  task.fs = new FileTask(kernel).task.fs.copy();
  const { pidForChildren } = task.namespaces;
  kernel.namespaceCounts.setLimit(INITIAL_USER_NAMESPACE, "mnt", 1);
  pidForChildren.isEnded = true;
  assert.equal(call(task, "clone", CLONE_NEWNS | SIGCHLD, 0), -ENOMEM);
  pidForChildren.isEnded = false;
  assert.ok(call(task, "clone", CLONE_NEWNS | SIGCHLD, 0) > 0);
  assert.equal(call(task, "clone", CLONE_NEWNS | SIGCHLD, 0), -ENOSPC);
});

test("a child's memory is counted for the group that it is made in", () => {
  const maker = createMaker();
  const { kernel, task } = maker;
  const { root } = kernel.controlGroups;
  const account = Object.create(kernel.memory) as Kernel["memory"];
  Object.defineProperty(root, "account", { get: () => account, configurable: true });
  assert.ok(clone(maker, SIGCHLD).space.account === account);
  clone(maker, SIGCHLD | CLONE_VM);
  assert.ok(task.space.account === kernel.memory, "what is shared stays where it is counted");
});
