/** Opens and makes the AegisFS volumes that images are. */
import { randomBytes } from "node:crypto";
import { unlinkSync } from "node:fs";
import { format, mount, mountOverlay, type MountError, type Volume } from "@stratos/aegisfs";
import { MemoryBlockDevice } from "@stratos/host";
import { FileBlockDevice } from "@stratos/host-node";
import { CommandError } from "../command-error.ts";
import { EXIT_STRATOS_FAILED } from "../exit-status.ts";

/** Nominal size of an image's volume: a sparse file takes what is used. */
const IMAGE_VOLUME_BYTES = 64 * 1024 ** 3;

export interface OpenVolume {
  readonly volume: Volume;
  /** Ends its use; what was not synced is lost. */
  close(): void;
}

/** An empty volume in a new file. */
export function createVolume(path: string, label: string): OpenVolume {
  const device = new FileBlockDevice(path, { create: IMAGE_VOLUME_BYTES });
  const seed = randomBytes(4).readUInt32LE();
  const failure = format(device, { uuid: randomBytes(16), hashSeed: seed, label, seconds: Math.floor(Date.now() / 1000) });
  if (failure !== 0) {
    device.close();
    unlinkSync(path);
    throw volumeError(path, failure);
  }
  return opened(path, device, mount(device, { seconds: Math.floor(Date.now() / 1000) }));
}

/** A volume to be changed in place. */
export function openVolume(path: string): OpenVolume {
  const device = new FileBlockDevice(path);
  return opened(path, device, mount(device, { seconds: Math.floor(Date.now() / 1000) }));
}

export function openVolumeReadOnly(path: string): OpenVolume {
  const device = new FileBlockDevice(path, { readOnly: true });
  return opened(path, device, mount(device, { readOnly: true }));
}

/** A clone whose changes live in memory, at most `deltaBytes`, and go with the run. */
export function cloneVolume(path: string, deltaBytes: number): OpenVolume {
  const device = new FileBlockDevice(path, { readOnly: true });
  return opened(path, device, mountOverlay(device, new MemoryBlockDevice(deltaBytes), { volatile: true, seconds: Math.floor(Date.now() / 1000) }));
}

function opened(path: string, device: FileBlockDevice, volume: Volume | MountError): OpenVolume {
  if (typeof volume === "string") {
    device.close();
    throw volumeError(path, volume);
  }
  return { volume, close: () => device.close() };
}

const WORDS: Readonly<Record<MountError, string>> = {
  "no-superblock": "this is no AegisFS volume, or its superblocks are damaged",
  "unsupported": "the volume has a feature that this version does not know",
  "base-mismatch": "the volume was made on another base",
  "device-too-small": "the volume is shorter than it says",
  "device-error": "the device cannot be read",
  "corrupt": "the volume is damaged",
};

function volumeError(path: string, error: MountError): CommandError {
  return new CommandError(path, WORDS[error], { status: EXIT_STRATOS_FAILED });
}
