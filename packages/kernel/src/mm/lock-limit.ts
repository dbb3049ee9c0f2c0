import { CAP_IPC_LOCK, isCapable } from "../security/credentials.ts";
import type { Task } from "../task/task.ts";
import { RLIMIT_MEMLOCK } from "../task/thread-group.ts";

/** RLIMIT_MEMLOCK (mlock(2)): may the task lock so many bytes more? */
export function mayLock(task: Task, bytes: number): boolean {
  const limit = task.group.limits[RLIMIT_MEMLOCK]!.soft;
  return limit === Infinity || isCapable(task.credentials, CAP_IPC_LOCK) || task.space.lockedBytes + bytes <= limit;
}
