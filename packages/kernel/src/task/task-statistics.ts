/** What generic netlink tells of a task or a process (Documentation/accounting/taskstats.rst). */
import { AFORK, ESRCH, PAGE_SIZE, TASKSTATS_VERSION, Taskstats } from "@stratos/abi";
import { putFields, viewOf } from "../ground/words.ts";
import type { PidNamespace } from "../signal/pid-namespace.ts";
import type { Kernel } from "./kernel-state.ts";
import { chargeTurn } from "./resource-usage.ts";
import { parentIdOf, taskOf } from "./task-access.ts";
import type { Task } from "./task.ts";

/** Transfers are told in whole KiB, and calls, too, in such steps (kernel/tsacct.c, KB_MASK). */
const KIB = 1024;
/** More doesn't fit `ac_comm` with its end. */
const COMM_MAX = 31;

/**
 * `struct taskstats`: of a thread all but delays, which are not counted; of a process its processor time, switches and
 * age, summed over its live threads (kernel/taskstats.c).
 *
 * @param id  of the thread, or of the process, for the caller
 * @returns −ESRCH there is none
 */
export function taskStatistics(caller: Task, id: number, of: "thread" | "process"): Uint8Array | number {
  const { kernel } = caller;
  const namespace = caller.group.pidNamespace;
  const task = taskOf(kernel, namespace.rootIdOf(id));
  if (task === null) return -ESRCH;
  const bytes = new Uint8Array(Taskstats.size);
  const view = viewOf(bytes);
  const threads = of === "thread" ? [task] : task.group.tasks;
  let userNs = 0,
    systemNs = 0,
    elapsedUs = 0,
    voluntary = 0,
    involuntary = 0;
  for (const each of threads) {
    chargeTurn(each);
    userNs += each.userNs;
    systemNs += each.systemNs;
    elapsedUs += Math.floor((kernel.now() - each.startNs) / 1000);
    voluntary += each.voluntarySwitches;
    involuntary += each.involuntarySwitches;
  }
  putFields(view, Taskstats, {
    version: TASKSTATS_VERSION,
    cpu_count: voluntary + involuntary,
    cpu_run_real_total: userNs + systemNs,
    cpu_run_virtual_total: userNs + systemNs,
    cpu_scaled_run_real_total: userNs + systemNs,
    ac_etime: elapsedUs,
    ac_utime: Math.floor(userNs / 1000),
    ac_stime: Math.floor(systemNs / 1000),
    nvcsw: voluntary,
    nivcsw: involuntary,
  });
  if (of === "thread") putThread(kernel, view, task, namespace);
  return bytes;
}

function putThread(kernel: Kernel, view: DataView, task: Task, namespace: PidNamespace): void {
  const { credentials, group, space, transfers } = task;
  const inode = space.executable?.dentry.inode ?? null;
  const begunAt = Math.floor(kernel.realtime().seconds - (kernel.now() - task.startNs) / 1e9);
  putFields(view, Taskstats, {
    ac_exitcode: task === group.leader ? (group.exitStatus ?? 0) : 0,
    ac_flag: group.hasExecuted ? 0 : AFORK,
    ac_nice: task.nice,
    ac_sched: task.policy,
    ac_uid: credentials.uid,
    ac_gid: credentials.gid,
    ac_pid: namespace.idOf(task.tid),
    ac_tgid: namespace.idOf(group.pid),
    ac_ppid: parentIdOf(group, namespace),
    ac_btime: begunAt,
    ac_btime64: begunAt,
    ac_tgetime: Math.floor((kernel.now() - group.startNs) / 1000),
    ac_utimescaled: Math.floor(task.userNs / 1000),
    ac_stimescaled: Math.floor(task.systemNs / 1000),
    ac_minflt: task.minorFaults,
    ac_majflt: task.majorFaults,
    hiwater_rss: (Math.max(space.peakResidentPages, space.table.residentPages) * PAGE_SIZE) / KIB,
    hiwater_vm: Math.floor(space.peakMappedBytes / KIB),
    read_char: inSteps(transfers.read),
    write_char: inSteps(transfers.written),
    read_syscalls: inSteps(transfers.readCalls),
    write_syscalls: inSteps(transfers.writeCalls),
    read_bytes: inSteps(transfers.fetched),
    write_bytes: inSteps(transfers.stored),
    ac_exe_dev: inode?.fileSystem.device ?? 0,
    ac_exe_inode: inode?.ino ?? 0,
  });
  const { name } = task;
  for (let at = 0; at < Math.min(COMM_MAX, name.length); at++)
    view.setUint8(Taskstats.offset.ac_comm + at, name.charCodeAt(at));
}

function inSteps(count: number): number {
  return count - (count % KIB);
}
