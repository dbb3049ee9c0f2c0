/**
 * Copy-on-write B+tree with checksummed pointers.
 *
 * Invariants
 * - A clean node equals its durable bytes and is never changed: the first change in a transaction gives it a new place
 *   (and, when other trees own it too, a copy), and the new place is written into its parent, which is dirty then as
 *   well.
 * - Keys of child i lie in [entry i's key, entry i + 1's key); entry 0 also takes what is below its key.
 * - Leaves are never empty, save the root.
 * - Blocks are allocated before a node is touched: allocation may read the volume's own tree, and finds it whole.
 *
 * A tree has one position (`leaf`, `slot`), set by each search. Whoever needs it after calling something that
 * searches the same tree has to search again.
 */
import { assert } from "@stratos/base";
import { Failure } from "../failure.ts";
import { NODE_SIZE, VALUE_SIZE_MAX } from "../format/geometry.ts";
import {
  ENTRIES_MAX,
  ENTRY_AT_POINTER,
  ENTRY_WORDS,
  NODE_AT_BIRTH_HIGH,
  NODE_AT_BIRTH_LOW,
  NODE_AT_BLOCK,
  NODE_AT_COUNT,
  NODE_AT_LEVEL,
  NODE_AT_MAGIC,
  NODE_HEADER_WORDS,
  NODE_MAGIC,
  POINTER_AT_BIRTH_HIGH,
  POINTER_AT_BIRTH_LOW,
  POINTER_AT_BLOCK,
  POINTER_AT_CHECKSUM,
  POINTER_AT_INFO,
  POINTER_WORDS,
  SLOT_WORDS,
} from "../format/node-layout.ts";
import type { NodeCache, TreeNode } from "./node-cache.ts";
import {
  initializeLeaf,
  itemSize,
  leafInsert,
  leafMoveTail,
  leafRemove,
  leafRoom,
  lowerBound,
  slotAt,
  valueLength,
  valueOffset,
} from "./leaf.ts";

/** What a tree needs of its volume. */
export interface NodeOwner {
  /** Generation that the running transaction will have. */
  readonly generation: number;
  /** First block of a free, aligned run of a node's size. */
  allocateNode(): number;
  /** This tree no longer refers to the node at `block`. */
  releaseNode(block: number): void;
  /** True when another tree refers to the node as well. */
  isShared(block: number): boolean;
  /** A copy of `node` was made: all that it refers to has one owner more. */
  shareChildren(node: TreeNode): void;
}

const DEPTH_MAX = 12;
const LEAVES_BEFORE_TRIM = 64;

export class Tree {
  readonly #cache: NodeCache;
  readonly #owner: NodeOwner;
  /** Pointer to the root node. */
  readonly root: Uint32Array = new Uint32Array(POINTER_WORDS);
  readonly #pathNodes: TreeNode[] = [];
  readonly #pathEntries: Int32Array = new Int32Array(DEPTH_MAX);
  #leavesRead = 0;
  #depth = 0;
  /** Position of the last search: valid when it returned true. */
  leaf!: TreeNode;
  slot = 0;

  constructor(cache: NodeCache, owner: NodeOwner) {
    this.#cache = cache;
    this.#owner = owner;
  }

  /** Makes this an empty tree of one leaf. */
  initialize(): void {
    const node = this.#cache.create(this.#owner.allocateNode(), 0);
    initializeLeaf(node);
    this.#sign(node);
    this.#pointTo(node, this.root, 0);
  }

  // ---- Position ---------------------------------------------------------------------------------------------------

  get bytes(): Uint8Array {
    return this.leaf.bytes;
  }

  get words(): Uint32Array {
    return this.leaf.words;
  }

  /** Byte offset of the value at the position, in `bytes`. */
  get offset(): number {
    return valueOffset(this.leaf, this.slot);
  }

  get length(): number {
    return valueLength(this.leaf, this.slot);
  }

  /** Word `word` (0 … 2) of the key at the position. */
  key(word: number): number {
    return this.leaf.words[NODE_HEADER_WORDS + this.slot * SLOT_WORDS + word]!;
  }

  // ---- Searching --------------------------------------------------------------------------------------------------

