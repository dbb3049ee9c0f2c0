/**
 * A recorded run as a line that one can go along in both directions. Forwards it is replayed; backwards it is replayed
 * again from the nearest checkpoint before the place that is wanted (checkpoints.ts), up to it: a place has a name
 * (StopPosition), and what was there once is there each time. Who looks for the last of something does so from one
 * checkpoint to the next, the nearest first.
 *
 *     begin ────●────────────●──────────────────● where we are ──────────── end (before the last instruction)
 *               checkpoint   checkpoint
 *
 * One process is looked at: its breakpoints, its watched memory, its steps. The others run beside it.
 */
import type { EventLoop } from "@stratos/host";
import {
  isSamePosition,
  type Kernel,
  type LastRuns,
  type Stop,
  type StopPosition,
  Stops,
  type Task,
  type TaskObserver,
  type Watchpoint,
} from "@stratos/kernel";
import { type Checkpoint, Checkpoints, forkOf } from "./checkpoints.ts";
import { ReplayError } from "./host-answers.ts";
import type { Replay, StartedReplay } from "./replay.ts";

export interface TimelinePorts {
  readonly loop: EventLoop;
  /** The recorded run from its beginning. */
  open(): StartedReplay;
}

/** Where a byte of memory lies for a task; −1: it has none. */
type StoresTo = (task: Task) => number;

/** What ends a journey, beside the process's end. */
interface StopsWanted {
  readonly breakpoints: ReadonlySet<number>;
  readonly watches: readonly Watchpoint[];
  readonly storesTo?: StoresTo;
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
/** A way that is worth a fork: as many instructions take as long. */
const WORTH = 10_000_000;
/** Instructions before a place within which a store is looked for first. */
const NEAR = 100_000;
/** A machine that was not started, or left where nobody knows. */
const NOWHERE: StopPosition = { ...ANYWHERE, instructions: -1 };
const NOTHING: StopsWanted = { breakpoints: new Set(), watches: [] };
const NO_JOURNEY = { stops: NOTHING, onHit: null };

/** The timeline stands at its beginning afterwards. */
class JourneyGivenUp extends Error {}

export class Timeline {
  readonly #ports: TimelinePorts;
  /** The beginning, never gone on with; null: it can't be in two machines. */
  #origin: StartedReplay | null = null;
  readonly #checkpoints = new Checkpoints();
  #current: StartedReplay;
  #stops!: Stops;
  #at: StopPosition = NOWHERE;
  /** It has taken no turn since it was opened, or forked from a checkpoint. */
  #isFresh = true;
  /** What ends the journey under way. */
  #wanted: { readonly stops: StopsWanted; readonly onHit: ((stop: Stop) => boolean) | null } = NO_JOURNEY;
  /** A run from a checkpoint has ended otherwise than the recorded one. */
  #isAstray = false;
  #endObserver: TaskObserver | null = null;
  /** The process that is looked at; 0: all. */
  #pid = 0;
  #begin: StopPosition = { instructions: 0, tid: -1, pc: -1 };
  /** Null: nobody has been there yet. */
  #end: StopPosition | null = null;
  #isInterrupted = false;
  #isGivenUp = false;

  private constructor(ports: TimelinePorts) {
    this.#ports = ports;
    this.#current = this.#opened();
    this.#join();
  }

  /** A timeline that stands before the first instruction. @throws SessionError, ReplayError */
  static async open(ports: TimelinePorts): Promise<Timeline> {
    const timeline = new Timeline(ports);
    await timeline.#runTo(timeline.#begin);
    timeline.#begin = timeline.#at;
    return timeline;
  }

  /** Its machine was changed from outside: a fresh one, at its beginning. */
  async afresh(): Promise<void> {
    await this.#reopen();
  }

  get replay(): Replay {
    return this.#current.replay;
  }

  get kernel(): Kernel {
    return this.replay.session.machine.kernel;
  }

  /** The process that is looked at; the first one while all are. */
  get pid(): number {
    return this.#pid === 0 ? this.firstPid : this.#pid;
  }

  get past(): this {
    return this;
  }

  readonly live = null;

  /** Where it stands. */
  get position(): StopPosition {
    return this.#at;
  }

  close(): void {
    this.#current.close();
    this.#checkpoints.close();
    this.#origin?.close();
  }

  /** Waits until the host has taken the output. */
  drain(): Promise<void> {
    return this.#current.drain();
  }

