import { EFAULT } from "@stratos/abi";
import type { ByteSink, ByteSource } from "@stratos/base";

/**
 * Where a read puts its bytes and a write takes them from: the caller's memory (a list of user segments,
 * `ground/user-memory.ts`) or kernel bytes (`BytesCursor` of base). It moves forward as it is used. When the bytes are
 * themselves in physical memory (`physical.u8`), the copy never leaves it.
 */
export interface IoCursor extends ByteSink, ByteSource {
  /** Passes over `count` bytes (at most `remaining`): a call that is executed again goes on where it was. */
  skip(count: number): void;
}

/** Copies all of it: where memory is there for a part only, nothing counts as copied. @returns the count, or −EFAULT */
export function putWhole(to: ByteSink, source: Uint8Array, start: number, count: number): number {
  return count === 0 || to.put(source, start, count) === count ? count : -EFAULT;
}