  /** Positions on the item with this key; false when there is none. */
  find(k0: number, k1: number, k2: number): boolean {
    let node = this.#cache.load(this.root, 0);
    while (node.level > 0) node = this.#child(node, childIndex(node, k0, k1, k2));
    const slot = lowerBound(node.words, node.count, SLOT_WORDS, k0, k1, k2);
    this.leaf = node;
    this.slot = slot;
    return slot < node.count && hasKey(node, slot, k0, k1, k2);
  }

  /** Positions on the first item whose key is not below; false when there is none. */
  ceiling(k0: number, k1: number, k2: number): boolean {
    let node = this.#cache.load(this.root, 0);
    let turn: TreeNode | null = null;
    let turnIndex = 0;
    while (node.level > 0) {
      const index = childIndex(node, k0, k1, k2);
      if (index + 1 < node.count) {
        turn = node;
        turnIndex = index + 1;
      }
      node = this.#child(node, index);
    }
    let slot = lowerBound(node.words, node.count, SLOT_WORDS, k0, k1, k2);
    if (slot === node.count) {
      if (turn === null) return false;
      node = this.#child(turn, turnIndex);
      while (node.level > 0) node = this.#child(node, 0);
      slot = 0;
      // A forged node may hold keys that are not its own: going on from them could go in circles.
      if (node.count === 0 || lowerBound(node.words, 1, SLOT_WORDS, k0, k1, k2) !== 0)
        throw new Failure("corrupt-node", node.block);
    }
    this.leaf = node;
    this.slot = slot;
    return true;
  }

  /** Positions on the last item whose key is not above; false when there is none. */
  floor(k0: number, k1: number, k2: number): boolean {
    let node = this.#cache.load(this.root, 0);
    let turn: TreeNode | null = null;
    let turnIndex = 0;
    while (node.level > 0) {
      const index = childIndex(node, k0, k1, k2);
      if (index > 0) {
        turn = node;
        turnIndex = index - 1;
      }
      node = this.#child(node, index);
    }
    let slot = lowerBound(node.words, node.count, SLOT_WORDS, k0, k1, k2);
    if (slot === node.count || !hasKey(node, slot, k0, k1, k2)) slot--;
    if (slot < 0) {
      if (turn === null) return false;
      node = this.#child(turn, turnIndex);
      while (node.level > 0) node = this.#child(node, node.count - 1);
      slot = node.count - 1;
      if (slot < 0 || lowerBound(node.words, node.count, SLOT_WORDS, k0, k1, k2) !== node.count)
        throw new Failure("corrupt-node", node.block);
    }
    this.leaf = node;
    this.slot = slot;
    return true;
  }

  /** Moves to the next item; false at the end. */
  next(): boolean {
    if (this.slot + 1 < this.leaf.count) {
      this.slot++;
      return true;
    }
    const k0 = this.key(0);
    const k1 = this.key(1);
    const k2 = this.key(2);
    if (k2 !== 0xffffffff) return this.ceiling(k0, k1, k2 + 1);
    if (k1 !== 0xffffffff) return this.ceiling(k0, k1 + 1, 0);
    return k0 !== 0xffffffff && this.ceiling(k0 + 1, 0, 0);
  }

