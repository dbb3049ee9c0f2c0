import { stateClass } from "@stratos/base";
import { WaitQueue } from "../ground/wait-queue.ts";
import { Timer, type TimerClient, type TimerQueue } from "./timer-queue.ts";

/** A task sleeps until a CPU clock has come to a time (clock_nanosleep(2)); it is kept for the task's next sleep. */
export class CpuSleep implements TimerClient {
  #timer = new Timer(this);
  #wokenUp = new WaitQueue();
  #queue: TimerQueue | null = null;

  /** Has the task wait; whoever wakes it looks at the clock again. */
  begin(task: { waitOn(queue: WaitQueue): void }, queue: TimerQueue, deadlineNs: number): void {
    this.end();
    this.#queue = queue;
    queue.set(this.#timer, deadlineNs);
    task.waitOn(this.#wokenUp);
  }

  end(): void {
    this.#queue?.cancel(this.#timer);
    this.#queue = null;
  }

  timerExpired(): void {
    this.#queue = null;
    this.#wokenUp.wakeAll();
  }

  static {
    stateClass("CpuSleep", this, {
      save: (it) => ({ timer: it.#timer, wokenUp: it.#wokenUp, queue: it.#queue }),
      load: (it, from) => ({ timer: it.#timer, wokenUp: it.#wokenUp, queue: it.#queue } = from),
    });
  }
}
