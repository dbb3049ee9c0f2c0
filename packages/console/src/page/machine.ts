/** The machine's worker, as the page knows it: what it tells, and what it is asked. */
import type { AskMessage, Request, Told, WorkerMessage } from "./messages.ts";

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

export class MachineWorker {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #serial = 0;

  /** @param onMessage  told all but answers */
  constructor(url: string, onMessage: (message: Told) => void) {
    this.#worker = new Worker(url);
    this.#worker.onmessage = ({ data }: MessageEvent<WorkerMessage>) => {
      if (data.kind !== "answer" && data.kind !== "refusal") return onMessage(data);
      const waiting = this.#waiting.get(data.id);
      this.#waiting.delete(data.id);
      if (data.kind === "answer") waiting?.resolve(data.value);
      else waiting?.reject(new Error(data.words));
    };
    this.#worker.onerror = (event) =>
      onMessage({ kind: "failed", words: `the machine's program does not run here: ${event.message}` });
  }

  /** @param port  in the message: the worker's end of what it shows */
  start(message: { readonly kind: "start" }, port: MessagePort): void {
    this.#worker.postMessage(message, [port]);
  }

  /** @throws Error with words for people */
  ask<T>(request: Request): Promise<T> {
    const id = ++this.#serial;
    this.#worker.postMessage({ kind: "ask", id, request } satisfies AskMessage);
    return new Promise((resolve, reject) =>
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject }),
    );
  }

  /** Ends it, whatever it does; what its file had stays. */
  end(): void {
    this.#worker.terminate();
    for (const { reject } of this.#waiting.values()) reject(new Error("the machine was ended"));
    this.#waiting.clear();
  }
}
