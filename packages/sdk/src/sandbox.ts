import {
  LimitError,
  StratosError,
  type Denial,
  type ForkOptions,
  type Isolation,
  type NetPolicy,
  type ProcessInfo,
  type Program,
  type ProgramEnd,
  type ProgramOptions,
  type RunOptions,
  type RunResult,
  type SandboxEvents,
  type SandboxStats,
  type SessionView,
  type SpawnOptions,
  type StopOptions,
} from "./api.ts";
import type { Answer, EngineClient } from "./engine-client.ts";
import {
  checkCommand,
  checkDuration,
  checkOptions,
  checkPlace,
  checkPolicy,
  checkText,
  FORK,
  RUN,
  SPAWN,
  STOP,
} from "./check-options.ts";
import { exchange } from "./http-exchange.ts";
import { forkSystem, type OpenedSystem, type SystemsSource } from "./named-sandbox.ts";
import type { ExpectedSandbox, RunRequest } from "./protocol.ts";
import { RemoteEvents, SandboxFiles } from "./remote-events.ts";
import { closeUnlessGone, RemoteHandle } from "./remote-files.ts";
import {
  joinStreams,
  KeptOutput,
  RemoteConnection,
  RemoteProgram,
  startCall,
  type StreamPair,
  wholeInput,
} from "./remote-program.ts";
import type { CommonEngine } from "./volume.ts";

/** Bytes of a program's output that are kept when nothing else is said. */
const OUTPUT_BYTES = 16 << 20;
/** As timeout(1) says it, and a shell of SIGKILL. */
const EXIT_TIMEOUT = 124,
  EXIT_KILLED = 137;

/** How long what is stopped may take to end by itself. */
const GRACE_MS = 10_000;

/**
 * A computer of its own, over a clone of an image: what programs change in it goes with it. Programs may run beside one
 * another, see each other, and leave processes behind.
 */
export class RemoteSandbox {
  readonly fs: SandboxFiles;
  /** Its rules for connections. */
  readonly net: {
    /**
     * Other rules from here on: open connections that they deny end (ECONNRESET).
     *
     * @throws StratosError of kind option: rules that mean nothing, or a sandbox that was made without `net`
     */
    update(policy: NetPolicy): Promise<void>;
    /**
     * What they have denied, the last thousand, the oldest first: of a named system also before this program came, and
     * by machines that it had before.
     */
    denied(): Promise<Denial[]>;
  };
  readonly #handle: RemoteHandle;
  readonly #engines: EngineSource;
  readonly #defaults: ProgramOptions;
  /** null: it ends with this program. */
  readonly #system: OpenedSystem | null;
  readonly #events: RemoteEvents;
  /** Those of `spawn` that run, by number. */
  readonly #programs = new Map<number, RemoteProgram>();
  /** Those of the sandbox that it is a fork of, which wait for `attach`: whether each has a terminal. */
  readonly #held: Map<number, boolean>;
  /** It goes on from a state whose programs it keeps, which only its engine knows. @internal */
  protected mayHold = false;
  readonly #ports = new Map<number, Promise<Listening>>();

  constructor(
    handle: RemoteHandle,
    engines: EngineSource,
    defaults: ProgramOptions,
    system: OpenedSystem | null = null,
    held: Iterable<readonly [pid: number, hasTerminal: boolean]> = [],
  ) {
    this.fs = new SandboxFiles(handle);
    this.net = {
      async update(policy) {
        checkPolicy(policy);
        const { engine, target } = handle.use();
        await engine.call("net", { target, policy }).answer;
      },
      async denied() {
        const { engine, target } = handle.use();
        return (await engine.call("denials", { target, isFollowed: false }).answer).value as Denial[];
      },
    };
    this.#handle = handle;
    this.#engines = engines;
    this.#defaults = defaults;
    this.#system = system;
    this.#held = new Map(held);
    this.#events = new RemoteEvents(handle);
  }

  /** Of a named system, as it was opened, which lives on when this program has ended; else null. */
  get name(): string | null {
    return this.#system?.name ?? null;
  }

