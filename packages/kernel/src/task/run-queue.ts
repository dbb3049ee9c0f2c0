import { SCHED_IDLE } from "@stratos/abi";
import { stateClass } from "@stratos/base";

/** A task, as the queue orders it, and its place there (task.ts). */
interface Queued {
  readonly effectivePriority: number;
  readonly policy: number;
  readonly virtualRuntime: number;
  queueKind: number;
  queueIndex: number;
  queueArrival: number;
}

/**
 * The tasks that want to run, best first: real-time tasks by priority, then the others by virtual runtime, idle ones
 * last; who came first where they are alike. A binary heap for each of the three kinds; a task knows its place
 * (`queueIndex`, `queueKind`). Bound: the number of tasks.
 */
export class RunQueue<Task extends Queued> {
  #heaps: readonly [Task[], Task[], Task[]] = [[], [], []];
  #arrivals = 0;

  get size(): number {
    return this.#heaps[REALTIME].length + this.#heaps[NORMAL].length + this.#heaps[IDLE].length;
  }

  add(task: Task): void {
    task.queueArrival = this.#arrivals++;
    this.#insert(task);
  }

  remove(task: Task): void {
    const heap = this.#heaps[task.queueKind]!;
    const at = task.queueIndex;
    task.queueIndex = -1;
    const last = heap.pop()!;
    if (last === task) return;
    heap[at] = last;
    last.queueIndex = at;
    up(heap, at);
    down(heap, last.queueIndex);
  }

  /** Is (or was, when it waited last) the task one that shares the time with others of its kind? */
  static isTimeShared({ queueKind }: Queued): boolean {
    return queueKind !== REALTIME;
  }

  /** Its priority or policy has changed; its turn among equals stays. */
  reorder(task: Task): void {
    this.remove(task);
    this.#insert(task);
  }

  best(): Task | null {
    return this.#heaps[REALTIME][0] ?? this.bestTimeShared();
  }

  /** The best of those that are not real-time tasks. */
  bestTimeShared(): Task | null {
    return this.#heaps[NORMAL][0] ?? this.#heaps[IDLE][0] ?? null;
  }

  /** The least virtual runtime of those that are scheduled by it; Infinity when there are none. */
  leastVirtualRuntime(): number {
    return Math.min(
      this.#heaps[NORMAL][0]?.virtualRuntime ?? Infinity,
      this.#heaps[IDLE][0]?.virtualRuntime ?? Infinity,
    );
  }

  #insert(task: Task): void {
    task.queueKind = task.effectivePriority > 0 ? REALTIME : task.policy === SCHED_IDLE ? IDLE : NORMAL;
    const heap = this.#heaps[task.queueKind]!;
    task.queueIndex = heap.length;
    heap.push(task);
    up(heap, task.queueIndex);
  }

  static {
    stateClass("RunQueue", this, {
      save: (it) => ({ heaps: it.#heaps, arrivals: it.#arrivals }),
      load: (it, from) => ({ heaps: it.#heaps, arrivals: it.#arrivals } = from),
    });
  }
}

const REALTIME = 0,
  NORMAL = 1,
  IDLE = 2;

function isBefore(one: Queued, other: Queued): boolean {
  if (one.effectivePriority !== other.effectivePriority) return one.effectivePriority > other.effectivePriority;
  if (one.virtualRuntime !== other.virtualRuntime) return one.virtualRuntime < other.virtualRuntime;
  return one.queueArrival < other.queueArrival;
}

function up(heap: Queued[], at: number): void {
  const task = heap[at]!;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!isBefore(task, heap[parent]!)) break;
    heap[at] = heap[parent]!;
    heap[at]!.queueIndex = at;
    at = parent;
  }
  heap[at] = task;
  task.queueIndex = at;
}

function down(heap: Queued[], at: number): void {
  const task = heap[at]!;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
    if (!isBefore(heap[child]!, task)) break;
    heap[at] = heap[child]!;
    heap[at]!.queueIndex = at;
    at = child;
  }
  heap[at] = task;
  task.queueIndex = at;
}
