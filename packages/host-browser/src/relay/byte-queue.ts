/** Bytes that wait, in one piece of memory that is there only while some do. */
export class ByteQueue {
  readonly #capacity: number;
  #bytes: Uint8Array | null = null;
  #start = 0;
  #end = 0;

  /** @param capacity  who puts more in has not looked at `length` */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get length(): number {
    return this.#end - this.#start;
  }

  /** What waits; valid until something is put in or taken out. */
  get waiting(): Uint8Array {
    return this.#bytes?.subarray(this.#start, this.#end) ?? NOTHING;
  }

  put(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#bytes ??= new Uint8Array(this.#capacity);
    if (this.#end + bytes.length > this.#capacity) {
      this.#bytes.copyWithin(0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
    }
    this.#bytes.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  /** The first of them are done with. */
  drop(count: number): void {
    this.#start += count;
    if (this.#start >= this.#end) this.clear();
  }

  clear(): void {
    this.#bytes = null;
    this.#start = this.#end = 0;
  }
}

const NOTHING = new Uint8Array();
