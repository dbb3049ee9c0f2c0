/** The numbers of a process or thread: proc_pid_stat(5), proc_pid_statm(5), proc_pid_status(5), proc_pid_limits(5). */
import { PAGE_SIZE, SIGRTMAX } from "@stratos/abi";
import { HART, HART_PC } from "@stratos/riscv";
import { BLOCKED_KILLABLE } from "../ground/wait-queue.ts";
import { viewOf } from "../ground/words.ts";
import { queuedForUser } from "../signal/send-signal.ts";
import type { SignalSet } from "../signal/signal-set.ts";
import { A0, A7, SP } from "../task/hart-registers.ts";
import { registersOf } from "../task/task-place.ts";
import { chargeTurn, processTimes } from "../task/resource-usage.ts";
import { allowedHarts } from "../task/affinity.ts";
import { listOfHarts } from "../task/hart-mask.ts";
import type { Task } from "../task/task.ts";
import { addTransfers, newTransferCounts } from "../task/transfer-counts.ts";
import type { ThreadGroup } from "../task/thread-group.ts";
import type { UserNamespace } from "../security/user-namespace.ts";
import type { PidNamespace } from "../signal/pid-namespace.ts";
import { hasMemory, parentIdOf } from "../task/task-access.ts";
import { seccompMode } from "../security/seccomp.ts";
import type { TextPiece } from "../pseudo/pseudo-inodes.ts";
import { visitAreas } from "./visit-areas.ts";

/** sysconf(_SC_CLK_TCK) is 100. */
const TICK_NS = 1e7;
const STATE_NAMES = {
  R: "running",
  S: "sleeping",
  D: "disk sleep",
  T: "stopped",
  t: "tracing stop",
  Z: "zombie",
  X: "dead",
} as const;

/** What others don't wake, but by what ends it, is a disk sleep to Linux (TASK_KILLABLE). */
function shownState({ state, blockedKind }: Task): keyof typeof STATE_NAMES {
  return state === "S" && blockedKind === BLOCKED_KILLABLE ? "D" : state;
}

function ticks(nanoseconds: number): number {
  return Math.floor(nanoseconds / TICK_NS);
}

function residentPages(task: Task): number {
  return hasMemory(task) ? task.space.table.residentPages : 0;
}

function priorityOf(task: Task): number {
  return task.realtimePriority > 0 ? -1 - task.realtimePriority : 20 + task.nice;
}

/**
 * @param isThread  numbers of the thread alone, not of its process
 * @param seen  `isVisible`: may the reader see addresses? `ids`: whose numbers he sees
 */
export function describeStat(
  task: Task,
  isThread: boolean,
  seen: { isVisible: boolean; reader: Task; ids: PidNamespace },
): string {
  const { isVisible, ids } = seen;
  const process = task.group;
  chargeTurn(task);
  const times = isThread
    ? { userNs: task.userNs, systemNs: task.systemNs, minorFaults: task.minorFaults, majorFaults: task.majorFaults }
    : processTimes(process);
  const { space } = task;
  const isAlive = hasMemory(task);
  const address = (value: number): number => (isAlive && isVisible ? value : 0);
  const terminal = process.session.terminal;
  const signals = (set: SignalSet): number => set.low & 0x7fffffff;
  const { ignored, caught } = dispositions(process);
  const fields: (number | string)[] = [
    ids.idOf(task.tid),
    `(${task.name})`,
    shownState(task),
    parentIdOf(process, ids),
    ids.idOf(process.group.id),
    ids.idOf(process.session.id),
    terminal?.device ?? 0,
    terminal?.foreground == null ? -1 : ids.idOf(terminal.foreground.id),
    0,
    times.minorFaults,
    process.childrenMinorFaults,
    times.majorFaults,
    process.childrenMajorFaults,
    ticks(times.userNs),
    ticks(times.systemNs),
    ticks(process.childrenUserNs),
    ticks(process.childrenSystemNs),
    priorityOf(task),
    task.nice,
    Math.max(1, process.tasks.length),
    0,
    ticks((isThread ? task.startNs : process.startNs) + seen.reader.namespaces.time.boottimeNs),
    isAlive ? space.mappedBytes : 0,
    residentPages(task),
    "18446744073709551615",
    address(space.codeStart),
    address(space.codeEnd),
    address(space.stackStart),
    0,
    0,
    signals(task.pending.set),
    signals(task.blocked),
    signals(ignored),
    signals(caught),
    0,
    0,
    0,
    process.exitSignal,
    task.hart,
    task.realtimePriority,
    task.policy,
    0,
    0,
    0,
    address(space.dataStart),
    address(space.dataEnd),
    address(space.brkStart),
    address(space.argumentsStart),
    address(space.argumentsEnd),
    address(space.environmentStart),
    address(space.environmentEnd),
    isVisible ? (process.exitStatus ?? 0) : 0,
  ];
  return `${fields.join(" ")}\n`;
}

