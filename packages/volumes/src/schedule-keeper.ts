/**
 * Runs the snapshot schedule of a mounted volume: at once, and then in each hour, the shortest period that a schedule
 * knows. A process of its own does it, through the mount's `.snapshots`: the one that serves a mount must not ask
 * anything of it (packages/fuse/ARCHITECTURE.md).
 */
import { spawn } from "node:child_process";

/** How often it is looked whether an hour has begun, or what failed is tried again. */
const LOOK_MS = 60_000;
const HOUR_MS = 3_600_000;

export class ScheduleKeeper {
  readonly #volume: string;
  readonly #command: readonly string[];
  readonly #keyFile: string | null;
  readonly #timer: NodeJS.Timeout;
  /** The last hour that is done with, or being worked on. */
  #hour = -1;

  /**
   * @param command  program and first arguments of what does it, as `stratos fs schedule run`: the volume follows
   * @param keyFile  has the passphrase of an encrypted volume in its first line
   */
  constructor(volume: string, command: readonly string[], keyFile: string | null) {
    this.#volume = volume;
    this.#command = command;
    this.#keyFile = keyFile;
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    this.#timer.unref();
    this.#look();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const hour = Math.floor(Date.now() / HOUR_MS);
    if (hour === this.#hour) return;
    this.#hour = hour;
    const environment =
      this.#keyFile === null ? process.env : { ...process.env, STRATOS_PASSPHRASE_FILE: this.#keyFile };
    const [program, ...words] = this.#command;
    const child = spawn(program!, [...words, "--", this.#volume], {
      stdio: ["ignore", "ignore", "inherit"],
      cwd: "/",
      env: environment,
    });
    child.unref();
    const failed = (): void => {
      this.#hour = -1;
    };
    child.on("error", failed);
    child.on("exit", (status) => void (status !== 0 && failed()));
  }
}
