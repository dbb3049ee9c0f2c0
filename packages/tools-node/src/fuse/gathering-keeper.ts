/**
 * A shell beside the server of a mount: for each token it has the kernel write what it has gathered there, and looks
 * for the name that tells the server so (packages/fuse/src/parked-requests.ts). It starts with the first token, waits
 * for others, and ends with the process that it belongs to.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { GATHERED_PREFIX } from "@stratos/fuse";

/** syncfs(2) may find nothing to do it on any more; the name is looked for all the same. */
const SCRIPT = 'while read -r token; do sync -f -- "$1" 2> /dev/null; [ -e "$1/$2$token" ]; echo "$token"; done';
/** A shell that ends again and again will not do. */
const STARTS_MAX = 5;

export class GatheringKeeper {
  readonly #mountPoint: string;
  #shell: ChildProcess | null = null;
  #starts = 0;
  /** Tokens that it was given and has not said again. */
  #asked: string[] = [];

  constructor(mountPoint: string) {
    this.#mountPoint = mountPoint;
  }

  ask(token: string): void {
    this.#asked.push(token);
    if (this.#shell === null) this.#start();
    else this.#shell.stdin!.write(`${token}\n`);
  }

  stop(): void {
    this.#starts = STARTS_MAX;
    this.#shell?.kill();
  }

  #start(): void {
    if (this.#starts++ >= STARTS_MAX) return;
    const shell = spawn("sh", ["-c", SCRIPT, "sh", this.#mountPoint, GATHERED_PREFIX], {
      stdio: ["pipe", "pipe", "ignore"],
      cwd: "/",
    });
    this.#shell = shell;
    const ended = (): void => {
      if (this.#shell !== shell) return;
      this.#shell = null;
      if (this.#asked.length > 0) this.#start();
    };
    shell.on("error", ended);
    shell.on("exit", ended);
    shell.stdin.on("error", () => {});
    let said = "";
    shell.stdout.on("data", (chunk: Buffer) => {
      const lines = (said + chunk.toString("latin1")).split("\n");
      said = lines.pop()!;
      this.#asked = this.#asked.filter((token) => !lines.includes(token));
      if (lines.length > 0) this.#starts = 0;
    });
    // It must not keep the process that serves from ending.
    shell.unref();
    for (const stream of [shell.stdin, shell.stdout] as unknown as { unref(): void }[]) stream.unref();
    shell.stdin.write(this.#asked.map((token) => `${token}\n`).join(""));
  }
}