  /** As `next`, for who reads a whole tree and changes nothing meanwhile: what was read gives way in memory. */
  nextOfAll(): boolean {
    if (this.slot + 1 >= this.leaf.count && ++this.#leavesRead % LEAVES_BEFORE_TRIM === 0) this.#cache.trim();
    return this.next();
  }

  /** As `ceiling`, for who goes through a whole tree so, and keeps no node: what was read gives way in memory. */
  ceilingOfAll(k0: number, k1: number, k2: number): boolean {
    this.#cache.trim();
    return this.ceiling(k0, k1, k2);
  }

  // ---- Changing ---------------------------------------------------------------------------------------------------

  /** As `find`, and makes the item changeable in place. */
  edit(k0: number, k1: number, k2: number): boolean {
    if (!this.find(k0, k1, k2)) return false;
    this.#cache.changes++;
    if (!this.leaf.dirty) {
      this.leaf = this.#descend(k0, k1, k2, false);
      this.slot = lowerBound(this.leaf.words, this.leaf.count, SLOT_WORDS, k0, k1, k2);
    }
    return true;
  }

  /** Makes a new item and positions on it. Returns the byte offset of its value, whose bytes are undefined. */
  insert(k0: number, k1: number, k2: number, length: number): number {
    assert(length <= VALUE_SIZE_MAX, "a value fits into a leaf beside three others");
    for (;;) {
      const leaf = this.#descend(k0, k1, k2, true);
      const slot = lowerBound(leaf.words, leaf.count, SLOT_WORDS, k0, k1, k2);
      assert(slot === leaf.count || !hasKey(leaf, slot, k0, k1, k2), "the key of a new item is new");
      if (leafRoom(leaf) >= itemSize(length)) {
        this.leaf = leaf;
        this.slot = slot;
        return leafInsert(leaf, slot, k0, k1, k2, length);
      }
      this.#splitLeaf(leaf, slot, k0, k1, k2);
    }
  }

  /** Makes the item, or gives the one that is there `length` bytes. Its bytes are undefined unless its length stays. */
  replace(k0: number, k1: number, k2: number, length: number): number {
    if (this.edit(k0, k1, k2)) {
      if (this.length === length) return this.offset;
      this.remove(k0, k1, k2);
    }
    return this.insert(k0, k1, k2, length);
  }

  /** Removes an item; false when there is none. */
  remove(k0: number, k1: number, k2: number): boolean {
    if (!this.find(k0, k1, k2)) return false;
    const leaf = this.#descend(k0, k1, k2, false);
    leafRemove(leaf, lowerBound(leaf.words, leaf.count, SLOT_WORDS, k0, k1, k2));
    if (this.#depth > 0) {
      if (leaf.count === 0) this.#removeEmpty(leaf);
      else if (leafRoom(leaf) > LEAF_SPARSE) this.#mergeLeaf(leaf);
    }
    return true;
  }

  // ---- Commit -----------------------------------------------------------------------------------------------------

  /** Signs all dirty nodes from the leaves up and hands them to `out`; the root pointer then vouches for all. */
  seal(out: TreeNode[]): void {
    const node = this.#cache.peek(this.root[POINTER_AT_BLOCK]!);
    if (node !== undefined && node.dirty) this.root[POINTER_AT_CHECKSUM] = this.#seal(node, out);
  }

  #seal(node: TreeNode, out: TreeNode[]): number {
    const words = node.words;
    if (node.level > 0) {
      const low = this.#owner.generation >>> 0;
      for (
        let at = NODE_HEADER_WORDS + ENTRY_AT_POINTER, end = at + node.count * ENTRY_WORDS;
        at < end;
        at += ENTRY_WORDS
      ) {
        if (words[at + POINTER_AT_BIRTH_LOW] !== low) continue;
        const child = this.#cache.peek(words[at + POINTER_AT_BLOCK]!);
        if (child !== undefined && child.dirty) words[at + POINTER_AT_CHECKSUM] = this.#seal(child, out);
      }
    }
    words[NODE_AT_COUNT] = node.count;
    out.push(node);
    return node.checksum();
  }

  // ---- Inside -----------------------------------------------------------------------------------------------------

