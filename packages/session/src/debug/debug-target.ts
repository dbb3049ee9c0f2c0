/**
 * What a debugger looks at: one process of a machine that goes on when it is told to, be it a recorded run
 * (recording/timeline.ts) or a live one (live-target.ts). What its threads have in memory and registers is read from
 * the kernel's tasks (peekMemory, registersOf) while it stands.
 */
import type { Kernel, SignalInfo, Task, Watchpoint } from "@stratos/kernel";
import type { Arrival } from "../recording/timeline.ts";

/** What ends a journey, beside the process's end. */
export interface DebugStops {
  readonly breakpoints: ReadonlySet<number>;
  readonly watches: readonly Watchpoint[];
}

/** How a journey has ended. */
export type DebugArrival =
  | Arrival
  /** A signal has come, and waits for what becomes of it. */
  | { readonly kind: "signal"; readonly tid: number; readonly info: SignalInfo }
  /** A new program (a byte string), before its first instruction. */
  | { readonly kind: "exec"; readonly tid: number; readonly path: string }
  /** The process that is looked at is its child now, before its first instruction. */
  | { readonly kind: "fork"; readonly tid: number }
  /** The process is no more. */
  | { readonly kind: "exited"; readonly waitStatus: number };

export interface DebugTarget {
  /** Of the machine as it stands now. */
  readonly kernel: Kernel;
  /** The process that is looked at. */
  readonly pid: number;
  /** On to the next stop. @param stepTid  this thread's next instruction is one; −1: none */
  forward(stops: DebugStops, stepTid: number): Promise<DebugArrival>;
  /** A journey under way ends soon. */
  interrupt(): void;
  /** Null: it can't be gone back. */
  readonly past: DebugPast | null;
  /** Null: it is over, and can't be changed. */
  readonly live: LiveProcess | null;
}

export interface DebugPast {
  /** Where it stands: another one after each journey. */
  readonly position: object;
  /** Back to the last stop before here. */
  backward(stops: DebugStops): Promise<DebugArrival>;
  /** Back to before the instruction that the thread has done last. */
  stepBack(tid: number): Promise<DebugArrival>;
}

/** What can be done to a process that is alive; all but `pass` of it while it stands. */
export interface LiveProcess {
  /** Whose side of a fork is looked at from then on. */
  follow: "parent" | "child";
  /** New programs are told. */
  stopsAtExec: boolean;
  /** Signals that the process gets without being stopped for them. */
  passed: ReadonlySet<number>;
  /** The thread gets a signal once it goes on. */
  signal(task: Task, signal: number): void;
  /** Looks at another process. @returns false: there is none */
  lookAt(pid: number): boolean;
  /** It is killed, and the machine goes on. */
  kill(): void;
  /** The machine goes on, and nobody looks any more. */
  detach(): void;
}

/** Of the process that is looked at; none when it is no more, or not yet. */
export function threadsOf({ kernel, pid }: DebugTarget): readonly Task[] {
  return kernel.tasks.processes.get(pid)?.tasks ?? [];
}

/** The thread that stands, or the first one of the process. */
export function currentThread(target: DebugTarget): Task | null {
  const threads = threadsOf(target);
  const { current } = target.kernel.scheduler;
  return threads.find((task) => task === current) ?? threads[0] ?? null;
}
