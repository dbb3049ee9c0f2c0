/**
 * Goal: what a parent learns of its children, and what is left of them (wait(2), _exit(2)). Method: processes without a
 * processor end, stop and go on.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CLD_CONTINUED,
  CLD_DUMPED,
  CLD_EXITED,
  CLD_KILLED,
  CLD_STOPPED,
  ECHILD,
  EFAULT,
  EINVAL,
  ESRCH,
  SIGCHLD,
  SIGCONT,
  SIGHUP,
  SIGKILL,
  SIGSTOP,
  SIGUSR1,
  WCONTINUED,
  WEXITED,
  WNOHANG,
  WNOWAIT,
  WUNTRACED,
  __WALL,
  __WCLONE,
} from "@stratos/abi";
import { stopProcess } from "./deliver-signals.ts";
import { createTestKernel, createTestTask, type TestTask } from "../testing/fake-task.ts";
import { begin, call } from "../testing/system-calls.ts";
import { exitGroup } from "./exit.ts";
import type { Task } from "./task.ts";

const STATUS = 0x100,
  INFO = 0x200;
const SIG_IGN = { handler: 1, flags: 0, restorer: 0, maskLow: 0, maskHigh: 0 };
const HANDLER = { ...SIG_IGN, handler: 0x1000 };

function family(children: number): { parent: TestTask; children: Task[] } {
  const { kernel } = createTestKernel();
  const parent = createTestTask(kernel);
  return { parent, children: Array.from({ length: children }, () => createTestTask(kernel, parent.task).task) };
}

test("a parent that waits is told who ended and how, once; then the number is free", () => {
  const { parent, children } = family(2);
  const [child] = children as [Task];
  const { task, memory } = parent;
  assert.equal(call(task, "wait4", -1, STATUS, WNOHANG, 0), 0);
  const waiting = begin(task, "wait4", -1, STATUS, 0, 0);
  call(child, "exit_group", 0x103);
  assert.equal(waiting.resume(), child.pid);
  assert.equal(memory.loadU32(STATUS), 0x300);
  assert.equal(task.kernel.tasks.processes.has(child.pid), false);
  assert.equal(call(task, "wait4", child.pid, 0, 0, 0), -ECHILD);
  exitGroup(children[1]!, SIGKILL);
  assert.equal(call(task, "wait4", -1, STATUS, 0, 0), children[1]!.pid);
  assert.equal(memory.loadU32(STATUS), SIGKILL);
  assert.equal(call(task, "wait4", -1, 0, 0, 0), -ECHILD);
});

test("a wait asks for one child, for those of a group, or for all", () => {
  const { parent, children } = family(3);
  const { task } = parent;
  const [first, second, third] = children as [Task, Task, Task];
  assert.equal(call(second, "setpgid", 0, 0), 0);
  for (const child of children) call(child, "exit_group", 0);
  assert.equal(call(task, "wait4", third.pid, 0, 0, 0), third.pid);
  assert.equal(call(task, "wait4", third.pid, 0, WNOHANG, 0), -ECHILD);
  assert.equal(call(task, "wait4", -second.pid, 0, 0, 0), second.pid);
  assert.equal(call(task, "wait4", -second.pid, 0, 0, 0), -ECHILD);
  assert.equal(call(task, "wait4", 0, 0, 0, 0), first.pid);
  assert.equal(call(task, "wait4", -0x80000000, 0, 0, 0), -ESRCH);
  assert.equal(call(task, "wait4", -1, 0, 0x100, 0), -EINVAL);
});

test("waitid tells pid, user, code and value; WNOWAIT leaves the child to be waited for again", () => {
  const ends: [end: (child: Task) => void, code: number, value: number][] = [
    [(child) => call(child, "exit_group", 7), CLD_EXITED, 7],
    [(child) => exitGroup(child, SIGKILL), CLD_KILLED, SIGKILL],
    [(child) => exitGroup(child, 11 | 0x80), CLD_DUMPED, 11],
  ];
  for (const [end, code, value] of ends) {
    const { parent, children } = family(1);
    const [child] = children as [Task];
    child.credentials = { ...child.credentials, uid: 1000 };
    end(child);
    for (const options of [WEXITED | WNOWAIT, WEXITED]) {
      assert.equal(call(parent.task, "waitid", 1, child.pid, INFO, options, 0), 0);
      const words = [0, 8, 16, 20, 24].map((offset) => parent.memory.loadU32(INFO + offset));
      assert.deepEqual(words, [SIGCHLD, code, child.pid, 1000, value]);
    }
    assert.equal(call(parent.task, "waitid", 0, 0, INFO, WEXITED, 0), -ECHILD);
  }
  const { parent } = family(1);
  parent.memory.u8.fill(0xff, INFO, INFO + 128);
  assert.equal(call(parent.task, "waitid", 0, 0, INFO, WEXITED | WNOHANG, 0), 0);
  assert.equal(parent.memory.loadU32(INFO + 16), 0);
  assert.equal(call(parent.task, "waitid", 0, 0, INFO, 0, 0), -EINVAL);
  assert.equal(call(parent.task, "waitid", 9, 0, INFO, WEXITED, 0), -EINVAL);
  assert.equal(call(parent.task, "waitid", 1, 0, INFO, WEXITED, 0), -EINVAL);
});

test("stops and continuations are told to who asks for them, each once", () => {
  const { parent, children } = family(1);
  const { task, memory } = parent;
  const [child] = children as [Task];
  stopProcess(child.group, SIGSTOP);
  assert.equal(child.state, "T");
  assert.equal(call(task, "wait4", -1, STATUS, WNOHANG | WCONTINUED, 0), 0);
  assert.equal(call(task, "waitid", 0, 0, INFO, WUNTRACED | WNOWAIT, 0), 0);
  assert.deepEqual([memory.loadU32(INFO + 8), memory.loadU32(INFO + 24)], [CLD_STOPPED, SIGSTOP]);
  assert.equal(call(task, "wait4", -1, STATUS, WUNTRACED, 0), child.pid);
  assert.equal(memory.loadU32(STATUS), (SIGSTOP << 8) | 0x7f);
  assert.equal(call(task, "wait4", -1, STATUS, WNOHANG | WUNTRACED, 0), 0);
  assert.equal(call(task, "kill", child.pid, SIGCONT), 0);
  assert.equal(child.state, "R");
  assert.equal(call(task, "wait4", -1, STATUS, WNOHANG | WUNTRACED, 0), 0);
  assert.equal(call(task, "waitid", 0, 0, INFO, WCONTINUED | WNOWAIT, 0), 0);
  assert.deepEqual([memory.loadU32(INFO + 8), memory.loadU32(INFO + 24)], [CLD_CONTINUED, SIGCONT]);
  assert.equal(call(task, "wait4", -1, STATUS, WCONTINUED, 0), child.pid);
  assert.equal(memory.loadU32(STATUS), 0xffff);
  assert.equal(call(task, "wait4", -1, STATUS, WNOHANG | WCONTINUED, 0), 0);
});

test("children that clone made without SIGCHLD are waited for with __WCLONE or __WALL only", () => {
  for (const [exitSignal, options, isSeen] of [
    [SIGCHLD, 0, true],
    [SIGCHLD, __WCLONE, false],
    [SIGCHLD, __WALL, true],
    [0, 0, false],
    [0, __WCLONE, true],
    [SIGUSR1, __WALL, true],
  ] as const) {
    const { parent, children } = family(1);
    const [child] = children as [Task];
    child.group.exitSignal = exitSignal;
    call(child, "exit_group", 0);
    assert.equal(call(parent.task, "wait4", -1, 0, options | 0, 0), isSeen ? child.pid : -ECHILD);
  }
});

test("the end of a child is a SIGCHLD with its details; who ignores it has no zombies", () => {
  const { parent, children } = family(3);
  const { group } = parent.task;
  group.actions.set(SIGCHLD, HANDLER);
  call(children[0]!, "exit_group", 5);
  const info = group.pending.take(() => true)!;
  assert.deepEqual([info.signal, info.code, info.pid, info.status], [SIGCHLD, CLD_EXITED, children[0]!.pid, 5]);
  group.actions.set(SIGCHLD, SIG_IGN);
  call(children[1]!, "exit_group", 0);
  assert.deepEqual(
    [...group.children].map(({ pid }) => pid),
    [children[0]!.pid, children[2]!.pid],
  );
  // SA_NOCLDWAIT: no zombie, but the signal.
  group.actions.set(SIGCHLD, { ...HANDLER, flags: 2 });
  call(children[2]!, "exit_group", 0);
  assert.equal(group.children.size, 1);
  assert.equal(group.pending.take(() => true)?.pid, children[2]!.pid);
});

test("orphans go to the nearest subreaper, who waits for them; PR_SET_PDEATHSIG tells them", () => {
  const { parent: reaper, children } = family(1);
  const [middle] = children as [Task];
  const { kernel } = middle;
  const living = createTestTask(kernel, middle).task;
  const dead = createTestTask(kernel, middle).task;
  reaper.task.group.isSubreaper = true;
  living.group.actions.set(SIGUSR1, HANDLER);
  living.parentDeathSignal = SIGUSR1;
  call(dead, "exit_group", 9);
  call(middle, "exit_group", 0);
  assert.equal(living.group.parent?.pid, reaper.task.pid);
  assert.equal(living.group.pending.set.has(SIGUSR1), true);
  const seen = [0, 1].map(() => call(reaper.task, "wait4", -1, 0, WNOHANG, 0));
  assert.deepEqual(seen.sort(), [middle.pid, dead.pid].sort());
  assert.equal(call(reaper.task, "wait4", -1, 0, WNOHANG, 0), 0);
});

test("what a child used counts for its parent once it was waited for", () => {
  const { parent, children } = family(2);
  const [child, ignored] = children as [Task, Task];
  Object.assign(child, { userNs: 3e9, systemNs: 2e9, minorFaults: 5, majorFaults: 1, voluntarySwitches: 4 });
  Object.assign(child.group, { childrenUserNs: 1e9, childrenMaximumResidentPages: 77 });
  ignored.userNs = 50e9;
  call(child, "exit_group", 0);
  assert.equal(parent.task.group.childrenUserNs, 0);
  call(parent.task, "wait4", child.pid, 0, 0, 0);
  parent.task.group.actions.set(SIGCHLD, SIG_IGN);
  call(ignored, "exit_group", 0);
  const { childrenUserNs, childrenSystemNs, childrenMinorFaults, childrenMajorFaults } = parent.task.group;
  assert.deepEqual([childrenUserNs, childrenSystemNs, childrenMinorFaults, childrenMajorFaults], [4e9, 2e9, 5, 1]);
  assert.deepEqual(
    [parent.task.group.childrenVoluntarySwitches, parent.task.group.childrenMaximumResidentPages],
    [4, 77],
  );
});

test("a stopped group that loses its last tie to its session is hung up and continued", () => {
  const { parent, children } = family(1);
  const { kernel } = parent.task;
  const [shell] = children as [Task];
  const job = createTestTask(kernel, shell, { ownGroup: true }).task;
  job.group.actions.set(SIGHUP, HANDLER);
  job.group.actions.set(SIGCONT, HANDLER);
  stopProcess(job.group, SIGSTOP);
  call(shell, "exit_group", 0);
  assert.equal(job.state, "R");
  assert.deepEqual([job.group.pending.set.has(SIGHUP), job.group.pending.set.has(SIGCONT)], [true, true]);

  const running = family(1);
  const runningJob = createTestTask(running.parent.task.kernel, running.children[0]!, { ownGroup: true }).task;
  runningJob.group.actions.set(SIGHUP, HANDLER);
  call(running.children[0]!, "exit_group", 0);
  assert.equal(runningJob.group.pending.isEmpty, true);
});

test("a status or usage that cannot be stored is EFAULT", () => {
  const { parent, children } = family(2);
  for (const child of children) call(child, "exit_group", 0);
  assert.equal(call(parent.task, "wait4", -1, 0x7fffffff, 0, 0), -EFAULT);
  assert.equal(call(parent.task, "wait4", -1, 0, 0, 0x7fffffff), -EFAULT);
});
