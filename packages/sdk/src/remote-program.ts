/** Programs beyond a channel: what goes to them, comes from them, and how they end. */
import {
  StratosError,
  type AbortSignalLike,
  type Bytes,
  type Program,
  type ProgramEnd,
  type ProgramInput,
  type SessionView,
  type StandardInput,
  type TerminalSize,
} from "./api.ts";
import type { EngineClient } from "./engine-client.ts";
import { isTerminalSize, STREAM_WINDOW, type ConnectRequest, type Operations, type RunRequest } from "./protocol.ts";
import { checkContent, checkText } from "./check-options.ts";
import { COPIED_AT_ONCE, encodedPieces, joinLittleByLittle } from "./much-content.ts";
import { OutputStream } from "./output-stream.ts";
import type { SupervisorClient, SupervisorOperations } from "./systems.ts";

interface StartedCall {
  readonly call: number;
  /** Its number, once it runs. */
  readonly started: Promise<number>;
  /** What the call answers: of a program a ProgramEnd. */
  readonly ended: Promise<unknown>;
}

interface CallOptions {
  readonly stdin: StandardInput | undefined;
  readonly signal: AbortSignalLike | undefined;
  /** A failure of these ends the program. */
  readonly failing?: readonly Promise<never>[];
  /** Output is on its way until `dealtWith` is called. */
  onOutput(stream: 1 | 2, bytes: Uint8Array, dealtWith: () => void): void;
}

/** What streams go with: a program, or a connection to one. */
type StreamedCall =
  | { readonly op: "run"; readonly request: Omit<RunRequest, "hasInput"> }
  | { readonly op: "attach"; readonly request: Operations["attach"] }
  | { readonly op: "follow-system"; readonly request: SupervisorOperations["follow-system"] }
  | { readonly op: "connect"; readonly request: ConnectRequest };

export function startCall(
  engine: EngineClient,
  { op, request }: StreamedCall,
  { stdin, signal, failing = [], onOutput }: CallOptions,
): StartedCall {
  const whole = op === "run" ? wholeInput(stdin) : null;
  let input: InputPump | null = null;
  let tellStarted!: (pid: number) => void;
  const started = new Promise<number>((resolve) => {
    tellStarted = resolve;
  });
  const { call, answer } = (engine as unknown as SupervisorClient).call(
    op,
    { ...request, hasInput: stdin !== undefined && whole === null },
    {
      signal,
      ...(whole === null ? {} : { bytes: whole }),
      timeoutMs: op === "run" ? request.timeoutMs : undefined,
      onStarted: tellStarted,
      onOutput: (stream, bytes) => onOutput(stream, bytes, () => engine.send({ call, taken: bytes.length, stream })),
      onRead: (count) => input?.read(count),
    },
  );
  if (stdin !== undefined && whole === null) {
    input = new InputPump(stdin, {
      write: (bytes) => engine.send({ call, input: "bytes" }, bytes),
      end: () => engine.send({ call, input: "end" }),
    });
  }
  // An input or a listener that fails ends the program, as one that was killed.
  const failed = Promise.race([...(input === null ? [] : [input.failed]), ...failing]).catch((error) => {
    engine.send({ call, cancel: true });
    throw error;
  });
  const ended = Promise.race([answer.then(({ value }) => value), failed]).finally(() => {
    input?.stop();
    // Who fails before the answer comes leaves nobody to hear of that.
    answer.catch(() => {});
  });
  return { call, started, ended };
}

/** @returns what is short enough to come with the call: it is there when the program looks, in seeded runs as well */
export function wholeInput(stdin: StandardInput | undefined): Uint8Array | null {
  const bytes = typeof stdin === "string" && stdin.length <= STREAM_WINDOW ? new TextEncoder().encode(stdin) : stdin;
  return bytes instanceof Uint8Array && bytes.length <= STREAM_WINDOW ? bytes : null;
}

export class RemoteProgram implements Program {
  readonly pid: number;
  readonly session: string | null;
  readonly stdin: ProgramInput;
  readonly stdout: AsyncIterable<Uint8Array>;
  readonly stderr: AsyncIterable<Uint8Array>;
  /** Number of the call that it is; the supervisor is told it by `leave-program`. */
  readonly call: number;
  readonly hasTerminal: boolean;
  readonly #engine: EngineClient;
  readonly #target: number;
  readonly #ended: Promise<ProgramEnd>;
  #hasEnded = false;

