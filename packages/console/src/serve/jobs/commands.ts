/** Commands of Stratos, in processes of their own: as jobs, which are kept, or asked for what they print. */
import { type ChildProcess, spawn } from "node:child_process";
import { Refusal } from "@stratos/volumes/serve";

/** What a command prints, as far as it is an answer. */
const ANSWER_MAX = 1 << 25;
/** Of those that print an answer; who asks while so many run is asked to come again. */
const ASKED_MAX = 4;
const ASKED_MS = 300_000;
const COMPLAINT_MAX = 4000;
/** What it wrote is read to its end, which one that left its session may never let come; for so long after its own. */
const OUTPUT_MS = 10_000;

/** What is started is `program` with these words and those of the command. */
interface CommandPlace {
  readonly program: string;
  readonly words: readonly string[];
  /** Relative paths are of this folder. */
  readonly folder: string;
  readonly outputMs?: number;
}

interface Printed {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export class Commands {
  readonly #place: CommandPlace;
  readonly #asked = new Set<Promise<Printed>>();
  readonly #closing = new AbortController();

  constructor(place: CommandPlace) {
    this.#place = place;
  }

  /**
   * Over the channel it learns when this process is gone: no command works on for nobody. It has a session of its own
   * (setsid(2)): what it starts ends with it, and asks nothing at a terminal of ours.
   *
   * @throws Refusal
   */
  start(command: readonly string[]): ChildProcess {
    const { program, words, folder, outputMs = OUTPUT_MS } = this.#place;
    try {
      const stdio = ["ignore", "pipe", "pipe", "ipc"] as const;
      const child = spawn(program, [...words, ...command], { cwd: folder, detached: true, stdio: [...stdio] });
      const leave = (): void => [child.stdout, child.stderr].forEach((stream) => stream?.destroy());
      child.once("exit", () => {
        killAll(child);
        const leaving = setTimeout(leave, outputMs);
        child.once("close", () => clearTimeout(leaving));
      });
      return child;
    } catch (error) {
      // Words with a zero, or more of them than a process can have (execve(2), E2BIG).
      throw new Refusal(400, `it cannot be started: ${(error as Error).message}`);
    }
  }

  /** @param signal  who asked has gone. @throws Refusal */
  async ask(command: readonly string[], signal: AbortSignal): Promise<Printed> {
    if (this.#asked.size >= ASKED_MAX) throw new Refusal(503, "too much is asked at once; try again");
    const signals = [signal, this.#closing.signal, AbortSignal.timeout(ASKED_MS)];
    const printed = this.#printed(command, AbortSignal.any(signals));
    this.#asked.add(printed);
    try {
      return await printed;
    } finally {
      this.#asked.delete(printed);
    }
  }

  /** Ends what is still asked. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.allSettled(this.#asked);
  }

  #printed(command: readonly string[], signal: AbortSignal): Promise<Printed> {
    const child = this.start(command);
    const end = (): void => killAll(child);
    const stdout: Buffer[] = [];
    let [left, stderr] = [ANSWER_MAX, ""];
    // Where no descriptor is left they are not there, and it tells an error.
    child.stdout?.on("data", (bytes: Buffer) => {
      stdout.push(bytes);
      left -= bytes.length;
      if (left < 0) end();
    });
    child.stderr?.on("data", (bytes: Buffer) => (stderr = (stderr + bytes.toString()).slice(-COMPLAINT_MAX)));
    if (signal.aborted) end();
    signal.addEventListener("abort", end, { once: true });
    return new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (exitCode) => {
        signal.removeEventListener("abort", end);
        if (exitCode === null) reject(new Refusal(503, "it took too long, or told too much"));
        else resolve({ exitCode, stdout: Buffer.concat(stdout).toString(), stderr });
      });
    });
  }
}

/** With what it has started. */
export function killAll({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // All have ended.
  }
}
