import type { CallState } from "../ground/call-state.ts";
import { PAGE_SIZE, RLIMIT_STACK } from "@stratos/abi";
import type { CpuClock, RandomSource, SocketProvider } from "@stratos/host";
import { assert, stateClass, StateError, SteadyMap } from "@stratos/base";
import { type PhysicalMemory, type Processor, ProcessorTally } from "@stratos/riscv";
import type { BlockKernel } from "../block/block-kernel.ts";
import type { EventKernel } from "../event/event-kernel.ts";
import type { IpcKernel } from "../ipc/ipc-kernel.ts";
import type { SocketKernel } from "../socket/socket-kernel.ts";
import { RealTimeClock } from "../event/real-time-clock.ts";
import { Disks } from "../block/disks.ts";
import { KERNEL_INFO, KernelLog } from "../ground/kernel-log.ts";
import { WatchLimits } from "../fs/watch-limits.ts";
import { PipeLimits } from "../fs/pipe/pipe-limits.ts";
import type { PageCache } from "../frames/page-cache.ts";
import type { LibraryPlaces } from "../mm/library-places.ts";
import type { FutexWaiter } from "../mm/mm-kernel.ts";
import { Vdso } from "../mm/vdso/vdso.ts";
import type { SharedImage } from "../frames/image-pages.ts";
import { Reaper } from "../frames/reaper.ts";
import type { SlotPool } from "../mm/slot-pool.ts";
import type { AddressSpace } from "../mm/address-space.ts";
import type { FrameAllocator } from "../frames/frame-allocator.ts";
import { ACCOUNTS_USED_UP, type Mappings, type MemoryAccount, type PageRange } from "../frames/memory-account.ts";
import type { Notice } from "../ground/notice.ts";
import { CoreSettings } from "./core-dump/core-settings.ts";
import { HostServices } from "../host-service/host-services.ts";
import { Keys } from "../keys/keys.ts";
import { IpcMemory } from "../ipc/ipc-memory.ts";
import { IpcState } from "../ipc/ipc-state.ts";
import { Network } from "../socket/network.ts";
import { SocketState } from "../socket/socket-state.ts";
import type { SignalInfo, SignalLoad } from "../signal/pending-signals.ts";
import { Accounting } from "./accounting.ts";
import type { Board } from "./board.ts";
import { CALL_WORK, CallWork } from "../ground/call-work.ts";
import { HartRegisters } from "./hart-registers.ts";
import { Scheduler } from "./scheduler.ts";
import type { Task } from "./task.ts";
import type { ThreadGroup } from "./thread-group.ts";
import { CgroupNamespace } from "./cgroup-namespace.ts";
import { ControlGroups } from "./control-group.ts";
import { Namespaces } from "./namespaces.ts";
import { TaskTable } from "./task-table.ts";
import { TimeNamespace } from "./time-namespace.ts";
import { UtsNamespace } from "./uts-namespace.ts";
import { PidNamespace } from "../signal/pid-namespace.ts";
import { NamespaceCounts } from "../security/namespace-counts.ts";
import { initialOrigin } from "../security/user-namespace.ts";
import { type TerminalsKernel, TtyState } from "../tty/tty-state.ts";
import { ClockAdjustment } from "../time/clock-adjustment.ts";
import { TurnClock } from "../time/turn-clock.ts";
import { TimerQueue } from "../time/timer-queue.ts";
import { WallClock } from "../time/wall-clock.ts";
import type { Inode, Time } from "../vfs/inode.ts";
import { VfsState } from "../vfs/vfs-state.ts";
import { EarlyWriteBack } from "../vfs/write-back.ts";
import { OPEN_MAX, type FileUsage } from "../vfs/file-table.ts";
import type { AioUsage } from "../mm/aio-context.ts";
import type { OvercommitPolicy } from "../mm/overcommit-policy.ts";
import type { AreaUsage } from "../mm/area-list.ts";
import type { MountNamespace } from "../vfs/mount-namespace.ts";
import { RELEASE, VERSION } from "../ground/release.ts";
import type { SyscallRow } from "./syscall-row.ts";
import type { Devtmpfs } from "../fs/devtmpfs/devtmpfs.ts";
import type { Mount } from "../vfs/mount.ts";
import type { TaskObserver } from "./task-observer.ts";
import type { TurnDisturber, TurnStops } from "./turn-hooks.ts";
import type { ClockSetObserver, TimeKernel } from "../time/time-kernel.ts";
import { Uevents } from "../ground/uevents.ts";
import type { GraphicsKernel } from "../graphics/graphics-kernel.ts";
import type { InputDevices, InputKernel } from "../input/input-kernel.ts";
import { cutMappings } from "../mm/cut-mappings.ts";
import { cleanRange, forgetCodeOf, mappedRanges, moveFrame, unmapFrame } from "../mm/image-mappings.ts";
import type { Frame, PageIndex } from "../frames/frame.ts";

