/** What is mounted where, as the kernel tells. Source: proc_pid_mountinfo(5). */
import { readFileSync } from "node:fs";

export interface MountEntry {
  readonly mountPoint: string;
  /** The folder of the file system that is shown there: "/", but for bind mounts. */
  readonly root: string;
  /** As mount(8) was told: for our mounts, the volume's path. */
  readonly source: string;
  /** Such as `fuse.aegisfs`. */
  readonly type: string;
  /** Minor number of the device: for FUSE, the number of the connection. */
  readonly minor: number;
  readonly options: readonly string[];
}

export const AEGISFS_TYPE = "fuse.aegisfs";

/** All mounts of this process's namespace, in the order in which they were made. */
export function readMountTable(text = readFileSync("/proc/self/mountinfo", "utf8")): MountEntry[] {
  const entries: MountEntry[] = [];
  for (const line of text.split("\n")) {
    const fields = line.split(" ");
    const dash = fields.indexOf("-", 6);
    if (dash < 0) continue;
    entries.push({
      mountPoint: unescape(fields[4]!), root: unescape(fields[3]!), source: unescape(fields[dash + 2] ?? ""), type: fields[dash + 1]!,
      minor: Number(fields[2]!.split(":")[1]), options: [...fields[5]!.split(","), ...(fields[dash + 3] ?? "").split(",")],
    });
  }
  return entries;
}

/** The topmost mount at that place, or null. */
export function findMount(mountPoint: string): MountEntry | null {
  return readMountTable().findLast((entry) => entry.mountPoint === mountPoint) ?? null;
}

/** `\040` is a space. */
function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
