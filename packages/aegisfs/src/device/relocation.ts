/**
 * Moves content to other blocks, for all trees at once and in one transaction: what shrinking, removing a device and
 * moving between tiers have in common.
 *
 * Every tree is walked from its leaves up. A node that must move, or under which something moved, is written anew at
 * once; what points to it changes with it, up to the root. What has several owners is moved once, and all of them are
 * led to the new place, so that sharing between snapshots stays what it was. Splitting an extent may make a leaf too
 * full: then it becomes two, like in any B+tree.
 *
 * Nothing may be pending when it begins. Room for blocks of files is taken before anything moves: how many runs of
 * which length free space consists of, no count tells, and a compressed extent needs one run. If it fails in the middle
 * for another reason, the volume fails.
 */
import { Failure } from "../failure.ts";
import {
  EXTENT_AT_BLOCK,
  EXTENT_AT_CHECKSUMS,
  EXTENT_AT_FLAGS,
  EXTENT_AT_LENGTH,
  EXTENT_AT_SKIP,
  EXTENT_UNWRITTEN,
  extentSize,
} from "../format/extent-item.ts";
import { BLOCK_SIZE, EXTENT_BLOCKS_MAX, NODE_BLOCKS } from "../format/geometry.ts";
import { highOf, KIND_EXTENT, keyMiddle } from "../format/key.ts";
import {
  ENTRIES_MAX,
  ENTRY_AT_POINTER,
  ENTRY_WORDS,
  NODE_HEADER_WORDS,
  POINTER_AT_BIRTH_HIGH,
  POINTER_AT_BIRTH_LOW,
  POINTER_AT_BLOCK,
  POINTER_AT_INFO,
  POINTER_WORDS,
} from "../format/node-layout.ts";
import { isCompressed } from "../file/extents.ts";
import { TreeNode } from "../tree/node-cache.ts";
import { writeSigned } from "../tree/signed-node.ts";
import { initializeLeaf, itemSize, leafInsert, leafRoom, slotAt, valueLength, valueOffset } from "../tree/leaf.ts";
import type { Volume } from "../volume/volume.ts";

/** What is to move. */
export interface Mover {
  /** Must the node at this block go? */
  movesNode(block: number): boolean;
  /** Must this block of a file go? */
  movesData(block: number, subvolume: number, ino: number): boolean;
  /** Called before blocks are allocated for a file: where to (SpaceMap). */
  beforeData?(subvolume: number, ino: number): void;
  /**
   * Called for a node that cannot be read: gives what takes its place, all within its bounds; without it, that is a
   * failure.
   */
  lost?(node: LostNode): Replacement;
  /** Blocks that were moved so far. */
  progress?(blocks: number): void;
}

export type Key = readonly [number, number, number];

/** A node that cannot be read, as its parent has it. Its keys are at or above `low` and below `high`. */
export interface LostNode {
  readonly block: number;
  readonly level: number;
  readonly generation: number;
  readonly low: Key;
  readonly high: Key | null;
}

/** Pointers to nodes of the level below, ascending, with their lowest keys; or, instead of a leaf, items. */
export interface Replacement {
  readonly children: readonly { readonly key: Key; readonly pointer: Uint32Array }[];
  readonly items: readonly Item[];
}

/** All blocks in some ranges. */
export function moverOfRanges(
  ranges: readonly { start: number; end: number }[],
  progress?: (blocks: number) => void,
): Mover {
  const within = (block: number): boolean => ranges.some(({ start, end }) => block >= start && block < end);
  return { movesNode: within, movesData: within, ...(progress === undefined ? {} : { progress }) };
}

/** A node for its parent: the lowest key it may hold, and the pointer to it. */
interface Entry {
  key: readonly [number, number, number];
  pointer: Uint32Array;
}

interface Item {
  key: readonly [number, number, number];
  bytes: Uint8Array;
}