  private constructor(
    engine: EngineClient,
    { target, hasTerminal }: { readonly target: number; readonly hasTerminal: boolean },
    { call, ended }: StartedCall,
    parts: Pick<Program, "pid" | "stdin" | "stdout" | "stderr"> & { readonly session?: string },
  ) {
    this.#engine = engine;
    this.#target = target;
    this.hasTerminal = hasTerminal;
    this.call = call;
    this.#ended = ended as Promise<ProgramEnd>;
    const end = (): void => {
      this.#hasEnded = true;
    };
    ended.then(end, end);
    this.pid = parts.pid;
    this.session = parts.session ?? null;
    this.stdin = parts.stdin;
    this.stdout = parts.stdout;
    this.stderr = parts.stderr;
  }

  static async start(
    engine: EngineClient,
    request: Omit<RunRequest, "hasInput">,
    { stdin, signal }: { stdin: StandardInput | undefined; signal: AbortSignalLike | undefined },
  ): Promise<RemoteProgram> {
    const { running, parts } = RemoteProgram.#begin(engine, { op: "run", request }, stdin, signal);
    const pid = await Promise.race([running.started, running.ended.then(() => 0)]);
    const { target, tty } = request;
    return new RemoteProgram(engine, { target, hasTerminal: tty !== undefined }, running, { pid, ...parts });
  }

  /** One that runs already, and that nobody listens to. Should it be there no longer, `wait` rejects. */
  static attach(
    engine: EngineClient,
    { pid, ...where }: { readonly target: number; readonly hasTerminal: boolean; readonly pid: number },
  ): RemoteProgram {
    const request = { target: where.target, pid };
    const { running, parts } = RemoteProgram.#begin(engine, { op: "attach", request }, undefined, undefined);
    // Who never waits for it leaves nobody to hear of that.
    running.ended.catch(() => {});
    return new RemoteProgram(engine, where, running, { pid, ...parts });
  }

  /** A session of a named system, with what it has written as far as that is kept. */
  static async follow(
    client: SupervisorClient,
    target: number,
    { name, hasTerminal }: Pick<SessionView, "name" | "hasTerminal">,
    stdin?: StandardInput,
  ): Promise<RemoteProgram> {
    // The supervisor's answer, and what it streams, are those of a program.
    const engine = client as unknown as EngineClient;
    const request = { target, session: name, endsInput: true, historyBytes: Number.MAX_SAFE_INTEGER };
    const { running, parts } = RemoteProgram.#begin(engine, { op: "follow-system", request }, stdin, undefined);
    running.ended.catch(() => {});
    const pid = await Promise.race([running.started, running.ended.then(() => 0)]);
    return new RemoteProgram(engine, { target, hasTerminal }, running, { pid, session: name, ...parts });
  }

  static #begin(
    engine: EngineClient,
    call: StreamedCall,
    stdin: StandardInput | undefined,
    signal: AbortSignalLike | undefined,
  ): { running: StartedCall; parts: Pick<Program, "stdin" | "stdout" | "stderr"> } {
    const typed = new WrittenInput(stdin === undefined);
    const outputs = [new OutputStream(), new OutputStream()] as const;
    const running = startCall(engine, call, {
      stdin: stdin ?? typed,
      signal,
      onOutput: (stream, bytes, dealtWith) => outputs[stream - 1]!.add(bytes, dealtWith),
    });
    const finish = (): void => {
      for (const output of outputs) output.finish();
    };
    running.ended.then(
      () => typed.close(),
      (error: unknown) => typed.fail(error),
    );
    running.ended.then(finish, finish);
    return { running, parts: { stdin: typed, stdout: outputs[0], stderr: outputs[1] } };
  }

  async kill(name = "SIGTERM"): Promise<void> {
    checkText(name, "signal");
    // Its number may be another's by then.
    if (this.#hasEnded) return;
    await this.#engine.call("signal", { target: this.#target, pid: this.pid, name }).answer;
  }

  resize(size: TerminalSize): void {
    const fail = (why: string): StratosError => new StratosError("option", why, { option: "tty" });
    if (!this.hasTerminal) throw fail("the program has no terminal");
    const { columns, rows } = (size as TerminalSize | null | undefined) ?? { columns: 0, rows: 0 };
    if (!isTerminalSize({ columns, rows })) throw fail("tty: columns and rows from 1 to 65535 are expected");
    this.#engine.send({ call: this.call, size: { columns, rows } });
  }

  wait(): Promise<ProgramEnd> {
    return this.#ended;
  }
}

