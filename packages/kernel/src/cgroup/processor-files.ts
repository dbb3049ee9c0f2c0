/**
 * The files of the controllers cpu and cpuset (Linux Documentation/admin-guide/cgroup-v2.rst, "CPU Interface Files",
 * "Cpuset Interface Files"; kernel/sched/core.c, kernel/cgroup/cpuset.c).
 */
import { EINVAL, ENOENT, ERANGE, MAX_HARTS } from "@stratos/abi";
import type { ControlGroup, ProcessorPart } from "../task/control-group.ts";
import { setGroupHarts } from "../task/control-group-changes.ts";
import { allHarts, listOfHarts } from "../task/hart-mask.ts";
import { WEIGHT_DEFAULT } from "../task/group-shares.ts";
import type { Kernel } from "../task/kernel-state.ts";
import type { Task } from "../task/task.ts";
import { integerOf } from "./group-numbers.ts";
import type { GroupFileKind } from "./group-file-kind.ts";

const WEIGHT_MOST = 10_000;
const NICE_LEAST = -20;
/** Weights of nice −20 to 19, of which 1,024 is nice 0 (kernel/sched/core.c, sched_prio_to_weight). */
const NICE_WEIGHTS: readonly number[] = [
  ...[88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916],
  ...[9548, 7620, 6100, 4904, 3906, 3121, 2501, 1991, 1586, 1277],
  ...[1024, 820, 655, 526, 423, 335, 272, 215, 172, 137],
  ...[110, 87, 70, 56, 45, 36, 29, 23, 18, 15],
];
/** Of a period and of a quota, in microseconds (max_bw_runtime_us, min_bw_quota_period_us). */
const PERIOD_US_MOST = 1_000_000;
const BANDWIDTH_US_LEAST = 1_000;
const NS = 1000;

export function processorFiles(group: ControlGroup): Record<string, GroupFileKind> {
  const controller = "cpu" as const;
  /** Says something of what the group has, as long as it has it. */
  const of = (
    source: (processor: ProcessorPart) => string,
    sink: (processor: ProcessorPart, text: string) => number,
  ): GroupFileKind => ({
    controller,
    source: () => (group.processor === null ? -ENOENT : source(group.processor)),
    sink: (_task: Task, text: string) => (group.processor === null ? -ENOENT : sink(group.processor, text)),
  });
  return {
    "cpu.idle": of(({ isIdle }) => `${Number(isIdle)}\n`, setIdle),
    "cpu.max": of(describeBandwidth, setBandwidth),
    "cpu.max.burst": of(({ burstMostNs }) => `${burstMostNs / NS}\n`, setBurst),
    "cpu.weight": of(({ weight, isIdle }) => `${isIdle ? 0 : weight}\n`, setWeight),
    "cpu.weight.nice": of(({ weight, isIdle }) => `${isIdle ? 19 : niceOf(weight)}\n`, setNice),
  };
}

function setWeight(processor: ProcessorPart, text: string): number {
  const weight = integerOf(text);
  if (Number.isNaN(weight) || processor.isIdle) return -EINVAL;
  if (weight < 1 || weight > WEIGHT_MOST) return -ERANGE;
  processor.setShare(weight, false);
  return 0;
}

function setNice(processor: ProcessorPart, text: string): number {
  const nice = integerOf(text);
  if (Number.isNaN(nice) || processor.isIdle) return -EINVAL;
  const weight = NICE_WEIGHTS[nice - NICE_LEAST];
  if (weight === undefined) return -ERANGE;
  processor.setShare(Math.round(groupWeight(weight)), false);
  return 0;
}

/** As exactly as it can be. @param niceWeight  of which nice 0 has 1,024 */
function groupWeight(niceWeight: number): number {
  return (niceWeight * WEIGHT_DEFAULT) / 1024;
}

