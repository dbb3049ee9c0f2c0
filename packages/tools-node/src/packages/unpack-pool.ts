/**
 * Unpacks compressed files side by side: gzip and zstd by Node's own libraries, xz by xz(1), which needs half of the
 * time that its WebAssembly form does; that runs in threads where there is no such program. All start on first use and
 * end with {@link UnpackPool.close}.
 */
import { availableParallelism } from "node:os";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";
import { gunzip, zstdDecompress } from "node:zlib";
import { xzUnpackedSize } from "@stratos/formats";
import { UnpackLimitError, type Compression, type Decompress } from "@stratos/pkg";
import { XzProgram } from "./xz-program.ts";
import type { UnpackJob, UnpackResult } from "./unpack-worker.ts";

const THREADS_MAX = 4;
/** Beside this file: as source, or as the bundler leaves it. */
const WORKER_URL = new URL(
  import.meta.url.endsWith(".ts") ? "./unpack-worker.ts" : "./unpack-worker.mjs",
  import.meta.url,
);

const gunzipOf = promisify<Uint8Array, { maxOutputLength: number }, Uint8Array>(gunzip);
const zstdDecompressOf = promisify<Uint8Array, { maxOutputLength: number }, Uint8Array>(zstdDecompress);

interface Pending {
  job: UnpackJob;
  resolve(bytes: Uint8Array): void;
  reject(error: Error): void;
}
interface Thread {
  worker: Worker;
  current: Pending | undefined;
}

/** Node says of its own buffers what is to be said of the file. */
async function within(sizeMax: number, unpacking: Promise<Uint8Array>): Promise<Uint8Array> {
  try {
    return await unpacking;
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE" ? new UnpackLimitError(sizeMax) : error;
  }
}

export class UnpackPool {
  readonly #width: number;
  readonly #threads: Thread[] = [];
  readonly #queue: Pending[] = [];
  readonly #xz: XzProgram | undefined;
  #serial = 0;
  #isClosed = false;

  /** @param options.xz  undefined: none is used */
  constructor(
    width = Math.min(availableParallelism(), THREADS_MAX),
    options: { xz: XzProgram | undefined } = { xz: XzProgram.find(width) },
  ) {
    this.#width = width;
    this.#xz = options.xz;
  }

  readonly decompress: Decompress = async (
    compression: Compression,
    bytes: Uint8Array,
    sizeMax: number,
  ): Promise<Uint8Array> => {
    if (this.#isClosed) throw new Error("the unpack pool is closed");
    switch (compression) {
      case "none":
        if (bytes.length > sizeMax) throw new UnpackLimitError(sizeMax);
        return bytes;
      case "gzip":
        return within(sizeMax, gunzipOf(bytes, { maxOutputLength: sizeMax }));
      case "zstd":
        return within(sizeMax, zstdDecompressOf(bytes, { maxOutputLength: sizeMax }));
      case "xz":
        return this.#unpackXz(bytes, sizeMax);
    }
  };

  async #unpackXz(bytes: Uint8Array, sizeMax: number): Promise<Uint8Array> {
    const size = xzUnpackedSize(bytes);
    if (size !== undefined && size > sizeMax) throw new UnpackLimitError(sizeMax);
    const unpacked = size === undefined ? undefined : await this.#xz?.unpack(bytes, size);
    if (unpacked !== undefined) return unpacked;
    if (this.#isClosed) throw new Error("the unpack pool was closed");
    return new Promise((resolve, reject) => {
      this.#queue.push({ job: { id: this.#serial++, bytes: new Uint8Array(bytes), sizeMax }, resolve, reject });
      this.#dispatch();
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#xz?.close();
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
