/**
 * An image on a web server, as the store of images has it: a folder with `image.json` and a file for each layer. Blocks
 * are fetched when they are read; what programs write stays in memory, and goes with the page.
 */
import {
  FEATURE_COMPRESSION,
  GUEST_LIMITS,
  MOUNT_ERROR_WORDS,
  mountOverlay,
  readSuperblock,
  type Volume,
} from "@stratos/aegisfs";
import { MemoryBlockDevice } from "@stratos/host";
import { browserClock } from "./browser-clock.ts";
import { HttpBlockDevice, type HttpDeviceOptions, statusWords } from "./http-block-device.ts";
import { loadZstd } from "./zstd-codec.ts";

export interface WebImageOptions extends HttpDeviceOptions {
  /** Most bytes of changes. */
  readonly changesBytes: number;
  /** Where the page finds zstd.wasm, which is loaded only for an image that was ever compressed; see `loadZstd`. */
  readonly zstdUrl?: string;
}

export interface WebImage {
  readonly volume: Volume;
  /** One for each layer, from the bottom up: they count what was fetched. */
  readonly layers: readonly HttpBlockDevice[];
}

/** As many as a run takes. */
const LAYERS_MAX = 32;

/** @param folder  URL of the image. @throws Error with words for people */
export async function openWebImage(folder: string, options: WebImageOptions): Promise<WebImage> {
  const base = folder.replace(/\/*$/, "/");
  const count = await layerCount(`${base}image.json`);
  const layers = await Promise.all(
    Array.from({ length: count }, (_, index) => HttpBlockDevice.open(`${base}layer-${index}.aegisfs`, options)),
  );
  const codecs = layers.some(isCompressed) ? [await loadZstd(options.zstdUrl)] : [];
  const volume = mountOverlay(layers, new MemoryBlockDevice(options.changesBytes), {
    ...GUEST_LIMITS,
    volatile: true,
    seconds: Math.floor(browserClock.realtimeMs() / 1000),
    codecs,
  });
  if (typeof volume === "string") throw new Error(`${folder}: ${MOUNT_ERROR_WORDS[volume]}`);
  return { volume, layers };
}

async function layerCount(url: string): Promise<number> {
  const answer = await fetch(url).catch((error: unknown) => {
    throw new Error(`${url}: the server cannot be reached`, { cause: error });
  });
  if (!answer.ok) throw new Error(`${url}: ${statusWords(answer.status)}`);
  const description = (await answer.json().catch(() => null)) as { format?: unknown; layers?: unknown } | null;
  const layers = description?.layers;
  if (description?.format !== 1 || typeof layers !== "number" || !(layers >= 1 && layers <= LAYERS_MAX))
    throw new Error(`${url}: this describes no image that this version can read`);
  return layers;
}

function isCompressed(layer: HttpBlockDevice): boolean {
  const superblock = readSuperblock(layer);
  return typeof superblock !== "string" && (superblock.features & FEATURE_COMPRESSION) !== 0;
}
