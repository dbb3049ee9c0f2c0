/**
 * Deduplication after the fact: finds blocks of files with equal content, in all subvolumes and snapshots, and lets
 * them share one place.
 *
 * Candidates come from the checksums that the trees hold anyway, so that looking costs no reading of content; what is
 * to be shared is then compared byte by byte. One pass over the trees (device/relocation.ts) leads all owners of a
 * duplicate to the original, in one transaction. Nothing is shared in pieces shorter than 16 KiB, lest files fall to
 * bits, unless a whole extent is equal.
 */
import { Failure } from "../failure.ts";
import {
  EXTENT_AT_BLOCK,
  EXTENT_AT_CHECKSUMS,
  EXTENT_AT_FLAGS,
  EXTENT_AT_LENGTH,
  EXTENT_LOST,
  EXTENT_UNWRITTEN,
} from "../format/extent-item.ts";
import { BLOCK_SIZE } from "../format/geometry.ts";
import { KIND_EXTENT } from "../format/key.ts";
import { ENTRY_AT_POINTER, ENTRY_WORDS, NODE_HEADER_WORDS, POINTER_AT_BLOCK } from "../format/node-layout.ts";
import { begin } from "../device/resize.ts";
import { shareDuplicates } from "../device/relocation.ts";
import { isCompressed } from "../file/extents.ts";
import { slotAt } from "../tree/leaf.ts";
import type { Volume } from "../volume/volume.ts";

export interface DedupeOptions {
  /** Only look. */
  dryRun?: boolean;
  /** Most blocks that one run shares; default a million (4 GiB). What is left is found by the next run. */
  limit?: number;
  progress?: (blocks: number) => void;
}

export interface DedupeResult {
  /** Blocks of content that were looked at, each once. */
  blocks: number;
  /** Duplicates among them: in a dry run those with equal checksums. */
  duplicates: number;
  /** Blocks that are free now, and were not before. */
  freed: number;
}

const RUN_MIN = 4;
const LIMIT = 1 << 20;

/** −ENOSPC …; the volume goes on being used before and after. */
export function dedupe(volume: Volume, options: DedupeOptions = {}): DedupeResult | number {
  const begun = options.dryRun === true ? 0 : begin(volume);
  if (begun < 0) return begun;
  try {
    volume.settle();
    const finder = new Finder(volume, options.limit ?? LIMIT, options.progress);
    for (const id of volume.subvolumeIds()) finder.walk(volume.subvolume(id)!.tree.root, 0);
    const result: DedupeResult = { blocks: finder.blocks, duplicates: finder.duplicates.size, freed: 0 };
    if (options.dryRun === true || finder.duplicates.size === 0) return result;
    verify(volume, finder);
    result.duplicates = finder.duplicates.size;
    if (result.duplicates === 0) return result;
    const before = volume.space.freeBlocks;
    shareDuplicates(volume, finder.duplicates);
    const committed = volume.commit();
    if (committed < 0) return committed;
    result.freed = Math.max(0, volume.space.freeBlocks - before);
    return result;
  } catch (thrown) {
    return volume.abort(thrown);
  } finally {
    volume.end();
  }
}

class Finder {
  readonly #volume: Volume;
  readonly #limit: number;
  readonly #progress: ((blocks: number) => void) | undefined;
  /** First block of each checksum that was met; of compressed units under the checksums of the whole. */
  readonly #first = new Map<number, number>();
  readonly #units = new Map<string, number>();
  readonly #seenBlocks = new Set<number>();
  readonly #seenNodes = new Set<number>();
  /** Duplicate → original. */
  readonly duplicates = new Map<number, number>();
  /** Compressed units among them: first block → blocks. */
  readonly unitSizes = new Map<number, number>();
  blocks = 0;

  constructor(volume: Volume, limit: number, progress: ((blocks: number) => void) | undefined) {
    this.#volume = volume;
    this.#limit = limit;
    this.#progress = progress;
  }

