/** A recording as calls know it: a replay that goes along it, and the files where it stands. */
import { byteStringToUtf8, concatBytes } from "@stratos/base";
import type { RecordingInfo, RecordingPlace, RecordingPosition } from "./api.ts";
import type { OpenedRecording } from "./engine-host.ts";
import { MachineFiles } from "./machine-files.ts";

export class RecordingTarget {
  readonly #opened: OpenedRecording;
  /** Where it stands; null: it has not moved since somebody has looked into its machine. */
  #files: MachineFiles | null = null;
  /** Journeys one after the other. */
  #last: Promise<unknown> = Promise.resolve();
  /** Of the journey that began last. */
  #isGivenUp: () => boolean = () => false;

  constructor(opened: OpenedRecording) {
    this.#opened = opened;
  }

  get info(): RecordingInfo {
    const { header, events, end } = this.#opened.recording;
    const { image, argv, seed, memoryBytes, harts } = header;
    return {
      ...{ image, command: argv.map(byteStringToUtf8), seed, memoryBytes, harts, eventCount: events.length },
      end: end === null ? null : { exitCode: end.status, instructions: end.instructions, outputHash: end.output },
    };
  }

  /** @param isGivenUp  nobody wants to arrive any more; `giveUp` says when that changes */
  seek(position: RecordingPosition, isGivenUp: () => boolean): Promise<RecordingPlace> {
    const journey = this.#last.then(async () => {
      if (isGivenUp()) throw new Error("given up before it began");
      this.#isGivenUp = isGivenUp;
      return this.#seek(position);
    });
    this.#last = journey.catch(() => {});
    return journey;
  }

  /** A journey was given up: if it is the one under way, it ends soon. It stands at the beginning then. */
  giveUp(): void {
    if (this.#isGivenUp()) this.#opened.timeline.giveUp();
  }

  async #seek(position: RecordingPosition): Promise<RecordingPlace> {
    const { timeline } = this.#opened;
    // What was done to its files is of no run that was recorded.
    if (this.#files !== null) await timeline.afresh();
    this.#files = null;
    const isReached = await this.#opened.seek(position);
    await timeline.drain();
    const { gate, session } = timeline.replay;
    return {
      ...{ isReached, instruction: session.machine.statistics.instructions, eventCount: gate.eventCount },
      ...{ outputLines: gate.outputLines, outputBytes: gate.outputBytes },
    };
  }

  /** Where it stands. What is written to them is gone with the next `seek`. */
  get files(): MachineFiles {
    const { machine } = this.#opened.timeline.replay.session;
    if (this.#files === null) machine.leaveStop();
    return (this.#files ??= new MachineFiles(machine.kernel));
  }

  /** Up to where it stands: both streams, the first so long. */
  output(): { stdoutBytes: number; content: Uint8Array } {
    let left = this.#opened.timeline.replay.gate.outputBytes;
    const streams: [Uint8Array[], Uint8Array[]] = [[], []];
    for (const { stream, bytes } of this.#opened.output) {
      const part = bytes.subarray(0, left);
      left -= part.length;
      streams[stream - 1]!.push(part);
    }
    const stdout = concatBytes(streams[0]);
    return { stdoutBytes: stdout.length, content: concatBytes([stdout, ...streams[1]]) };
  }

  sync(): void {}

  close(): void {
    this.#opened.close();
  }
}
