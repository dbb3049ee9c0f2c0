import {
  AUDIT_ARCH_RISCV64,
  ENOSYS,
  PTRACE_EVENT_SECCOMP,
  SECCOMP_RET_ACTION_FULL,
  SECCOMP_RET_ALLOW,
  SECCOMP_RET_ERRNO,
  SECCOMP_RET_KILL_THREAD,
  SECCOMP_RET_LOG,
  SECCOMP_RET_TRACE,
  SECCOMP_RET_TRAP,
  SECCOMP_RET_USER_NOTIF,
  SIGKILL,
  SIGSYS,
  SYSCALL_NAMES,
  SYS_SECCOMP,
} from "@stratos/abi";
import { NO_RETURN } from "../ground/wait-queue.ts";
import { Seccomp } from "../security/seccomp.ts";
import { signalInfo, type SignalInfo } from "../signal/pending-signals.ts";
import { endWithCore } from "./core-dump/core-dump.ts";
import { forceSignal } from "./deliver-signals.ts";
import { exitGroup, exitTask } from "./exit.ts";
import { SeccompListener } from "./seccomp-listener.ts";
import type { Task } from "./task.ts";
import { standsForFilter } from "./tracing.ts";

const MAX_ERRNO = 4095;
/** read, write, exit, rt_sigreturn: all that strict mode leaves. */
const STRICT_CALLS = new Set([63, 64, 93, 139]);

/** The call goes ahead. */
export const ALLOWED = 1;
/** The tracer is asked first (SECCOMP_RET_TRACE). */
export const ASKED = 2;

/**
 * Is the call that the task on the hart begins permitted? @returns ALLOWED, ASKED, a negated errno to fail with,
 * NO_RETURN, or BLOCKED while a listener answers
 */
export function checkSeccomp(task: Task, seccomp: Seccomp, number: number): number {
  if (seccomp.mode === "strict") {
    if (STRICT_CALLS.has(number)) return ALLOWED;
    exitGroup(task, SIGKILL);
    return NO_RETURN;
  }
  const answer = seccomp.judge(task, number);
  const data = answer & 0xffff;
  switch ((answer & SECCOMP_RET_ACTION_FULL) >>> 0) {
    case SECCOMP_RET_ALLOW:
      return ALLOWED;
    case SECCOMP_RET_LOG:
      log(task, number, "logged");
      return ALLOWED;
    case SECCOMP_RET_ERRNO:
      return -Math.min(data, MAX_ERRNO);
    case SECCOMP_RET_TRACE: {
      const { tracing } = task;
      if (tracing === null || !tracing.wants(PTRACE_EVENT_SECCOMP)) return -ENOSYS;
      return standsForFilter(task, tracing, number, data) ? ASKED : ALLOWED;
    }
    case SECCOMP_RET_USER_NOTIF: {
      const listener = seccomp.decider?.listener;
      // Where nobody listens it fails; so does what is no call at all, and could not be executed again.
      return listener instanceof SeccompListener && number >= 0 ? listener.notify(task, Seccomp.judgedCall) : -ENOSYS;
    }
    case SECCOMP_RET_TRAP: {
      const { hart } = task.kernel;
      // a0 stays as it is, and the handler returns behind the call.
      hart.pc = hart.pc + 4;
      forceSignal(task, violation(task, number, data));
      task.hasWork = true;
      return NO_RETURN;
    }
    case SECCOMP_RET_KILL_THREAD:
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
