/**
 * Runs a machine from Node's event loop: as long as there is work it runs in turns, between which the host's events
 * (input, sockets, signals) get theirs; when all tasks sleep it waits for the next timer or for `wake`.
 */
import type { Machine } from "@stratos/machine";

/** Milliseconds of one turn: what input may have to wait. */
const TURN_MS = 8;
/** setTimeout's bound; a later timer is asked for again. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1;

export interface TurnGate {
  /** No turn now; `wake` follows. */
  readonly isBlocked: boolean;
  beforeTurn(): void;
  /** All tasks sleep and no timer is armed. */
  onIdle?(): void;
}

export class MachinePump {
  readonly #machine: Machine;
  readonly #finished: Promise<void>;
  #finish!: () => void;
  #fail!: (error: unknown) => void;
  #immediate: NodeJS.Immediate | null = null;
  #timer: NodeJS.Timeout | null = null;
  /** Keeps Node's loop alive while the machine waits for an event that it does not know of. */
  #keepAlive: NodeJS.Timeout | null = null;
  runMs = 0;
  /** Decides at the beginning of each turn what comes in from outside (recording and replaying). */
  gate: TurnGate | null = null;

  constructor(machine: Machine) {
    this.#machine = machine;
    machine.kernel.onRunnable = () => this.wake();
    this.#finished = new Promise((resolve, reject) => {
      this.#finish = resolve;
      this.#fail = reject;
    });
  }

  /** Resolves when the machine has stopped; rejects with a defect that it threw. */
  run(): Promise<void> {
    this.#keepAlive = setInterval(() => {}, TIMEOUT_MS_MAX);
    this.wake();
    return this.#finished;
  }

  /**
   * Something outside happened: a task may be runnable again. Never runs the machine itself, so it can be called from
   * anywhere.
   */
  wake(): void {
    if (this.#immediate === null) this.#immediate = setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#immediate = null;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.gate?.isBlocked === true) return;
    try {
      this.gate?.beforeTurn();
      const start = performance.now();
      const waitMs = this.#machine.isStopped ? Infinity : this.#machine.run(TURN_MS);
      this.runMs += performance.now() - start;
      if (this.#machine.isStopped) this.#end(null);
      // A timer of Node takes a millisecond at least: shorter waits are spent in the loop.
      else if (waitMs < 1) this.wake();
      else if (waitMs === Infinity) this.gate?.onIdle?.();
      else this.#timer = setTimeout(() => this.wake(), Math.min(Math.ceil(waitMs), TIMEOUT_MS_MAX));
    } catch (error) {
      this.#end({ error });
    }
  }

  #end(failure: { error: unknown } | null): void {
    if (this.#keepAlive !== null) clearInterval(this.#keepAlive);
    this.#keepAlive = null;
    if (failure === null) this.#finish();
    else this.#fail(failure.error);
  }
}
