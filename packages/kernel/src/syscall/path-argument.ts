import { PATH_MAX } from "@stratos/abi";
import type { Task } from "../task/task.ts";

/** A path argument: −EFAULT, −ENAMETOOLONG. */
export function loadPath(task: Task, address: number): string | number {
  return task.space.loadString(address, PATH_MAX);
}

/** A 64-bit field of a structure in kernel bytes; exact for |value| < 2^53. */
export function put64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setInt32(at + 4, Math.floor(value / 0x100000000) | 0, true);
}

/** A signed 64-bit field; exact for |value| < 2^53. */
export function get64(view: DataView, at: number): number {
  return view.getInt32(at + 4, true) * 0x100000000 + view.getUint32(at, true);
}