  /** A journey under way ends soon. */
  interrupt(): void {
    this.#isInterrupted = true;
  }

  /** Nobody wants to arrive any more: a journey under way throws JourneyGivenUp soon. */
  giveUp(): void {
    this.#isGivenUp = true;
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
    const found: ExecutedProgram[] = [];
    await this.observe(({ session: { machine }, header }) => {
      found.length = 0;
      const { kernel } = machine;
      const note = (pid: number, argv: readonly string[]): void => {
        const instructions = kernel.processor.retired(kernel.tally);
        if (found.length < PROGRAMS_MAX) found.push({ instructions, pid, command: argv.join(" ") });
      };
      note(this.firstPid, header.argv);
      kernel.onExec = ({ group }, _path, argv) => note(group.pid, argv);
    });
    return found;
  }

  /**
   * The whole run once more. It stands nowhere afterwards.
   *
   * @param look  sets hooks of the machine at its beginning; once more when a fork has gone another way
   */
  observe(look: (replay: Replay) => void): Promise<void> {
    return this.#steadily(async () => {
      await this.#reopen();
      this.#leave();
      const { replay } = this;
      const { kernel } = replay.session.machine;
      look(replay);
      try {
        for (let state = this.#turn(); state === "goes on"; state = this.#turn()) await this.#breathe();
      } finally {
        kernel.onExec = kernel.onSyscall = replay.gate.onOutput = null;
      }
    });
  }

  /** Of the program that was recorded. */
  get firstPid(): number {
    return this.replay.firstPid;
  }

  /** @returns false when the recording ends before; it then stands at the end */
  seek(to: StopPosition): Promise<boolean> {
    return this.#steadily(() => this.#seek(to));
  }

  async #seek(to: StopPosition): Promise<boolean> {
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
  seekEnd(): Promise<void> {
    return this.#steadily(() => this.#seekEnd());
  }

