import { newTransferCounts } from "./transfer-counts.ts";
import { stateClass } from "@stratos/base";
import { DEFAULT_FILTER } from "./core-dump/core-filter.ts";
import type { Task } from "./task.ts";
import { INITIAL_USER_NAMESPACE, type UserNamespace } from "../security/user-namespace.ts";
import type { SignalActions } from "../signal/signal-actions.ts";
import type { PidNamespace } from "../signal/pid-namespace.ts";
import type { PendingSignals } from "../signal/pending-signals.ts";
import type { ProcessGroup, Session } from "../signal/session.ts";
import type { TimerQueue } from "../time/timer-queue.ts";
import type { SignalProcess } from "../signal/signal-target.ts";
import type { Limit } from "../ground/limit.ts";
import { WaitQueue } from "../ground/wait-queue.ts";
import type { Inode } from "../vfs/inode.ts";
import type { OpenFile } from "../vfs/open-file.ts";
import type { Kernel } from "./kernel-state.ts";

/** A core, in pieces (core-dump/core-dump.ts). */
interface CoreInWriting {
  readonly file: OpenFile;
  readonly signal: number;
  readonly isComplete: boolean;
  step(task: Task): boolean;
  release(kernel: Kernel): void;
}

/** A process: the tasks (threads) that share a pid, signal actions, limits and a parent. */
export class ThreadGroup implements SignalProcess {
  /** Process id in the initial pid namespace. */
  readonly pid: number;
  /** The same as its own pid namespace has it. */
  readonly ownPid: number;
  readonly pidNamespace: PidNamespace;
  leader: Task;
  readonly tasks: Task[] = [];
  parent: ThreadGroup | null;
  /** The thread of the parent that made it, or that took it over from one that ended; null: the kernel did. */
  parentThread: Task | null = null;
  /** Programs that were started in this process one after the other; and how many its parent had had at its birth. */
  programs = 0;
  parentPrograms = 0;
  readonly children = new Set<ThreadGroup>();
  group: ProcessGroup<ThreadGroup>;
  actions: SignalActions;
  /** Signals sent to the process as a whole. */
  readonly pending: PendingSignals;
  limits: Limit[];
  /** Set once all tasks are to end: wait status (exit code << 8, or signal | 0x80 for a core). */
  exitStatus: number | null = null;
  /** The last task is gone and the parent has not waited yet. */
  isZombie = false;
  /** It ended while another than its parent traced it, who has not waited for it yet: the parent may not. */
  awaitsTracer = false;
  /** It ended while its parent traced it. */
  endedTraced = false;
  /** Stopped by this job-control signal, 0 when running. */
  stopSignal = 0;
  /** A stop or continue that the parent may still collect with WUNTRACED / WCONTINUED. */
  unreportedStop = 0;
  unreportedContinue = false;
  /** Signal for the parent at exit (SIGCHLD; clone's CSIGNAL, which may be no signal at all). */
  exitSignal: number;
  /** Parents wait here for children. */
  readonly childrenQueue = new WaitQueue();
  /** Woken at exit: pidfd pollers. */
  readonly exitQueue = new WaitQueue();
  /** What fstat(2) of its pidfds shows; null: it has had none. */
  pidfdInode: Inode | null = null;
  /** Woken whenever a signal is queued for the process or one of its tasks: signalfd. */
  readonly signalQueue = new WaitQueue();
  /** prctl(PR_SET_DUMPABLE): 0: it leaves no core; 1: others may look into its memory as well; 2: root alone has it. */
  dumpable = 1;
  /** In which its program was started: who may trace there looks into its memory even when it isn't dumpable. */
  memoryNamespace: UserNamespace = INITIAL_USER_NAMESPACE;
  /** /proc/PID/coredump_filter. */
  coreFilter = DEFAULT_FILTER;
  /** The core that the process writes before it ends; null: it lives. */
  coreDump: CoreInWriting | null = null;
  /** prctl(PR_SET_THP_DISABLE), kept and shown. */
  refusesHugePages = false;
  /** prctl(PR_SET_CHILD_SUBREAPER). */
  isSubreaper = false;
  /** CPU time in nanoseconds of tasks that ended, and of children that were waited for. */
  userNs = 0;
  systemNs = 0;
  childrenUserNs = 0;
  childrenSystemNs = 0;
  minorFaults = 0;
  majorFaults = 0;
  childrenMinorFaults = 0;
  childrenMajorFaults = 0;
  voluntarySwitches = 0;
  involuntarySwitches = 0;
  childrenVoluntarySwitches = 0;
  childrenInvoluntarySwitches = 0;
  readonly transfers = newTransferCounts();
  readonly childrenTransfers = newTransferCounts();
  /** Most pages that a program of this process, or any descendant that was waited for, had in memory at once. */
  maximumResidentPages = 0;
  childrenMaximumResidentPages = 0;
  readonly startNs: number;
  hasExecuted = false;
  /** Process 1 of a namespace whose end was asked for by reboot(2). */
  isShutDown = false;
  /** Timers by the process's CPU time (task/cpu-timers.ts); null: it never had one. */
  cpuTimers: TimerQueue | null = null;
  /** Those that run on time in user mode (ITIMER_VIRTUAL). */
  userTimers: TimerQueue | null = null;
  /** setitimer(2) and timer_create(2) (process-timers.ts); null: it never had one. */
  timers: { readonly posix: { readonly size: number }; cancelAll(): void; deletePosix(): void } | null = null;
  oomScoreAdjust = 0;
  /** Who has no CAP_SYS_RESOURCE doesn't go below it. */
  oomScoreAdjustLeast = 0;

  constructor(
    pid: number,
    leader: Task,
    parent: ThreadGroup | null,
    group: ProcessGroup<ThreadGroup>,
    actions: SignalActions,
    pending: PendingSignals,
    limits: Limit[],
    exitSignal: number,
    startNs: number,
    pidNamespace: PidNamespace,
  ) {
    this.pid = pid;
    this.pidNamespace = pidNamespace;
    this.ownPid = pidNamespace.idOf(pid);
    this.leader = leader;
    this.parent = parent;
    this.group = group;
    this.actions = actions;
    this.pending = pending;
    this.limits = limits;
    this.exitSignal = exitSignal;
    this.startNs = startNs;
  }

  /** May who has its user's rights look into its memory? */
  get isInspectable(): boolean {
    return this.dumpable === 1;
  }

  get session(): Session {
    return this.group.session;
  }

  static {
    stateClass("ThreadGroup", this, null, {
      shares: ["limits"],
      copied: (it, original) => {
        it.limits = [...original.limits];
      },
    });
  }
}
