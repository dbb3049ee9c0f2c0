/** `stratos replay --gdb` and `--dap`: a debugger that goes along a recorded run. */
import { DebugAdapter, DebugServer, describePlace, type Recording, type Timeline } from "@stratos/session";
import { InvalidArgumentError } from "commander";
import { EXIT_SUCCESS } from "../exit-status.ts";
import { parsePosition } from "../option-values.ts";
import { replayFailure, ShownOutput, withTimeline } from "./recorded-run.ts";
import { goTo } from "./replay-to.ts";
import { serveDebugger } from "../session/serve-debugger.ts";

const STDERR = 2;

export function replayGdb(file: string, port: number | "-", options: { readonly pid?: number }): Promise<number> {
  return debugged(file, port, options, (timeline, common) => {
    const serve = (write: (bytes: Uint8Array) => void): DebugServer => new DebugServer(timeline, { ...common, write });
    return serveDebugger("gdb", port, serve);
  });
}

export function replayDap(file: string, port: number | "-", options: { readonly pid?: number }): Promise<number> {
  return debugged(file, port, options, (timeline, common) => {
    const serve = (write: (bytes: Uint8Array) => void): DebugAdapter =>
      new DebugAdapter(timeline, { ...common, write });
    return serveDebugger("dap", port, serve);
  });
}

interface DebuggerCommon {
  readonly monitor: (words: readonly string[]) => Promise<readonly string[]>;
}

/** @throws CommandError */
function debugged(
  file: string,
  port: number | "-",
  options: { readonly pid?: number },
  use: (timeline: Timeline, common: DebuggerCommon) => Promise<void>,
): Promise<number> {
  // Standard output is the debugger's when it is at the other end of a pipe.
  const output = new ShownOutput(port === "-" ? [STDERR, STDERR] : [1, STDERR]);
  return withTimeline(file, output, async (timeline, recording) => {
    const pid = options.pid ?? timeline.firstPid;
    if (!(await timeline.lookAt(pid)))
      throw replayFailure(file, `no process ${pid} executes a program in the run; --programs lists those that do`);
    await use(timeline, { monitor: (words) => answer(timeline, recording, words) });
    return EXIT_SUCCESS;
  });
}

/** What `monitor` shows. */
async function answer(timeline: Timeline, recording: Recording, words: readonly string[]): Promise<readonly string[]> {
  const [command, position = ""] = words;
  const where = (): string[] => describePlace(timeline.replay, recording.events.length);
  if (command === "where" && words.length === 1) return where();
  if (command !== "seek" || words.length !== 2) return MONITOR_HELP;
  try {
    const isThere = await goTo(timeline, parsePosition(position), recording);
    return [...(isThere ? [] : ["the recording ends before:"]), ...where(), CACHE_HINT];
  } catch (error) {
    if (error instanceof InvalidArgumentError) return [error.message];
    throw error;
  }
}

const CACHE_HINT = "type: maintenance flush register-cache";
const MONITOR_HELP = [
  "monitor where           the position, and where each program is",
  "monitor seek POSITION   go there: N (instructions), event:N, line:N or end; then type",
  "                        maintenance flush register-cache",
];
