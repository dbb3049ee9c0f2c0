/** `stratos replay`: the recorded program on the recorded image with the recorded seed, fed from the recording. */
import { openStreamOut, stratosHome } from "@stratos/host-node";
import { hasTerminal, openStandardFiles } from "@stratos/images/run";
import {
  replayFailure,
  replayMonitor,
  replayOnce,
  runThere,
  withRecordedRun,
  withTimeline,
} from "@stratos/images/replay";
import type { ReplayPosition } from "@stratos/session/replay-position";
import {
  DebugAdapter,
  DebugServer,
  describePlace,
  goToPosition,
  losesPower,
  positionText,
  type Recording,
  type ReplayOutcome,
  ShownOutput,
  UNSEEN_OUTPUT,
} from "@stratos/session";
import { TraceWriter } from "@stratos/trace";
import { UsageError } from "../command-error.ts";
import { EXIT_STRATOS_FAILED, EXIT_SUCCESS } from "../exit-status.ts";
import { forwardSignals } from "../session/forward-signals.ts";
import { rawArguments } from "../session/raw-arguments.ts";
import type { DebugOptions } from "../session/run-options.ts";
import { serveDebugger } from "../session/serve-debugger.ts";
import { formatTable } from "../text-table.ts";

const STDOUT = 1,
  STDERR = 2;

export interface ReplayOptions extends DebugOptions {
  readonly trace?: true;
  readonly stats?: true;
  /** Stop there. */
  readonly to?: ReplayPosition;
  readonly pid?: number;
  readonly programs?: true;
}

export function replayCommand(file: string, command: readonly string[], options: ReplayOptions): Promise<number> {
  const { gdb, dap } = options;
  if (gdb !== undefined && dap !== undefined) throw new UsageError("--dap", "one debugger at a time: --gdb or --dap");
  if (gdb !== undefined) return replayDebugged(file, "gdb", gdb, options);
  if (dap !== undefined) return replayDebugged(file, "dap", dap, options);
  if (options.to !== undefined) return replayTo(file, options.to, command);
  if (options.programs === true) return replayPrograms(file);
  if (command.length > 0) throw new UsageError(`-- ${command[0]}`, "a program needs a position: --to POSITION");
  return withRecordedRun(file, stratosHome(), async (run) => {
    const write = (text: string): void => void process.stderr.write(Buffer.from(text, "latin1"));
    const trace = options.trace === true ? new TraceWriter({ write }, { isSummary: false }) : null;
    const { outcome, statistics } = await replayOnce(run, [openStreamOut(STDOUT), openStreamOut(STDERR)], (machine) => {
      trace?.attach(machine);
      return () => trace?.finish();
    });
    if (options.stats === true) process.stderr.write(`${JSON.stringify({ ...statistics, coldBecause: "replay" })}\n`);
    return statusOf(file, outcome, run.recording);
  });
}

/** @throws OperationError when it went another way than what was recorded */
function statusOf(file: string, { verdict, end }: ReplayOutcome, { header }: Recording): number {
  switch (verdict.kind) {
    case "same":
      if (end.status === EXIT_STRATOS_FAILED && losesPower(header))
        process.stderr.write(
          `stratos: ${file}: here the power fails, after ${end.instructions} instructions, as in the recorded run: ` +
            `the program has no status (${EXIT_STRATOS_FAILED})\n`,
        );
      return end.status;
    case "cut":
      process.stderr.write(`stratos: ${file}: the recording was cut short: this is as far as it goes\n`);
      return end.status;
    case "stuck":
      throw replayFailure(file, `the replay went another way: it waits for input at instruction ${end.instructions}`);
    case "other instructions":
      process.stderr.write(
        `stratos: ${file}: recorded by an older version: status and output are the same, after ` +
          `${end.instructions} instructions instead of ${verdict.recorded.instructions}\n`,
      );
      return end.status;
    case "other end":
      throw replayFailure(
        file,
        `the replay went another way: status ${end.status} after ${end.instructions} instructions, recorded ` +
          `${verdict.recorded.status} after ${verdict.recorded.instructions}` +
          `${verdict.recorded.output === end.output ? "" : "; the output differs"}`,
      );
  }
}

/** `--gdb` and `--dap`: a debugger that goes along the run. */
function replayDebugged(
  file: string,
  protocol: "gdb" | "dap",
  port: number | "-",
  options: { readonly pid?: number },
): Promise<number> {
  // Standard output is the debugger's when it is at the other end of a pipe.
  const output = shownOutput(port === "-" ? STDERR : STDOUT);
  return withTimeline({ file, home: stratosHome(), output }, async (timeline, recording) => {
    const pid = options.pid ?? timeline.firstPid;
    if (!(await timeline.lookAt(pid)))
      throw replayFailure(file, `no process ${pid} executes a program in the run; --programs lists those that do`);
    const Debugger = protocol === "gdb" ? DebugServer : DebugAdapter;
    const monitor = (words: readonly string[]): Promise<readonly string[]> => replayMonitor(timeline, recording, words);
    await serveDebugger(protocol, port, (write) => new Debugger(timeline, { monitor, write }));
    return EXIT_SUCCESS;
  });
}

function shownOutput(stdout: typeof STDOUT | typeof STDERR): ShownOutput {
  return new ShownOutput([openStreamOut(stdout), openStreamOut(STDERR)]);
}

/** `--programs`: what a recorded run executes, where. */
function replayPrograms(file: string): Promise<number> {
  return withTimeline({ file, home: stratosHome(), output: UNSEEN_OUTPUT }, async (timeline) => {
    const programs = await timeline.programs();
    const rows = programs.map(({ instructions, pid, command }) => [String(instructions), String(pid), command]);
    process.stdout.write(formatTable(["INSTRUCTION", "PROCESS", "COMMAND"], rows));
    return EXIT_SUCCESS;
  });
}

/** `--to`: a recorded run up to a position, and perhaps a program in the system as it is there. */
function replayTo(file: string, to: ReplayPosition, command: readonly string[]): Promise<number> {
  const target = { file, home: stratosHome(), output: shownOutput(STDOUT) };
  return withTimeline(target, async (timeline, recording, run) => {
    const isThere = await goToPosition(timeline, to, recording);
    await timeline.drain();
    const place = describePlace(timeline.replay, recording.events.length);
    process.stderr.write(place.map((line) => `stratos: ${line}\n`).join(""));
    if (!isThere) throw replayFailure(file, `the recording ends before ${positionText(to)}`);
    if (command.length === 0) return EXIT_SUCCESS;
    const around = { standard: openStandardFiles, signals: forwardSignals, isTerminal: hasTerminal() };
    try {
      return await runThere(timeline.replay, rawArguments(command), around);
    } finally {
      if (run.hasMissed)
        process.stderr.write(
          `stratos: ${file}: image ${recording.header.image} is not here, and the recording has no more of it than ` +
            "its run read: what is beyond that answers EIO\n",
        );
    }
  });
}
