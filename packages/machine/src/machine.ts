import { SI_USER, SIGTERM } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { CodeArchive, CpuClock, RandomSource, SocketProvider, WasmEngine } from "@stratos/host";
import {
  beginWriteBack,
  type Board,
  callsByNumber,
  continueWriteBack,
  createInit,
  type FileSystem,
  type FirstProcess,
  type HandedOver,
  handOverProcess,
  createKernel,
  type Kernel,
  type MemoryAccount,
  mountRoot,
  runTasks,
  sendSignalToProcess,
  signalInfo,
  startProcess,
  killNow,
  leaveStoppedSlice,
  STANDS,
  type StartFailure,
  type ThreadGroup,
  onlyAccessTimesWait,
  syncAll,
  type WriteBack,
} from "@stratos/kernel";
import type { Processor, ProcessorStatistics } from "@stratos/riscv";
import { createBoard } from "./create-board.ts";
import { InstructionClock } from "./instruction-clock.ts";
import { mountSystem } from "./system-mounts.ts";

export { type BoardOptions, createBoard } from "./create-board.ts";
export { MEMORY_BYTES_MAX } from "./memory-max.ts";

/** What one computer is made of; every touch of the outside is a port. */
export interface MachineOptions {
  engine: WasmEngine;
  /** Where it runs beside others, with that board's engine; default: a board of its own. */
  board?: Board;
  /** Made before by `createBoard` for as much memory, and nobody's yet: the board that is its own. Not with `board`. */
  emptyBoard?: Board | undefined;
  /** Of a fork on the board: it lives from what that was promised. */
  family?: MemoryAccount;
  clock: CpuClock;
  random: RandomSource;
  /** Null: no network beyond the machine's own loopback. */
  sockets: SocketProvider | null;
  /** Bytes of memory for programs and their files' pages; at most `MEMORY_BYTES_MAX`, and `Board.freeBytes`. */
  memoryBytes: number;
  /** Of a board of its own (BoardOptions.windows). */
  windows?: boolean | undefined;
  hostname: string;
  /** Processors that programs see, 1 … 32; they take turns. Default: 1. */
  harts?: number;
  /** Units of work that a system call may do at a time (kernel, ground/call-work.ts). Default: CALL_WORK. */
  callWork?: number;
  /**
   * Deterministic: time is counted in instructions and passes at once while all tasks sleep; `clock` then only says
   * when the machine was started.
   */
  virtualTime?: boolean;
  log: (message: string) => void;
  /** false: interpret only (to compare with translated runs). */
  translate?: boolean;
  nowMs?: () => number;
  /** Of a board of its own: where translations are kept from run to run. */
  codeArchive?: CodeArchive | undefined;
}

/** SIGRTMIN+3 of glibc: systemd as process 1 halts, where SIGTERM has it only begin anew (systemd(1), "Signals"). */
const SYSTEMD_HALT = 37;

/**
 * One computer: a kernel on a board (memory, processor) of its own, or on one that it shares. Mount a root, start
 * processes, then call `run` from the host's event loop.
 */
export class Machine {
  readonly kernel: Kernel;
  readonly processor: Processor;
  /** Wait status of the first program once it has ended; the machine then stops. */
  exitStatus: number | null = null;
  #mainPid = 0;
  /** Programs that were started beside the first one, whose ends somebody wants to hear of. */
  #watched = new Set<number>();
  /** Who that is: in a machine that is loaded, or forked, nobody yet. */
  readonly #ends = new Map<number, (waitStatus: number) => void>();
  #root: FileSystem | null = null;
  #virtualClock: InstructionClock | null;
  /** Of virtual time: it stands while all tasks sleep, until who runs the machine lets it go on (`passTo`). */
  isTimeHeld = false;
  /** Where time is held: when the first timer is due (Infinity: none is), while all tasks sleep; null: they don't. */
  sleepsUntilNs: number | null = null;
  #nextWriteBackNs = WRITE_BACK_INTERVAL_NS;
  #underWay: WriteBack | null = null;
  /** It stands in the midst of a turn (kernel, task/stops.ts) that ends then; null: it doesn't. */
  #standsUntilNs: number | null = null;

