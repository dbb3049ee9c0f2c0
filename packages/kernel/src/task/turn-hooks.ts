/** What whoever drives a machine puts into the turns of its tasks; `Kernel` has one of each at most. */
import type { ExitReason } from "@stratos/riscv";
import type { SignalInfo } from "../signal/pending-signals.ts";
import type { SyscallRow } from "./syscall-row.ts";
import type { Task } from "./task.ts";

/** a0 … a5 of a system call. */
export interface CallArguments {
  readonly a0: number;
  readonly a1: number;
  readonly a2: number;
  readonly a3: number;
  readonly a4: number;
  readonly a5: number;
}

/** Disturbs programs (disturber.ts). */
export interface TurnDisturber {
  /** @returns the instructions of the slice that begins, at most `fuel` */
  fuelFor(task: Task, fuel: number): number;
  /** @returns for how many nanoseconds the task is held; 0: not at all */
  turnEnded(task: Task): number;
  /** Makes the call, or does something else. @returns as the row's `run` does */
  call(row: SyscallRow, task: Task, number: number, args: CallArguments): number;
}

/** What the slice that was left in its midst goes on with. */
export interface StoppedSlice {
  readonly task: Task;
  readonly fuel: number;
  /** Instructions at its beginning. */
  readonly before: number;
}

/** Stops a machine between two instructions (stops.ts). */
export interface TurnStops {
  /** The machine stands, and the task is looked at as one that is off the hart. */
  isLooking: boolean;
  /** The slice that was left in its midst; null: none was. */
  takeSlice(): StoppedSlice | null;
  keepSlice(slice: StoppedSlice): void;
  /** In the place of `processor.run`. */
  run(task: Task, fuel: number): ExitReason;
  takeLook(): boolean;
  afterCall(task: Task): void;
  /** Asked before a program acts on a signal other than SIGKILL. @returns who is asked keeps it; null: nobody asks */
  readonly onSignal: ((task: Task, info: SignalInfo) => boolean) | null;
  /** The machine gives back control before another task goes on. */
  endTurn(): void;
  readonly isTurnOver: boolean;
}
