/**
 * Values of JavaScript that the heap holds: an object in the heap for each, whose only field is the negative number of
 * its place here. After a collection those whose object was neither copied nor marked are let go.
 *
 * The collector leaves where an object went in its first word (layout.ts), until the space is used again; so each is
 * followed from where it was known to lie. An old generation that was collected twice between two looks has written
 * over that: then its objects are gone through for handles.
 */
import { JavaScriptValue } from "../javascript/javascript-value.ts";
import { Heap } from "./heap.ts";
import type { Word } from "./heap.ts";
import { FIRST_BYTES_KIND, Kind, Register, Tag } from "./layout.ts";

/** Value of `Register.torture` by which the collector tells of collections, and does nothing else. */
const TELLS = 3;
const FORWARDED = 255;

export class CollectedHandles {
  readonly #heap: Heap;
  readonly #values: (JavaScriptValue | null)[];
  readonly #addresses: number[];
  readonly #numbers: Map<JavaScriptValue, number>;
  readonly #free: number[];
  #majorCount: number;
  #markCount: number;

  constructor(heap: Heap) {
    this.#heap = heap;
    this.#values = [];
    this.#addresses = [];
    this.#numbers = new Map();
    this.#free = [];
    this.#majorCount = 0;
    this.#markCount = 0;
  }

  /** Whether an object of kind `host` is one of these. */
  static has(heap: Heap, word: Word): boolean {
    return BigInt.asIntN(64, heap.field(word, 0)) < 0n;
  }

  /** How many values are held. */
  get count(): number {
    return this.#numbers.size;
  }

  /** One that came with another session's heap is dead. */
  valueOf(word: Word): JavaScriptValue {
    return this.#values[numberAt(this.#heap, Heap.address(word))] ?? JavaScriptValue.dead();
  }

  wordOf(value: JavaScriptValue): Word {
    const heap = this.#heap;
    // A large object's allocation may collect without a word.
    if (this.#numbers.size > 0 && heap.get(Register.majorCount) !== this.#majorCount) this.sweep();
    const known = this.#numbers.get(value);
    if (known !== undefined) return Heap.pointer(this.#addresses[known]!, Tag.object);
    const number = this.#free.pop() ?? this.#values.length;
    const word = heap.object(Kind.host, [BigInt.asUintN(64, BigInt(-number - 1) << 3n)]);
    this.#values[number] = value;
    this.#addresses[number] = Heap.address(word);
    this.#numbers.set(value, number);
    if (heap.get(Register.torture) === 0) {
      heap.set(Register.torture, TELLS);
      this.#majorCount = heap.get(Register.majorCount);
      this.#markCount = heap.get(Register.markCount);
    }
    return word;
  }

  /** After a collection. */
  sweep(): void {
    const heap = this.#heap;
    const start = heap.get(Register.oldStart);
    const end = heap.get(Register.oldNext);
    const majorCount = heap.get(Register.majorCount);
    const found = majorCount - this.#majorCount > 1 ? this.#scan(start, end) : null;
    // A marking has just ended: nothing was swept yet, and what was promoted is marked if it lives.
    const isMarked = heap.get(Register.markCount) !== this.#markCount;
    this.#markCount = heap.get(Register.markCount);
    this.#majorCount = majorCount;
    for (let number = 0; number < this.#values.length; number++) {
      const value = this.#values[number]!;
      if (value === null) continue;
      const address = found === null ? this.#follow(this.#addresses[number]!, start, end) : (found.get(number) ?? null);
      if (address !== null && !(isMarked && !heap.isMarked(address))) {
        this.#addresses[number] = address;
        continue;
      }
      this.#values[number] = null;
      this.#numbers.delete(value);
      this.#free.push(number);
    }
  }

  /** Where the object lies now; null: it was not copied. */
  #follow(from: number, start: number, end: number): number | null {
    const { view } = this.#heap;
    let address = from;
    while (address < start || address >= end) {
      if ((view.getUint32(address, true) & 255) !== FORWARDED) return null;
      address = view.getUint32(address + 4, true);
    }
    return address;
  }

  /** Addresses of the handles in the old generation, whose objects lie one behind the other. */
  #scan(start: number, end: number): Map<number, number> {
    const { view } = this.#heap;
    const found = new Map<number, number>();
    for (let at = start + 8; at < end;) {
      const low = view.getUint32(at, true);
      if ((low & 7) !== Tag.header) {
        at += 16;
        continue;
      }
      const kind = (low >> 3) & 31;
      const count = view.getUint32(at + 4, true);
      if (kind === Kind.host && view.getInt32(at + 12, true) < 0) found.set(numberAt(this.#heap, at), at);
      at +=
        kind === Kind.procedure
          ? 8 + 8 * (low >>> 16)
          : kind >= FIRST_BYTES_KIND
            ? 8 + ((count + 7) & ~7)
            : 8 + 8 * count;
    }
    return found;
  }
}

function numberAt(heap: Heap, address: number): number {
  return -(heap.view.getInt32(address + 8, true) >> 3) - 1;
}
