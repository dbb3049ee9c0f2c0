import { EFAULT, ESRCH } from "@stratos/abi";
import type { Task } from "./task.ts";

/** get_robust_list(2). @returns 0, −EFAULT or −ESRCH */
export function writeTaskRobustList(task: Task, pid: number, headAddress: number, lengthAddress: number): number {
  const target = (pid | 0) === 0 ? task : task.kernel.tasks.tasks.get(pid | 0);
  if (target === undefined) return -ESRCH;
  if (task.space.storeU64(headAddress, target.robustList) < 0 || task.space.storeU64(lengthAddress, 24) < 0) return -EFAULT;
  return 0;
}
