/**
 * Mounts that other processes see and this one does not: of containers, services and unshare(1). A namespace that was
 * copied keeps a mount, and with it its server and the volume's lock, also
 * after it was unmounted where it was made. Source: mount_namespaces(7).
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { processWords } from "./running-process.ts";
import { AEGISFS_TYPE, readMountTable, type MountEntry } from "./mount-table.ts";

export interface MountSeen {
  /** A process that has it in its namespace. */
  readonly pid: number;
  readonly mount: MountEntry;
}

/** The mounts of ours that a process sees; none when this one may not look. */
export function mountsSeenBy(pid: number): readonly MountEntry[] {
  try {
    return readMountTable(readFileSync(`/proc/${pid}/mountinfo`, "utf8")).filter(({ type }) => type === AEGISFS_TYPE);
  } catch {
    return [];
  }
}

/**
 * The first mount that `isWanted` in any namespace but our own; each namespace is looked at once, by one of its
 * processes.
 */
export function findMountElsewhere(isWanted: (mount: MountEntry) => boolean): MountSeen | null {
  const seen = new Set<string>([namespaceOf("self") ?? ""]);
  for (const pid of oldestFirst(readdirSync("/proc"))) {
    const namespace = namespaceOf(pid);
    if (namespace === null || seen.has(namespace)) continue;
    seen.add(namespace);
    const mount = mountsSeenBy(pid).find(isWanted);
    if (mount !== undefined) return { pid, mount };
  }
  return null;
}

/**
 * The processes among the names in /proc, lowest number first, as a namespace's own process as a rule is: those that it
 * starts, the server's sleep(1) among them, are gone before a user can act on their number.
 */
export function oldestFirst(names: readonly string[]): number[] {
  return names
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}

function namespaceOf(pid: number | "self"): string | null {
  try {
    return readlinkSync(`/proc/${pid}/ns/mnt`);
  } catch {
    return null;
  }
}

/**
 * Where else it is mounted and what to do, for a message; "" when it is here, or nowhere that this process may look.
 */
export function elsewhereWords(source: string): string {
  const isIt = (mount: MountEntry): boolean => mount.source === source;
  if (mountsSeenBy(process.pid).some(isIt)) return "";
  const found = findMountElsewhere(isIt);
  if (found === null) return "";
  const {
    pid,
    mount: { mountPoint },
  } = found;
  return (
    `, which serves its mount on ${mountPoint} in another mount namespace, that of ${processWords(pid)}: ` +
    `unmount it there (\`nsenter -m -t ${pid} umount ${mountPoint}\`), or end that process`
  );
}
