import type { FsKernel } from "../fs/fs-kernel.ts";
import type { MmCaller, MmKernel } from "../mm/mm-kernel.ts";
import type { Time } from "../vfs/inode.ts";
import type { UndoList } from "./semaphores.ts";

/** What System V IPC needs of the kernel. */
export interface IpcKernel extends MmKernel, FsKernel {
  readonly tasks: FsKernel["tasks"];
  readonly scheduler: FsKernel["scheduler"];
  /** Told of each thread that ends, while its process still is in the table. */
  readonly exitObservers: { add(observer: (task: IpcCaller) => void): void };
  realtime(): Time;
}

/** Who uses it. */
export interface IpcCaller extends MmCaller {
  readonly kernel: IpcKernel;
  readonly semaphoreUndo: UndoList;
}
