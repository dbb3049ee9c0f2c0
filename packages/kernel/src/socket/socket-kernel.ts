import type { RandomSource } from "@stratos/host";
import type { Uevents } from "../ground/uevents.ts";
import type { Notice } from "../ground/notice.ts";
import type { TimerQueue } from "../time/timer-queue.ts";
import type { Inode, Time } from "../vfs/inode.ts";
import type { Caller, VfsKernel } from "../vfs/vfs-kernel.ts";
import type { FilesInFlight } from "./files-in-flight.ts";
import type { InterfaceNetwork } from "./interface-network.ts";
import type { PacketBacklog } from "./ip/packet-backlog.ts";
import type { SocketMemory } from "./socket-memory.ts";

/** net.core.rmem_default, rmem_max, wmem_default, wmem_max. */
export interface SocketBuffers {
  receiveDefault: number;
  receiveMost: number;
  sendDefault: number;
  sendMost: number;
}

/** What all sockets of a machine share, of whatever family (socket-state.ts). */
export interface SharedBySockets {
  readonly tcpMemory: SocketMemory;
  readonly udpMemory: SocketMemory;
  readonly inFlight: FilesInFlight;
  readonly buffers: SocketBuffers;
  /** Frames that wait for the IP layers of their networks. */
  readonly backlog: PacketBacklog;
  /** Bytes between a provider or a queue and user memory; valid during one call. */
  readonly transfer: Uint8Array;
  /** `struct taskstats` of a thread or a process by its number for the caller; −ESRCH there is none. */
  taskStatistics(caller: SocketCaller, id: number, of: "thread" | "process"): Uint8Array | number;
}

/** What sockets need of the kernel. */
export interface SocketKernel extends VfsKernel {
  /** Of all networks of the machine. */
  readonly socketState: SharedBySockets;
  readonly random: RandomSource;
  readonly timers: TimerQueue;
  readonly uevents: Uevents;
  /** What programs asked for in vain, with a detail where there is one. */
  readonly notices: Map<Notice, string>;
  realtime(): Time;
  /** To be called when something from outside made work for the machine's next turn. */
  readonly onRunnable: (() => void) | null;
}

/** A network (network.ts), as a socket of any family knows it; those of one say more of it beside their class. */
export interface SocketNetwork extends InterfaceNetwork {
  readonly kernel: SocketKernel;
  readonly tcpMemory: SocketMemory;
  readonly udpMemory: SocketMemory;
  readonly inFlight: FilesInFlight;
  readonly transfer: Uint8Array;
  /** Its number: SO_NETNS_COOKIE, too. */
  readonly ino: number;
  /** The inode of a socket: owner and number for fstat(2). */
  createInode(owner: { fsuid: number; fsgid: number }, protocolName: string): Inode;
  retain(): this;
  release(): void;
}

/** Who uses a socket. */
export interface SocketCaller extends Caller {
  /** Of its program. */
  readonly name: string;
  readonly kernel: SocketKernel;
  /** Its network namespace. */
  readonly network: SocketNetwork;
}
