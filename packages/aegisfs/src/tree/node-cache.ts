/**
 * Tree nodes in memory, by block number.
 *
 * Bound: clean nodes are dropped by second chance once there are more than `limit`; dirty nodes stay until the commit
 * that writes them, which the volume starts when they are too many. Nothing is dropped in the middle of an operation,
 * so that a cursor's nodes live as long as the cursor.
 */
import { Failure } from "../failure.ts";
import { NODE_BLOCKS, NODE_SIZE, NODE_WORDS } from "../format/geometry.ts";
import {
  ENTRIES_MAX,
  ENTRY_WORDS,
  NODE_AT_BIRTH_HIGH,
  NODE_AT_BIRTH_LOW,
  NODE_AT_BLOCK,
  NODE_AT_COUNT,
  NODE_AT_GARBAGE,
  NODE_AT_LEVEL,
  NODE_AT_MAGIC,
  NODE_AT_VALUES,
  NODE_HEADER_SIZE,
  NODE_MAGIC,
  POINTER_AT_BIRTH_HIGH,
  POINTER_AT_BIRTH_LOW,
  POINTER_AT_BLOCK,
  POINTER_AT_CHECKSUM,
  POINTER_AT_INFO,
  SLOT_AT_VALUE,
  SLOT_WORDS,
  NODE_HEADER_WORDS,
} from "../format/node-layout.ts";
import type { BlockStore } from "../store/block-store.ts";
import { checksumWords } from "../format/checksum.ts";

export class TreeNode {
  block: number;
  level: number;
  count: number;
  dirty: boolean;
  /** Used since the sweep last came by. */
  recent: boolean;
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
  readonly signedWords: Int32Array;

  constructor(block: number, level: number) {
    this.block = block;
    this.level = level;
    this.count = 0;
    this.dirty = false;
    this.recent = true;
    this.bytes = new Uint8Array(NODE_SIZE);
    this.words = new Uint32Array(this.bytes.buffer);
    this.signedWords = new Int32Array(this.bytes.buffer);
  }

  checksum(): number {
    return checksumWords(this.signedWords, 0, NODE_WORDS, 0);
  }
}

export class NodeCache {
  readonly #store: BlockStore;
  readonly #nodes = new Map<number, TreeNode>();
  readonly #limit: number;
  readonly #spare: TreeNode[] = [];
  dirtyCount = 0;
  /** The durable root of the volume tree, and where a second copy of it is (volume/root-copy.ts); 0: nowhere. */
  rootBlock = 0;
  rootCopy = 0;
  /** How often that copy was what was left. */
  rootCopyUses = 0;
  /** Changes of trees so far: tells whether a failed operation had begun to change anything. */
  changes = 0;

  constructor(store: BlockStore, limit: number) {
    this.#store = store;
    this.#limit = limit;
  }

  get size(): number {
    return this.#nodes.size;
  }

  /** The node that `words[at …)` points to. Throws Failure `io` or `corrupt-node`. */
  load(words: Uint32Array, at: number): TreeNode {
    const node = this.#nodes.get(words[at + POINTER_AT_BLOCK]!);
    if (node !== undefined) {
      node.recent = true;
      return node;
    }
    return this.#read(words, at);
  }

  /** The node in memory at `block`, if it is there. */
  peek(block: number): TreeNode | undefined {
    return this.#nodes.get(block);
  }

  /** A new dirty node at `block`, filled by the caller. */
  create(block: number, level: number): TreeNode {
    const node = this.#take(block, level);
    node.dirty = true;
    this.dirtyCount++;
    this.#nodes.set(block, node);
    return node;
  }

  /**
   * The clean node becomes the dirty one at `block`: its old place is no longer its home, its bytes stay where they
   * are.
   */
  move(node: TreeNode, block: number): void {
    this.#nodes.delete(node.block);
    node.block = block;
    node.dirty = true;
    this.dirtyCount++;
    this.#nodes.set(block, node);
  }

  /** Forgets a node whose blocks were given back. */
  drop(node: TreeNode): void {
    if (node.dirty) this.dirtyCount--;
    node.dirty = false;
    this.#nodes.delete(node.block);
  }

  /** Forgets whatever is held for the node at `block`, clean or not there. */
  forget(block: number): void {
    const node = this.#nodes.get(block);
    if (node !== undefined) this.drop(node);
  }

  clean(node: TreeNode): void {
    node.dirty = false;
    this.dirtyCount--;
  }

