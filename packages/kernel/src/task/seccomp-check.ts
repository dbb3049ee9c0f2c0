import { ENOSYS, SIGKILL, SIGSYS, SYSCALL_NAMES } from "@stratos/abi";
import { NO_RETURN } from "../ground/wait-queue.ts";
import {
  ACTION_MASK,
  AUDIT_ARCH_RISCV64,
  RET_ALLOW,
  RET_ERRNO,
  RET_KILL_THREAD,
  RET_LOG,
  RET_TRACE,
  RET_TRAP,
  RET_USER_NOTIF,
  type Seccomp,
} from "../security/seccomp.ts";
import { signalInfo, type SignalInfo } from "../signal/pending-signals.ts";
import { endWithCore } from "./core-dump/core-dump.ts";
import { forceSignal } from "./deliver-signals.ts";
import { exitGroup, exitTask } from "./exit.ts";
import type { Task } from "./task.ts";

const SYS_SECCOMP = 1;
const MAX_ERRNO = 4095;
/** read, write, exit, rt_sigreturn: all that strict mode leaves. */
const STRICT_CALLS = new Set([63, 64, 93, 139]);

/** The call goes ahead. */
export const ALLOWED = 1;

/**
 * Is the call that the task on the hart begins permitted? @returns ALLOWED, a negated errno to fail with, or NO_RETURN
 */
export function checkSeccomp(task: Task, seccomp: Seccomp, number: number): number {
  if (seccomp.mode === "strict") {
    if (STRICT_CALLS.has(number)) return ALLOWED;
    exitGroup(task, SIGKILL);
    return NO_RETURN;
  }
  const answer = seccomp.judge(task.kernel.hart, number);
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
