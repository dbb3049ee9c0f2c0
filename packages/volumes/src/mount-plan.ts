/** A volume that is to be mounted: what is asked for, looked at before anything happens, and the mount itself. */
import { realpathSync, statfsSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { hostReason } from "@stratos/host-node/home";
import { AEGISFS_TYPE, findMount } from "@stratos/host-node/mounts";
import { volumePaths } from "@stratos/tools-node/volumes";
import { OperationError } from "@stratos/operation";
import { FuseMount, type MountRequest, unmount } from "@stratos/tools-node/fuse";
import type { MountWords } from "./mount-options.ts";
import { expectVolume } from "./open-volume.ts";
import { probeDevice } from "./volume-scan.ts";

export interface MountPlan {
  readonly volume: string;
  readonly mountPoint: string;
  readonly words: MountWords;
  readonly mustWrite: boolean;
  readonly request: MountRequest;
}

interface PlanOptions {
  readonly words: MountWords;
  /** What is write-protected is refused. */
  readonly mustWrite: boolean;
  /** By fusermount3, for us: the place must not be looked at, as we are the ones who would have to answer. */
  readonly isMounted: boolean;
  /** Something happened that its user wants to know, in words. */
  tell(words: string): void;
}

/** @throws OperationError when it cannot be mounted there */
export function planMount(volume: string, dir: string, { words, mustWrite, isMounted, tell }: PlanOptions): MountPlan {
  const mountPoint = isMounted ? dir : freePlace(dir, tell);
  const [path, ...devices] = [...new Set([...volumePaths(volume), ...words.devices].map(realPath))] as [
    string,
    ...string[],
  ];
  if (!isMounted) {
    const inTheWay = findMount(mountPoint);
    if (inTheWay?.type === AEGISFS_TYPE && inTheWay.source === path)
      throw new OperationError("in-use", dir, `${path} is mounted there already`);
    if (probeDevice(path) === null) expectVolume(volume, path);
  }
  // A mount of root's is for all users, as of any other file system; another user's needs user_allow_other for it
  // (mount.fuse(8)).
  const allowOther = words.allowOther ?? process.getuid?.() === 0;
  return {
    volume: path,
    mountPoint,
    words: { ...words, devices, keyFile: words.keyFile === null ? null : realPath(words.keyFile), allowOther },
    mustWrite,
    request: {
      source: path,
      mountPoint,
      readOnly: words.readOnly,
      allowOther,
      options: words.others,
      asBlockDevice: words.asBlockDevice,
    },
  };
}

/**
 * Mounts it; this process serves it from then on.
 *
 * @param commands  the module that runs commands for the mounted volume
 * @param mountedFd  /dev/fuse of a mount that is there already
 * @throws MountFailure
 */
export function startMount(
  { volume, mountPoint, words, mustWrite, request }: MountPlan,
  { commands, mountedFd }: { readonly commands: string; readonly mountedFd: number | null },
): Promise<FuseMount> {
  return FuseMount.start({
    volume: {
      path: volume,
      devices: words.devices,
      degraded: words.degraded,
      keyFile: words.keyFile,
      readOnly: words.readOnly,
      mustWrite,
      subvolume: words.subvolume,
      cacheBytes: words.cacheBytes,
      commands: { url: commands, mountPoint },
      serve: {
        checksPermissions: request.allowOther || process.getuid?.() !== 0,
        ...(words.writebackCache === null ? {} : { writebackCache: words.writebackCache }),
        accessTimes: words.accessTimes,
        folderAccessTimes: words.folderAccessTimes,
        controlNames: words.controlNames,
      },
    },
    mount: request,
    commitSeconds: words.commitSeconds,
    mountedFd,
  });
}

/** Are the volume's live files mounted, with `.snapshots`? */
export function takesSnapshots({ readOnly, subvolume, controlNames }: MountWords): boolean {
  return !readOnly && subvolume === null && controlNames;
}

/** The folder to mount on; a mount whose server has died is taken away. */
function freePlace(dir: string, tell: (words: string) => void): string {
  try {
    const place = realpathSync(dir);
    if (!statSync(place).isDirectory()) throw new OperationError("volume", dir, "not a folder");
    // The kernel may still know the folder's attributes; how full it is only its server knows.
    if (findMount(place)?.type === AEGISFS_TYPE) statfsSync(place);
    return place;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOTCONN")
      throw error instanceof OperationError
        ? error
        : new OperationError("volume", dir, hostReason(error), { cause: error });
  }
  const place = resolve(dir);
  const failed = unmount(place, { lazy: true });
  if (failed !== null)
    throw new OperationError(
      "volume",
      dir,
      `the server of an earlier mount has died, and it cannot be unmounted: ${failed}`,
    );
  tell(`${dir}: the server of an earlier mount had died; mounting anew`);
  return place;
}

function realPath(volume: string): string {
  try {
    return realpathSync(volume);
  } catch (error) {
    throw new OperationError("volume", volume, hostReason(error), { cause: error });
  }
}
