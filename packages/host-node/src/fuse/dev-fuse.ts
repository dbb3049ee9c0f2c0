import { readFileSync, readSync, writeSync } from "node:fs";
import { MEMORY_SIZE, type FuseDevice } from "@stratos/fuse";
import { hostErrno } from "../host-errno.ts";
import { NodeWasmEngine } from "../wasm-engine.ts";

/** A descriptor of /dev/fuse that a mount belongs to. `receive` blocks the thread. */
export class DevFuse implements FuseDevice {
  readonly memory: ArrayBuffer;
  readonly #bytes: Uint8Array;
  readonly #fd: number;
  readonly #waitingPath: string | null;

  /** @param connection  number of the mount's connection (the minor of its device), null when not known */
  constructor(fd: number, connection: number | null) {
    this.#fd = fd;
    this.#waitingPath = connection === null ? null : `/sys/fs/fuse/connections/${connection}/waiting`;
    // Memory of WebAssembly begins on a page; other buffers of this size begin 16 bytes behind one.
    this.memory = new NodeWasmEngine().createMemory(MEMORY_SIZE / 65536).buffer as ArrayBuffer;
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

  /** fusectl may not be mounted, and belongs to whoever mounted. */
  waiting(): number {
    if (this.#waitingPath === null) return -1;
    try {
      return Number.parseInt(readFileSync(this.#waitingPath, "latin1"), 10);
    } catch {
      return -1;
    }
  }
}
