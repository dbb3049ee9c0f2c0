/** Opens and makes the AegisFS volumes that images are. */
import { randomBytes } from "node:crypto";
import { statSync, unlinkSync } from "node:fs";
import {
  format,
  GUEST_LIMITS,
  mount,
  mountOverlay,
  MOUNT_ERROR_WORDS,
  type MountError,
  type MountOptions,
  type Volume,
} from "@stratos/aegisfs";
import { type BlockDevice, FlushedBlockDevice, MemoryBlockDevice } from "@stratos/host";
import { FileBlockDevice } from "@stratos/host-node";
import { OperationError } from "@stratos/operation";
import type { ImageReads } from "@stratos/session";

/** Nominal size of a layer: a sparse file takes what is used. */
const IMAGE_VOLUME_BYTES = 64 * 1024 ** 3;

export interface OpenVolume {
  readonly volume: Volume;
  /** Ends its use; what was not synced is lost. Once is enough. @throws Node's error: what was written doesn't last */
  close(): void;
}

/** One whose changes go to a file. */
export interface WrittenVolume extends OpenVolume {
  /** What the host said of the file, where that is why work on it failed; else the failure. */
  explain(failure: unknown): unknown;
}

/**
 * An empty volume in a new file, which counts for nothing until it is closed: a power cut leaves a draft.
 *
 * @param isScratch  nor after that
 */
export function createVolume(path: string, label: string, isScratch = false): WrittenVolume {
  const device = new FileBlockDevice(path, { create: IMAGE_VOLUME_BYTES, lasts: isScratch ? "nothing" : "closed" });
  const seed = randomBytes(4).readUInt32LE();
  const failure = format(device, { uuid: randomBytes(16), hashSeed: seed, label, seconds: nowSeconds() });
  if (failure !== 0) {
    device.close();
    unlinkSync(path);
    throw volumeError(path, failure);
  }
  return written(device, opened(path, [device], mount(device, { seconds: nowSeconds() })));
}

function written(device: FileBlockDevice, volume: OpenVolume): WrittenVolume {
  return { ...volume, explain: (failure) => device.refusal ?? failure };
}

/** An image's volume as it is. @param layers  files, from the bottom up */
export function openVolumeReadOnly(layers: readonly string[]): OpenVolume {
  const devices = openLayers(layers);
  if (devices.length === 1) return opened(layers[0]!, devices, mount(devices[0]!, { readOnly: true }));
  // The topmost layer is itself a clone of those below.
  return opened(layers.at(-1)!, devices, mountOverlay(devices.slice(0, -1), devices.at(-1)!, { readOnly: true }));
}

/** A layer's disk. */
type LayerDevice = BlockDevice & { close(): void };

/** An image's layers, where they are not files as they lie in a folder. */
export interface ImageLayers {
  /** For errors. */
  readonly name: string;
  /** From the bottom up; each is closed. */
  open(): readonly LayerDevice[];
}

/** The same layers, and what is read of them is noted down. */
export function watchedLayers(paths: readonly string[], reads: ImageReads): ImageLayers {
  return {
    name: paths.at(-1)!,
    open: () => {
      const devices = openLayers(paths);
      return reads
        .watch(devices)
        .map((watched, layer) => Object.assign(watched, { close: () => devices[layer]!.close() }));
    },
  };
}

function layersOf(layers: readonly string[] | ImageLayers): ImageLayers {
  return "open" in layers ? layers : { name: layers.at(-1)!, open: () => openLayers(layers) };
}

/** A clone whose changes live in memory, and go with the run. */
interface ClonedVolume extends OpenVolume {
  readonly changes: MemoryBlockDevice;
  /** One with the changes that were committed by now; each of the two must be closed. */
  fork(): ForkedVolume;
}

/** A clone that is mounted when it is asked for. */
interface ForkedVolume extends Omit<ClonedVolume, "volume"> {
  /** To be called once. @throws OperationError of kind internal */
  mount(): Volume;
}

/**
 * @param deltaBytes  most that may be changed
 * @param changes  those of a saved machine, which knows which of its files have lost their names
 */
export function cloneVolume(
  layers: readonly string[] | ImageLayers,
  deltaBytes: number,
  changes: MemoryBlockDevice | null = null,
): ClonedVolume {
  const {
    volume,
    changes: delta,
    close,
    fork,
  } = cloneOnto(layers, changes ?? new MemoryBlockDevice(deltaBytes), cloneOptions(changes !== null));
  return { volume, changes: delta, close, fork };
}

