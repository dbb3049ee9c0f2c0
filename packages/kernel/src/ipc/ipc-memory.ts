import { stateClass } from "@stratos/base";
import type { IpcObject } from "./ipc-table.ts";

/** Most that a machine's objects hold, whatever its memory. */
const BYTES_MOST = 256 << 20;

/**
 * What messages and semaphores of all IPC namespaces hold of the host's memory, which Linux charges to a control group:
 * a root that raises its own limits (msg_qbytes; SEMMNI sets of SEMMSL) would find none.
 */
export class IpcMemory {
  readonly most: number;
  bytes = 0;

  /** @param memoryBytes  of the machine */
  constructor(memoryBytes: number) {
    this.most = Math.min(BYTES_MOST, memoryBytes / 4);
  }

  /** @returns false: there is no room (ENOMEM) */
  take(object: IpcObject, bytes: number): boolean {
    if (this.bytes + bytes > this.most) return false;
    this.bytes += bytes;
    object.heldBytes += bytes;
    return true;
  }

  give(object: IpcObject, bytes = object.heldBytes): void {
    this.bytes -= bytes;
    object.heldBytes -= bytes;
  }

  static {
    stateClass("IpcMemory", this);
  }
}
