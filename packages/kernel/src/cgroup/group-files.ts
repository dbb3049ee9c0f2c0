/**
 * The files of a control group: what they say, and what is done with what is written to them (Linux
 * Documentation/admin-guide/cgroup-v2.rst, "Core Interface Files", "PID", "Memory"; kernel/cgroup/cgroup.c).
 */
import { EACCES, EINVAL, ENOENT, EOPNOTSUPP, EPERM, ERANGE, ESRCH, PAGE_SIZE } from "@stratos/abi";
import type { TextOpener, TextSink, TextSource } from "../pseudo/pseudo-inodes.ts";
import type { Credentials } from "../security/credentials.ts";
import { checkAccess, MAY_WRITE } from "../security/permission.ts";
import { CONTROLLERS, type ControlGroup, type Controller, type GroupMemory } from "../task/control-group.ts";
import { changeDelegation, freezeGroup, killGroup, mayEnter, moveProcess } from "../task/control-group-changes.ts";
import type { Kernel } from "../task/kernel-state.ts";
import type { Task } from "../task/task.ts";
import type { GroupFileKind } from "./group-file-kind.ts";
import { integerOf } from "./group-numbers.ts";
import { bandwidthStatistics, cpusetFiles, processorFiles } from "./processor-files.ts";

type Kinds = Record<string, GroupFileKind>;

/** What may be written in the root group of a namespace from within it, where that delimits what its processes have. */
const DELEGATABLE: ReadonlySet<string> = new Set(["cgroup.procs", "cgroup.threads", "cgroup.subtree_control"]);

/** 0; −EPERM: it is a limit of the namespace itself (cgroup_file_write in kernel/cgroup/cgroup.c). */
export function mayWrite({ kernel, namespaces }: Task, group: ControlGroup, name: string): number {
  const { root } = namespaces.cgroup;
  const isLimit = kernel.controlGroups.nsDelegates && root.parent !== null && group === root;
  return isLimit && !DELEGATABLE.has(name) ? -EPERM : 0;
}

/** By name, in the order in which they are listed. */
export function groupFiles(kernel: Kernel, group: ControlGroup): Kinds {
  const inAll = coreFiles(kernel, group);
  if (group.parent === null) return inAll;
  return {
    ...inAll,
    ...childFiles(kernel, group),
    ...cpusetFiles(kernel, group),
    ...processorFiles(group),
    ...memoryFiles(kernel, group),
    ...pidsFiles(group),
  };
}

const core = (source: TextSource, sink?: TextSink): GroupFileKind => ({
  controller: null,
  source,
  ...(sink === undefined ? {} : { sink }),
});

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
      (task) =>
        describeIds(
          task,
          [...group.members].flatMap((each) => (each.isZombie ? [] : each.pid)),
        ),
      (task, text, opener) => attach(kernel, task, text, opener, group),
    ),
    "cgroup.stat": core(() => `nr_descendants ${group.descendantCount}\nnr_dying_descendants 0\n`),
    "cgroup.subtree_control": core(
      () => words(CONTROLLERS.filter((each) => group.delegated.has(each))),
      (_task, text) => delegate(kernel, group, text),
    ),
    "cgroup.threads": core(
      (task) => describeIds(task, threadsOf(kernel, group)),
      () => -EOPNOTSUPP,
    ),
    "cpu.stat": core(() => {
      const { userNs, systemNs } = group.usage;
      const [user, system] = [Math.floor(userNs / 1000), Math.floor(systemNs / 1000)];
      const times = `usage_usec ${user + system}\nuser_usec ${user}\nsystem_usec ${system}\n`;
      return group.controllers.includes("cpu") ? times + bandwidthStatistics(group) : times;
    }),
  };
}

function childFiles(kernel: Kernel, group: ControlGroup): Kinds {
  return {
    "cgroup.events": {
      ...core(() => `populated ${Number(group.isPopulated)}\nfrozen ${Number(group.isFrozen)}\n`),
      watched: () => group.changes,
    },
    "cgroup.freeze": core(
      () => `${Number(group.freezes)}\n`,
      (_task, text) => setSwitch(text, (freezes) => freezeGroup(kernel, group, freezes), -ERANGE),
    ),
    "cgroup.kill": {
      controller: null,
      mode: 0o200,
      source: () => -EINVAL,
      sink: (_task, text) => {
        const value = integerOf(text);
        if (value !== 1) return Number.isNaN(value) ? -EINVAL : -ERANGE;
        killGroup(kernel, group);
        return 0;
      },
    },
    "cgroup.type": core(
      () => "domain\n",
      (_task, text) => (text.trim() === "threaded" ? -EOPNOTSUPP : -EINVAL),
    ),
  };
}

function pidsFiles(group: ControlGroup): Kinds {
  const controller = "pids" as const;
  return {
    "pids.current": { controller, source: () => `${group.taskCount}\n` },
    "pids.events": { controller, source: () => `max ${group.taskRefusals}\n`, watched: () => group.taskChanges },
    "pids.max": {
      controller,
      source: () => amount(group.taskLimit),
      sink: (_task, text) => setCount(text, (most) => (group.taskLimit = most), -EINVAL),
    },
    "pids.peak": { controller, source: () => `${group.taskPeak}\n` },
  };
}

