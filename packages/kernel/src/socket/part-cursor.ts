import type { IoCursor } from "../ground/io-cursor.ts";

/** A view of a cursor that ends earlier. */
export class ShortCursor implements IoCursor {
  readonly #inner: IoCursor;
  #left: number;

  constructor(inner: IoCursor, count: number) {
    this.#inner = inner;
    this.#left = count;
  }

  get remaining(): number {
    return this.#left;
  }

  put(source: Uint8Array, start: number, count: number): number {
    return this.#moved(this.#inner.put(source, start, count));
  }

  take(target: Uint8Array, start: number, count: number): number {
    return this.#moved(this.#inner.take(target, start, count));
  }

  skip(count: number): void {
    this.#inner.skip(count);
    this.#left -= count;
  }

  #moved(count: number): number {
    if (count > 0) this.#left -= count;
    return count;
  }
}

/** Takes bytes and keeps none. */
export class DiscardCursor implements IoCursor {
  remaining: number;

  constructor(count: number) {
    this.remaining = count;
  }

  put(_source: Uint8Array, _start: number, count: number): number {
    this.remaining -= count;
    return count;
  }

  take(_target: Uint8Array, _start: number, count: number): number {
    this.remaining -= count;
    return count;
  }

  skip(count: number): void {
    this.remaining -= count;
  }
}
