/**
 * `stratos check`: one program twice, from one seed and with the same input, and what happened first that was not the
 * same. What happened is a trace (system calls, signals, output, answers of `-v` folders) in which each event has its
 * position and a mark of the registers; it ends with a mark of the memory that
 * is held then, which that of ended processes is not. That of the first run waits in a file, so
 * that a long one costs no memory.
 */
import { closeSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isatty } from "node:tty";
import { crc32c, fromBase64, printable } from "@stratos/base";
import type { Machine } from "@stratos/machine";
import { InputGate, type RecordedAnswer, type RecordedEvent, toldFolders } from "@stratos/session";
import { type Difference, memoryMark, TraceComparison, type TracedEvent, TraceWriter } from "@stratos/trace";
import { OperationError } from "@stratos/operation";
import { CommandError, hostReason } from "../command-error.ts";
import { EXIT_FAILURE, EXIT_STRATOS_FAILED, EXIT_SUCCESS } from "../exit-status.ts";
import { rawArguments } from "../session/raw-arguments.ts";
import type { RunOptions } from "../session/run-options.ts";
import { runProgram } from "../session/run-program.ts";
import { hasTerminal, openReplayFiles, terminalSize, UNSEEN } from "../session/standard-files.ts";

export interface CheckOptions extends RunOptions {
  readonly seed: number;
  /** Where the first run's trace is kept. */
  readonly save?: string;
}

export async function checkCommand(command: readonly string[], options: CheckOptions): Promise<number> {
  const argv = rawArguments(command);
  const file = openTraceFile(options.save);
  try {
    const events: RecordedEvent[] = [];
    const first = new RunWatcher((text) => file.write(text));
    const status = await first.run(argv, options, { record: events });
    const comparison = new TraceComparison(() => file.read());
    const second = new RunWatcher((text) => {
      comparison.write(text);
      // What comes after the first difference follows from it.
      if (comparison.difference !== null) second.stop();
    });
    await second.run(argv, options, { replay: events });
    const difference = comparison.finish();
    const told = difference === null ? sameText(status, first, comparison) : differenceText(difference);
    process.stderr.write(told.map((line) => `stratos: ${line}\n`).join(""));
    return difference === null ? EXIT_SUCCESS : EXIT_FAILURE;
  } catch (error) {
    // Status 1 says that the runs differ.
    if (!(error instanceof OperationError) || error.kind === "option") throw error;
    throw new CommandError(error.what, error.why, { status: EXIT_STRATOS_FAILED, cause: error });
  } finally {
    file.close();
  }
}

/** One of the two runs, and its trace. */
class RunWatcher {
  readonly #trace: TraceWriter;
  #machine: Machine | null = null;

  constructor(write: (text: string) => void) {
    this.#trace = new TraceWriter({ write }, { isSummary: false, hasMarks: true });
  }

  get instructions(): number {
    return this.#machine!.statistics.instructions;
  }

  stop(): void {
    this.#machine?.stop();
  }

  /** @param input  what comes from outside is put there, or taken from there, and then nothing is shown */
  async run(
    argv: readonly string[],
    options: CheckOptions,
    input: { readonly record: RecordedEvent[] } | { readonly replay: readonly RecordedEvent[] },
  ): Promise<number> {
    const trace = this.#trace;
    const isReplay = "replay" in input;
    const status = await runProgram(() => ({ program: argv[0]!, argv }), options, {
      folders: (folders) => toldFolders(folders, (answer) => trace.note(answerText(answer))),
      attach: (machine) => {
        this.#machine = machine;
        trace.attach(machine);
      },
      gate: (session) => {
        const gate = new InputGate(session);
        if (isReplay) gate.replay(input.replay);
        else gate.record((event) => input.record.push(event));
        gate.onOutput = (bytes) => trace.note(`output: ${bytesText(bytes)}`);
        session.pump.gate = gate;
        return gate;
      },
      ...(isReplay
        ? { standard: (session, gate) => openReplayFiles(session, gate, ownTerminal(), [UNSEEN, UNSEEN]) }
        : {}),
      end: ({ machine }) => trace.note(`end: memory ${memoryMark(machine).toString(16)}`),
    });
    trace.finish();
    return status;
  }
}

function ownTerminal(): Parameters<typeof openReplayFiles>[2] {
  return { terminal: hasTerminal() ? terminalSize() : null, isErrorTerminal: isatty(2) };
}

function answerText({ question, answer }: RecordedAnswer): string {
  const bytes = question.startsWith("read(") && typeof answer === "string" ? fromBase64(answer) : undefined;
  return `the host is asked ${question}: ${bytes === undefined ? JSON.stringify(answer) : bytesText(bytes)}`;
}

function bytesText(bytes: Uint8Array): string {
  return `${bytes.length} bytes with the CRC-32C ${crc32c(bytes).toString(16)}`;
}

function sameText(status: number, { instructions }: RunWatcher, { events }: TraceComparison): string[] {
  return [`check: the same twice: status ${status}, ${instructions} instructions, ${events} events`];
}

function differenceText({ event, first, second, before }: Difference): string[] {
  const what =
    first === null || second === null || first.text !== second.text
      ? "is another one"
      : first.position === second.position
        ? "finds other values in registers"
        : "comes at another instruction";
  const line = (name: string, traced: TracedEvent | null): string =>
    `check: ${name} ${traced === null ? "nothing more" : `${printable(traced.text)} (instruction ${traced.position})`}`;
  return [
    `check: the runs are not the same: event ${event} ${what}`,
    line("first: ", first),
    line("second:", second),
    ...(before === null ? [] : [line("before:", before)]),
  ];
}

interface TraceFile {
  /** @param text  byte string */
  write(text: string): void;
  /** What was written, piece by piece; "" at its end. */
  read(): string;
  close(): void;
}

const PIECE_BYTES = 1 << 16;

/** @param path  null: a file that is gone afterwards */
function openTraceFile(path: string | undefined): TraceFile {
  const place = path ?? join(tmpdir(), `stratos-check-${process.pid}`);
  let fd: number;
  try {
    // Somebody else's file of that name is not ours to write.
    fd = openSync(place, path === undefined ? "wx+" : "w+", 0o600);
  } catch (error) {
    throw new CommandError(place, hostReason(error), { status: EXIT_STRATOS_FAILED, cause: error });
  }
  if (path === undefined) rmSync(place);
  let at = 0;
  const piece = Buffer.alloc(PIECE_BYTES);
  return {
    write: (text) => {
      const bytes = Buffer.from(text, "latin1");
      for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done);
    },
    read: () => {
      const count = readSync(fd, piece, 0, PIECE_BYTES, at);
      at += count;
      return piece.toString("latin1", 0, count);
    },
    close: () => closeSync(fd),
  };
}
