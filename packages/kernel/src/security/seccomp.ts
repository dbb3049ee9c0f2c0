/**
 * seccomp(2): which system calls a task may make. Filters are only ever added, and children keep them; each call is
 * shown to all of them, the latest first, and the strictest answer holds. Read first: bpf-filter.ts; the call is in
 * syscall/seccomp-calls.ts.
 */
import { EINVAL, ENOMEM, ENOSYS, SIGKILL, SIGSYS, SYSCALL_NAMES } from "@stratos/abi";
import { forceSignal } from "../task/deliver-signals.ts";
import { signalInfo, type SignalInfo } from "../signal/pending-signals.ts";
import { endWithCore } from "../task/core-dump/core-dump.ts";
import { exitGroup, exitTask } from "../task/exit.ts";
import type { Task } from "../task/task.ts";
import { NO_RETURN } from "../ground/wait-queue.ts";
import { type BpfFilter, RECORD_WORDS } from "./bpf-filter.ts";

/**
 * What a filter returns: an action in the high half, data in the low one. Source: Linux include/uapi/linux/seccomp.h.
 */
export const RET_KILL_PROCESS = 0x80000000,
  RET_KILL_THREAD = 0,
  RET_TRAP = 0x00030000,
  RET_ERRNO = 0x00050000,
  RET_USER_NOTIF = 0x7fc00000;
export const RET_TRACE = 0x7ff00000,
  RET_LOG = 0x7ffc0000,
  RET_ALLOW = 0x7fff0000;
const ACTION_MASK = 0xffff0000;
const AUDIT_ARCH_RISCV64 = 0xc00000f3;
const SYS_SECCOMP = 1;
const MAX_ERRNO = 4095;
/** Instructions in all filters of a task, with four for each filter (MAX_INSNS_PER_PATH). */
const INSTRUCTIONS_MAX = 32768,
  FILTER_PENALTY = 4;
const SYSCALLS = 512;
/** read, write, exit, rt_sigreturn: all that strict mode leaves. */
const STRICT_CALLS = new Set([63, 64, 93, 139]);

/** The call goes ahead. */
export const ALLOWED = 1;

const record = new Uint32Array(RECORD_WORDS);

/** What a task is restricted to; never changed, so that tasks share it. */
export class Seccomp {
  readonly mode: "strict" | "filter";
  /** The latest first. */
  readonly filters: readonly BpfFilter[];
  /**
   * By number: 1 when every filter allows the call whatever its arguments are, so that they need not be asked again.
   */
  readonly #allowed = new Uint8Array(SYSCALLS);

  constructor(mode: "strict" | "filter", filters: readonly BpfFilter[]) {
    this.mode = mode;
    this.filters = filters;
  }

  /** With one filter more: −EINVAL in strict mode, −ENOMEM when they become too long. */
  static add(present: Seccomp | null, filter: BpfFilter): Seccomp | number {
    if (present?.mode === "strict") return -EINVAL;
    const filters = [filter, ...(present?.filters ?? [])];
    const total = filters.reduce((sum, each) => sum + each.length + FILTER_PENALTY, 0);
    return total - FILTER_PENALTY > INSTRUCTIONS_MAX ? -ENOMEM : new Seccomp("filter", filters);
  }

  /** Was it made from `other` by adding filters (or is it the same)? */
  extends(other: Seccomp): boolean {
    const more = this.filters.length - other.filters.length;
    return (
      this.mode === other.mode &&
      more >= 0 &&
      other.filters.every((filter, index) => filter === this.filters[index + more])
    );
  }

  /** The action for a call. */
  judge(task: Task, number: number): number {
    if (number >= 0 && number < SYSCALLS && this.#allowed[number] === 1) return RET_ALLOW;
    const { hart } = task.kernel;
    record[0] = number;
    record[1] = AUDIT_ARCH_RISCV64;
    record[2] = hart.pc + 4;
    record[3] = 0;
    for (let index = 0; index < 6; index++) hart.copyWords(10 + index, record, 4 + index * 2);
    let result = RET_ALLOW;
    let sawArguments = false;
    for (const filter of this.filters) {
      const answer = filter.run(record);
      sawArguments ||= filter.sawArguments;
      // As signed numbers the stricter action is the lower one; of equal ones the latest filter's data holds.
      if ((answer & ACTION_MASK) < (result & ACTION_MASK)) result = answer;
    }
    if (!sawArguments && number >= 0 && number < SYSCALLS && result === RET_ALLOW) this.#allowed[number] = 1;
    return result >>> 0;
  }
}

/**
 * Is the call that the task on the hart begins permitted? @returns ALLOWED, a negated errno to fail with, or NO_RETURN
 */
export function checkSeccomp(task: Task, seccomp: Seccomp, number: number): number {
  if (seccomp.mode === "strict") {
    if (STRICT_CALLS.has(number)) return ALLOWED;
    exitGroup(task, SIGKILL);
    return NO_RETURN;
  }
  const answer = seccomp.judge(task, number);
  const data = answer & 0xffff;
  switch ((answer & ACTION_MASK) >>> 0) {
    case RET_ALLOW:
      return ALLOWED;
    case RET_LOG:
      log(task, number, "logged");
      return ALLOWED;
    case RET_ERRNO:
      return -Math.min(data, MAX_ERRNO);
    // Nobody traces, and nobody listens.
    case RET_TRACE:
    case RET_USER_NOTIF:
      return -ENOSYS;
    case RET_TRAP: {
      const { hart } = task.kernel;
      // a0 stays as it is, and the handler returns behind the call.
      hart.pc = hart.pc + 4;
      forceSignal(task, violation(task, number, data));
      task.hasWork = true;
      return NO_RETURN;
    }
    case RET_KILL_THREAD:
      log(task, number, "its thread ended");
      if (task.group.tasks.length > 1) exitTask(task, SIGSYS);
      else endWithCore(task, violation(task, number, data));
      return NO_RETURN;
    default:
      log(task, number, "its process ended");
      endWithCore(task, violation(task, number, data));
      return NO_RETURN;
  }
}

function violation(task: Task, number: number, data: number): SignalInfo {
  return signalInfo(SIGSYS, SYS_SECCOMP, {
    errno: data,
    address: task.kernel.hart.pc,
    valueLow: number,
    valueHigh: AUDIT_ARCH_RISCV64,
  });
}

function log(task: Task, number: number, what: string): void {
  task.kernel.log(`seccomp: ${task.name}[${task.tid}]: ${SYSCALL_NAMES[number] ?? number}: ${what}`);
}
