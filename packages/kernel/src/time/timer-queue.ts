import { stateClass } from "@stratos/base";

/** Something to do at a time. */
export interface TimerClient {
  timerExpired(nowNs: number): void;
}

/** Timers by deadline: a binary heap. Bound: what tasks and files hold (RLIMIT_SIGPENDING, RLIMIT_NOFILE). */
export class TimerQueue {
  #heap: Timer[] = [];

  /** Monotonic deadline of the first timer, Infinity when there is none. */
  get nextNs(): number {
    return this.#heap.length === 0 ? Infinity : this.#heap[0]!.deadlineNs;
  }

  /** Calls every client whose deadline is not after `nowNs`, in order of deadline. */
  expire(nowNs: number): void {
    while (this.#heap.length > 0 && this.#heap[0]!.deadlineNs <= nowNs) {
      const timer = this.#heap[0]!;
      this.cancel(timer);
      timer.client.timerExpired(nowNs);
    }
  }

  /** Arms or moves the timer. */
  set(timer: Timer, deadlineNs: number): void {
    if (timer.heapIndex >= 0) this.cancel(timer);
    timer.deadlineNs = deadlineNs;
    timer.heapIndex = this.#heap.length;
    this.#heap.push(timer);
    this.#up(timer.heapIndex);
  }

  cancel(timer: Timer): void {
    const at = timer.heapIndex;
    if (at < 0) return;
    timer.heapIndex = -1;
    const last = this.#heap.pop()!;
    if (last === timer) return;
    last.heapIndex = at;
    this.#heap[at] = last;
    this.#up(at);
    this.#down(last.heapIndex);
  }

  #up(at: number): void {
    const timer = this.#heap[at]!;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const other = this.#heap[parent]!;
      if (other.deadlineNs <= timer.deadlineNs) break;
      this.#heap[at] = other;
      other.heapIndex = at;
      at = parent;
    }
    this.#heap[at] = timer;
    timer.heapIndex = at;
  }

  #down(at: number): void {
    const timer = this.#heap[at]!;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.#heap.length) break;
      if (child + 1 < this.#heap.length && this.#heap[child + 1]!.deadlineNs < this.#heap[child]!.deadlineNs) child++;
      const other = this.#heap[child]!;
      if (other.deadlineNs >= timer.deadlineNs) break;
      this.#heap[at] = other;
      other.heapIndex = at;
      at = child;
    }
    this.#heap[at] = timer;
    timer.heapIndex = at;
  }

  static {
    stateClass("TimerQueue", this, {
      save: (it) => ({ heap: it.#heap }),
      load: (it, from) => ({ heap: it.#heap } = from),
    });
  }
}

/** A place in the queue, owned by its client; armed while `heapIndex` ≥ 0. */
export class Timer {
  readonly client: TimerClient;
  deadlineNs = Infinity;
  heapIndex = -1;

  constructor(client: TimerClient) {
    this.client = client;
  }

  get isArmed(): boolean {
    return this.heapIndex >= 0;
  }

  static {
    stateClass("Timer", this);
  }
}
