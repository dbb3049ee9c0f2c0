/** Attributes as the kernel's structures have them. */
import type { Attributes, FileOffset } from "@stratos/aegisfs";
import {
  ATTR_AT_ATIME,
  ATTR_AT_ATIME_NS,
  ATTR_AT_BLKSIZE,
  ATTR_AT_BLOCKS,
  ATTR_AT_CTIME,
  ATTR_AT_CTIME_NS,
  ATTR_AT_FLAGS,
  ATTR_AT_GID,
  ATTR_AT_INO,
  ATTR_AT_MODE,
  ATTR_AT_MTIME,
  ATTR_AT_MTIME_NS,
  ATTR_AT_NLINK,
  ATTR_AT_RDEV,
  ATTR_AT_SIZE,
  ATTR_AT_UID,
  ATTR_OUT_AT_ATTR,
  ATTR_OUT_SIZE,
  ENTRY_AT_ATTR,
  ENTRY_SIZE,
} from "./layout.ts";

/** How long the kernel may believe what it was told, in seconds: nobody else changes it. */
export const VALID_SECONDS = 365 * 86400;

/** Stores a whole number of magnitude below 2^53 as two's complement. */
export function putPair(words: Uint32Array, at: number, value: number): void {
  words[at] = value >>> 0;
  words[at + 1] = Math.floor(value / 0x100000000) >>> 0;
}

/** A place in a file, or a size. */
export function putOffset(words: Uint32Array, at: number, offset: FileOffset): void {
  if (typeof offset === "number") {
    putPair(words, at, offset);
    return;
  }
  words[at] = Number(offset & 0xffffffffn);
  words[at + 1] = Number(offset >> 32n);
}

/** The same, exact: what is beyond 2^53 is a bigint. */
export function getOffset(words: Uint32Array, at: number): FileOffset {
  return words[at + 1]! < 0x200000 ? getUnsigned(words, at) : (BigInt(words[at + 1]!) << 32n) | BigInt(words[at]!);
}

/** An unsigned 64-bit value; above 2^53 it is rounded, and too large for whatever it is compared with. */
export function getUnsigned(words: Uint32Array, at: number): number {
  return words[at]! + words[at + 1]! * 0x100000000;
}

/** A signed 64-bit value: seconds since 1970. */
export function getSigned(words: Uint32Array, at: number): number {
  return words[at]! + (words[at + 1]! | 0) * 0x100000000;
}

/** fuse_attr at `words[at …)`. */
function putAttributes(words: Uint32Array, at: number, from: Attributes, tree: number): void {
  words[at + ATTR_AT_INO] = from.ino;
  // A snapshot's files must not look like further links of the live ones.
  words[at + ATTR_AT_INO + 1] = tree;
  putOffset(words, at + ATTR_AT_SIZE, from.size);
  putPair(words, at + ATTR_AT_BLOCKS, from.blocks);
  putPair(words, at + ATTR_AT_ATIME, from.atimeSeconds);
  putPair(words, at + ATTR_AT_MTIME, from.mtimeSeconds);
  putPair(words, at + ATTR_AT_CTIME, from.ctimeSeconds);
  words[at + ATTR_AT_ATIME_NS] = from.atimeNanoseconds;
  words[at + ATTR_AT_MTIME_NS] = from.mtimeNanoseconds;
  words[at + ATTR_AT_CTIME_NS] = from.ctimeNanoseconds;
  words[at + ATTR_AT_MODE] = from.mode;
  words[at + ATTR_AT_NLINK] = from.nlink;
  words[at + ATTR_AT_UID] = from.uid;
  words[at + ATTR_AT_GID] = from.gid;
  words[at + ATTR_AT_RDEV] = from.rdev;
  words[at + ATTR_AT_BLKSIZE] = 4096;
  words[at + ATTR_AT_FLAGS] = 0;
}

/** fuse_entry_out at `words[at …)`; returns its size. */
export function putEntry(words: Uint32Array, at: number, from: Attributes, tree: number, validSeconds: number): number {
  words[at] = from.ino;
  words[at + 1] = tree;
  putPair(words, at + 2, from.generation);
  words[at + 4] = validSeconds;
  words[at + 5] = 0;
  words[at + 6] = validSeconds;
  words[at + 7] = 0;
  words[at + 8] = 0;
  words[at + 9] = 0;
  putAttributes(words, at + ENTRY_AT_ATTR, from, tree);
  return ENTRY_SIZE;
}

/** fuse_entry_out for a name that is not there: node 0; returns its size. */
export function putAbsence(words: Uint32Array, at: number): number {
  words.fill(0, at, at + ENTRY_SIZE / 4);
  words[at + 4] = VALID_SECONDS;
  return ENTRY_SIZE;
}

/** fuse_attr_out at `words[at …)`; returns its size. */
export function putAttributesReply(
  words: Uint32Array,
  at: number,
  from: Attributes,
  tree: number,
  validSeconds: number,
): number {
  words[at] = validSeconds;
  words[at + 1] = 0;
  words[at + 2] = 0;
  words[at + 3] = 0;
  putAttributes(words, at + ATTR_OUT_AT_ATTR, from, tree);
  return ATTR_OUT_SIZE;
}
