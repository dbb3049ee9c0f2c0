/** What a mount of procfs shows to whom: proc(5), "Mount options". */
import { EINVAL } from "@stratos/abi";
import { type Credentials, isInGroup, ROOT } from "../security/credentials.ts";
import { mayInspect } from "../task/task-access.ts";
import type { Task } from "../task/task.ts";
import type { MountOptions } from "../vfs/mount-options.ts";

export interface ProcOptions {
  /** What others don't get of a process: one of `HIDE`. */
  readonly hidden: number;
  /** Members see all, but with HIDE.ptraceable. */
  readonly gid: number;
  /** Processes alone, nothing of the system. */
  readonly isSubset: boolean;
}

/** Nothing; the files in its folder; that it exists; the same, for all who may not trace it. */
const HIDE: Readonly<Record<string, number>> = { off: 0, noaccess: 1, invisible: 2, ptraceable: 4 };

export const SHOW_ALL: ProcOptions = { hidden: 0, gid: 0, isSubset: false };

/** @returns `before` with what the options change; −EINVAL for what is no option, or no value of one */
export function parseProcOptions(
  options: MountOptions,
  before: ProcOptions,
  caller: Credentials = ROOT,
): ProcOptions | number {
  let { hidden, gid, isSubset } = before;
  for (const [key, value] of options) {
    if (key === "hidepid") {
      const level = HIDE[value] ?? (/^\d+$/.test(value) ? Number(value) : -1);
      if (!Object.values(HIDE).includes(level)) return -EINVAL;
      hidden = level;
    } else if (key === "gid" && /^\d+$/.test(value)) {
      gid = caller.userNamespace.gids.toKernel(Number(value));
      if (gid < 0) return -EINVAL;
    } else if (key === "subset" && value === "pid") isSubset = true;
    else return -EINVAL;
  }
  return { hidden, gid, isSubset };
}

export function describeProcOptions({ hidden, gid, isSubset }: ProcOptions): string {
  const words: string[] = [];
  if (gid !== 0) words.push(`gid=${gid}`);
  if (hidden !== 0) words.push(`hidepid=${Object.keys(HIDE).find((name) => HIDE[name] === hidden)}`);
  if (isSubset) words.push("subset=pid");
  return words.join(",");
}

/** May the caller see that there is such a process? null: the kernel asks for itself. */
export function isShown(options: ProcOptions, caller: Task | null, target: Task): boolean {
  return isOpen(options, caller, target, HIDE["invisible"]!);
}

/** May he open its folder, and what stands in it? */
export function isAccessible(options: ProcOptions, caller: Task | null, target: Task): boolean {
  return isOpen(options, caller, target, HIDE["noaccess"]!);
}

/** As fs/proc/base.c, has_pid_permissions. */
function isOpen({ hidden, gid }: ProcOptions, caller: Task | null, target: Task, from: number): boolean {
  if (hidden < from || caller === null) return true;
  if (hidden !== HIDE["ptraceable"] && isInGroup(caller.credentials, gid)) return true;
  return mayInspect(caller, target, "fs") === 0;
}
