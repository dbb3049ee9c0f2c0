/**
 * The thread that serves trees to the kernel, one after another. It is one of its own because it blocks until the mount
 * is gone.
 */
import { closeSync, openSync, readSync } from "node:fs";
import { parentPort } from "node:worker_threads";
import { EPERM } from "@stratos/abi";
import type { Observations } from "@stratos/compose";
import { MessageDescriptor } from "../fuse/message-descriptor.ts";
import { hostErrno } from "@stratos/host-node/files";
import { decodeColumns, type ServedColumns } from "./served-columns.ts";
import { SERVED_MEMORY_SIZE, ServedTree, type MessageDevice } from "./served-tree.ts";

export interface TreeThreadStart {
  /** of /dev/fuse, which a mount has been joined with or will be */
  readonly fd: number;
  readonly columns: ServedColumns;
  /** paths of the files that content is in; "" is `memory` */
  readonly packs: readonly string[];
  readonly memory: Uint8Array;
  /** becomes 1 when no mount is to be waited for any more */
  readonly given: Int32Array;
}

export interface TreeThreadEnd {
  readonly errno: number;
  readonly observations: Omit<Observations, "queries">;
}

class Device extends MessageDescriptor implements MessageDevice {
  readonly #given: Int32Array;

  constructor(fd: number, memory: ArrayBuffer, given: Int32Array) {
    super(fd, memory);
    this.#given = given;
  }

  override receive(at: number, sizeMax: number): number {
    for (;;) {
      const result = super.receive(at, sizeMax);
      // Until a mount is joined with it, the descriptor cannot be read; the kernel offers nothing to wait on.
      if (result !== -EPERM || Atomics.wait(this.#given, 0, 0, MOUNT_POLL_MS) !== "timed-out") return result;
    }
  }
}

const MOUNT_POLL_MS = 2;

/** Descriptors of packs: each is opened when it is first read from. */
class Packs {
  readonly #paths: readonly string[];
  readonly #memory: Uint8Array;
  readonly #fds = new Map<number, number>();

  constructor(paths: readonly string[], memory: Uint8Array) {
    this.#paths = paths;
    this.#memory = memory;
  }

  read(pack: number, offset: number, into: Uint8Array): number {
    if (this.#paths[pack] === "") {
      into.set(this.#memory.subarray(offset, offset + into.length));
      return into.length;
    }
    let fd = this.#fds.get(pack);
    try {
      if (fd === undefined) this.#fds.set(pack, (fd = openSync(this.#paths[pack]!, "r")));
      return readSync(fd, into, 0, into.length, offset);
    } catch (error) {
      return hostErrno(error);
    }
  }

  close(): void {
    for (const fd of this.#fds.values()) closeSync(fd);
  }
}

const port = parentPort;
if (port === null) throw new Error("tree-thread runs as a worker thread");
const memory = new ArrayBuffer(SERVED_MEMORY_SIZE);
port.on("message", (start: TreeThreadStart) => {
  const packs = new Packs(start.packs, start.memory);
  const served = new ServedTree(
    new Device(start.fd, memory, start.given),
    decodeColumns(start.columns),
    (pack, offset, into) => packs.read(pack, offset, into),
  );
  const errno = served.serve();
  packs.close();
  port.postMessage({ errno, observations: served.observations } satisfies TreeThreadEnd);
});
