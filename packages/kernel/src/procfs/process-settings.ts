/** Files of /proc/PID that take a number or a name. */
import {
  CAP_AUDIT_CONTROL,
  CAP_SYS_RESOURCE,
  EACCES,
  EINVAL,
  EPERM,
  ERANGE,
  ESRCH,
  OOM_ADJUST_MAX,
  OOM_DISABLE,
  OOM_SCORE_ADJ_MAX,
} from "@stratos/abi";
import { onlyNumber } from "../ground/kernel-number.ts";
import type { TextOpener } from "../pseudo/pseudo-inodes.ts";
import { isCapable } from "../security/credentials.ts";
import type { Task } from "../task/task.ts";
import { hasMemory } from "../task/task-access.ts";
import type { ThreadGroup } from "../task/thread-group.ts";

/** /proc/PID/oom_adj counts to 15, and −17 is never (include/uapi/linux/oom.h). */

/** More of a text is not looked at (PROC_NUMBUF in Linux's fs/proc/base.c). */
const NUMBER_LENGTH_MAX = 12,
  INT_MAX = 0x7fffffff,
  NO_UID = 0xffffffff;

/** loginuid: the thread's own, and once it is set only for who may audit. @see kernel/audit.c, audit_set_loginuid */
export function setLoginUid(caller: Task, task: Task, { credentials }: TextOpener, text: string, at: number): number {
  if (caller !== task) return -EPERM;
  if (at !== 0) return -EINVAL;
  const value = /^\+?\d+\n?$/.test(text) ? Number(text) : NaN;
  if (!(value >= 0)) return -EINVAL;
  if (value > NO_UID) return -ERANGE;
  const uid = value === NO_UID ? -1 : credentials.userNamespace.uids.toKernel(value);
  if (uid < 0 && value !== NO_UID) return -EINVAL;
  if (task.loginUid >= 0 && !isCapable(caller.credentials, CAP_AUDIT_CONTROL)) return -EPERM;
  task.loginUid = uid;
  task.loginSession = uid < 0 ? -1 : ++task.kernel.loginCount;
  return 0;
}

/** comm: as long as a name may be. */
export function rename(caller: Task, task: Task, text: string): number {
  if (caller.group !== task.group) return -EINVAL;
  task.name = text.slice(0, 15);
  return 0;
}

/** Bits that Linux doesn't know are dropped. */
export function setCoreFilter(group: ThreadGroup, text: string): number {
  const value = /^\s/.test(text) ? NaN : onlyNumber(text);
  if (!(value >= 0)) return -EINVAL;
  if (value > 0xffffffff) return -ERANGE;
  group.coreFilter = value & 0x1ff;
  return 0;
}

export function setTimerSlack(task: Task, text: string): number {
  const value = /^\+?\d+\n?$/.test(text) ? Number(text) : NaN;
  if (!(value <= Number.MAX_SAFE_INTEGER)) return -EINVAL;
  task.timerSlackNs = value === 0 ? task.defaultTimerSlackNs : value;
  return 0;
}

export function setOomScoreAdjust(caller: Task, group: ThreadGroup, text: string): number {
  const value = onlyNumber(text.slice(0, NUMBER_LENGTH_MAX));
  if (Math.abs(value) > INT_MAX) return -ERANGE;
  if (!(Math.abs(value) <= OOM_SCORE_ADJ_MAX)) return -EINVAL;
  return adjust(caller, group, value, group.oomScoreAdjustLeast);
}

export function oomAdjust({ oomScoreAdjust }: ThreadGroup): number {
  if (oomScoreAdjust === OOM_SCORE_ADJ_MAX) return OOM_ADJUST_MAX;
  return Math.trunc((oomScoreAdjust * -OOM_DISABLE) / OOM_SCORE_ADJ_MAX);
}

/** The older file of the same setting. */
export function setOomAdjust(caller: Task, group: ThreadGroup, text: string): number {
  const value = onlyNumber(text.slice(0, NUMBER_LENGTH_MAX));
  if (Math.abs(value) > INT_MAX) return -ERANGE;
  if (!(value >= OOM_DISABLE && value <= OOM_ADJUST_MAX)) return -EINVAL;
  const score = value === OOM_ADJUST_MAX ? OOM_SCORE_ADJ_MAX : Math.trunc((value * OOM_SCORE_ADJ_MAX) / -OOM_DISABLE);
  return adjust(caller, group, score, group.oomScoreAdjust);
}

/** @param least  to go below needs CAP_SYS_RESOURCE (fs/proc/base.c, __set_oom_adj) */
function adjust(caller: Task, group: ThreadGroup, value: number, least: number): number {
  const mayLower = isCapable(caller.credentials, CAP_SYS_RESOURCE);
  if (value < least && !mayLower) return -EACCES;
  group.oomScoreAdjust = value;
  if (mayLower) group.oomScoreAdjustLeast = value;
  return 0;
}

/** clear_refs (proc_pid_clear_refs(5)): 1 to 4 clear marks that are not kept; 5 forgets how much was resident once. */
export function clearReferences(task: Task, text: string): number {
  const digits = text.slice(0, NUMBER_LENGTH_MAX).trim();
  const kind = /^\+?\d+$/.test(digits) ? Number(digits) : NaN;
  if (!(kind >= 1 && kind <= 5)) return -EINVAL;
  if (!hasMemory(task)) return -ESRCH;
  if (kind === 5) task.space.peakResidentPages = task.space.table.residentPages;
  return 0;
}
