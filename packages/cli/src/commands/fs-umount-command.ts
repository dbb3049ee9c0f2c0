import { existsSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { lockOwner, mountControlPath } from "@stratos/host-node";
import { AEGISFS_TYPE, findMount, unmount } from "@stratos/host-node/fuse";
import { CommandError } from "../command-error.ts";
import { mountPlace } from "../fs/mount-place.ts";

export interface UnmountOptions { readonly lazy?: true }

const POLL_MS = 5;
const SOCKET_MS = 2000;
/** The server's own helpers look at the mount now and then, which keeps it busy for a moment. */
const BUSY_POLL_MS = 100;
const BUSY_TRIES = 20;

export async function unmountVolume(dir: string, options: UnmountOptions): Promise<number> {
  const place = mountPlace(dir);
  const mount = findMount(place);
  if (mount === null) throw new CommandError(dir, "nothing is mounted there");
  if (mount.type !== AEGISFS_TYPE) throw new CommandError(dir, `what is mounted there is no AegisFS volume, but ${mount.type}`);
  const server = lockOwner(mount.source);
  let failed = unmount(place, { lazy: options.lazy === true });
  for (let tries = 0; failed !== null && /busy/.test(failed) && tries < BUSY_TRIES; tries++) {
    await delay(BUSY_POLL_MS);
    failed = unmount(place, { lazy: options.lazy === true });
  }
  if (failed !== null) throw new CommandError(dir, /busy/.test(failed) ? "in use; --lazy unmounts it all the same, once its last file is closed" : failed);
  // The kernel is done; the server still commits. A lazy one may have users for long.
  if (options.lazy !== true && server !== null) {
    while (lockOwner(mount.source) === server) await delay(POLL_MS);
    // Its last step is to take its socket away.
    for (let waited = 0; waited < SOCKET_MS && existsSync(mountControlPath(mount.source)); waited += POLL_MS) await delay(POLL_MS);
  }
  return 0;
}
