import { CAP_IPC_LOCK, RLIMIT_MEMLOCK } from "@stratos/abi";
import { isCapable } from "../security/credentials.ts";
import type { MmCaller } from "./mm-kernel.ts";

/** RLIMIT_MEMLOCK (mlock(2)): may the task lock so many bytes more? */
export function mayLock(task: MmCaller, bytes: number): boolean {
  const limit = task.group.limits[RLIMIT_MEMLOCK]!.soft;
  return limit === Infinity || isCapable(task.credentials, CAP_IPC_LOCK) || task.space.lockedBytes + bytes <= limit;
}

/** May it lock anything? Without, that is refused before anything else (mm/mlock.c, can_do_mlock). */
export function mayLockAtAll(task: MmCaller): boolean {
  return task.group.limits[RLIMIT_MEMLOCK]!.soft > 0 || isCapable(task.credentials, CAP_IPC_LOCK);
}
