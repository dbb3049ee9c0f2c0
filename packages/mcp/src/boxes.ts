/** The sandboxes of a server, by the names that tools call them. */
import { Sandbox } from "@stratos/library";
import { type SandboxOptions, StratosError } from "@stratos/sdk/api";
import { BoxProcess } from "./box-process.ts";

/** Ended ones are forgotten first. */
const PROCESSES_MAX = 64;
/** In one answer. */
const DENIALS_MAX = 20;
/** Of a file that is read at once; what answers leave in files is shorter. */
const READ_BYTES_MAX = 16 << 20;

export class Box {
  readonly id: string;
  readonly sandbox: Sandbox;
  /** What it was made with: its copies are, too. */
  readonly options: SandboxOptions;
  readonly labels = new Set<string>();
  /** What programs were denied of the network and nobody was told yet: lines. */
  readonly #denials = new Set<string>();
  readonly #processes = new Map<string, BoxProcess>();
  /** Those that are being started. */
  #starting = 0;
  #lastProcess = 0;
  #lastFile = 0;

  constructor(id: string, sandbox: Sandbox, options: SandboxOptions) {
    this.id = id;
    this.sandbox = sandbox;
    this.options = options;
  }

  /** Hears what its programs are denied. */
  listen(): void {
    this.sandbox.on("denied", ({ host, port, protocol, reason }) => {
      if (this.#denials.size < DENIALS_MAX) this.#denials.add(`${protocol} ${host}:${port}: ${reason}`);
    });
  }

  /** Those since it was asked last. */
  takeDenials(): readonly string[] {
    const taken = [...this.#denials];
    this.#denials.clear();
    return taken;
  }

  /** @throws StratosError */
  async start(
    command: string,
    options: { readonly cwd?: string; readonly env?: Record<string, string>; readonly user?: string },
    timeoutMs: number | undefined,
  ): Promise<BoxProcess> {
    if (this.#processes.size + this.#starting >= PROCESSES_MAX) {
      const ended = this.processes.find(({ isOver }) => isOver);
      if (ended === undefined) throw wrong("command", `${PROCESSES_MAX} processes run already: end one`);
      this.#processes.delete(ended.id);
    }
    this.#starting++;
    try {
      const program = await this.sandbox.spawn(command, {
        ...options,
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
      });
      const process = new BoxProcess(`p${++this.#lastProcess}`, command, program);
      this.#processes.set(process.id, process);
      return process;
    } finally {
      this.#starting--;
    }
  }

  /** @throws StratosError of kind option */
  process(id: string): BoxProcess {
    const process = this.#processes.get(id);
    if (process === undefined) throw wrong("process", `${id}: no such process; process with action "list" names them`);
    return process;
  }

  get processes(): readonly BoxProcess[] {
    return [...this.#processes.values()];
  }

  /** Keeps what is too long for an answer in a file of the sandbox. @returns its path */
  async keep(bytes: Uint8Array): Promise<string> {
    await this.sandbox.fs.mkdir(OUTPUT_FOLDER, { parents: true });
    const path = `${OUTPUT_FOLDER}/${++this.#lastFile}.txt`;
    try {
      await this.sandbox.fs.write(path, bytes);
    } catch (error) {
      // A part of it would fill what is left of the disk.
      await this.sandbox.fs.rm(path).catch(() => {});
      throw error;
    }
    return path;
  }

  /** A whole file. @throws StratosError: of kind option for one that is too large, or that may have no end */
  async read(path: string): Promise<Uint8Array> {
    const { kind, sizeBytes } = await this.sandbox.fs.stat(path);
    if (kind !== "file" && kind !== "folder") throw wrong("path", `${path} is a ${kind}: read it with run`);
    if (sizeBytes > READ_BYTES_MAX)
      throw wrong("path", `${path} has ${sizeBytes} bytes, more than ${READ_BYTES_MAX}: take parts of it with run`);
    return this.sandbox.fs.read(path);
  }
}

const OUTPUT_FOLDER = "/tmp/.stratos-output";

export class Boxes {
  readonly #options: SandboxOptions;
  readonly #most: number;
  readonly #boxes = new Map<string, Box>();
  #last = 0;
  /** Those that are being made. */
  #coming = 0;

  /** @param options  of each sandbox, unless a tool says otherwise */
  constructor(options: SandboxOptions, most: number) {
    this.#options = options;
    this.#most = most;
  }

  /** Nothing outside can be reached, whatever a program does. */
  get hasNetwork(): boolean {
    return this.#options.net !== undefined || this.#options.network === "host";
  }

  /** @throws StratosError */
  create(options: SandboxOptions): Promise<Box> {
    return this.#counted(1, async () => {
      const sandbox = await Sandbox.create({ ...this.#options, ...options });
      return this.#add(sandbox, { options, labels: new Set() });
    });
  }

  #add(sandbox: Sandbox, { options, labels }: Pick<Box, "options" | "labels">): Box {
    const box = new Box(`s${++this.#last}`, sandbox, options);
    for (const label of labels) box.labels.add(label);
    this.#boxes.set(box.id, box);
    if (this.#options.net !== undefined) box.listen();
    return box;
  }

  /**
   * Boxes that go on from where one stands, all or none of them: beside it in its process, or, where something of it
   * cannot be in two boxes there (a folder of the host), in processes of their own.
   *
   * @throws StratosError
   */
  async fork(id: string, count: number): Promise<readonly Box[]> {
    const original = this.get(id);
    return this.#counted(count, async () => {
      try {
        const forks = await original.sandbox.fork({ count });
        return forks.map((fork) => this.#add(fork, original));
      } catch (error) {
        if (!(error instanceof StratosError && error.kind === "state")) throw error;
      }
      const copies = await this.#copies(original, count);
      return copies.map((copy) => this.#add(copy, { options: original.options, labels: new Set() }));
    });
  }

  async #copies({ sandbox, options }: Box, count: number): Promise<Sandbox[]> {
    const state = await sandbox.save();
    const copies: Sandbox[] = [];
    try {
      for (let left = count; left > 0; left--)
        copies.push(await Sandbox.create({ ...this.#options, ...options, state }));
    } catch (error) {
      await Promise.allSettled(copies.map((copy) => copy.close()));
      throw error;
    }
    return copies;
  }

  /** Makes so many, if there is room for them. */
  async #counted<T>(count: number, make: () => Promise<T>): Promise<T> {
    if (this.#boxes.size + this.#coming + count > this.#most)
      throw wrong("sandbox", `there are ${this.#most} sandboxes at most, as many as this server allows: stop one`);
    this.#coming += count;
    try {
      return await make();
    } finally {
      this.#coming -= count;
    }
  }

  /** @throws StratosError of kind option */
  get(id: string): Box {
    const box = this.#boxes.get(id);
    if (box === undefined) throw wrong("sandbox", `${id}: no such sandbox; create makes one, list names them`);
    return box;
  }

  get all(): readonly Box[] {
    return [...this.#boxes.values()];
  }

  async stop(id: string): Promise<void> {
    const box = this.get(id);
    this.#boxes.delete(id);
    await box.sandbox.close();
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.all.map(({ id }) => this.stop(id)));
  }
}

export function wrong(option: string, message: string): StratosError<"option"> {
  return new StratosError("option", message, { option });
}
