import type { Caller, VfsKernel } from "../vfs/vfs-kernel.ts";

/** What terminals need of the kernel. */
export interface TtyKernel extends VfsKernel {
  /** Bytes to build structures in; valid until the call returns. */
  readonly scratch: { readonly u8: Uint8Array; readonly view: DataView };
}

/** Who uses one. */
export interface TtyCaller extends Caller {
  readonly kernel: TtyKernel;
  /** The system call that is under way (a7). */
  readonly syscallNumber: number;
}
