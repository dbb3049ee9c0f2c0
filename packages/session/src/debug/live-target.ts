/**
 * A live machine for a debugger: it is held between two of its turns, or stands in the midst of one (kernel,
 * task/stops.ts), until a journey lets it go on. Its time is counted in instructions, so that it stands with it. The
 * whole machine stops with the process that is looked at.
 *
 *     held ── forward ──► the pump's turns ── stands, or an event that ended a turn early ──► held
 */
import { SI_USER, SIGALRM, SIGCHLD, SIGIO, SIGKILL, SIGPROF, SIGURG, SIGVTALRM, SIGWINCH } from "@stratos/abi";
import {
  type Kernel,
  sendSignalToProcess,
  sendSignalToTask,
  type SignalInfo,
  signalInfo,
  Stops,
  type Task,
  type TaskObserver,
} from "@stratos/kernel";
import type { TurnGate } from "../machine-pump.ts";
import type { MachineSession } from "../machine-session.ts";
import type { DebugArrival, DebugStops, DebugTarget, LiveProcess } from "./debug-target.ts";

/** Signals of everyday work, which gdb lets pass as well ("Debugging with GDB", 5.4 Signals). */
export const EVERYDAY_SIGNALS: ReadonlySet<number> = new Set([
  ...[SIGALRM, SIGCHLD, SIGIO, SIGPROF, SIGURG, SIGVTALRM, SIGWINCH],
]);

export class LiveTarget implements DebugTarget, LiveProcess, TurnGate {
  readonly past = null;
  follow: "parent" | "child" = "parent";
  stopsAtExec = false;
  passed = EVERYDAY_SIGNALS;
  readonly #session: MachineSession;
  readonly #stops: Stops;
  readonly #observer: TaskObserver;
  readonly #onProcessExit: Kernel["onProcessExit"];
  /** 0: the first one. */
  #pid = 0;
  #isHeld = true;
  /** Ends the journey under way. */
  #arrive: ((arrival: DebugArrival) => void) | null = null;
  /** What has ended the turn. */
  #event: DebugArrival | null = null;
  /** What has become of the process; null: it lives. */
  #exited: DebugArrival | null = null;
  /** A signal that its thread was stopped for, and one that is on its way to be acted on; 0: none. */
  #kept: { readonly task: Task; readonly info: SignalInfo } | null = null;
  #delivered = 0;

  /** Before its first program starts. Its time has to be virtual. */
  constructor(session: MachineSession) {
    this.#session = session;
    const { kernel } = this;
    this.#stops = kernel.stops = new Stops(kernel);
    this.#stops.onSignal = (task, info) => this.#keepsSignal(task, info);
    this.#onProcessExit = kernel.onProcessExit;
    kernel.onProcessExit = (process, waitStatus) => {
      this.#onProcessExit?.(process, waitStatus);
      if (process.pid === this.pid) this.#tell((this.#exited = { kind: "exited", waitStatus }));
    };
    kernel.onExec = ({ tid, group }, path) => {
      if (this.stopsAtExec && group.pid === this.pid) this.#tell({ kind: "exec", tid, path });
    };
    this.#observer = {
      processForked: ({ tid, group }, parent) => {
        if (this.follow !== "child" || parent.group.pid !== this.pid) return;
        this.#pid = group.pid;
        this.#tell({ kind: "fork", tid });
      },
    };
    kernel.taskObservers.add(this.#observer);
    session.pump.gate = this;
  }

  get live(): this {
    return this;
  }

  get kernel(): Kernel {
    return this.#session.machine.kernel;
  }

  get pid(): number {
    return this.#pid === 0 ? this.#session.machine.firstPid : this.#pid;
  }

  // ---- Turns of the pump

  get isBlocked(): boolean {
    return this.#isHeld && !this.#session.machine.isStopped;
  }

  beforeTurn(): void {
    this.#stops.isTurnOver = false;
  }

  afterTurn(): void {
    const { machine } = this.#session;
    if (machine.stands) return this.#arrived({ kind: "stop", stop: this.#stops.stop! });
    // Who still lives when the first program ends is killed.
    if (machine.isStopped) this.#exited ??= { kind: "exited", waitStatus: SIGKILL };
    const arrival = this.#exited ?? this.#event;
    if (arrival !== null) this.#arrived(arrival);
  }

  #tell(event: DebugArrival): void {
    if (this.#arrive === null) return;
    this.#event = event;
    this.#stops.endTurn();
  }

  #arrived(arrival: DebugArrival): void {
    const arrive = this.#arrive;
    if (arrive === null) return;
    this.#arrive = this.#event = null;
    this.#isHeld = true;
    this.#want(NOTHING, -1);
    arrive(arrival);
  }

  // ---- Journeys

  forward(stops: DebugStops, stepTid: number): Promise<DebugArrival> {
    if (this.#exited !== null) return Promise.resolve(this.#exited);
    this.#kept = null;
    this.#want(stops, stepTid);
    return new Promise((resolve) => {
      this.#arrive = resolve;
      this.#isHeld = false;
      this.#session.pump.wake();
    });
  }

  /** The host's loop has the thread: the machine is between two turns. */
  interrupt(): void {
    this.#arrived({ kind: "interrupted" });
  }

  #want({ breakpoints, watches }: DebugStops, stepTid: number): void {
    const stops = this.#stops;
    stops.pid = this.pid;
    stops.breakpoints = breakpoints;
    stops.watch(watches);
    stops.stepTid = stepTid;
  }

  // ---- Signals

  #keepsSignal(task: Task, info: SignalInfo): boolean {
    if (this.#arrive === null || task.group.pid !== this.pid || this.passed.has(info.signal)) return false;
    if (this.#delivered === info.signal) {
      this.#delivered = 0;
      return false;
    }
    this.#kept = { task, info: { ...info, owner: null } };
    this.#tell({ kind: "signal", tid: task.tid, info });
    return true;
  }

  /** One that the thread was stopped for comes as it was. */
  signal(task: Task, signal: number): void {
    const isKept = this.#kept?.task === task && this.#kept.info.signal === signal;
    const info = isKept ? this.#kept!.info : signalInfo(signal, SI_USER);
    this.#kept = null;
    this.#delivered = signal;
    sendSignalToTask(task, info);
  }

  // ---- Processes

  lookAt(pid: number): boolean {
    if ((this.kernel.tasks.processes.get(pid)?.tasks.length ?? 0) === 0 || pid === 1) return false;
    this.#pid = pid;
    this.#exited = null;
    return true;
  }

  kill(): void {
    const process = this.kernel.tasks.processes.get(this.pid);
    if (process !== undefined) sendSignalToProcess(process, signalInfo(SIGKILL, SI_USER));
    this.detach();
  }

  /** A signal that a thread was stopped for comes now. */
  detach(): void {
    const { kernel } = this;
    if (kernel.stops !== this.#stops) return;
    const kept = this.#kept;
    this.#arrived({ kind: "interrupted" });
    this.#session.machine.leaveStop();
    kernel.processor.code.setBarriers(new Set());
    kernel.taskObservers.delete(this.#observer);
    kernel.onProcessExit = this.#onProcessExit;
    kernel.onExec = null;
    if (kept !== null) sendSignalToTask(kept.task, kept.info);
    this.#session.pump.gate = null;
    this.#session.pump.wake();
  }
}

const NOTHING: DebugStops = { breakpoints: new Set(), watches: [] };
