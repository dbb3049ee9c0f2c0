import { useChecksumLanes } from "@stratos/aegisfs";
import { MEMORY_SIZE, type FuseDevice } from "@stratos/fuse";
import { makeChecksumLanes } from "../checksum-lanes.ts";
import { NodeWasmEngine } from "../wasm-engine.ts";
import { EAGAIN } from "@stratos/abi";
import { makeMessageCalls, type MessageCalls } from "./message-calls.ts";
import { MessageDescriptor } from "./message-descriptor.ts";
import { WaitingHabit } from "./waiting-habit.ts";

/** What the other thread does for the serving one, which must not do it itself. */
export interface MainThread {
  /** Sends messages; with `waits` it has when this returns, or time is up. */
  notify(messages: Uint8Array, waits: boolean): void;
  askForAll(token: string): boolean;
}

/** The page before the requests is free (layout.ts): the lanes' 1 KiB, then what the calls need. */
const LANES_AT = 0;
const CALLS_AT = 1024;

/** A descriptor of /dev/fuse that a mount belongs to. `receive` keeps the thread until there is a message. */
export class DevFuse extends MessageDescriptor implements FuseDevice {
  readonly #main: MainThread;
  /** Null where Node has no WASI: then each message is slept for. */
  readonly #calls: MessageCalls | null;
  readonly #habit = new WaitingHabit(() => performance.now());
  #isWaiting = true;

  constructor(fd: number, main: MainThread) {
    // Memory of WebAssembly begins on a page; other buffers of this size begin 16 bytes behind one.
    const engine = new NodeWasmEngine();
    const memory = engine.createMemory(MEMORY_SIZE / 65536);
    super(fd, memory.buffer);
    useChecksumLanes(makeChecksumLanes(engine, memory, LANES_AT));
    this.#calls = makeMessageCalls(engine, memory, fd, CALLS_AT);
    this.#main = main;
  }

  override receive(at: number, sizeMax: number): number {
    const calls = this.#calls;
    if (calls === null) return super.receive(at, sizeMax);
    const { looks } = this.#habit;
    if (this.#isWaiting !== (looks === 0)) this.#setWaiting(calls, looks === 0);
    let length = calls.receive(at, sizeMax, looks);
    const isVain = length === -EAGAIN && looks > 0;
    if (isVain) {
      this.#setWaiting(calls, true);
      length = calls.receive(at, sizeMax, 0);
    }
    this.#habit.came(isVain);
    return length;
  }

  override send(at: number, length: number): number {
    return this.#calls === null ? super.send(at, length) : this.#calls.send(at, length);
  }

  #setWaiting(calls: MessageCalls, waits: boolean): void {
    calls.setWaiting(waits);
    this.#isWaiting = waits;
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
