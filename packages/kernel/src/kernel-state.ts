import { PAGE_SIZE } from "@stratos/abi";
import type { Clock, RandomSource, SocketProvider } from "@stratos/host";
import type { PhysicalMemory, Processor } from "@stratos/riscv";
import { FrameAllocator } from "./mm/frame-allocator.ts";
import { Scheduler } from "./task/scheduler.ts";
import { TaskTable } from "./task/task-table.ts";
import { TimerQueue } from "./time/timer-queue.ts";
import type { Time } from "./vfs/inode.ts";
import type { MountNamespace } from "./vfs/mount-namespace.ts";

export interface KernelOptions {
  physical: PhysicalMemory;
  clock: Clock;
  random: RandomSource;
  /** Carries AF_INET and AF_INET6; null: no network (`--net none`). */
  sockets: SocketProvider | null;
  hostname: string;
  /** Receives one line for each kernel message (printk). */
  log: (message: string) => void;
}

export class Kernel {
  readonly physical: PhysicalMemory;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly sockets: SocketProvider | null;
  readonly frames: FrameAllocator;
  readonly scheduler: Scheduler;
  readonly tasks: TaskTable;
  readonly timers: TimerQueue;
  readonly log: (message: string) => void;
  /** Set by boot. */
  processor!: Processor;
  /** Set when the root is mounted. */
  mounts!: MountNamespace;
  hostname: string;
  domainname = "(none)";
  /** Kernel bytes for system calls to build structures in; valid until the call returns. */
  readonly scratch: { readonly u8: Uint8Array; readonly view: DataView };
  readonly bootRealtimeMs: number;
  /** clock_settime(CLOCK_REALTIME) moves it. */
  realtimeOffsetMs = 0;
  /** Called after CLOCK_REALTIME was set: timers that follow it move (timerfd_create(2)). Bound: open timerfds. */
  readonly clockSetListeners = new Set<() => void>();
  #nextDevice = 1;
  #nextAnonymousIno = 1;

  constructor(options: KernelOptions) {
    this.physical = options.physical;
    this.clock = options.clock;
    this.random = options.random;
    this.sockets = options.sockets;
    this.hostname = options.hostname;
    this.log = options.log;
    this.frames = new FrameAllocator(options.physical);
    this.tasks = new TaskTable();
    this.timers = new TimerQueue();
    this.scheduler = new Scheduler(this);
    const bytes = new Uint8Array(PAGE_SIZE);
    this.scratch = { u8: bytes, view: new DataView(bytes.buffer) };
    this.bootRealtimeMs = options.clock.realtimeMs();
  }

  /** CLOCK_MONOTONIC in nanoseconds. */
  now(): number {
    return this.clock.monotonicNs();
  }

  /** CLOCK_REALTIME, for file times. */
  realtime(): Time {
    const ms = this.clock.realtimeMs() + this.realtimeOffsetMs;
    const seconds = Math.floor(ms / 1000);
    return { seconds, nanoseconds: Math.floor((ms - seconds * 1000) * 1e6) };
  }

  /** A number for st_dev of a file system without a device (major 0). */
  allocateDevice(): number {
    return this.#nextDevice++;
  }

  /** Inode number for pipes, sockets and other anonymous files. */
  allocateAnonymousIno(): number {
    return this.#nextAnonymousIno++;
  }
}
