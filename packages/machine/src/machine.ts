import { SI_USER } from "@stratos/abi";
import type { Clock, RandomSource, SocketProvider, WasmEngine } from "@stratos/host";
import { callsByNumber, createInit, type FileSystem, type FirstProcess, handleEcall, Kernel, mountRoot, runTasks, sendSignalToProcess, signalInfo, startProcess, unmapBeyond } from "@stratos/kernel";
import { createProcessor, PhysicalMemory, type Processor } from "@stratos/riscv";

/** What one computer is made of; every touch of the outside is a port. */
export interface MachineOptions {
  engine: WasmEngine;
  clock: Clock;
  random: RandomSource;
  /** Null: no network beyond the machine's own loopback. */
  sockets: SocketProvider | null;
  /** Bytes of memory for programs and their files' pages. */
  memoryBytes: number;
  hostname: string;
  log: (message: string) => void;
  /** false: interpret only (to compare with translated runs). */
  translate?: boolean;
  nowMs?: () => number;
}

/** One computer: a hart and a kernel over one physical memory. Mount a root, start processes, then call `run` from the host's event loop. */
export class Machine {
  readonly kernel: Kernel;
  readonly processor: Processor;
  /** Wait status of the first program once it has ended; the machine then stops. */
  exitStatus: number | null = null;
  #mainPid = 0;

  constructor(options: MachineOptions) {
    const physical = new PhysicalMemory(options.engine, { frameBytes: options.memoryBytes });
    const kernel = new Kernel({ physical, clock: options.clock, random: options.random, sockets: options.sockets, hostname: options.hostname, log: options.log });
    this.kernel = kernel;
    this.processor = createProcessor({
      physical, engine: options.engine, hooks: { onEcall: () => handleEcall(kernel) },
      ...(options.translate === undefined ? {} : { translate: options.translate }),
      ...(options.nowMs === undefined ? {} : { nowMs: options.nowMs }),
    });
    kernel.processor = this.processor;
    this.processor.code.onEvict = () => kernel.slots.unmapAllCode();
    kernel.calls = callsByNumber();
    kernel.onFileTruncated = (inode, size) => {
      if (inode.pages !== null) unmapBeyond(new Set([...kernel.tasks.tasks.values()].map((task) => task.space)), inode.pages, size);
    };
    kernel.onProcessExit = (process, status) => {
      if (process.pid !== this.#mainPid) return;
      this.exitStatus = status;
      kernel.isStopped = true;
    };
  }

  mountRoot(fileSystem: FileSystem): void {
    mountRoot(this.kernel, fileSystem);
    createInit(this.kernel);
  }

  /** Starts a program as a child of init; when the first one ends, the machine stops. @returns its pid, or execve's negated errno */
  start(process: FirstProcess): number {
    const task = startProcess(this.kernel, process);
    if (typeof task === "number") return task;
    this.#mainPid ||= task.pid;
    return task.pid;
  }

  /** A signal from outside for the first program, as init would send it; nothing once it has ended. */
  sendSignal(signal: number): void {
    const process = this.kernel.tasks.processes.get(this.#mainPid);
    if (process !== undefined) sendSignalToProcess(process, signalInfo(signal, SI_USER, { pid: 1 }));
  }

  /** Ends the machine: nothing runs any more. */
  stop(): void {
    this.kernel.isStopped = true;
  }

  get isStopped(): boolean {
    return this.kernel.isStopped;
  }

  /**
   * Runs for at most `milliseconds`.
   *
   * @returns milliseconds until a timer is due when all tasks sleep (Infinity: only an event from outside can wake one), 0 when there is more to run
   */
  run(milliseconds: number): number {
    const { kernel } = this;
    const next = runTasks(kernel, kernel.now() + milliseconds * 1e6);
    if (next === -1) return 0;
    return next === Infinity ? Infinity : Math.max(0, (next - kernel.now()) / 1e6);
  }
}
