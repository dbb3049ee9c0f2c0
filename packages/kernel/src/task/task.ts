/**
 * A thread, as the kernel sees it. What threads of one process share stands in thread-group.ts (ids of the process,
 * limits, actions, children); memory, files, and root and working directory are objects of their own, which clone(2)
 * shares or copies.
 *
 * Invariants: a task in state R that is not on the hart is in the run queue (`queueIndex` ≥ 0), or held until a timer
 * puts it there (`Scheduler.hold`); one in S waits in its queues, for its deadline, or for a signal, and `endWait`
 * alone ends that, with the reason; one in Z or X runs never again. `registers` are those of a task that is off the
 * hart. `hasWork` says that signals have to be looked at before it goes on in user mode.
 */
import type { ControlGroup } from "./control-group.ts";
import { BPF_DEVCG_DEV_BLOCK, BPF_DEVCG_DEV_CHAR, S_IFBLK } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { allHarts } from "./hart-mask.ts";
import type { AddressSpace } from "../mm/address-space.ts";
import { TaskKeyrings } from "../keys/process-keyrings.ts";
import type { Credentials } from "../security/credentials.ts";
import type { Seccomp } from "../security/seccomp.ts";
import type { AskedPermissions } from "../vfs/fanotify-mark.ts";
import { majorOf, minorOf } from "../vfs/device-registry.ts";
import type { FileTable, HeldFile } from "../vfs/file-table.ts";
import type { FsContext } from "../vfs/fs-context.ts";
import type { Inode } from "../vfs/inode.ts";
import type { BlockCaller } from "../block/block-kernel.ts";
import type { MaskedCaller } from "../event/event-kernel.ts";
import type { IpcCaller, UndoList } from "../ipc/ipc-kernel.ts";
import type { Network } from "../socket/network.ts";
import type { SocketCaller } from "../socket/socket-kernel.ts";
import type { TimeCaller } from "../time/time-kernel.ts";
import type { TtyCaller } from "../tty/tty-kernel.ts";
import type { IpcState } from "../ipc/ipc-state.ts";
import type { Kernel } from "./kernel-state.ts";
import type { Namespaces } from "./namespaces.ts";
import { PendingSignals } from "../signal/pending-signals.ts";
import type { TaskState } from "../signal/signal-target.ts";
import { SignalSet } from "../signal/signal-set.ts";
import type { OpenedProgram } from "./opened-program.ts";
import type { Tracees, Tracing } from "./tracing.ts";
import { newTransferCounts } from "./transfer-counts.ts";
import type { ThreadGroup } from "./thread-group.ts";
import type { CpuSleep } from "../time/cpu-sleep.ts";
import type { TimerQueue } from "../time/timer-queue.ts";
import type { CallState } from "../ground/call-state.ts";
import { type Waiter, WaitQueue } from "../ground/wait-queue.ts";

/** `task.rseqWork`: words of it have changed; a sequence that it may be in was disturbed. */
export const RSEQ_WRITES = 1,
  RSEQ_DISTURBED = 2;

/** Alternate signal stack (sigaltstack(2)). */
interface SignalStack {
  address: number;
  size: number;
  flags: number;
}

/** PR_SET_SYSCALL_USER_DISPATCH, as registers have it: what is negative lies behind 2^63. */
export interface CallDispatch {
  /** Calls from [offset, offset + length) go ahead. */
  readonly offset: number;
  readonly length: number;
  /** Address of the byte that is asked for the others; 0: they are all taken. */
  readonly selector: number;
}

/**
 * A thread: what the scheduler runs. Registers of a task that isn't on the hart are in `registers`.
 */
export class Task implements Waiter, BlockCaller, IpcCaller, MaskedCaller, SocketCaller, TimeCaller, TtyCaller {
  readonly kernel: Kernel;
  /** Thread id in the initial pid namespace; the leader's is the process id. */
  tid: number;
  group: ThreadGroup;
  space: AddressSpace;
  files: FileTable;
  fs: FsContext;
  credentials: Credentials;
  /** All but mounts (`fs`), user (`credentials`) and pids (`group`). */
  namespaces: Namespaces;
  keyrings: TaskKeyrings;
  /** `tid` as its own pid namespace has it. */
  ownTid: number;
  /** x0 … x31, f0 … f31, pc, fflags, frm as `HART_STATE_SIZE` bytes. */
  readonly registers: Uint8Array;
  state: TaskState = "R";
  /** prctl(PR_SET_NAME): at most 15 bytes. */
  name = "";

