import { closeSync, openSync, writeSync } from "node:fs";
import type { RunOptions } from "../session/run-options.ts";
import { rawArguments } from "../session/raw-arguments.ts";
import { runProgram } from "../session/run-program.ts";
import { TraceWriter } from "../trace/trace-writer.ts";

const STDERR = 2;

export async function traceCommand(
  command: readonly string[],
  options: RunOptions & { readonly output?: string; readonly summary?: true },
): Promise<number> {
  const argv = rawArguments(command);
  const fd = options.output === undefined ? STDERR : openSync(options.output, "w");
  const trace = new TraceWriter(
    { write: (text) => void writeAll(fd, Buffer.from(text, "latin1")) },
    { summary: options.summary === true },
  );
  try {
    return await runProgram(() => ({ program: argv[0]!, argv }), options, {
      attach: (machine) => trace.attach(machine),
    });
  } finally {
    trace.finish();
    if (fd !== STDERR) closeSync(fd);
  }
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) {
    try {
      done += writeSync(fd, bytes, done);
    } catch (error) {
      // A pipe that Node made non-blocking: its reader is slow.
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
    }
  }
}
