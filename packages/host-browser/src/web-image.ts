/**
 * An image on a web server, as the store of images has it: a folder with `image.json` and a file for each layer. Blocks
 * are fetched when they are read; what programs write stays in memory, and goes with the page.
 */
import {
  FEATURE_COMPRESSION,
  GUEST_LIMITS,
  mount,
  MOUNT_ERROR_WORDS,
  type MountError,
  mountOverlay,
  readSuperblock,
  type Volume,
} from "@stratos/aegisfs";
import { type BlockDevice, type CompressionCodec, MemoryBlockDevice } from "@stratos/host";
import { blobDevice, type SyncBlob } from "./blob-device.ts";
import { browserClock } from "./browser-clock.ts";
import { HttpBlockDevice, type HttpDeviceOptions } from "./http-block-device.ts";
import { folderUrl, requestFile, statusWords } from "./web-file.ts";
import { loadZstd } from "./zstd-codec.ts";

export interface WebImageOptions extends HttpDeviceOptions {
  /** Most bytes of changes. */
  readonly changesBytes: number;
  /** Those of a saved machine, which knows which of its files have lost their names. */
  readonly changes?: MemoryBlockDevice | null;
  /** Nothing is changed. */
  readonly readOnly?: boolean;
  /** @returns what is read in the place of the layers */
  readonly watch?: (layers: readonly BlockDevice[]) => readonly BlockDevice[];
  /** Where the page finds zstd.wasm, which is loaded only for an image that was ever compressed; see `loadZstd`. */
  readonly zstdUrl?: string;
}

export interface WebImage {
  readonly volume: Volume;
  /** Where what is changed lies; null: nothing can be. */
  readonly changes: MemoryBlockDevice | null;
  /** One with the same changes, as far as they were committed. */
  fork(): ForkedWebImage;
  /** One for each layer, from the bottom up: they count what was fetched. */
  readonly layers: readonly HttpBlockDevice[];
  /** What `image.json` says; empty where there is none. */
  readonly description: object;
  /** Of all layers, as far as they are told apart from holes: nominally. */
  readonly sizeBytes: number;
}

/** What a fork of a machine has; `mount` is called once at most. */
interface ForkedWebImage {
  readonly changes: MemoryBlockDevice;
  mount(): Volume;
  fork(): ForkedWebImage;
  close(): void;
}

/** There is no image at this place. */
export class MissingImageError extends Error {}

/** As many as a run takes. */
const LAYERS_MAX = 32;

/** @param folder  URL of the image. @throws Error with words for people */
export async function openWebImage(folder: string, options: WebImageOptions): Promise<WebImage> {
  const base = folderUrl(folder);
  const description = await readDescription(`${base}image.json`);
  const layers = await Promise.all(
    Array.from({ length: description.layers }, (_, index) =>
      HttpBlockDevice.open(`${base}layer-${index}.aegisfs`, options),
    ),
  );
  return imageOn(folder, layers, description, options);
}

/** An image whose layers are here, from the bottom up. @throws Error with words for people */
export async function openBlobImage(layers: readonly SyncBlob[], options: WebImageOptions): Promise<WebImage> {
  return imageOn("image", layers.map(blobDevice), {}, options);
}

async function imageOn(
  name: string,
  layers: readonly HttpBlockDevice[],
  description: object,
  { readOnly = false, changesBytes, changes: saved = null, zstdUrl, watch = (same) => same }: WebImageOptions,
): Promise<WebImage> {
  const codecs = layers.some(isCompressed) ? [await loadZstd(zstdUrl)] : [];
  const sizeBytes = layers.reduce((sum, { size }) => sum + size, 0);
  const common = { layers, description, sizeBytes };
  const devices = watch(layers);
  if (readOnly) {
    const fork = (): never => {
      throw new Error(`${name}: read-only`);
    };
    return { ...common, volume: mounted(name, mountLayers(devices, codecs)), changes: null, fork };
  }
  const changes = saved ?? new MemoryBlockDevice(changesBytes);
  return { ...common, ...cloneLayers(name, devices, { changes, codecs, keepsOrphans: saved !== null }) };
}

/** A clone whose changes stay in memory. */
export interface ClonedLayers {
  readonly volume: Volume;
  readonly changes: MemoryBlockDevice;
  /** One with the same changes, as far as they were committed. */
  fork(): ForkedWebImage;
}

interface CloneOptions {
  readonly changes: MemoryBlockDevice;
  readonly codecs: readonly CompressionCodec[];
  readonly keepsOrphans?: boolean;
  /** What is flushed outlasts a power cut. */
  readonly isDurable?: boolean;
}

/** @param name  for errors. @throws Error with words for people */
export function cloneLayers(name: string, layers: readonly BlockDevice[], options: CloneOptions): ClonedLayers {
  const { changes, codecs, isDurable = false, keepsOrphans: keeps = false } = options;
  const clone = (device: MemoryBlockDevice, keepsOrphans: boolean, volatile: boolean): Volume => {
    const seconds = Math.floor(browserClock.realtimeMs() / 1000);
    return mounted(name, mountOverlay(layers, device, { ...GUEST_LIMITS, volatile, seconds, codecs, keepsOrphans }));
  };
  const forkOf = (original: MemoryBlockDevice): ForkedWebImage => {
    const fork = original.fork();
    return { changes: fork, mount: () => clone(fork, true, true), fork: () => forkOf(fork), close: () => {} };
  };
  const volume = clone(changes, keeps, !isDurable);
  // A power cut at the first moment finds an empty clone.
  if (isDurable && (volume.commit() < 0 || changes.flush() < 0)) throw new Error(`${name}: the clone is not written`);
  return { volume, changes, fork: () => forkOf(changes) };
}

function mounted(name: string, volume: Volume | MountError): Volume {
  if (typeof volume === "string") throw new Error(`${name}: ${MOUNT_ERROR_WORDS[volume]}`);
  return volume;
}

/** As they are: the topmost one is itself a clone of those below. */
function mountLayers(layers: readonly BlockDevice[], codecs: readonly CompressionCodec[]): Volume | MountError {
  const options = { readOnly: true, codecs };
  const [last] = layers.slice(-1);
  return layers.length === 1 ? mount(last!, options) : mountOverlay(layers.slice(0, -1), last!, options);
}

async function readDescription(url: string): Promise<{ readonly layers: number }> {
  const answer = await requestFile(url);
  if (!answer.ok) {
    const words = `${url}: ${statusWords(answer.status)}`;
    throw answer.status === 404 ? new MissingImageError(words) : new Error(words);
  }
  const description = (await answer.json().catch(() => null)) as { format?: unknown; layers?: unknown } | null;
  const layers = description?.layers;
  if (description?.format !== 1 || typeof layers !== "number" || !(layers >= 1 && layers <= LAYERS_MAX))
    throw new Error(`${url}: this describes no image that this version can read`);
  return { ...description, layers };
}

function isCompressed(layer: HttpBlockDevice): boolean {
  const superblock = readSuperblock(layer);
  return typeof superblock !== "string" && (superblock.features & FEATURE_COMPRESSION) !== 0;
}
