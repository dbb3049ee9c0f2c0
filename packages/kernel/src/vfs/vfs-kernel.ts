import type { CpuClock } from "@stratos/host";
import type { PhysicalMemory } from "@stratos/riscv";
import type { FrameAllocator } from "../frames/frame-allocator.ts";
import type { MemoryAccount } from "../frames/memory-account.ts";
import type { CallWork } from "../ground/call-work.ts";
import type { UserMemory } from "../ground/user-memory.ts";
import type { CallState } from "../ground/call-state.ts";
import type { WaitingCall } from "../ground/wait-queue.ts";
import type { SignalKernel, SignalTask, TasksOf } from "../signal/signal-target.ts";
import type { AskingCall } from "./fanotify-mark.ts";
import type { FileTable } from "./file-table.ts";
import type { FsContext } from "./fs-context.ts";
import type { Inode } from "./inode.ts";
import type { MountNamespace } from "./mount-namespace.ts";
import type { MountDevices } from "./mount-device.ts";
import type { VfsState } from "./vfs-state.ts";

/** What files and file systems need of the kernel. */
export interface VfsKernel extends SignalKernel {
  readonly physical: PhysicalMemory;
  readonly frames: FrameAllocator;
  /** To which frames are charged that belong to no process. */
  readonly memory: MemoryAccount;
  readonly clock: CpuClock;
  /** A line of dmesg(1). */
  log(message: string): void;
  readonly work: CallWork;
  readonly vfs: VfsState;
  readonly disks: MountDevices;
  /** Who is on the hart. */
  readonly scheduler: SignalKernel["scheduler"] & { readonly current: Caller | null };
  /** Set when the root is mounted. */
  mounts: MountNamespace;
  readonly tasks: TasksOf<Caller>;
  readonly realtimeOffsetMs: number;
  /** The last number that `identityOf` gave. */
  lastIdentity: number;
  now(): number;
  realtime(): { seconds: number; nanoseconds: number };
  /** How long ago a time was, in nanoseconds. */
  realtimeSinceNs(time: { seconds: number; nanoseconds: number }): number;
  /**
   * A file becomes shorter, and its pages are about to be dropped: mappings of them go, in pieces when the call under
   * way may pause.
   *
   * @param from  what an earlier piece returned
   * @returns null when all are gone, else what the next piece is given (plain data)
   */
  fileShrinks(inode: Inode, size: number, from?: CallState | null): CallState | null;
  /** A file is about to differ from its image (frames/image-pages.ts). */
  fileLeavesImage(inode: Inode): void;
  /** Bytes that whoever is on the hart had fetched from a file system's device, and made to be stored there. */
  countStorage(fetched: number, stored: number): void;
  allocateDevice(): number;
  allocateAnonymousIno(): number;
}

/**
 * Who makes a system call, as files see it: whose rights and limits count, from where names are looked up, whose memory
 * bytes come from and go to, and what waits. Tasks are that; who needs more of one (tty, mm) takes a larger interface,
 * which tasks are, too.
 */
export interface Caller extends SignalTask, WaitingCall, AskingCall {
  readonly kernel: VfsKernel;
  readonly credentials: SignalTask["credentials"];
  readonly pid: number;
  readonly tid: number;
  readonly files: FileTable;
  readonly fs: FsContext;
  readonly space: UserMemory;
  /**
   * Does its control group let it use the device? @param access  of BPF_DEVCG_ACC_…
   */
  mayUseDevice(kind: number, rdev: number, access: number): boolean;
}
