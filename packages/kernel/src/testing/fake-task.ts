/**
 * A kernel without a processor, and tasks whose memory is one array: for unit tests of system calls. A call that blocks
 * is executed again with `Call.resume`, as the run loop would.
 */
import { EFAULT, EINVAL, ENAMETOOLONG } from "@stratos/abi";
import { BytesCursor } from "@stratos/base";
import { SimulatedClock, SimulatedRandomSource, type SocketProvider, type WasmEngine } from "@stratos/host";
import { PhysicalMemory, type Processor } from "@stratos/riscv";
import { createKernel, makeBoard } from "../create-kernel.ts";
import type { Kernel } from "../task/kernel-state.ts";
import type { AddressSpace } from "../mm/address-space.ts";
import { AreaList } from "../mm/area-list.ts";
import type { UserMemory } from "../ground/user-memory.ts";
import { ROOT } from "../security/credentials.ts";
import { PendingSignals } from "../signal/pending-signals.ts";
import { isToldOfSignal } from "../signal/send-signal.ts";
import { SignalActions } from "../signal/signal-actions.ts";
import { ProcessGroup, Session } from "../signal/session.ts";
import { Task } from "../task/task.ts";
import { ThreadGroup } from "../task/thread-group.ts";
import { BLOCKED, BLOCKED_EINTR, BLOCKED_KILLABLE, BLOCKED_RESTART, UNFINISHED } from "../ground/wait-queue.ts";
import { FileTable } from "../vfs/file-table.ts";
import type { FsContext } from "../vfs/fs-context.ts";
import type { IoCursor } from "../ground/io-cursor.ts";
import type { SyscallRow } from "../task/syscall-row.ts";

/** An engine with memories only. */
const memoryEngine: WasmEngine = {
  createMemory: (pages) => ({ buffer: new ArrayBuffer(pages * 65536), grow: () => -1 }),
  createTable: () => {
    throw new Error("no tables here");
  },
  compile: () => {
    throw new Error("no modules here");
  },
  preserve: () => null,
  restore: () => null,
  compileHot: () => {
    throw new Error("no modules here");
  },
  instantiate: () => {
    throw new Error("no modules here");
  },
};

export interface TestKernel {
  kernel: Kernel;
  clock: SimulatedClock;
  messages: string[];
}

export function createTestKernel(
  options: { sockets?: SocketProvider | null; memoryBytes?: number; windows?: boolean; harts?: number } = {},
): TestKernel {
  const clock = new SimulatedClock(1_700_000_000_000);
  const messages: string[] = [];
  const physical = new PhysicalMemory(memoryEngine, {
    frameBytes: options.memoryBytes ?? 1 << 20,
    slotCount: 1,
    codePages: 1,
    windows: options.windows === true,
  });
  // Nothing is executed here.
  const board = makeBoard(physical, () => ({ code: {}, serve: () => {} }) as unknown as Processor);
  const kernel = createKernel({
    board,
    clock,
    random: new SimulatedRandomSource(1),
    sockets: options.sockets ?? null,
    hostname: "test",
    harts: options.harts ?? 1,
    log: (message) => messages.push(message),
  });
  // The memory of tasks here may have no areas.
  kernel.fileShrinks = () => null;
  // Number 1 is init's, which signals pass by.
  kernel.tasks.allocate();
  return { kernel, clock, messages };
}

/** User memory `[0, size)`; everything else faults. Address 0 faults, too. */
export class FakeUserMemory implements UserMemory {
  /** What the end of a task asks of an address space. */
  users = 1;
  readonly areas = new AreaList({ count: 0, committed: 0 });
  readonly peakResidentPages = 0;
  readonly u8: Uint8Array;
  readonly view: DataView;

  constructor(size = 1 << 16) {
    this.u8 = new Uint8Array(size);
    this.view = new DataView(this.u8.buffer);
  }

  release(): void {
    this.users--;
  }

