/** Workers of a page, each with an engine. */
import { CountedEngines, EngineClient, type EngineChannel, StratosError } from "@stratos/sdk/client";
import type { Isolation } from "@stratos/sdk/api";

/** What is used of the page's own. */
interface PageWorker {
  onmessage: ((event: { readonly data: Uint8Array }) => void) | null;
  onerror: ((event: { readonly message?: string }) => void) | null;
  postMessage(message: unknown, transfer?: readonly ArrayBufferLike[]): void;
  terminate(): void;
}
declare const Worker: new (url: string | URL, options: { readonly type: "module" }) => PageWorker;

export class EngineWorkers extends CountedEngines {
  constructor() {
    super(startEngine);
  }
}

function startEngine(isolation: Isolation = "worker"): EngineClient {
  if (isolation !== "worker")
    throw new StratosError("option", `isolation: ${isolation}: machines of a page run in workers`, {
      option: "isolation",
    });
  const place = (globalThis as { STRATOS_ENGINE_URL?: string }).STRATOS_ENGINE_URL;
  // Bundlers that follow such a URL take the worker's file along.
  const url = place ?? new URL("./browser-engine.mjs", import.meta.url);
  return new EngineClient(new WorkerChannel(new Worker(url, { type: "module" })));
}

class WorkerChannel implements EngineChannel {
  readonly #worker: PageWorker;

  constructor(worker: PageWorker) {
    this.#worker = worker;
  }

  send(bytes: Uint8Array): void {
    this.#worker.postMessage(bytes, [bytes.buffer]);
  }

  attach(object: object, number: number): void {
    this.#worker.postMessage({ attached: number, object });
  }

  onBytes(listener: (bytes: Uint8Array) => void): void {
    this.#worker.onmessage = ({ data }) => listener(data);
  }

  onGone(listener: (why: { exitCode: null; signal: null; log: string }) => void): void {
    this.#worker.onerror = ({ message }) =>
      listener({ exitCode: null, signal: null, log: message ?? "browser-engine.mjs cannot be loaded" });
  }

  /** A page does not end by itself. */
  hold(): void {}

  callLater(milliseconds: number, act: () => void): () => void {
    const timer = setTimeout(act, milliseconds);
    return () => clearTimeout(timer);
  }

  close(): void {
    this.#worker.terminate();
  }
}
