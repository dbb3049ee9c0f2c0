/**
 * Scrub: reads every copy of every block that is in use, verifies it, and mends what another copy can mend. It goes in
 * steps in the order of the trees' keys while the volume is used; its cursor is a subvolume and a key, so that it can
 * pause, and go on after a mount.
 *
 * A step reads the trees as they are at its time. What is written between two steps is either still ahead, or so new
 * that it was just written; both are fine. Nodes that wait for a commit have no copies yet and are passed over.
 */
import { Failure } from "../failure.ts";
import {
  EXTENT_AT_BLOCK,
  EXTENT_AT_CHECKSUMS,
  EXTENT_AT_FLAGS,
  EXTENT_AT_LENGTH,
  EXTENT_LOST,
  EXTENT_UNWRITTEN,
  extentSize,
} from "../format/extent-item.ts";
import { BLOCK_SIZE, EXTENT_BLOCKS_MAX, NODE_BLOCKS } from "../format/geometry.ts";
import { KIND_EXTENT } from "../format/key.ts";
import {
  ENTRY_AT_POINTER,
  ENTRY_WORDS,
  NODE_HEADER_WORDS,
  POINTER_AT_BIRTH_LOW,
  POINTER_AT_BLOCK,
} from "../format/node-layout.ts";
import { DEVICE_STALE } from "../format/pool-table.ts";
import { droppedRoots } from "../space/dropped-trees.ts";
import { checksumBlock } from "../format/checksum.ts";
import { nodeMatches, TreeNode } from "../tree/node-cache.ts";
import { slotAt, valueLength, valueOffset } from "../tree/leaf.ts";
import type { Volume } from "../volume/volume.ts";
import { scrubSuperblocks } from "./superblocks.ts";

/** Where a scrub stands: plain data, kept in the volume while it pauses. */
export interface ScrubCursor {
  /** −1: the volume tree; then subvolumes by number; then what is dropped. */
  subvolume: number;
  key: [number, number, number];
  /** Blocks verified so far, all copies counted. */
  verified: number;
  repaired: number;
  lost: number;
  /** Seconds since 1970 when it began. */
  started: number;
}

/** A block of which no good copy is left. */
export interface Damage {
  what: "node" | "data";
  subvolume: number;
  /** Owner of data; −1 for a node. */
  ino: number;
  block: number;
}

/** Most that is listed. */
export const DAMAGE_MAX = 1000;
const PROPERTY = "scrub";
const PROPERTY_LAST = "scrub.last";

class Budget {
  left: number;

  constructor(left: number) {
    this.left = left;
  }
}

/** Thrown inside to end a step where the cursor stands. */
class StepOver {}

export class Scrub {
  readonly #volume: Volume;
  readonly cursor: ScrubCursor;
  /** What could not be mended, a thousand of them at most. */
  readonly damage: Damage[] = [];
  done = false;
  readonly #bytes = new Uint8Array(EXTENT_BLOCKS_MAX * BLOCK_SIZE);
  readonly #good = new Uint8Array(EXTENT_BLOCKS_MAX * BLOCK_SIZE);
  readonly #node = new TreeNode(0, 0);
  /** Nodes with several owners that were seen, as block and birth: each is verified once. Bound: two million. */
  #seen = new Set<number>();
  #errorsBefore: number;

  /** @param cursor  where to go on; from the beginning when absent */
  constructor(volume: Volume, cursor?: ScrubCursor) {
    this.#volume = volume;
    this.cursor = cursor ?? {
      subvolume: -1,
      key: [0, 0, 0],
      verified: 0,
      repaired: 0,
      lost: 0,
      started: volume.seconds,
    };
    this.#errorsBefore = writeErrors(volume);
  }

  /** A scrub that was paused in this volume, else a new one. */
  static resume(volume: Volume): Scrub {
    const stored = volume.properties.get(PROPERTY);
    if (typeof stored === "number") return new Scrub(volume);
    return new Scrub(volume, decodeCursor(stored) ?? undefined);
  }

