/**
 * Runs a machine from the host's event loop: as long as there is work it runs in turns, between which the host's events
 * (input, sockets, signals) get theirs; when all tasks sleep it waits for the next timer, or until the kernel says that
 * an event has made a task runnable.
 */
import { DELAY_MS_MAX, type EventLoop } from "@stratos/host";

/** Milliseconds of one turn: what input may have to wait. Part of what a recording is, so it never changes. */
export const TURN_MS = 8;
/** Of running, before a rest is told; and how long it is looked whether it rests, for at most this part of the time. */
const WORK_MS = 2000;
const REST_MS = 2000;
const REST_LOAD = 0.1;

/** What the pump knows of a machine. */
interface PumpedMachine {
  readonly isStopped: boolean;
  /** @returns milliseconds until it wants to run again; Infinity: not before an event from outside */
  run(milliseconds: number): number;
  readonly kernel: { onRunnable: (() => void) | null };
}

export interface TurnGate {
  /** No turn now; `wake` follows. */
  readonly isBlocked: boolean;
  beforeTurn(): void;
  /** Milliseconds (or Infinity) that the machine goes on sleeping before its turn. Default: 0. */
  readonly sleepMs?: number;
  /** The machine rests again; it may have stopped. */
  afterTurn?(): void;
  /** All tasks sleep and no timer is armed. */
  onIdle?(): void;
}

export class MachinePump {
  readonly #machine: PumpedMachine;
  readonly #loop: EventLoop;
  readonly #finished: Promise<void>;
  readonly #turn: () => void;
  readonly #wake: () => void;
  #finish!: () => void;
  #fail!: (error: unknown) => void;
  #isTurnDue = false;
  #cancelTimer: (() => void) | null = null;
  /** The machine may wait for an event that the host's loop does not know of. */
  #letGo: (() => void) | null = null;
  runMs = 0;
  /** Decides at the beginning of each turn what comes in from outside (recording and replaying). */
  gate: TurnGate | null = null;
  /** The machine has worked for seconds, and now hardly does: a good time for what may take some milliseconds. */
  onRest: (() => void) | null = null;
  /** runMs when a rest was told last. */
  #restedAtMs = 0;
  #cancelRest: (() => void) | null = null;

  constructor(machine: PumpedMachine, loop: EventLoop) {
    this.#machine = machine;
    this.#loop = loop;
    this.#turn = () => this.#takeTurn();
    this.#wake = () => this.wake();
    machine.kernel.onRunnable = this.#wake;
    this.#finished = new Promise((resolve, reject) => {
      this.#finish = resolve;
      this.#fail = reject;
    });
  }

  /** Resolves when the machine has stopped; rejects with a defect that it threw. */
  run(): Promise<void> {
    this.#letGo ??= this.#loop.hold();
    this.wake();
    return this.#finished;
  }

  /**
   * Something outside happened: a task may be runnable again. Never runs the machine itself, so it can be called from
   * anywhere.
   */
  wake(): void {
    if (this.#isTurnDue) return;
    this.#isTurnDue = true;
    this.#loop.callSoon(this.#turn);
  }

  #takeTurn(): void {
    this.#isTurnDue = false;
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    if (this.gate?.isBlocked === true) return;
    try {
      this.gate?.beforeTurn();
      const sleepMs = this.gate?.sleepMs ?? 0;
      if (sleepMs > 0) return this.#sleep(sleepMs);
      const start = this.#loop.nowMs();
      const waitMs = this.#machine.isStopped ? Infinity : this.#machine.run(TURN_MS);
      this.runMs += this.#loop.nowMs() - start;
      this.gate?.afterTurn?.();
      if (waitMs >= 1) this.#awaitRest();
      if (this.#machine.isStopped) this.#end(null);
      else if (waitMs === 0) this.wake();
      else if (waitMs === Infinity) this.gate?.onIdle?.();
      else this.#sleep(waitMs);
    } catch (error) {
      this.#end({ error });
    }
  }

  #sleep(milliseconds: number): void {
    if (milliseconds === Infinity) return;
    this.#cancelTimer = this.#loop.callLater(Math.min(milliseconds, DELAY_MS_MAX), this.#wake);
  }

  #awaitRest(): void {
    const startMs = this.runMs;
    if (this.onRest === null || this.#cancelRest !== null || startMs - this.#restedAtMs < WORK_MS) return;
    this.#cancelRest = this.#loop.callLater(REST_MS, () => {
      this.#cancelRest = null;
      if (this.runMs - startMs > REST_MS * REST_LOAD) return this.#awaitRest();
      this.#restedAtMs = this.runMs;
      this.onRest?.();
    });
  }

  #end(failure: { error: unknown } | null): void {
    this.#cancelRest?.();
    this.#cancelRest = null;
    this.onRest = null;
    this.#letGo?.();
    this.#letGo = null;
    if (failure === null) this.#finish();
    else this.#fail(failure.error);
  }
}
