/** `sandbox.commands` and `sandbox.pty` of `e2b`: commands that run, and shells in terminals. */
import type { Program, Sandbox as Box } from "@stratos/sdk/public";
import { decodedText } from "./decoded-text.ts";
import { CommandExitError, type CommandResult, NotFoundError, TimeoutError, translated } from "./e2b-errors.ts";

/** Of commands, unless they say otherwise. */
export const COMMAND_TIMEOUT_MS = 60_000;
/** Where commands start, and relative paths begin. */
export const HOME = "/root";
const TERMINAL = { TERM: "xterm-256color", LANG: "C.UTF-8" };

export interface CommandStartOpts {
  readonly background?: boolean;
  readonly cwd?: string;
  readonly user?: string;
  readonly envs?: Readonly<Record<string, string>>;
  readonly onStdout?: (data: string) => void | Promise<void>;
  readonly onStderr?: (data: string) => void | Promise<void>;
  /** The command reads what `sendStdin` sends; else nothing. */
  readonly stdin?: boolean;
  /** Milliseconds; default: a minute. 0: no limit. */
  readonly timeoutMs?: number;
}

/** A command that runs, or a shell in a terminal. */
export class CommandHandle {
  readonly pid: number;
  readonly #program: Program;
  readonly #result: Promise<CommandResult & { readonly isTimeout: boolean }>;
  readonly #text = { stdout: "", stderr: "" };
  /** Who hears what the terminal shows. */
  readonly #viewers = new Set<(data: Uint8Array) => void | Promise<void>>();
  #listeners: Pick<CommandStartOpts, "onStdout" | "onStderr">;
  exitCode: number | undefined;

  /** @internal */
  constructor(program: Program, listeners: Pick<CommandStartOpts, "onStdout" | "onStderr"> & { onPty?: Viewer }) {
    this.pid = program.pid;
    this.#program = program;
    this.#listeners = listeners;
    if (listeners.onPty !== undefined) this.#viewers.add(listeners.onPty);
    const outputs =
      listeners.onPty === undefined ? [this.#read("stdout"), this.#read("stderr")] : [this.#show(program.stdout)];
    this.#result = Promise.all([program.wait(), ...outputs]).then(([end]) => {
      this.exitCode = end.exitCode;
      const { exitCode, signal, timedOut } = end;
      const error = signal === null ? {} : { error: `ended by ${signal}` };
      return { exitCode, ...this.#text, ...error, isTimeout: timedOut };
    });
    this.#result.catch(() => {});
  }

  async #read(stream: "stdout" | "stderr"): Promise<void> {
    for await (const data of decodedText(this.#program[stream])) {
      this.#text[stream] += data;
      const { onStdout, onStderr } = this.#listeners;
      await (stream === "stdout" ? onStdout : onStderr)?.(data);
    }
  }

  async #show(stream: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const data of stream) for (const view of this.#viewers) await view(data);
  }

  get stdout(): string {
    return this.#text.stdout;
  }

  get stderr(): string {
    return this.#text.stderr;
  }

  /** @throws CommandExitError for a status above 0; TimeoutError */
  async wait(): Promise<CommandResult> {
    // A busy engine may tell of the time-out as a failure.
    const { isTimeout, ...result } = await translated(() => this.#result);
    if (isTimeout) throw new TimeoutError("the command has reached its `timeoutMs`");
    if (result.exitCode !== 0) throw new CommandExitError(result);
    return result;
  }

  /** @returns whether it ran until now */
  async kill(): Promise<boolean> {
    if (this.exitCode !== undefined) return false;
    await this.#program.kill("SIGKILL");
    return true;
  }

  async sendStdin(data: string | Uint8Array): Promise<void> {
    await this.#program.stdin.write(data);
  }

  async closeStdin(): Promise<void> {
    this.#program.stdin.end();
  }

  /** Nobody here hears of what it writes from now on; it goes on. */
  async disconnect(): Promise<void> {
    this.#viewers.clear();
    this.#listeners = {};
  }

  /** @internal */
  view(onData: Viewer): void {
    this.#viewers.add(onData);
  }

  /** @internal */
  resize(size: PtySize): void {
    this.#program.resize({ columns: size.cols, rows: size.rows });
  }
}

/** Those that run, by number. */
class Handles {
  readonly #handles = new Map<number, CommandHandle>();

  add(handle: CommandHandle, ended: Promise<unknown>): CommandHandle {
    this.#handles.set(handle.pid, handle);
    const forget = (): void => void this.#handles.delete(handle.pid);
    ended.then(forget, forget);
    return handle;
  }

