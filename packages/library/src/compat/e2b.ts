/**
 * `stratos/compat/e2b`: the calls of `e2b` and of `runCode` of `@e2b/code-interpreter`, answered by sandboxes of this
 * computer. What has no meaning here (templates' builds, uploads by URL, metadata filters) is not there; keys and
 * domains of that service are not looked at.
 */
import {
  type FileKind,
  LimitError,
  type Program,
  Sandbox as Box,
  type SandboxOptions as BoxOptions,
  StratosError,
} from "@stratos/sdk/public";
import { decodedText } from "./decoded-text.ts";
import { internet } from "./internet.ts";
import { type Execution, INTERPRETER, PythonRunner } from "./python-runner.ts";
import { writeFile } from "./write-file.ts";

export type { Execution };

const TIMEOUT_MS = 300_000;
const COMMAND_TIMEOUT_MS = 60_000;
const HOME = "/root";

export interface SandboxOpts {
  /** Milliseconds until the sandbox ends; default: 5 minutes. */
  readonly timeoutMs?: number;
  readonly envs?: Readonly<Record<string, string>>;
  /** Default: the internet, without private networks; of a named one none. */
  readonly allowInternetAccess?: boolean;
  /** What that library has no word for: image (else the template's name), mounts, memory. */
  readonly stratos?: Pick<BoxOptions, "image" | "name" | "pull" | "home" | "memoryBytes" | "mounts" | "onProgress">;
}

export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly error?: string;
}

export class SandboxError extends Error {
  override name = "SandboxError";
}

/** A limit of time was reached. */
export class TimeoutError extends SandboxError {
  override name = "TimeoutError";
}

export class NotFoundError extends SandboxError {
  override name = "NotFoundError";
}

/** A command's status is above 0. */
export class CommandExitError extends SandboxError implements CommandResult {
  override name = "CommandExitError";
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly error: string;

  constructor({ exitCode, stdout, stderr, error = `exit status ${exitCode}` }: CommandResult) {
    super(error);
    this.exitCode = exitCode;
    this.stdout = stdout;
    this.stderr = stderr;
    this.error = error;
  }
}

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

/** A command that runs. */
export class CommandHandle {
  readonly pid: number;
  readonly #program: Program;
  readonly #result: Promise<CommandResult & { readonly isTimeout: boolean }>;
  readonly #text = { stdout: "", stderr: "" };
  exitCode: number | undefined;

  /** @internal */
  constructor(program: Program, { onStdout, onStderr }: CommandStartOpts) {
    this.pid = program.pid;
    this.#program = program;
    const read = async (
      stream: "stdout" | "stderr",
      listener: ((data: string) => void | Promise<void>) | undefined,
    ): Promise<void> => {
      for await (const data of decodedText(program[stream])) {
        this.#text[stream] += data;
        await listener?.(data);
      }
    };
    this.#result = Promise.all([program.wait(), read("stdout", onStdout), read("stderr", onStderr)]).then(([end]) => {
      this.exitCode = end.exitCode;
      const { exitCode, signal, timedOut } = end;
      const error = signal === null ? {} : { error: `ended by ${signal}` };
      return { exitCode, ...this.#text, ...error, isTimeout: timedOut };
    });
    this.#result.catch(() => {});
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
}

/** `sandbox.commands`. */
export class Commands {
  readonly #box: Box;
  readonly #envs: Readonly<Record<string, string>>;
  readonly #handles = new Map<number, CommandHandle>();

  /** @internal */
  constructor(box: Box, envs: Readonly<Record<string, string>>) {
    this.#box = box;
    this.#envs = envs;
  }

  run(cmd: string, opts: CommandStartOpts & { readonly background: true }): Promise<CommandHandle>;
  run(cmd: string, opts?: CommandStartOpts): Promise<CommandResult>;
  async run(cmd: string, opts: CommandStartOpts = {}): Promise<CommandHandle | CommandResult> {
    const { cwd = HOME, user, envs, timeoutMs = COMMAND_TIMEOUT_MS, background = false, stdin = false } = opts;
    const program = await translated(() =>
      this.#box.spawn(["/bin/bash", "-l", "-c", cmd], {
        ...{ cwd, env: { ...this.#envs, ...envs } },
        ...(user === undefined ? {} : { user }),
        ...(timeoutMs === 0 ? {} : { timeoutMs }),
        ...(stdin ? {} : { stdin: "" }),
      }),
    );
    const handle = new CommandHandle(program, opts);
    this.#handles.set(program.pid, handle);
    const forget = (): void => void this.#handles.delete(program.pid);
    program.wait().then(forget, forget);
    return background ? handle : handle.wait();
  }