export function describeStatm(task: Task, from: number, kept: unknown): TextPiece | string {
  if (!hasMemory(task)) return "0 0 0 0 0 0 0\n";
  const { space } = task;
  const { sizes, next } = measure(task, from, kept);
  if (next >= 0) return { text: "", next, kept: sizes };
  const { shared, data } = sizes;
  const code = Math.ceil((space.codeEnd - space.codeStart) / PAGE_SIZE);
  return `${space.mappedBytes / PAGE_SIZE} ${residentPages(task)} ${shared} ${code} 0 ${data} 0\n`;
}

/** Resident pages of files, and pages of data and stack areas. */
interface Sizes {
  shared: number;
  data: number;
  stack: number;
  libraries: number;
}

/** Goes on with the sizes that an earlier piece kept. `next`: where the piece after this one begins; −1 at the end. */
function measure(task: Task, from: number, kept: unknown): { sizes: Sizes; next: number } {
  const sizes = (kept as Sizes | null) ?? { shared: 0, data: 0, stack: 0, libraries: 0 };
  const next = visitAreas(task, from, (area, start, end) => {
    const pages = (end - start) / PAGE_SIZE;
    if (area.pages !== null) {
      task.space.table.forEach(start, end, (_address, entry) => {
        sizes.shared++;
      });
    }
    if (area.label === "[stack]") sizes.stack += pages;
    else if (area.isWritable && !area.isShared) sizes.data += pages;
    if (area.isExecutable && area.file !== null && area.file.path?.dentry !== task.space.executable?.dentry)
      sizes.libraries += pages;
  });
  return { sizes, next };
}

function dispositions(process: ThreadGroup): { ignored: SignalSet; caught: SignalSet } {
  const ignored = process.leader.pending.set.copy(),
    caught = process.leader.pending.set.copy();
  for (let signal = 1; signal <= SIGRTMAX; signal++) {
    const { handler } = process.actions.get(signal);
    if (handler === 1) ignored.add(signal);
    else ignored.delete(signal);
    if (handler > 1) caught.add(signal);
    else caught.delete(signal);
  }
  return { ignored, caught };
}

function hexSet(set: SignalSet): string {
  return set.high.toString(16).padStart(8, "0") + set.low.toString(16).padStart(8, "0");
}

function capabilities(value: number): string {
  return value.toString(16).padStart(16, "0");
}

/** The numbers in the namespace `ids` and in those below it that know it, down to the process's own. */
function numbersBelow(ids: PidNamespace, process: ThreadGroup, rootId: number): string {
  let text = "";
  for (let at: PidNamespace | null = process.pidNamespace; at !== null && at.level >= ids.level; at = at.parent)
    text = `\t${at.idOf(rootId)}${text}`;
  return text;
}

