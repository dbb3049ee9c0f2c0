import { stateClass } from "@stratos/base";
import type { Kernel, UringWork } from "../../task/kernel-state.ts";
import type { Task } from "../../task/task.ts";
import type { TaskObserver } from "../../task/task-observer.ts";
import { cancelOf } from "./complete.ts";
import { runReady } from "./execute.ts";
import { RequestTask } from "./request-task.ts";
import type { RingFile, RingRunner } from "./ring-file.ts";
import { endChain, submitPolled } from "./submit.ts";

/**
 * What all rings of a machine may keep with the host beside their memory, in records of some 100 bytes: requests, what
 * these have been given, slots of tables, buffers, results that wait for room. Linux charges it to a control group.
 */
const URING_RECORDS_MAX = 600_000;

/** A task knows so many rings by numbers of its own (IO_RINGFD_REG_MAX). */
export const RINGS_MAX = 16;

/**
 * Rings of a machine that have something to do between slices, and what of io_uring(7) belongs to tasks. Made when the
 * first ring is.
 */
class UringState implements UringWork, RingRunner, TaskObserver {
  #kernel: Kernel;
  /** Bound: rings. */
  #ready = new Set<RingFile>();
  /** All rings: a task that ends has requests in some. Bound: FILES_MAX. */
  readonly rings = new Set<RingFile>();
  /** IORING_REGISTER_RING_FDS, by task. */
  readonly registered = new Map<Task, (RingFile | null)[]>();
  #executor: RequestTask | null = null;
  /** It ends, and leaves its memory therefore. */
  #ending: Task | null = null;
  isTelling = false;
  isDue = false;
  /** Rings that have something to tell. Bound: rings. */
  #toTell: RingFile[] = [];
  #kept = 0;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
    kernel.taskObservers.add(this);
  }

  /** Who executes requests. @param owner  of one of them */
  executor(owner: Task): RequestTask {
    return (this.#executor ??= new RequestTask(owner));
  }

  mayKeep(records: number): boolean {
    return this.#kept + records <= URING_RECORDS_MAX;
  }

  keep(records: number): boolean {
    if (!this.mayKeep(records)) return false;
    this.#kept += records;
    return true;
  }

  letGo(records: number): void {
    this.#kept -= records;
  }

  tell(ring: RingFile): void {
    this.#toTell.push(ring);
    if (this.isTelling) return;
    this.isTelling = true;
    // Who is woken may be another ring's request, and that ring has something to tell, too.
    for (let next = this.#toTell.shift(); next !== undefined; next = this.#toTell.shift()) next.tellNow();
    this.isTelling = false;
  }

  ringReady(ring: RingFile): void {
    this.#ready.add(ring);
    this.isDue = true;
    if (this.#kernel.scheduler.current === null) this.#kernel.onRunnable?.();
  }

  ringGone(ring: RingFile): void {
    this.#ready.delete(ring);
    this.rings.delete(ring);
  }

  get hasWork(): boolean {
    for (const ring of this.#ready) if (ring.ready.length > 0 || ring.submissions > 0) return true;
    return false;
  }

  run(): boolean {
    this.isDue = false;
    if (this.#ready.size === 0) return false;
    const { work } = this.#kernel;
    let hasRun = false;
    for (const ring of [...this.#ready]) {
      work.begin();
      if (ring.isPolling) hasRun = submitPolled(ring) || hasRun;
      if (ring.ready.length > 0) {
        runReady(ring);
        hasRun = true;
      }
      work.end(-1);
      if (ring.ready.length === 0 && !ring.isPolling) this.#ready.delete(ring);
      else if (ring.ready.length > 0) this.isDue = true;
    }
    return hasRun;
  }

  /** Rings that a task knows by their number there (IORING_REGISTER_RING_FDS). */
  registeredBy(task: Task): (RingFile | null)[] {
    let own = this.registered.get(task);
    if (own === undefined) this.registered.set(task, (own = new Array<null>(RINGS_MAX).fill(null)));
    return own;
  }

  taskEnds(task: Task): void {
    for (const ring of this.registered.get(task) ?? []) ring?.release();
    this.registered.delete(task);
    for (const ring of [...this.rings]) {
      endChain(ring, task);
      cancelOf(ring, task, true);
    }
    this.#ending = task;
  }

  leavesMemory(task: Task): void {
    if (task !== this.#ending) for (const ring of [...this.rings]) cancelOf(ring, task, false);
    this.#ending = null;
  }

  static {
    stateClass("UringState", this, {
      save: (it) => ({
        kernel: it.#kernel,
        ready: it.#ready,
        executor: it.#executor,
        ending: it.#ending,
        toTell: it.#toTell,
        kept: it.#kept,
      }),
      load: (it, from) =>
        ({
          kernel: it.#kernel,
          ready: it.#ready,
          executor: it.#executor,
          ending: it.#ending,
          toTell: it.#toTell,
          kept: it.#kept,
        } = from),
    });
  }
}

/** Of the machine; made at the first call. */
export function uringOf(kernel: Kernel): UringState {
  return (kernel.uring ??= new UringState(kernel)) as UringState;
}
