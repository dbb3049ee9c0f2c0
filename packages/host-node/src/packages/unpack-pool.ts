/** Unpacks compressed files on several threads. Threads start on first use and end with {@link UnpackPool.close}. */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { Compression, Decompress } from "@stratos/pkg";
import type { UnpackJob, UnpackResult } from "./unpack-worker.ts";

const THREADS_MAX = 4;
/** Beside this file: as source, or as the bundler leaves it. */
const WORKER_URL = new URL(import.meta.url.endsWith(".ts") ? "./unpack-worker.ts" : "./unpack-worker.mjs", import.meta.url);

interface Pending { job: UnpackJob; resolve(bytes: Uint8Array): void; reject(error: Error): void }
interface Thread { worker: Worker; current: Pending | undefined }

export class UnpackPool {
  readonly #width: number;
  readonly #threads: Thread[] = [];
  readonly #queue: Pending[] = [];
  #serial = 0;
  #isClosed = false;

  constructor(width = Math.min(availableParallelism(), THREADS_MAX)) {
    this.#width = width;
  }

  readonly decompress: Decompress = (compression: Compression, bytes: Uint8Array, sizeMax: number): Promise<Uint8Array> => {
    if (compression === "none") return bytes.length <= sizeMax ? Promise.resolve(bytes) : Promise.reject(new Error(`holds more than ${sizeMax} bytes`));
    if (this.#isClosed) return Promise.reject(new Error("the unpack pool is closed"));
    return new Promise((resolve, reject) => {
      this.#queue.push({ job: { id: this.#serial++, compression, bytes: new Uint8Array(bytes), sizeMax }, resolve, reject });
      this.#dispatch();
    });
  };

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const pending of this.#queue.splice(0)) pending.reject(new Error("the unpack pool was closed"));
    await Promise.all(this.#threads.splice(0).map((thread) => thread.worker.terminate()));
  }

  #dispatch(): void {
    while (this.#queue.length > 0) {
      let thread = this.#threads.find((one) => one.current === undefined);
      if (thread === undefined) {
        if (this.#threads.length >= this.#width) return;
        thread = this.#startThread();
      }
      const pending = this.#queue.shift()!;
      thread.current = pending;
      // Only a thread with work keeps the process alive.
      thread.worker.ref();
      thread.worker.postMessage(pending.job, [pending.job.bytes.buffer]);
    }
  }

  #startThread(): Thread {
    const worker = new Worker(WORKER_URL);
    const thread: Thread = { worker, current: undefined };
    this.#threads.push(thread);
    worker.on("message", (result: UnpackResult) => {
      const pending = thread.current;
      thread.current = undefined;
      worker.unref();
      if (result.bytes !== undefined) pending?.resolve(result.bytes);
      else pending?.reject(new Error(result.error ?? "cannot be unpacked"));
      this.#dispatch();
    });
    const fail = (error: Error): void => {
      const at = this.#threads.indexOf(thread);
      if (at >= 0) this.#threads.splice(at, 1);
      thread.current?.reject(error);
      thread.current = undefined;
      if (!this.#isClosed) this.#dispatch();
    };
    worker.on("error", fail);
    worker.on("exit", (status) => fail(new Error(`the unpack thread ended with ${status}`)));
    return thread;
  }
}
