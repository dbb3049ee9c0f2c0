import { stateClass } from "@stratos/base";
import { MessageQueues } from "./message-queues.ts";
import { Semaphores } from "./semaphores.ts";
import { SharedMemory } from "./shared-memory.ts";
import type { IpcKernel } from "./ipc-kernel.ts";

/** System V IPC of the machine (sysvipc(7)). */
export class IpcState {
  readonly semaphores: Semaphores;
  readonly messages = new MessageQueues();
  readonly memory: SharedMemory;

  constructor(kernel: IpcKernel) {
    this.semaphores = new Semaphores(kernel);
    this.memory = new SharedMemory(kernel);
  }

  static {
    stateClass("IpcState", this);
  }
}
