import { readSync, writeSync } from "node:fs";
import { useChecksumLanes } from "@stratos/aegisfs";
import { makeChecksumLanes, MEMORY_SIZE, type FuseDevice } from "@stratos/fuse";
import { hostErrno } from "../host-errno.ts";
import { NodeWasmEngine } from "../wasm-engine.ts";

/** A descriptor of /dev/fuse that a mount belongs to. `receive` blocks the thread. */
export class DevFuse implements FuseDevice {
  readonly memory: ArrayBuffer;
  readonly #bytes: Uint8Array;
  readonly #fd: number;
  readonly #notify: (messages: Uint8Array) => void;

  /** @param notify  sends messages from another thread */
  constructor(fd: number, notify: (messages: Uint8Array) => void) {
    this.#fd = fd;
    this.#notify = notify;
    // Memory of WebAssembly begins on a page; other buffers of this size begin 16 bytes behind one.
    const engine = new NodeWasmEngine();
    const memory = engine.createMemory(MEMORY_SIZE / 65536);
    this.memory = memory.buffer;
    // The page before the requests is free.
    useChecksumLanes(makeChecksumLanes(engine, memory, 0));
    this.#bytes = new Uint8Array(this.memory);
  }

  receive(at: number, sizeMax: number): number {
    try {
      return readSync(this.#fd, this.#bytes, at, sizeMax, null);
    } catch (error) {
      return hostErrno(error);
    }
  }

  send(at: number, length: number): number {
    try {
      writeSync(this.#fd, this.#bytes, at, length, null);
      return 0;
    } catch (error) {
      return hostErrno(error);
    }
  }

  notify(messages: Uint8Array): void {
    this.#notify(messages);
  }
}