interface CloneParts extends ClonedVolume {
  /** @param disk  of the one; a fork of it is what the fork has */
  forkOf(disk: MemoryBlockDevice, options: MountOptions): ForkedVolume;
}

function cloneOnto(
  layers: readonly string[] | ImageLayers,
  delta: MemoryBlockDevice,
  options: MountOptions,
): CloneParts {
  const { name: path, open } = layersOf(layers);
  const devices = open();
  const { volume, close } = opened(path, devices, mountOverlay(devices, delta, options));
  let users = 1;
  const letGo = (): void => {
    if (--users === 0) close();
  };
  const forkOf = (original: MemoryBlockDevice, mountOptions: MountOptions): ForkedVolume => {
    users++;
    const fork = original.fork();
    return {
      changes: fork,
      close: letGo,
      fork: () => forkOf(fork, mountOptions),
      mount: () => mountedVolume(path, mountOverlay(devices, fork, mountOptions)),
    };
  };
  return { volume, changes: delta, close: letGo, fork: () => forkOf(delta, cloneOptions(true)), forkOf };
}

function cloneOptions(keepsOrphans: boolean): MountOptions {
  return { ...GUEST_LIMITS, volatile: true, seconds: nowSeconds(), keepsOrphans };
}

/** A clone in memory that keeps files as one on a disk would: what is flushed outlasts a power cut. */
interface DurableClone extends ClonedVolume {
  /** What a power cut leaves; it is closed for itself. */
  afterPowerCut(): ForkedVolume;
}

export function cloneVolumeDurably(layers: readonly string[] | ImageLayers, deltaBytes: number): DurableClone {
  const changes = new FlushedBlockDevice(deltaBytes);
  const options: MountOptions = { ...GUEST_LIMITS, seconds: nowSeconds() };
  const { forkOf, ...clone } = cloneOnto(layers, changes, options);
  // A power cut at the first moment finds an empty clone.
  const failed = clone.volume.commit();
  if (failed < 0 || changes.flush() < 0) {
    clone.close();
    throw new OperationError("internal", layersOf(layers).name, `the clone could not be written (errno ${-failed})`);
  }
  return {
    ...clone,
    afterPowerCut: () => forkOf(changes.afterPowerCut(), { ...GUEST_LIMITS, volatile: true, seconds: nowSeconds() }),
  };
}

/** A clone whose changes go to a new layer file. */
export function cloneVolumeToLayer(layers: readonly string[] | ImageLayers, path: string): WrittenVolume {
  const bases = layersOf(layers).open();
  const delta = new FileBlockDevice(path, { create: IMAGE_VOLUME_BYTES });
  const volume = mountOverlay(bases, delta, { ...GUEST_LIMITS, seconds: nowSeconds() });
  const layer = written(delta, opened(path, [...bases, delta], volume));
  // A layer in which nothing is changed is one, too: it has a superblock from the beginning.
  const failed = layer.volume.commit(true);
  if (failed === 0) return layer;
  layer.close();
  throw layer.explain(new OperationError("internal", path, `it could not be written (errno ${-failed})`));
}

function openLayers(layers: readonly string[]): FileBlockDevice[] {
  const devices: FileBlockDevice[] = [];
  try {
    for (const [index, path] of layers.entries())
      if (index === 0 || !isBlank(path)) devices.push(new FileBlockDevice(path, { readOnly: true }));
    return devices;
  } catch (error) {
    for (const device of devices) device.close();
    throw error;
  }
}

/** Runs that changed nothing left layers of which nothing was ever written, not even that they are some. */
function isBlank(path: string): boolean {
  return statSync(path).blocks === 0;
}

function opened(path: string, devices: readonly LayerDevice[], volume: Volume | MountError): OpenVolume {
  let isOpen = true;
  const close = (): void => {
    if (!isOpen) return;
    isOpen = false;
    devices.forEach((device) => device.close());
  };
  try {
    return { volume: mountedVolume(path, volume), close };
  } catch (error) {
    close();
    throw error;
  }
}

function mountedVolume(path: string, volume: Volume | MountError): Volume {
  if (typeof volume === "string") throw volumeError(path, volume);
  return volume;
}

function nowSeconds(): number {
  return Math.floor(Date.now() / 1000);
}

function volumeError(path: string, error: MountError): OperationError {
  return new OperationError("internal", path, MOUNT_ERROR_WORDS[error]);
}