  /** What a paused scrub has done, null when none is paused. */
  static paused(volume: Volume): ScrubCursor | null {
    const stored = volume.properties.get(PROPERTY);
    return typeof stored === "number" ? null : decodeCursor(stored);
  }

  /** The last scrub that came to its end; its cursor says how it ended. Null when there was none. */
  static last(volume: Volume): ScrubCursor | null {
    const stored = volume.properties.get(PROPERTY_LAST);
    return typeof stored === "number" ? null : decodeCursor(stored);
  }

  /** Forgets a paused scrub. */
  static cancel(volume: Volume): number {
    const removed = volume.properties.remove(PROPERTY);
    return removed < 0 ? removed : volume.commit();
  }

  /** Blocks in use, all copies counted: what `cursor.verified` goes up to, about. */
  get total(): number {
    const { store, space } = this.#volume;
    const { layout } = store;
    const copies = layout.segments.reduce((sum, { blocks, places }) => sum + blocks * places.length, 0) / layout.blocks;
    return Math.round((layout.blocks - space.freeBlocks) * copies);
  }

  /**
   * Verifies about `blocks` blocks. Returns 1 while there are more, 0 at the end, or a negated errno (a tree that
   * cannot be read is damage, not an error).
   */
  step(blocks: number): number {
    if (this.done) return 0;
    const volume = this.#volume;
    const budget = new Budget(blocks);
    try {
      if (this.cursor.subvolume === -1 && isZero(this.cursor.key)) this.cursor.repaired += scrubSuperblocks(volume);
      for (;;) {
        this.#tree(budget);
        if (!this.#nextTree()) break;
      }
      return this.#finish();
    } catch (thrown) {
      if (thrown instanceof StepOver) return 1;
      return volume.readFailed(thrown);
    } finally {
      volume.end();
    }
  }

  /** Keeps the cursor in the volume, so that `resume` finds it. Durable when it returns 0. */
  pause(): number {
    const failed = this.#volume.properties.set(PROPERTY, encodeCursor(this.cursor));
    return failed < 0 ? failed : this.#volume.commit();
  }

  #finish(): number {
    const volume = this.#volume;
    this.done = true;
    if (volume.readOnly) return 0;
    // Devices that missed writes have got them all now.
    if (this.cursor.lost === 0 && writeErrors(volume) === this.#errorsBefore) {
      for (const { device, entry } of volume.store.devices) if (device !== null) entry.flags &= ~DEVICE_STALE;
    }
    volume.properties.remove(PROPERTY);
    const failed = volume.properties.set(PROPERTY_LAST, encodeCursor(this.cursor));
    return failed < 0 ? failed : volume.commit();
  }

  // ---- Walking ----------------------------------------------------------------------------------------------------

