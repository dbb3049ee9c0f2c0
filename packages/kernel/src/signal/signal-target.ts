import type { Limit } from "../ground/limit.ts";
import type { WaitQueue } from "../ground/wait-queue.ts";
import type { Credentials } from "../security/credentials.ts";
import type { PidNamespace } from "./pid-namespace.ts";
import type { PendingSignals, SignalLoad } from "./pending-signals.ts";
import type { ProcessGroup, Session } from "./session.ts";
import type { SignalActions } from "./signal-actions.ts";
import type { SignalSet } from "./signal-set.ts";

/** proc_pid_stat(5) letters: running or runnable, sleeping, stopped, stopped by its tracer, zombie, dead. */
export type TaskState = "R" | "S" | "T" | "t" | "Z" | "X";

/** A thread, as far as signals reach it; its fields are explained in task/task.ts. */
export interface SignalTask {
  readonly kernel: SignalKernel;
  readonly group: SignalProcess;
  readonly credentials: Credentials;
  readonly pending: PendingSignals;
  readonly waitedSignals: SignalSet | null;
  readonly blockedKind: number;
  readonly isTraced: boolean;
  /** What it has spent. */
  readonly userNs: number;
  readonly systemNs: number;
  /** By its control group. */
  isFrozen: boolean;
  blocked: SignalSet;
  state: TaskState;
  hasWork: boolean;
  endWait(reason: "signal"): void;
}

/** A process, as far as signals and job control reach it (task/thread-group.ts). */
export interface SignalProcess {
  /** In the initial pid namespace. */
  readonly pid: number;
  /** In its own. */
  readonly ownPid: number;
  readonly pidNamespace: PidNamespace;
  readonly leader: SignalTask;
  readonly tasks: readonly SignalTask[];
  readonly parent: SignalProcess | null;
  readonly group: ProcessGroup;
  readonly session: Session;
  /** It is to end so. */
  readonly exitStatus: number | null;
  readonly isZombie: boolean;
  readonly pending: PendingSignals;
  /** Its POSIX timers count towards RLIMIT_SIGPENDING. */
  readonly timers: { readonly posix: { readonly size: number } } | null;
  readonly actions: SignalActions;
  readonly limits: readonly Limit[];
  readonly signalQueue: WaitQueue;
  readonly childrenQueue: WaitQueue;
  stopSignal: number;
  unreportedStop: number;
  unreportedContinue: boolean;
}

/** Processes and their groups, by number (task/task-table.ts). */
interface ProcessTable {
  readonly processes: ReadonlyMap<number, SignalProcess>;
  readonly groups: ReadonlyMap<number, ProcessGroup>;
}

/** The same with the threads, as far as somebody knows them. */
export interface TasksOf<Known> extends ProcessTable {
  readonly tasks: ReadonlyMap<number, Known>;
  /** Has any of them that number? */
  isUsed(id: number): boolean;
}

/** What signals need of the kernel. */
export interface SignalKernel {
  readonly signalLoad: SignalLoad;
  readonly tasks: ProcessTable;
  readonly scheduler: { enqueue(task: SignalTask): void; readonly current: SignalTask | null };
  /** Who is on the hart, or was last. */
  readonly lastTask: SignalTask | null;
}