/** A connection to a program that listens in the sandbox. */
export class RemoteConnection {
  readonly input: ProgramInput;
  readonly output: AsyncIterable<Uint8Array>;
  /** Rejects: StratosError of kind port, closed or engine; the reason of `signal`. */
  readonly ended: Promise<unknown>;
  readonly #engine: EngineClient;
  readonly #call: number;

  constructor(engine: EngineClient, request: ConnectRequest, signal: AbortSignalLike | undefined) {
    const input = new WrittenInput(true);
    const output = new OutputStream();
    const { call, ended } = startCall(
      engine,
      { op: "connect", request },
      {
        stdin: input,
        signal,
        onOutput: (_stream, bytes, dealtWith) => output.add(bytes, dealtWith),
      },
    );
    const finish = (): void => {
      input.close();
      output.finish();
    };
    ended.then(finish, finish);
    this.input = input;
    this.output = output;
    this.ended = ended;
    this.#engine = engine;
    this.#call = call;
  }

  close(): void {
    this.ended.catch(() => {});
    this.#engine.send({ call: this.#call, cancel: true });
  }
}

/** Two streams of a host, one for each direction. */
export interface StreamPair {
  readonly output: AsyncIterable<Uint8Array>;
  /** Resolves when there is room for more. */
  write(bytes: Uint8Array): Promise<void>;
  /** The other side reads an end, or that something failed. */
  end(hasFailed: boolean): void;
}

/** Carries both ways until both sides have ended, or one has failed. */
export async function joinStreams(from: StreamPair, to: RemoteConnection): Promise<void> {
  const forward = async (): Promise<void> => {
    for await (const bytes of from.output) await to.input.write(bytes);
    to.input.end();
  };
  const backward = async (): Promise<void> => {
    for await (const bytes of to.output) await from.write(bytes);
    await to.ended;
    from.end(false);
  };
  try {
    await Promise.all([forward(), backward()]);
  } catch {
    // Whoever is left reads a connection that broke, as of any server.
    from.end(true);
  } finally {
    to.close();
  }
}

/** What is written to a program by hand. */
class WrittenInput implements ProgramInput {
  readonly #isUsed: boolean;
  readonly #waiting: { readonly bytes: Bytes; done(): void; fail(error: unknown): void }[] = [];
  #hasEnd = false;
  #failed: { readonly error: unknown } | null = null;
  #wake: () => void = () => {};

  /** @param isUsed  false: the program reads something else */
  constructor(isUsed: boolean) {
    this.#isUsed = isUsed;
  }

  write(bytes: Bytes): Promise<void> {
    const written = this.#write(bytes);
    // Who writes and doesn't wait is told by the program's end.
    written.catch(() => {});
    return written;
  }