/** Of all machines. */
const SCRATCH_BYTES = new Uint8Array(PAGE_SIZE);
const SCRATCH = { u8: SCRATCH_BYTES, view: new DataView(SCRATCH_BYTES.buffer) };

/** Linux's default of vm.max_map_count (proc(5)). */
const MAP_COUNT_DEFAULT = 65530;

export interface KernelOptions {
  board: Board;
  /** Bytes of memory that it is promised (Board.freeBytes); default: all that there are. */
  memoryBytes?: number;
  /** A fork: it lives from what its family was promised. */
  family?: MemoryAccount;
  /** Its runs are functions of their inputs: it learns nothing from other kernels of the board. */
  isRepeatable?: boolean;
  clock: CpuClock;
  random: RandomSource;
  /** Carries AF_INET and AF_INET6; null: no network (`--net none`). */
  sockets: SocketProvider | null;
  hostname: string;
  /** Processors that programs see, 1 … 32; they take turns. Default: 1. */
  harts?: number;
  /** Units of work that a system call may do at a time (ground/call-work.ts). Default: CALL_WORK. */
  callWork?: number;
  /** Receives one line for each kernel message (printk). */
  log: (message: string) => void;
}

/** Requests of rings that go on between slices (syscall/uring). */
export interface UringWork {
  /** The call under way has made something ready: it is executed before its caller goes on. */
  readonly isDue: boolean;
  readonly hasWork: boolean;
  /** A bounded piece. @returns whether there was anything to do */
  run(): boolean;
}

/** A word with an owner, and who waits for it, in the order they came: one at least (pi-futex.ts). */
export interface PiFutex {
  owner: Task;
  readonly waiters: Task[];
}

/**
 * What is one for each machine. It hands down its parts, or itself as the narrow interface that a folder below declares
 * of it.
 */
