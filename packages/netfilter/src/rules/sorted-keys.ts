/**
 * Keys in their order, in blocks of at most BLOCK_MAX: a key comes in and goes out at the cost of a block, however many
 * there are, so that nobody who adds a million of them holds the machine.
 */
import { stateClass } from "@stratos/base";

const BLOCK_MAX = 512;

interface Keyed {
  readonly key: Uint8Array;
}

export class SortedKeys<Element extends Keyed> {
  /** None is empty. */
  #blocks: Element[][] = [];

  /** The last one whose key isn't above these bytes; undefined: there is none. */
  below(bytes: Uint8Array, at: number): Element | undefined {
    const block = this.#blocks[this.#blockOf(bytes, at)];
    return block?.[lowerBound(block, bytes, at) - 1];
  }

  /** The first one whose key is above these bytes. */
  above(bytes: Uint8Array, at: number): Element | undefined {
    const place = this.#blockOf(bytes, at);
    const block = this.#blocks[place];
    if (block === undefined) return this.#blocks[0]?.[0];
    return block[lowerBound(block, bytes, at)] ?? this.#blocks[place + 1]?.[0];
  }

  /** Those of the same key, the last one first. Bound: two, an end and a beginning. */
  *same(key: Uint8Array): Generator<Element> {
    for (let place = this.#blockOf(key, 0); place >= 0; place--) {
      const block = this.#blocks[place]!;
      for (let at = lowerBound(block, key, 0) - 1; at >= 0; at--) {
        if (compare(block[at]!.key, key, 0) !== 0) return;
        yield block[at]!;
      }
    }
  }

  /** @param isBefore  comes before those of the same key that it is true of */
  insert(element: Element, isBefore: (other: Element) => boolean): void {
    let place = Math.max(0, this.#blockOf(element.key, 0));
    if (this.#blocks.length === 0) this.#blocks.push([]);
    let at = lowerBound(this.#blocks[place]!, element.key, 0);
    for (;;) {
      if (at === 0 && place > 0) {
        const before = this.#blocks[place - 1]!;
        if (compare(before.at(-1)!.key, element.key, 0) !== 0 || !isBefore(before.at(-1)!)) break;
        at = this.#blocks[--place]!.length;
      }
      const other = this.#blocks[place]![at - 1];
      if (other === undefined || compare(other.key, element.key, 0) !== 0 || !isBefore(other)) break;
      at--;
    }
    const block = this.#blocks[place]!;
    block.splice(at, 0, element);
    if (block.length > BLOCK_MAX) this.#blocks.splice(place + 1, 0, block.splice(BLOCK_MAX >> 1));
  }

  remove(element: Element): void {
    for (let place = this.#blockOf(element.key, 0); place >= 0; place--) {
      const block = this.#blocks[place]!;
      const at = block.indexOf(element);
      if (at >= 0) {
        block.splice(at, 1);
        if (block.length === 0) this.#blocks.splice(place, 1);
        return;
      }
      // Those of one key may lie in two blocks.
      if (compare(block[0]!.key, element.key, 0) < 0) return;
    }
  }

  /** From the highest down. */
  *descending(): Generator<Element> {
    for (let place = this.#blocks.length - 1; place >= 0; place--) {
      const block = this.#blocks[place]!;
      for (let at = block.length - 1; at >= 0; at--) yield block[at]!;
    }
  }

  /** The last block that begins with a key that isn't above; −1: none does. */
  #blockOf(bytes: Uint8Array, at: number): number {
    let low = 0;
    let high = this.#blocks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compare(this.#blocks[middle]![0]!.key, bytes, at) <= 0) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  static {
    stateClass("SortedKeys", this, {
      save: (it) => ({ blocks: it.#blocks }),
      load: (it, from) => ({ blocks: it.#blocks } = from),
    });
  }
}

/** How many keys aren't above. */
function lowerBound(block: readonly Keyed[], bytes: Uint8Array, at: number): number {
  let low = 0;
  let high = block.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compare(block[middle]!.key, bytes, at) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Order of a key and of as many bytes. */
export function compare(key: Uint8Array, bytes: Uint8Array, at: number): number {
  for (let index = 0; index < key.length; index++) {
    const difference = key[index]! - bytes[at + index]!;
    if (difference !== 0) return difference;
  }
  return 0;
}
