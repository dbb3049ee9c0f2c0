import type { IoCursor } from "./io-cursor.ts";

/**
 * How system calls touch the caller's memory; implemented by AddressSpace. Faults (demand paging, copy-on-write) are
 * resolved on the way; where no area allows the access the result is −EFAULT. Nothing else reads or writes user memory.
 */
export interface UserMemory {
  /** Copies user bytes `[address, address + count)` to `into[at …)`: 0 or −EFAULT. */
  copyIn(address: number, into: Uint8Array, at: number, count: number): number;
  copyOut(address: number, from: Uint8Array, at: number, count: number): number;
  /** Zeroes user bytes: 0 or −EFAULT. */
  clear(address: number, count: number): number;
  /** 0 … 2^32 − 1, or −EFAULT. */
  loadU32(address: number): number;
  storeU32(address: number, value: number): number;
  /** Unsigned (exact below 2^53), or −EFAULT. */
  loadU64(address: number): number;
  /** Accepts negative values (two's complement). */
  storeU64(address: number, value: number): number;
  /** NUL-terminated byte string without its end, at most `most` bytes; −EFAULT, or −ENAMETOOLONG when no NUL comes. */
  loadString(address: number, most: number): string | number;
  /** A cursor over one buffer. The object is reused: valid until the next call of `cursor` or `vectorCursor`. */
  cursor(address: number, count: number): IoCursor;
  /** A cursor over `struct iovec[count]` (readv(2)); −EFAULT, or −EINVAL for count > 1024 or a negative total. */
  vectorCursor(vector: number, count: number): IoCursor | number;
}
