/** The file of a recorded run with the image that it was recorded on. */
import type { MachinePorts } from "@stratos/host";
import { nodePorts, zstdCodec } from "@stratos/host-node";
import { OperationError } from "@stratos/operation";
import {
  losesPower,
  openRecordedTimeline,
  openRecording,
  type RecordedClone,
  recordedLayers,
  type Recording,
  RecordingError,
  ReplayError,
  type RunOutput,
  type Timeline,
} from "@stratos/session";
import { type ImageEntry, ImageStore } from "../image-store.ts";
import { cloneVolume, cloneVolumeDurably, type ImageLayers } from "../image-volume.ts";
import { keptTranslations } from "../translations/kept-translations.ts";
import { openRecordingFile, type RecordingFile } from "./recording-file.ts";

export interface RecordedRun {
  readonly recording: Recording;
  /** Of a machine that repeats it: what earlier runs have translated it need not translate again. */
  readonly ports: MachinePorts;
  /** A clone of the image, as it was then. */
  cloneImage(): RecordedClone;
  /** Something was asked for of an image that is in the recording, which the run had not read. */
  readonly hasMissed: boolean;
}

/** Where it lies when it is in no recording. */
interface ImageOfRun {
  /** STRATOS_HOME */
  readonly home: string;
  /** Instead of the name that was recorded. */
  readonly image?: string | undefined;
}

/**
 * @throws RecordingError, OperationError of kind replay or no-image
 */
function recordedRunOf(file: string, source: RecordingFile, { home, image }: ImageOfRun): RecordedRun {
  const recording = openRecording(source, zstdCodec);
  const { header } = recording;
  const store = new ImageStore(home);
  const name = image ?? header.image;
  const entry = findImage(store, name);
  const isThere =
    entry?.description.createdAt === header.imageCreatedAt && entry.description.layers === header.imageLayers;
  let hasMissed = false;
  const layers =
    entry !== null && isThere ? store.layerPaths(entry) : layersIn(file, recording, () => (hasMissed = true));
  if (layers === null) {
    const { description } = store.require(name);
    throw replayFailure(
      file,
      `image ${name} is not the one that was recorded (made ${description.createdAt}, then ${header.imageCreatedAt})`,
    );
  }
  return {
    recording,
    ports: { ...nodePorts(), codeArchive: keptTranslations(home) },
    // One that ends with a power cut was recorded on a clone that keeps what is synced.
    cloneImage: () => (losesPower(header) ? cloneVolumeDurably : cloneVolume)(layers, header.memoryBytes),
    get hasMissed() {
      return hasMissed;
    },
  };
}

/** null: there is none, and of a name that a page gave there can be none. */
function findImage(store: ImageStore, name: string): ImageEntry | null {
  return name.includes("/") ? null : store.find(name);
}

/** What a recording has of its image; null: nothing. @throws RecordingError */
function layersIn(file: string, recording: Recording, onMissed: () => void): ImageLayers | null {
  const layers = recordedLayers(recording.imageParts(), onMissed);
  if (layers.length === 0) return null;
  return { name: file, open: () => layers.map((layer) => Object.assign(layer, { close: () => {} })) };
}

export function replayFailure(file: string, why: string): OperationError {
  return new OperationError("replay", file, why);
}

/** What a replay has failed on, for who asked for it; anything else as it is. */
function toldReplayFailure(file: string, error: unknown): unknown {
  if (error instanceof RecordingError) return new OperationError("recording", file, error.message, { cause: error });
  if (error instanceof ReplayError) return replayFailure(file, `the replay went another way: ${error.message}`);
  return error;
}

/** @throws what `use` does, as OperationErrors where the recording or the replay is to blame */
export async function withRecordedRun<T>(
  file: string,
  home: string,
  use: (run: RecordedRun) => Promise<T>,
): Promise<T> {
  const source = openRecordingFile(file);
  try {
    return await use(recordedRunOf(file, source, { home }));
  } catch (error) {
    throw toldReplayFailure(file, error);
  } finally {
    source.close();
  }
}

/**
 * Goes along a recorded run.
 *
 * @param output  of all that is replayed for that
 * @throws as withRecordedRun
 */
export function withTimeline<T>(
  { file, home, output }: { readonly file: string; readonly home: string; readonly output: RunOutput },
  use: (timeline: Timeline, recording: Recording, run: RecordedRun) => Promise<T>,
): Promise<T> {
  return withRecordedRun(file, home, async (run) => {
    const timeline = await timelineOf(run, output);
    try {
      return await use(timeline, run.recording, run);
    } finally {
      await timeline.drain();
      timeline.close();
    }
  });
}

/** A recorded run that stays open. `told` makes what a journey has thrown an OperationError where it is to blame. */
export async function openTimeline(
  file: string,
  { output, ...images }: ImageOfRun & { readonly output: RunOutput },
): Promise<{ recording: Recording; timeline: Timeline; told(error: unknown): unknown; close(): void }> {
  const source = openRecordingFile(file);
  const told = (error: unknown): unknown => toldReplayFailure(file, error);
  try {
    const run = recordedRunOf(file, source, images);
    const timeline = await timelineOf(run, output);
    const close = (): void => {
      timeline.close();
      source.close();
    };
    return { recording: run.recording, timeline, told, close };
  } catch (error) {
    source.close();
    throw told(error);
  }
}

function timelineOf({ recording, cloneImage, ports }: RecordedRun, output: RunOutput): Promise<Timeline> {
  return openRecordedTimeline(recording, cloneImage, { ports, output });
}
