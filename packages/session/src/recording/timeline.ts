/**
 * A recorded run as a line that one can go along in both directions. Forwards it is replayed; backwards it is replayed
 * again from before the place that is wanted, up to it: a place has a name (StopPosition), and what was there once is
 * there each time.
 *
 *     begin ────●────────────●──────────────────● where we are ──────────── end (before the last instruction)
 *               checkpoint   checkpoint
 *
 * One process is looked at: its breakpoints, its watched memory, its steps. The others run beside it.
 */
import type { EventLoop } from "@stratos/host";
import { isSamePosition, type Stop, type StopPosition, Stops, type Task, type Watchpoint } from "@stratos/kernel";
import { ReplayError } from "./host-answers.ts";
import type { Replay } from "./replay.ts";

/** A replay that was started, before its first turn. */
export interface StartedReplay {
  readonly replay: Replay;
  /** Waits until the host has taken the output; at once where there is none. */
  drain(): Promise<void>;
  /** Gives back what it has; nothing of it is used afterwards. */
  close(): void;
}

export interface TimelinePorts {
  readonly loop: EventLoop;
  /** The recorded run from its beginning. */
  open(): StartedReplay;
}

/** What ends a journey, beside the process's end. */
interface StopsWanted {
  readonly breakpoints: ReadonlySet<number>;
  readonly watches: readonly Watchpoint[];
}

/** A program that a process began to execute. */
interface ExecutedProgram {
  readonly instructions: number;
  readonly pid: number;
  /** Its arguments, a byte string. */
  readonly command: string;
}

const PROGRAMS_MAX = 10_000;

export type Arrival =
  | { readonly kind: "stop"; readonly stop: Stop }
  /** The beginning, or the end, of what can be gone along. */
  | { readonly kind: "begin" | "end" | "interrupted" };

/** Of a position that is named by its number alone. */
const ANYWHERE = { tid: -1, pc: -1 } as const;
/** A machine that was not started, or left where nobody knows. */
const NOWHERE: StopPosition = { ...ANYWHERE, instructions: -1 };
const NOTHING: StopsWanted = { breakpoints: new Set(), watches: [] };

export class Timeline {
  readonly #ports: TimelinePorts;
  #current: StartedReplay;
  #stops!: Stops;
  #at: StopPosition = NOWHERE;
  /** The process that is looked at; 0: all. */
  #pid = 0;
  #begin: StopPosition = { instructions: 0, tid: -1, pc: -1 };
  /** Null: nobody has been there yet. */
  #end: StopPosition | null = null;
  #isInterrupted = false;

  private constructor(ports: TimelinePorts) {
    this.#ports = ports;
    this.#current = ports.open();
    this.#join();
  }

  /** A timeline that stands before the first instruction. @throws SessionError, ReplayError */
  static async open(ports: TimelinePorts): Promise<Timeline> {
    const timeline = new Timeline(ports);
    await timeline.#runTo(timeline.#begin);
    timeline.#begin = timeline.#at;
    return timeline;
  }

  get replay(): Replay {
    return this.#current.replay;
  }

  /** Where it stands. */
  get position(): StopPosition {
    return this.#at;
  }

  close(): void {
    this.#current.close();
  }

  /** Waits until the host has taken the output. */
  drain(): Promise<void> {
    return this.#current.drain();
  }

  /** A journey under way ends soon. */
  interrupt(): void {
    this.#isInterrupted = true;
  }

