import { PATH_MAX } from "@stratos/abi";
import type { Task } from "../task/task.ts";

/** A path argument: −EFAULT, −ENAMETOOLONG. */
export function loadPath(task: Task, address: number): string | number {
  return task.space.loadString(address, PATH_MAX);
}