function memoryFiles(kernel: Kernel, group: ControlGroup): Kinds {
  const controller = "memory" as const;
  /** Says something of what the group has, as long as it has it. */
  const of = (source: (memory: GroupMemory) => string, sink?: (memory: GroupMemory, text: string) => number) => ({
    controller,
    source: () => (group.memory === null ? -ENOENT : source(group.memory)),
    ...(sink === undefined
      ? {}
      : { sink: (_task: Task, text: string) => (group.memory === null ? -ENOENT : sink(group.memory, text)) }),
  });
  const size = (name: "min" | "low" | "high" | "swapMax") =>
    of(
      (memory) => amount(memory[name]),
      (memory, text) => setSize(text, (bytes) => (memory[name] = bytes)),
    );
  const events = ({ events: { max, oom, oom_kill, oom_group_kill } }: GroupMemory): string =>
    `low 0\nhigh 0\nmax ${max}\noom ${oom}\noom_kill ${oom_kill}\noom_group_kill ${oom_group_kill}\n`;
  return {
    "memory.current": of((memory) => `${chargedBytes(memory)}\n`),
    "memory.events": { ...of(events), watched: () => group.memory?.changes ?? group.changes },
    "memory.high": size("high"),
    "memory.low": size("low"),
    "memory.max": of(
      (memory) => amount(memory.max),
      (memory, text) => setSize(text, (bytes) => limitMemory(kernel, memory, bytes)),
    ),
    "memory.min": size("min"),
    "memory.oom.group": of(
      ({ endsWhole }) => `${Number(endsWhole)}\n`,
      (memory, text) => setSwitch(text, (endsWhole) => (memory.endsWhole = endsWhole), -EINVAL),
    ),
    "memory.peak": of(({ account }) => `${account.peak * PAGE_SIZE}\n`),
    "memory.stat": of((memory) => `anon ${chargedBytes(memory)}\nfile 0\nkernel 0\nshmem 0\n`),
    "memory.swap.current": of(() => "0\n"),
    "memory.swap.max": size("swapMax"),
  };
}

function chargedBytes({ account }: GroupMemory): number {
  return account.charged * PAGE_SIZE;
}

/** What is above a new limit goes with processes that end for it, as on Linux when nothing else can be had. */
function limitMemory(kernel: Kernel, memory: GroupMemory, bytes: number): void {
  memory.max = bytes;
  const { account } = memory;
  account.limit = Math.min(Math.floor(bytes / PAGE_SIZE), kernel.memory.limit);
  while (account.charged > account.limit && account.makeRoom());
}

function words(names: readonly string[]): string {
  return names.length === 0 ? "" : `${names.join(" ")}\n`;
}

function amount(value: number): string {
  return value === Infinity ? "max\n" : `${value}\n`;
}

/** @param below  what a number below 0 is answered with */
function setCount(text: string, set: (most: number) => void, below: number): number {
  const most = text.trim() === "max" ? Infinity : integerOf(text);
  if (Number.isNaN(most)) return -EINVAL;
  if (most < 0) return below;
  set(most);
  return 0;
}

/** 0 or 1. */
function setSwitch(text: string, set: (isOn: boolean) => void, other: number): number {
  const value = integerOf(text);
  if (Number.isNaN(value)) return -EINVAL;
  if (value !== 0 && value !== 1) return other;
  set(value === 1);
  return 0;
}

const UNITS = ["", "k", "m", "g", "t", "p", "e"];

/** Bytes as memparse() of Linux reads them, down to whole pages. */
function setSize(text: string, set: (bytes: number) => void): number {
  const wanted = text.trim().toLowerCase();
  const match = /^(\d{1,19})([kmgtpe]?)$/.exec(wanted);
  if (wanted !== "max" && match === null) return -EINVAL;
  if (match === null) set(Infinity);
  else {
    const bytes = Number(match[1]) * 1024 ** UNITS.indexOf(match[2]!);
    set(bytes >= 2 ** 53 ? Infinity : Math.floor(bytes / PAGE_SIZE) * PAGE_SIZE);
  }
  return 0;
}

/** The numbers that the reader has for these, in order. */
function describeIds({ group: { pidNamespace } }: Task, rootIds: Iterable<number>): string {
  const ids = [...rootIds].map((id) => pidNamespace.idOf(id)).filter((id) => id > 0);
  return ids
    .sort((one, other) => one - other)
    .map((id) => `${id}\n`)
    .join("");
}

function threadsOf(kernel: Kernel, group: ControlGroup): number[] {
  const ids: number[] = [];
  for (const { pid } of group.members)
    for (const { tid } of kernel.tasks.processes.get(pid)?.tasks ?? []) ids.push(tid);
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
  if (process === undefined || process.isZombie) return -ESRCH;
  const refused = mayMove(kernel, opener, process.controlGroup, group);
  return refused < 0 ? refused : moveProcess(process, group);
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
    mayMove(kernel, { credentials, groupRoot: task.namespaces.cgroup.root }, task.group.controlGroup, group) ||
    mayEnter(group)
  );
}
