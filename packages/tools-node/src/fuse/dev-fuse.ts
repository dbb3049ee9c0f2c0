import { useChecksumLanes } from "@stratos/aegisfs";
import { MEMORY_SIZE, Q_PID, type FuseDevice } from "@stratos/fuse";
import { makeChecksumLanes, NodeWasmEngine } from "@stratos/host-node";
import { CallerHabit } from "./caller-habit.ts";
import { MessageDescriptor } from "./message-descriptor.ts";
import { threadProcessors, type ThreadMove } from "./thread-processors.ts";

/** What the other thread does for the serving one, which must not do it itself. */
export interface MainThread {
  /** Sends messages; with `waits` it has when this returns, or time is up. */
  notify(messages: Uint8Array, waits: boolean): void;
  askForAll(token: string): boolean;
  moveThread(move: ThreadMove): void;
}

/** A descriptor of /dev/fuse that a mount belongs to. `receive` blocks the thread. */
export class DevFuse extends MessageDescriptor implements FuseDevice {
  readonly #main: MainThread;
  readonly #words: Uint32Array;
  /** null: nothing is known of processors, or there is but one. */
  readonly #habit: CallerHabit | null;

  constructor(fd: number, main: MainThread) {
    // Memory of WebAssembly begins on a page; other buffers of this size begin 16 bytes behind one.
    const engine = new NodeWasmEngine();
    const memory = engine.createMemory(MEMORY_SIZE / 65536);
    super(fd, memory.buffer);
    // The page before the requests is free.
    useChecksumLanes(makeChecksumLanes(engine, memory, 0));
    this.#main = main;
    this.#words = new Uint32Array(memory.buffer);
    const processors = threadProcessors((move) => main.moveThread(move));
    this.#habit = processors === null ? null : new CallerHabit(processors);
  }

  override receive(at: number, sizeMax: number): number {
    const length = super.receive(at, sizeMax);
    if (length > 0) this.#habit?.came(this.#words[Q_PID]!);
    return length;
  }

  notify(messages: Uint8Array): void {
    this.#main.notify(messages, true);
  }

  notifyLater(messages: Uint8Array): void {
    this.#main.notify(messages, false);
  }

  askForAll(token: string): boolean {
    return this.#main.askForAll(token);
  }
}
