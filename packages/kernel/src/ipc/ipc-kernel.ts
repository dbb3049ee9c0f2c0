import type { Identified } from "../ground/identity.ts";
import type { FsKernel } from "../fs/fs-kernel.ts";
import type { MmCaller, MmKernel } from "../mm/mm-kernel.ts";
import type { IpcMemory } from "./ipc-memory.ts";
import type { Time } from "../vfs/inode.ts";

/** Whose SEM_UNDO notes are one: a thread, or all that share by CLONE_SYSVSEM. */
export interface UndoList extends Identified {
  users: number;
  /** Somebody asked for SEM_UNDO or CLONE_SYSVSEM: until then kcmp(2) finds no list, which is what others have, too. */
  isMade: boolean;
}

/** What System V IPC needs of the kernel. */
export interface IpcKernel extends MmKernel, FsKernel {
  readonly tasks: FsKernel["tasks"];
  readonly scheduler: FsKernel["scheduler"];
  /** `taskEnded`: a task has ended, and its process still is in the table. */
  readonly taskObservers: {
    add(observer: { taskEnded(task: IpcCaller): void }): void;
    delete(observer: { taskEnded(task: IpcCaller): void }): void;
  };
  readonly ipcMemory: IpcMemory;
  readonly hart: { copyWords(register: number, to: Uint32Array, at: number): void };
  realtime(): Time;
}

/** Who uses it. */
export interface IpcCaller extends MmCaller {
  readonly kernel: IpcKernel;
  blockedKind: number;
  endWait(reason: "queue" | "signal"): void;
  readonly semaphoreUndo: UndoList;
  /** Its IPC namespace. */
  readonly ipc: { readonly semaphores: object };
}
