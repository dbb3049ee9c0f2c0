/**
 * Small files that stand for huge ones. A fold cuts a gap out of every file: what a model has at offset `at` and behind
 * it, the engine has `gap` bytes further on, so that a model that keeps files as bytes can be beside files of nearly
 * 2^63 bytes. Nothing is ever written into the gap. A range that would reach over it is cut there, but for those that
 * make holes.
 */
import type { FileOffset } from "../file/file-offset.ts";
import type { Subvolume } from "../volume/subvolume.ts";

export interface Fold {
  /** A multiple of 4096, as the gap. */
  readonly at: number;
  readonly gap: bigint;
}

/** What is left behind the gap is 64 MiB short of the largest file, for what workloads append. */
export function foldAt(at: number): Fold {
  return { at, gap: 2n ** 63n - (64n << 20n) };
}

export const NO_FOLD: Fold = { at: Infinity, gap: 0n };

/** Where the engine has the byte at an offset of the model. */
export function unfoldOffset({ at, gap }: Fold, offset: number): FileOffset {
  return offset < at ? offset : BigInt(offset) + gap;
}

/** Where it has the end of what ends there. */
export function unfoldEnd({ at, gap }: Fold, end: number): FileOffset {
  return end <= at ? end : BigInt(end) + gap;
}

/** The engine's length of a range of the model. */
export function unfoldLength(fold: Fold, offset: number, length: number): FileOffset {
  return offset < fold.at && offset + length > fold.at
    ? BigInt(unfoldEnd(fold, offset + length)) - BigInt(offset)
    : length;
}

/** As much of a range as lies on one side of the gap. */
export function cutAtFold({ at }: Fold, offset: number, length: number): number {
  return offset < at ? Math.min(length, at - offset) : length;
}

/** Size that the model has of a file of this size. Throws for one that ends in the gap. */
export function foldedSize({ at, gap }: Fold, size: FileOffset): number {
  if (size <= at) return Number(size);
  if (size < BigInt(at) + gap) throw new Error(`a file of ${size} bytes, which ends where nothing was written`);
  return Number(BigInt(size) - gap);
}

/** Reads all of a file that has `size` bytes in the model. Returns how many bytes there were. */
export function readFolded(subvolume: Subvolume, ino: number, fold: Fold, size: number, bytes: Uint8Array): number {
  const near = cutAtFold(fold, 0, size);
  const count = subvolume.read(ino, 0, bytes, 0, near);
  if (count < near || near === size) return count;
  const far = subvolume.read(ino, unfoldOffset(fold, near), bytes, near, size - near);
  return far < 0 ? far : count + far;
}
