/**
 * One program twice, from one seed and with the same input, and what happened first that was not the same. What
 * happened is a trace (system calls, signals, output, answers of folders of the host) in which each event has its
 * position and a mark of the registers; it ends with a mark of the memory that is held then, which that of ended
 * processes is not. That of the first run waits in a file, so that a long one costs no memory.
 */
import { closeSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32c } from "@stratos/base";
import { hostReason } from "@stratos/host-node/home";
import type { Machine } from "@stratos/machine";
import { OperationError } from "@stratos/operation";
import {
  InputGate,
  openReplayFiles,
  type RecordedAnswer,
  type RecordedEvent,
  toldFolders,
  UNSEEN,
} from "@stratos/session";
import { type Difference, memoryMark, TraceComparison, TraceWriter } from "@stratos/trace";
import type { RunRequest } from "./run-machine.ts";
import { type RunEnd, runProgram, type RunSurroundings } from "./run-program.ts";

export interface CheckedRuns {
  /** null: they were the same. */
  readonly difference: Difference | null;
  /** Of the first. */
  readonly end: RunEnd;
  readonly instructions: number;
  readonly events: number;
}

/**
 * @param around  of the first run; the second gets the same input, and nothing of it is seen
 * @param save  a file for the first run's trace; undefined: one that is gone afterwards
 * @throws OperationError, SessionError and what the host says
 */
export async function checkRuns(request: RunRequest, around: RunSurroundings, save?: string): Promise<CheckedRuns> {
  const file = openTraceFile(save);
  try {
    const events: RecordedEvent[] = [];
    const first = new RunWatcher((text) => file.write(text));
    const end = await first.run(request, around, (gate) => gate.record((event) => events.push(event)));
    const comparison = new TraceComparison(() => file.read());
    const second = new RunWatcher((text) => {
      comparison.write(text);
      // What comes after the first difference follows from it.
      if (comparison.difference !== null) second.stop();
    });
    const unseen: RunSurroundings = {
      terminal: around.terminal,
      standard: (session, gate) => openReplayFiles(session, gate!, around.terminal, [UNSEEN, UNSEEN]),
      isRepeated: true,
    };
    await second.run(request, unseen, (gate) => gate.replay(events));
    const difference = comparison.finish();
    return { difference, end, instructions: first.instructions, events: comparison.events };
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

  /** @param use  puts what comes from outside somewhere, or takes it from there */
  async run(request: RunRequest, around: RunSurroundings, use: (gate: InputGate) => void): Promise<RunEnd> {
    const trace = this.#trace;
    const end = await runProgram(request, {
      ...around,
      folders: (folders) => toldFolders(folders, (answer) => trace.note(answerText(answer))),
      attach: ({ machine }) => {
        this.#machine = machine;
        trace.attach(machine);
      },
      gate: (session) => {
        const gate = new InputGate(session);
        use(gate);
        gate.onOutput = (bytes) => trace.note(`output: ${bytesText(bytes)}`);
        session.pump.gate = gate;
        return gate;
      },
      end: ({ machine }) => trace.note(`end: memory ${memoryMark(machine).toString(16)}`),
    });
    trace.finish();
    return end;
  }
}

function answerText({ question, answer }: RecordedAnswer): string {
  return `the host is asked ${question}: ${answer instanceof Uint8Array ? bytesText(answer) : JSON.stringify(answer)}`;
}

function bytesText(bytes: Uint8Array): string {
  return `${bytes.length} bytes with the CRC-32C ${crc32c(bytes).toString(16)}`;
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
    throw new OperationError("program", place, hostReason(error), { cause: error });
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
