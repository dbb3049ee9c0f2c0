/** `stratos replay`: the recorded program on the recorded image with the recorded seed, fed from the recording. */
import { readFileSync } from "node:fs";
import { nodePorts, stratosHome } from "@stratos/host-node";
import { ImageStore, openImage } from "@stratos/images";
import {
  type Recording,
  RecordingError,
  readRecording,
  Replay,
  ReplayError,
  type ReplayOutcome,
} from "@stratos/session";
import { TraceWriter } from "@stratos/trace";
import { CommandError } from "../command-error.ts";
import { EXIT_STRATOS_FAILED } from "../exit-status.ts";
import { runStatistics } from "../session/run-statistics.ts";
import { openReplayFiles } from "../session/standard-files.ts";

export interface ReplayOptions {
  readonly trace?: true;
  readonly stats?: true;
}

export async function replayCommand(file: string, options: ReplayOptions): Promise<number> {
  const recording = openRecording(file);
  const { header } = recording;
  const { description } = new ImageStore(stratosHome()).require(header.image);
  if (description.createdAt !== header.imageCreatedAt || description.layers !== header.imageLayers)
    throw failure(
      file,
      `image ${header.image} is not the one that was recorded (made ${description.createdAt}, then ` +
        `${header.imageCreatedAt})`,
    );
  const image = openImage(header.image, { home: stratosHome(), keep: undefined, deltaBytes: header.memoryBytes });
  try {
    const replay = new Replay(recording, { ports: nodePorts(), volume: image.opened.volume });
    const { session } = replay;
    const write = (text: string): void => void process.stderr.write(Buffer.from(text, "latin1"));
    const trace = options.trace === true ? new TraceWriter({ write }, { isSummary: false }) : null;
    trace?.attach(session.machine);
    const standard = openReplayFiles(session, replay.gate, header);
    const startMs = performance.now();
    let outcome: ReplayOutcome;
    try {
      outcome = await replay.run(standard.files);
    } finally {
      await standard.finish();
      trace?.finish();
    }
    if (options.stats === true)
      process.stderr.write(
        JSON.stringify(
          runStatistics(session.machine, {
            wallMs: performance.now(),
            startMs,
            runMs: session.pump.runMs,
            coldBecause: "replay",
            before: null,
          }),
        ) + "\n",
      );
    return statusOf(file, outcome);
  } catch (error) {
    if (error instanceof RecordingError) throw new CommandError(file, error.message, { cause: error });
    if (!(error instanceof ReplayError)) throw error;
    throw failure(file, `the replay went another way: ${error.message}`);
  } finally {
    image.finish(false);
  }
}

/** @throws CommandError */
function openRecording(file: string): Recording {
  const bytes = readFileSync(file);
  try {
    return readRecording(bytes);
  } catch (error) {
    if (error instanceof RecordingError) throw new CommandError(file, error.message, { cause: error });
    throw error;
  }
}

/** @throws CommandError when it went another way than what was recorded */
function statusOf(file: string, { verdict, end }: ReplayOutcome): number {
  switch (verdict.kind) {
    case "same":
      return end.status;
    case "cut":
      process.stderr.write(`stratos: ${file}: the recording was cut short: this is as far as it goes\n`);
      return end.status;
    case "stuck":
      throw failure(file, `the replay went another way: it waits for input at instruction ${end.instructions}`);
    case "other instructions":
      process.stderr.write(
        `stratos: ${file}: recorded by an older version: status and output are the same, after ` +
          `${end.instructions} instructions instead of ${verdict.recorded.instructions}\n`,
      );
      return end.status;
    case "other end":
      throw failure(
        file,
        `the replay went another way: status ${end.status} after ${end.instructions} instructions, recorded ` +
          `${verdict.recorded.status} after ${verdict.recorded.instructions}` +
          `${verdict.recorded.output === end.output ? "" : "; the output differs"}`,
      );
  }
}

function failure(file: string, why: string): CommandError {
  return new CommandError(file, why, { status: EXIT_STRATOS_FAILED });
}
