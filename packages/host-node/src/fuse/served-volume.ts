/** Opening a volume for a mount, and what the threads of a mount tell each other. */
import { readFileSync } from "node:fs";
import { MOUNT_ERROR_WORDS, type Subvolume, type Volume } from "@stratos/aegisfs";
import type { ServeOptions } from "@stratos/fuse";
import { FileLockedError } from "../file-lock.ts";
import { mountDevices, openVolumeDevices, type VolumeDevices } from "../volume-devices.ts";
import { withEnvironmentFilters } from "../volume-filters.ts";

export interface ServedVolumeOptions {
  readonly path: string;
  /** Further devices of the volume. */
  readonly devices: readonly string[];
  /** Also without some of its devices. */
  readonly degraded: boolean;
  /** File whose first line is the passphrase of an encrypted volume; null: as the environment says. */
  readonly keyFile: string | null;
  readonly readOnly: boolean;
  /** Name of the subvolume to show instead of the default one. */
  readonly subvolume: string | null;
  /** Memory for what is kept of the volume. */
  readonly cacheBytes: number;
  readonly serve: Omit<ServeOptions, "files">;
}

/** The property of a volume that says which snapshots are taken by the clock. */
export const SCHEDULE_PROPERTY = "snapshot-schedule";

export type ThreadMessage =
  | { readonly kind: "opened"; readonly readOnly: boolean; readonly hasSchedule: boolean }
  | { readonly kind: "refused"; readonly reason: string }
  | { readonly kind: "ended"; readonly result: number }
  | { readonly kind: "broken"; readonly detail: string }
  /** Messages to the kernel; `sent` becomes 1 when it has them. */
  | { readonly kind: "notify"; readonly messages: Uint8Array; readonly sent: Int32Array }
  /** The kernel is to write what it has gathered; `answer` becomes GATHERING, or NOT_GATHERING where nobody can ask it to. */
  | { readonly kind: "gather"; readonly token: string; readonly answer: Int32Array };
export const GATHERING = 1, NOT_GATHERING = 2;
export interface ThreadStart { readonly fd: number }

export interface ServedVolume {
  readonly volume: Volume;
  readonly files: Subvolume;
  close(): void;
}

/** @throws Error in words */
export function openServedVolume(options: ServedVolumeOptions): ServedVolume {
  const opened = openDevices(options);
  try {
    const volume = mountDevices(opened, { readOnly: options.readOnly, degraded: options.degraded, cacheBytes: options.cacheBytes, seconds: Math.floor(Date.now() / 1000) });
    if (typeof volume === "string") throw new Error(MOUNT_ERROR_WORDS[volume]);
    const files = withEnvironmentFilters(options.subvolume === null ? volume.root : named(volume, options.subvolume));
    return { volume, files, close: () => opened.close() };
  } catch (error) {
    opened.close();
    throw error;
  }
}

function openDevices({ path, devices, readOnly, keyFile }: ServedVolumeOptions): VolumeDevices {
  try {
    return openVolumeDevices([path, ...devices], { readOnly, passphrase: () => (keyFile === null ? null : firstLine(keyFile)) });
  } catch (error) {
    if (error instanceof FileLockedError) throw new Error(`in use by process ${error.owner}`);
    throw new Error(/^[A-Z0-9]+: ([^,]+), /.exec((error as Error).message)?.[1] ?? (error as Error).message);
  }
}

function firstLine(path: string): Uint8Array {
  const bytes = readFileSync(path);
  const end = bytes.indexOf(10);
  return end < 0 ? bytes : bytes.subarray(0, end);
}

function named(volume: Volume, name: string): Subvolume {
  const id = volume.findSubvolume(Buffer.from(name, "utf8").toString("latin1"));
  const files = id < 0 ? null : volume.subvolume(id);
  if (files === null) throw new Error(`has no subvolume or snapshot '${name}'`);
  return files;
}
