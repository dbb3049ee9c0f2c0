import type { FsKernel } from "../fs/fs-kernel.ts";
import type { TimerQueue } from "../time/timer-queue.ts";
import type { Caller } from "../vfs/vfs-kernel.ts";
import type { TtyKernel } from "../tty/tty-kernel.ts";
import type { TtyState } from "../tty/tty-state.ts";
import type { DrmCard } from "./drm-card.ts";

/** What screens need of the kernel. */
export interface GraphicsKernel extends FsKernel {
  readonly tty: TtyState;
  readonly scratch: TtyKernel["scratch"];
  readonly timers: TimerQueue;
  /** With the machine's screen; null: it has none. */
  graphics: { readonly card: DrmCard } | null;
}

/** Who uses one. */
export interface GraphicsCaller extends Caller {
  readonly kernel: GraphicsKernel;
  /** As /proc/PID/comm has it. */
  readonly name: string;
}