  /** @throws NotFoundError */
  find(pid: number): CommandHandle {
    const handle = this.#handles.get(pid);
    if (handle === undefined) throw new NotFoundError(`process ${pid} was not found`);
    return handle;
  }

  async kill(pid: number): Promise<boolean> {
    return (await this.#handles.get(pid)?.kill()) ?? false;
  }
}

function spawnShell(
  box: Box,
  args: readonly string[],
  { cwd = HOME, user, timeoutMs = COMMAND_TIMEOUT_MS }: Pick<CommandStartOpts, "cwd" | "user" | "timeoutMs">,
  more: Parameters<Box["spawn"]>[1],
): ReturnType<Box["spawn"]> {
  return translated(() =>
    box.spawn(["/bin/bash", ...args], {
      ...more,
      cwd,
      ...(user === undefined ? {} : { user }),
      ...(timeoutMs === 0 ? {} : { timeoutMs }),
    }),
  );
}

/** `sandbox.commands`. */
export class Commands {
  readonly #box: Box;
  readonly #envs: Readonly<Record<string, string>>;
  readonly #handles = new Handles();

  /** @internal */
  constructor(box: Box, envs: Readonly<Record<string, string>>) {
    this.#box = box;
    this.#envs = envs;
  }

  run(cmd: string, opts: CommandStartOpts & { readonly background: true }): Promise<CommandHandle>;
  run(cmd: string, opts?: CommandStartOpts): Promise<CommandResult>;
  async run(cmd: string, opts: CommandStartOpts = {}): Promise<CommandHandle | CommandResult> {
    const { background = false, stdin = false } = opts;
    const program = await spawnShell(this.#box, ["-l", "-c", cmd], opts, {
      env: { ...this.#envs, ...opts.envs },
      ...(stdin ? {} : { stdin: "" }),
    });
    const handle = this.#handles.add(new CommandHandle(program, opts), program.wait());
    return background ? handle : handle.wait();
  }

  /** One of `run` that runs. */
  async connect(pid: number): Promise<CommandHandle> {
    return this.#handles.find(pid);
  }

  async list(): Promise<{ readonly pid: number; readonly cmd: string; readonly args: readonly string[] }[]> {
    const processes = await translated(() => this.#box.processes());
    return processes
      .filter(({ command }) => command.length > 0)
      .map(({ pid, command }) => ({ pid, cmd: command[0]!, args: command.slice(1) }));
  }

  /** @returns whether it ran until now */
  async kill(pid: number): Promise<boolean> {
    return this.#handles.kill(pid);
  }

  async sendStdin(pid: number, data: string | Uint8Array): Promise<void> {
    await (await this.connect(pid)).sendStdin(data);
  }
}

type Viewer = (data: Uint8Array) => void | Promise<void>;

interface PtySize {
  readonly cols: number;
  readonly rows: number;
}

export interface PtyCreateOpts extends PtySize {
  readonly onData: Viewer;
  readonly cwd?: string;
  readonly user?: string;
  readonly envs?: Readonly<Record<string, string>>;
  /** Milliseconds; default: a minute. 0: no limit. */
  readonly timeoutMs?: number;
}

/** `sandbox.pty`: login shells, each in a terminal. */
export class Pty {
  readonly #box: Box;
  readonly #envs: Readonly<Record<string, string>>;
  readonly #handles = new Handles();

  /** @internal */
  constructor(box: Box, envs: Readonly<Record<string, string>>) {
    this.#box = box;
    this.#envs = envs;
  }

  async create(opts: PtyCreateOpts): Promise<CommandHandle> {
    const program = await spawnShell(this.#box, ["-i", "-l"], opts, {
      env: { ...TERMINAL, ...this.#envs, ...opts.envs },
      tty: { columns: opts.cols, rows: opts.rows },
    });
    return this.#handles.add(new CommandHandle(program, { onPty: opts.onData }), program.wait());
  }

  /** One of `create` that runs: what it shows from now on is told here, too. */
  async connect(pid: number, { onData }: Pick<PtyCreateOpts, "onData">): Promise<CommandHandle> {
    const handle = this.#handles.find(pid);
    handle.view(onData);
    return handle;
  }

  async sendInput(pid: number, data: Uint8Array): Promise<void> {
    await this.#handles.find(pid).sendStdin(data);
  }

  async resize(pid: number, size: PtySize): Promise<void> {
    this.#handles.find(pid).resize(size);
  }

  /** @returns whether it ran until now */
  kill(pid: number): Promise<boolean> {
    return this.#handles.kill(pid);
  }
}
