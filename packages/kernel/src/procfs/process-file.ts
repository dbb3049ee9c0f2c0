/** What binary files of /proc/PID have in common: whose they are, and how one goes about in them. */
import { EINVAL, SEEK_CUR, SEEK_SET, S_IFDIR } from "@stratos/abi";
import type { Task } from "../task/task.ts";
import type { Inode } from "../vfs/inode.ts";
import type { OpenFile } from "../vfs/open-file.ts";

/**
 * It belongs to the process's user. Of a process that must not be looked at (prctl(2), PR_SET_DUMPABLE) that holds for
 * folders alone that anybody may read, by which ps(1) and kill(1) tell whose it is (fs/proc/base.c, task_dump_owner).
 */
export function belongToUser(inode: Inode, { credentials, group }: Pick<Task, "credentials" | "group">): void {
  const isTold = group.isInspectable || inode.mode === (S_IFDIR | 0o555);
  inode.uid = isTold ? credentials.euid : 0;
  inode.gid = isTold ? credentials.egid : 0;
}

/** lseek(2) in a file without an end. @returns the position; −EINVAL */
export function seekWithoutEnd(file: OpenFile, offset: number, whence: number): number {
  const target = whence === SEEK_SET ? offset : whence === SEEK_CUR ? file.position + offset : -1;
  if (target < 0) return -EINVAL;
  file.position = target;
  return target;
}
