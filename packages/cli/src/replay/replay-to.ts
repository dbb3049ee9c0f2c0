/** `stratos replay --to`: a recorded run up to a position, and perhaps a program in the system as it is there. */
import { utf8ToByteString } from "@stratos/base";
import { nodePorts } from "@stratos/host-node";
import { stopAllProcesses } from "@stratos/kernel";
import {
  describePlace,
  exitStatusOf,
  findGuestUser,
  guestEnvironment,
  readerOf,
  type Recording,
  type Replay,
  ReplayError,
  Timeline,
} from "@stratos/session";
import { EXIT_SUCCESS } from "../exit-status.ts";
import type { ReplayPosition } from "../option-values.ts";
import { rawArguments } from "../session/raw-arguments.ts";
import { forwardSignals } from "../session/forward-signals.ts";
import { hasTerminal, openStandardFiles } from "../session/standard-files.ts";
import { openRecordedRun, replayFailure, ShownOutput, startReplay } from "./recorded-run.ts";

export async function replayTo(file: string, to: ReplayPosition, command: readonly string[]): Promise<number> {
  const run = openRecordedRun(file);
  const output = new ShownOutput([1, 2]);
  try {
    const timeline = await Timeline.open({ loop: nodePorts().loop, open: () => startReplay(run, output) });
    try {
      const isThere = await goTo(timeline, to, run.recording);
      await timeline.drain();
      tell(describePlace(timeline.replay, run.recording.events.length));
      if (!isThere) throw replayFailure(file, `the recording ends before ${positionText(to)}`);
      return command.length === 0 ? EXIT_SUCCESS : await runThere(timeline.replay, rawArguments(command));
    } finally {
      await timeline.drain();
      timeline.close();
    }
  } catch (error) {
    if (!(error instanceof ReplayError)) throw error;
    throw replayFailure(file, `the replay went another way: ${error.message}`);
  }
}

/** @returns false when the recording ends before; then it stands at its end */
export async function goTo(timeline: Timeline, to: ReplayPosition, { events }: Recording): Promise<boolean> {
  switch (to.kind) {
    case "instruction":
      return timeline.seekInstruction(to.number);
    case "event": {
      const event = events[to.number - 1];
      if (to.number > 0 && event === undefined) {
        await timeline.seekEnd();
        return false;
      }
      return timeline.seekInstruction(event?.instructions ?? 0);
    }
    case "line":
      return timeline.seekLine(to.number);
    case "end":
      await timeline.seekEnd();
      return true;
  }
}

function positionText(to: ReplayPosition): string {
  return to.kind === "end" ? "its end" : `${to.kind} ${to.number}`;
}

function tell(lines: readonly string[]): void {
  process.stderr.write(lines.map((line) => `stratos: ${line}\n`).join(""));
}

/** Runs a program in the machine as it stands; the recorded ones stop where they are. */
async function runThere(replay: Replay, argv: readonly string[]): Promise<number> {
  const { session } = replay;
  const { header, volume } = replay;
  replay.leave();
  stopAllProcesses(session.machine.kernel);
  const user = findGuestUser(readerOf(volume.root), header.user);
  const standard = openStandardFiles(session);
  let status = 0;
  const pid = session.start(
    {
      program: argv[0]!,
      argv,
      user,
      workingDirectory: header.workingDirectory,
      environment: [
        ...guestEnvironment(user, [], { isTerminal: hasTerminal(), host: process.env }),
        ...header.environment.filter((setting) => !setting.startsWith(utf8ToByteString("TERM="))),
      ],
    },
    standard.files,
    (waitStatus) => {
      const signal = waitStatus & 0x7f;
      status = exitStatusOf(
        signal === 0 ? { kind: "exited", status: (waitStatus >> 8) & 0xff } : { kind: "killed", signal },
      );
      session.stop();
    },
  );
  const stopForwarding = forwardSignals({ sendSignal: (signal) => session.machine.sendSignal(signal, pid) });
  try {
    await session.run();
    return status;
  } finally {
    stopForwarding();
    await standard.finish();
  }
}
