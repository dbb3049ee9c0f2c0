import type { DebugOptions, RunOptions } from "../session/run-options.ts";
import { rawArguments } from "../session/raw-arguments.ts";
import { runHere } from "../session/run-program.ts";

export async function runCommand(command: readonly string[], options: RunOptions & DebugOptions): Promise<number> {
  const argv = rawArguments(command);
  if (options.gdb !== undefined || options.dap !== undefined)
    return (await import("../session/run-debugged.ts")).runDebugged({ program: argv[0]!, argv }, options);
  return runHere(() => ({ program: argv[0]!, argv }), options, { warmProgram: argv[0]! });
}
