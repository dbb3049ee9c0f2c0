/**
 * The volume that this process serves as a mount, for commands that run in it (mounted-commands.ts): they work on the
 * very volume that the mount's users see, and let the mount have its turn between their steps. Elsewhere there is none.
 */
import { lstatSync, readlinkSync, realpathSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { EncryptedDevice } from "@stratos/aegisfs";
import type { FileBlockDevice } from "@stratos/host-node";
import { volumePaths } from "@stratos/tools-node/volumes";
import type { MountedContext } from "@stratos/tools-node/fuse";
import { OperationError } from "@stratos/operation";

export interface HostedVolume extends MountedContext {
  /** Folder that relative paths are of: that of who called. */
  readonly cwd: string;
}

let hosted: HostedVolume | null = null;

export function hostVolume(volume: HostedVolume | null): void {
  hosted = volume;
}

/** The volume at `path`, if it is the one that is served here. */
export function hostedVolumeAt(path: string): HostedVolume | null {
  if (hosted === null) return null;
  const [first] = volumePaths(hostPath(path));
  try {
    return realpathSync(hostPath(first!)) === hosted.path ? hosted : null;
  } catch {
    return null;
  }
}

/**
 * A path of who called. What lies in the mount itself is refused: who serves it would wait for itself.
 *
 * @throws OperationError
 */
export function hostPath(path: string): string {
  if (hosted === null) return path;
  const wanted = resolve(hosted.cwd, path);
  if (leadsInto(wanted, hosted.mountPoint))
    throw new OperationError("volume", path, "lies in the mount of the volume itself");
  return wanted;
}

/** Follows links by hand: asking the system for a path in the mount would ask ourselves. */
function leadsInto(path: string, mountPoint: string): boolean {
  let waiting = path.split("/").filter((part) => part !== "");
  let at = "/";
  for (let links = 0; waiting.length > 0;) {
    if (at === mountPoint) return true;
    const next = resolve(at, waiting[0]!);
    waiting = waiting.slice(1);
    if (next === mountPoint) return true;
    let target: string | null = null;
    try {
      if (lstatSync(next).isSymbolicLink()) target = readlinkSync(next);
    } catch {
      return false;
    }
    if (target === null) {
      at = next;
      continue;
    }
    if (++links > LINKS_MAX) return false;
    waiting = [
      ...resolve(dirname(next), target)
        .split("/")
        .filter((part) => part !== ""),
      ...waiting,
    ];
    at = "/";
  }
  return at === mountPoint;
}

const LINKS_MAX = 40;

/**
 * A device that has joined the volume stays open as long as the volume; elsewhere the command that opened it closes it.
 */
export function keepDevice(
  volume: HostedVolume | null,
  device: FileBlockDevice,
  sealed: EncryptedDevice | null,
): boolean {
  volume?.devices.adopt(device, sealed);
  return volume !== null;
}
