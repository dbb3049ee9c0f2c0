/**
 * `stratos/compat/e2b`: the calls of `e2b` and of `runCode` of `@e2b/code-interpreter`, answered by sandboxes of this
 * computer. What has no meaning here (templates' builds, uploads by URL) is not there; keys and
 * domains of that service are not looked at.
 */
import { Sandbox as Box, type SandboxOptions as BoxOptions, type SystemView } from "@stratos/sdk/public";
import { COMMAND_TIMEOUT_MS, Commands, HOME, Pty } from "./e2b-commands.ts";
import { NotFoundError, SandboxError, TimeoutError, translated } from "./e2b-errors.ts";
import { Filesystem } from "./e2b-files.ts";
import { internet } from "./internet.ts";
import { type Execution, INTERPRETER, PythonRunner } from "./python-runner.ts";

export type { Execution };
export { CommandHandle, Commands, type CommandStartOpts, Pty, type PtyCreateOpts } from "./e2b-commands.ts";
export { CommandExitError, type CommandResult, NotFoundError, SandboxError, TimeoutError } from "./e2b-errors.ts";
export {
  type EntryInfo,
  Filesystem,
  type FilesystemEvent,
  FilesystemEventType,
  WatchHandle,
  type WatchOpts,
} from "./e2b-files.ts";

const TIMEOUT_MS = 300_000;
const LIST_LIMIT = 100;
/** As Date has it. */
const LAST_MS = 8.64e15;

export interface SandboxOpts {
  /** Milliseconds until the sandbox ends; default: 5 minutes. */
  readonly timeoutMs?: number;
  readonly envs?: Readonly<Record<string, string>>;
  /** Told by `getInfo` and `list`, which may ask for it. Not of a named one, which outlives this program. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Default: the internet, without private networks; of a named one none. */
  readonly allowInternetAccess?: boolean;
  /** What that library has no word for: image (else the template's name), mounts, memory. */
  readonly stratos?: Pick<
    BoxOptions,
    "image" | "name" | "pull" | "home" | "memoryBytes" | "harts" | "mounts" | "onProgress"
  >;
}

/** What `list` and `getInfo` tell. */
export interface SandboxInfo {
  readonly sandboxId: string;
  /** The image. */
  readonly templateId: string;
  readonly name?: string;
  /** Of a named one nothing is kept there. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly startedAt: Date;
  /** Of a named one, which is there until it is killed: the last date that there is. */
  readonly endAt: Date;
  readonly state: SandboxState;
  readonly cpuCount: number;
  readonly memoryMB: number;
  readonly envdVersion: string;
}

export type SandboxState = "running" | "paused";

/** How much a sandbox uses: bytes, and processor time since it was asked last (before: since its start). */
export interface SandboxMetrics {
  readonly timestamp: Date;
  readonly cpuUsedPct: number;
  readonly cpuCount: number;
  readonly memUsed: number;
  readonly memTotal: number;
  readonly diskUsed: number;
  readonly diskTotal: number;
}

export interface SandboxListOpts extends Pick<SandboxOpts, "stratos"> {
  readonly query?: {
    /** Default: both. */
    readonly state?: readonly SandboxState[];
    readonly startedAfter?: Date;
    readonly template?: string;
    /** Those that have all of it. */
    readonly metadata?: Readonly<Record<string, string>>;
  };
  /** By the time of their start. Default: desc. */
  readonly order?: "asc" | "desc";
  /** On a page; default: 100. */
  readonly limit?: number;
  readonly nextToken?: string;
}

/** Pages of a list. */
export class SandboxPaginator {
  readonly #find: () => Promise<SandboxInfo[]>;
  readonly #limit: number;
  #at: number;
  #hasNext = true;

