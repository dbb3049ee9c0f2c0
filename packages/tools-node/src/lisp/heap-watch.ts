/**
 * How much of Node's heap a program that is interpreted may have: its objects are JavaScript's, and V8 ends the process
 * when they are too many.
 */
import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Of what V8 gives its heap. Near the end it does nothing but collect. */
const SHARE = 0.6;

export class HeapWatch {
  readonly #limit: number;
  readonly #used: () => number;
  readonly #collect: () => void;
  #live: number;
  #isReserveGiven: boolean;

  /** @param limitBytes  beside what is there already; undefined: what V8 has for most programs */
  constructor(limitBytes?: number, { used = usedBytes, collect = collectGarbage } = {}) {
    this.#used = used;
    this.#collect = collect;
    const most = SHARE * getHeapStatistics().heap_size_limit;
    this.#limit = limitBytes === undefined ? most : Math.min(used() + limitBytes, most);
    this.#live = 0;
    this.#isReserveGiven = false;
  }

  /** What is full: once the heap, then what is kept for who handles that, an eighth more. */
  full(): "heap" | "reserve" | null {
    const limit = this.#limit;
    const most = this.#isReserveGiven ? limit * 1.125 : limit;
    const used = this.#used();
    // What is dead counts until it is collected, which is dear: when some more was made since.
    if (used <= most || used < this.#live + limit / 32) return null;
    this.#collect();
    this.#live = this.#used();
    if (this.#live <= limit) this.#isReserveGiven = false;
    if (this.#live <= most) return null;
    if (this.#isReserveGiven) return "reserve";
    this.#isReserveGiven = true;
    return "heap";
  }
}

function usedBytes(): number {
  const { used_heap_size: used, external_memory: external } = getHeapStatistics();
  return used + external;
}

let gc: (() => void) | undefined;

function collectGarbage(): void {
  if (gc === undefined) {
    setFlagsFromString("--expose-gc");
    gc = runInNewContext("gc") as () => void;
    setFlagsFromString("--no-expose-gc");
  }
  gc();
}
