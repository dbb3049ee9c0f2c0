/**
 * umount(8) returns when the kernel has let go; the process that served the mount then still commits. Whoever opens
 * the volume next waits for it, as
 * umount waits for the file systems of the kernel: what was written must be there.
 */
import { readFileSync, realpathSync } from "node:fs";
import { lockOwner } from "./file-lock.ts";
import { findMountElsewhere, mountsSeenBy } from "./mount-namespaces.ts";
import type { MountEntry } from "./mount-table.ts";
import { sleepSync } from "./sleep-sync.ts";

const LIMIT_MS = 60_000;
const POLL_MS = 5;

/**
 * Returns once no server of a mount that has ended (or is about to begin) holds the lock of `path`; after a minute in
 * any case. One that is still mounted in another mount namespace has not
 * ended: nobody waits for that.
 */
export function waitForEndingMount(path: string): void {
  for (let waited = 0; waited < LIMIT_MS && isServedUnmounted(path); waited += POLL_MS) sleepSync(POLL_MS);
}

function isServedUnmounted(path: string): boolean {
  const owner = lockOwner(path);
  if (owner === null || owner === process.pid) return false;
  try {
    const command = readFileSync(`/proc/${owner}/cmdline`, "utf8");
    // A process that is dying has none any more.
    if (command !== "" && !command.includes("\0fs\0mount\0")) return false;
    const source = realpathSync(path);
    // The source is the first of a volume's devices; what the process was told to mount on holds for all of them.
    const place = command.split("\0").at(-2);
    const isIt = (mount: MountEntry): boolean => mount.source === source || mount.mountPoint === place;
    return (
      !mountsSeenBy(process.pid).some(isIt) && !mountsSeenBy(owner).some(isIt) && findMountElsewhere(isIt) === null
    );
  } catch {
    // It has gone, or this host has no /proc.
    return false;
  }
}