/** @param seen  `ids`: whose numbers of processes; `names`: whose users and groups */
export function describeStatus(
  task: Task,
  { ids, names }: { ids: PidNamespace; names: UserNamespace },
  from: number,
  kept: unknown,
): TextPiece | string {
  const measured = hasMemory(task) ? measure(task, from, kept) : null;
  if (measured !== null && measured.next >= 0) return { text: "", next: measured.next, kept: measured.sizes };
  const process = task.group;
  const { credentials } = task;
  const { uid, euid, suid, fsuid, gid, egid, sgid, fsgid } = credentials;
  const { ignored, caught } = dispositions(process);
  const lines: string[] = [
    `Name:\t${escapeName(task.name)}`,
    `Umask:\t0${task.fs.umask.toString(8).padStart(3, "0")}`,
    `State:\t${shownState(task)} (${STATE_NAMES[shownState(task)]})`,
    `Tgid:\t${ids.idOf(process.pid)}`,
    "Ngid:\t0",
    `Pid:\t${ids.idOf(task.tid)}`,
    `PPid:\t${parentIdOf(process, ids)}`,
    `TracerPid:\t${task.tracing === null ? 0 : ids.idOf(task.tracing.tracer.tid)}`,
    `Uid:\t${[uid, euid, suid, fsuid].map((id) => names.uids.shown(id)).join("\t")}`,
    `Gid:\t${[gid, egid, sgid, fsgid].map((id) => names.gids.shown(id)).join("\t")}`,
    `FDSize:\t${Math.max(64, hasMemory(task) ? task.files.openCount : 0)}`,
    `Groups:\t${credentials.groups.map((group) => `${names.gids.shown(group)} `).join("")}`,
    `NStgid:${numbersBelow(ids, process, process.pid)}`,
    `NSpid:${numbersBelow(ids, process, task.tid)}`,
    `NSpgid:${numbersBelow(ids, process, process.group.id)}`,
    `NSsid:${numbersBelow(ids, process, process.session.id)}`,
    "Kthread:\t0",
  ];
  if (measured !== null) {
    const { space } = task;
    const { shared, data, stack, libraries } = measured.sizes;
    const resident = residentPages(task);
    const kilobytes = (name: string, bytes: number): string =>
      `${name}:\t${String(Math.floor(bytes / 1024)).padStart(8)} kB`;
    lines.push(
      kilobytes("VmPeak", space.peakMappedBytes),
      kilobytes("VmSize", space.mappedBytes),
      kilobytes("VmLck", space.lockedBytes),
      kilobytes("VmPin", 0),
      kilobytes("VmHWM", Math.max(space.peakResidentPages, resident) * PAGE_SIZE),
      kilobytes("VmRSS", resident * PAGE_SIZE),
      kilobytes("RssAnon", Math.max(0, resident - shared) * PAGE_SIZE),
      kilobytes("RssFile", shared * PAGE_SIZE),
      kilobytes("RssShmem", 0),
      kilobytes("VmData", data * PAGE_SIZE),
      kilobytes("VmStk", stack * PAGE_SIZE),
      kilobytes("VmExe", space.codeEnd - space.codeStart),
      kilobytes("VmLib", libraries * PAGE_SIZE),
      kilobytes("VmPTE", Math.ceil(resident / 1024 + 1) * PAGE_SIZE),
      kilobytes("VmSwap", 0),
      kilobytes("HugetlbPages", 0),
    );
  }
  lines.push(
    `CoreDumping:\t${process.coreDump === null ? 0 : 1}`,
    "THP_enabled:\t0",
    `Threads:\t${Math.max(1, process.tasks.length)}`,
    `SigQ:\t${queuedForUser(process)}/${process.limits[11]!.soft === Infinity ? -1 : process.limits[11]!.soft}`,
    `SigPnd:\t${hexSet(task.pending.set)}`,
    `ShdPnd:\t${hexSet(process.pending.set)}`,
    `SigBlk:\t${hexSet(task.blocked)}`,
    `SigIgn:\t${hexSet(ignored)}`,
    `SigCgt:\t${hexSet(caught)}`,
    `CapInh:\t${capabilities(credentials.inheritable)}`,
    `CapPrm:\t${capabilities(credentials.permitted)}`,
    `CapEff:\t${capabilities(credentials.effective)}`,
    `CapBnd:\t${capabilities(credentials.bounding)}`,
    `CapAmb:\t${capabilities(credentials.ambient)}`,
    `NoNewPrivs:\t${credentials.noNewPrivileges ? 1 : 0}`,
    `Seccomp:\t${seccompMode(task.seccomp)}`,
    `Seccomp_filters:\t${task.seccomp?.filters.length ?? 0}`,
    `Cpus_allowed:\t${allowedHarts(task).toString(16)}`,
    `Cpus_allowed_list:\t${listOfHarts(allowedHarts(task))}`,
    "Mems_allowed:\t1",
    "Mems_allowed_list:\t0",
    `voluntary_ctxt_switches:\t${task.voluntarySwitches}`,
    `nonvoluntary_ctxt_switches:\t${task.involuntarySwitches}`,
  );
  return `${lines.join("\n")}\n`;
}

