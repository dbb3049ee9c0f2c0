/**
 * The files of a control group: what they say, and what is done with what is written to them (Linux
 * Documentation/admin-guide/cgroup-v2.rst, "Core Interface Files", "PID", "Memory"; kernel/cgroup/cgroup.c).
 */
import { EACCES, EINVAL, ENOENT, EOPNOTSUPP, EPERM, ERANGE, ESRCH } from "@stratos/abi";
import type { TextOpener } from "../pseudo/pseudo-inodes.ts";
import type { Credentials } from "../security/credentials.ts";
import { checkAccess, MAY_WRITE } from "../security/permission.ts";
import { CONTROLLERS, type ControlGroup, type Controller } from "../task/control-group.ts";
import { changeDelegation, moveProcess, moveThread } from "../task/control-group-changes.ts";
import { processesOf } from "../task/group-members.ts";
import { mayEnter } from "../task/threaded-groups.ts";
import type { Kernel } from "../task/kernel-state.ts";
import type { Task } from "../task/task.ts";
import { core, type GroupFileKind } from "./group-file-kind.ts";
import { childGroupFiles } from "./child-group-files.ts";
import { amount, setCount } from "./group-numbers.ts";

type Kinds = Record<string, GroupFileKind>;

/** What may be written in the root group of a namespace from within it, where that delimits what its processes have. */
const DELEGATABLE: ReadonlySet<string> = new Set(["cgroup.procs", "cgroup.threads", "cgroup.subtree_control"]);

/** 0; −EPERM: it is a limit of the opener's namespace itself (cgroup_file_write in kernel/cgroup/cgroup.c). */
export function mayWrite(kernel: Kernel, { groupRoot: root }: TextOpener, group: ControlGroup, name: string): number {
  const isLimit = kernel.controlGroups.nsDelegates && root.parent !== null && group === root;
  return isLimit && !DELEGATABLE.has(name) ? -EPERM : 0;
}

/** By name, in the order in which they are listed. */
export function groupFiles(kernel: Kernel, group: ControlGroup): Kinds {
  const inAll = coreFiles(kernel, group);
  if (group.parent === null) return inAll;
  return { ...inAll, ...childGroupFiles(kernel, group) };
}

function coreFiles(kernel: Kernel, group: ControlGroup): Kinds {
  return {
    "cgroup.controllers": core(() => words(group.controllers)),
    "cgroup.max.depth": core(
      () => amount(group.depthLimit),
      (_task, text) => setCount(text, (most) => (group.depthLimit = most), -ERANGE),
    ),
    "cgroup.max.descendants": core(
      () => amount(group.descendantLimit),
      (_task, text) => setCount(text, (most) => (group.descendantLimit = most), -ERANGE),
    ),
    "cgroup.procs": core(
      (task) => (group.isThreaded ? -EOPNOTSUPP : describeIds(task, processIds(kernel, group))),
      (task, text, opener) => attach(kernel, task, text, opener, group),
    ),
    "cgroup.stat": core(() => `nr_descendants ${group.descendantCount}\nnr_dying_descendants 0\n`),
    "cgroup.subtree_control": core(
      () => words(CONTROLLERS.filter((each) => group.delegated.has(each))),
      (_task, text) => delegate(kernel, group, text),
    ),
    "cgroup.threads": core(
      (task) =>
        describeIds(
          task,
          [...group.members].map(({ tid }) => tid),
        ),
      (task, text, opener) => attachThread(kernel, task, text, opener, group),
    ),
    "cpu.stat": core(() => {
      const { userNs, systemNs } = group.usage;
      const [user, system] = [Math.floor(userNs / 1000), Math.floor(systemNs / 1000)];
      const times = `usage_usec ${user + system}\nuser_usec ${user}\nsystem_usec ${system}\n`;
      return group.controllers.includes("cpu") ? times + bandwidthStatistics(group) : times;
    }),
  };
}

/** Behind the times in `cpu.stat`. */
function bandwidthStatistics({ processor }: ControlGroup): string {
  const { periods = 0, throttledPeriods = 0, throttledNs = 0, bursts = 0, burstNs = 0 } = processor ?? {};
  return (
    `nr_periods ${periods}\nnr_throttled ${throttledPeriods}\nthrottled_usec ${Math.floor(throttledNs / 1000)}\n` +
    `nr_bursts ${bursts}\nburst_usec ${Math.floor(burstNs / 1000)}\n`
  );
}