  constructor(options: MachineOptions) {
    const { memoryBytes, board = options.emptyBoard ?? createBoard(options) } = options;
    const clock = options.virtualTime === true ? new InstructionClock(options.clock.realtimeMs()) : options.clock;
    this.#virtualClock = clock instanceof InstructionClock ? clock : null;
    const kernel = createKernel({
      board,
      // A board of its own has a little more, to fill the last piece of its memory.
      ...(options.board === undefined ? {} : { memoryBytes }),
      ...(options.family === undefined ? {} : { family: options.family }),
      isRepeatable: options.virtualTime === true,
      clock,
      random: options.random,
      sockets: options.sockets,
      hostname: options.hostname,
      harts: options.harts ?? 1,
      log: options.log,
      ...(options.callWork === undefined ? {} : { callWork: options.callWork }),
    });
    this.kernel = kernel;
    this.processor = board.processor;
    this.#virtualClock?.follow(() => board.processor.retired(kernel.tally));
    board.enter(kernel);
    if (this.#virtualClock !== null) {
      kernel.work.boundsTurns = true;
      kernel.onUnfinished = (units) => this.#virtualClock!.spend(units * WORK_UNIT_NS);
    }
    kernel.calls = callsByNumber();
    kernel.onProcessExit = (process, status) => {
      const end = this.#ends.get(process.pid);
      this.#watched.delete(process.pid);
      this.#ends.delete(process.pid);
      // An init system that is told to halt, power off or restart has not failed.
      const told = process.isShutDown ? 0 : status;
      end?.(told);
      if (process.pid !== this.#mainPid) return;
      this.exitStatus = told;
      kernel.isStopped = true;
    };
  }

  mountRoot(fileSystem: FileSystem): void {
    this.#root = fileSystem;
    mountRoot(this.kernel, fileSystem);
    createInit(this.kernel);
  }

  /**
   * Mounts /dev, /proc, /sys and their like over the root. @param options.keepsRun  /run stays the root's. @returns
   * null, or what failed first
   */
  mountSystem(options: { keepsRun?: boolean } = {}): { place: string; errno: number } | null {
    return mountSystem(this.kernel, options);
  }

  /**
   * Writes everything that is dirty and syncs the file systems: before the machine is let go. @param withRoot  false:
   * the root is thrown away
   */
  sync(withRoot = true): void {
    syncAll(this.kernel, withRoot ? null : this.#root);
  }

  /** Whether `sync` would write something that should not wait: all but times of access. */
  get hasUnwritten(): boolean {
    return !onlyAccessTimesWait(this.kernel);
  }

  /**
   * Starts a program as a child of init, in a session of its own. @param onEnd  told its wait status; without it, this
   * is the machine's first program, with whose end the machine stops. @returns its pid, or why there is none
   */
  start(process: FirstProcess, onEnd?: (waitStatus: number) => void): number | StartFailure {
    const task = startProcess(this.kernel, process);
    if (!("pid" in task)) return task;
    if (onEnd === undefined) this.#mainPid ||= task.pid;
    else {
      this.#watched.add(task.pid);
      this.#ends.set(task.pid, onEnd);
    }
    return task.pid;
  }

  /** No program was started in it. */
  get isFresh(): boolean {
    return this.kernel.tasks.processes.size === 1;
  }

  /** The first program, which waits in a machine that was loaded, goes on for somebody else. @returns 0, or −errno */
  handOver(request: HandedOver): number {
    return handOverProcess(this.kernel, this.#mainPid, request);
  }

  /**
   * Kills a program that was started, its session, and all that they have started. It is done on return, but for a
   * process in the midst of a call: whoever is told of the end has the places of all of them.
   */
  endTree(pid: number): void {
    const { processes } = this.kernel.tasks;
    const isOfTree = (process: ThreadGroup | null): boolean =>
      process !== null && (process.group.session.id === pid || isOfTree(process.parent));
    for (const process of [...processes.values()].filter(isOfTree)) killNow(process);
  }

  /** The first program's process; 0: none was started. */
  get firstPid(): number {
    return this.#mainPid;
  }

  /** A signal for a program, by default the first one, as init would send it; nothing once it has ended. */
  sendSignal(signal: number, pid: number = this.#mainPid): void {
    const process = this.kernel.tasks.processes.get(pid);
    if (process === undefined) return;
    const told = signal === SIGTERM && this.#isSystemd(process) ? SYSTEMD_HALT : signal;
    sendSignalToProcess(process, signalInfo(told, SI_USER, { pid: 1 }));
  }

  /** As process 1. */
  #isSystemd(process: ThreadGroup): boolean {
    const { init, level } = process.pidNamespace;
    return level > 0 && init === process && process.leader.name === "systemd";
  }

  /** It stands in the midst of a turn. */
  get stands(): boolean {
    return this.#standsUntilNs !== null;
  }

  /** What it stands in is over, and it stops nowhere any more: from here on it does what was never recorded. */
  leaveStop(): void {
    leaveStoppedSlice(this.kernel);
    this.#standsUntilNs = null;
  }

  /** Ends the machine: nothing runs any more. */
  stop(): void {
    this.kernel.isStopped = true;
  }

  /**
   * Gives back to the board what the machine has of it. Nothing of the machine may be used afterwards, nor its files.
   * Not from within its turn.
   */
  dispose(): void {
    this.kernel.board.end(this.kernel);
  }

  /** Of this machine, whoever else runs on the board. */
  get statistics(): ProcessorStatistics {
    return this.kernel.tally.statistics;
  }

  get isStopped(): boolean {
    return this.kernel.isStopped;
  }

  /**
   * What is dirty reaches the file system now and then, a piece in each turn. Times of access by themselves wait, as
   * Linux has them wait for a day (mount(8), lazytime): stored, they would make the volume another one for each program
   * that is started.
   */
  #writeBack(): void {
    const { kernel } = this;
    if (this.#underWay === null) {
      if (kernel.now() < this.#nextWriteBackNs) return;
      if (!this.hasUnwritten) return void (this.#nextWriteBackNs = kernel.now() + WRITE_BACK_INTERVAL_NS);
    }
    const begun = this.#underWay ?? beginWriteBack(kernel);
    const reached = continueWriteBack(kernel, begun, () => true, kernel.work.piece());
    this.#underWay = reached.inodes > 0 ? reached : null;
    if (reached.inodes === 0) this.#nextWriteBackNs = kernel.now() + WRITE_BACK_INTERVAL_NS;
  }

  /** Time that is held goes on to there; at most to `sleepsUntilNs`. */
  passTo(ns: number): void {
    this.#virtualClock?.skipTo(ns);
    this.sleepsUntilNs = null;
  }

  /**
   * Runs for at most `milliseconds`; one that stands in the midst of a turn goes on with that.
   *
   * @returns milliseconds until a timer is due when all tasks sleep (Infinity: only an event from outside can wake
   *   one), 0 when there is more to run, or when time is held until a timer
   */
  run(milliseconds: number): number {
    const { kernel } = this;
    if (kernel.isStopped) return Infinity;
    kernel.board.enter(kernel);
    const untilNs = this.#standsUntilNs ?? kernel.now() + milliseconds * 1e6;
    if (this.#standsUntilNs === null) kernel.work.beginTurn();
    this.#standsUntilNs = null;
    this.sleepsUntilNs = null;
    const begunNs = kernel.now();
    const isCounted = this.#virtualClock !== null && !this.isTimeHeld;
    let next = runTasks(kernel, untilNs);
    while (isCounted && kernel.hostServices.dueCount === 0 && next > 0 && next < untilNs && !kernel.isStopped) {
      this.#virtualClock!.skipTo(next);
      next = runTasks(kernel, untilNs);
    }
    if (next === STANDS) {
      this.#standsUntilNs = untilNs;
      return 0;
    }
    // Where time is counted, what is stored follows from what has run: how often this is asked while nothing does, as
    // at a program's end, is the host's affair.
    const hasRun = this.#virtualClock === null || kernel.now() > begunNs;
    if (hasRun) this.#writeBack();
    if (next === -1 || (hasRun && this.#underWay !== null)) return 0;
    if (this.isTimeHeld) this.sleepsUntilNs = next;
    if (this.#virtualClock !== null && next !== Infinity) {
      if (isCounted && kernel.hostServices.dueCount === 0) this.#virtualClock.skipTo(next);
      return 0;
    }
    return next === Infinity ? Infinity : Math.max(0, (next - kernel.now()) / 1e6);
  }

  /** Leaves nothing of the turn before, which the next one would forget; of one that it stands in all stays. */
  forgetTurn(): void {
    if (this.#standsUntilNs !== null) return;
    this.kernel.turn.resume();
    this.kernel.work.beginTurn();
  }

  /** Who hears of the end of a program that a loaded machine goes on with; `start` says it for a new one. */
  onEnd(pid: number, onEnd: (waitStatus: number) => void): void {
    if (this.#watched.has(pid)) this.#ends.set(pid, onEnd);
  }

  static {
    stateClass(
      "Machine",
      this,
      {
        save: (it) => ({
          mainPid: it.#mainPid,
          watched: it.#watched,
          root: it.#root,
          virtualClock: it.#virtualClock,
          nextWriteBackNs: it.#nextWriteBackNs,
          underWay: it.#underWay,
        }),
        load: (it, from) =>
          ({
            mainPid: it.#mainPid,
            watched: it.#watched,
            root: it.#root,
            virtualClock: it.#virtualClock,
            nextWriteBackNs: it.#nextWriteBackNs,
            underWay: it.#underWay,
          } = from),
      },
      { keeps: ["processor", "isTimeHeld", "sleepsUntilNs", "#ends", "#standsUntilNs"] },
    );
  }
}

/**
 * What a unit of a call's work takes in virtual time: timers and alarms come in the midst of a long call as they do in
 * real time.
 */
const WORK_UNIT_NS = 1000;

/** Dirty pages reach the file system after at most this long (Linux: dirty_writeback_centisecs). */
const WRITE_BACK_INTERVAL_NS = 5e9;
