import { byteStringOf } from "@stratos/base";

/**
 * Where a read puts its bytes and a write takes them from: the caller's memory (a list of user segments,
 * `ground/user-memory.ts`) or kernel bytes. It moves forward as it is used. When the bytes are themselves in physical
 * memory (`physical.u8`), the copy never leaves it.
 */
export interface IoCursor {
  /** Bytes that may still be moved. */
  readonly remaining: number;
  /**
   * Copies `count` bytes (at most `remaining`) from `source[start …)`. Returns the bytes moved; −EFAULT when none could
   * be.
   */
  put(source: Uint8Array, start: number, count: number): number;
  /**
   * Copies `count` bytes (at most `remaining`) into `target[start …)`. Returns the bytes moved; −EFAULT when none could
   * be.
   */
  take(target: Uint8Array, start: number, count: number): number;
  /** Passes over `count` bytes (at most `remaining`): a call that is executed again goes on where it was. */
  skip(count: number): void;
}

/** A cursor over kernel bytes. */
export class BytesCursor implements IoCursor {
  readonly bytes: Uint8Array;
  position = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  static ofString(text: string): BytesCursor {
    return new BytesCursor(byteStringOf(text));
  }

  get remaining(): number {
    return this.bytes.length - this.position;
  }

  put(source: Uint8Array, start: number, count: number): number {
    this.bytes.set(source.subarray(start, start + count), this.position);
    this.position += count;
    return count;
  }

  take(target: Uint8Array, start: number, count: number): number {
    target.set(this.bytes.subarray(this.position, this.position + count), start);
    this.position += count;
    return count;
  }

  skip(count: number): void {
    this.position += count;
  }
}
