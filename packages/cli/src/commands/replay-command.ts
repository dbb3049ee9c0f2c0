/** `stratos replay`: the recorded program on the recorded image with the recorded seed, fed from the recording. */
import { nodePorts, stratosHome } from "@stratos/host-node";
import { exitStatusOf, findGuestUser, MachineSession, readerOf } from "@stratos/session";
import { TraceWriter } from "@stratos/trace";
import { CommandError } from "../command-error.ts";
import { EXIT_STRATOS_FAILED } from "../exit-status.ts";
import { ImageStore, openImage } from "@stratos/images";
import { InputGate } from "../recording/input-gate.ts";
import { type Moment, readRecording, type RecordedEvent } from "../recording/recording-file.ts";
import { runStatistics } from "../session/run-statistics.ts";
import { openReplayFiles } from "../session/standard-files.ts";

export interface ReplayOptions {
  readonly trace?: true;
  readonly stats?: true;
}

export async function replayCommand(file: string, options: ReplayOptions): Promise<number> {
  const { header, events, end } = readRecording(file);
  const { description } = new ImageStore(stratosHome()).require(header.image);
  if (description.createdAt !== header.imageCreatedAt || description.layers !== header.imageLayers) {
    throw new CommandError(
      file,
      `image ${header.image} is not the one that was recorded (made ${description.createdAt}, then ` +
        `${header.imageCreatedAt})`,
      { status: EXIT_STRATOS_FAILED },
    );
  }
  const image = openImage(header.image, { home: stratosHome(), keep: undefined, deltaBytes: header.memoryBytes });
  try {
    const session = new MachineSession({
      ports: nodePorts(),
      volume: image.opened.volume,
      memoryBytes: header.memoryBytes,
      harts: header.harts,
      callWork: header.callWork ?? Infinity,
      seed: header.seed,
      log: () => {},
    });
    const trace =
      options.trace === true
        ? new TraceWriter(
            { write: (text) => void process.stderr.write(Buffer.from(text, "latin1")) },
            { isSummary: false },
          )
        : null;
    trace?.attach(session.machine);
    const gate = new InputGate(session.machine, () => session.pump.wake(), {
      signal: (signal) => session.sendSignal(signal),
    });
    let next = 0;
    gate.replay({
      take: (moment) => {
        const from = next;
        while (next < events.length && isAt(events[next]!, moment)) next++;
        return events.slice(from, next);
      },
    });
    let stuck = false;
    session.pump.gate = {
      get isBlocked() {
        return gate.isBlocked;
      },
      beforeTurn: () => gate.beforeTurn(),
      onIdle: () => {
        // An event of this very moment is let in by the next turn; without one the run waits for what never came.
        if (next < events.length && isAt(events[next]!, gate.moment)) return session.pump.wake();
        stuck = true;
        session.stop();
      },
    };
    const standard = openReplayFiles(session, gate, header);
    const startMs = performance.now();
    session.start(
      {
        program: header.program,
        argv: header.argv,
        environment: header.environment,
        workingDirectory: header.workingDirectory,
        user: findGuestUser(readerOf(image.opened.volume.root), header.user),
      },
      standard.files,
    );
    const status = exitStatusOf(await session.run());
    const outcome = gate.end(status);
    await standard.finish();
    trace?.finish();
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
    if (stuck && end === null) return status; // As far as the recording goes.
    if (stuck)
      throw new CommandError(
        file,
        `the replay went another way: it waits for input at instruction ${outcome.instructions}`,
        { status: EXIT_STRATOS_FAILED },
      );
    if (
      end !== null &&
      header.format === "stratos-recording-1" &&
      end.status === outcome.status &&
      end.output === outcome.output
    ) {
      // The kernel has learnt since what programs may see (a line more in /proc/filesystems): what counts is what they
      // did.
      if (end.instructions !== outcome.instructions)
        process.stderr.write(
          `stratos: ${file}: recorded by an older version: status and output are the same, after ` +
            `${outcome.instructions} instructions instead of ${end.instructions}\n`,
        );
      return status;
    }
    if (
      end !== null &&
      (end.status !== outcome.status || end.instructions !== outcome.instructions || end.output !== outcome.output)
    ) {
      throw new CommandError(
        file,
        `the replay went another way: status ${outcome.status} after ${outcome.instructions} instructions, ` +
          `recorded ${end.status} after ${end.instructions}` +
          `${end.output === outcome.output ? "" : "; the output differs"}`,
        { status: EXIT_STRATOS_FAILED },
      );
    }
    return status;
  } finally {
    image.finish(false);
  }
}

function isAt(event: RecordedEvent, moment: Moment): boolean {
  return event.instructions === moment.instructions && event.ns === moment.ns;
}
