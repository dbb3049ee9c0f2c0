/** Who holds a file's lock. */
import { readdirSync, readFileSync, statSync } from "node:fs";

/**
 * The process that holds a lock of fcntl(2) on the file, which Node cannot ask for: Linux lists them all, each with the
 * file's device and inode. Source: proc_locks(5).
 *
 * @returns undefined when nobody does, or when it cannot be known
 */
export function lockHolder(path: string): number | undefined {
  try {
    const { ino } = statSync(path);
    for (const line of readFileSync("/proc/locks", "utf8").split("\n")) {
      // 1: POSIX  ADVISORY  WRITE 3568 fd:00:2531452 0 EOF; devices are told apart by what the process has open, since
      // some file systems give stat(2) another.
      const found = /^\d+: POSIX\s+\S+\s+\S+\s+(\d+) [0-9a-f]+:[0-9a-f]+:(\d+) /.exec(line);
      if (found !== null && Number(found[2]) === ino && hasOpen(Number(found[1]), path)) return Number(found[1]);
    }
  } catch {
    // No such file, so no lock on it; or no such list on this host.
  }
  return undefined;
}

function hasOpen(pid: number, path: string): boolean {
  const file = statSync(path);
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      const open = statSync(`/proc/${pid}/fd/${fd}`, { throwIfNoEntry: false });
      return open?.ino === file.ino && open.dev === file.dev;
    });
  } catch {
    // It has ended, or is another user's: then its word is taken.
    return true;
  }
}