  /** One of `run` that runs. */
  async connect(pid: number): Promise<CommandHandle> {
    const handle = this.#handles.get(pid);
    if (handle === undefined) throw new NotFoundError(`process ${pid} was not found`);
    return handle;
  }

  async list(): Promise<{ readonly pid: number; readonly cmd: string; readonly args: readonly string[] }[]> {
    const processes = await translated(() => this.#box.processes());
    return processes
      .filter(({ command }) => command.length > 0)
      .map(({ pid, command }) => ({ pid, cmd: command[0]!, args: command.slice(1) }));
  }

  /** @returns whether it ran until now */
  async kill(pid: number): Promise<boolean> {
    return (await this.#handles.get(pid)?.kill()) ?? false;
  }

  async sendStdin(pid: number, data: string | Uint8Array): Promise<void> {
    await (await this.connect(pid)).sendStdin(data);
  }
}

export interface EntryInfo {
  readonly name: string;
  readonly path: string;
  readonly type: "file" | "dir" | undefined;
}

/** `sandbox.files`. Relative paths begin in `/root`. */
export class Filesystem {
  readonly #box: Box;

  /** @internal */
  constructor(box: Box) {
    this.#box = box;
  }

  read(path: string, opts?: { readonly format?: "text" }): Promise<string>;
  read(path: string, opts: { readonly format: "bytes" }): Promise<Uint8Array>;
  read(path: string, { format = "text" }: { readonly format?: "text" | "bytes" } = {}): Promise<string | Uint8Array> {
    const { fs } = this.#box;
    return translated<string | Uint8Array>(() =>
      format === "bytes" ? fs.read(absolute(path)) : fs.readText(absolute(path)),
    );
  }

  /** Folders on the way are made. */
  write(path: string, data: string | Uint8Array | ArrayBuffer): Promise<EntryInfo>;
  write(
    files: readonly { readonly path: string; readonly data: string | Uint8Array | ArrayBuffer }[],
  ): Promise<EntryInfo[]>;
  async write(
    place: string | readonly { readonly path: string; readonly data: string | Uint8Array | ArrayBuffer }[],
    content: string | Uint8Array | ArrayBuffer = "",
  ): Promise<EntryInfo | EntryInfo[]> {
    if (typeof place !== "string") {
      const written: EntryInfo[] = [];
      for (const { path, data } of place) written.push(await this.write(path, data));
      return written;
    }
    const path = absolute(place);
    const bytes = content instanceof ArrayBuffer ? new Uint8Array(content) : content;
    await translated(() => writeFile(this.#box.fs, path, bytes));
    return entryOf(path, "file");
  }

  async list(path: string): Promise<EntryInfo[]> {
    const folder = absolute(path);
    const entries = await translated(() => this.#box.fs.list(folder));
    return entries.map(({ name, kind }) => entryOf(`${folder === "/" ? "" : folder}/${name}`, kind));
  }

  /** @returns false: it was there */
  async makeDir(path: string): Promise<boolean> {
    if (await this.exists(path)) return false;
    await translated(() => this.#box.fs.mkdir(absolute(path), { parents: true }));
    return true;
  }

  async exists(path: string): Promise<boolean> {
    try {
      await translated(() => this.#box.fs.stat(absolute(path)));
      return true;
    } catch (error) {
      if (error instanceof NotFoundError) return false;
      throw error;
    }
  }

  async getInfo(path: string): Promise<EntryInfo & { readonly size: number; readonly mode: number }> {
    const place = absolute(path);
    const { kind, sizeBytes, mode } = await translated(() => this.#box.fs.stat(place));
    return { ...entryOf(place, kind), size: sizeBytes, mode };
  }

  async rename(oldPath: string, newPath: string): Promise<EntryInfo> {
    await translated(() => this.#box.fs.rename(absolute(oldPath), absolute(newPath)));
    const { name, path, type } = await this.getInfo(newPath);
    return { name, path, type };
  }

  async remove(path: string): Promise<void> {
    await translated(() => this.#box.fs.rm(absolute(path), { recursive: true }));
  }
}

function absolute(path: string): string {
  return path.startsWith("/") ? path : `${HOME}/${path.replace(/^\.\//, "")}`;
}

function entryOf(path: string, kind: FileKind): EntryInfo {
  const type = kind === "folder" ? "dir" : kind === "file" ? "file" : undefined;
  return { name: path.slice(path.lastIndexOf("/") + 1), path, type };
}

/** A computer of its own, on this one. */
export class Sandbox {
  readonly commands: Commands;
  readonly files: Filesystem;
  readonly #box: Box;
  readonly #hosts = new Map<number, string>();
  readonly #python: PythonRunner;
  #isRunning = true;

  private constructor(box: Box, envs: Readonly<Record<string, string>>) {
    this.#box = box;
    this.commands = new Commands(box, envs);
    this.files = new Filesystem(box);
    this.#python = new PythonRunner(
      () => translated(() => box.spawn(["python3", "-u", "-c", INTERPRETER], { cwd: HOME, env: envs })),
      {
        timeOver: () => new TimeoutError("the code has reached its `timeoutMs`"),
        ended: () => new SandboxError("the interpreter has ended"),
      },
    );
  }

  /** @param template  the name of an image */
  static create(opts?: SandboxOpts): Promise<Sandbox>;
  static create(template: string, opts?: SandboxOpts): Promise<Sandbox>;
  static async create(first: string | SandboxOpts = {}, second: SandboxOpts = {}): Promise<Sandbox> {
    const opts = typeof first === "string" ? second : first;
    const { timeoutMs = TIMEOUT_MS, envs = {}, allowInternetAccess, stratos = {} } = opts;
    const image = stratos.image ?? (typeof first === "string" ? first : undefined);
    const box = await translated(() =>
      Box.create({
        ...{ ...stratos, ...internet(allowInternetAccess, stratos.name !== undefined) },
        ...(image === undefined ? {} : { image }),
        // A named one is there until it is killed.
        ...(stratos.name === undefined ? { timeoutMs, onTimeout: "stop" as const } : {}),
      }),
    );
    return new Sandbox(box, envs);
  }

  /** A named one that runs, or is paused. */
  static async connect(sandboxId: string, { envs = {}, stratos = {} }: SandboxOpts = {}): Promise<Sandbox> {
    const { home } = stratos;
    return new Sandbox(await translated(() => Box.resume(sandboxId, home === undefined ? {} : { home })), envs);
  }

  /** Without a name: one that means nothing to others. */
  get sandboxId(): string {
    return this.#box.name ?? "";
  }

  async isRunning(): Promise<boolean> {
    if (!this.#isRunning) return false;
    return this.#box.stats().then(
      () => true,
      () => false,
    );
  }

  /** It ends after so long, from now on. */
  async setTimeout(timeoutMs: number): Promise<void> {
    await translated(() => this.#box.setTimeout(timeoutMs));
  }

  /** Of this computer, without a scheme; `openPort` has to be waited for first. @throws SandboxError: it was not */
  getHost(port: number): string {
    const host = this.#hosts.get(port);
    if (host === undefined) throw new SandboxError(`port ${port}: \`await sandbox.openPort(${port})\` opens it`);
    return host;
  }

  /** That library needs no such call, because its service has a name for each port. */
  async openPort(port: number): Promise<string> {
    const { host } = new URL(await translated(() => this.#box.url(port)));
    this.#hosts.set(port, host);
    return host;
  }

  /**
   * Runs Python; what one call defines the next one finds. Calls wait for those before them.
   *
   * @param options  `timeoutMs`: from when its turn has come; default: a minute
   * @throws TimeoutError; then what was defined is gone
   */
  async runCode(
    code: string,
    {
      timeoutMs = COMMAND_TIMEOUT_MS,
      language = "python",
    }: { readonly timeoutMs?: number; readonly language?: string } = {},
  ): Promise<Execution> {
    if (language !== "python") throw new SandboxError(`language: ${language} is not there; python is`);
    return this.#python.run(code, timeoutMs);
  }

  /** Nothing runs until `connect`. */
  async pause(): Promise<void> {
    await translated(() => this.#box.pause());
  }

  async kill(): Promise<boolean> {
    if (!this.#isRunning) return false;
    this.#isRunning = false;
    await translated(() => this.#box.stop());
    return true;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill().then(() => {});
  }
}

/** Failures have the other library's classes. */
async function translated<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof LimitError) throw new TimeoutError(error.message, { cause: error });
    if (!(error instanceof StratosError)) throw error;
    const code = (error.data as { readonly code?: string }).code;
    const isMissing = error.kind === "no-image" || error.kind === "no-system" || code === "ENOENT";
    throw new (isMissing ? NotFoundError : SandboxError)(error.message, { cause: error });
  }
}
