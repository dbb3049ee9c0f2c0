/**
 * A recording (`stratos run --record FILE`): what a deterministic run got from outside, and when. JSON lines: a header,
 * events in order, an end.
 *
 * Time in the machine is counted in instructions, so a moment is named by the instructions retired and the virtual
 * clock at the beginning of a turn of the pump. A replay comes to the same moments, because everything between two
 * events follows from the first.
 */
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { CommandError, hostReason } from "../command-error.ts";

interface RecordingHeader {
  /**
   * 1: system calls were not bounded; 2: `callWork` says how they were, so that slices end at the same instructions
   * again.
   */
  readonly format: "stratos-recording-1" | "stratos-recording-2";
  /** Units of work of a system call at a time (kernel, task/call-work.ts); absent in format 1. */
  readonly callWork?: number;
  readonly image: string;
  /** Tells whether the image is still the one that was recorded. */
  readonly imageCreatedAt: string;
  readonly imageLayers: number;
  /** Byte strings. */
  readonly program: string;
  readonly argv: readonly string[];
  readonly environment: readonly string[];
  readonly workingDirectory: string;
  readonly user: string;
  readonly seed: number;
  readonly memoryBytes: number;
  readonly harts: number;
  /** Size of the terminal; null when the standard files were pipes or files. */
  readonly terminal: { readonly rows: number; readonly columns: number } | null;
  readonly isErrorTerminal: boolean;
}

/** The moment of an event: instructions retired, and nanoseconds of the machine's clock. */
export interface Moment {
  readonly instructions: number;
  readonly ns: number;
}

export type RecordedEvent = Moment &
  (
    | { readonly kind: "input"; readonly data: string }
    | { readonly kind: "end" }
    | { readonly kind: "resize"; readonly rows: number; readonly columns: number }
    | { readonly kind: "signal"; readonly signal: number }
  );

/** How the run ended, for the replay to be compared with. */
export interface RecordingEnd extends Moment {
  readonly kind: "exit";
  readonly status: number;
  /** SHA-256 of all output, in order. */
  readonly output: string;
}

interface Recording {
  readonly header: RecordingHeader;
  readonly events: readonly RecordedEvent[];
  readonly end: RecordingEnd | null;
}

export class RecordingWriter {
  readonly #fd: number;

  /** @throws CommandError when the file can't be made */
  constructor(path: string, header: RecordingHeader) {
    try {
      this.#fd = openSync(path, "w");
    } catch (error) {
      throw new CommandError(path, hostReason(error), { cause: error });
    }
    this.#line(header);
  }

  add(event: RecordedEvent | RecordingEnd): void {
    this.#line(event);
  }

  close(): void {
    closeSync(this.#fd);
  }

  #line(value: unknown): void {
    writeSync(this.#fd, `${JSON.stringify(value)}\n`);
  }
}

/** @throws CommandError when it is no recording; one that was cut short has no end */
export function readRecording(path: string): Recording {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new CommandError(path, hostReason(error), { cause: error });
  }
  const lines = text.split("\n").filter((line) => line !== "");
  const parsed: unknown[] = [];
  for (const [index, line] of lines.entries()) {
    try {
      parsed.push(JSON.parse(line));
    } catch (error) {
      // The last line of a run that was killed may be half there.
      if (index < lines.length - 1 || index === 0)
        throw new CommandError(path, `is no recording: line ${index + 1} is damaged`, { cause: error });
    }
  }
  const header = parsed[0] as RecordingHeader | undefined;
  if (header?.format !== "stratos-recording-1" && header?.format !== "stratos-recording-2")
    throw new CommandError(path, "is no recording of this version");
  const rest = parsed.slice(1) as (RecordedEvent | RecordingEnd)[];
  const last = rest.at(-1);
  const end = last?.kind === "exit" ? last : null;
  return { header, events: (end === null ? rest : rest.slice(0, -1)) as RecordedEvent[], end };
}