/** Newlines and backslashes would break the line (proc_pid_status(5)). */
function escapeName(name: string): string {
  return name.replace(/\\/g, "\\\\").replace(/\n/g, "\\n");
}

const LIMITS: readonly (readonly [name: string, unit: string])[] = [
  ["Max cpu time", "seconds"],
  ["Max file size", "bytes"],
  ["Max data size", "bytes"],
  ["Max stack size", "bytes"],
  ["Max core file size", "bytes"],
  ["Max resident set", "bytes"],
  ["Max processes", "processes"],
  ["Max open files", "files"],
  ["Max locked memory", "bytes"],
  ["Max address space", "bytes"],
  ["Max file locks", "locks"],
  ["Max pending signals", "signals"],
  ["Max msgqueue size", "bytes"],
  ["Max nice priority", ""],
  ["Max realtime priority", ""],
  ["Max realtime timeout", "us"],
];

export function describeLimits(task: Task): string {
  const show = (value: number): string => (value === Infinity ? "unlimited" : String(value)).padEnd(20);
  const rows = LIMITS.map(([name, unit], index) => {
    const limit = task.group.limits[index]!;
    return `${name.padEnd(25)} ${show(limit.soft)} ${show(limit.hard)} ${unit.padEnd(10)}`;
  });
  return `Limit                     Soft Limit           Hard Limit           Units     \n${rows.join("\n")}\n`;
}

/** proc_pid_io(5): a process with its threads, those that have ended too, and with children that it has waited for. */
export function describeIo(task: Task, isThread: boolean): string {
  const { group } = task;
  const sum = newTransferCounts();
  const parts = isThread
    ? [task.transfers]
    : [group.transfers, group.childrenTransfers, ...group.tasks.map(({ transfers }) => transfers)];
  for (const each of parts) addTransfers(sum, each);
  return (
    `rchar: ${sum.read}\nwchar: ${sum.written}\nsyscr: ${sum.readCalls}\nsyscw: ${sum.writeCalls}\n` +
    `read_bytes: ${sum.fetched}\nwrite_bytes: ${sum.stored}\ncancelled_write_bytes: 0\n`
  );
}

export function describeSchedule(task: Task, ids: PidNamespace): string {
  chargeTurn(task);
  const runtime = (task.userNs + task.systemNs) / 1e6;
  return (
    `${task.name} (${ids.idOf(task.tid)}, #threads: ${task.group.tasks.length})\n${"-".repeat(67)}\n` +
    `se.sum_exec_runtime                          :${runtime.toFixed(6).padStart(21)}\n` +
    "nr_switches                                  " +
    `:${String(task.voluntarySwitches + task.involuntarySwitches).padStart(21)}\n` +
    `nr_voluntary_switches                        :${String(task.voluntarySwitches).padStart(21)}\n` +
    `nr_involuntary_switches                      :${String(task.involuntarySwitches).padStart(21)}\n` +
    `policy                                       :${String(task.policy).padStart(21)}\n` +
    `prio                                         :${String(100 + priorityOf(task)).padStart(21)}\n`
  );
}

/** Of a thread that waits: number and arguments of its call (−1: none), stack pointer and pc (proc_pid_syscall(5)). */
export function describeCall(task: Task, caller: Task): string {
  if (!hasMemory(task) || (task !== caller && task.state === "R")) return "running\n";
  const view = viewOf(registersOf(task));
  const register = (number: number): string => `0x${view.getBigUint64(number * 8, true).toString(16)}`;
  const number = task === caller ? view.getInt32(A7 * 8, true) : task.syscallNumber;
  // The pc of a call that is made is behind its instruction.
  const pc = view.getUint32(HART_PC - HART, true) + (number < 0 ? 0 : 4);
  const ends = `${register(SP)} 0x${pc.toString(16)}\n`;
  return number < 0 ? `-1 ${ends}` : `${number} ${[0, 1, 2, 3, 4, 5].map((n) => register(A0 + n)).join(" ")} ${ends}`;
}
