/** Opening a volume for a mount, and what the threads of a mount tell each other. */
import { readFileSync } from "node:fs";
import { MOUNT_ERROR_WORDS, type MountError, type Subvolume, unreadDevices, type Volume } from "@stratos/aegisfs";
import type { ServeOptions } from "@stratos/fuse";
import { FileLockedError } from "@stratos/host-node";
import { mountDevices, openVolumeDevices, type VolumeDevices, withEnvironmentFilters } from "../volumes/volumes.ts";
import { isWriteProtected } from "@stratos/host-node/mounts";

export interface ServedVolumeOptions {
  readonly path: string;
  /** Further devices of the volume. */
  readonly devices: readonly string[];
  /** Also without some of its devices. */
  readonly degraded: boolean;
  /** File whose first line is the passphrase of an encrypted volume; null: as the environment says. */
  readonly keyFile: string | null;
  readonly readOnly: boolean;
  /** Refuse what is write-protected, instead of mounting it read-only. */
  readonly mustWrite: boolean;
  /** Name of the subvolume to show instead of the default one. */
  readonly subvolume: string | null;
  /** Memory for what is kept of the volume. */
  readonly cacheBytes: number;
  readonly serve: Omit<ServeOptions, "files" | "bell" | "onFailure" | "commitIntervalMs">;
  /**
   * Module that runs commands on the volume while it is mounted (`MountedCommands`), and the place that it must not
   * look into.
   */
  readonly commands?: { readonly url: string; readonly mountPoint: string };
}

/** A command that another process asks for. */
export interface MountedCall {
  readonly args: readonly string[];
  /** Folder that relative paths are of. */
  readonly cwd: string;
  /** Is there a terminal for progress, and how wide is it? */
  readonly isTerminal: boolean;
  readonly columns: number;
  /** What those of its arguments mean that name volumes: who serves one must not look for it in its own mount. */
  readonly volumes: readonly NamedVolume[];
  /** A socket of the caller's that gives what it reads from its standard input; null: none. */
  readonly input: string | null;
  /** Passphrases that the caller was given, in base64: the present one and a new one. */
  readonly passphrases: { readonly present: string | null; readonly fresh: string | null };
}

/** What an argument means that names a volume. */
export interface NamedVolume {
  /** The argument, as messages repeat it. */
  readonly text: string;
  /** Its files and devices without links; the first is the one that a mount names as its source. */
  readonly paths: readonly string[];
  /** What a path in a mount names there; null for arguments that name the volume itself. */
  readonly inside: InsideVolume | null;
}

export interface InsideVolume {
  /** Snapshot or subvolume; null: the live files. */
  readonly snapshot: string | null;
  /** Absolute path in it. */
  readonly path: string;
}

/** What a command sees of the mount that it works under. */
export interface MountedContext {
  readonly path: string;
  readonly mountPoint: string;
  readonly volume: Volume;
  readonly devices: VolumeDevices;
  /** Writes are told what becomes of them when the file is closed or synced. */
  readonly gathersWrites: boolean;
  write(stream: "stdout" | "stderr", text: string): void;
  /** Lets the mount answer what waits. */
  breathe(): void;
  /** Did who called it ask it to end? Once for each time. */
  takeInterrupt(): boolean;
  /** The live files are about to become others. @returns false when the kernel could not be told so */
  replaceFiles(): boolean;
  /** They are others now. */
  filesReplaced(): void;
  /** Snapshots have come or gone. */
  forgetSnapshotList(): void;
}

export interface MountedCommands {
  /** @returns the exit status; null when it is no command for a mounted volume */
  runMountedCommand(call: MountedCall, context: MountedContext): Promise<number | null>;
}

/** The property of a volume that says which snapshots are taken by the clock. */
export const SCHEDULE_PROPERTY = "snapshot-schedule";

export type ThreadMessage =
  | {
      readonly kind: "opened";
      readonly readOnly: boolean;
      readonly hasSchedule: boolean;
      readonly isWriteProtected: boolean;
    }
  | { readonly kind: "refused"; readonly reason: string }
  | { readonly kind: "ended"; readonly result: number }
  | { readonly kind: "broken"; readonly detail: string }
  /** The serving thread is to run elsewhere. */
  | { readonly kind: "poll"; readonly words: Int32Array }
  /** Messages to the kernel; `sent` becomes 1 when it has them. */
  | { readonly kind: "notify"; readonly messages: Uint8Array; readonly sent: Int32Array }
  /**
   * The kernel is to write what it has gathered; `answer` becomes GATHERING, or NOT_GATHERING where nobody can ask it
   * to.
   */
  | { readonly kind: "gather"; readonly token: string; readonly answer: Int32Array }
  /** The volume takes no changes any more; why, in words. */
  | { readonly kind: "failed"; readonly words: string }
  /** A command lets the mount have its turn: ring its bell. */
  | { readonly kind: "ring" }
  /** A call has come to the serving thread, and runs. */
  | { readonly kind: "taken" }
  | { readonly kind: "output"; readonly stream: "stdout" | "stderr"; readonly text: string }
  /** The call is over; `status` null: it is no command for a mounted volume. */
  | { readonly kind: "called"; readonly status: number | null };
export const GATHERING = 1,
  NOT_GATHERING = 2;

/**
 * `calls`: word 0 is the server's bell, word 1 is 1 when the running command is to end. `claims`: the kernel was given
 * no block device, so that claiming it is left to the server.
 */
export interface ThreadStart {
  readonly fd: number;
  readonly calls: Int32Array;
  readonly claims: boolean;
  readonly commitIntervalMs: number;
}

export interface ServedVolume {
  readonly volume: Volume;
  readonly files: Subvolume;
  readonly devices: VolumeDevices;
  /** It is served read-only because it cannot be written. */
  readonly isWriteProtected: boolean;
  close(): void;
}

/** @throws Error in words */
export function openServedVolume(options: ServedVolumeOptions): ServedVolume {
  const isProtected = !options.readOnly && [options.path, ...options.devices].some(isWriteProtected);
  if (isProtected && options.mustWrite) throw new Error("is write-protected, and cannot be mounted read-write");
  const readOnly = options.readOnly || isProtected;
  const opened = openDevices(options, readOnly);
  try {
    const volume = mountDevices(opened, {
      readOnly,
      degraded: options.degraded,
      cacheBytes: options.cacheBytes,
      seconds: Math.floor(Date.now() / 1000),
    });
    if (typeof volume === "string") throw new Error(refusalWords(volume, opened, [options.path, ...options.devices]));
    const files = withEnvironmentFilters(options.subvolume === null ? volume.root : named(volume, options.subvolume));
    return { volume, files, devices: opened, isWriteProtected: isProtected, close: () => opened.close() };
  } catch (error) {
    opened.close();
    throw error;
  }
}

function refusalWords(error: MountError, { devices }: VolumeDevices, paths: readonly string[]): string {
  const words = MOUNT_ERROR_WORDS[error];
  return error === "superblocks-missing"
    ? `${words}: ${unreadDevices(devices)
        .map((at) => paths[at])
        .join(", ")}`
    : words;
}

function openDevices({ path, devices, keyFile }: ServedVolumeOptions, readOnly: boolean): VolumeDevices {
  try {
    return openVolumeDevices([path, ...devices], {
      readOnly,
      keepsWriters: readOnly,
      passphrase: () => (keyFile === null ? null : firstLine(keyFile)),
    });
  } catch (error) {
    if (error instanceof FileLockedError) throw new Error(error.words);
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
