/**
 * What changes control groups: processes that move, controllers that come and go, freezing and killing. Read first:
 * task/control-group.ts.
 */
import { EAGAIN, EBUSY, ENOENT, EOPNOTSUPP, SIGKILL, SI_USER, isErrno } from "@stratos/abi";
import { Changes } from "../ground/changes.ts";
import { signalInfo } from "../signal/pending-signals.ts";
import { sendSignalToProcess } from "../signal/send-signal.ts";
import type { ControlGroup, Controller, ProcessorPart } from "./control-group.ts";
import type { Kernel } from "./kernel-state.ts";
import { stopByWaitingSignal } from "./deliver-signals.ts";
import { settleHart } from "./affinity.ts";
import { processesOf, tasksOf } from "./group-members.ts";
import { GroupProcessor } from "./group-processor.ts";
import { GroupOutOfMemory } from "./oom-killer.ts";
import type { Task } from "./task.ts";
import type { ThreadGroup } from "./thread-group.ts";
import { mayBeThreaded, mayDelegate, mayEnter } from "./threaded-groups.ts";

/**
 * Moves a process with all of its threads. What it has in memory stays charged where it is. Limits of what may be in
 * the group are for those who are born there: nobody is refused (cgroup-v2.rst, "PID").
 *
 * @returns what `mayEnter` says
 */
export function moveProcess(process: ThreadGroup, group: ControlGroup): number {
  const refused = mayEnter(group);
  if (refused === 0) moveTasks(process.leader.kernel, process.tasks, group);
  return process.tasks.every((task) => task.controlGroup === group) ? 0 : refused;
}

/** `cgroup.threads`. @returns what `mayEnter` says; −EOPNOTSUPP: it would leave the domain of its process */
export function moveThread(task: Task, group: ControlGroup): number {
  if (task.controlGroup === group) return 0;
  const refused = mayEnter(group);
  if (refused < 0) return refused;
  if (task.controlGroup.domain !== group.domain) return -EOPNOTSUPP;
  moveTasks(task.kernel, [task], group);
  return 0;
}

function moveTasks(kernel: Kernel, tasks: readonly Task[], group: ControlGroup): void {
  const moving = tasks.filter((task) => task.controlGroup !== group);
  countedAnew(kernel, moving, () => {
    for (const task of moving) {
      task.controlGroup.dismiss(task);
      task.controlGroup = group;
      group.admit(task);
      followAccount(task);
      setFrozen(task, group.isFrozen);
    }
  });
  for (const task of moving) settleHart(task);
}

/** `cgroup.type`: "threaded", for good. −ENOENT, −EOPNOTSUPP */
export function makeThreaded(kernel: Kernel, group: ControlGroup): number {
  if (group.isRemoved) return -ENOENT;
  if (group.isThreaded) return 0;
  const refused = mayBeThreaded(group);
  if (refused < 0) return refused;
  group.isThreaded = true;
  closeMemory(kernel, group);
  return 0;
}

/** They wait for the processor elsewhere afterwards, or are no candidates there. */
function countedAnew({ scheduler }: Kernel, tasks: Iterable<Task>, change: () => void): void {
  const ready = [...tasks].filter((task) => task.state === "R" && task !== scheduler.current);
  for (const task of ready) scheduler.dequeue(task);
  change();
  for (const task of ready) scheduler.enqueue(task);
}

/** `cpuset.cpus`: its processes, and those below, leave harts that it no longer has. */
export function setGroupHarts(kernel: Kernel, group: ControlGroup, harts: number): void {
  group.harts = harts;
  for (const below of group.downward()) for (const task of tasksOf(kernel, below)) settleHart(task);
}

/** From now on its pages are charged to its group. */
function followAccount(task: Task): void {
  task.space.account = task.controlGroup.account ?? task.kernel.memory;
}

/** It stops, or goes on, wherever it is. */
function setFrozen(task: Task, isFrozen: boolean): void {
  if (task.isFrozen === isFrozen) return;
  task.isFrozen = isFrozen;
  const { scheduler } = task.kernel;
  if (task === scheduler.current) scheduler.mustSwitch ||= isFrozen;
  else if (isFrozen) scheduler.dequeue(task);
  else if (task.state === "R") scheduler.enqueue(task);
}

/** `cgroup.freeze`. */
export function freezeGroup(kernel: Kernel, group: ControlGroup, freezes: boolean): void {
  if (group.freezes === freezes) return;
  group.freezes = freezes;
  for (const below of group.downward()) {
    if (freezes) for (const process of processesOf(kernel, below)) stopByWaitingSignal(process);
    for (const task of tasksOf(kernel, below)) setFrozen(task, below.isFrozen);
    below.tell("cgroup.events", below.changes);
  }
}

