import { useChecksumLanes } from "@stratos/aegisfs";
import { MEMORY_SIZE, type FuseDevice } from "@stratos/fuse";
import { makeChecksumLanes } from "../checksum-lanes.ts";
import { NodeWasmEngine } from "../wasm-engine.ts";
import { MessageDescriptor } from "./message-descriptor.ts";

/** A descriptor of /dev/fuse that a mount belongs to. `receive` blocks the thread. */
export class DevFuse extends MessageDescriptor implements FuseDevice {
  readonly #notify: (messages: Uint8Array) => void;

  /** @param notify  sends messages from another thread */
  constructor(fd: number, notify: (messages: Uint8Array) => void) {
    // Memory of WebAssembly begins on a page; other buffers of this size begin 16 bytes behind one.
    const engine = new NodeWasmEngine();
    const memory = engine.createMemory(MEMORY_SIZE / 65536);
    super(fd, memory.buffer);
    // The page before the requests is free.
    useChecksumLanes(makeChecksumLanes(engine, memory, 0));
    this.#notify = notify;
  }

  notify(messages: Uint8Array): void {
    this.#notify(messages);
  }
}