/** The nice whose weight is nearest. */
function niceOf(weight: number): number {
  let best = 0;
  for (let index = 1; index < NICE_WEIGHTS.length; index++) {
    const distance = (at: number): number => Math.abs(groupWeight(NICE_WEIGHTS[at]!) - weight);
    if (distance(index) < distance(best)) best = index;
  }
  return best + NICE_LEAST;
}

function setIdle(processor: ProcessorPart, text: string): number {
  const value = integerOf(text);
  if (value !== 0 && value !== 1) return -EINVAL;
  // Who is no longer idle has the weight that all begin with.
  if (processor.isIdle !== (value === 1)) processor.setShare(WEIGHT_DEFAULT, value === 1);
  return 0;
}

function describeBandwidth({ quotaNs, periodNs }: ProcessorPart): string {
  return `${quotaNs === Infinity ? "max" : quotaNs / NS} ${periodNs / NS}\n`;
}

/** "max", "QUOTA" or "QUOTA PERIOD", in microseconds; the period stays where none is given. */
function setBandwidth(processor: ProcessorPart, text: string): number {
  const match = /^(max|\d{1,18})(?:\s+(\d{1,18}))?\s*$/.exec(text.trim());
  if (match === null) return -EINVAL;
  const quotaUs = match[1] === "max" ? Infinity : Number(match[1]);
  const periodUs = match[2] === undefined ? processor.periodNs / NS : Number(match[2]);
  if (periodUs < BANDWIDTH_US_LEAST || periodUs > PERIOD_US_MOST || quotaUs < BANDWIDTH_US_LEAST) return -EINVAL;
  const { burstMostNs } = processor;
  if (quotaUs !== Infinity && burstMostNs > quotaUs * NS) return -EINVAL;
  processor.setBandwidth(quotaUs * NS, periodUs * NS, burstMostNs);
  return 0;
}

function setBurst(processor: ProcessorPart, text: string): number {
  const burstNs = integerOf(text) * NS;
  const { quotaNs, periodNs } = processor;
  if (!(burstNs >= 0) || (quotaNs !== Infinity && burstNs > quotaNs)) return -EINVAL;
  processor.setBandwidth(quotaNs, periodNs, burstNs);
  return 0;
}

export function cpusetFiles(kernel: Kernel, group: ControlGroup): Record<string, GroupFileKind> {
  const controller = "cpuset" as const;
  const all = allHarts(kernel.harts);
  return {
    "cpuset.cpus": {
      controller,
      source: () => `${listOfHarts(group.harts)}\n`,
      sink: (_task, text) => {
        const harts = hartsOf(text);
        // A set of processors that the machine hasn't is none (cpuset.c, update_cpumask).
        if (harts === null || (harts & ~all) !== 0) return -EINVAL;
        setGroupHarts(kernel, group, harts);
        return 0;
      },
    },
    "cpuset.cpus.effective": { controller, source: () => `${listOfHarts(group.effectiveHarts(all))}\n` },
    "cpuset.cpus.partition": {
      controller,
      source: () => "member\n",
      sink: (_task, text) => (text.trim() === "member" ? 0 : -EINVAL),
    },
    "cpuset.mems": {
      controller,
      source: () => (group.hasNode ? "0\n" : "\n"),
      sink: (_task, text) => {
        if (!/^[0\s]*$/.test(text)) return -EINVAL;
        group.hasNode = text.includes("0");
        return 0;
      },
    },
    "cpuset.mems.effective": { controller, source: () => "0\n" },
  };
}

/** `0-2,4` as a mask; null: it is no list. */
function hartsOf(text: string): number | null {
  let mask = 0;
  for (const part of text.trim().split(",")) {
    if (part.trim() === "") continue;
    const match = /^\s*(\d{1,4})(?:-(\d{1,4}))?\s*$/.exec(part);
    if (match === null) return null;
    const first = Number(match[1]);
    const last = Number(match[2] ?? first);
    if (first > last || last >= MAX_HARTS) return null;
    for (let hart = first; hart <= last; hart++) mask |= 1 << hart;
  }
  return mask >>> 0;
}