  /** Blocked signals. */
  blocked = new SignalSet();
  /** Mask to go back to after the handler that ended sigsuspend, ppoll … has been set up; null otherwise. */
  savedMask: SignalSet | null = null;
  readonly pending: PendingSignals;
  /** Signals that rt_sigtimedwait waits for although they are blocked; null else. */
  waitedSignals: SignalSet | null = null;
  /** Look at signals and at the process's end before going on in user mode (Linux: TIF_SIGPENDING). */
  hasWork = false;
  signalStack: SignalStack = { address: 0, size: 0, flags: 2 };

  /** set_tid_address(2): cleared and woken at exit. */
  clearTid = 0;
  /** set_robust_list(2) head. */
  robustList = 0;
  /** The parent of a vfork waits for this task's exec or exit. */
  vforkParent: Task | null = null;
  /** The parent of a vfork sleeps here. */
  readonly vforkDone = new WaitQueue();
  /** Its `struct rseq` (rseq.ts), with the size and signature that it was registered with; 0: none. */
  rseqAddress = 0;
  rseqLength = 0;
  rseqSignature = 0;
  /** What is due there before it goes on in user mode: RSEQ_WRITES, RSEQ_DISTURBED. */
  rseqWork = 0;
  /** The system calls that it may make (seccomp(2)); null: all. */
  seccomp: Seccomp | null = null;
  /** Which calls its own handler of SIGSYS gets (task/call-dispatch.ts); null: none. */
  callDispatch: CallDispatch | null = null;
  /** Its call waits for what a listener of its filters says (task/seccomp-listener.ts); null: it doesn't. */
  notification: object | null = null;
  /** set_mempolicy(2): mode with its flags, and whether the one node is in its set. */
  memoryPolicy = { mode: 0, hasNode: false };
  /** Its tracer, and what it has to do with it (ptrace(2)); null: nobody traces it. */
  tracing: Tracing | null = null;
  /** Somebody has ended it with this status, which is to come true when its tracer lets it go on; −1: nobody has. */
  endsWith = -1;
  /** Whom it traces; null: it never traced anyone. */
  tracees: Tracees | null = null;
  /** Where it is counted; whoever puts it in the table of tasks admits it there. */
  controlGroup: ControlGroup;
  /** Its control group, or one above it, is frozen: it does not run until that thaws, or it is killed. */
  isFrozen = false;
  /** Who logged in, in ids of the initial user namespace, and the number of that login (credentials(7)); −1: nobody. */
  loginUid = -1;
  loginSession = -1;
  /** What fstat(2) of its pidfds shows, unless it is its process's first thread; null: it has had none. */
  pidfdInode: Inode | null = null;
  /** personality(2). */
  personality = 0;
  /** ioprio_set(2): class << 13 | level; 0: none was set. Shared by CLONE_IO. */
  io: { priority: number; identity: number } = { priority: 0, identity: 0 };
  /** Shared by CLONE_SYSVSEM. */
  semaphoreUndo: UndoList = { users: 1, isMade: false, identity: 0 };
  /** prctl(PR_SET_TIMERSLACK), and what a value of 0 goes back to: that of the parent at its start. */
  timerSlackNs = 50_000;
  defaultTimerSlackNs = 50_000;
  /** prctl(PR_MCE_KILL): late 0, early 1, the system's 2; and PR_SET_IO_FLUSHER. Kept and shown. */
  memoryErrorPolicy = 2;
  isIoFlusher = false;
  /** Signal for this task at its parent's death (PR_SET_PDEATHSIG). */
  parentDeathSignal = 0;

  /** The system call that is under way (a7), −1 when none: it is executed again when the task runs. */
  syscallNumber = -1;
  /** What a blocked call keeps for its next execution; null at its first. */
  syscallState: CallState | null = null;
  /** The program of an execve(2) that waits for other threads to end. */
  openedProgram: OpenedProgram | null = null;
  /** What descriptors of a call that waits led to; null: nothing, or nobody else can change that. */
  heldFiles: HeldFile[] | null = null;
  /** What the call has asked listeners of fanotify(7), and was told; null: nothing. */
  permissions: AskedPermissions | null = null;
  /** Why the wait ended: set by wake(). */
  wakeReason: "none" | "queue" | "deadline" | "signal" = "none";
  #queues: WaitQueue[] = [];
  /** Monotonic nanoseconds at which the wait ends; Infinity: never. */
  deadlineNs = Infinity;
  /** BLOCKED or BLOCKED_EINTR while it waits. */
  blockedKind = 0;

