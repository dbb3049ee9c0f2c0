import { AREAS_PER_UNIT } from "../mm/area-list.ts";
import { processesOf } from "./group-members.ts";
import { stateClass } from "@stratos/base";
import type { Kernel } from "./kernel-state.ts";
import { exitGroup } from "./exit.ts";
import type { Shortage } from "../frames/memory-account.ts";
import type { ControlGroup } from "./control-group.ts";
import type { ThreadGroup } from "./thread-group.ts";

/** Processes that are looked at for one unit of work. */
const PROCESSES_PER_UNIT = 16;

/** Pages that count against a process when memory is out; null: it is never chosen. */
function badness(process: ThreadGroup, limit: number): number | null {
  if (process.isZombie || process.tasks.length === 0 || process.pid === 1 || process.oomScoreAdjust <= -1000)
    return null;
  return process.tasks[0]!.space.table.residentPages + (process.oomScoreAdjust * limit) / 1000;
}

/** /proc/PID/oom_score: from 0; 666 for one that is neither large nor adjusted (fs/proc/base.c, proc_oom_score). */
export function oomScore(kernel: Kernel, process: ThreadGroup): number {
  const points = badness(process, kernel.memory.limit);
  return points === null ? 0 : Math.trunc(((1000 + Math.trunc((points * 1000) / kernel.memory.limit)) * 2) / 3);
}

/**
 * Ends a process when no frame is left and nothing can be reclaimed (proc(5), oom_score). The victim is the process
 * with the most resident pages, moved by oom_score_adj (thousandths of all memory); the process that asks is only
 * chosen when it is the largest, and is then left to fail its own allocation, which kills it at a point where its state
 * is whole.
 *
 * @param limit  pages that there are for them
 * @returns whether frames became free
 */
function killForMemory(kernel: Kernel, processes: Iterable<ThreadGroup>, limit: number): boolean {
  let victim: ThreadGroup | null = null;
  let worst = 0;
  for (const process of processes) {
    kernel.work.charge(1 / PROCESSES_PER_UNIT);
    const score = badness(process, limit);
    if (score === null) continue;
    if (victim === null || score > worst) {
      victim = process;
      worst = score;
    }
  }
  const { current } = kernel.scheduler;
  if (victim === null || victim === current?.group) return false;
  const pages = victim.tasks[0]!.space.table.residentPages;
  // Sharing its memory with the caller (vfork, CLONE_VM) means that ending it frees nothing.
  if (current !== null && victim.tasks[0]!.space === current.space) return false;
  const size = `the largest with ${pages >> 8} MiB`;
  tellOutOfMemory(victim, `ended process ${victim.pid} (${victim.leader.name}), ${size}`, size);
  exitGroup(victim.tasks[0]!, 9);
  return true;
}

/**
 * Drops what programs have said they can miss (mmap(2), MAP_DROPPABLE), of one process after the other. The tables of
 * who asks are just being changed: his stays.
 *
 * @returns whether frames became free, or will be by the reaper
 */
function dropDroppable(kernel: Kernel, processes: Iterable<ThreadGroup>): boolean {
  const asking = kernel.scheduler.current?.space;
  for (const { tasks } of processes) {
    const space = tasks[0]?.space;
    if (space === undefined || space === asking) continue;
    // Asked for each frame that is not to be had: by mlockall(2), for each area.
    kernel.work.charge(1 + space.areas.size / AREAS_PER_UNIT);
    const before = space.table.residentPages;
    for (const area of space.areas) if (area.isDroppable) space.dropPages(area, area.start, area.end);
    if (space.table.residentPages < before) return true;
  }
  return false;
}

/**
 * A process ends because there is no memory. The machine's owner hears of it where the memory is his to give: a control
 * group's limit is whose program set it.
 */
export function tellOutOfMemory(process: ThreadGroup, what: string, size = ""): void {
  const { kernel } = process.leader;
  for (const { memory, path } of process.leader.controlGroup.upward())
    if (memory !== null && memory.account.charged >= memory.account.limit) {
      kernel.log(`memory of control group ${path} is out: ${what}`);
      return;
    }
  kernel.log(`out of memory: ${what}`);
  const name = `process ${process.pid} (${process.leader.name})`;
  kernel.notices.set("out-of-memory", size === "" ? name : `${name}, ${size}`);
}

/** A kernel's memory is out. */
export class OutOfMemory implements Shortage {
  #kernel: Kernel;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  makeRoom(): boolean {
    const { tasks, memory } = this.#kernel;
    if (dropDroppable(this.#kernel, tasks.processes.values())) return true;
    return killForMemory(this.#kernel, tasks.processes.values(), memory.limit);
  }

  static {
    stateClass("OutOfMemory", this, {
      save: (it) => ({ kernel: it.#kernel }),
      load: (it, from) => ({ kernel: it.#kernel } = from),
    });
  }
}

/** The memory of a control group is out: one of its processes ends, or all, as it asks (`memory.oom.group`). */
export class GroupOutOfMemory implements Shortage {
  #kernel: Kernel;
  #group: ControlGroup;

  constructor(kernel: Kernel, group: ControlGroup) {
    this.#kernel = kernel;
    this.#group = group;
  }

  makeRoom(): boolean {
    const kernel = this.#kernel;
    const group = this.#group;
    const { memory } = group;
    if (memory === null) return false;
    this.#count("max");
    const processes = new Set<ThreadGroup>();
    for (const below of group.downward()) for (const process of processesOf(kernel, below)) processes.add(process);
    if (dropDroppable(kernel, processes)) return true;
    this.#count("oom");
    this.#count("oom_kill");
    if (memory.endsWhole) {
      this.#count("oom_group_kill");
      const { current } = kernel.scheduler;
      for (const process of processes)
        if (process !== current?.group && !process.isZombie && process.oomScoreAdjust > -1000)
          exitGroup(process.tasks[0]!, 9);
    }
    return killForMemory(kernel, processes, memory.account.limit);
  }

  /** Events are told where they happen and above. */
  #count(event: "max" | "oom" | "oom_kill" | "oom_group_kill"): void {
    for (const group of this.#group.upward()) {
      if (group.memory === null) continue;
      group.memory.events[event]++;
      group.tell("memory.events", group.memory.changes);
    }
  }

  static {
    stateClass("GroupOutOfMemory", this, {
      save: (it) => ({ kernel: it.#kernel, group: it.#group }),
      load: (it, from) => ({ kernel: it.#kernel, group: it.#group } = from),
    });
  }
}
