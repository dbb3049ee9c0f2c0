import type { ByteSink, ByteSource } from "./byte-ring.ts";
import { byteStringOf } from "./byte-string.ts";

/** Bytes that are filled, or taken from, from their beginning on. */
export class BytesCursor implements ByteSink, ByteSource {
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