  /** @internal */
  constructor(find: () => Promise<SandboxInfo[]>, { limit = LIST_LIMIT, nextToken = "0" }: SandboxListOpts) {
    this.#find = find;
    this.#limit = limit;
    this.#at = Number(nextToken);
    if (!(Number.isInteger(limit) && limit > 0)) throw new SandboxError("limit: 1 or more is expected");
    if (!(Number.isInteger(this.#at) && this.#at >= 0)) throw new SandboxError("nextToken: it is of no page");
  }

  get hasNext(): boolean {
    return this.#hasNext;
  }

  get nextToken(): string | undefined {
    return this.#hasNext && this.#at > 0 ? String(this.#at) : undefined;
  }

  async nextItems(): Promise<SandboxInfo[]> {
    if (!this.#hasNext) throw new SandboxError("no more items to fetch");
    const found = await this.#find();
    const page = found.slice(this.#at, this.#at + this.#limit);
    this.#at += page.length;
    this.#hasNext = this.#at < found.length;
    return page;
  }
}

export interface SandboxForkOpts {
  /** Default: 1. */
  readonly count?: number;
  /** Milliseconds until each ends; default: 5 minutes. Not of forks of a named one. */
  readonly timeoutMs?: number;
}

export interface SnapshotInfo {
  readonly snapshotId: string;
}

interface Snapshot {
  readonly state: Uint8Array;
  readonly image: BoxOptions["image"];
  readonly template: string;
}

/** Of this program, until `deleteSnapshot`: each holds the memory in use at its time. */
const snapshots = new Map<string, Snapshot>();

/** Those of this program that have no name, by the number that it knows them by. */
const unnamed = new Map<string, Sandbox>();

/** A computer of its own, on this one. */
export class Sandbox {
  readonly commands: Commands;
  readonly files: Filesystem;
  readonly pty: Pty;
  readonly sandboxId: string;
  readonly #box: Box;
  readonly #hosts = new Map<number, string>();
  readonly #python: PythonRunner;
  readonly #template: string;
  readonly #opts: SandboxOpts;
  readonly #cpuCount: number;
  readonly #home: { readonly home?: string };
  readonly #startedMs = Date.now();
  /** Of one without a name. */
  #endMs: number;
  #isRunning = true;
  #measured = { ms: this.#startedMs, cpuMs: 0 };
  #isPaused = false;

  private constructor(box: Box, opts: SandboxOpts, template = "") {
    const { envs = {}, timeoutMs = TIMEOUT_MS, stratos = {} } = opts;
    this.#box = box;
    this.#template = template;
    this.#opts = opts;
    this.#cpuCount = stratos.harts ?? 1;
    this.#home = homeOf(opts);
    this.#endMs = this.#startedMs + timeoutMs;
    this.sandboxId = box.name ?? globalThis.crypto.randomUUID();
    if (box.name === null) unnamed.set(this.sandboxId, this);
    this.commands = new Commands(box, envs);
    this.files = new Filesystem(box);
    this.pty = new Pty(box, envs);
    this.#python = new PythonRunner(
      () => translated(() => box.spawn(["python3", "-u", "-c", INTERPRETER], { cwd: HOME, env: envs })),
      {
        timeOver: () => new TimeoutError("the code has reached its `timeoutMs`"),
        ended: () => new SandboxError("the interpreter has ended"),
      },
    );
  }

  /** @param template  the name of an image, or what `createSnapshot` gave */
  static create(opts?: SandboxOpts): Promise<Sandbox>;
  static create(template: string, opts?: SandboxOpts): Promise<Sandbox>;
  static async create(first: string | SandboxOpts = {}, second: SandboxOpts = {}): Promise<Sandbox> {
    const opts = typeof first === "string" ? second : first;
    const { timeoutMs = TIMEOUT_MS, allowInternetAccess, metadata, stratos = {} } = opts;
    if (metadata !== undefined && stratos.name !== undefined)
      throw new SandboxError("metadata: a named system outlives this program, and has no place for it");
    const snapshot = typeof first === "string" ? snapshots.get(first) : undefined;
    const named = typeof first === "string" && snapshot === undefined ? first : undefined;
    const image = stratos.image ?? snapshot?.image ?? named;
    const box = await translated(() =>
      Box.create({
        ...{ ...stratos, ...internet(allowInternetAccess, stratos.name !== undefined) },
        ...(image === undefined ? {} : { image }),
        ...(snapshot === undefined ? {} : { state: snapshot.state }),
        // A named one is there until it is killed.
        ...(stratos.name === undefined ? { timeoutMs, onTimeout: "stop" as const } : {}),
      }),
    );
    return new Sandbox(box, opts, snapshot?.template ?? (typeof image === "string" ? image : ""));
  }

  /** One that runs, or is paused: a named one, or one of this program. */
  static async connect(sandboxId: string, opts: SandboxOpts = {}): Promise<Sandbox> {
    const own = unnamed.get(sandboxId);
    if (own === undefined) return new Sandbox(await translated(() => Box.resume(sandboxId, homeOf(opts))), opts);
    if (own.#isPaused) await translated(() => own.#box.resume());
    own.#isPaused = false;
    return own;
  }

  /** Those that run or are paused: the named ones of this user, and those of this program. */
  static list(opts: SandboxListOpts = {}): SandboxPaginator {
    const { query: { state, startedAfter, template, metadata = {} } = {}, order = "desc" } = opts;
    const isWanted = (info: SandboxInfo): boolean =>
      (state === undefined || state.includes(info.state)) &&
      (startedAfter === undefined || info.startedAt >= startedAfter) &&
      (template === undefined || info.templateId === template) &&
      Object.entries(metadata).every(([key, value]) => info.metadata[key] === value);
    const find = async (): Promise<SandboxInfo[]> => {
      const systems = await translated(() => Box.list(homeOf(opts)));
      const own = await Promise.all([...unnamed.values()].map((each) => each.#ownInfo()));
      return [...systems.map(infoOf), ...own]
        .filter((info) => info !== null && isWanted(info))
        .map((info) => info!)
        .sort((one, other) => (order === "asc" ? 1 : -1) * (one.startedAt.getTime() - other.startedAt.getTime()));
    };
    return new SandboxPaginator(find, opts);
  }

  /** @throws NotFoundError */
  static async getInfo(sandboxId: string, opts: Pick<SandboxOpts, "stratos"> = {}): Promise<SandboxInfo> {
    const info = unnamed.has(sandboxId)
      ? await unnamed.get(sandboxId)!.#ownInfo()
      : ((await translated(() => Box.list(homeOf(opts)))).map(infoOf).find((each) => each?.name === sandboxId) ?? null);
    if (info === null) throw new NotFoundError(`sandbox ${sandboxId} was not found`);
    return info;
  }

  /** @returns whether it ran, or was paused, until now */
  static async kill(sandboxId: string, opts: Pick<SandboxOpts, "stratos"> = {}): Promise<boolean> {
    const own = unnamed.get(sandboxId);
    if (own !== undefined) return (await own.isRunning()) ? own.kill() : (await own.kill(), false);
    const systems = await translated(() => Box.list(homeOf(opts)));
    if (!systems.some((system) => system.name === sandboxId && infoOf(system) !== null)) return false;
    await translated(async () => (await Box.connect(sandboxId, homeOf(opts))).stop());
    return true;
  }

  /** Of one of this program. @throws NotFoundError */
  static async fork(sandboxId: string, opts: SandboxForkOpts = {}): Promise<(Sandbox | Error)[]> {
    const own = unnamed.get(sandboxId);
    if (own === undefined) throw new NotFoundError(`sandbox ${sandboxId} was not found in this program`);
    return own.fork(opts);
  }

  /**
   * Sandboxes that go on from where this one stands, with its programs: all of them, or none. What `runCode` has
   * defined is not in them.
   */
  async fork({ count = 1, timeoutMs = TIMEOUT_MS }: SandboxForkOpts = {}): Promise<(Sandbox | Error)[]> {
    const forks = await translated(() => this.#box.fork({ count }));
    return Promise.all(
      forks.map(async (box) => {
        if (box.name === null) await translated(() => box.setTimeout(timeoutMs));
        return new Sandbox(box as Box, { ...this.#opts, timeoutMs }, this.#template);
      }),
    );
  }

  /** Remembers the whole system, programs and files: `Sandbox.create(snapshotId)` goes on from there. */
  async createSnapshot(): Promise<SnapshotInfo> {
    const state = await translated(() => this.#box.save());
    const image = this.#opts.stratos?.image ?? (this.#template === "" ? undefined : this.#template);
    const snapshotId = globalThis.crypto.randomUUID();
    snapshots.set(snapshotId, { state, image, template: this.#template });
    return { snapshotId };
  }

  /** @returns whether there was one */
  static async deleteSnapshot(snapshotId: string): Promise<boolean> {
    return snapshots.delete(snapshotId);
  }

  /** @throws NotFoundError: it is there no longer */
  async getInfo(): Promise<SandboxInfo> {
    return Sandbox.getInfo(this.sandboxId, { stratos: this.#home });
  }

  /** Of one of this program. @throws NotFoundError */
  static async getMetrics(sandboxId: string): Promise<SandboxMetrics[]> {
    const own = unnamed.get(sandboxId);
    if (own === undefined) throw new NotFoundError(`sandbox ${sandboxId} was not found in this program`);
    return own.getMetrics();
  }

  /** That library takes one each five seconds; here there is the one of now. */
  async getMetrics(): Promise<SandboxMetrics[]> {
    const { memory, disk, cpuMs } = await translated(() => this.#box.stats());
    const timestamp = new Date();
    const before = this.#measured;
    this.#measured = { ms: timestamp.getTime(), cpuMs };
    const passedMs = Math.max(1, this.#measured.ms - before.ms);
    return [
      {
        ...{ timestamp, cpuUsedPct: Math.max(0, (100 * (cpuMs - before.cpuMs)) / passedMs), cpuCount: this.#cpuCount },
        ...{ memUsed: memory.usedBytes, memTotal: memory.limitBytes },
        ...{ diskUsed: disk.usedBytes, diskTotal: disk.limitBytes },
      },
    ];
  }

  /** Null: it has ended. */
  async #ownInfo(): Promise<SandboxInfo | null> {
    const stats = this.#isRunning ? await this.#box.stats().catch(() => null) : null;
    if (stats === null) return null;
    return {
      ...{ sandboxId: this.sandboxId, templateId: this.#template, metadata: this.#opts.metadata ?? {} },
      ...{ startedAt: new Date(this.#startedMs), endAt: new Date(this.#endMs) },
      state: this.#isPaused ? "paused" : "running",
      cpuCount: this.#cpuCount,
      memoryMB: Math.floor(stats.memory.limitBytes / 2 ** 20),
      envdVersion: "",
    };
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
    this.#endMs = Date.now() + timeoutMs;
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
    this.#isPaused = true;
  }

  async kill(): Promise<boolean> {
    if (!this.#isRunning) return false;
    this.#isRunning = false;
    unnamed.delete(this.sandboxId);
    await translated(() => this.#box.stop());
    return true;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill().then(() => {});
  }
}

function homeOf({ stratos: { home } = {} }: Pick<SandboxOpts, "stratos">): { readonly home?: string } {
  return home === undefined ? {} : { home };
}

/** Null: it has ended, or is lost. */
function infoOf({ name, image, state, startedMs, harts, memoryBytes }: SystemView): SandboxInfo | null {
  if (state === "exited" || state === "lost") return null;
  return {
    ...{ sandboxId: name, name, templateId: image, metadata: {} },
    ...{ startedAt: new Date(startedMs), endAt: new Date(LAST_MS) },
    state: state === "paused" ? "paused" : "running",
    cpuCount: harts,
    memoryMB: Math.floor(memoryBytes / 2 ** 20),
    envdVersion: "",
  };
}
