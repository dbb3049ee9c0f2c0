/** What is mounted where, as the kernel tells. Source: proc_pid_mountinfo(5). */
import { readFileSync } from "node:fs";
import { withoutOctalEscapes } from "@stratos/base";

export interface MountEntry {
  readonly mountPoint: string;
  /** The folder of the file system that is shown there: "/", but for bind mounts. */
  readonly root: string;
  /** As mount(8) was told; for our mounts, the volume's path, whatever stands between it and the kernel. */
  readonly source: string;
  /** Such as `ext4`; `AEGISFS_TYPE` for all of our mounts. */
  readonly type: string;
  /** Numbers of the device: a block device's, or one that the kernel made up. */
  readonly major: number;
  readonly minor: number;
  readonly options: readonly string[];
}

/** A mount of a descriptor alone; the kernel hands sync(2) on to its server in none. */
export const AEGISFS_TYPE = "fuse.aegisfs";
/**
 * A mount of a block device that a server serves: sync(2), syncfs(2) and unmounting reach the server (fs/fuse/inode.c,
 * `is_bdev`).
 */
export const AEGISFS_BLOCK_TYPE = "fuseblk.aegisfs";

/**
 * All mounts of a process's namespace, in the order in which they were made; of this one's, when no other text is
 * given.
 */
export function readMountTable(text: string = readFileSync("/proc/self/mountinfo", "utf8")): MountEntry[] {
  const entries: MountEntry[] = [];
  for (const line of text.split("\n")) {
    const fields = line.split(" ");
    const dash = fields.indexOf("-", 6);
    if (dash < 0) continue;
    const [major, minor] = fields[2]!.split(":").map(Number) as [number, number];
    const type = fields[dash + 1]!;
    const source = withoutOctalEscapes(fields[dash + 2] ?? "");
    entries.push({
      mountPoint: withoutOctalEscapes(fields[4]!),
      root: withoutOctalEscapes(fields[3]!),
      source: type === AEGISFS_BLOCK_TYPE ? (fileOfOwnLoop(major, minor) ?? source) : source,
      type: type === AEGISFS_BLOCK_TYPE ? AEGISFS_TYPE : type,
      major,
      minor,
      options: [...fields[5]!.split(","), ...(fields[dash + 3] ?? "").split(",")],
    });
  }
  return entries;
}

/** The topmost mount at that place, or null. */
export function findMount(mountPoint: string): MountEntry | null {
  return readMountTable().findLast((entry) => entry.mountPoint === mountPoint) ?? null;
}

/**
 * The file of a loop device that goes when it is unmounted, as those of our mounts do (`mountAsRoot`); null for any
 * other device.
 */
export function fileOfOwnLoop(major: number, minor: number): string | null {
  const loop = `/sys/dev/block/${major}:${minor}/loop`;
  try {
    return readFileSync(`${loop}/autoclear`, "latin1").trim() === "1"
      ? readFileSync(`${loop}/backing_file`, "utf8").replace(/\n$/, "")
      : null;
  } catch {
    return null;
  }
}
