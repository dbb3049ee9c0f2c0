/** Opens and makes the AegisFS volumes that images are. */
import { randomBytes } from "node:crypto";
import { unlinkSync } from "node:fs";
import {
  format,
  GUEST_LIMITS,
  mount,
  mountOverlay,
  MOUNT_ERROR_WORDS,
  type MountError,
  type Volume,
} from "@stratos/aegisfs";
import { MemoryBlockDevice } from "@stratos/host";
import { FileBlockDevice } from "@stratos/host-node";
import { OperationError } from "@stratos/operation";

/** Nominal size of a layer: a sparse file takes what is used. */
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
  const failure = format(device, { uuid: randomBytes(16), hashSeed: seed, label, seconds: nowSeconds() });
  if (failure !== 0) {
    device.close();
    unlinkSync(path);
    throw volumeError(path, failure);
  }
  return opened(path, [device], mount(device, { seconds: nowSeconds() }));
}

/** An image's volume as it is. @param layers  files, from the bottom up */
export function openVolumeReadOnly(layers: readonly string[]): OpenVolume {
  if (layers.length === 1) {
    const device = new FileBlockDevice(layers[0]!, { readOnly: true });
    return opened(layers[0]!, [device], mount(device, { readOnly: true }));
  }
  // The topmost layer is itself a clone of those below.
  const devices = openLayers(layers);
  return opened(layers.at(-1)!, devices, mountOverlay(devices.slice(0, -1), devices.at(-1)!, { readOnly: true }));
}

/**
 * A clone whose changes live in memory, at most `deltaBytes`, and go with the run.
 *
 * @param changes  those of a saved machine, which knows which of its files have lost their names
 */
export function cloneVolume(
  layers: readonly string[],
  deltaBytes: number,
  changes: MemoryBlockDevice | null = null,
): OpenVolume & { readonly changes: MemoryBlockDevice } {
  const devices = openLayers(layers);
  const delta = changes ?? new MemoryBlockDevice(deltaBytes);
  const options = { ...GUEST_LIMITS, volatile: true, seconds: nowSeconds(), keepsOrphans: changes !== null };
  return { ...opened(layers.at(-1)!, devices, mountOverlay(devices, delta, options)), changes: delta };
}

/** A clone whose changes go to a new layer file. */
export function cloneVolumeToLayer(layers: readonly string[], path: string): OpenVolume {
  const bases = openLayers(layers);
  const delta = new FileBlockDevice(path, { create: IMAGE_VOLUME_BYTES });
  return opened(path, [...bases, delta], mountOverlay(bases, delta, { ...GUEST_LIMITS, seconds: nowSeconds() }));
}

function openLayers(layers: readonly string[]): FileBlockDevice[] {
  const devices: FileBlockDevice[] = [];
  try {
    for (const path of layers) devices.push(new FileBlockDevice(path, { readOnly: true }));
    return devices;
  } catch (error) {
    for (const device of devices) device.close();
    throw error;
  }
}

function opened(path: string, devices: readonly FileBlockDevice[], volume: Volume | MountError): OpenVolume {
  const close = (): void => devices.forEach((device) => device.close());
  if (typeof volume === "string") {
    close();
    throw volumeError(path, volume);
  }
  return { volume, close };
}

function nowSeconds(): number {
  return Math.floor(Date.now() / 1000);
}

function volumeError(path: string, error: MountError): OperationError {
  return new OperationError("internal", path, MOUNT_ERROR_WORDS[error]);
}
