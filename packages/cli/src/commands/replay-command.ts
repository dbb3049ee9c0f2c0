/** `stratos replay`: the recorded program on the recorded image with the recorded seed, fed from the recording. */
import { nodePorts, openStreamOut } from "@stratos/host-node";
import { runStatistics } from "@stratos/images/run";
import { openReplayFiles, Replay, type ReplayOutcome } from "@stratos/session";
import { TraceWriter } from "@stratos/trace";
import { UsageError } from "../command-error.ts";
import type { ReplayPosition } from "../option-values.ts";
import type { DebugOptions } from "../session/run-options.ts";
import { inWords, openRecordedRun, replayFailure } from "../replay/recorded-run.ts";

export interface ReplayOptions extends DebugOptions {
  readonly trace?: true;
  readonly stats?: true;
  /** Stop there. */
  readonly to?: ReplayPosition;
  readonly pid?: number;
  readonly programs?: true;
}

export async function replayCommand(file: string, command: readonly string[], options: ReplayOptions): Promise<number> {
  const { gdb, dap } = options;
  if (gdb !== undefined && dap !== undefined) throw new UsageError("--dap", "one debugger at a time: --gdb or --dap");
  if (gdb !== undefined) return (await import("../replay/replay-debugger.ts")).replayGdb(file, gdb, options);
  if (dap !== undefined) return (await import("../replay/replay-debugger.ts")).replayDap(file, dap, options);
  if (options.to !== undefined) return (await import("../replay/replay-to.ts")).replayTo(file, options.to, command);
  if (options.programs === true) return (await import("../replay/replay-programs.ts")).replayPrograms(file);
  if (command.length > 0) throw new UsageError(`-- ${command[0]}`, "a program needs a position: --to POSITION");
  const run = openRecordedRun(file);
  const { recording } = run;
  const { header } = recording;
  const clone = run.cloneImage();
  try {
    const replay = new Replay(recording, { ports: nodePorts(), volume: clone.volume });
    const { session } = replay;
    const write = (text: string): void => void process.stderr.write(Buffer.from(text, "latin1"));
    const trace = options.trace === true ? new TraceWriter({ write }, { isSummary: false }) : null;
    trace?.attach(session.machine);
    const standard = openReplayFiles(session, replay.gate, header, [openStreamOut(1), openStreamOut(2)]);
    const startMs = performance.now();
    let outcome: ReplayOutcome;
    try {
      outcome = await replay.run(standard.files);
    } finally {
      await standard.finish();
      trace?.finish();
    }
    if (options.stats === true) {
      const times = { wallMs: performance.now(), startMs, runMs: session.pump.runMs, isWarm: false, before: null };
      const statistics = { ...runStatistics(session.machine, times), coldBecause: "replay" };
      process.stderr.write(`${JSON.stringify(statistics)}\n`);
    }
    return statusOf(file, outcome);
  } catch (error) {
    throw inWords(file, error);
  } finally {
    clone.close();
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