  #child(node: TreeNode, index: number): TreeNode {
    const child = this.#cache.load(node.words, NODE_HEADER_WORDS + index * ENTRY_WORDS + ENTRY_AT_POINTER);
    // Forged checksums may tie trees into knots; levels that go down end any walk.
    if (child.level !== node.level - 1) throw new Failure("corrupt-node", child.block);
    return child;
  }

  /** The dirty leaf for a key, its path recorded. With `room`, every node above it can take one entry more. */
  #descend(k0: number, k1: number, k2: number, room: boolean): TreeNode {
    this.#cache.changes++;
    let node = this.#cache.load(this.root, 0);
    if (!node.dirty) node = this.#own(node, this.root, 0);
    if (room && node.level > 0 && node.count === ENTRIES_MAX) node = this.#growRoot(node);
    this.#depth = 0;
    while (node.level > 0) {
      let index = childIndex(node, k0, k1, k2);
      let child = this.#child(node, index);
      if (!child.dirty)
        child = this.#own(child, node.words, NODE_HEADER_WORDS + index * ENTRY_WORDS + ENTRY_AT_POINTER);
      if (room && child.level > 0 && child.count === ENTRIES_MAX) {
        this.#splitBranch(node, index, child);
        index = childIndex(node, k0, k1, k2);
        child = this.#child(node, index);
      }
      this.#pathNodes[this.#depth] = node;
      this.#pathEntries[this.#depth] = index;
      this.#depth++;
      node = child;
    }
    return node;
  }

  /** Makes a clean node ours to change; `words[at …)` is the pointer to it. */
  #own(node: TreeNode, words: Uint32Array, at: number): TreeNode {
    const block = this.#owner.allocateNode();
    let own = node;
    if (this.#owner.isShared(node.block)) {
      own = this.#cache.create(block, node.level);
      own.bytes.set(node.bytes);
      own.count = node.count;
      this.#owner.shareChildren(own);
      this.#owner.releaseNode(node.block);
    } else {
      this.#owner.releaseNode(node.block);
      this.#cache.move(node, block);
    }
    this.#sign(own);
    this.#pointTo(own, words, at);
    return own;
  }

  #sign(node: TreeNode): void {
    const generation = this.#owner.generation;
    node.words[NODE_AT_MAGIC] = NODE_MAGIC;
    node.words[NODE_AT_LEVEL] = node.level;
    node.words[NODE_AT_BLOCK] = node.block;
    node.words[NODE_AT_BIRTH_LOW] = generation >>> 0;
    node.words[NODE_AT_BIRTH_HIGH] = Math.floor(generation / 0x100000000);
  }

  #pointTo(node: TreeNode, words: Uint32Array, at: number): void {
    words.fill(0, at, at + POINTER_WORDS);
    words[at + POINTER_AT_BLOCK] = node.block;
    words[at + POINTER_AT_BIRTH_LOW] = node.words[NODE_AT_BIRTH_LOW]!;
    words[at + POINTER_AT_BIRTH_HIGH] = node.words[NODE_AT_BIRTH_HIGH]!;
    words[at + POINTER_AT_INFO] = node.level;
  }

  #createBranch(level: number): TreeNode {
    // No volume has so many items; who forges checksums may have full roots.
    if (level >= DEPTH_MAX) throw new Failure("corrupt-node", this.root[POINTER_AT_BLOCK]!);
    const node = this.#cache.create(this.#owner.allocateNode(), level);
    node.bytes.fill(0);
    this.#sign(node);
    return node;
  }

  /** Puts a new root with one entry above `node`, the old one. */
  #growRoot(node: TreeNode): TreeNode {
    const root = this.#createBranch(node.level + 1);
    root.words.set(this.root, NODE_HEADER_WORDS + ENTRY_AT_POINTER);
    root.count = 1;
    this.#pointTo(root, this.root, 0);
    return root;
  }

  #insertEntry(branch: TreeNode, index: number, k0: number, k1: number, k2: number, child: TreeNode): void {
    const at = NODE_HEADER_WORDS + index * ENTRY_WORDS;
    branch.words.copyWithin(at + ENTRY_WORDS, at, NODE_HEADER_WORDS + branch.count * ENTRY_WORDS);
    branch.words[at] = k0;
    branch.words[at + 1] = k1;
    branch.words[at + 2] = k2;
    this.#pointTo(child, branch.words, at + ENTRY_AT_POINTER);
    branch.count++;
  }

  #removeEntry(branch: TreeNode, index: number): void {
    const at = NODE_HEADER_WORDS + index * ENTRY_WORDS;
    branch.words.copyWithin(at, at + ENTRY_WORDS, NODE_HEADER_WORDS + branch.count * ENTRY_WORDS);
    branch.count--;
  }

  #splitBranch(parent: TreeNode, index: number, node: TreeNode): void {
    const right = this.#createBranch(node.level);
    // Ascending insertion fills nodes: the left one stays nearly full when the split came from its end.
    const middle = index === parent.count - 1 ? node.count - (node.count >> 3) : node.count >> 1;
    const at = NODE_HEADER_WORDS + middle * ENTRY_WORDS;
    right.words.set(node.words.subarray(at, NODE_HEADER_WORDS + node.count * ENTRY_WORDS), NODE_HEADER_WORDS);
    right.count = node.count - middle;
    node.count = middle;
    node.words.fill(0, at);
    this.#insertEntry(
      parent,
      index + 1,
      right.words[NODE_HEADER_WORDS]!,
      right.words[NODE_HEADER_WORDS + 1]!,
      right.words[NODE_HEADER_WORDS + 2]!,
      right,
    );
  }

  /** Splits the leaf of the last descent, in which an item of the given key would come to `slot`. */
  #splitLeaf(leaf: TreeNode, slot: number, k0: number, k1: number, k2: number): void {
    const right = this.#cache.create(this.#owner.allocateNode(), 0);
    initializeLeaf(right);
    this.#sign(right);
    let parent: TreeNode;
    let index = 0;
    if (this.#depth === 0) parent = this.#growRoot(leaf);
    else {
      parent = this.#pathNodes[this.#depth - 1]!;
      index = this.#pathEntries[this.#depth - 1]!;
    }
    if (slot === leaf.count) {
      // Ascending insertion: the full leaf stays full, the new item starts the next one.
      this.#insertEntry(parent, index + 1, k0, k1, k2, right);
      return;
    }
    const half = (NODE_SIZE - leafRoom(leaf)) >> 1;
    let middle = 0;
    for (let used = 0; middle < leaf.count - 1 && used < half; middle++) used += itemSize(valueLength(leaf, middle));
    leafMoveTail(leaf, middle, right);
    const at = slotAt(0);
    this.#insertEntry(parent, index + 1, right.words[at]!, right.words[at + 1]!, right.words[at + 2]!, right);
  }

  /**
   * Takes the empty leaf of the last descent out of the tree, and branches which that leaves empty. Where nothing else
   * is left it is the root: a repair, or somebody's image, may have branches of one child.
   */
  #removeEmpty(leaf: TreeNode): void {
    let depth = this.#depth - 1;
    while (depth >= 0 && this.#pathNodes[depth]!.count === 1) depth--;
    for (let below = depth + 1; below < this.#depth; below++) this.#discard(this.#pathNodes[below]!);
    if (depth < 0) {
      this.#pointTo(leaf, this.root, 0);
      return;
    }
    this.#discard(leaf);
    this.#removeEntry(this.#pathNodes[depth]!, this.#pathEntries[depth]!);
    this.#lowerRoot();
  }

  #discard(node: TreeNode): void {
    this.#cache.drop(node);
    this.#owner.releaseNode(node.block);
  }

  /** A root with one child gives way to it. */
  #lowerRoot(): void {
    let root = this.#cache.load(this.root, 0);
    while (root.level > 0 && root.count === 1) {
      const at = NODE_HEADER_WORDS + ENTRY_AT_POINTER;
      this.root.set(root.words.subarray(at, at + POINTER_WORDS));
      this.#discard(root);
      root = this.#cache.load(this.root, 0);
    }
  }

  /** Joins the sparse leaf of the last descent with a neighbour under the same parent, when both fill less than one. */
  #mergeLeaf(leaf: TreeNode): void {
    const parent = this.#pathNodes[this.#depth - 1]!;
    const index = this.#pathEntries[this.#depth - 1]!;
    const leftIndex = index + 1 < parent.count ? index : index - 1;
    if (leftIndex < 0) return;
    const otherIndex = leftIndex === index ? index + 1 : leftIndex;
    let other = this.#child(parent, otherIndex);
    if (leafRoom(other) + leafRoom(leaf) < NODE_SIZE + NODE_SIZE / 4) return;
    if (!other.dirty)
      other = this.#own(other, parent.words, NODE_HEADER_WORDS + otherIndex * ENTRY_WORDS + ENTRY_AT_POINTER);
    const left = leftIndex === index ? leaf : other;
    const right = left === leaf ? other : leaf;
    leafMoveTail(right, 0, left);
    this.#discard(right);
    this.#removeEntry(parent, leftIndex + 1);
    this.#lowerRoot();
  }
}

/** A leaf with more room than this looks for a neighbour to join. */
const LEAF_SPARSE = (NODE_SIZE * 3) / 4;

function childIndex(node: TreeNode, k0: number, k1: number, k2: number): number {
  const index = lowerBound(node.words, node.count, ENTRY_WORDS, k0, k1, k2);
  if (index < node.count && hasEntryKey(node, index, k0, k1, k2)) return index;
  return index === 0 ? 0 : index - 1;
}

function hasKey(node: TreeNode, slot: number, k0: number, k1: number, k2: number): boolean {
  const at = NODE_HEADER_WORDS + slot * SLOT_WORDS;
  return node.words[at] === k0 && node.words[at + 1] === k1 && node.words[at + 2] === k2;
}

function hasEntryKey(node: TreeNode, index: number, k0: number, k1: number, k2: number): boolean {
  const at = NODE_HEADER_WORDS + index * ENTRY_WORDS;
  return node.words[at] === k0 && node.words[at + 1] === k1 && node.words[at + 2] === k2;
}
