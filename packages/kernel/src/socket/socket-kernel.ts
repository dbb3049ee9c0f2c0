import type { RandomSource, SocketProvider } from "@stratos/host";
import type { Notice } from "../ground/notice.ts";
import type { TimerQueue } from "../time/timer-queue.ts";
import type { Time } from "../vfs/inode.ts";
import type { Caller, VfsKernel } from "../vfs/vfs-kernel.ts";
import type { Network } from "./network.ts";

/** What sockets need of the kernel. */
export interface SocketKernel extends VfsKernel {
  /** Names, ports and interfaces. */
  readonly network: Network;
  /** Carries AF_INET and AF_INET6; null: no network. */
  readonly sockets: SocketProvider | null;
  readonly random: RandomSource;
  readonly timers: TimerQueue;
  /** What programs asked for in vain, with a detail where there is one. */
  readonly notices: Map<Notice, string>;
  realtime(): Time;
}

/** Who uses a socket. */
export interface SocketCaller extends Caller {
  readonly kernel: SocketKernel;
}