  async #seekEnd(): Promise<void> {
    if (this.#end === null) await this.#findEnd();
    const end = this.#end!;
    // One that a signal ended was before an instruction, or in the call that its last one made.
    if ((await this.#runTo(end)) === "ended") await this.#runTo({ ...ANYWHERE, instructions: end.instructions - 1 });
    this.#end = this.#at;
  }

  /** To where so many lines of output are written. @returns false when there are fewer; it then stands at the end */
  seekLine(line: number): Promise<boolean> {
    return this.#steadily(() => this.#seekLine(line));
  }

  async #seekLine(line: number): Promise<boolean> {
    const nearest = this.#checkpoints.beforeLine(line);
    const isBehind = this.replay.gate.outputLines >= line || line === 0;
    if (isBehind || this.#isWorth(nearest)) await this.#goBackTo(nearest);
    if (line === 0) return this.#seek({ instructions: 0, tid: -1, pc: -1 });
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
    await this.#seekEnd();
    return found >= 0;
  }

  /** On to the next stop. @param stepTid  this thread's next instruction is one; −1: none */
  forward(wanted: StopsWanted, stepTid: number): Promise<Arrival> {
    return this.#steadily(() => this.#forward(wanted, stepTid));
  }

  async #forward(wanted: StopsWanted, stepTid: number): Promise<Arrival> {
    // Stops may lie so close that no turn of the machine ends between them: who wants to interrupt is heard here.
    await this.#yieldToHost();
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
          // Breakpoints on the way there were passed already.
          this.#want(NOTHING);
          await this.#seekEnd();
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
  backward(wanted: StopsWanted): Promise<Arrival> {
    return this.#steadily(() => this.#backward(wanted));
  }

  async #backward(wanted: StopsWanted): Promise<Arrival> {
    const begin = this.#begin;
    let until = this.#at;
    if (until.instructions <= begin.instructions) return { kind: "begin" };
    for (;;) {
      const from = this.#checkpoints.before(until.instructions);
      const isFirst = from === null || from.instructions <= begin.instructions;
      if (isFirst) await this.#runTo(begin);
      else await this.#goBackTo(from);
      const { state, found } = await this.#lastUntil(until, wanted);
      if (state === "interrupted") return { kind: "interrupted" };
      if (found !== null) return this.#goBefore(found);
      if (isFirst) break;
      until = { ...ANYWHERE, instructions: from.instructions };
    }
    await this.#runTo(begin);
    return { kind: "begin" };
  }

  /** The last of what is wanted on the way from here. */
  async #lastUntil(until: StopPosition, wanted: StopsWanted): Promise<{ state: string; found: Stop | null }> {
    let found: Stop | null = null;
    this.#want(wanted, (stop) => {
      found = stop;
      return false;
    });
    const state = await this.#runTo(until);
    this.#want(NOTHING);
    return { state, found };
  }

  /** To where the change of watched memory is about to be made, or to the breakpoint. */
  async #goBefore(found: Stop): Promise<Arrival> {
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
  stepBack(tid: number): Promise<Arrival> {
    return this.#steadily(() => this.#stepBack(tid));
  }

  async #stepBack(tid: number): Promise<Arrival> {
    if (isSamePosition(this.#at, this.#begin)) return { kind: "begin" };
    const before = this.#stops.beforeLastOf(tid);
    if (before === null || before.instructions < this.#begin.instructions) {
      await this.#runTo(this.#begin);
      return { kind: "begin" };
    }
    await this.#runTo(before);
    return { kind: "stop", stop: { ...this.#at, reason: { kind: "step" } } };
  }

  /**
   * The last store to a byte of memory between two places.
   *
   * @returns where it is done; null: there is none
   */
  lastStore(
    storesTo: StoresTo,
    range: { readonly after: number; readonly until: number },
  ): Promise<StopPosition | null> {
    return this.#steadily(() => this.#lastStore(storesTo, range.after, range.until));
  }

  async #lastStore(storesTo: StoresTo, after: number, until: number): Promise<StopPosition | null> {
    // Most are near, and looking for them is slower than going there.
    for (let to = until, length = NEAR; to > after; length *= 16) {
      const from = Math.max(after, to - length, this.#checkpoints.before(to)?.instructions ?? 0);
      await this.#runTo({ ...ANYWHERE, instructions: from });
      const { found } = await this.#lastUntil({ ...ANYWHERE, instructions: to }, { ...NOTHING, storesTo });
      if (found !== null) return found;
      to = from;
    }
    return null;
  }

  /** Goes from one place to another. @param see  is shown the thread before each of its instructions on the way */
  trace(tid: number, way: { readonly from: number; readonly to: number }, see: (task: Task) => void): Promise<void> {
    return this.#steadily(async () => {
      await this.#runTo({ ...ANYWHERE, instructions: way.from });
      this.#want({ ...NOTHING }, () => {
        see(this.replay.session.machine.kernel.scheduler.current!);
        return false;
      });
      this.#stops.stepTid = tid;
      await this.#runTo({ ...ANYWHERE, instructions: way.to });
      this.#want(NOTHING);
    });
  }

  // ---- Machines

  get #instructions(): number {
    return this.replay.session.machine.statistics.instructions;
  }

  #join(lastRuns?: LastRuns): void {
    const { machine } = this.replay.session;
    this.replay.gate.isHeld = true;
    this.#stops = new Stops(machine.kernel, lastRuns);
    machine.kernel.stops = this.#stops;
    this.#current.enter();
    this.#at = NOWHERE;
    this.#isFresh = true;
    this.#want(this.#wanted.stops, this.#wanted.onHit);
  }

  async #reopen(): Promise<void> {
    await this.#goBackTo(null);
  }

  /** @param checkpoint  null: the beginning */
  async #goBackTo(checkpoint: Checkpoint | null): Promise<void> {
    await this.#current.drain();
    this.#current.close();
    const fork = checkpoint === null ? null : forkOf(checkpoint.run);
    // One that can't be forked any more is of no use.
    if (checkpoint !== null && fork === null) this.#checkpoints.drop(checkpoint);
    this.#current = fork ?? this.#opened();
    this.#join(fork === null ? undefined : checkpoint!.lastRuns);
  }

  /** The run from its beginning. */
  #opened(): StartedReplay {
    this.#origin ??= this.#ports.open();
    this.#origin.replay.gate.isHeld = true;
    const fork = this.#isAstray ? null : forkOf(this.#origin);
    if (fork !== null) return fork;
    const opened = this.#origin;
    this.#origin = null;
    return opened;
  }

  /** Is it nearer than where the machine is? */
  #isWorth(checkpoint: Checkpoint | null): boolean {
    return checkpoint !== null && checkpoint.instructions > this.#instructions + WORTH;
  }

  /** It goes on from here without looking. */
  #leave(): void {
    this.#at = NOWHERE;
    this.#stops.target = null;
    this.#want(NOTHING);
  }

  #want(wanted: StopsWanted, onHit: ((stop: Stop) => boolean) | null = null): void {
    this.#wanted = { stops: wanted, onHit };
    const stops = this.#stops;
    stops.pid = this.#pid;
    stops.breakpoints = wanted.breakpoints;
    stops.watch(wanted.watches);
    stops.lookForStores(wanted.storesTo ?? null);
    stops.stepTid = -1;
    stops.onHit = onHit;
  }

  #arrived(stop: Stop): Arrival {
    const { instructions, tid, pc } = stop;
    this.#at = { instructions, tid, pc };
    return { kind: "stop", stop };
  }

  /**
   * Runs to a position; from the nearest checkpoint when it is behind it already, or when nothing is wanted on the way
   * and there is one on it.
   */
  async #runTo(to: StopPosition): Promise<"stands" | "ended" | "interrupted"> {
    if (this.#at.instructions >= 0 && isSamePosition(this.#at, to)) return "stands";
    for (let isCareful = false; ;) {
      const nearest = this.#checkpoints.before(to.instructions);
      const mayJump = this.#wanted.stops === NOTHING && this.#isWorth(nearest);
      if (mayJump || !this.#isBefore(to)) await this.#goBackTo(nearest);
      const stops = this.#stops;
      stops.isCareful = isCareful;
      stops.target = to;
      const state = await this.#travel();
      stops.isCareful = false;
      if (state !== "ended") return state;
      if (!stops.isOverrun || isCareful) return state;
      isCareful = true;
    }
  }

  /**
   * A journey; when a fork goes another way than what was recorded, it is made once more, and from now on the run is
   * replayed from its beginning each time.
   */
  async #steadily<T>(journey: () => Promise<T>): Promise<T> {
    this.#isInterrupted = this.#isGivenUp = false;
    const from = this.#at;
    let result: T;
    try {
      result = await journey();
    } catch (error) {
      // Its hooks go with the machine.
      if (error instanceof JourneyGivenUp) await this.#reopen();
      throw error;
    }
    if (!this.#isAstray || this.#origin === null) return result;
    this.#checkpoints.close();
    this.#origin.close();
    this.#origin = null;
    this.#end = null;
    await this.#reopen();
    if (from.instructions >= 0) await this.#runTo(from);
    return journey();
  }

  /** Is the position still to come? */
  #isBefore({ instructions }: StopPosition): boolean {
    const now = this.#instructions;
    if (this.#at.instructions >= 0) return now < instructions;
    return this.#isFresh && (now === 0 || now < instructions);
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
    this.#isFresh = false;
    try {
      const state = this.replay.turn();
      if ((state === "ended" || state === "stuck") && !this.replay.isAtRecordedEnd) this.#isAstray = true;
      return state;
    } catch (error) {
      // A recording that was cut short: this is as far as it goes.
      if (error instanceof ReplayError && error.recorded === null && this.replay.isCut) return "ended";
      if (!(error instanceof ReplayError) || this.#origin === null) throw error;
      this.#isAstray = true;
      return "ended";
    }
  }

  /** Between two turns: the host gets its own. */
  async #breathe(): Promise<void> {
    if (this.#origin !== null && !this.#isAstray) this.#mayKeep();
    await this.#current.drain();
    await this.#yieldToHost();
    if (this.#isGivenUp) throw new JourneyGivenUp("the journey was given up");
  }

  #yieldToHost(): Promise<void> {
    return new Promise((resolve) => this.#ports.loop.callSoon(resolve));
  }

  /** Perhaps a checkpoint is made here. */
  #mayKeep(): void {
    const { taskObservers } = this.replay.session.machine.kernel;
    const observer = this.#endObserver;
    // It is nothing that a fork has.
    if (observer !== null) taskObservers.delete(observer);
    const target = this.#stops.target?.instructions ?? Infinity;
    this.#checkpoints.pass(this.#current, target, () => this.#stops.lastRuns);
    if (observer !== null) taskObservers.add(observer);
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
    this.#endObserver = observer;
    kernel.taskObservers.add(observer);
    return () => {
      this.#endObserver = null;
      kernel.taskObservers.delete(observer);
    };
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
