/** Commands of Stratos, in processes of their own: as jobs, which are kept, or asked for what they print. */
import { type ChildProcess, spawn } from "node:child_process";
import { Refusal } from "@stratos/volumes/serve";

/** What a command prints, as far as it is an answer. */
const ANSWER_MAX = 1 << 25;
/** Of those that print an answer; who asks while so many run is asked to come again. */
const ASKED_MAX = 4;
const ASKED_MS = 300_000;
const COMPLAINT_MAX = 4000;

/** What is started is `program` with these words and those of the command. */
interface CommandPlace {
  readonly program: string;
  readonly words: readonly string[];
  /** Relative paths are of this folder. */
  readonly folder: string;
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

  /** Over the channel it learns when this process is gone: no command works on for nobody. */
  start(command: readonly string[]): ChildProcess {
    const { program, words, folder } = this.#place;
    return spawn(program, [...words, ...command], { cwd: folder, stdio: ["ignore", "pipe", "pipe", "ipc"] });
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
    const end = (): void => void child.kill("SIGKILL");
    const stdout: Buffer[] = [];
    let [left, stderr] = [ANSWER_MAX, ""];
    child.stdout!.on("data", (bytes: Buffer) => {
      stdout.push(bytes);
      left -= bytes.length;
      if (left < 0) end();
    });
    child.stderr!.on("data", (bytes: Buffer) => (stderr = (stderr + bytes.toString()).slice(-COMPLAINT_MAX)));
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