  /**
   * Looks at one process from now on, and goes to where its program begins: to its first execve(2), or to the beginning
   * for who was there from then on.
   *
   * @returns false when there is no such process
   */
  async lookAt(pid: number): Promise<boolean> {
    if (pid === this.firstPid) {
      this.#pid = pid;
      return true;
    }
    await this.#reopen();
    let seen = -1;
    this.replay.gate.isMuted = true;
    const { kernel } = this.replay.session.machine;
    kernel.onExec = (task) => {
      if (task.group.pid === pid && seen < 0) seen = kernel.processor.retired(kernel.tally);
    };
    for (let state = this.#turn(); state === "goes on" && seen < 0; state = this.#turn()) await this.#breathe();
    kernel.onExec = null;
    if (seen < 0) return false;
    this.#begin = { instructions: seen, tid: pid, pc: -1 };
    this.#pid = pid;
    await this.#runTo(this.#begin);
    this.#begin = this.#at;
    return true;
  }

  /** Each execve(2) of the run, in order; the first ones of very many. It stands nowhere afterwards. */
  async programs(): Promise<readonly ExecutedProgram[]> {
    await this.#reopen();
    this.#leave();
    const found: ExecutedProgram[] = [];
    const { kernel } = this.replay.session.machine;
    const note = (pid: number, argv: readonly string[]): void => {
      const instructions = kernel.processor.retired(kernel.tally);
      if (found.length < PROGRAMS_MAX) found.push({ instructions, pid, command: argv.join(" ") });
    };
    note(this.firstPid, this.replay.header.argv);
    kernel.onExec = ({ group }, _path, argv) => note(group.pid, argv);
    for (let state = this.#turn(); state === "goes on"; state = this.#turn()) await this.#breathe();
    kernel.onExec = null;
    return found;
  }

  /** Of the program that was recorded. */
  get firstPid(): number {
    return this.replay.firstPid;
  }

  /** @returns false when the recording ends before; it then stands at the end */
  async seek(to: StopPosition): Promise<boolean> {
    this.#isInterrupted = false;
    if (isSamePosition(this.#at, to)) return true;
    return (await this.#runTo(to)) === "stands";
  }

  /** To where so many instructions are done. @returns as `seek` */
  async seekInstruction(instructions: number): Promise<boolean> {
    if (await this.seek({ ...ANYWHERE, instructions })) return true;
    await this.seekEnd();
    return false;
  }

  /** To the last instruction. */
  async seekEnd(): Promise<void> {
    if (this.#end === null) await this.#findEnd();
    const end = this.#end!;
    // One that a signal ended was before an instruction, or in the call that its last one made.
    if ((await this.#runTo(end)) === "ended") await this.#runTo({ ...ANYWHERE, instructions: end.instructions - 1 });
    this.#end = this.#at;
  }

  /** To where so many lines of output are written. @returns false when there are fewer; it then stands at the end */
  async seekLine(line: number): Promise<boolean> {
    if (this.replay.gate.outputLines >= line || line === 0) await this.#reopen();
    if (line === 0) return this.seek({ instructions: 0, tid: -1, pc: -1 });
    const { gate, session } = this.replay;
    const { kernel } = session.machine;
    let found = -1;
    gate.onOutput = () => {
      if (found >= 0 || gate.outputLines < line) return;
      found = kernel.processor.retired(kernel.tally);
      // The rest of the turn lies behind the place.
      gate.isMuted = true;
    };
    this.#leave();
    for (let state = this.#turn(); state === "goes on" && found < 0; state = this.#turn()) await this.#breathe();
    gate.onOutput = null;
    if (found >= 0 && (await this.#runTo({ instructions: found, tid: -1, pc: -1 })) === "stands") return true;
    await this.seekEnd();
    return found >= 0;
  }

  /** On to the next stop. @param stepTid  this thread's next instruction is one; −1: none */
  async forward(wanted: StopsWanted, stepTid: number): Promise<Arrival> {
    this.#isInterrupted = false;
    const stops = this.#stops;
    this.#want(wanted);
    stops.stepTid = stepTid;
    stops.target = this.#end;
    if (this.#end !== null && isSamePosition(this.#at, this.#end)) return { kind: "end" };
    const known = this.#end;
    const unwatch = this.#watchEnd();
    try {
      for (;;) {
        const state = this.#turn();
        if (state === "stands") {
          const stop = this.#stops.stop!;
          if (stop.reason.kind !== "position") return this.#arrived(stop);
          this.#arrived(stop);
          return { kind: this.#end !== null && isSamePosition(stop, this.#end) ? "end" : "interrupted" };
        }
        if (this.#end !== known || state !== "goes on") {
          await this.seekEnd();
          return { kind: "end" };
        }
        if (this.#isInterrupted) stops.target = { ...ANYWHERE, instructions: this.#instructions };
        await this.#breathe();
      }
    } finally {
      unwatch();
      this.#want(NOTHING);
    }
  }

  /** Back to the last stop before here. */
  async backward(wanted: StopsWanted): Promise<Arrival> {
    this.#isInterrupted = false;
    const until = this.#at;
    if (until.instructions <= this.#begin.instructions) return { kind: "begin" };
    let last: Stop | null = null;
    await this.#runTo(this.#begin);
    this.#want(wanted);
    this.#stops.onHit = (stop) => {
      last = stop;
      return false;
    };
    const state = await this.#runTo(until);
    this.#want(NOTHING);
    if (state === "interrupted") return { kind: "interrupted" };
    const found = last as Stop | null;
    if (found === null) {
      await this.#runTo(this.#begin);
      return { kind: "begin" };
    }
    return this.#goBackTo(found);
  }

  /** To where the change of watched memory is about to be made, or to the breakpoint. */
  async #goBackTo(found: Stop): Promise<Arrival> {
    if (found.reason.kind === "watch") {
      await this.#runTo({ ...ANYWHERE, instructions: found.instructions - 1 });
      const { task } = this.#stops;
      if (task !== null && (this.#pid === 0 || task.group.pid === this.#pid))
        return { kind: "stop", stop: { ...this.#at, reason: found.reason } };
    }
    await this.#runTo(found);
    return { kind: "stop", stop: found };
  }

  /** Back to before the instruction that the thread has done last. */
  async stepBack(tid: number): Promise<Arrival> {
    this.#isInterrupted = false;
    if (isSamePosition(this.#at, this.#begin)) return { kind: "begin" };
    const before = this.#stops.beforeLastOf(tid);
    if (before === null || before.instructions < this.#begin.instructions) {
      await this.#runTo(this.#begin);
      return { kind: "begin" };
    }
    await this.#runTo(before);
    return { kind: "stop", stop: { ...this.#at, reason: { kind: "step" } } };
  }

  // ---- Machines

  get #instructions(): number {
    return this.replay.session.machine.statistics.instructions;
  }

  #join(): void {
    const { machine } = this.replay.session;
    this.replay.gate.isHeld = true;
    this.#stops = new Stops(machine.kernel);
    machine.kernel.stops = this.#stops;
    this.#at = NOWHERE;
  }

  async #reopen(): Promise<void> {
    await this.#current.drain();
    this.#current.close();
    this.#current = this.#ports.open();
    this.#join();
  }

  /** It goes on from here without looking. */
  #leave(): void {
    this.#at = NOWHERE;
    this.#stops.target = null;
    this.#want(NOTHING);
  }

  #want({ breakpoints, watches }: StopsWanted): void {
    const stops = this.#stops;
    stops.pid = this.#pid;
    stops.breakpoints = breakpoints;
    stops.watch(watches);
    stops.stepTid = -1;
    stops.onHit = null;
  }

  #arrived(stop: Stop): Arrival {
    const { instructions, tid, pc } = stop;
    this.#at = { instructions, tid, pc };
    return { kind: "stop", stop };
  }

  /** Runs to a position; from the beginning when it is behind it already. What is wanted on the way stays. */
  async #runTo(to: StopPosition): Promise<"stands" | "ended" | "interrupted"> {
    if (this.#at.instructions >= 0 && isSamePosition(this.#at, to)) return "stands";
    for (let isCareful = false; ; isCareful = true) {
      if (!this.#isBefore(to)) await this.#reopen();
      const stops = this.#stops;
      stops.isCareful = isCareful;
      stops.target = to;
      const state = await this.#travel();
      stops.isCareful = false;
      if (state !== "ended" || !stops.isOverrun || isCareful) return state;
    }
  }

  /** Is the position still to come? */
  #isBefore({ instructions }: StopPosition): boolean {
    const now = this.#instructions;
    return this.#at.instructions < 0 ? now <= instructions && this.#isFresh : now < instructions;
  }

  /** No turn was taken, or it stands: what comes is known. */
  get #isFresh(): boolean {
    return this.#instructions === 0;
  }

  async #travel(): Promise<"stands" | "ended" | "interrupted"> {
    for (;;) {
      const state = this.#turn();
      if (state === "stands") {
        this.#arrived(this.#stops.stop!);
        return "stands";
      }
      if (state !== "goes on" || this.#stops.isOverrun) {
        this.#at = NOWHERE;
        return "ended";
      }
      if (this.#isInterrupted && this.#stops.target!.instructions !== this.#instructions) {
        this.#stops.target = { ...ANYWHERE, instructions: this.#instructions };
        this.#stops.onHit = () => false;
        const last = await this.#travel();
        return last === "stands" ? "interrupted" : last;
      }
      await this.#breathe();
    }
  }

  #turn(): ReturnType<Replay["turn"]> {
    try {
      return this.replay.turn();
    } catch (error) {
      // A recording that was cut short: this is as far as it goes.
      if (error instanceof ReplayError && error.recorded === null && this.replay.isCut) return "ended";
      throw error;
    }
  }

  /** The host gets its turn. */
  async #breathe(): Promise<void> {
    await this.#current.drain();
    await new Promise<void>((resolve) => this.#ports.loop.callSoon(resolve));
  }

  // ---- The end

  /** Notes when the process that is looked at ends: nothing of it is there afterwards. */
  #watchEnd(): () => void {
    const { kernel } = this.replay.session.machine;
    const observer = {
      taskEnds: ({ tid, group }: Task) => {
        if (this.#pid === 0 || group.pid !== this.#pid || group.tasks.length > 1) return;
        const retired = kernel.processor.retired(kernel.tally);
        const isKilled = ((group.exitStatus ?? 0) & 0x7f) !== 0;
        this.#end ??= isKilled ? { instructions: retired, tid, pc: -1 } : { ...ANYWHERE, instructions: retired - 1 };
      },
    };
    kernel.taskObservers.add(observer);
    return () => kernel.taskObservers.delete(observer);
  }

  async #findEnd(): Promise<void> {
    this.#leave();
    const unwatch = this.#watchEnd();
    try {
      for (let state = this.#turn(); this.#end === null; state = this.#turn()) {
        if (state !== "goes on") this.#end ??= { ...ANYWHERE, instructions: Math.max(0, this.#instructions - 1) };
        await this.#breathe();
      }
    } finally {
      unwatch();
    }
  }
}