  #has(address: number, count: number): boolean {
    return address > 0 && address + count <= this.u8.length;
  }

  copyIn(address: number, into: Uint8Array, at: number, count: number): number {
    if (count === 0) return 0;
    if (!this.#has(address, count)) return -EFAULT;
    into.set(this.u8.subarray(address, address + count), at);
    return 0;
  }

  copyOut(address: number, from: Uint8Array, at: number, count: number): number {
    if (count === 0) return 0;
    if (!this.#has(address, count)) return -EFAULT;
    this.u8.set(from.subarray(at, at + count), address);
    return 0;
  }

  clear(address: number, count: number): number {
    if (!this.#has(address, count)) return -EFAULT;
    this.u8.fill(0, address, address + count);
    return 0;
  }

  loadU32(address: number): number {
    return this.#has(address, 4) ? this.view.getUint32(address, true) : -EFAULT;
  }

  storeU32(address: number, value: number): number {
    if (!this.#has(address, 4)) return -EFAULT;
    this.view.setUint32(address, value, true);
    return 0;
  }

  loadU64(address: number): number {
    return this.#has(address, 8)
      ? this.view.getUint32(address, true) + this.view.getUint32(address + 4, true) * 2 ** 32
      : -EFAULT;
  }

  storeU64(address: number, value: number): number {
    if (!this.#has(address, 8)) return -EFAULT;
    this.view.setBigInt64(address, BigInt(Math.trunc(value)), true);
    return 0;
  }

  loadString(address: number, most: number): string | number {
    let text = "";
    for (let at = address; text.length <= most; at++) {
      if (!this.#has(at, 1)) return -EFAULT;
      if (this.u8[at] === 0) return text;
      text += String.fromCharCode(this.u8[at]!);
    }
    return -ENAMETOOLONG;
  }

  cursor(address: number, count: number): IoCursor {
    return new BytesCursor(this.u8.subarray(address, address + count));
  }

  vectorCursor(vector: number, count: number): IoCursor | number {
    return count === 1 ? this.cursor(this.loadU64(vector), this.loadU64(vector + 8)) : -EINVAL;
  }
}

export interface TestTask {
  task: Task;
  memory: FakeUserMemory;
}

/**
 * A process of one thread.
 * @param parent  null: a session leader of its own
 */
export function createTestTask(
  kernel: Kernel,
  parent: Task | null = null,
  options: { ownGroup?: boolean } = {},
): TestTask {
  const pid = kernel.tasks.allocate();
  const memory = new FakeUserMemory();
  let group = parent?.group.group;
  if (group === undefined) group = new ProcessGroup(pid, new Session(pid));
  else if (options.ownGroup === true) group = new ProcessGroup(pid, group.session);
  kernel.tasks.groups.set(group.id, group);
  const limits = Array.from({ length: 16 }, () => ({ soft: 1024, hard: 4096 }));
  const process = new ThreadGroup(
    pid,
    null as unknown as Task,
    parent?.group ?? null,
    group,
    new SignalActions(),
    new PendingSignals(kernel.signalLoad),
    limits,
    17,
    0,
    kernel.tasks.namespace,
  );
  // What these calls never touch is absent: of the folders all but their release.
  const resources = {
    space: memory as unknown as AddressSpace,
    files: new FileTable(),
    fs: { release: () => {} } as unknown as FsContext,
    credentials: ROOT,
    namespaces: kernel.namespaces.retain(),
  };
  const task = new Task(kernel, pid, process, resources, new Uint8Array(0), 0);
  process.leader = task;
  process.tasks.push(task);
  parent?.group.children.add(process);
  group.members.add(process);
  kernel.tasks.tasks.set(pid, task);
  kernel.tasks.processes.set(pid, process);
  task.controlGroup.admit(task);
  return { task, memory };
}

/** Runs `body` as the task on the hart. */
export function asCurrent<T>(task: Task, body: () => T): T {
  const { scheduler } = task.kernel;
  const before = scheduler.current;
  scheduler.current = task;
  try {
    return body();
  } finally {
    scheduler.current = before;
  }
}

const WAITS: ReadonlySet<number> = new Set([BLOCKED, BLOCKED_EINTR, BLOCKED_KILLABLE, BLOCKED_RESTART]);

/** A system call (or any function that may return BLOCKED) in execution. */
export class Call {
  readonly #task: Task;
  readonly #run: () => number;
  result: number | null = null;

  constructor(task: Task, run: () => number) {
    this.#task = task;
    this.#run = run;
    task.syscallState = null;
    this.#execute();
  }

  static of(task: Task, row: SyscallRow, ...args: number[]): Call {
    return new Call(task, () =>
      row.run(task, args[0] ?? 0, args[1] ?? 0, args[2] ?? 0, args[3] ?? 0, args[4] ?? 0, args[5] ?? 0),
    );
  }

  get isBlocked(): boolean {
    return this.result === null;
  }

  /** Goes on if the task was woken; returns the result, or null while it sleeps. */
  resume(): number | null {
    if (this.result !== null || this.#task.state !== "R") return this.result;
    this.#task.kernel.scheduler.dequeue(this.#task);
    this.#execute();
    return this.result;
  }

  #execute(): void {
    let result: number;
    do {
      this.#task.kernel.work.begin();
      result = asCurrent(this.#task, this.#run);
    } while (result === UNFINISHED);
    if (WAITS.has(result)) {
      this.#task.blockedKind = result;
      if (isToldOfSignal(this.#task)) {
        this.#task.endWait("signal");
        return;
      }
      this.#task.state = "S";
      if (this.#task.deadlineNs !== Infinity) this.#task.kernel.scheduler.armDeadline(this.#task);
      return;
    }
    this.result = result;
    this.#task.syscallState = null;
  }
}

/** Moves virtual time and serves the timers. */
export function advance(test: TestKernel, ms: number): void {
  test.clock.advance(ms * 1e6);
  test.kernel.timers.expire(test.kernel.now());
}