  /** Harts that it may run on, as a mask, and the one it is on. */
  affinity: number;
  hart = 0;
  nice = 0;
  policy = 0;
  realtimePriority = 0;
  /** The same, or what it inherits from who waits for its PI futexes (task/pi-futex.ts). */
  effectivePriority = 0;
  /** SCHED_DEADLINE's parameters; null under other policies. */
  deadlineShare: { runtimeNs: number; deadlineNs: number; periodNs: number } | null = null;
  /** Asked for under other policies (sched_setattr(2), `sched_runtime`); 0: none. It is told, and changes nothing. */
  sliceNs = 0;
  /** Children begin with the normal policy (SCHED_RESET_ON_FORK). */
  resetsOnFork = false;
  /** Virtual deadline bookkeeping of the scheduler. */
  virtualRuntime = 0;
  /** Timers by the thread's CPU time (task/cpu-timers.ts); null: it never had one. */
  cpuTimers: TimerQueue | null = null;
  /** Those by its time in user mode. */
  userTimers: TimerQueue | null = null;
  /** While and after it sleeps by a CPU clock. */
  cpuSleep: CpuSleep | null = null;
  /** Its place among those that want to run (task/run-queue.ts); index −1: it is not there. */
  queueIndex = -1;
  queueKind = 0;
  queueArrival = 0;
  userNs = 0;
  systemNs = 0;
  instructions = 0;
  minorFaults = 0;
  majorFaults = 0;
  voluntarySwitches = 0;
  involuntarySwitches = 0;
  readonly transfers = newTransferCounts();
  readonly startNs: number;

  constructor(
    kernel: Kernel,
    tid: number,
    group: ThreadGroup,
    resources: {
      space: AddressSpace;
      files: FileTable;
      fs: FsContext;
      credentials: Credentials;
      /** Counted for the task by whoever makes it. */
      namespaces: Namespaces;
    },
    registers: Uint8Array,
    startNs: number,
  ) {
    this.kernel = kernel;
    this.tid = tid;
    this.group = group;
    this.space = resources.space;
    this.files = resources.files;
    this.fs = resources.fs;
    this.credentials = resources.credentials;
    this.namespaces = resources.namespaces;
    this.keyrings = new TaskKeyrings(kernel.keys);
    this.ownTid = group.pidNamespace.idOf(tid);
    this.registers = registers;
    this.pending = new PendingSignals(kernel.signalLoad);
    this.startNs = startNs;
    this.affinity = allHarts(kernel.harts);
    this.controlGroup = kernel.controlGroups.root;
  }

  get isTraced(): boolean {
    return this.tracing !== null;
  }

  mayUseDevice(kind: number, rdev: number, access: number): boolean {
    const type = kind === S_IFBLK ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR;
    return this.controlGroup.mayUseDevice(type | (access << 16), majorOf(rdev), minorOf(rdev));
  }

  get pid(): number {
    return this.group.pid;
  }

  /** Its IPC namespace. */
  get ipc(): IpcState {
    return this.namespaces.ipc;
  }

  /** Its network namespace. */
  get network(): Network {
    return this.namespaces.net;
  }

  /**
   * Registers for a wake-up by `queue`; the system call then returns BLOCKED or BLOCKED_EINTR. May be called for
   * several queues.
   */
  waitOn(queue: WaitQueue): void {
    queue.add(this);
    this.#queues.push(queue);
  }

  /** Ends the wait at `deadlineNs` (monotonic) at the latest; the earliest of several counts. */
  waitUntil(deadlineNs: number): void {
    if (deadlineNs < this.deadlineNs) this.deadlineNs = deadlineNs;
  }

  wake(_queue: WaitQueue): void {
    this.endWait("queue");
  }

  /** Makes a waiting task runnable; does nothing to one that doesn't wait. */
  endWait(reason: "queue" | "deadline" | "signal"): void {
    if (this.#queues.length > 0) {
      for (const queue of this.#queues) queue.remove(this);
      this.#queues.length = 0;
    }
    if (this.deadlineNs !== Infinity) {
      this.kernel.scheduler.cancelDeadline(this);
      this.deadlineNs = Infinity;
    }
    if (this.state !== "S") return;
    this.wakeReason = reason;
    if (this.group.stopSignal !== 0 && this.tracing === null) {
      this.state = "T";
      return;
    }
    this.state = "R";
    this.kernel.scheduler.enqueue(this);
  }

  static {
    stateClass("Task", this, {
      save: (it) => ({ queues: it.#queues }),
      load: (it, from) => ({ queues: it.#queues } = from),
    });
  }
}
