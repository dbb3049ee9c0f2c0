/** Opening a volume for a mount, and what the threads of a mount tell each other. */
import { readFileSync } from "node:fs";
import { EncryptedDevice, KEY_ERROR_WORDS, mount, MOUNT_ERROR_WORDS, type Subvolume, type Volume } from "@stratos/aegisfs";
import type { ServeOptions } from "@stratos/fuse";
import type { BlockDevice } from "@stratos/host";
import { FileBlockDevice } from "../file-block-device.ts";
import { FileLockedError } from "../file-lock.ts";
import { nodeCipher } from "../node-cipher.ts";
import { withEnvironmentFilters } from "../volume-filters.ts";
import { zstdCodec } from "../zstd-codec.ts";

export interface ServedVolumeOptions {
  readonly path: string;
  /** Further devices of the volume. */
  readonly devices: readonly string[];
  /** Also without some of its devices. */
  readonly degraded: boolean;
  /** File whose content is the passphrase of an encrypted volume. */
  readonly keyFile: string | null;
  readonly readOnly: boolean;
  /** Name of the subvolume to show instead of the default one. */
  readonly subvolume: string | null;
  readonly serve: Omit<ServeOptions, "files">;
}

export type ThreadMessage =
  | { readonly kind: "opened"; readonly readOnly: boolean }
  | { readonly kind: "refused"; readonly reason: string }
  | { readonly kind: "ended"; readonly result: number }
  | { readonly kind: "broken"; readonly detail: string }
  /** Messages to the kernel; `sent` becomes 1 when it has them. */
  | { readonly kind: "notify"; readonly messages: Uint8Array; readonly sent: Int32Array };
export interface ThreadStart { readonly fd: number; readonly waitingFd: number | null }

export interface ServedVolume {
  readonly volume: Volume;
  readonly files: Subvolume;
  close(): void;
}

/** @throws Error in words */
export function openServedVolume(options: ServedVolumeOptions): ServedVolume {
  const opened: FileBlockDevice[] = [];
  const close = (): void => opened.forEach((device) => device.close());
  try {
    const passphrase = options.keyFile === null ? null : readFileSync(options.keyFile);
    const devices = [options.path, ...options.devices].map((path) => {
      const device = openDevice(path, options.readOnly);
      opened.push(device);
      return passphrase === null ? device : unlock(device, passphrase);
    });
    const volume = mount(devices, { readOnly: options.readOnly, degraded: options.degraded, seconds: Math.floor(Date.now() / 1000), codecs: [zstdCodec] });
    if (typeof volume === "string") throw new Error(MOUNT_ERROR_WORDS[volume]);
    const files = withEnvironmentFilters(options.subvolume === null ? volume.root : named(volume, options.subvolume));
    return { volume, files, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** The line break that ends what a person typed into a file is no part of the passphrase. */
function unlock(device: FileBlockDevice, passphrase: Uint8Array): BlockDevice {
  const end = passphrase.at(-1) === 10 ? passphrase.length - 1 : passphrase.length;
  const opened = EncryptedDevice.open(device, nodeCipher, passphrase.subarray(0, end));
  if (typeof opened === "string") throw new Error(KEY_ERROR_WORDS[opened]);
  return opened.device;
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
