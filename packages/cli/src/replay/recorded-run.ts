/** The file of a recorded run with the image that it was recorded on. */
import { readFileSync } from "node:fs";
import { EAGAIN } from "@stratos/abi";
import type { HostStreamOut } from "@stratos/host";
import { nodePorts, openStreamOut, stratosHome } from "@stratos/host-node";
import { ImageStore, openImage } from "@stratos/images";
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
import { CommandError } from "../command-error.ts";
import { EXIT_STRATOS_FAILED } from "../exit-status.ts";

interface RecordedRun {
  readonly recording: Recording;
  /** A clone of the image, as it was then. */
  openImage(): ReturnType<typeof openImage>;
}

/** @throws CommandError, OperationError of kind no-image */
export function openRecordedRun(file: string): RecordedRun {
  const recording = readRecordingFile(file);
  const { header } = recording;
  const { description } = new ImageStore(stratosHome()).require(header.image);
  if (description.createdAt !== header.imageCreatedAt || description.layers !== header.imageLayers)
    throw replayFailure(
      file,
      `image ${header.image} is not the one that was recorded (made ${description.createdAt}, then ` +
        `${header.imageCreatedAt})`,
    );
  return {
    recording,
    openImage: () =>
      openImage(header.image, {
        home: stratosHome(),
        keep: undefined,
        deltaBytes: header.memoryBytes,
        isDurable: losesPower(recording.header),
      }),
  };
}

/** @throws CommandError */
function readRecordingFile(file: string): Recording {
  const bytes = readFileSync(file);
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
  readonly #streams: readonly ReturnType<typeof openStreamOut>[];
  /** Bytes of all output that were shown. */
  #shown = 0;

  /** @param fds  for the run's standard output and its standard error */
  constructor(fds: readonly [number, number]) {
    this.#streams = fds.map((fd) => openStreamOut(fd));
  }

  /** The two streams of one replay. */
  streamsOf(gate: InputGate): NewOutput[] {
    return this.#streams.map((stream) => new NewOutput(stream, (count) => this.#unseen(gate, count)));
  }

  /** How many of the last `count` bytes of a replay are new. */
  #unseen({ outputBytes, isMuted }: InputGate, count: number): number {
    if (isMuted) return 0;
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

/** Where a replay writes to. */
interface RunOutput {
  streamsOf(gate: InputGate): readonly (HostStreamOut & { drain(): Promise<void> })[];
}

/** A replay at its beginning. */
function startReplay(run: RecordedRun, output: RunOutput): StartedReplay {
  const image = run.openImage();
  try {
    const replay = new Replay(run.recording, { ports: nodePorts(), volume: image.opened.volume });
    const streams = output.streamsOf(replay.gate);
    try {
      const standard = openReplayFiles(replay.session, replay.gate, run.recording.header, streams);
      replay.start(standard.files);
      return {
        replay,
        drain: async () => {
          for (const stream of streams) await stream.drain();
        },
        close: () => {
          replay.session.close();
          image.finish(false);
        },
      };
    } catch (error) {
      replay.session.close();
      throw error;
    }
  } catch (error) {
    image.finish(false);
    throw error;
  }
}