/** Nodes that would be written, and blocks of files that would move. Throws Failure. */
export function countMoves(volume: Volume, mover: Mover): { nodes: number; blocks: number } {
  const seen = new Map<number, boolean>();
  let nodes = 0;
  let blocks = 0;
  const visit = (words: Uint32Array, at: number, id: number): boolean => {
    const block = words[at + POINTER_AT_BLOCK]!;
    if (block < volume.store.topStart) return false;
    const known = seen.get(block);
    if (known !== undefined) return known;
    const node = volume.cache.load(words, at);
    const own = node.words.slice();
    const { count, level } = node;
    let moves = mover.movesNode(block);
    if (level > 0) {
      for (let index = 0; index < count; index++)
        moves = visit(own, NODE_HEADER_WORDS + index * ENTRY_WORDS + ENTRY_AT_POINTER, id) || moves;
    } else {
      for (let slot = 0; slot < count; slot++) {
        if (own[slotAt(slot) + 1]! >>> 24 !== KIND_EXTENT) continue;
        const value = (own[slotAt(slot) + 3]! >>> 16) >>> 2;
        const first = own[value + EXTENT_AT_BLOCK]!;
        for (let offset = 0; offset < own[value + EXTENT_AT_LENGTH]! >>> 16; offset++) {
          if (!mover.movesData(first + offset, id, own[slotAt(slot)]!)) continue;
          blocks++;
          moves = true;
        }
      }
    }
    if (moves) nodes++;
    seen.set(block, moves);
    volume.cache.trim();
    return moves;
  };
  for (const id of volume.subvolumeIds()) visit(volume.subvolume(id)!.tree.root, 0, id);
  return { nodes, blocks };
}

/**
 * Moves everything that `mover` names, in all subvolumes and the volume tree. Throws Failure (`no-space`: nothing has
 * changed); commits nothing.
 *
 * @param nodes  those that will be written (`countMoves`): files leave them their room
 */
export function relocate(volume: Volume, mover: Mover, nodes: number): void {
  const run = new Run(volume, mover, { places: takePlaces(volume, mover, nodes) });
  // Where nodes lie is no change of theirs: a failure from here on leaves a change half done all the same.
  volume.cache.changes++;
  moveTrees(volume, run);
  moveVolumeTree(volume, mover);
  // The commit has to have something to write even if no tree changed at its root.
  volume.root.touch();
}

/**
 * Leads all owners of duplicates to their originals, whose blocks have equal content, in all subvolumes. Both are
 * blocks of files, no original is a duplicate. Throws Failure; commits nothing.
 */
export function shareDuplicates(volume: Volume, duplicates: ReadonlyMap<number, number>): void {
  volume.cache.changes++;
  moveTrees(volume, new Run(volume, { movesNode: () => false, movesData: () => false }, { moved: duplicates }));
  const { references, content } = volume;
  for (const [block, original] of duplicates) {
    references.share(original, 1, references.releaseAll(block));
    content.forget(block, 1);
  }
  volume.root.touch();
}

function moveTrees(volume: Volume, run: Run): void {
  for (const id of volume.subvolumeIds()) {
    const subvolume = volume.subvolume(id);
    if (subvolume === null) continue;
    const pointer = run.moveTree(subvolume.tree.root, id);
    if (pointer !== null) subvolume.tree.root.set(pointer);
  }
}

/**
 * Takes the room for all blocks of files that are to move: where each run of them goes, by its first block. Throws
 * Failure, and has taken nothing then.
 */
function takePlaces(volume: Volume, mover: Mover, nodes: number): Map<number, Place> {
  const places = new Map<number, Place>();
  const run = new Run(volume, mover, { places, nodesToWrite: nodes });
  try {
    for (const id of volume.subvolumeIds()) run.moveTree(volume.subvolume(id)!.tree.root, id);
  } catch (thrown) {
    for (const { block, count } of places.values()) volume.space.release(block, count);
    throw thrown;
  }
  return places;
}

