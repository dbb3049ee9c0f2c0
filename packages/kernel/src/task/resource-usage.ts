import { Rusage } from "@stratos/abi";
import { put64, putTimeval } from "../ground/words.ts";
import type { Task } from "./task.ts";
import { addTransfers, newTransferCounts } from "./transfer-counts.ts";
import type { ThreadGroup } from "./thread-group.ts";

/** Of ru_inblock and ru_oublock (Linux include/linux/task_io_accounting_ops.h). */
const BLOCK_SIZE = 512;

/** Charges a task that is on the hart for its turn so far: its times are then true. */
export function chargeTurn(task: Task): void {
  const { kernel } = task;
  if (kernel.scheduler.current === task) kernel.turn.charge(task);
}

/** CPU time of a process, its live threads included, in nanoseconds. */
export function processTimes(process: ThreadGroup): {
  userNs: number;
  systemNs: number;
  minorFaults: number;
  majorFaults: number;
  voluntary: number;
  involuntary: number;
} {
  let {
    userNs,
    systemNs,
    minorFaults,
    majorFaults,
    voluntarySwitches: voluntary,
    involuntarySwitches: involuntary,
  } = process;
  for (const task of process.tasks) {
    chargeTurn(task);
    userNs += task.userNs;
    systemNs += task.systemNs;
    minorFaults += task.minorFaults;
    majorFaults += task.majorFaults;
    voluntary += task.voluntarySwitches;
    involuntary += task.involuntarySwitches;
  }
  return { userNs, systemNs, minorFaults, majorFaults, voluntary, involuntary };
}

/**
 * Writes `struct rusage` (144 bytes). @param what  "all": with the children that were waited for, as wait4 reports
 * it. @returns 0 or −EFAULT
 */
export function writeRusage(
  task: Task,
  address: number,
  process: ThreadGroup,
  what: "self" | "children" | "all" | "thread",
): number {
  const { u8, view } = task.kernel.scratch;
  u8.fill(0, 0, 144);
  const own = processTimes(process);
  let user = what === "children" ? 0 : own.userNs;
  let system = what === "children" ? 0 : own.systemNs;
  let minor = what === "children" ? 0 : own.minorFaults;
  let major = what === "children" ? 0 : own.majorFaults;
  let voluntary = what === "children" ? 0 : own.voluntary;
  let involuntary = what === "children" ? 0 : own.involuntary;
  let pages = what === "children" ? 0 : process.maximumResidentPages;
  if (what !== "children") for (const member of process.tasks) pages = Math.max(pages, member.space.peakResidentPages);
  if (what === "thread") {
    voluntary = task.voluntarySwitches;
    involuntary = task.involuntarySwitches;
    user = task.userNs;
    system = task.systemNs;
    minor = task.minorFaults;
    major = task.majorFaults;
  }
  if (what === "children" || what === "all") {
    user += process.childrenUserNs;
    system += process.childrenSystemNs;
    minor += process.childrenMinorFaults;
    major += process.childrenMajorFaults;
    voluntary += process.childrenVoluntarySwitches;
    involuntary += process.childrenInvoluntarySwitches;
    pages = Math.max(pages, process.childrenMaximumResidentPages);
  }
  const transfers = newTransferCounts();
  if (what === "thread") addTransfers(transfers, task.transfers);
  else if (what !== "children") for (const each of [process, ...process.tasks]) addTransfers(transfers, each.transfers);
  if (what === "children" || what === "all") addTransfers(transfers, process.childrenTransfers);
  putTimeval(view, Rusage.offset.ru_utime, user);
  putTimeval(view, Rusage.offset.ru_stime, system);
  put64(view, Rusage.offset.ru_maxrss, pages * 4);
  put64(view, Rusage.offset.ru_minflt, minor);
  put64(view, Rusage.offset.ru_majflt, major);
  put64(view, Rusage.offset.ru_inblock, Math.floor(transfers.fetched / BLOCK_SIZE));
  put64(view, Rusage.offset.ru_oublock, Math.floor(transfers.stored / BLOCK_SIZE));
  put64(view, Rusage.offset.ru_nvcsw, voluntary);
  put64(view, Rusage.offset.ru_nivcsw, involuntary);
  return task.space.copyOut(address, u8, 0, Rusage.size);
}
