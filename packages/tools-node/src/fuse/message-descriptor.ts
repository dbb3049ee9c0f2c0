import { readSync, writeSync } from "node:fs";
import { hostErrno } from "@stratos/host-node/files";

/** A descriptor of /dev/fuse and the memory that messages go through. Errors come as negated errnos. */
export class MessageDescriptor {
  readonly memory: ArrayBuffer;
  readonly #bytes: Uint8Array;
  readonly #fd: number;

  constructor(fd: number, memory: ArrayBuffer) {
    this.#fd = fd;
    this.memory = memory;
    this.#bytes = new Uint8Array(memory);
  }

  /** Blocks the thread. */
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
}
