/**
 * Numbers of tasks, processes, groups and sessions as a set of processes sees them (pid_namespaces(7)).
 *
 * Inside the kernel each has one number, that of the initial namespace: tables, descriptions, locks and signals hold
 * it. A namespace below it translates at the border to programs: `idOf` on the way out, `rootIdOf` on the way in. Each
 * task has a number in the namespace it was made in, and in all above.
 */
import { EAGAIN, EEXIST } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { Namespace, type NamespaceOrigin } from "../security/namespace.ts";
import type { SignalProcess } from "./signal-target.ts";

/** The first number that wraps leave to daemons (Linux kernel/pid.c, RESERVED_PIDS). */
const RESERVED_PIDS = 300;

/**
 * Numbers count up behind `last` and wrap at `maximum`, which is none. @returns 0: all are in use, but for those of
 * daemons after a wrap
 */
export function nextFreeNumber(last: number, maximum: number, isUsed: (number: number) => boolean): number {
  let number = last;
  for (let left = maximum; left > 0; left--) {
    number = number + 1 >= maximum ? RESERVED_PIDS : number + 1;
    if (!isUsed(number)) return number;
  }
  return 0;
}

export class PidNamespace extends Namespace {
  readonly kind = "pid";
  readonly parent: PidNamespace | null;
  readonly level: number;
  /** Its process 1, which orphans go to and whose end is everybody's; null: none yet. */
  init: SignalProcess | null = null;
  /** Process 1 has ended: nobody is born here any more. */
  isEnded = false;
  #last = 0;
  /** Own numbers by those of the initial namespace, and the other way round. Bound: tasks, groups and sessions. */
  #own = new Map<number, number>();
  #root = new Map<number, number>();

  /** @param parent  null: the initial one, in which every number is itself */
  constructor(parent: PidNamespace | null, origin: NamespaceOrigin) {
    super(origin);
    this.parent = parent?.retain() ?? null;
    this.level = parent === null ? 0 : parent.level + 1;
  }

  override get parentNamespace(): PidNamespace | null {
    return this.parent;
  }

  /** What the number of the initial namespace is here; 0: it is nobody's here. */
  idOf(rootId: number): number {
    return this.parent === null ? rootId : (this.#own.get(rootId) ?? 0);
  }

  /** The number in the initial namespace of what is `id` here; 0: nothing is. */
  rootIdOf(id: number): number {
    return this.parent === null ? id : (this.#root.get(id) ?? 0);
  }

  /** Is it `other`, or below it? */
  isWithin(other: PidNamespace): boolean {
    for (let at: PidNamespace | null = this; at !== null; at = at.parent) if (at === other) return true;
    return false;
  }

  get lastAllocated(): number {
    return this.#last;
  }

  /** /proc/sys/kernel/ns_last_pid. */
  set lastAllocated(id: number) {
    this.#last = id;
  }

  /** Numbers in use here, in order. */
  rootIds(): IterableIterator<number> {
    return this.#own.keys();
  }

  /**
   * Gives a new task a number here, and in the namespaces above but the initial one, which gave `rootId`.
   * @param maximum  pid_max
   * @param wanted  the numbers to give instead, here, above …
   * @returns 0; −EAGAIN they are all in use, −EEXIST one that is wanted is, and nothing was given
   */
  give(rootId: number, maximum: number, wanted: readonly number[] = []): number {
    const given: { at: PidNamespace; id: number; isNext: boolean }[] = [];
    for (let at: PidNamespace = this; at.parent !== null; at = at.parent) {
      const own = wanted[given.length];
      if (own !== undefined && at.#root.has(own)) return -EEXIST;
      const id = own ?? nextFreeNumber(at.#last, maximum, (number) => at.#root.has(number));
      if (id === 0) return -EAGAIN;
      given.push({ at, id, isNext: own === undefined });
    }
    for (const { at, id, isNext } of given) {
      if (isNext) at.#last = id;
      at.#own.set(rootId, id);
      at.#root.set(id, rootId);
    }
    return 0;
  }

  /** The number is free again, here and above. */
  take(rootId: number): void {
    for (let at: PidNamespace = this; at.parent !== null; at = at.parent) {
      at.#root.delete(at.#own.get(rootId)!);
      at.#own.delete(rootId);
    }
  }

  protected override dispose(): void {
    this.parent?.release();
  }

  static {
    stateClass("PidNamespace", this, {
      save: (it) => ({ last: it.#last, own: it.#own, root: it.#root }),
      load: (it, from) => ({ last: it.#last, own: it.#own, root: it.#root } = from),
    });
  }
}
