/** Opening a volume for a mount, and what the threads of a mount tell each other. */
import { mount, MOUNT_ERROR_WORDS, type Subvolume, type Volume } from "@stratos/aegisfs";
import type { ServeOptions } from "@stratos/fuse";
import { FileBlockDevice } from "../file-block-device.ts";
import { FileLockedError } from "../file-lock.ts";

export interface ServedVolumeOptions {
  readonly path: string;
  readonly readOnly: boolean;
  /** Name of the subvolume to show instead of the default one. */
  readonly subvolume: string | null;
  readonly serve: Omit<ServeOptions, "files">;
}

export type ThreadMessage =
  | { readonly kind: "opened"; readonly readOnly: boolean }
  | { readonly kind: "refused"; readonly reason: string }
  | { readonly kind: "ended"; readonly result: number }
  | { readonly kind: "broken"; readonly detail: string };
export interface ThreadStart { readonly fd: number; readonly waitingFd: number | null }

export interface ServedVolume {
  readonly volume: Volume;
  readonly files: Subvolume;
  close(): void;
}

/** @throws Error in words */
export function openServedVolume(options: ServedVolumeOptions): ServedVolume {
  const device = openDevice(options.path, options.readOnly);
  try {
    const volume = mount(device, { readOnly: options.readOnly, seconds: Math.floor(Date.now() / 1000) });
    if (typeof volume === "string") throw new Error(MOUNT_ERROR_WORDS[volume]);
    const files = options.subvolume === null ? volume.root : named(volume, options.subvolume);
    return { volume, files, close: () => device.close() };
  } catch (error) {
    device.close();
    throw error;
  }
}

function openDevice(path: string, readOnly: boolean): FileBlockDevice {
  try {
    return new FileBlockDevice(path, { readOnly });
  } catch (error) {
    if (error instanceof FileLockedError) throw new Error(`in use by process ${error.owner}`);
    throw new Error(/^[A-Z0-9]+: ([^,]+), /.exec((error as Error).message)?.[1] ?? (error as Error).message);
  }
}

function named(volume: Volume, name: string): Subvolume {
  const id = volume.findSubvolume(Buffer.from(name, "utf8").toString("latin1"));
  const files = id < 0 ? null : volume.subvolume(id);
  if (files === null) throw new Error(`has no subvolume or snapshot '${name}'`);
  return files;
}
