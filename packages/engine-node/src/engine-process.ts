/** Processes of the machine's own Node, each with an engine. */
import { spawn, type ChildProcess } from "node:child_process";
import type { Duplex } from "node:stream";
import { EngineClient, type EngineChannel } from "@stratos/sdk/client";
import { environmentOfEngine, nodeBinary } from "./node-binary.ts";
import { NODE_FLAGS } from "./node-flags.mjs";
import { packageScript } from "./package-script.ts";

/** Of what the process says before it ends, the last characters. */
const LOG_LENGTH = 16_384;
/** The descriptor of the channel in the engine's process. */
const CHANNEL_FD = 3;

export function startEngineProcess(): EngineClient {
  // A group of its own: the terminal's Ctrl-C is for the host's program, which then closes what it has opened.
  const child = spawn(nodeBinary(), [...NODE_FLAGS, packageScript("engine.cjs", import.meta.url)], {
    stdio: ["ignore", "ignore", "pipe", "pipe"],
    detached: true,
    env: environmentOfEngine(),
  });
  return new EngineClient(new ProcessChannel(child));
}

class ProcessChannel implements EngineChannel {
  readonly onlyReads = true;
  readonly #child: ChildProcess;
  readonly #stream: Duplex;
  #log = "";
  #onGone: (why: { exitCode: number | null; signal: string | null; log: string }) => void = () => {};

  constructor(child: ChildProcess) {
    this.#child = child;
    this.#stream = child.stdio[CHANNEL_FD] as Duplex;
    const errors = child.stderr!;
    errors.setEncoding("utf8");
    errors.on("data", (text: string) => {
      this.#log = (this.#log + text).slice(-LOG_LENGTH);
    });
    // What cannot be written is told by the process's end.
    this.#stream.on("error", () => {});
    child.on("error", (error) => this.#gone(null, null, error.message));
    child.on("close", (code, signal) => this.#gone(code, signal, this.#log));
  }

  #gone(exitCode: number | null, signal: string | null, log: string): void {
    const tell = this.#onGone;
    this.#onGone = () => {};
    tell({ exitCode, signal, log });
  }

  get processId(): number | undefined {
    return this.#child.pid;
  }

  send(bytes: Uint8Array): void {
    if (this.#stream.writable) this.#stream.write(bytes);
  }

  onBytes(listener: (bytes: Uint8Array) => void): void {
    this.#stream.on("data", listener);
  }

  onGone(listener: (why: { exitCode: number | null; signal: string | null; log: string }) => void): void {
    this.#onGone = listener;
  }

  hold(isHeld: boolean): void {
    for (const handle of [this.#child, this.#stream, this.#child.stderr] as unknown as Holdable[]) {
      if (isHeld) handle.ref();
      else handle.unref();
    }
  }

  callLater(milliseconds: number, act: () => void): () => void {
    const timer = setTimeout(act, milliseconds);
    return () => clearTimeout(timer);
  }

  close(): void {
    this.#stream.end();
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }
}

interface Holdable {
  ref(): void;
  unref(): void;
}