/** The volume tree changes all the time: whatever is changed in a node takes it to a new place, and its parents too. */
function moveVolumeTree(volume: Volume, mover: Mover): void {
  const { tree, cache } = volume;
  const keys: (readonly [number, number, number])[] = [];
  const visit = (words: Uint32Array, at: number, above: boolean): void => {
    const node = cache.load(words, at);
    const moves = above || (!node.dirty && mover.movesNode(node.block));
    if (node.level > 0) {
      for (let index = 0; index < node.count; index++)
        visit(node.words, NODE_HEADER_WORDS + index * ENTRY_WORDS + ENTRY_AT_POINTER, moves);
    } else if (moves && node.count > 0)
      keys.push([node.words[slotAt(0)]!, node.words[slotAt(0) + 1]!, node.words[slotAt(0) + 2]!]);
  };
  visit(tree.root, 0, false);
  for (const [k0, k1, k2] of keys) tree.edit(k0, k1, k2);
}

/** The first entry under the key that its parent has for it. */
function rekeyed(entries: readonly Entry[], key: readonly [number, number, number]): Entry[] {
  return entries.length === 0 ? [] : [{ key, pointer: entries[0]!.pointer }, ...entries.slice(1)];
}

/**
 * Leaves out of a tree what cannot be read, for what `lost` gives instead; the new root, null when all is there. For
 * repair: owners of blocks are counted anew afterwards. Throws Failure.
 */
export function pruneTree(
  volume: Volume,
  root: Uint32Array,
  subvolume: number,
  lost: (node: LostNode) => Replacement,
): Uint32Array | null {
  return new Run(volume, { movesNode: () => false, movesData: () => false, lost }).moveTree(root, subvolume);
}

/** Where a run of blocks goes, and how many of them find room there. */
interface Place {
  readonly block: number;
  readonly count: number;
}

interface RunOptions {
  /** Blocks that have moved already. */
  readonly moved?: ReadonlyMap<number, number>;
  /** Room for runs of blocks, by the first of each. */
  readonly places?: Map<number, Place>;
  /** Takes that room, for a run that will write so many nodes, and changes nothing else. */
  readonly nodesToWrite?: number;
}

class Run {
  readonly #volume: Volume;
  readonly #mover: Mover;
  /** What became of nodes that have several owners; null: they stay. */
  readonly #nodes = new Map<number, Entry[] | null>();
  /** Where blocks of files went that have several owners. */
  readonly #blocks: Map<number, number>;
  readonly #bytes = new Uint8Array(EXTENT_BLOCKS_MAX * BLOCK_SIZE);
  readonly #scratch = new TreeNode(0, 0);
  readonly #places: Map<number, Place>;
  /** Of a run that only takes places; null: it moves. */
  readonly #nodesToWrite: number | null;
  #subvolume = 0;
  #moved = 0;

  constructor(volume: Volume, mover: Mover, { moved, places, nodesToWrite }: RunOptions = {}) {
    this.#volume = volume;
    this.#mover = mover;
    this.#blocks = new Map(moved);
    this.#places = places ?? new Map<number, Place>();
    this.#nodesToWrite = nodesToWrite ?? null;
  }

  /** The new root, null when nothing of the tree moved. */
  moveTree(root: Uint32Array, subvolume: number): Uint32Array | null {
    this.#subvolume = subvolume;
    let entries = this.#node(root, 0, [0, 0, 0], null);
    if (entries === null) return null;
    if (entries.length === 0) entries = this.#writeLeaves([], 1);
    for (let level = (root[POINTER_AT_INFO]! & 255) + 1; entries.length > 1; level++)
      entries = this.#writeBranches(entries, level, 1);
    return entries[0]!.pointer;
  }

