/** The file of a recorded run with the image that it was recorded on. */
import { LaterVolume, type Volume } from "@stratos/aegisfs";
import { nodePorts, zstdCodec } from "@stratos/host-node";
import { OperationError } from "@stratos/operation";
import {
  losesPower,
  openRecording,
  openReplayFiles,
  recordedLayers,
  type Recording,
  RecordingError,
  Replay,
  ReplayError,
  type StartedReplay,
  Timeline,
} from "@stratos/session";
import { ImageStore } from "../image-store.ts";
import { cloneVolume, cloneVolumeDurably, type ImageLayers } from "../image-volume.ts";
import { openRecordingFile, type RecordingFile } from "./recording-file.ts";
import type { RunOutput } from "./shown-output.ts";

export interface RecordedRun {
  readonly recording: Recording;
  /** A clone of the image, as it was then. */
  cloneImage(): VolumeClone & { readonly volume: Volume };
  /** Something was asked for of an image that is in the recording, which the run had not read. */
  readonly hasMissed: boolean;
}

/** Each is closed. */
interface VolumeClone {
  close(): void;
  /** One with the changes that were committed by now. */
  fork(): VolumeClone & { mount(): Volume };
}

/**
 * @param home  STRATOS_HOME
 * @throws RecordingError, OperationError of kind replay or no-image
 */
function recordedRunOf(file: string, source: RecordingFile, home: string): RecordedRun {
  const recording = openRecording(source, zstdCodec);
  const { header } = recording;
  const store = new ImageStore(home);
  const entry = store.find(header.image);
  const isThere =
    entry?.description.createdAt === header.imageCreatedAt && entry.description.layers === header.imageLayers;
  let hasMissed = false;
  const layers =
    entry !== null && isThere ? store.layerPaths(entry) : layersIn(file, recording, () => (hasMissed = true));
  if (layers === null) {
    const { description } = store.require(header.image);
    throw replayFailure(
      file,
      `image ${header.image} is not the one that was recorded (made ${description.createdAt}, then ` +
        `${header.imageCreatedAt})`,
    );
  }
  return {
    recording,
    // One that ends with a power cut was recorded on a clone that keeps what is synced.
    cloneImage: () => (losesPower(header) ? cloneVolumeDurably : cloneVolume)(layers, header.memoryBytes),
    get hasMissed() {
      return hasMissed;
    },
  };
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
    return await use(recordedRunOf(file, source, home));
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
    const timeline = await Timeline.open({ loop: nodePorts().loop, open: () => startReplay(run, output) });
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
  { home, output }: { readonly home: string; readonly output: RunOutput },
): Promise<{ recording: Recording; timeline: Timeline; told(error: unknown): unknown; close(): void }> {
  const source = openRecordingFile(file);
  const told = (error: unknown): unknown => toldReplayFailure(file, error);
  try {
    const run = recordedRunOf(file, source, home);
    const timeline = await Timeline.open({ loop: nodePorts().loop, open: () => startReplay(run, output) });
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

/** A replay at its beginning. */
function startReplay(run: RecordedRun, output: RunOutput): StartedReplay {
  const clone = run.cloneImage();
  try {
    const { volume } = clone;
    const replay = new Replay(run.recording, { ports: nodePorts(), volume, hasForks: true });
    try {
      const standard = openReplayFiles(replay.session, replay.gate, run.recording.header, output.streams);
      replay.start(standard.files);
      return startedReplay(replay, clone, output);
    } catch (error) {
      replay.session.close();
      throw error;
    }
  } catch (error) {
    clone.close();
    throw error;
  }
}

/** @param clone  of the image, with what the replay has changed in it */
function startedReplay(replay: Replay, clone: VolumeClone, output: RunOutput): StartedReplay {
  return {
    replay,
    drain: async () => {
      for (const stream of output.streams) await stream.drain();
    },
    enter: () => output.enter(replay.gate),
    fork: () => {
      replay.session.commit();
      const forked = clone.fork();
      try {
        return startedReplay(replay.fork(new LaterVolume(() => forked.mount())), forked, output);
      } catch (error) {
        forked.close();
        throw error;
      }
    },
    close: () => {
      replay.session.close();
      clone.close();
    },
  };
}
