/** The file of a recorded run with the image that it was recorded on. */
import { EAGAIN } from "@stratos/abi";
import { LaterVolume, type Volume } from "@stratos/aegisfs";
import type { HostStreamOut } from "@stratos/host";
import { nodePorts, openStreamOut, stratosHome } from "@stratos/host-node";
import { cloneVolume, cloneVolumeDurably, ImageStore } from "@stratos/images";
import {
  type InputGate,
  losesPower,
  openReplayFiles,
  readRecording,
  type Recording,
  RecordingError,
  Replay,
  ReplayError,
  type StartedReplay,
  Timeline,
} from "@stratos/session";
import { readGiven } from "@stratos/host-node/files";
import { CommandError } from "../command-error.ts";
import { EXIT_STRATOS_FAILED } from "../exit-status.ts";

interface RecordedRun {
  readonly recording: Recording;
  /** A clone of the image, as it was then. */
  cloneImage(): VolumeClone & { readonly volume: Volume };
}

/** Each is closed. */
interface VolumeClone {
  close(): void;
  /** One with the changes that were committed by now. */
  fork(): VolumeClone & { mount(): Volume };
}

/** @throws CommandError, OperationError of kind no-image */
export function openRecordedRun(file: string): RecordedRun {
  const recording = readRecordingFile(file);
  const { header } = recording;
  const store = new ImageStore(stratosHome());
  const entry = store.require(header.image);
  const { description } = entry;
  if (description.createdAt !== header.imageCreatedAt || description.layers !== header.imageLayers)
    throw replayFailure(
      file,
      `image ${header.image} is not the one that was recorded (made ${description.createdAt}, then ` +
        `${header.imageCreatedAt})`,
    );
  return {
    recording,
    // One that ends with a power cut was recorded on a clone that keeps what is synced.
    cloneImage: () =>
      (losesPower(header) ? cloneVolumeDurably : cloneVolume)(store.layerPaths(entry), header.memoryBytes),
  };
}

/** @throws CommandError */
function readRecordingFile(file: string): Recording {
  const bytes = readGiven(file);
  try {
    return readRecording(bytes);
  } catch (error) {
    if (error instanceof RecordingError) throw new CommandError(file, error.message, { cause: error });
    throw error;
  }
}

export function replayFailure(file: string, why: string): CommandError {
  return new CommandError(file, why, { status: EXIT_STRATOS_FAILED });
}

/** What a replay has failed on, for who asked for it; anything else as it is. */
export function inWords(file: string, error: unknown): unknown {
  if (error instanceof RecordingError) return new CommandError(file, error.message, { cause: error });
  if (error instanceof ReplayError) return replayFailure(file, `the replay went another way: ${error.message}`);
  return error;
}

/** Output of a run that is replayed more than once: what was shown once is not shown again. */
export class ShownOutput {
  readonly #streams: readonly NewOutput[];
  /** Whose output it is. */
  #gate: InputGate | null = null;
  /** Bytes of all output that were shown. */
  #shown = 0;

  /** @param fds  for the run's standard output and its standard error */
  constructor(fds: readonly [number, number]) {
    this.#streams = fds.map((fd) => new NewOutput(openStreamOut(fd), (count) => this.#unseen(count)));
  }

  /** The two streams of all replays. */
  get streams(): readonly NewOutput[] {
    return this.#streams;
  }

  enter(gate: InputGate): void {
    this.#gate = gate;
  }

  /** How many of the last `count` bytes of the replay are new. */
  #unseen(count: number): number {
    if (this.#gate === null || this.#gate.isMuted) return 0;
    const { outputBytes } = this.#gate;
    const fresh = Math.max(0, Math.min(count, outputBytes - this.#shown));
    this.#shown = Math.max(this.#shown, outputBytes);
    return fresh;
  }
}

/** Takes all, and shows what is new of it. */
class NewOutput implements HostStreamOut {
  readonly room = 1 << 16;
  readonly isBroken = false;
  readonly #host: ReturnType<typeof openStreamOut>;
  readonly #unseen: (count: number) => number;
  /** Bound: drained between turns. */
  readonly #waiting: Uint8Array[] = [];

  constructor(host: ReturnType<typeof openStreamOut>, unseen: (count: number) => number) {
    this.#host = host;
    this.#unseen = unseen;
  }

  write(bytes: Uint8Array, at: number, count: number): number {
    const fresh = this.#unseen(count);
    if (fresh > 0) this.#waiting.push(bytes.slice(at + count - fresh, at + count));
    return count;
  }

  onWritable(): void {}

  async drain(): Promise<void> {
    const host = this.#host;
    if (this.#waiting.length === 0) return;
    while (this.#waiting.length > 0) {
      const bytes = this.#waiting[0]!;
      const count = host.write(bytes, 0, bytes.length);
      if (count === -EAGAIN) await new Promise<void>((resolve) => host.onWritable(resolve));
      else if (count < 0 || count === bytes.length) this.#waiting.shift();
      else this.#waiting[0] = bytes.subarray(count);
    }
    await host.drain();
  }
}

/** Goes along a recorded run. @throws CommandError, also when it goes another way than what was recorded */
export async function withTimeline(
  file: string,
  output: RunOutput,
  use: (timeline: Timeline, recording: Recording) => Promise<number>,
): Promise<number> {
  const run = openRecordedRun(file);
  try {
    const timeline = await Timeline.open({ loop: nodePorts().loop, open: () => startReplay(run, output) });
    try {
      return await use(timeline, run.recording);
    } finally {
      await timeline.drain();
      timeline.close();
    }
  } catch (error) {
    throw inWords(file, error);
  }
}

/** Where all replays of a run write to. */
interface RunOutput {
  readonly streams: readonly (HostStreamOut & { drain(): Promise<void> })[];
  /** What is written from now on is of this replay. */
  enter(gate: InputGate): void;
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