  /** @param high  keys are below it; null: no bound */
  #node(words: Uint32Array, at: number, key: Key, high: Key | null): Entry[] | null {
    const { cache, references, store } = this.#volume;
    const block = words[at + POINTER_AT_BLOCK]!;
    // What is in a base stays there, and so does all that it refers to.
    if (block < store.topStart) return null;
    // Asked first: once it was moved, its old place has no owners any more.
    const known = this.#nodes.get(block);
    if (known !== undefined) return known === null ? null : rekeyed(known, key);
    const owners = references.owners(block);
    let node: TreeNode;
    try {
      node = cache.load(words, at);
      if (node.level !== (words[at + POINTER_AT_INFO]! & 255)) throw new Failure("corrupt-node", block);
    } catch (thrown) {
      if (!(thrown instanceof Failure) || this.#mover.lost === undefined) throw thrown;
      const generation = words[at + POINTER_AT_BIRTH_LOW]! + words[at + POINTER_AT_BIRTH_HIGH]! * 0x100000000;
      const instead = this.#replace(
        this.#mover.lost({ block, level: words[at + POINTER_AT_INFO]! & 255, generation, low: key, high }),
        words[at + POINTER_AT_INFO]! & 255,
        key,
        high,
      );
      if (owners > 1) this.#nodes.set(block, instead);
      return instead;
    }
    const result = node.level > 0 ? this.#branch(node, key, owners, high) : this.#leaf(node, key, owners);
    if (owners > 1) this.#nodes.set(block, result);
    if (result !== null) {
      cache.forget(block);
      // All of its owners are led to the new place.
      for (let left = owners; left > 0; left--) references.release(block, NODE_BLOCKS);
    }
    cache.trim();
    return result;
  }

  #replace({ children, items }: Replacement, level: number, key: Key, high: Key | null): Entry[] {
    if (level === 0) return items.length === 0 ? [] : rekeyed(this.#writeLeaves(items, 1), key);
    const entries: Entry[] = [];
    for (const [index, child] of children.entries()) {
      const result = this.#node(child.pointer, 0, child.key, children[index + 1]?.key ?? high);
      entries.push(...(result ?? [child]));
    }
    return entries.length === 0 ? [] : rekeyed(this.#writeBranches(entries, level, 1), key);
  }

  #branch(node: TreeNode, key: Key, owners: number, high: Key | null): Entry[] | null {
    const mustMove = this.#mover.movesNode(node.block);
    const { level, count } = node;
    // Loading children may take this node out of memory.
    const words = node.words.slice();
    const entries: Entry[] = [];
    let changed = mustMove;
    for (let index = 0; index < count; index++) {
      const at = NODE_HEADER_WORDS + index * ENTRY_WORDS;
      const own = [words[at]!, words[at + 1]!, words[at + 2]!] as const;
      const next = at + ENTRY_WORDS;
      const result = this.#node(
        words,
        at + ENTRY_AT_POINTER,
        own,
        index + 1 < count ? [words[next]!, words[next + 1]!, words[next + 2]!] : high,
      );
      if (result !== null) changed = true;
      entries.push(
        ...(result ?? [
          { key: own, pointer: words.slice(at + ENTRY_AT_POINTER, at + ENTRY_AT_POINTER + POINTER_WORDS) },
        ]),
      );
    }
    if (!changed || this.#nodesToWrite !== null) return null;
    return rekeyed(this.#writeBranches(entries, level, owners), key);
  }

  #leaf(node: TreeNode, key: readonly [number, number, number], owners: number): Entry[] | null {
    const mustMove = this.#mover.movesNode(node.block);
    if (!mustMove && !this.#hasMoving(node)) return null;
    const bytes = node.bytes.slice();
    const words = new Uint32Array(bytes.buffer);
    const items: Item[] = [];
    for (let slot = 0, { count } = node; slot < count; slot++) {
      const at = slotAt(slot);
      const own = [words[at]!, words[at + 1]!, words[at + 2]!] as const;
      const offset = words[at + 3]! >>> 16;
      const value = bytes.subarray(offset, offset + (words[at + 3]! & 0xffff));
      if (own[1] >>> 24 === KIND_EXTENT) this.#extent(own, words, offset >>> 2, value, items);
      else items.push({ key: own, bytes: value });
    }
    return this.#nodesToWrite === null ? rekeyed(this.#writeLeaves(items, owners), key) : null;
  }

  #hasMoving(node: TreeNode): boolean {
    const { words } = node;
    if (this.#mover.lost !== undefined) return false; // only lost nodes count
    for (let slot = 0; slot < node.count; slot++) {
      if (words[slotAt(slot) + 1]! >>> 24 !== KIND_EXTENT) continue;
      const at = valueOffset(node, slot) >>> 2;
      const block = words[at + EXTENT_AT_BLOCK]!;
      const stored = words[at + EXTENT_AT_LENGTH]! >>> 16;
      if (stored > EXTENT_BLOCKS_MAX || valueLength(node, slot) !== extentSize(stored))
        throw new Failure("corrupt-node", node.block);
      for (let offset = 0; offset < stored; offset++)
        if (this.#moves(block + offset, words[slotAt(slot)]!)) return true;
    }
    return false;
  }

  #moves(block: number, ino: number): boolean {
    return (
      block >= this.#volume.store.topStart &&
      (this.#blocks.has(block) || this.#mover.movesData(block, this.#subvolume, ino))
    );
  }

  /** Moves what must go of one extent, whose value is at `words[at …)`, and adds what becomes of it to `items`. */
  #extent(
    key: readonly [number, number, number],
    words: Uint32Array,
    at: number,
    value: Uint8Array,
    items: Item[],
  ): void {
    const ino = key[0];
    const block = words[at + EXTENT_AT_BLOCK]!;
    const stored = words[at + EXTENT_AT_LENGTH]! >>> 16;
    const flags = words[at + EXTENT_AT_FLAGS]!;
    let any = false;
    for (let offset = 0; offset < stored && !any; offset++) any = this.#moves(block + offset, ino);
    if (!any) {
      items.push({ key, bytes: value });
      return;
    }
    if (isCompressed(flags)) {
      const moved = value.slice();
      new Uint32Array(moved.buffer)[EXTENT_AT_BLOCK] =
        this.#blocks.get(block) ?? this.#moveRun(block, stored, ino, flags, words, at + EXTENT_AT_CHECKSUMS, true);
      items.push({ key, bytes: moved });
      return;
    }
    const start = (key[1] & 0xffffff) * 0x100000000 + key[2];
    // Where each block is afterwards, then an extent for each run of them.
    const places: number[] = [];
    while (places.length < stored) {
      const from = places.length;
      const known = this.#blocks.get(block + from);
      if (known !== undefined || !this.#moves(block + from, ino)) {
        places.push(known ?? block + from);
        continue;
      }
      let count = 1;
      while (from + count < stored && this.#moves(block + from + count, ino) && !this.#blocks.has(block + from + count))
        count++;
      const place = this.#moveRun(block + from, count, ino, flags, words, at + EXTENT_AT_CHECKSUMS + from, false);
      for (let offset = 0; offset < this.#runMoved; offset++) places.push(place + offset);
    }
    for (let from = 0; from < stored;) {
      let count = 1;
      while (from + count < stored && places[from + count] === places[from]! + count) count++;
      const item = new Uint32Array(EXTENT_AT_CHECKSUMS + count);
      item[EXTENT_AT_BLOCK] = places[from]!;
      item[EXTENT_AT_LENGTH] = (count | (count << 16)) >>> 0;
      item[EXTENT_AT_FLAGS] = flags;
      item[EXTENT_AT_SKIP] = 0;
      item.set(
        words.subarray(at + EXTENT_AT_CHECKSUMS + from, at + EXTENT_AT_CHECKSUMS + from + count),
        EXTENT_AT_CHECKSUMS,
      );
      const index = start + from;
      items.push({
        key: [ino, keyMiddle(KIND_EXTENT, highOf(index)), index >>> 0],
        bytes: new Uint8Array(item.buffer),
      });
      from += count;
    }
  }

  /** Blocks that `#moveRun` moved. */
  #runMoved = 0;

  /**
   * Takes room for up to `count` blocks that lie together, all of them when `whole`. Throws Failure `no-space`.
   */
  #takePlace(block: number, count: number, ino: number, whole: boolean): Place {
    const { space, quadReserve } = this.#volume;
    this.#mover.beforeData?.(this.#subvolume, ino);
    const taken = space.allocateData(count, quadReserve + this.#nodesToWrite!);
    if (taken === 0) throw new Failure("no-space", block);
    const place = { block: space.runStart, count: taken };
    this.#places.set(block, place);
    if (whole && taken < count) throw new Failure("no-space", block);
    return place;
  }

  /**
   * Moves up to `count` blocks that lie together, all of them when `whole`; returns the first one's new place. Throws
   * Failure `no-space` when places are only taken.
   */
  #moveRun(
    block: number,
    count: number,
    ino: number,
    flags: number,
    checksums: Uint32Array,
    from: number,
    whole: boolean,
  ): number {
    const { store, references, content } = this.#volume;
    const isMoving = this.#nodesToWrite === null;
    const { block: place, count: taken } = isMoving
      ? this.#places.get(block)!
      : this.#takePlace(block, count, ino, whole);
    this.#runMoved = taken;
    if (isMoving && (flags & EXTENT_UNWRITTEN) === 0) {
      try {
        store.readVerified(block, taken, this.#bytes, 0, checksums, from);
      } catch (thrown) {
        // Damage moves along: its checksum goes on telling of it.
        if (!(thrown instanceof Failure) || thrown.kind !== "corrupt-data") throw thrown;
        store.read(block, taken, this.#bytes, 0);
      }
      store.write(place, taken, this.#bytes, 0);
    }
    if (isMoving) {
      content.forget(block, taken);
      content.forget(place, taken);
    }
    for (let done = 0; done < taken;) {
      const run = references.runLength(block + done, taken - done);
      if (references.owners(block + done) > 1)
        for (let offset = done; offset < done + run; offset++) this.#blocks.set(block + offset, place + offset);
      if (isMoving) references.move(block + done, place + done, run);
      done += run;
    }
    if (!isMoving) return place;
    this.#moved += taken;
    this.#mover.progress?.(this.#moved);
    return place;
  }

  // ---- Writing nodes ----------------------------------------------------------------------------------------------

  #writeLeaves(items: readonly Item[], owners: number): Entry[] {
    const written: Entry[] = [];
    const node = this.#scratch;
    for (let first = 0; first < items.length;) {
      node.level = 0;
      initializeLeaf(node);
      let slot = 0;
      for (; first + slot < items.length && leafRoom(node) >= itemSize(items[first + slot]!.bytes.length); slot++) {
        const { key, bytes } = items[first + slot]!;
        node.bytes.set(bytes, leafInsert(node, slot, key[0], key[1], key[2], bytes.length));
      }
      written.push({ key: items[first]!.key, pointer: this.#write(node, owners) });
      first += slot;
    }
    if (items.length === 0) {
      node.level = 0;
      initializeLeaf(node);
      written.push({ key: [0, 0, 0], pointer: this.#write(node, owners) });
    }
    return written;
  }

  #writeBranches(entries: readonly Entry[], level: number, owners: number): Entry[] {
    const written: Entry[] = [];
    const node = this.#scratch;
    const parts = Math.ceil(entries.length / ENTRIES_MAX);
    const size = Math.ceil(entries.length / parts);
    for (let first = 0; first < entries.length; first += size) {
      node.level = level;
      node.bytes.fill(0);
      node.count = 0;
      for (const { key, pointer } of entries.slice(first, first + size)) {
        const at = NODE_HEADER_WORDS + node.count * ENTRY_WORDS;
        node.words.set(key, at);
        node.words.set(pointer, at + ENTRY_AT_POINTER);
        node.count++;
      }
      written.push({ key: entries[first]!.key, pointer: this.#write(node, owners) });
    }
    return written;
  }

  /** Signs the node and writes it to a new place; returns the pointer to it. */
  #write(node: TreeNode, owners: number): Uint32Array {
    const { space, store, references, generation } = this.#volume;
    const block = space.allocateNode();
    const pointer = writeSigned(store, node, block, generation);
    references.setOwners(block, NODE_BLOCKS, owners);
    return pointer;
  }
}