  /** Drops clean nodes until the bound holds; called between operations. */
  trim(): void {
    if (this.#nodes.size - this.dirtyCount <= this.#limit) return;
    const target = this.#limit - (this.#limit >> 3);
    for (let round = 0; round < 2 && this.#nodes.size - this.dirtyCount > target; round++) {
      for (const node of this.#nodes.values()) {
        if (node.dirty) continue;
        if (node.recent) {
          node.recent = false;
          continue;
        }
        this.#nodes.delete(node.block);
        if (this.#spare.length < SPARE_MAX) this.#spare.push(node);
        if (this.#nodes.size - this.dirtyCount <= target) return;
      }
    }
  }

  #take(block: number, level: number): TreeNode {
    const node = this.#spare.pop();
    if (node === undefined) return new TreeNode(block, level);
    node.block = block;
    node.level = level;
    node.count = 0;
    node.recent = true;
    return node;
  }

  #read(words: Uint32Array, at: number): TreeNode {
    const block = words[at + POINTER_AT_BLOCK]!;
    const node = this.#take(block, words[at + POINTER_AT_INFO]! & 255);
    const store = this.#store;
    const copies = store.copies(block, NODE_BLOCKS);
    let bad = 0;
    let copy = 0;
    let damaged = false;
    for (; copy < copies; copy++, bad = (bad << 1) | 1) {
      if (!store.readCopy(block, NODE_BLOCKS, copy, node.bytes, 0)) continue;
      if (nodeMatches(node, words, at)) break;
      damaged = true;
      store.countCorrupt(block, copy);
    }
    if (copy === copies && this.readRootCopy(node, words, at)) this.rootCopyUses++;
    else if (copy === copies) {
      store.countLost(block);
      throw new Failure(damaged ? "corrupt-node" : "io", block);
    }
    if (bad !== 0) store.repair(block, NODE_BLOCKS, node.bytes, 0, bad);
    node.count = node.words[NODE_AT_COUNT]!;
    this.#nodes.set(block, node);
    return node;
  }

  /** Reads the second copy of the volume tree's root, if it is that node; false when there is no good one. */
  readRootCopy(node: TreeNode, words: Uint32Array, at: number): boolean {
    if (this.rootCopy === 0 || words[at + POINTER_AT_BLOCK] !== this.rootBlock) return false;
    const store = this.#store;
    try {
      for (let copy = 0; copy < store.copies(this.rootCopy, NODE_BLOCKS); copy++)
        if (store.readCopy(this.rootCopy, NODE_BLOCKS, copy, node.bytes, 0) && nodeMatches(node, words, at))
          return true;
    } catch (thrown) {
      // What names a place that the volume does not have is no copy.
      if (!(thrown instanceof Failure)) throw thrown;
    }
    return false;
  }
}

const SPARE_MAX = 64;

/** True when the node is the one that the pointer means, and its parts lie inside of it. */
export function nodeMatches(node: TreeNode, words: Uint32Array, at: number): boolean {
  const own = node.words;
  if (node.checksum() !== words[at + POINTER_AT_CHECKSUM]) return false;
  if (own[NODE_AT_MAGIC] !== NODE_MAGIC || own[NODE_AT_BLOCK] !== words[at + POINTER_AT_BLOCK]) return false;
  if (
    own[NODE_AT_BIRTH_LOW] !== words[at + POINTER_AT_BIRTH_LOW] ||
    own[NODE_AT_BIRTH_HIGH] !== words[at + POINTER_AT_BIRTH_HIGH]
  )
    return false;
  if (own[NODE_AT_LEVEL] !== node.level) return false;
  const count = own[NODE_AT_COUNT]!;
  // A hostile image carries right checksums: bounds and order are checked all the same, once, here.
  if (node.level > 0) return count > 0 && count <= ENTRIES_MAX && isAscending(own, count, ENTRY_WORDS);
  const values = own[NODE_AT_VALUES]!;
  if (values > NODE_SIZE || (values & 3) !== 0 || NODE_HEADER_SIZE + count * SLOT_WORDS * 4 > values) return false;
  let used = own[NODE_AT_GARBAGE]!;
  for (let slot = NODE_HEADER_WORDS + SLOT_AT_VALUE, end = slot + count * SLOT_WORDS; slot < end; slot += SLOT_WORDS) {
    const value = own[slot]!;
    const offset = value >>> 16;
    // Earlier versions left values of no bytes below the lowest one (FORMAT.md §3).
    const isBelow = offset < values && (value & 0xffff) > 0;
    if (isBelow || (offset & 3) !== 0 || offset + (value & 0xffff) > NODE_SIZE) return false;
    used += ((value & 0xffff) + 3) & ~3;
  }
  // Values that lie in each other, or room that is not there, would be found when the leaf is packed, too late.
  return used <= NODE_SIZE - values && isAscending(own, count, SLOT_WORDS);
}

/** True when the keys of `count` records of `stride` words ascend. */
function isAscending(words: Uint32Array, count: number, stride: number): boolean {
  for (let at = NODE_HEADER_WORDS + stride, end = NODE_HEADER_WORDS + count * stride; at < end; at += stride) {
    const before = at - stride;
    if (words[before]! < words[at]!) continue;
    if (words[before]! > words[at]! || words[before + 1]! > words[at + 1]!) return false;
    if (words[before + 1] === words[at + 1] && words[before + 2]! >= words[at + 2]!) return false;
  }
  return true;
}
