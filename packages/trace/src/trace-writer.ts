/** Looks on at a machine's system calls, signals and programs, and writes them down or counts them. */
import { isNetlink, type Task } from "@stratos/kernel";
import type { Machine } from "@stratos/machine";
import { registersMark } from "./machine-marks.ts";
import { syscallLine, syscallName, type TracedCaller } from "./syscall-line.ts";
import { quote, signalName } from "./values.ts";

interface TraceSink {
  write(text: string): void;
}

/** How often a system call was made, and how often it failed. */
export interface CallCount {
  readonly name: string;
  readonly calls: number;
  readonly errors: number;
}

/** Text is gathered up to this size, so that a traced program does not wait for each line. */
const BUFFER_CHARACTERS = 1 << 16;

export class TraceWriter {
  readonly #sink: TraceSink;
  readonly #counts: Map<number, { calls: number; errors: number }> | null;
  readonly #hasMarks: boolean;
  #machine: Machine | null = null;
  #buffer = "";
  /** Ends of processes: the call that ended one is told after it has happened, and belongs before it. */
  readonly #ends: string[] = [];

  /**
   * @param options.isSummary  calls are counted, and nothing is written
   * @param options.hasMarks  each line begins with how many instructions were retired, and a mark of the registers
   */
  constructor(sink: TraceSink, options: { isSummary: boolean; hasMarks?: boolean }) {
    this.#sink = sink;
    this.#hasMarks = options.hasMarks === true;
    this.#counts = options.isSummary ? new Map() : null;
  }

  attach(machine: Machine): void {
    const { kernel } = machine;
    this.#machine = machine;
    let program: { path: string; argv: readonly string[] } | null = null;
    kernel.onExec = (task, path, argv) => {
      // The first program of a machine is started by no system call.
      if (kernel.syscallCount > 0) program = { path, argv };
      else if (this.#counts === null) this.#line(task.tid, execLine(path, argv));
    };
    kernel.onSyscall = (task, number, args, result) => {
      const isExec = program !== null && result !== undefined && result < -4095;
      if (this.#counts !== null) {
        // A call that waits is seen again when it ends.
        if (result !== undefined) this.#count(number, result < 0 && result >= -4095);
      } else if (isExec) this.#line(task.tid, execLine(program!.path, program!.argv));
      else this.#line(task.tid, syscallLine(callerOf(task), number, args, result));
      program = null;
    };
    kernel.onSignal = (task, info) => {
      if (this.#counts === null) this.#line(task.tid, `--- ${signalName(info.signal)} {si_code=${info.code}} ---`);
    };
    if (this.#counts === null)
      kernel.onProcessExit = chain(kernel.onProcessExit, (process, status) => {
        const signal = status & 0x7f;
        this.#ends.push(
          this.#format(
            process.pid,
            signal === 0 ? `+++ exited with ${(status >> 8) & 0xff} +++` : `+++ killed by ${signalName(signal)} +++`,
          ),
        );
      });
  }

  /** Something else that happened. @param text  byte string of one line */
  note(text: string): void {
    this.#flushEnds();
    this.#add(`${this.#mark()}${text}\n`);
  }

  /** Writes what is left. @returns of a summary the calls, the most frequent first */
  finish(): readonly CallCount[] {
    this.#flushEnds();
    this.#flush();
    return [...(this.#counts ?? [])]
      .sort((a, b) => b[1].calls - a[1].calls || a[0] - b[0])
      .map(([number, { calls, errors }]) => ({ name: syscallName(number), calls, errors }));
  }

  #count(number: number, isError: boolean): void {
    const entry = this.#counts!.get(number) ?? { calls: 0, errors: 0 };
    entry.calls++;
    if (isError) entry.errors++;
    this.#counts!.set(number, entry);
  }

  #line(tid: number, text: string): void {
    const isExit = text.startsWith("exit");
    if (!isExit) this.#flushEnds();
    this.#add(this.#format(tid, text));
    if (isExit) this.#flushEnds();
  }

  #add(line: string): void {
    this.#buffer += line;
    if (this.#buffer.length > BUFFER_CHARACTERS) this.#flush();
  }

  #format(tid: number, text: string): string {
    return `${this.#mark()}[${String(tid).padStart(4)}] ${text}\n`;
  }

  #mark(): string {
    if (!this.#hasMarks) return "";
    const machine = this.#machine;
    return machine === null ? "0 0 " : `${machine.statistics.instructions} ${registersMark(machine).toString(16)} `;
  }

  #flushEnds(): void {
    this.#buffer += this.#ends.join("");
    this.#ends.length = 0;
  }

  #flush(): void {
    if (this.#buffer !== "") this.#sink.write(this.#buffer);
    this.#buffer = "";
  }
}

function callerOf({ space, files }: Task): TracedCaller {
  return {
    loadString: (address, most) => space.loadString(address, most),
    copyIn: (address, into, at, count) => space.copyIn(address, into, at, count),
    netlinkProtocol: (fd) => {
      const file = files.get(fd);
      return file !== undefined && isNetlink(file) ? file.protocol : null;
    },
  };
}

function execLine(path: string, argv: readonly string[]): string {
  return `execve(${quote(path)}, [${argv.map(quote).join(", ")}], ...) = 0`;
}

function chain<A extends unknown[]>(
  first: ((...args: A) => void) | null,
  second: (...args: A) => void,
): (...args: A) => void {
  return (...args) => {
    second(...args);
    first?.(...args);
  };
}
