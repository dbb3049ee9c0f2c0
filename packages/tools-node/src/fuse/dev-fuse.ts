import { useChecksumLanes } from "@stratos/aegisfs";
import { MEMORY_SIZE, type FuseDevice } from "@stratos/fuse";
import { makeChecksumLanes, NodeWasmEngine } from "@stratos/host-node";
import { HaltPoll } from "./halt-poll.ts";
import { haltPoller } from "./halt-poller.ts";
import { MessageDescriptor } from "./message-descriptor.ts";

/** What the other thread does for the serving one, which must not do it itself. */
export interface MainThread {
  /** Sends messages; with `waits` it has when this returns, or time is up. */
  notify(messages: Uint8Array, waits: boolean): void;
  askForAll(token: string): boolean;
  startPolling(words: Int32Array): void;
}

/** A descriptor of /dev/fuse that a mount belongs to. `receive` blocks the thread. */
export class DevFuse extends MessageDescriptor implements FuseDevice {
  readonly #main: MainThread;
  /** null: there is but one processor. */
  readonly #haltPoll: HaltPoll | null;

  constructor(fd: number, main: MainThread) {
    // Memory of WebAssembly begins on a page; other buffers of this size begin 16 bytes behind one.
    const engine = new NodeWasmEngine();
    const memory = engine.createMemory(MEMORY_SIZE / 65536);
    super(fd, memory.buffer);
    // The page before the requests is free.
    useChecksumLanes(makeChecksumLanes(engine, memory, 0));
    this.#main = main;
    const poller = haltPoller((words) => main.startPolling(words));
    this.#haltPoll = poller === null ? null : new HaltPoll(poller);
  }

  override receive(at: number, sizeMax: number): number {
    const length = super.receive(at, sizeMax);
    if (length > 0) this.#haltPoll?.came();
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