export class Kernel
  implements
    BlockKernel,
    EventKernel,
    GraphicsKernel,
    InputKernel,
    IpcKernel,
    Mappings,
    SocketKernel,
    TerminalsKernel,
    TimeKernel
{
  readonly board: Board;
  readonly physical: PhysicalMemory;
  readonly clock: CpuClock;
  readonly random: RandomSource;
  readonly sockets: SocketProvider | null;
  readonly frames: FrameAllocator;
  /** What its processes, files and pipes take. */
  readonly memory: MemoryAccount;
  readonly scheduler: Scheduler;
  /** What the sockets of all networks share. */
  readonly socketState: SocketState;
  /** The network that the machine starts with, the one that `sockets` carries. */
  readonly network: Network;
  /** The console and the pseudo-terminals. */
  readonly tty = new TtyState();
  /** Of the initial IPC namespace. */
  readonly ipc: IpcState;
  readonly keys: Keys;
  readonly controlGroups: ControlGroups;
  readonly tasks: TaskTable;
  readonly timers: TimerQueue;
  /** What dmesg(1) shows. */
  readonly messages: KernelLog;
  #onMessage: (message: string) => void;
  readonly harts: number;
  processor: Processor;
  /** What the processor counts for it. */
  readonly tally = new ProcessorTally();
  readonly codePrefix: string;
  readonly isRepeatable: boolean;
  /** Images whose pages it borrows. */
  readonly images = new Set<SharedImage>();
  /** Registers of the task that is on the hart. */
  readonly hart: HartRegisters;
  readonly slots: SlotPool;
  readonly libraryPlaces: LibraryPlaces;
  /** Bound: tasks, forks under way, and those that are given back in pieces. */
  readonly spaces = new Set<AddressSpace>();
  /** Mapped wherever untouched anonymous memory is read. */
  readonly zeroFrame: number;
  readonly vdso: Vdso;
  /** System calls by number; set by boot (syscall/all-calls.ts). */
  calls: readonly (SyscallRow | undefined)[] = [];
  /** Translations were dropped during a system call: translated code on the host's stack must be left. */
  codeChanged = false;
  /** Most tasks at once (threads-max): bounds fork bombs. Whoever drives the machine may make it less. */
  maximumTasks: number;
  /** How often one more was refused. */
  refusedTasks = 0;
  refusedWrites = 0;
  /** The machine was stopped (init ended, reboot(2), a host time-out). */
  isStopped = false;
  /** Processor time of the current task's turn. */
  readonly turn: TurnClock;
  /** Disturbs its tasks (`stratos explore`); null: nobody does. */
  disturber: TurnDisturber | null = null;
  /** What programs asked for in vain, with a detail where there is one. Bound: its kinds. */
  readonly notices = new Map<Notice, string>();
  readonly work: CallWork;
  readonly reaper: Reaper;
  /** The task that was on the hart last. */
  lastTask: Task | null = null;
  /** Descriptors, areas and epoll items of all processes together: what each is takes memory of the host. */
  readonly fileUsage: FileUsage = { open: 0, tableMost: OPEN_MAX };
  readonly areaUsage: AreaUsage = { count: 0, committed: 0 };
  readonly uevents = new Uevents();
  readonly hostServices = new HostServices();
  graphics: GraphicsKernel["graphics"] = null;
  input: InputDevices | null = null;
  epollItems = 0;
  /** Rings of io_uring(7); null: none was made. */
  uring: UringWork | null = null;
  /** kernel.io_uring_disabled, and kernel.io_uring_group (−1: none). */
  readonly uringSettings = { disabled: 0, group: -1 };
  readonly ipcMemory: IpcMemory;
  readonly aioUsage: AioUsage = { events: 0, most: 65536 };
  /**
   * Numbers without a row that were reported already; one bit each below UNKNOWN_CALLS_MAX, all others share the last.
   */
  readonly unknownCalls = new Uint8Array(UNKNOWN_CALLS_MAX + 1);
  forkCount = 0;
  /** Logins that were told by /proc/PID/loginuid. */
  loginCount = 0;
  contextSwitches = 0;
  syscallCount = 0;
  faultCount = 0;
  /** A task became runnable while none was on the hart: whoever drives the machine should run it soon. */
  onRunnable: (() => void) | null = null;
  /** A call used up its work and goes on later: time that is counted in instructions would stand still meanwhile. */
  onUnfinished: ((units: number) => void) | null = null;
  /** `stratos trace` and tests look on. `result` is undefined when the call begins to wait. */
  onSyscall: ((task: Task, number: number, args: readonly number[], result: number | undefined) => void) | null = null;
  onSignal: ((task: Task, info: SignalInfo) => void) | null = null;
  onExec: ((task: Task, path: string, argv: readonly string[]) => void) | null = null;
  /** A process ended with this wait status. */
  onProcessExit: ((process: ThreadGroup, status: number) => void) | null = null;
  /** Where it is to stop between two instructions; null: nowhere. */
  stops: TurnStops | null = null;
  /** Bound: subsystems, and mounts of procfs. */
  readonly taskObservers: Set<TaskObserver>;
  /** Set when the root is mounted. */
  mounts!: MountNamespace;
  readonly vfs: VfsState;
  readonly disks: Disks;
  readonly namespaceCounts = new NamespaceCounts();
  /** Those of programs that are started from outside: the initial ones, but for the pids of an init system. */
  namespaces: Namespaces;
  /** Kernel bytes for system calls to build structures in; valid until the call returns. */
  readonly scratch = SCRATCH;
  /** clock_settime(CLOCK_REALTIME) moves it: how far the machine's time is ahead of the host's. */
  realtimeOffsetMs = 0;
  readonly wall = new WallClock();
  readonly pipeLimits = new PipeLimits();
  readonly inotifyLimits = new WatchLimits(this.namespaceCounts, "inotify_instances", "inotify_watches");
  readonly fanotifyLimits = new WatchLimits(this.namespaceCounts, "fanotify_groups", "fanotify_marks");
  /** Areas that an address space may have (vm.max_map_count). */
  maximumAreas = MAP_COUNT_DEFAULT;
  readonly overcommit: OvercommitPolicy = { mode: 0, ratio: 50, kilobytes: 0 };
  readonly signalLoad: SignalLoad = { queued: 0 };
  readonly coreSettings = new CoreSettings();
  /** Settings that change nothing, as they were set, by path below /proc/sys (procfs/setting-hints.ts bounds them). */
  readonly hints = new Map<string, number | string>();
  readonly accounting = new Accounting(this);
  /** Who waits for a word (task/futex.ts), by its identity; in the order they came. */
  readonly futexes = new SteadyMap<string, Set<FutexWaiter>>();
  /** Words that have an owner and are waited for (task/pi-futex.ts). Bound: tasks. */
  readonly piFutexes = new Map<string, PiFutex>();
  /** The last number that `identityOf` gave. */
  lastIdentity = 0;
  /** The file systems that there is one of in the machine; null: nobody has asked for it yet. */
  devtmpfs: Devtmpfs | null = null;
  /** The tmpfs that memfds and shared anonymous files live in (fs/memfd). */
  shmemMount: Mount | null = null;
  readonly clockAdjustment = new ClockAdjustment();
  readonly realTimeClock: RealTimeClock;
  /** Called after CLOCK_REALTIME was set: timers that follow it move (timerfd_create(2)). Bound: open timerfds. */
  readonly clockSetObservers = new Set<ClockSetObserver>();
  /** Shown by /proc/sys/kernel/random/boot_id once somebody has asked. */
  bootId = "";
  #nextDevice = 1;
  #nextAnonymousIno = 1;

  /** @param observers  the first of its tasks */
  constructor(options: KernelOptions, observers: readonly TaskObserver[]) {
    const { board } = options;
    this.taskObservers = new Set(observers);
    this.board = board;
    this.physical = board.physical;
    this.processor = board.processor;
    this.slots = board.slots;
    this.isRepeatable = options.isRepeatable === true;
    this.libraryPlaces = board.libraryPlaces;
    this.clock = options.clock;
    this.turn = new TurnClock(options.clock);
    this.random = options.random;
    this.sockets = options.sockets;
    this.messages = new KernelLog(this);
    this.#onMessage = options.log;
    this.harts = options.harts ?? 1;
    this.work = new CallWork(options.callWork ?? CALL_WORK);
    this.reaper = new Reaper(this.work.limit);
    this.frames = board.frames;
    const limit =
      options.memoryBytes === undefined ? this.frames.unpromised : Math.floor(options.memoryBytes / PAGE_SIZE);
    const { family } = options;
    const memory = this.frames.open({
      limit,
      reaper: this.reaper,
      ...(family === undefined ? {} : { parent: family }),
    });
    if (memory === null && family !== undefined) throw new StateError("unsavable", ACCOUNTS_USED_UP);
    assert(memory !== null, "the board has the memory that a kernel is promised");
    this.memory = memory;
    this.codePrefix = `${board.add(this)}:`;
    // As Linux has it (kernel/fork.c, set_max_threads), with a bound for large memories.
    this.maximumTasks = Math.max(64, Math.min(4096, Math.floor(this.memory.limit / 32)));
    this.memory.mappings = this;
    this.hart = new HartRegisters(board.physical);
    this.zeroFrame = this.frames.allocateZeroed(this.memory);
    this.vdso = new Vdso(this.memory, this.harts);
    this.followHostClock();
    this.keys = new Keys(options.random);
    this.controlGroups = new ControlGroups();
    this.tasks = new TaskTable(new PidNamespace(null, initialOrigin("pid")));
    this.timers = new TimerQueue();
    this.scheduler = new Scheduler(this);
    this.vfs = new VfsState(this);
    // First among the caches: what the others drop must be written before.
    this.memory.registerCache(new EarlyWriteBack(this));
    this.disks = new Disks(this);
    this.realTimeClock = new RealTimeClock(this);
    this.socketState = new SocketState(this.memory.limit);
    // A fork's is filled with what its original's has.
    this.network = new Network(this, {
      provider: family === undefined ? options.sockets : null,
      isLoopbackUp: family === undefined,
      origin: initialOrigin("net"),
    });
    this.ipcMemory = new IpcMemory(this.memory.limit * PAGE_SIZE);
    this.ipc = new IpcState(this, initialOrigin("ipc"));
    const time = new TimeNamespace(initialOrigin("time"));
    this.namespaces = new Namespaces({
      uts: new UtsNamespace(initialOrigin("uts"), { hostname: options.hostname, domainname: "(none)" }),
      ipc: this.ipc,
      net: this.network,
      pidForChildren: this.tasks.namespace,
      cgroup: new CgroupNamespace(initialOrigin("cgroup"), this.controlGroups.root),
      time,
      timeForChildren: time,
    });
    this.messages.add(KERNEL_INFO, `Linux version ${RELEASE} (stratos) ${VERSION}`);
    this.messages.add(KERNEL_INFO, `Memory: ${this.memory.free * 4}K/${this.memory.limit * 4}K available`);
    this.messages.add(KERNEL_INFO, `smp: ${this.harts} ${this.harts === 1 ? "processor" : "processors"}`);
  }

  /** A message of the kernel itself, for dmesg and for the host. */
  log(message: string): void {
    this.logAs(KERNEL_INFO, message);
  }

  /** @param priority  facility and level of syslog(3) */
  logAs(priority: number, message: string): void {
    this.messages.add(priority, message);
    this.#onMessage(message);
  }

  /** CLOCK_MONOTONIC in nanoseconds. */
  now(): number {
    return this.clock.monotonicNs();
  }

  /** CLOCK_REALTIME. */
  realtime(): Time {
    return this.wall.at(this.now());
  }

  realtimeSinceNs(time: Time): number {
    return this.wall.sinceNs(this.now(), time);
  }

  setRealtime(seconds: number, nanoseconds: number): void {
    this.realtimeOffsetMs = seconds * 1000 + nanoseconds / 1e6 - this.clock.realtimeMs();
    this.wall.set(this.now(), seconds, nanoseconds);
    this.vdso.setRealtime(this.wall);
    for (const task of this.tasks.tasks.values())
      if (task.state === "S" && task.syscallState?.kind === "wall-time") task.endWait("deadline");
  }

  /** CLOCK_REALTIME follows the host's clock, and programs are told. */
  followHostClock(): void {
    const hasMoved = this.wall.follow(this.clock, this.realtimeOffsetMs);
    if (hasMoved || this.vdso.isBehind) this.vdso.setRealtime(this.wall);
  }

  fileShrinks(inode: Inode, size: number, from: CallState | null = null): CallState | null {
    const { pages } = inode;
    return pages === null ? null : cutMappings(spacesOf(this), pages, size, this, from);
  }

  /**
   * Pages and translations of an image that other kernels of the board may have, too; null for a repeatable kernel, in
   * which what others did must not show.
   *
   * @param identity  equal for equal content only: the host vouches for it
   */
  useImage(identity: string): SharedImage | null {
    if (this.isRepeatable) return null;
    const image = this.board.images.image(identity);
    if (!this.images.has(image)) image.users++;
    this.images.add(image);
    return image;
  }

  /** A file is about to differ from its image: translations that other kernels use, too, are not for it any more. */
  fileLeavesImage(inode: Inode): void {
    forgetCodeOf(this, inode.pages!);
  }

  /** For the accounts' `Mappings`. */
  frameGoes(pages: PageCache, index: PageIndex, frame: Frame): void {
    unmapFrame(this, pages, index, frame);
  }

  /** As `frameGoes`. */
  frameMoves(pages: PageCache, index: PageIndex, from: Frame, to: Frame): void {
    moveFrame(this, pages, index, from, to);
  }

  /** As `frameGoes`. */
  rangeIsCleaned(pages: PageCache, range: PageRange): void {
    cleanRange(this, pages, range);
  }

  /** As `frameGoes`. */
  mappedRanges(pages: PageCache): PageRange[] {
    return mappedRanges(this, pages);
  }

  /** RLIMIT_STACK of whoever uses the space. */
  stackLimit(space: AddressSpace): number {
    const { current } = this.scheduler;
    if (current !== null && current.space === space)
      return Math.min(current.group.limits[RLIMIT_STACK]!.soft, 0x20000000);
    return 8 << 20;
  }

  countFault(isMajor: boolean): void {
    this.faultCount++;
    const { current } = this.scheduler;
    if (current === null) return;
    if (isMajor) current.majorFaults++;
    else current.minorFaults++;
  }

  countStorage(fetched: number, stored: number): void {
    const { current } = this.scheduler;
    if (current === null) return;
    current.transfers.fetched += fetched;
    current.transfers.stored += stored;
  }

  /** A number for st_dev of a file system without a device (major 0). */
  allocateDevice(): number {
    return this.#nextDevice++;
  }

  /** Inode number for pipes, sockets and other anonymous files. */
  allocateAnonymousIno(): number {
    return this.#nextAnonymousIno++;
  }

  static {
    stateClass(
      "Kernel",
      this,
      {
        save: (it) => ({ nextDevice: it.#nextDevice, nextAnonymousIno: it.#nextAnonymousIno }),
        load: (it, from) => ({ nextDevice: it.#nextDevice, nextAnonymousIno: it.#nextAnonymousIno } = from),
      },
      {
        keeps: [
          "#onMessage",
          "calls",
          "codePrefix",
          "onExec",
          "onProcessExit",
          "onRunnable",
          "onSignal",
          "onSyscall",
          "onUnfinished",
          "processor",
          "scratch",
          "slots",
          "stops",
        ],
        copied: (it) => it.frames.retain(it.zeroFrame),
      },
    );
  }
}

/** Numbers that Linux could give to a system call within reason. */
const UNKNOWN_CALLS_MAX = 1024;

function* spacesOf(kernel: Kernel): Generator<AddressSpace, void> {
  for (const task of kernel.tasks.tasks.values()) yield task.space;
}
