/**
 * `stratos/compat/vercel`: the calls of `@vercel/sandbox`, answered by sandboxes of this computer. What a program of
 * that library names and this one has no meaning for (credentials, regions, `source`, drives) is refused by name, but
 * for tokens and projects, which are not looked at.
 */
import { SIGNAL_NAMES } from "@stratos/abi";
import {
  type Program,
  Sandbox as Box,
  type SandboxOptions as BoxOptions,
  StratosError,
  type SystemState,
} from "@stratos/sdk/public";
import { decodedText } from "./decoded-text.ts";
import { internet, policyOf, type VercelPolicy } from "./internet.ts";
import { writeFile } from "./write-file.ts";

/** Where commands run and relative paths begin. */
const WORK_FOLDER = "/vercel/sandbox";
const TIMEOUT_MS = 300_000;
/** That `getCommand` knows. */
const COMMANDS_MAX = 1000;

type Signal = string | number;

interface WithSignal {
  readonly signal?: AbortSignal;
}

export interface CreateParams extends WithSignal {
  /** Makes a named system, which `Sandbox.get` finds again; without one the sandbox ends with this program. */
  readonly name?: string;
  /** Milliseconds; default: 5 minutes. Not of a named one, which is there until it is stopped. */
  readonly timeout?: number;
  readonly ports?: readonly number[];
  /** Looked at: `vcpus`. */
  readonly resources?: { readonly vcpus?: number };
  readonly env?: Readonly<Record<string, string>>;
  /**
   * `python3.13`, or `node` and a number: the image must have that, or is refused. Default: whatever it has.
   */
  readonly runtime?: string;
  /** The name of an image here; also in `stratos`. */
  readonly image?: string;
  /**
   * Default: the internet, without private networks; of a named one none, and for it an object is refused. Names,
   * subnets; what would change requests is refused.
   */
  readonly networkPolicy?: VercelPolicy;
  /** What that library has no word for: image, mounts, memory. */
  readonly stratos?: Pick<BoxOptions, "image" | "pull" | "home" | "memoryBytes" | "mounts" | "onProgress">;
}

export interface RunCommandParams extends WithSignal {
  readonly cmd: string;
  readonly args?: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** The user is root already. */
  readonly sudo?: boolean;
  /** Does not wait for its end. */
  readonly detached?: boolean;
  readonly stdout?: { write(text: string): unknown };
  readonly stderr?: { write(text: string): unknown };
  readonly timeoutMs?: number;
}

interface LogLine {
  readonly stream: "stdout" | "stderr";
  readonly data: string;
}

/** The language, and its version. */
const RUNTIME = /^(node|python)(\d+(?:\.\d+)?)$/;
/** Those of this program that have no name, by the one that they got here. */
const unnamed = new Map<string, Sandbox>();

const REFUSED = ["source", "drives", "mounts", "region", "persistent"] as const;

/** A computer of its own, on this one. */
export class Sandbox {
  readonly #box: Box;
  readonly #params: CreateParams;
  readonly #domains = new Map<number, string>();
  readonly #commands = new Map<string, Command>();
  /** Of a named one its own. */
  readonly sandboxId: string;
  /** When it ends, as Date.now() has it. */
  #endMs: number;
  #status: "running" | "stopped" = "running";

  private constructor(box: Box, params: CreateParams) {
    this.#box = box;
    this.#params = params;
    this.#endMs = Date.now() + this.timeout;
    this.sandboxId = box.name ?? globalThis.crypto.randomUUID();
    if (box.name === null) unnamed.set(this.sandboxId, this);
  }

