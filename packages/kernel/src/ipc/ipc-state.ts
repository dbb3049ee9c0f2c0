import type { Kernel } from "../task/kernel-state.ts";
import { MessageQueues } from "./message-queues.ts";
import { Semaphores } from "./semaphores.ts";
import { SharedMemory } from "./shared-memory.ts";

/** System V IPC of the machine (sysvipc(7)). */
export class IpcState {
  readonly semaphores: Semaphores;
  readonly messages = new MessageQueues();
  readonly memory: SharedMemory;

  constructor(kernel: Kernel) {
    this.semaphores = new Semaphores(kernel);
    this.memory = new SharedMemory(kernel);
  }
}