  walk(words: Uint32Array, at: number): void {
    const block = words[at + POINTER_AT_BLOCK]!;
    if (block < this.#volume.store.topStart || this.#seenNodes.has(block)) return;
    this.#seenNodes.add(block);
    const node = this.#volume.cache.load(words, at);
    const own = node.words.slice();
    const { count, level } = node;
    if (level > 0) {
      for (let index = 0; index < count; index++)
        this.walk(own, NODE_HEADER_WORDS + index * ENTRY_WORDS + ENTRY_AT_POINTER);
    } else {
      for (let slot = 0; slot < count; slot++) {
        if (own[slotAt(slot) + 1]! >>> 24 === KIND_EXTENT) this.#extent(own, (own[slotAt(slot) + 3]! >>> 16) >>> 2);
      }
      this.#progress?.(this.blocks);
    }
    this.#volume.cache.trim();
  }

  #extent(words: Uint32Array, at: number): void {
    const flags = words[at + EXTENT_AT_FLAGS]!;
    const block = words[at + EXTENT_AT_BLOCK]!;
    const stored = words[at + EXTENT_AT_LENGTH]! >>> 16;
    if (
      (flags & (EXTENT_UNWRITTEN | EXTENT_LOST)) !== 0 ||
      block < this.#volume.store.topStart ||
      this.duplicates.size >= this.#limit
    )
      return;
    const checksums = at + EXTENT_AT_CHECKSUMS;
    if (isCompressed(flags))
      this.#unit(block, stored, `${flags} ${words.subarray(checksums, checksums + stored).join()}`);
    else this.#plain(block, stored, words, checksums);
  }

  /** A unit is shared as a whole or not at all. */
  #unit(block: number, stored: number, name: string): void {
    if (this.#seenBlocks.has(block)) return;
    for (let offset = 0; offset < stored; offset++) this.#seenBlocks.add(block + offset);
    this.blocks += stored;
    const original = this.#units.get(name);
    if (original === undefined) this.#units.set(name, block);
    else {
      this.unitSizes.set(block, stored);
      for (let offset = 0; offset < stored; offset++) this.duplicates.set(block + offset, original + offset);
    }
  }

  #plain(block: number, stored: number, words: Uint32Array, checksums: number): void {
    const originals: number[] = [];
    for (let offset = 0; offset < stored; offset++) {
      const at = block + offset;
      if (this.#seenBlocks.has(at)) {
        originals.push(-1);
        continue;
      }
      this.#seenBlocks.add(at);
      this.blocks++;
      const checksum = words[checksums + offset]!;
      const first = this.#first.get(checksum);
      if (first === undefined) this.#first.set(checksum, at);
      originals.push(first ?? -1);
    }
    for (let from = 0; from < stored;) {
      let count = 1;
      while (from + count < stored && originals[from] !== -1 && originals[from + count] === originals[from]! + count)
        count++;
      if (originals[from] !== -1 && (count >= RUN_MIN || count === stored)) {
        for (let offset = from; offset < from + count; offset++)
          this.duplicates.set(block + offset, originals[offset]!);
      }
      from += count;
    }
  }
}

/** Takes out what only seems equal: compressed units as a whole, else block by block. */
function verify(volume: Volume, { duplicates, unitSizes }: Finder): void {
  const isEqual = comparer(volume);
  /** Blocks of units that were compared. */
  const verified = new Set<number>();
  for (const [block, size] of unitSizes) {
    let equal = true;
    for (let offset = 0; offset < size && equal; offset++)
      equal = isEqual(block + offset, duplicates.get(block + offset)!);
    if (!equal) for (let offset = 0; offset < size; offset++) duplicates.delete(block + offset);
    else for (let offset = 0; offset < size; offset++) verified.add(block + offset);
  }
  for (const [block, original] of duplicates)
    if (!verified.has(block) && !isEqual(block, original)) duplicates.delete(block);
}

function comparer(volume: Volume): (block: number, original: number) => boolean {
  const one = new Uint8Array(BLOCK_SIZE);
  const other = new Uint8Array(BLOCK_SIZE);
  return (block, original) => {
    try {
      volume.store.read(block, 1, one, 0);
      volume.store.read(original, 1, other, 0);
    } catch (thrown) {
      if (!(thrown instanceof Failure)) throw thrown;
      return false;
    }
    for (let index = 0; index < BLOCK_SIZE; index++) if (one[index] !== other[index]) return false;
    return true;
  };
}