  static async create(params: CreateParams = {}): Promise<Sandbox> {
    for (const option of REFUSED)
      if ((params as Readonly<Record<string, unknown>>)[option] !== undefined)
        throw refused(option, "Stratos has no such thing here");
    const { name, timeout = TIMEOUT_MS, resources, networkPolicy, signal, runtime, image, stratos = {} } = params;
    if (runtime !== undefined && !RUNTIME.test(runtime))
      throw refused("runtime", `${runtime} is none: python3.13, node24 and the like are`);
    const net = networkPolicy === undefined ? undefined : netOf(networkPolicy, name);
    const life = name === undefined ? { timeoutMs: timeout, onTimeout: "stop" as const } : { name };
    const harts = resources?.vcpus;
    const box = await Box.create({
      ...(image === undefined ? {} : { image }),
      ...{ ...stratos, ...life, ...(net ?? internet(undefined, name !== undefined)) },
      ...(harts === undefined ? {} : { harts }),
      ...(signal === undefined ? {} : { signal }),
    });
    return Sandbox.#begun(box, params, async () => {
      await box.stop({ signal: "SIGKILL" });
      // Without force: who has taken the name since keeps it.
      if (name !== undefined) await Box.remove(name, stratos.home === undefined ? {} : { home: stratos.home });
    });
  }

  /** @param giveUp  when it cannot be made ready */
  static async #begun(box: Box, params: CreateParams, giveUp: () => Promise<void>): Promise<Sandbox> {
    try {
      if (params.runtime !== undefined) await checkRuntime(box, params.runtime);
      await box.fs.mkdir(WORK_FOLDER, { parents: true });
      const sandbox = new Sandbox(box, params);
      for (const port of params.ports ?? []) sandbox.#domains.set(port, (await box.url(port)).replace(/\/$/, ""));
      return sandbox;
    } catch (error) {
      // What is wrong was wrong before that.
      await giveUp().catch(() => {});
      throw error;
    }
  }

  /** A named one that runs, or is paused; or one of this program. */
  static async get({
    name,
    sandboxId = name,
    ...params
  }: CreateParams & { readonly sandboxId?: string }): Promise<Sandbox> {
    if (sandboxId === undefined) throw new StratosError("option", "name: is missing", { option: "name" });
    const own = unnamed.get(sandboxId);
    if (own !== undefined) return own;
    const { stratos: { home } = {} } = params;
    const box = await Box.resume(sandboxId, home === undefined ? {} : { home });
    return Sandbox.#begun(box, { ...params, name: sandboxId }, () => box.close());
  }

  static async list({ stratos = {} }: Pick<CreateParams, "stratos"> = {}): Promise<{
    readonly sandboxes: readonly { readonly name: string; readonly status: string; readonly createdAt: number }[];
  }> {
    const systems = await Box.list(stratos.home === undefined ? {} : { home: stratos.home });
    return {
      sandboxes: systems.map(({ name, state, createdMs }) => ({ name, status: STATUSES[state], createdAt: createdMs })),
    };
  }

  /** Without a name: one that only this program knows. */
  get name(): string {
    return this.sandboxId;
  }

  get status(): "running" | "stopped" {
    return this.#status;
  }

  get timeout(): number {
    return this.#params.timeout ?? TIMEOUT_MS;
  }

  runCommand(cmd: string, args?: readonly string[], options?: WithSignal): Promise<CommandFinished>;
  runCommand(params: RunCommandParams & { readonly detached: true }): Promise<Command>;
  runCommand(params: RunCommandParams): Promise<CommandFinished>;
  async runCommand(
    command: string | RunCommandParams,
    args: readonly string[] = [],
    options: WithSignal = {},
  ): Promise<Command | CommandFinished> {
    const params: RunCommandParams = typeof command === "string" ? { cmd: command, args, ...options } : command;
    const { signal, timeoutMs } = params;
    const program = await this.#box.spawn([params.cmd, ...(params.args ?? [])], {
      cwd: absolute(params.cwd ?? "."),
      env: { ...this.#params.env, ...params.env },
      stdin: "",
      ...(signal === undefined ? {} : { signal }),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    });
    const running = new Command(program, params);
    this.#commands.set(running.cmdId, running);
    if (this.#commands.size > COMMANDS_MAX) this.#commands.delete(this.#commands.keys().next().value!);
    return params.detached === true ? running : running.wait();
  }

  /** One of `runCommand` of this program, by its `cmdId`; of many the last ones. */
  async getCommand(cmdId: string): Promise<Command> {
    const command = this.#commands.get(cmdId);
    if (command === undefined) throw refused("cmdId", `${cmdId}: there is no such command`);
    return command;
  }

  /** From here on; open connections that it denies end. @throws StratosError of kind option */
  async updateNetworkPolicy(networkPolicy: VercelPolicy): Promise<VercelPolicy> {
    await this.#box.net.update(netOf(networkPolicy, undefined).net!.policy!);
    return networkPolicy;
  }

  /** Paths are relative to the folder where commands run, and folders on the way are made. */
  async writeFiles(
    files: readonly {
      readonly path: string;
      readonly content: string | Uint8Array;
      readonly mode?: number;
    }[],
  ): Promise<void> {
    for (const { path, content, mode } of files)
      await writeFile(this.#box.fs, absolute(path), content, mode === undefined ? {} : { mode });
  }

  /** Its bytes as a stream; null: there is no such file. */
  async readFile(file: { readonly path: string; readonly cwd?: string }): Promise<AsyncIterable<Uint8Array> | null> {
    const bytes = await this.readFileToBuffer(file);
    if (bytes === null) return null;
    return (async function* () {
      yield bytes;
    })();
  }

  /** Null: there is no such file. */
  async readFileToBuffer({
    path,
    cwd = ".",
  }: {
    readonly path: string;
    readonly cwd?: string;
  }): Promise<Uint8Array | null> {
    try {
      return await this.#box.fs.read(absolute(path, absolute(cwd)));
    } catch (error) {
      if (error instanceof StratosError && error.kind === "file" && (error.data as { code: string }).code === "ENOENT")
        return null;
      throw error;
    }
  }

  async mkDir(path: string): Promise<void> {
    await this.#box.fs.mkdir(absolute(path));
  }

  /** A URL of this computer that leads to one of `ports`. @throws StratosError of kind option for another */
  domain(port: number): string {
    const url = this.#domains.get(port);
    if (url === undefined) throw new StratosError("option", `ports: has no ${port}`, { option: "ports" });
    return url;
  }

  /** It ends so much later than it would have. */
  async extendTimeout(durationMs: number): Promise<void> {
    await this.#box.setTimeout(Math.max(this.#endMs + durationMs - Date.now(), 1));
    this.#endMs += durationMs;
  }

  /** Ends it. What was kept of a named one stays, until `delete`. */
  async stop(): Promise<void> {
    if (this.#status === "stopped") return;
    this.#status = "stopped";
    unnamed.delete(this.sandboxId);
    await this.#box.stop();
  }

  async delete(): Promise<void> {
    await this.stop();
    const { home } = this.#params.stratos ?? {};
    if (this.#box.name !== null) await Box.remove(this.#box.name, home === undefined ? {} : { home });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

/** @throws StratosError of kind option */
function netOf(given: VercelPolicy, name: string | undefined): Pick<BoxOptions, "net" | "network"> {
  const policy = policyOf(given);
  if (policy === null)
    throw refused("networkPolicy", '"allow-all", "deny-all" or { allow: [NAME], subnets } is expected');
  if (name === undefined) return { net: { policy } };
  if (typeof given === "object") throw refused("networkPolicy", 'of a named one "allow-all" or "deny-all" is expected');
  return internet(given === "allow-all", true);
}

function refused(option: string, why: string): StratosError {
  return new StratosError("option", `${option}: ${why}`, { option });
}

/** Runs what the runtime's programs are run by. @throws StratosError of kind option: it is another, or none */
async function checkRuntime(box: Box, runtime: string): Promise<void> {
  const [, language, version] = RUNTIME.exec(runtime)!;
  const found = await box.run(`${language === "node" ? "node" : "python3"} --version`, { stdin: "" });
  // `v24.1.0`, `Python 3.13.5`
  const numbers = /(\d+)\.(\d+)/.exec(found.stdout);
  const has = numbers === null ? "none" : language === "node" ? numbers[1]! : numbers[0];
  if (has === version) return;
  throw refused("runtime", `the image has no ${runtime} (${language}: ${has}); \`stratos.image\` names another`);
}

const STATUSES: Readonly<Record<SystemState, string>> = {
  starting: "pending",
  running: "running",
  paused: "stopped",
  exited: "stopped",
  lost: "failed",
};

function absolute(path: string, from = WORK_FOLDER): string {
  return path.startsWith("/") ? path : path === "." ? from : `${from}/${path.replace(/^\.\//, "")}`;
}

/** A command that runs, or has run. */
export class Command {
  readonly cmdId: string;
  readonly startedAt: number = Date.now();
  exitCode: number | null = null;
  readonly #program: Program;
  readonly #lines: LogLine[] = [];
  readonly #ended: Promise<number>;
  #wake: () => void = () => {};
  #next = new Promise<void>((resolve) => (this.#wake = resolve));
  #isOver = false;

  /** @internal */
  constructor(program: Program, { stdout, stderr }: RunCommandParams) {
    this.cmdId = String(program.pid);
    this.#program = program;
    const read = async (
      stream: LogLine["stream"],
      sink: { write(text: string): unknown } | undefined,
    ): Promise<void> => {
      for await (const data of decodedText(program[stream])) {
        this.#lines.push({ stream, data });
        sink?.write(data);
        this.#tell();
      }
    };
    this.#ended = Promise.all([program.wait(), read("stdout", stdout), read("stderr", stderr)])
      .then(([{ exitCode }]) => (this.exitCode = exitCode))
      .finally(() => {
        this.#isOver = true;
        this.#tell();
      });
    this.#ended.catch(() => {});
  }

  #tell(): void {
    this.#wake();
    this.#next = new Promise((resolve) => (this.#wake = resolve));
  }

  /** What it writes, from its start to its end. */
  async *logs(): AsyncGenerator<LogLine, void> {
    for (let at = 0; ;) {
      while (at < this.#lines.length) yield this.#lines[at++]!;
      if (this.#isOver) return;
      await this.#next;
    }
  }

  async wait(): Promise<CommandFinished> {
    await this.#ended;
    return this as CommandFinished;
  }

  async output(stream: "stdout" | "stderr" | "both" = "both"): Promise<string> {
    await this.#ended;
    return this.#lines
      .filter((line) => stream === "both" || line.stream === stream)
      .map(({ data }) => data)
      .join("");
  }

  stdout(): Promise<string> {
    return this.output("stdout");
  }

  stderr(): Promise<string> {
    return this.output("stderr");
  }

  async kill(signal: Signal = "SIGTERM"): Promise<void> {
    await this.#program.kill(typeof signal === "number" ? `SIG${SIGNAL_NAMES[signal] ?? signal}` : signal);
  }
}

export type CommandFinished = Command & { readonly exitCode: number };
