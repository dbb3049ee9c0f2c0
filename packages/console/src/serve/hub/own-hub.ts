/**
 * A hub of this server's own: `stratos hub` in a process beside it, on the loopback, with the files that `stratos hub`
 * has by itself. It ends with the server however that ends (jobs/commands.ts), and is started again when it ends alone.
 */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { OperationError } from "@stratos/operation";
import { Commands, killAll } from "../jobs/commands.ts";
import type { HubLink, HubPlace } from "./hub-link.ts";

/** First, and at most, before it is started again. */
const PAUSE_MS = { first: 1_000, most: 30_000 } as const;
/** One that has run for so long is not to blame for those before it. */
const STEADY_MS = 60_000;
/** Requests that are being answered have so long when it ends. */
const CLOSE_MS = 10_000;
const COMPLAINT_MAX = 2_000;

interface OwnHubOptions {
  /** STRATOS_HOME. */
  readonly home: string;
  /** The command line: its program, and the words before a command's own. */
  readonly commandLine: { readonly program: string; readonly words: readonly string[] };
  /** What it says on standard error, and what became of it. */
  readonly tell: (words: string) => void;
  readonly pauseMs?: typeof PAUSE_MS;
}

export class OwnHub implements HubLink {
  readonly #options: OwnHubOptions;
  #child: ChildProcess | null = null;
  #place: HubPlace | null = null;
  #isClosing = false;
  #again: NodeJS.Timeout | null = null;
  #pauseMs: number;

  private constructor(options: OwnHubOptions) {
    this.#options = options;
    this.#pauseMs = (options.pauseMs ?? PAUSE_MS).first;
  }

  /** @throws OperationError with its words when it does not begin */
  static async start(options: OwnHubOptions): Promise<OwnHub> {
    const hub = new OwnHub(options);
    await hub.#start();
    return hub;
  }

  get place(): HubPlace | null {
    return this.#place;
  }

  get isAlive(): boolean {
    return this.#place !== null;
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    if (this.#again !== null) clearTimeout(this.#again);
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    const cut = setTimeout(() => killAll(child), CLOSE_MS);
    await ended;
    clearTimeout(cut);
  }

  /** Comes back when it answers. */
  async #start(): Promise<void> {
    const { home, commandLine, tell } = this.#options;
    const state = join(home, "hub");
    mkdirSync(state, { recursive: true, mode: 0o700 });
    const keyFile = join(state, "console.key");
    const files = ["--state", state, "--console-key-file", keyFile, "--token-file", join(state, "admin.key")];
    const child = new Commands({ ...commandLine, folder: state }).start(["hub", "--listen", "127.0.0.1:0", ...files]);
    this.#child = child;
    let said = "";
    child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-COMPLAINT_MAX);
      if (this.#place !== null) tell(text.trimEnd());
    });
    const ended = new Promise<string>((resolve) => {
      child.once("error", (error) => resolve(error.message));
      child.once("close", (code, signal) => resolve(said.trim() || `it ended: ${signal ?? `status ${code}`}`));
    });
    const address = firstLine(child);
    const why = await Promise.race([ended, address.then(() => null)]);
    if (why !== null) throw new OperationError("hub", "hub", why.replace(/^stratos: /, ""));
    const begunMs = performance.now();
    this.#place = { url: (await address).trim(), key: readFileSync(keyFile, "utf8").trim() };
    void ended.then((words) => {
      this.#place = null;
      if (performance.now() - begunMs > STEADY_MS) this.#pauseMs = (this.#options.pauseMs ?? PAUSE_MS).first;
      this.#startAgain(words);
    });
  }

  #startAgain(why: string): void {
    if (this.#isClosing) return;
    const pauseMs = this.#pauseMs;
    this.#pauseMs = Math.min(pauseMs * 2, (this.#options.pauseMs ?? PAUSE_MS).most);
    this.#options.tell(`the hub has ended, and is started again in ${pauseMs / 1000} s: ${why}`);
    this.#again = setTimeout(() => {
      this.#start().catch((error: unknown) => this.#startAgain((error as Error).message));
    }, pauseMs);
  }
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    child.stdout!.setEncoding("utf8").on("data", (piece: string) => {
      if (text.includes("\n")) return;
      text += piece;
      if (text.includes("\n")) resolve(text.slice(0, text.indexOf("\n")));
    });
  });
}
