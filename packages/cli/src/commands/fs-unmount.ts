/** `stratos fs umount`: a mount ends when its server has written all and is gone. */
import { existsSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { lockOwner, mountControlPath, processWords, removeLeftovers } from "@stratos/host-node";
import { AEGISFS_TYPE, findMount, findMountElsewhere, type MountEntry } from "@stratos/host-node/mounts";
import { unmount, connectionOf } from "@stratos/tools-node/fuse";
import { mountPlace } from "@stratos/volumes";
import { CommandError } from "../command-error.ts";

export interface UnmountOptions {
  readonly lazy?: true;
}

const POLL_MS = 5;
const SOCKET_MS = 2000;
/** The server's own helpers look at the mount now and then, which keeps it busy for a moment. */
const BUSY_POLL_MS = 100;
const BUSY_TRIES = 20;
/** Between two looks at other mount namespaces, and the longest wait for a last commit. */
const LOOK_MS = 100;
const LIMIT_MS = 120_000;

export async function unmountVolume(dir: string, options: UnmountOptions): Promise<number> {
  const place = mountPlace(dir);
  const mount = findMount(place);
  if (mount === null) throw new CommandError(dir, "nothing is mounted there");
  if (mount.type !== AEGISFS_TYPE)
    throw new CommandError(dir, `what is mounted there is no AegisFS volume, but ${mount.type}`);
  const server = lockOwner(mount.source);
  let failed = unmount(place, { lazy: options.lazy === true });
  for (let tries = 0; failed !== null && /busy/.test(failed) && tries < BUSY_TRIES; tries++) {
    await delay(BUSY_POLL_MS);
    failed = unmount(place, { lazy: options.lazy === true });
  }
  if (failed !== null)
    throw new CommandError(
      dir,
      /busy/.test(failed)
        ? "in use; --lazy unmounts it all the same, once its last file is closed"
        : // What fusermount3 says of a mount of somebody else's.
          /not found in \/etc\/mtab/.test(failed)
          ? "is another user's mount: who has mounted it, or root, unmounts it"
          : failed,
    );
  // The kernel is done; the server may still commit. A lazy one may have users for long.
  if (server === null) removeLeftovers(mount.source);
  else if (options.lazy !== true) await ended(dir, mount, server);
  return 0;
}

/** Waits until the server has let the volume go, but not for a mount that others have copied: that may last. */
async function ended(dir: string, mount: MountEntry, server: number): Promise<void> {
  for (let waitedMs = 0; lockOwner(mount.source) === server; waitedMs += POLL_MS) {
    await delay(POLL_MS);
    if (waitedMs % LOOK_MS !== 0) continue;
    const elsewhere = findMountElsewhere(
      (other) => other.type === AEGISFS_TYPE && connectionOf(other) === connectionOf(mount),
    );
    if (elsewhere !== null) {
      process.stderr.write(
        `stratos: ${dir}: unmounted here, but ${processWords(elsewhere.pid)} has it mounted on ` +
          `${elsewhere.mount.mountPoint} in another mount namespace: ${mount.source} stays in use until it is ` +
          "unmounted there, or that process ends\n",
      );
      return;
    }
    if (waitedMs >= LIMIT_MS)
      throw new CommandError(
        dir,
        `unmounted, but ${processWords(server)} still has ${mount.source}: what it writes is slow to arrive, or ` +
          `it waits for its device; end it with \`kill ${server}\` to go back to the last commit`,
      );
  }
  // Its last step is to take its socket away.
  for (let waitedMs = 0; waitedMs < SOCKET_MS && existsSync(mountControlPath(mount.source)); waitedMs += POLL_MS)
    await delay(POLL_MS);
}