/** `cgroup.kill`: all that are in it and below. −EOPNOTSUPP: it has no processes, only threads */
export function killGroup(kernel: Kernel, group: ControlGroup): number {
  if (group.isThreaded) return -EOPNOTSUPP;
  const sender = kernel.scheduler.current;
  const from = sender === null ? {} : { pid: sender.group.pid, uid: sender.credentials.uid };
  for (const below of group.downward())
    for (const process of processesOf(kernel, below)) sendSignalToProcess(process, signalInfo(SIGKILL, SI_USER, from));
  return 0;
}

/**
 * `cgroup.subtree_control`: what children are given and lose.
 *
 * @returns −ENOENT: the group hasn't got it itself; −EBUSY: there are processes in it, or a child gives it on;
 *   −EOPNOTSUPP: threads alone may be there; −EAGAIN: the machine has no account of memory left
 */
export function changeDelegation(
  kernel: Kernel,
  group: ControlGroup,
  enable: readonly Controller[],
  disable: readonly Controller[],
): number {
  if (group.isRemoved) return -ENOENT;
  const fresh = enable.filter((each) => !group.delegated.has(each));
  if (fresh.some((each) => !group.controllers.includes(each))) return -ENOENT;
  for (const child of group.children.values()) if (disable.some((each) => child.delegated.has(each))) return -EBUSY;
  const refused = mayDelegate(group, fresh);
  if (refused < 0) return refused;
  if (fresh.includes("memory"))
    for (const child of group.children.values()) {
      if (openMemory(kernel, child)) continue;
      for (const each of group.children.values()) closeMemory(kernel, each);
      return -EAGAIN;
    }
  for (const each of fresh) group.delegated.add(each);
  if (fresh.includes("cpu")) changeProcessors(kernel, group, (child) => new GroupProcessor(kernel, child));
  for (const each of disable) {
    if (!group.delegated.delete(each)) continue;
    if (each === "cpu") changeProcessors(kernel, group, () => null);
    for (const child of group.children.values()) {
      if (each === "memory") closeMemory(kernel, child);
      else if (each === "pids") child.taskLimit = Infinity;
      else if (each === "cpuset") setGroupHarts(kernel, child, 0);
    }
  }
  return 0;
}

/** The cpu controller comes to the children of a group, or leaves them. */
function changeProcessors(
  kernel: Kernel,
  group: ControlGroup,
  processorOf: (child: ControlGroup) => ProcessorPart | null,
): void {
  const children = [...group.children.values()];
  for (const child of children) child.processor?.close();
  countedAnew(kernel, kernel.tasks.tasks.values(), () => {
    for (const child of children) child.processor = processorOf(child);
  });
}

/** The memory controller comes to a group. @returns false: the machine has no account left */
function openMemory(kernel: Kernel, group: ControlGroup): boolean {
  const parent = group.parent?.account ?? kernel.memory;
  const account = kernel.frames.open({ parent, limit: kernel.memory.limit });
  if (account === null) return false;
  account.shortage = new GroupOutOfMemory(kernel, group);
  group.memory = {
    account,
    min: 0,
    low: 0,
    high: Infinity,
    max: Infinity,
    swapMax: Infinity,
    endsWhole: false,
    events: { max: 0, oom: 0, oom_kill: 0, oom_group_kill: 0 },
    changes: new Changes(),
  };
  for (const below of group.downward()) for (const task of tasksOf(kernel, below)) followAccount(task);
  return true;
}

/** It goes: what is charged to it is charged to the group above. */
function closeMemory(kernel: Kernel, group: ControlGroup): void {
  const { memory } = group;
  if (memory === null) return;
  group.memory = null;
  // Not its own processes alone: one of another group may have their memory (CLONE_VM).
  for (const task of kernel.tasks.tasks.values()) if (task.space.account === memory.account) followAccount(task);
  for (const space of kernel.spaces)
    if (space.account === memory.account) space.account = group.parent?.account ?? kernel.memory;
  kernel.frames.close(memory.account);
}

/** mkdir(2) in a group. @returns the new group, −EAGAIN */
export function makeGroup(
  kernel: Kernel,
  parent: ControlGroup,
  name: string,
  owner: { uid: number; gid: number },
): ControlGroup | number {
  if (parent.isRemoved) return -ENOENT;
  const group = parent.make(name, owner);
  if (!isErrno(group) && parent.delegated.has("cpu")) group.processor = new GroupProcessor(kernel, group);
  if (isErrno(group) || !group.controllers.includes("memory") || openMemory(kernel, group)) return group;
  group.remove();
  return -EAGAIN;
}

/** rmdir(2). −EBUSY: there are groups or processes in it */
export function removeGroup(kernel: Kernel, group: ControlGroup): number {
  const failed = group.remove();
  if (failed < 0) return failed;
  // Each frame is looked at.
  if (group.memory !== null) kernel.work.charge(1 + (kernel.frames.total >> 10));
  closeMemory(kernel, group);
  group.processor?.close();
  return 0;
}
