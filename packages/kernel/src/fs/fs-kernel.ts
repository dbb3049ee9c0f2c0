import type { RandomSource } from "@stratos/host";
import type { Reaper } from "../frames/reaper.ts";
import type { WaitQueue } from "../ground/wait-queue.ts";
import type { KernelLog } from "../ground/kernel-log.ts";
import type { MmCaller } from "../mm/mm-kernel.ts";
import type { TasksOf } from "../signal/signal-target.ts";
import type { Caller, VfsKernel } from "../vfs/vfs-kernel.ts";
import type { WatchLimits } from "./watch-limits.ts";
import type { PipeLimits } from "./pipe/pipe-limits.ts";
import type { Devtmpfs } from "./devtmpfs/devtmpfs.ts";
import type { Mount } from "../vfs/mount.ts";

/** What file systems, pipes and watches need of the kernel. */
export interface FsKernel extends VfsKernel {
  readonly random: RandomSource;
  /** Executions of calls so far, also of those that come again. */
  readonly syscallCount: number;
  readonly reaper: Reaper;
  readonly pipeLimits: PipeLimits;
  readonly inotifyLimits: WatchLimits;
  readonly fanotifyLimits: WatchLimits;
  /** What dmesg(1) shows. */
  readonly messages: KernelLog;
  /** How often there was no room on an AegisFS volume for what a program wrote. */
  refusedWrites: number;
  /** The file systems that there is one of in the machine; null: nobody has asked for it yet. */
  devtmpfs: Devtmpfs | null;
  /** The tmpfs that memfds and shared anonymous files live in. */
  shmemMount: Mount | null;
  readonly scheduler: VfsKernel["scheduler"] & { wakeGently(queue: WaitQueue, events: number): void };
  readonly tasks: TasksOf<MmCaller>;
  /** @param priority  facility and level of syslog(3) */
  logAs(priority: number, message: string): void;
}

/** Who uses one of them. */
export interface FsCaller extends Caller {
  readonly kernel: FsKernel;
}