  #tree(budget: Budget): void {
    const { cursor } = this;
    const volume = this.#volume;
    if (cursor.subvolume === -1) this.#walk(volume.tree.root, 0, budget, 255, null);
    else if (cursor.subvolume === DROPPED)
      for (const pointer of droppedRoots(volume)) this.#walk(pointer, 0, budget, 255, null);
    else {
      const subvolume = volume.subvolume(cursor.subvolume);
      if (subvolume !== null) this.#walk(subvolume.tree.root, 0, budget, 255, null);
    }
  }

  #nextTree(): boolean {
    const { cursor } = this;
    if (cursor.subvolume === DROPPED) return false;
    cursor.key = [0, 0, 0];
    cursor.subvolume = this.#volume.subvolumeIds().find((id) => id > cursor.subvolume) ?? DROPPED;
    return true;
  }

  /** @param next  key at which what comes after this node begins; null at the end */
  #walk(
    pointer: Uint32Array,
    at: number,
    budget: Budget,
    levels: number,
    next: readonly [number, number, number] | null,
  ): void {
    const { store, cache, references } = this.#volume;
    const block = pointer[at + POINTER_AT_BLOCK]!;
    if (block < store.topStart) return;
    const present = cache.peek(block);
    if (present?.dirty !== true) {
      if (references.isShared(block)) {
        const name = block + (pointer[at + POINTER_AT_BIRTH_LOW]! & 0x1fffff) * 0x100000000;
        if (this.#seen.has(name)) return;
        this.#walkNode(pointer, at, budget, levels, next);
        // Only now: a pause in the middle comes back to it.
        if (this.#seen.size < SEEN_MAX) this.#seen.add(name);
        return;
      }
    }
    this.#walkNode(pointer, at, budget, levels, next);
  }

  #walkNode(
    pointer: Uint32Array,
    at: number,
    budget: Budget,
    levels: number,
    next: readonly [number, number, number] | null,
  ): void {
    const { cache } = this.#volume;
    const block = pointer[at + POINTER_AT_BLOCK]!;
    if (cache.peek(block)?.dirty !== true && !this.#verifyNode(pointer, at, budget)) {
      if (next !== null) this.#passed(next, budget);
      return;
    }
    const node = cache.load(pointer, at);
    if (node.level >= levels) throw new Failure("corrupt-node", block);
    const { level, count } = node;
    const words = node.words.slice();
    if (level === 0) {
      for (let slot = 0; slot < count; slot++) {
        const key: [number, number, number] = [
          words[slotAt(slot)]!,
          words[slotAt(slot) + 1]!,
          words[slotAt(slot) + 2]!,
        ];
        if (compare(key, this.cursor.key) < 0) continue;
        if (key[1] >>> 24 === KIND_EXTENT) {
          this.cursor.key = key;
          if (budget.left <= 0) throw new StepOver();
          const value = valueOffset(node, slot) >>> 2;
          const stored = words[value + EXTENT_AT_LENGTH]! >>> 16;
          if (stored > EXTENT_BLOCKS_MAX || valueLength(node, slot) !== extentSize(stored))
            throw new Failure("corrupt-node", block);
          if ((words[value + EXTENT_AT_FLAGS]! & (EXTENT_UNWRITTEN | EXTENT_LOST)) === 0)
            this.#verifyData(words, value, stored, key[0], budget);
        }
      }
    } else {
      for (let index = 0; index < count; index++) {
        const entry = NODE_HEADER_WORDS + index * ENTRY_WORDS;
        const after =
          index + 1 < count
            ? ([words[entry + ENTRY_WORDS]!, words[entry + ENTRY_WORDS + 1]!, words[entry + ENTRY_WORDS + 2]!] as const)
            : next;
        if (after !== null && compare(after, this.cursor.key) <= 0) continue;
        this.#walk(words, entry + ENTRY_AT_POINTER, budget, level, after);
        cache.trim();
      }
    }
    if (next !== null) this.#passed(next, budget);
  }

  /** All below `key` is done. */
  #passed(key: readonly [number, number, number], budget: Budget): void {
    if (compare(key, this.cursor.key) > 0) this.cursor.key = [key[0], key[1], key[2]];
    if (budget.left <= 0) throw new StepOver();
  }

  // ---- Verifying --------------------------------------------------------------------------------------------------

  /** Verifies all copies of a node. False when none is good. */
  #verifyNode(pointer: Uint32Array, at: number, budget: Budget): boolean {
    const { cache, store } = this.#volume;
    const node = this.#node;
    const block = pointer[at + POINTER_AT_BLOCK]!;
    const copies = store.copies(block, NODE_BLOCKS);
    let bad = 0;
    let found = false;
    for (let copy = 0; copy < copies; copy++) {
      if (!store.isPresent(block, copy)) continue;
      node.block = block;
      node.level = pointer[at + 4]! & 255;
      const answered = store.readCopy(block, NODE_BLOCKS, copy, node.bytes, 0);
      if (answered && nodeMatches(node, pointer, at) && !store.isStale(block, copy)) {
        if (!found) this.#good.set(node.bytes);
        found = true;
      } else {
        if (answered && !store.isStale(block, copy)) store.countCorrupt(block, copy);
        // A stale copy may still be the only one that is left.
        if (!found && answered && nodeMatches(node, pointer, at)) {
          this.#good.set(node.bytes);
          found = true;
        }
        bad |= 1 << copy;
      }
    }
    budget.left -= copies * NODE_BLOCKS;
    this.cursor.verified += copies * NODE_BLOCKS;
    if (!found && cache.readRootCopy(node, pointer, at)) {
      this.#good.set(node.bytes);
      found = true;
    }
    if (!found) {
      store.countLost(block);
      this.#lost({ what: "node", subvolume: this.cursor.subvolume, ino: -1, block });
      return false;
    }
    if (bad !== 0) {
      store.repair(block, NODE_BLOCKS, this.#good, 0, bad);
      this.cursor.repaired += NODE_BLOCKS;
    }
    return true;
  }

  #verifyData(words: Uint32Array, value: number, stored: number, ino: number, budget: Budget): void {
    const { store } = this.#volume;
    const first = words[value + EXTENT_AT_BLOCK]!;
    if (first < store.topStart) return;
    const copies = store.copies(first, stored);
    /** A bit for each block of which a good copy is in `#good`. */
    const have: boolean[] = new Array<boolean>(stored).fill(false);
    const bad: number[] = new Array<number>(stored).fill(0);
    for (let copy = 0; copy < copies; copy++) {
      if (!store.isPresent(first, copy)) continue;
      const stale = store.isStale(first, copy);
      const whole = store.readCopy(first, stored, copy, this.#bytes, 0);
      for (let offset = 0; offset < stored; offset++) {
        const from = offset * BLOCK_SIZE;
        const answered = whole || store.readCopy(first + offset, 1, copy, this.#bytes, from);
        const matches = answered && checksumBlock(this.#bytes, from) === words[value + EXTENT_AT_CHECKSUMS + offset];
        if (matches && !have[offset]) {
          this.#good.set(this.#bytes.subarray(from, from + BLOCK_SIZE), from);
          have[offset] = true;
        }
        if (matches && !stale) continue;
        if (answered && !stale) store.countCorrupt(first + offset, copy);
        bad[offset]! |= 1 << copy;
      }
    }
    for (let offset = 0; offset < stored; offset++) {
      if (!have[offset]) {
        store.countLost(first + offset);
        this.#lost({ what: "data", subvolume: this.cursor.subvolume, ino, block: first + offset });
      } else if (bad[offset] !== 0) {
        store.repair(first + offset, 1, this.#good, offset * BLOCK_SIZE, bad[offset]!);
        this.cursor.repaired++;
      }
    }
    budget.left -= copies * stored;
    this.cursor.verified += copies * stored;
  }

  #lost(damage: Damage): void {
    this.cursor.lost++;
    if (this.damage.length < DAMAGE_MAX) this.damage.push(damage);
  }
}

const SEEN_MAX = 2_000_000;
/** The cursor's subvolume while dropped trees are read. */
const DROPPED = 0xffffffff;

function writeErrors(volume: Volume): number {
  return volume.store.devices.reduce((sum, { entry }) => sum + entry.errors.writeErrors, 0);
}

function isZero(key: readonly number[]): boolean {
  return key.every((word) => word === 0);
}

function compare(a: readonly number[], b: readonly number[]): number {
  return a[0]! - b[0]! || a[1]! - b[1]! || a[2]! - b[2]!;
}

/** Eight numbers as pairs of words. */
function encodeCursor(cursor: ScrubCursor): Uint8Array {
  const numbers = [cursor.subvolume + 1, ...cursor.key, cursor.verified, cursor.repaired, cursor.lost, cursor.started];
  const words = new Uint32Array(numbers.length * 2);
  numbers.forEach((number, index) => {
    words[index * 2] = number >>> 0;
    words[index * 2 + 1] = Math.floor(number / 0x100000000);
  });
  return new Uint8Array(words.buffer);
}

/** Null when it is none. */
function decodeCursor(bytes: Uint8Array): ScrubCursor | null {
  if (bytes.length !== 64) return null;
  const words = new Uint32Array(bytes.slice().buffer);
  const number = (index: number): number => words[index * 2]! + words[index * 2 + 1]! * 0x100000000;
  return {
    subvolume: number(0) - 1,
    key: [number(1) >>> 0, number(2) >>> 0, number(3) >>> 0],
    verified: number(4),
    repaired: number(5),
    lost: number(6),
    started: number(7),
  };
}
