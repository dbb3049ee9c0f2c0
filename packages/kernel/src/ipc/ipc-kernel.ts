import type { FsKernel } from "../fs/fs-kernel.ts";
import type { MmCaller, MmKernel } from "../mm/mm-kernel.ts";
import type { Time } from "../vfs/inode.ts";
import type { IpcState } from "./ipc-state.ts";
import type { UndoList } from "./semaphores.ts";

/** What System V IPC needs of the kernel. */
export interface IpcKernel extends MmKernel, FsKernel {
  readonly tasks: FsKernel["tasks"];
  readonly scheduler: FsKernel["scheduler"];
  /** `taskEnded`: a task has ended, and its process still is in the table. */
  readonly taskObservers: {
    add(observer: { taskEnded(task: IpcCaller): void }): void;
    delete(observer: { taskEnded(task: IpcCaller): void }): void;
  };
  realtime(): Time;
}

/** Who uses it. */
export interface IpcCaller extends MmCaller {
  readonly kernel: IpcKernel;
  readonly semaphoreUndo: UndoList;
  /** Its IPC namespace. */
  readonly ipc: IpcState;
}
