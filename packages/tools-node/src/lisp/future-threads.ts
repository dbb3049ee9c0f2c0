/**
 * Threads in which futures run (packages/lisp, running-heap.ts), as many as there are processors beside the program's.
 * The program's thread may stand still while it waits for one, so that answers come by a port that is asked, and a word
 * that is waited for. A thread is kept for the next future.
 */
import { availableParallelism } from "node:os";
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from "node:worker_threads";
import type { FutureOutcome, FutureThreads, RunningFuture, RunningHeap } from "@stratos/lisp";

/** What a thread is made with. */
export interface FutureThreadData {
  readonly image: Uint8Array | null;
  readonly commandLine: readonly string[];
}
/** What it is asked. The word becomes 1 when the outcome was posted. */
export interface FutureTask {
  readonly heap: RunningHeap;
  readonly port: MessagePort;
  readonly word: Int32Array;
}

class Thread {
  readonly worker: Worker;
  /** Of its last future. */
  word: Int32Array | null;
  constructor(script: URL, data: FutureThreadData) {
    this.worker = new Worker(script, { workerData: data });
    // A program that ends waits for no future.
    this.worker.unref();
    this.word = null;
  }

  get isFree(): boolean {
    return this.word === null || Atomics.load(this.word, 0) === 1;
  }
}

export class NodeFutureThreads implements FutureThreads {
  readonly count: number;
  readonly #script: URL;
  readonly #data: FutureThreadData;
  readonly #threads: Set<Thread>;

  /** @param script  what a thread runs: it calls `serveFutures` */
  constructor(script: URL, data: FutureThreadData, count = Math.max(1, availableParallelism() - 1)) {
    this.#script = script;
    this.#data = data;
    this.count = count;
    this.#threads = new Set();
  }

  #freeThread(): Thread | undefined {
    return [...this.#threads].find(({ isFree }) => isFree);
  }

  get isFree(): boolean {
    return this.#threads.size < this.count || this.#freeThread() !== undefined;
  }

  start(heap: RunningHeap): RunningFuture {
    let thread = this.#freeThread();
    if (thread === undefined) this.#threads.add((thread = new Thread(this.#script, this.#data)));
    const { port1, port2 } = new MessageChannel();
    const word = new Int32Array(new SharedArrayBuffer(4));
    thread.word = word;
    port1.unref();
    const task: FutureTask = { heap, port: port2, word };
    thread.worker.postMessage(task, [port2, heap.memory[0]!.bytes.buffer as ArrayBuffer]);
    return new ThreadFuture(port1, word, () => {
      if (thread.word !== word || thread.isFree) return;
      this.#threads.delete(thread);
      void thread.worker.terminate();
    });
  }
}

class ThreadFuture implements RunningFuture {
  readonly #port: MessagePort;
  readonly #word: Int32Array;
  readonly #stop: () => void;

  constructor(port: MessagePort, word: Int32Array, stop: () => void) {
    this.#port = port;
    this.#word = word;
    this.#stop = stop;
  }

  wait(milliseconds: number): FutureOutcome | null {
    if (Atomics.wait(this.#word, 0, 0, milliseconds) === "timed-out") return null;
    return receiveMessageOnPort(this.#port)!.message as FutureOutcome;
  }

  close(): void {
    this.#stop();
    this.#port.close();
  }
}
