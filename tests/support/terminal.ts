/**
 * A person at a terminal: a command on a pseudo-terminal of script(1), keys that are pressed, output that is waited
 * for.
 */
import { spawn, type ChildProcess } from "node:child_process";

const WAIT_MS = 300_000;

export class TerminalSession {
  readonly #child: ChildProcess;
  readonly #ended: Promise<number>;
  /** Output that no `expect` has consumed. */
  #output = "";
  #notify: () => void = () => {};
  #hasEnded = false;

  constructor(
    command: readonly string[],
    environment: Readonly<Record<string, string>>,
    size: { rows: number; columns: number },
  ) {
    const quoted = command.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
    this.#child = spawn(
      "script",
      ["-qec", `stty rows ${size.rows} columns ${size.columns}; exec ${quoted}`, "/dev/null"],
      {
        stdio: ["pipe", "pipe", "inherit"],
        env: { ...process.env, ...environment },
      },
    );
    this.#child.stdout!.on("data", (bytes: Buffer) => {
      this.#output += bytes.toString("latin1");
      this.#notify();
    });
    this.#child.stdin!.on("error", () => {});
    this.#ended = new Promise((resolve) =>
      this.#child.on("close", (code) => {
        this.#hasEnded = true;
        this.#notify();
        resolve(code ?? -1);
      }),
    );
  }

  /** Presses keys; control characters as they are. */
  type(keys: string): void {
    this.#child.stdin!.write(Buffer.from(keys, "latin1"));
  }

  /** Waits until the output since the last match matches; returns it up to the end of the match. */
  async expect(pattern: RegExp): Promise<string> {
    const deadline = Date.now() + WAIT_MS;
    for (;;) {
      const match = pattern.exec(this.#output);
      if (match !== null) {
        const end = match.index + match[0].length;
        const text = this.#output.slice(0, end);
        this.#output = this.#output.slice(end);
        return text;
      }
      const left = deadline - Date.now();
      if (this.#hasEnded || left <= 0)
        throw new Error(
          `${this.#hasEnded ? "ended" : "timed out"} before ${String(pattern)}; output: ` +
            `${JSON.stringify(this.#output)}`,
        );
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#notify = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** The command's exit status. */
  ended(): Promise<number> {
    return this.#ended;
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }
}
