import { EFAULT, EPERM, ESRCH } from "@stratos/abi";
import { mayInspect } from "./task-access.ts";
import type { Task } from "./task.ts";

/** get_robust_list(2). @returns 0, −EFAULT, −EPERM or −ESRCH */
export function writeTaskRobustList(task: Task, pid: number, headAddress: number, lengthAddress: number): number {
  const target = (pid | 0) === 0 ? task : task.kernel.tasks.taskIn(task.group.pidNamespace, pid | 0);
  if (target === undefined) return -ESRCH;
  if (mayInspect(task, target, "real") < 0) return -EPERM;
  if (task.space.storeU64(headAddress, target.robustList) < 0 || task.space.storeU64(lengthAddress, 24) < 0)
    return -EFAULT;
  return 0;
}
