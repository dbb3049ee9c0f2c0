/** The thread that serves a tree to the kernel. It is one of its own because it blocks; it ends with the mount. */
import { closeSync, openSync, readSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { EPERM } from "@stratos/abi";
import type { Observations } from "@stratos/compose";
import { MessageDescriptor } from "../fuse/message-descriptor.ts";
import { hostErrno } from "../host-errno.ts";
import { SERVED_MEMORY_SIZE, ServedTree, type MessageDevice, type ServedEntry } from "./served-tree.ts";

export interface TreeThreadStart {
  /** of /dev/fuse, which a mount has been joined with or will be */
  readonly fd: number;
  readonly entries: readonly ServedEntry[];
  /** paths of the files that content is in; "" is `memory` */
  readonly packs: readonly string[];
  readonly memory: Uint8Array;
  /** becomes 1 when no mount is to be waited for any more */
  readonly given: Int32Array;
}

export interface TreeThreadEnd { readonly errno: number; readonly observations: Omit<Observations, "queries"> }

class Device extends MessageDescriptor implements MessageDevice {
  readonly #given: Int32Array;

  constructor(fd: number, given: Int32Array) {
    super(fd, new ArrayBuffer(SERVED_MEMORY_SIZE));
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

const start = workerData as TreeThreadStart;
const packs = new Packs(start.packs, start.memory);
const served = new ServedTree(new Device(start.fd, start.given), start.entries, (pack, offset, into) => packs.read(pack, offset, into));
const errno = served.serve();
packs.close();
parentPort!.postMessage({ errno, observations: served.observations } satisfies TreeThreadEnd);