  /**
   * Runs a program to its end. A status above 0 is a result like any other, unless `check` says otherwise.
   *
   * @param command  a line for `sh -c`, or the program and its arguments
   * @throws LimitError, whose `partial` is what there was; StratosError of kind program, cwd, no-user, option, status,
   *   closed or engine; the reason of `signal`
   */
  async run(command: string | readonly string[], options: RunOptions = {}): Promise<RunResult> {
    const { engine } = this.#handle.use();
    checkCommand(command);
    checkOptions(options, RUN);
    checkDuration("timeoutMs", options.timeoutMs);
    const kept = options.maxOutputBytes ?? OUTPUT_BYTES;
    const outputs = [new KeptOutput(kept, options.onStdout), new KeptOutput(kept, options.onStderr)] as const;
    const request = this.#request(command, options);
    const running = startCall(
      engine,
      { op: "run", request },
      {
        stdin: options.stdin,
        signal: options.signal,
        failing: outputs.map(({ failed }) => failed),
        onOutput: (stream, bytes, dealtWith) => outputs[stream - 1]!.add(bytes, dealtWith),
      },
    );
    const end = await (running.ended as Promise<ProgramEnd>).catch((error) => {
      if (!(error instanceof LimitError)) throw error;
      const { which } = error;
      const timedOut = which === "timeout";
      return { exitCode: timedOut ? EXIT_TIMEOUT : EXIT_KILLED, signal: "SIGKILL", timedOut, limit: which };
    });
    const { limit } = end;
    // Who hears of output may take longer than a limit allows.
    if (limit === null) await Promise.all(outputs.map((output) => output.settled()));
    const result = await resultOf(end, outputs, () => engine.breathe());
    if (limit !== null)
      throw new LimitError(`the program has reached its limit: ${limit}`, { which: limit, partial: result });
    if (options.check === true && end.exitCode !== 0)
      throw new StratosError("status", `the program ended with status ${end.exitCode}`, { result });
    return result;
  }

  /**
   * Starts a program, and returns once it runs.
   *
   * @param command  a line for `sh -c`, or the program and its arguments
   * @throws StratosError of kind program, cwd, no-user, option, closed or engine; the reason of `signal`
   */
  async spawn(command: string | readonly string[], options: SpawnOptions = {}): Promise<Program> {
    const { engine } = this.#handle.use();
    checkCommand(command);
    checkOptions(options, SPAWN);
    checkDuration("timeoutMs", options.timeoutMs);
    const { stdin, signal, tty, detach } = options;
    const request = { ...this.#request(command, options), tty };
    if (detach === true) return this.#detached(request, options);
    const program = await RemoteProgram.start(engine, request, { stdin, signal });
    this.#keep(program);
    return program;
  }

  async #detached(request: Omit<RunRequest, "hasInput">, { stdin, signal }: SpawnOptions): Promise<Program> {
    const { client } = this.#named("detach");
    if (signal !== undefined)
      throw new StratosError("option", "signal: ends what goes with this program, not what is detached from it", {
        option: "signal",
      });
    const whole = wholeInput(stdin);
    const { value } = await client.call(
      "open-session",
      { ...request, hasInput: whole === null },
      whole === null ? {} : { bytes: whole },
    ).answer;
    return RemoteProgram.follow(client, request.target, value as SessionView, whole === null ? stdin : undefined);
  }

  /**
   * Sessions of a named system: programs that are detached from who has begun them, by name. Those that run, and the
   * last 32 that have ended.
   *
   * @throws StratosError of kind option: the sandbox has no name
   */
  async programs(): Promise<SessionView[]> {
    const { client } = this.#named("programs");
    const { target } = this.#handle.use();
    return (await client.call("sessions", { target }).answer).value as SessionView[];
  }

