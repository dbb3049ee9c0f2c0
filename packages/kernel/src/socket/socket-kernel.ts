import type { RandomSource } from "@stratos/host";
import type { Notice } from "../ground/notice.ts";
import type { TimerQueue } from "../time/timer-queue.ts";
import type { Time } from "../vfs/inode.ts";
import type { Caller, VfsKernel } from "../vfs/vfs-kernel.ts";
import type { Network } from "./network.ts";
import type { SocketState } from "./socket-state.ts";

/** What sockets need of the kernel. */
export interface SocketKernel extends VfsKernel {
  /** Of all networks of the machine. */
  readonly socketState: SocketState;
  readonly random: RandomSource;
  readonly timers: TimerQueue;
  /** What programs asked for in vain, with a detail where there is one. */
  readonly notices: Map<Notice, string>;
  realtime(): Time;
}

/** Who uses a socket. */
export interface SocketCaller extends Caller {
  readonly kernel: SocketKernel;
  /** Its network namespace. */
  readonly network: Network;
}
