import { stateClass } from "@stratos/base";
import { Namespace, type NamespaceOrigin } from "../security/namespace.ts";
import { MessageQueues } from "./message-queues.ts";
import { Semaphores } from "./semaphores.ts";
import { SharedMemory } from "./shared-memory.ts";
import type { IpcKernel } from "./ipc-kernel.ts";

/** System V IPC objects (sysvipc(7)) of an IPC namespace (ipc_namespaces(7)). */
export class IpcState extends Namespace {
  readonly kind = "ipc";
  readonly semaphores: Semaphores;
  readonly messages = new MessageQueues();
  readonly memory: SharedMemory;

  constructor(kernel: IpcKernel, origin: NamespaceOrigin) {
    super(origin);
    this.semaphores = new Semaphores(kernel);
    this.memory = new SharedMemory(kernel);
  }

  static {
    stateClass("IpcState", this);
  }
}
