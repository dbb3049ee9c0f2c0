/**
 * Places of a table whose content differs from the tree's, linked through two columns: marked, cleaned and walked
 * without allocation.
 */
const NONE = -1;

export class DirtyList {
  count = 0;
  /** Where a walk begins; −1: there are none. */
  first = NONE;
  #next: Int32Array;
  #previous: Int32Array;

  constructor(capacity: number) {
    this.#next = new Int32Array(capacity);
    this.#previous = new Int32Array(capacity);
  }

  /** The place must not be in the list. */
  add(at: number): void {
    this.count++;
    this.#next[at] = this.first;
    this.#previous[at] = NONE;
    if (this.first !== NONE) this.#previous[this.first] = at;
    this.first = at;
  }

  /** The place must be in the list. */
  remove(at: number): void {
    this.count--;
    const next = this.#next[at]!;
    const previous = this.#previous[at]!;
    if (previous === NONE) this.first = next;
    else this.#next[previous] = next;
    if (next !== NONE) this.#previous[next] = previous;
  }

  /** The place behind one of the list; −1 at its end. */
  after(at: number): number {
    return this.#next[at]!;
  }

  grow(capacity: number): void {
    this.#next = grown(this.#next, new Int32Array(capacity));
    this.#previous = grown(this.#previous, new Int32Array(capacity));
  }
}

/** Copies all of `from` into `to`, which is longer. */
export function grown<T extends Uint32Array | Int32Array | Uint8Array | Float64Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
