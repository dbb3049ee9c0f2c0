/** A time of the machine's clock at which the host is called: what it does then belongs to that time in each run. */
import { stateClass } from "@stratos/base";
import { Timer, type TimerClient, type TimerQueue } from "../time/timer-queue.ts";

export class HostTimer implements TimerClient {
  #timers: TimerQueue;
  #timer = new Timer(this);
  /** Null in a machine that goes on from a saved one: nobody of the host waits there. */
  #onTime: (() => void) | null = null;

  /** @param onTime  called in the midst of the machine's turn: it may only ask to be called later */
  constructor({ timers }: { readonly timers: TimerQueue }, onTime: () => void) {
    this.#timers = timers;
    this.#onTime = onTime;
  }

  /** Once, at that time of the clock that always goes on (`Kernel.now`). */
  set(ns: number): void {
    this.#timers.set(this.#timer, ns);
  }

  cancel(): void {
    this.#timers.cancel(this.#timer);
  }

  timerExpired(): void {
    this.#onTime?.();
  }

  static {
    stateClass(
      "HostTimer",
      this,
      {
        save: (it) => ({ timers: it.#timers, timer: it.#timer }),
        load: (it, from) => ({ timers: it.#timers, timer: it.#timer } = from),
      },
      { keeps: ["#onTime"] },
    );
  }
}
