/** Where a scaler's workers run: processes of this host, or whatever commands start and stop. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { HostRoom } from "./host-room.ts";
import type { Machines } from "./scaler.ts";

const COMMAND_MS = 300_000;
const STOP_MS = 60_000;

/** Workers as children of this process. */
export class ProcessMachines implements Machines {
  readonly #argv: (name: string) => readonly string[];
  readonly #children = new Map<string, ChildProcess>();
  readonly refusal?: () => string | null;

  /** @param room  null: there always is */
  constructor(argv: (name: string) => readonly string[], room: HostRoom | null) {
    this.#argv = argv;
    if (room !== null) this.refusal = () => room.refusal();
  }

  has(name: string): boolean {
    const child = this.#children.get(name);
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  async start(name: string): Promise<void> {
    const [program, ...rest] = this.#argv(name);
    const child = spawn(program!, rest, { stdio: ["ignore", "ignore", "inherit"] });
    await once(child, "spawn");
    this.#children.set(name, child);
  }

  async stop(name: string): Promise<void> {
    const child = this.#children.get(name);
    if (child === undefined || !this.has(name)) return;
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    const last = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
    await ended;
    clearTimeout(last);
    this.#children.delete(name);
  }

  /** Their runs are given back. */
  async stopAll(): Promise<void> {
    await Promise.all([...this.#children.keys()].map((name) => this.stop(name)));
  }
}

/** Workers that are started and stopped by lines for `sh`, which find the name in `STRATOS_WORKER`. */
export class CommandMachines implements Machines {
  readonly #lines: { readonly start: string; readonly stop: string };

  constructor(lines: { readonly start: string; readonly stop: string }) {
    this.#lines = lines;
  }

  /** The hub's list of hosts tells which there are. */
  has(): boolean {
    return true;
  }

  start(name: string): Promise<void> {
    return this.#run(this.#lines.start, name);
  }

  stop(name: string): Promise<void> {
    return this.#run(this.#lines.stop, name);
  }

  async #run(line: string, name: string): Promise<void> {
    const child = spawn("sh", ["-c", line], {
      env: { ...process.env, STRATOS_WORKER: name },
      stdio: ["ignore", "ignore", "inherit"],
      timeout: COMMAND_MS,
    });
    const [status, signal] = (await once(child, "exit")) as [number | null, string | null];
    if (status !== 0) throw new Error(`\`${line}\` ended with ${signal ?? `status ${status}`}`);
  }
}
