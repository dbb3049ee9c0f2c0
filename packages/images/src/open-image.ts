/**
 * Which image a run takes, and its volume: a clone in memory, or with `--keep` a further layer that becomes an image.
 */
import type { MemoryBlockDevice } from "@stratos/host";
import { readConfig } from "@stratos/host-node";
import { OperationError } from "@stratos/operation";
import type { ImageReads } from "@stratos/session";
import { DEFAULT_IMAGE } from "./defaults.ts";
import { ImageStore, type ImageDraft, type ImageEntry } from "./image-store.ts";
import {
  cloneVolume,
  cloneVolumeToLayer,
  type ImageLayers,
  type OpenVolume,
  watchedLayers,
  type WrittenVolume,
} from "./image-volume.ts";
import { lockForChange } from "./lock-image.ts";
import { readInstalledPackages } from "./installed-packages.ts";

interface RunImage {
  readonly opened: OpenVolume;
  /** The run is over: publishes what `--keep` asked for, and lets go. @param isWhole  the machine was synced */
  finish(isWhole: boolean): void;
}

/** A read asks each layer in turn: many of them cost. */
const LAYERS_MAX = 32;

/** Name of the image that a run takes when none is given. */
export function defaultImage(home: string): string {
  return readConfig(home).image ?? DEFAULT_IMAGE;
}

/**
 * Opens an image to run in. @param options.home  STRATOS_HOME. @param options.changes  of a saved machine.
 * @throws OperationError of kind no-image and others; of kind image: `keep` is another image already; of kind in-use:
 *   it is being changed
 */
export function openImage(
  name: string,
  options: {
    home: string;
    keep: string | undefined;
    deltaBytes: number;
    changes?: MemoryBlockDevice | null;
    /** Notes what is read of it. */
    reads?: ImageReads | undefined;
  },
): RunImage {
  const store = new ImageStore(options.home);
  const { keep, reads } = options;
  const layersAt = (paths: readonly string[]): readonly string[] | ImageLayers =>
    reads === undefined ? paths : watchedLayers(paths, reads);
  if (keep === undefined) {
    const entry = store.require(name);
    const opened = cloneVolume(layersAt(store.layerPaths(entry)), options.deltaBytes, options.changes);
    return { opened, finish: () => opened.close() };
  }
  store.require(name);
  // What another one changes meanwhile would be gone when this run's root takes the image's place.
  const unlock = lockForChange(options.home, keep);
  try {
    // In its own place a run's root loses nothing; another image would be gone.
    if (keep !== name && store.find(keep) !== null)
      throw new OperationError(
        "image",
        keep,
        `is an image already; \`image rm ${keep}\` removes it, and \`run -i ${keep} --keep ${keep}\` changes it`,
      );
    return keptRun(store, store.require(name), { keep, layersAt, unlock });
  } catch (error) {
    unlock();
    throw error;
  }
}

function keptRun(
  store: ImageStore,
  entry: ImageEntry,
  how: {
    readonly keep: string;
    readonly layersAt: (paths: readonly string[]) => readonly string[] | ImageLayers;
    readonly unlock: () => void;
  },
): RunImage {
  const { name } = entry;
  const draft = store.createDraft();
  try {
    if (entry.description.layers >= LAYERS_MAX)
      throw new OperationError(
        "image",
        name,
        `has ${LAYERS_MAX} layers already; \`image export\` and \`image import\` make it one`,
      );
    const shared = draft.shareLayers(entry);
    const opened = cloneVolumeToLayer(how.layersAt(shared), draft.layerPath(shared.length));
    const finish = (isWhole: boolean): void => {
      try {
        finishKept(draft, opened, isWhole ? how.keep : null, entry);
      } finally {
        how.unlock();
      }
    };
    return { opened, finish };
  } catch (error) {
    draft.discard();
    throw error;
  }
}

function finishKept(draft: ImageDraft, opened: WrittenVolume, name: string | null, below: ImageEntry): void {
  try {
    if (name === null) return;
    const synced = opened.volume.sync();
    if (synced < 0)
      throw new OperationError("image", name, `the root could not be written (errno ${-synced}); nothing is kept`);
    const packages = readInstalledPackages(opened.volume.root);
    opened.close();
    draft.publish(name, {
      ...below.description,
      createdAt: new Date().toISOString(),
      packages,
      layers: below.description.layers + 1,
      origin: "keep",
    });
  } catch (error) {
    throw opened.explain(error);
  } finally {
    if (name === null) opened.close();
    draft.discard();
  }
}
