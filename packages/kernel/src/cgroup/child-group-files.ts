/** The files that every control group but the root has: what it is, and those of the controllers that it is given. */
import { EINVAL, ENOENT, ERANGE, PAGE_SIZE } from "@stratos/abi";
import type { ControlGroup, GroupMemory } from "../task/control-group.ts";
import { freezeGroup, killGroup, makeThreaded } from "../task/control-group-changes.ts";
import { typeOf } from "../task/threaded-groups.ts";
import type { Kernel } from "../task/kernel-state.ts";
import type { Task } from "../task/task.ts";
import { core, type GroupFileKind } from "./group-file-kind.ts";
import { amount, integerOf, setCount } from "./group-numbers.ts";
import { cpusetFiles, processorFiles } from "./processor-files.ts";

type Kinds = Record<string, GroupFileKind>;

/** By name, in the order in which they are listed. */
export function childGroupFiles(kernel: Kernel, group: ControlGroup): Kinds {
  return {
    ...stateFiles(kernel, group),
    ...cpusetFiles(kernel, group),
    ...processorFiles(group),
    ...memoryFiles(kernel, group),
    ...pidsFiles(group),
  };
}

function stateFiles(kernel: Kernel, group: ControlGroup): Kinds {
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
        return killGroup(kernel, group);
      },
    },
    "cgroup.type": core(
      () => `${typeOf(group)}\n`,
      (_task, text) => (text.trim() === "threaded" ? makeThreaded(kernel, group) : -EINVAL),
    ),
  };
}

function pidsFiles(group: ControlGroup): Kinds {
  const controller = "pids" as const;
  return {
    "pids.current": { controller, source: () => `${group.taskCount}\n` },
    "pids.events": { controller, source: () => `max ${group.taskRefusals}\n`, watched: () => group.taskChanges },
    "pids.events.local": {
      controller,
      source: () => `max ${group.ownTaskRefusals}\n`,
      watched: () => group.ownTaskChanges,
    },
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
