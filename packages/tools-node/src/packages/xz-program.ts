/**
 * Unpacks `.xz` files by xz(1), many of them in one process: streams that follow each other are one file (.xz file
 * format 1.2.1 §2). What each unpacks to is known from its index, so the output can be parted again; when the program
 * ends well, it has found every index to be true.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { findProgram } from "@stratos/host-node/home";

/** Packed, of one process: enough that its start costs little beside its work. */
const BATCH_BYTES = 8 << 20;
const STREAM_ALIGNMENT = 4;

interface Job {
  readonly packed: Uint8Array;
  readonly out: Uint8Array;
  fill: number;
  settle(bytes: Uint8Array | undefined): void;
}

export class XzProgram {
  readonly #path: string;
  readonly #width: number;
  readonly #queue: Job[] = [];
  readonly #running = new Set<ChildProcess>();
  #isWaiting = false;

  /** @param width  processes at a time */
  constructor(path: string, width: number) {
    this.#path = path;
    this.#width = width;
  }

  /** undefined: the host has none */
  static find(width: number): XzProgram | undefined {
    const path = findProgram("xz", process.env["PATH"] ?? "");
    return path === undefined ? undefined : new XzProgram(path, width);
  }

  /**
   * @param sizeBytes  what the file's index says that it unpacks to; the file is a single stream
   * @returns undefined when the program failed with this file, or with one that shared its process: then it may say
   *   what is wrong who unpacks it alone
   */
  unpack(packed: Uint8Array, sizeBytes: number): Promise<Uint8Array | undefined> {
    if (packed.length % STREAM_ALIGNMENT !== 0) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.#queue.push({ packed, out: new Uint8Array(sizeBytes), fill: 0, settle: resolve });
      if (this.#isWaiting) return;
      this.#isWaiting = true;
      // What is asked for at the same time goes together.
      queueMicrotask(() => {
        this.#isWaiting = false;
        this.#dispatch();
      });
    });
  }

  close(): void {
    for (const job of this.#queue.splice(0)) job.settle(undefined);
    for (const child of this.#running) child.kill("SIGKILL");
  }

  #dispatch(): void {
    while (this.#queue.length > 0 && this.#running.size < this.#width) {
      const batch: Job[] = [];
      let size = 0;
      do {
        const job = this.#queue.shift()!;
        batch.push(job);
        size += job.packed.length;
      } while (this.#queue.length > 0 && size + this.#queue[0]!.packed.length <= BATCH_BYTES);
      this.#run(batch);
    }
  }

  #run(batch: readonly Job[]): void {
    const child = spawn(this.#path, ["-dcq"], { stdio: ["pipe", "pipe", "ignore"] });
    this.#running.add(child);
    let at = 0,
      isSound = true;
    const settle = (isWell: boolean): void => {
      if (!this.#running.delete(child)) return;
      isWell &&= isSound && at === batch.length;
      for (const job of batch) job.settle(isWell ? job.out : undefined);
      this.#dispatch();
    };
    // A program that gives up early has broken the pipe; its status says so.
    child.stdin.on("error", () => {});
    child.stdout.on("data", (piece: Buffer) => {
      let from = 0;
      skipFull();
      while (from < piece.length && at < batch.length) {
        const job = batch[at]!,
          count = Math.min(piece.length - from, job.out.length - job.fill);
        job.out.set(piece.subarray(from, from + count), job.fill);
        job.fill += count;
        from += count;
        skipFull();
      }
      // More than the indices say.
      if (from < piece.length) {
        isSound = false;
        child.kill("SIGKILL");
      }
    });
    const skipFull = (): void => {
      while (at < batch.length && batch[at]!.fill === batch[at]!.out.length) at++;
    };
    child.on("error", () => settle(false));
    child.on("close", (status) => {
      skipFull();
      settle(status === 0);
    });
    child.stdin.cork();
    for (const { packed } of batch) child.stdin.write(packed);
    child.stdin.end();
  }
}
