/**
 * Numbers for objects of the heap that are known by identity alone, in the order in which they are first asked for.
 * Objects move: a vector in the heap holds them, and the host's table of their addresses is made anew when something
 * was collected since it was last used.
 *
 * An object that was given a number is kept for ever.
 */
import { Heap } from "./heap.ts";
import type { Word } from "./heap.ts";
import { Cell, Kind, Register, Tag } from "./layout.ts";

const FIRST_SIZE = 64;

export class Identities {
  readonly #heap: Heap;
  readonly #numbers: Map<number, number>;
  #count: number;
  #collections: number;

  constructor(heap: Heap) {
    this.#heap = heap;
    this.#numbers = new Map();
    this.#count = 0;
    this.#collections = 0;
  }

  /** How many objects have a number. */
  get count(): number {
    return this.#count;
  }

  /** Takes over what another one has left in this heap. */
  goOnFrom(count: number): void {
    this.#count = count;
    this.#collections = -1;
  }

  numberOf(word: Word): number {
    const heap = this.#heap;
    const collections = heap.get(Register.minorCount) + heap.get(Register.majorCount);
    if (collections !== this.#collections) this.#renew(collections);
    let number = this.#numbers.get(Number(word));
    if (number === undefined) {
      number = this.#count++;
      const all = this.#vector(number);
      heap.initField(Heap.address(all) + 8 + 8 * number, word);
      this.#numbers.set(Number(word), number);
    }
    return number;
  }

  #renew(collections: number): void {
    this.#collections = collections;
    this.#numbers.clear();
    const all = this.#heap.cell(Cell.identities);
    for (let number = 0; number < this.#count; number++)
      this.#numbers.set(Number(this.#heap.field(all, number)), number);
  }

  /** The vector, with room for the number. */
  #vector(number: number): Word {
    const heap = this.#heap;
    const all = heap.cell(Cell.identities);
    const size = all === 0n ? 0 : heap.count(all);
    if (number < size) return all;
    const words: Word[] = [];
    for (let index = 0; index < Math.max(FIRST_SIZE, 2 * size); index++)
      words.push(index < size ? heap.field(all, index) : 0n);
    const larger = heap.object(Kind.vector, words, Tag.vector);
    heap.setCell(Cell.identities, larger);
    return larger;
  }
}
