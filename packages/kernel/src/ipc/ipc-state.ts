import { stateClass } from "@stratos/base";
import { Namespace, type NamespaceOrigin } from "../security/namespace.ts";
import type { MqueueFileSystem } from "../fs/mqueue/mqueue.ts";
import { MessageQueues } from "./message-queues.ts";
import { Semaphores } from "./semaphores.ts";
import { SharedMemory } from "./shared-memory.ts";
import type { IpcKernel } from "./ipc-kernel.ts";

/** System V IPC objects (sysvipc(7)) of an IPC namespace (ipc_namespaces(7)). */
export class IpcState extends Namespace {
  readonly kind = "ipc";
  readonly semaphores: Semaphores;
  readonly messages: MessageQueues;
  readonly memory: SharedMemory;
  /** POSIX message queues; null: nobody has asked for them yet. */
  mqueue: MqueueFileSystem | null = null;

  constructor(kernel: IpcKernel, origin: NamespaceOrigin) {
    super(origin);
    this.semaphores = new Semaphores(kernel, origin.owner);
    this.messages = new MessageQueues(kernel.ipcMemory, origin.owner);
    this.memory = new SharedMemory(kernel, origin.owner);
  }

  protected override dispose(): void {
    this.semaphores.end();
    this.messages.end();
    this.memory.end();
    if (this.mqueue !== null) this.mqueue.hasEnded = true;
  }

  static {
    stateClass("IpcState", this);
  }
}
