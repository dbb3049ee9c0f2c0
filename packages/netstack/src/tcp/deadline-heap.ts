/** Connections by the time at which the next thing is due: a binary heap, which is set right when it is looked at. */
import { stateClass } from "@stratos/base";
import type { Tcb } from "./tcb.ts";

export class DeadlineHeap<T extends Tcb> {
  #heap: T[] = [];

  /** Infinity: there is none. A time that was moved away may still stand here. */
  get nextNs(): number {
    return this.#heap.length === 0 ? Infinity : this.#heap[0]!.heapNs;
  }

  /** Its times have changed. A later one waits until the earlier comes: most are moved on before they are due. */
  update(one: T): void {
    const { nextNs } = one;
    if (one.heapIndex >= 0 && nextNs >= one.heapNs) return;
    if (one.heapIndex < 0) {
      if (nextNs === Infinity) return;
      one.heapIndex = this.#heap.length;
      this.#heap.push(one);
    }
    one.heapNs = nextNs;
    this.#up(one.heapIndex);
  }

  remove(one: T): void {
    const at = one.heapIndex;
    if (at < 0) return;
    one.heapIndex = -1;
    one.heapNs = Infinity;
    const last = this.#heap.pop()!;
    if (last === one) return;
    this.#heap[at] = last;
    last.heapIndex = at;
    this.#up(at);
    this.#down(last.heapIndex);
  }

  /** One that is due, taken out; null: none is. */
  takeDue(now: number): T | null {
    while (this.#heap.length > 0 && this.#heap[0]!.heapNs <= now) {
      const one = this.#heap[0]!;
      this.remove(one);
      if (one.nextNs <= now) return one;
      this.update(one);
    }
    return null;
  }

  #up(at: number): void {
    const one = this.#heap[at]!;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const other = this.#heap[parent]!;
      if (other.heapNs <= one.heapNs) break;
      this.#heap[at] = other;
      other.heapIndex = at;
      at = parent;
    }
    this.#heap[at] = one;
    one.heapIndex = at;
  }

  #down(at: number): void {
    const one = this.#heap[at]!;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.#heap.length) break;
      if (child + 1 < this.#heap.length && this.#heap[child + 1]!.heapNs < this.#heap[child]!.heapNs) child++;
      const other = this.#heap[child]!;
      if (other.heapNs >= one.heapNs) break;
      this.#heap[at] = other;
      other.heapIndex = at;
      at = child;
    }
    this.#heap[at] = one;
    one.heapIndex = at;
  }

  static {
    stateClass("tcp.DeadlineHeap", this, {
      save: (it) => ({ heap: it.#heap }),
      load: (it, from) => ({ heap: it.#heap } = from),
    });
  }
}
