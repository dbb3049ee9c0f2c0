import type { RunOptions } from "../session/run-options.ts";
import { rawArguments } from "../session/raw-arguments.ts";
import { runHere } from "../session/run-program.ts";

export function runCommand(command: readonly string[], options: RunOptions): Promise<number> {
  const argv = rawArguments(command);
  return runHere(() => ({ program: argv[0]!, argv }), options, { warmProgram: argv[0]! });
}
