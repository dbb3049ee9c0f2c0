import { closeSync, openSync, writeSync } from "node:fs";
import { type CallCount, TraceWriter } from "@stratos/trace";
import type { RunOptions } from "../session/run-options.ts";
import { rawArguments } from "../session/raw-arguments.ts";
import { runHere } from "../session/run-program.ts";
import { formatTable } from "../text-table.ts";

const STDERR = 2;

export async function traceCommand(
  command: readonly string[],
  options: RunOptions & { readonly output?: string; readonly summary?: true },
): Promise<number> {
  const argv = rawArguments(command);
  const fd = options.output === undefined ? STDERR : openSync(options.output, "w");
  const isSummary = options.summary === true;
  const write = (text: string): void => writeAll(fd, Buffer.from(text, "latin1"));
  const trace = new TraceWriter({ write }, { isSummary });
  try {
    return await runHere(() => ({ program: argv[0]!, argv }), options, {
      attach: ({ machine }) => trace.attach(machine),
    });
  } finally {
    const counts = trace.finish();
    if (isSummary) write(summaryTable(counts));
    if (fd !== STDERR) closeSync(fd);
  }
}

function summaryTable(counts: readonly CallCount[]): string {
  return formatTable(
    ["CALLS", "ERRORS", "SYSCALL"],
    counts.map(({ name, calls, errors }) => [String(calls), errors === 0 ? "" : String(errors), name]),
  );
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
