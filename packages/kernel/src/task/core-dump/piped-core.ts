import { O_WRONLY, PAGE_SIZE, POLLIN, RLIMIT_CORE, isErrno } from "@stratos/abi";
import { BytesCursor, stateClass } from "@stratos/base";
import { createPipe, type PipeFile } from "../../fs/pipe/pipe-file.ts";
import type { IoCursor } from "../../ground/io-cursor.ts";
import { ROOT } from "../../security/credentials.ts";
import { OpenFile } from "../../vfs/open-file.ts";
import { startHelper } from "../first-process.ts";
import type { Task } from "../task.ts";
import { helperArguments } from "./core-name.ts";

/**
 * A core that a program reads from its standard input (core(5), "Piping core dumps to a program"): holes are zeroes
 * there. What the pipe has no room for waits here; who writes the core asks `drain` before each further piece.
 */
export class PipedCore extends OpenFile {
  #writer: PipeFile;
  /** Waits for the program's end of the pipe to be closed, too (core_pipe_limit). */
  #awaitsReader: boolean;
  /** Bound: what one step of the dump writes. */
  #waiting: { zeroes: number; bytes: Uint8Array }[] = [];
  /** Bytes given so far. */
  #end = 0;
  #isComplete = false;
  #isClosed = false;

  constructor(writer: PipeFile, awaitsReader: boolean) {
    super(O_WRONLY, null, null);
    this.#writer = writer;
    this.#awaitsReader = awaitsReader;
  }

  /** Takes all, behind what was written before; nothing is written twice. */
  override write(_task: Task, from: IoCursor, offset: number): number {
    const bytes = new Uint8Array(from.remaining);
    const taken = from.take(bytes, 0, bytes.length);
    if (taken < 0) return taken;
    this.#waiting.push({ zeroes: offset - this.#end, bytes });
    this.#end = offset + bytes.length;
    return bytes.length;
  }

  /** The core is `size` bytes long. */
  complete(size: number): void {
    if (size > this.#end) this.#waiting.push({ zeroes: size - this.#end, bytes: new Uint8Array(0) });
    this.#end = Math.max(this.#end, size);
    this.#isComplete = true;
  }

  get isDelivered(): boolean {
    return this.#isComplete && this.#waiting.length === 0;
  }

  /** @returns "waits": the task is on the pipe's queue; "gone": nobody reads any more */
  drain(task: Task): "ready" | "waits" | "gone" {
    const { pipe } = this.#writer;
    const { scheduler } = task.kernel;
    while (pipe.readers > 0 && this.#waiting.length > 0) {
      const next = this.#waiting[0]!;
      const part = next.zeroes > 0 ? ZEROES.subarray(0, Math.min(next.zeroes, PAGE_SIZE)) : next.bytes;
      const done = pipe.push(new BytesCursor(part), part.length);
      if (done > 0) scheduler.wakeGently(pipe.queue, POLLIN);
      if (done <= 0 && part.length > 0) return this.#wait(task);
      if (next.zeroes > 0) next.zeroes -= done;
      else next.bytes = next.bytes.subarray(done);
      if (next.zeroes === 0 && next.bytes.length === 0) this.#waiting.shift();
    }
    if (pipe.readers === 0) return "gone";
    if (!this.#isComplete) return "ready";
    this.#close();
    return this.#awaitsReader ? this.#wait(task) : "ready";
  }

  #wait(task: Task): "waits" {
    task.waitOn(this.#writer.pipe.queue);
    return "waits";
  }

  #close(): void {
    if (!this.#isClosed) this.#writer.release();
    this.#isClosed = true;
  }

  protected override dispose(): void {
    this.#close();
  }

  static {
    stateClass("PipedCore", this, {
      save: (it) => ({
        writer: it.#writer,
        awaitsReader: it.#awaitsReader,
        waiting: it.#waiting,
        end: it.#end,
        isComplete: it.#isComplete,
        isClosed: it.#isClosed,
      }),
      load: (it, from) =>
        ({
          writer: it.#writer,
          awaitsReader: it.#awaitsReader,
          waiting: it.#waiting,
          end: it.#end,
          isComplete: it.#isComplete,
          isClosed: it.#isClosed,
        } = from),
    });
  }
}

const ZEROES = new Uint8Array(PAGE_SIZE);

/**
 * Starts the program that core_pattern names, as root in the machine's first namespaces, to read the task's core.
 *
 * @returns null when it cannot be started: the log says why, and there is no core
 */
export function pipeCore(task: Task, signal: number): PipedCore | null {
  const { kernel, group } = task;
  const { coreSettings } = kernel;
  // The program's own limit is 1: what fails in it starts no other.
  if (group.limits[RLIMIT_CORE]!.soft === 1) return null;
  const argv = helperArguments(task, signal);
  const path = argv[0] ?? "";
  if (coreSettings.pipeLimit > 0 && coreSettings.pipedCount >= coreSettings.pipeLimit) {
    kernel.log(`core of ${task.name}[${task.pid}]: over core_pipe_limit, skipped`);
    return null;
  }
  const pipe = createPipe(kernel, 0, ROOT);
  if (isErrno(pipe)) return null;
  const started = startHelper(task, {
    path,
    argv,
    environment: [],
    workingDirectory: "/",
    standardFiles: [pipe.reader],
    limits: (limits) => (limits[RLIMIT_CORE] = { soft: 1, hard: 1 }),
  });
  if ("errno" in started) {
    kernel.log(`core of ${task.name}[${task.pid}]: ${path} cannot be started (errno ${started.errno})`);
    pipe.writer.release();
    return null;
  }
  return new PipedCore(pipe.writer, coreSettings.pipeLimit > 0);
}
