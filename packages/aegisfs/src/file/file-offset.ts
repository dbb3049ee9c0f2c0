/**
 * Places in files, and sizes, up to the largest that Linux has: 2^63 − 1 bytes (docs/decisions/0013-largest-file.md).
 *
 * Who calls the engine says a place in bytes: a number, exact below 2^53, or a bigint. The engine itself works with two
 * numbers that are always exact, the index of a block (below 2^51) and the byte within it, so that it meets a bigint
 * only where a file is larger than 2^53 bytes.
 */
import { BLOCK_SIZE, FILE_BLOCKS_MAX } from "../format/geometry.ts";

/**
 * Bytes: what the engine returns is a number below 2^53 and a bigint from there on. It takes both, and numbers above
 * that are whole, as multiples of a block are.
 */
export type FileOffset = number | bigint;

/** Blocks whose bytes have offsets below 2^53. */
const NEAR_BLOCKS = 2 ** 53 / BLOCK_SIZE;

/** Index of the block that an offset lies in; negative for a negative one. */
export function blockOf(offset: FileOffset): number {
  return typeof offset === "number" ? Math.floor(offset / BLOCK_SIZE) : Number(offset >> 12n);
}

/** The byte of that block that it is. */
export function withinOf(offset: FileOffset): number {
  return typeof offset === "number" ? offset - Math.floor(offset / BLOCK_SIZE) * BLOCK_SIZE : Number(offset & 4095n);
}

/** Does no file reach so far? To compare a number with a bigint costs more than all of this. */
export function isBeyondFiles(block: number, within: number): boolean {
  return (FILE_BLOCKS_MAX - block) * BLOCK_SIZE - within < 1;
}

/** The offset of byte `within` of a block, which may reach beyond it. */
export function offsetOf(block: number, within: number): FileOffset {
  return block < NEAR_BLOCKS - 1 || (block < NEAR_BLOCKS && within < BLOCK_SIZE)
    ? block * BLOCK_SIZE + within
    : farOffsetOf(block, within);
}

function farOffsetOf(block: number, within: number): FileOffset {
  const offset = BigInt(block) * 4096n + BigInt(within);
  return offset < 2n ** 53n ? Number(offset) : offset;
}

/** The sum of two, exact. */
export function addOffsets(one: FileOffset, other: FileOffset): FileOffset {
  if (typeof one === "number" && typeof other === "number" && one + other < 2 ** 53) return one + other;
  const within = withinOf(one) + withinOf(other);
  const carries = within >= BLOCK_SIZE ? 1 : 0;
  return offsetOf(blockOf(one) + blockOf(other) + carries, within - carries * BLOCK_SIZE);
}

/** `from` to `to`, which is not before it. */
export function offsetBetween(from: FileOffset, to: FileOffset): FileOffset {
  const within = withinOf(to) - withinOf(from);
  const borrows = within < 0 ? 1 : 0;
  return offsetOf(blockOf(to) - blockOf(from) - borrows, within + borrows * BLOCK_SIZE);
}

/** Blocks that so many bytes from the beginning of one reach into. */
export function blocksOf(length: FileOffset): number {
  return blockOf(length) + (withinOf(length) > 0 ? 1 : 0);
}
