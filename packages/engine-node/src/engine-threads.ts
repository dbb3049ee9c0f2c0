/** Engines in threads of this process: workers, each with one, and the thread that asks. */
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { EngineClient, type EngineChannel, StratosError } from "@stratos/sdk/client";
import type { Isolation } from "@stratos/sdk/api";
import type { openEngine } from "./engine-here.ts";
import { KEEPING } from "./keeping.ts";
import { environmentOfEngine } from "./node-binary.ts";
import { NODE_MAJOR_MIN } from "./node-flags.mjs";
import { packageScript } from "./package-script.ts";

/** Of what a worker says before it ends, the last characters. */
const LOG_LENGTH = 16_384;
/** V8 counts what a machine's memory reserves and may never touch (node-flags.mjs). */
const OLD_GENERATION_MB = 8192;
/** How long a worker may take to let go of all before it is ended. */
const CLOSE_MS = 5000;
/** How long the end of this process waits for what a worker keeps of its compiled code (cli's bundle-main.ts). */
const KEEP_MS = 2000;

/** As far as a timer reaches (setTimeout). */
const LONGEST_MS = 2 ** 31 - 1;

type Gone = Parameters<Parameters<EngineChannel["onGone"]>[0]>[0];

/** This Node has what machines need. */
function hasThreadsForEngines(): boolean {
  return Number(process.versions.node.split(".")[0]) >= NODE_MAJOR_MIN;
}

/** @throws StratosError of kind option */
export function startEngineThread(isolation: Exclude<Isolation, "process">): EngineClient {
  if (hasThreadsForEngines()) return new EngineClient(isolation === "worker" ? new WorkerChannel() : new OwnChannel());
  const why = `machines need Node ${NODE_MAJOR_MIN}, and this process runs ${process.version}: take "process"`;
  throw new StratosError("option", `isolation: ${isolation}: ${why}`, { option: "isolation" });
}

/** Those that run, the one that was begun first before all others. */
const workers = new Set<WorkerChannel>();

/**
 * Programs end with their sandboxes open, and threads go with their process without a word. The first thread ends by
 * itself then if nothing was kept before, so that the next program starts faster.
 */
function letKeep(): void {
  for (const worker of workers) if (worker.endToKeep()) return;
}

class WorkerChannel implements EngineChannel {
  readonly #worker: Worker;
  /** Of `KEEPING`: what the thread says. */
  readonly #keeping = new Int32Array(new SharedArrayBuffer(4));
  #onGone: (why: Gone) => void = () => {};

  constructor() {
    this.#worker = new Worker(packageScript("engine-worker.cjs", import.meta.url), {
      env: environmentOfEngine(),
      execArgv: ["--disable-warning=ExperimentalWarning"],
      resourceLimits: { maxOldGenerationSizeMb: OLD_GENERATION_MB },
      stdout: true,
      stderr: true,
      workerData: { keeping: this.#keeping },
    });
    if (workers.size === 0) process.on("exit", letKeep);
    workers.add(this);
    let failure = "";
    this.#worker.on("error", (error) => (failure = String((error as Error).stack ?? error)));
    this.#worker.on("exit", (exitCode) => {
      workers.delete(this);
      if (workers.size === 0) process.off("exit", letKeep);
      // Who reads it before keeps this process up for it.
      const said = (this.#worker.stderr.read() as Buffer | null) ?? "";
      this.#onGone({ exitCode, signal: null, log: `${said}${failure}`.slice(-LOG_LENGTH) });
    });
  }

  send(bytes: Uint8Array): void {
    this.#worker.postMessage(bytes, [bytes.buffer as ArrayBuffer]);
  }

  onBytes(listener: (bytes: Uint8Array) => void): void {
    this.#worker.on("message", listener);
  }

  onGone(listener: (why: Gone) => void): void {
    this.#onGone = listener;
  }

  hold(isHeld: boolean): void {
    if (isHeld) this.#worker.ref();
    else this.#worker.unref();
  }

  callLater(milliseconds: number, act: () => void): () => void {
    const timer = setTimeout(act, milliseconds);
    return () => clearTimeout(timer);
  }

  close(): void {
    this.#worker.postMessage(null);
    setTimeout(() => void this.#worker.terminate(), CLOSE_MS).unref();
  }

  kill(): void {
    void this.#worker.terminate();
  }

  /** For the end of this process, which no promise outlives. @returns false: it has nothing that it would keep */
  endToKeep(): boolean {
    if (Atomics.load(this.#keeping, 0) !== KEEPING.wants) return false;
    this.#worker.postMessage(null);
    Atomics.wait(this.#keeping, 0, KEEPING.wants, KEEP_MS);
    return true;
  }
}

type OpenedEngine = ReturnType<typeof openEngine>;

/** Both sides hear of one another in turns of their own, as from afar. */
class OwnChannel implements EngineChannel {
  readonly #engine: Promise<OpenedEngine>;
  #onBytes: (bytes: Uint8Array) => void = () => {};
  #onGone: (why: Gone) => void = () => {};
  #isOver = false;
  #holding: NodeJS.Timeout | null = null;

  constructor() {
    // What it needs of the rest is loaded when somebody wants it.
    const { href } = pathToFileURL(packageScript("engine-here.mjs", import.meta.url));
    this.#engine = (
      import(/* webpackIgnore: true */ /* @vite-ignore */ href) as Promise<{ readonly openEngine: typeof openEngine }>
    ).then((here) => here.openEngine((bytes) => queueMicrotask(() => this.#onBytes(bytes))));
    this.#engine.catch((error: unknown) => this.#end(String(error)));
  }

  #end(log: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.hold(false);
    this.#onGone({ exitCode: null, signal: null, log });
  }

  #tell(act: (engine: OpenedEngine) => void): void {
    // Of an engine that could not be loaded all has been said.
    this.#engine.then(
      (engine) => this.#isOver || act(engine),
      () => {},
    );
  }

  send(bytes: Uint8Array): void {
    this.#tell((engine) => engine.receive(bytes));
  }

  onBytes(listener: (bytes: Uint8Array) => void): void {
    this.#onBytes = listener;
  }

  onGone(listener: (why: Gone) => void): void {
    this.#onGone = listener;
  }

  hold(isHeld: boolean): void {
    if (this.#holding !== null) clearInterval(this.#holding);
    this.#holding = isHeld ? setInterval(() => {}, LONGEST_MS) : null;
  }

  callLater(milliseconds: number, act: () => void): () => void {
    const timer = setTimeout(act, milliseconds);
    return () => clearTimeout(timer);
  }

  close(): void {
    this.#tell((engine) => {
      this.#end("");
      engine.close();
    });
  }
}