function words(names: readonly string[]): string {
  return names.length === 0 ? "" : `${names.join(" ")}\n`;
}

/** The numbers that the reader has for these, in order. */
function describeIds({ group: { pidNamespace } }: Task, rootIds: Iterable<number>): string {
  const ids = [...rootIds].map((id) => pidNamespace.idOf(id)).filter((id) => id > 0);
  return ids
    .sort((one, other) => one - other)
    .map((id) => `${id}\n`)
    .join("");
}

/** Those of the group, and of threaded groups whose domain it is. */
function processIds(kernel: Kernel, group: ControlGroup): Set<number> {
  const ids = new Set<number>();
  for (const process of processesOf(kernel, group)) ids.add(process.pid);
  for (const child of group.children.values())
    if (child.isThreaded) for (const id of processIds(kernel, child)) ids.add(id);
  return ids;
}

/** `cgroup.subtree_control`: "+memory -pids". */
function delegate(kernel: Kernel, group: ControlGroup, text: string): number {
  const enable = new Set<Controller>();
  const disable = new Set<Controller>();
  for (const word of text.trim().split(/\s+/)) {
    const controller = CONTROLLERS.find((each) => each === word.slice(1));
    if (word === "") continue;
    if (controller === undefined || !/^[+-]/.test(word)) return -EINVAL;
    (word.startsWith("+") ? enable : disable).add(controller);
    (word.startsWith("+") ? disable : enable).delete(controller);
  }
  return changeDelegation(kernel, group, [...enable], [...disable]);
}

/** `cgroup.procs`: the process of a number comes into the group; 0: the writer's own. */
function attach(kernel: Kernel, task: Task, text: string, opener: TextOpener, group: ControlGroup): number {
  const wanted = text.trim();
  if (!/^\d{1,10}$/.test(wanted)) return -EINVAL;
  const process = wanted === "0" ? task.group : kernel.tasks.processOfThreadIn(task.group.pidNamespace, Number(wanted));
  if (process === undefined) return -ESRCH;
  const refused = mayMove(kernel, opener, process.leader.controlGroup, group);
  // Who has ended stays where it was, without a word.
  return refused < 0 || process.isZombie ? refused : moveProcess(process, group);
}

/** `cgroup.threads`: the thread of a number; 0: the writer's own. */
function attachThread(kernel: Kernel, task: Task, text: string, opener: TextOpener, group: ControlGroup): number {
  const wanted = text.trim();
  if (!/^\d{1,10}$/.test(wanted)) return -EINVAL;
  const thread = wanted === "0" ? task : kernel.tasks.taskIn(task.group.pidNamespace, Number(wanted));
  if (thread === undefined) return -ESRCH;
  const refused = mayMove(kernel, opener, thread.controlGroup, group);
  return refused < 0 ? refused : moveThread(thread, group);
}

/**
 * Who moves a process from one group to another must be allowed to write to `cgroup.procs` of the nearest group above
 * both; with `nsdelegate` neither may lie outside of his cgroup namespace (cgroup-v2.rst, "Delegation Containment").
 */
function mayMove(kernel: Kernel, opener: TextOpener, from: ControlGroup, to: ControlGroup): number {
  if (from === to) return 0;
  const { credentials, groupRoot: root } = opener;
  if (kernel.controlGroups.nsDelegates && (!from.isWithin(root) || !to.isWithin(root))) return -ENOENT;
  let above = to;
  while (!from.isWithin(above)) above = above.parent!;
  return mayWriteProcesses(kernel, credentials, above);
}

function mayWriteProcesses({ controlGroups }: Kernel, credentials: Credentials, group: ControlGroup): number {
  const file = controlGroups.watcher?.fileOf(group, "cgroup.procs") ?? null;
  return file === null ? -EACCES : checkAccess(credentials, file, MAY_WRITE);
}

/** May a process of the caller begin in the group (clone3(2), CLONE_INTO_CGROUP)? */
export function mayBeginIn(task: Task, group: ControlGroup): number {
  const { kernel, credentials } = task;
  return (
    mayWriteProcesses(kernel, credentials, group) ||
    mayMove(kernel, { credentials, groupRoot: task.namespaces.cgroup.root }, task.controlGroup, group) ||
    mayEnter(group)
  );
}
