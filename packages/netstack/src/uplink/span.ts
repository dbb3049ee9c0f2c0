import type { ByteSink, ByteSource } from "@stratos/base";

/** Bytes between a connection and a socket of the host: a part of one buffer, which calls fill and empty. */
export class Span implements ByteSink, ByteSource {
  readonly bytes: Uint8Array;
  #at = 0;
  #end = 0;

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
  }

  /** From the beginning on, `length` bytes. */
  begin(length: number): this {
    this.#at = 0;
    this.#end = length;
    return this;
  }

  get remaining(): number {
    return this.#end - this.#at;
  }

  put(source: Uint8Array, start: number, count: number): number {
    this.bytes.set(source.subarray(start, start + count), this.#at);
    this.#at += count;
    return count;
  }

  take(target: Uint8Array, start: number, count: number): number {
    target.set(this.bytes.subarray(this.#at, this.#at + count), start);
    this.#at += count;
    return count;
  }
}
