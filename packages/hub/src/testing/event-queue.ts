/** What is to be done when, the earliest first; of one time in the order in which it came. A binary heap. */
interface Entry<Item> {
  readonly atMs: number;
  readonly number: number;
  readonly item: Item;
}

export class EventQueue<Item> {
  readonly #heap: Entry<Item>[] = [];
  #number = 0;

  /** Null: there is nothing. */
  get firstMs(): number | null {
    return this.#heap[0]?.atMs ?? null;
  }

  add(atMs: number, item: Item): void {
    const heap = this.#heap;
    const entry = { atMs, number: this.#number++, item };
    let at = heap.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(entry, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = entry;
  }

  /** @returns the first, where it is due before that time */
  take(beforeMs: number): Item | null {
    const heap = this.#heap;
    const first = heap[0];
    if (first === undefined || first.atMs >= beforeMs) return null;
    const last = heap.pop()!;
    if (heap.length === 0) return first.item;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return first.item;
  }
}

function isBefore(a: Entry<unknown>, b: Entry<unknown>): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.number < b.number);
}