  #keep(program: RemoteProgram): void {
    const { pid } = program;
    this.#programs.set(pid, program);
    const forget = (): void => void this.#programs.delete(pid);
    program.wait().then(forget, forget);
  }

  /**
   * A program of `spawn` that runs, by its number: what nobody has read of it waits. In a fork that keeps programs, or
   * what goes on from a state so, one that ran there: what it writes and reads from then on is this caller's.
   *
   * @throws StratosError of kind program: no such one runs. Of a state's programs that is told by `wait`
   */
  attach(pid: number): Program;
  /**
   * A session of a named system, by its name: what it has written, as far as that is kept (1 MiB; of one that has ended
   * 256 KiB), and what it writes from then on. Several may have it at once, each with all of its output; who does not
   * read for ten seconds is left behind, so that `wait` rejects (kind closed), and the program goes on.
   *
   * @throws StratosError of kind program: there is none of that name; option: the sandbox has no name
   */
  attach(session: string): Promise<Program>;
  attach(which: number | string): Program | Promise<Program> {
    return typeof which === "number" ? this.#attachProgram(which) : this.#attachSession(which);
  }

  async #attachSession(name: string): Promise<Program> {
    const { client } = this.#named("attach");
    const session = (await this.programs()).find((each) => each.name === name);
    if (session === undefined)
      throw new StratosError("program", `${name}: no such session`, { program: name, code: "ESRCH" });
    return RemoteProgram.follow(client, this.#handle.use().target, session);
  }

  #attachProgram(pid: number): Program {
    const { engine, target } = this.#handle.use();
    const present = this.#programs.get(pid);
    if (present !== undefined) return present;
    // Without a terminal `resize` does nothing.
    const hasTerminal = this.#held.get(pid) ?? (this.mayHold ? true : undefined);
    if (hasTerminal !== undefined) {
      this.#held.delete(pid);
      const program = RemoteProgram.attach(engine, { target, pid, hasTerminal });
      this.#keep(program);
      return program;
    }
    throw new StratosError("program", `${pid}: no program of spawn that runs`, { program: String(pid), code: "ESRCH" });
  }

  /** All processes of the sandbox, as its kernel has them. */
  async processes(): Promise<ProcessInfo[]> {
    return (await this.#ask("processes")).value as ProcessInfo[];
  }

  /** What the sandbox uses now. */
  async stats(): Promise<SandboxStats> {
    return (await this.#ask("stats")).value as SandboxStats;
  }

  /**
   * Asks a program that listens on a TCP port of the sandbox, by HTTP/1.1 over its own loopback: no network is needed,
   * and nothing but the sandbox is reached. As with `fetch`, a status such as 404 is an answer; redirections are not
   * followed.
   *
   * @param request  path, URL (whose host is not looked at) or Request
   * @throws StratosError of kind port (nobody listens; ECONNRESET, EPROTO: no whole answer); the reason of `signal`
   */
  async fetch(port: number, request: string | URL | Request, init?: RequestInit): Promise<Response> {
    const { engine, target } = this.#handle.use();
    checkPort(port);
    const address = typeof request === "string" ? new URL(request, `http://localhost:${port}/`) : request;
    const asked = new Request(address, init);
    return exchange(new RemoteConnection(engine, { target, port }, asked.signal), { port, request: asked });
  }

  /**
   * A URL of this computer that leads to a TCP port of the sandbox, until the sandbox is closed. It is the loopback's:
   * programs of this computer can use it, and no others.
   *
   * @throws StratosError of kind option: a page has no ports
   */
  async url(port: number): Promise<string> {
    const { engine, target } = this.#handle.use();
    checkPort(port);
    const { listen } = this.#engines;
    if (listen === undefined) throw new StratosError("option", "url: a page has no ports", { option: "port" });
    let listening = this.#ports.get(port);
    if (listening === undefined) {
      listening = listen((from) => void joinStreams(from, new RemoteConnection(engine, { target, port }, undefined)));
      this.#ports.set(port, listening);
    }
    return `http://127.0.0.1:${(await listening).port}/`;
  }

  /**
   * Hears what happens in the sandbox, from now on.
   *
   * @returns what ends that
   */
  on<Name extends keyof SandboxEvents>(name: Name, listener: (event: SandboxEvents[Name]) => void): () => void {
    return this.#events.on(name, listener);
  }

  /** Nothing runs until `resume`; the clock goes on, and so do time-outs. */
  async pause(): Promise<void> {
    await this.#setPaused(true);
  }

  async resume(): Promise<void> {
    await this.#setPaused(false);
  }

  async #setPaused(isPaused: boolean): Promise<void> {
    const { engine, target } = this.#handle.use();
    await engine.call("pause", { target, isPaused }).answer;
  }

  /**
   * Remembers the whole sandbox, files and programs, under a name: `rollback` goes back there, `fs.diff` compares. It
   * takes memory as long as the sandbox is open: 16 at most; what had the name is replaced.
   *
   * @throws StratosError of kind state (as for `save`), option
   */
  async snapshot(label: string): Promise<void> {
    await this.#snapshot(label, "take");
  }

  /**
   * Goes back to a snapshot, in place: programs that run end for those who wait for them (kind closed), those of the
   * snapshot go on.
   *
   * @throws StratosError of kind snapshot: there is none of that name
   */
  async rollback(label: string): Promise<void> {
    await this.#snapshot(label, "return");
  }

  /** Forgets a snapshot. @throws StratosError of kind snapshot */
  async dropSnapshot(label: string): Promise<void> {
    await this.#snapshot(label, "drop");
  }

  async #snapshot(label: string, action: "take" | "return" | "drop"): Promise<void> {
    checkText(label, "label");
    const { engine, target } = this.#handle.use();
    await engine.call("snapshot", { target, label, action }).answer;
  }

  /** The sandbox ends after so many milliseconds from now (see `onTimeout`); null: never. */
  async setTimeout(timeoutMs: number | null): Promise<void> {
    const { engine, target } = this.#handle.use();
    await engine.call("life", { target, timeoutMs }).answer;
  }

  #ask(op: "save" | "stats" | "processes"): Promise<Answer> {
    const { engine, target } = this.#handle.use();
    return engine.call(op, { target }).answer;
  }

  #request(
    command: string | readonly string[],
    options: ProgramOptions & { readonly timeoutMs?: number },
  ): Omit<RunRequest, "hasInput"> {
    return {
      target: this.#handle.use().target,
      command,
      env: { ...this.#defaults.env, ...options.env },
      cwd: options.cwd ?? this.#defaults.cwd,
      user: options.user ?? this.#defaults.user,
      timeoutMs: options.timeoutMs,
    };
  }

  /**
   * The machine as bytes, with all programs in the midst of what they do and with all that was changed over the image.
   * `Sandbox.create` goes on from them in its option `state`, here or on another computer that has the image; both
   * machines then go their own ways. What programs of `run` write there is for nobody.
   *
   * Of a sandbox that its `timeoutMs` has ended with `onTimeout: "checkpoint"`: as it was then.
   *
   * @throws StratosError of kind state: something cannot be saved, such as a volume that a program of the sandbox has
   *   mounted; the message names what, and the process that holds it
   */
  async save(): Promise<Uint8Array> {
    const { bytes } = await this.#ask("save");
    return bytes.length === bytes.buffer.byteLength ? bytes : bytes.slice();
  }

  /**
   * Sandboxes that go on from where this one stands: with its files, and with its programs in the midst of what they
   * do. No page is copied before one of them writes it, and neither sees what another does from now on. They live from
   * the memory that this one was promised, on its board, and each may be closed before the others.
   *
   * @throws StratosError of kind state: something cannot be in two sandboxes, such as a folder of the host; the message
   *   names the process that holds it
   */
  async fork(options: ForkOptions = {}): Promise<RemoteSandbox[]> {
    checkOptions(options, FORK);
    if (this.#system !== null) {
      const forks = await forkSystem(this.#system, options);
      return forks.map((fork) => new RemoteSandbox(fork.handle, this.#engines, this.#defaults, fork));
    }
    const { count = 1, identity = "fresh", keepsPrograms = false, signal } = options;
    const { engine, target } = this.#handle.use();
    const running = [...this.#programs].map(([pid, program]): [number, boolean] => [pid, program.hasTerminal]);
    const held = keepsPrograms ? [...this.#held, ...running] : [];
    const { value } = await engine.call("fork", { target, count, identity, keepsPrograms }, { signal }).answer;
    return this.#handle
      .branches(value as number[])
      .map((handle) => new RemoteSandbox(handle, this.#engines, this.#defaults, null, held));
  }

  /**
   * Saves it into a file of the host, compressed and with checksums, for `Sandbox.resume`, here or on another computer
   * that has the image. It goes on itself, too. Only this user may read the file.
   *
   * @returns bytes of the file
   * @throws StratosError of kind state (as for `save`), file; option: a page has no files for it
   */
  async checkpoint(file: string | URL): Promise<number> {
    checkPlace(file, "file");
    const { engine, target } = this.#handle.use();
    const { systems } = this.#engines;
    if (systems === undefined)
      throw new StratosError("option", "checkpoint: a page has no files for it", { option: "file" });
    const path = systems.absolutePath(file);
    const { answer } =
      this.#system === null
        ? engine.call("checkpoint", { target, path, about: null })
        : this.#system.client.call("checkpoint-system", { target, path });
    return (await answer).value as number;
  }

  /**
   * Leaves a named system to itself, with the programs of `spawn`: what they write from here on is for nobody, and they
   * read no more. Those of `run` end, as when it is closed.
   *
   * @throws StratosError of kind option: the sandbox has no name, and ends with this program
   */
  async detach(): Promise<void> {
    const { client } = this.#named("detach");
    this.#handle.use();
    const left = [...this.#programs.values()].map(({ call }) => client.call("leave-program", { call }).answer);
    await Promise.all(left);
    await this.close();
  }

  /** @throws StratosError of kind option */
  #named(what: string): OpenedSystem {
    if (this.#system !== null) return this.#system;
    throw new StratosError("option", `${what}: the sandbox has no name, and ends with this program`, {
      option: "name",
    });
  }

  /** Ends it, named or not, and closes it. What was kept of a named one stays, until `Sandbox.remove`. */
  async stop(options: StopOptions = {}): Promise<void> {
    checkOptions(options, STOP);
    const { signal = "SIGTERM", graceMs = GRACE_MS } = options;
    if (this.#system !== null) {
      const { target } = this.#handle.use();
      await this.#system.client.call("stop-system", { target, signal, graceMs }).answer;
    }
    await this.close();
  }

  /**
   * Ends all programs and lets go of what the sandbox held; a named system goes on, without the programs that were
   * begun here. Calling it again does nothing.
   */
  async close(): Promise<void> {
    for (const listening of this.#ports.values())
      void listening.then(
        (each) => each.close(),
        () => {},
      );
    await closeUnlessGone(this.#handle);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function checkPort(port: number): void {
  if (!(Number.isInteger(port) && port > 0 && port < 65536))
    throw new StratosError("option", "port: 1 to 65535 is expected", { option: "port" });
}

async function resultOf(
  end: ProgramEnd,
  outputs: readonly [KeptOutput, KeptOutput],
  breathe: () => Promise<void>,
): Promise<RunResult> {
  const [stdoutBytes, stderrBytes] = [await outputs[0].bytes(breathe), await outputs[1].bytes(breathe)];
  const truncated = outputs.some((output) => output.isCut);
  const result = { ...end, stdoutBytes, stderrBytes, stdout: "", stderr: "", truncated };
  addText(result, "stdout", stdoutBytes);
  addText(result, "stderr", stderrBytes);
  return result;
}

/** Output that is read as text when somebody wants it: to decode more takes the caller's event loop for too long. */
const DECODED_AT_ONCE = 1 << 20;

function addText(result: RunResult, name: "stdout" | "stderr", bytes: Uint8Array): void {
  const decode = (): string => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  const plain = { configurable: true, enumerable: true, writable: true } as const;
  const get = (): string => {
    const value = decode();
    Object.defineProperty(result, name, { ...plain, value });
    return value;
  };
  const isMuch = bytes.length > DECODED_AT_ONCE;
  Object.defineProperty(
    result,
    name,
    isMuch ? { configurable: true, enumerable: true, get } : { ...plain, value: decode() },
  );
}

/** How an engine is found. */
export interface EngineSource extends CommonEngine {
  /** @throws StratosError of kind engine; option: there is no such place */
  acquire(isolation?: Isolation): AcquiredEngine;
  /** One is made ready for a sandbox as this one, should there be another. Absent: the host makes none ready. */
  makeReady?(isolation: Isolation | undefined, expected: ExpectedSandbox): void;
  /** Listens on a port of the computer's loopback. Absent: the host has none. */
  listen?(onConnection: (connection: StreamPair) => void): Promise<Listening>;
  /** The user's named systems. Absent: the host has none. */
  readonly systems?: SystemsSource;
}

export interface AcquiredEngine {
  readonly engine: EngineClient;
  /** It is let go. */
  release(): void;
  /** It has waited for this, and may have ended unnoticed: then another, which begins now. */
  another?(): AcquiredEngine;
}

export interface Listening {
  readonly port: number;
  close(): void;
}
