import type { FsKernel } from "../fs/fs-kernel.ts";
import type { Caller } from "../vfs/vfs-kernel.ts";
import type { Uevents } from "../ground/uevents.ts";
import type { Disks } from "./disks.ts";

/** What block devices need of the kernel. */
export interface BlockKernel extends FsKernel {
  readonly disks: Disks;
  readonly uevents: Uevents;
}

/** Who uses one. */
export interface BlockCaller extends Caller {
  readonly kernel: BlockKernel;
}