  async #write(bytes: Bytes): Promise<void> {
    if (!this.#isUsed) throw new StratosError("option", "the program reads what `stdin` gives", { option: "stdin" });
    if (this.#failed !== null) throw this.#failed.error;
    if (this.#hasEnd) return;
    await new Promise<void>((done, fail) => {
      this.#waiting.push({ bytes, done, fail });
      this.#wake();
    });
  }

  end(): void {
    this.#hasEnd = true;
    this.#wake();
  }

  /** Nobody reads any more. */
  close(): void {
    this.end();
    for (const { done } of this.#waiting.splice(0)) done();
  }

  /** The program's end will not be known. */
  fail(error: unknown): void {
    this.#failed = { error };
    for (const { fail } of this.#waiting.splice(0)) fail(error);
    this.end();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Bytes> {
    for (;;) {
      for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
        yield next.bytes;
        // Its reader may have left for good: then `close` or `fail` tells.
        if (this.#waiting[0] === next) this.#waiting.shift();
        next.done();
      }
      if (this.#hasEnd) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

/** Room for what is kept, at first. */
const KEPT_LEAST = 4096;

/** What a program has written: kept up to a limit, and told as it comes. */
export class KeptOutput {
  readonly #limit: number;
  readonly #listener: ((bytes: Uint8Array) => void | Promise<void>) | undefined;
  /** What grows by doubling, and behind it what has grown enough. */
  #kept = new Uint8Array(KEPT_LEAST);
  #inKept = 0;
  readonly #full: Uint8Array[] = [];
  #keptBytes = 0;
  #told: Promise<void> = Promise.resolve();
  isCut = false;
  /** Rejects when the listener does. */
  readonly failed: Promise<never>;
  #fail!: (error: unknown) => void;

  constructor(limit: number, listener: ((bytes: Uint8Array) => void | Promise<void>) | undefined) {
    this.#limit = limit;
    this.#listener = listener;
    this.failed = new Promise((_, reject) => {
      this.#fail = reject;
    });
    this.failed.catch(() => {});
  }

  add(bytes: Uint8Array, dealtWith: () => void): void {
    const room = Math.min(bytes.length, this.#limit - this.#keptBytes);
    if (room < bytes.length) this.isCut = true;
    if (room > 0) this.#keep(bytes.subarray(0, room));
    const listener = this.#listener;
    if (listener === undefined) return dealtWith();
    this.#told = this.#told.then(() => listener(bytes.slice())).then(dealtWith, this.#fail);
  }

  #keep(bytes: Uint8Array): void {
    const length = this.#inKept + bytes.length;
    if (length > this.#kept.length) {
      if (this.#inKept >= COPIED_AT_ONCE) {
        this.#full.push(this.#kept.subarray(0, this.#inKept));
        this.#kept = new Uint8Array(Math.max(bytes.length, COPIED_AT_ONCE));
        this.#inKept = 0;
      } else {
        const larger = new Uint8Array(Math.max(length, Math.min(2 * this.#kept.length, this.#limit)));
        larger.set(this.#kept.subarray(0, this.#inKept));
        this.#kept = larger;
      }
    }
    this.#kept.set(bytes, this.#inKept);
    this.#inKept += bytes.length;
    this.#keptBytes += bytes.length;
  }

  settled(): Promise<void> {
    return this.#told;
  }

  /** @param breathe  lets others have their turns */
  async bytes(breathe: () => Promise<void>): Promise<Uint8Array> {
    const { length } = this.#kept;
    const last = this.#kept.subarray(0, this.#inKept);
    if (this.#full.length > 0) return joinLittleByLittle([...this.#full, last], breathe);
    return length === this.#keptBytes ? this.#kept : this.#kept.slice(0, this.#keptBytes);
  }
}

/** Sends a program what it is to read, no further ahead than the window. */
class InputPump {
  #ahead = 0;
  #isStopped = false;
  #wake: () => void = () => {};
  /** Rejects when the source does. */
  readonly failed: Promise<never>;

  constructor(source: StandardInput, to: { write(bytes: Uint8Array): void; end(): void }) {
    this.failed = new Promise((_, reject) => {
      this.#send(source, to).catch(reject);
    });
    this.failed.catch(() => {});
  }

  async #send(source: StandardInput, to: { write(bytes: Uint8Array): void; end(): void }): Promise<void> {
    const pieces = typeof source === "string" || source instanceof Uint8Array ? [source] : source;
    for await (const piece of pieces) {
      checkContent(piece, "stdin");
      for (const bytes of typeof piece === "string" ? encodedPieces(piece) : [piece]) await this.#sendBytes(bytes, to);
      if (this.#isStopped) return;
    }
    to.end();
  }

  async #sendBytes(bytes: Uint8Array, to: { write(bytes: Uint8Array): void }): Promise<void> {
    for (let at = 0; at < bytes.length && !this.#isStopped; at += STREAM_WINDOW) {
      const part = bytes.subarray(at, at + STREAM_WINDOW);
      while (this.#ahead > 0 && this.#ahead + part.length > STREAM_WINDOW && !this.#isStopped)
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      if (this.#isStopped) return;
      this.#ahead += part.length;
      to.write(part);
    }
  }

  read(count: number): void {
    this.#ahead -= count;
    this.#wake();
  }

  /** Nobody reads any more; a source that is waited for stays where it is. */
  stop(): void {
    this.#isStopped = true;
    this.#wake();
  }
}
