/**
 * The items in which two trees differ, in the order of their keys. What both trees share (a subtree under equal
 * pointers) is skipped without being read, so that comparing costs what was changed, not what there is.
 *
 * Two cursors walk side by side. Each stands before a *unit*: a subtree that was not entered yet, or an item. Two equal
 * subtrees are passed at once; otherwise the one that begins first, or the higher one, is entered.
 */
import { Failure } from "../failure.ts";
import {
  ENTRY_AT_POINTER,
  ENTRY_WORDS,
  NODE_HEADER_WORDS,
  POINTER_AT_BIRTH_HIGH,
  POINTER_AT_BIRTH_LOW,
  POINTER_AT_BLOCK,
  POINTER_AT_INFO,
  SLOT_WORDS,
} from "../format/node-layout.ts";
import type { NodeCache, TreeNode } from "../store/node-cache.ts";
import { lowerBound, valueLength, valueOffset } from "../tree/leaf.ts";
import type { Volume } from "../volume/volume.ts";

export type Key = readonly [number, number, number];
export const KEY_MIN: Key = [0, 0, 0];

/** An item of one of the trees: its value is `bytes[offset …)`, valid until the visitor returns. */
export interface ItemView {
  readonly node: TreeNode;
  readonly offset: number;
  readonly length: number;
}

/**
 * Is told of each item that is in one tree only, or in both with different values. `true` ends the walk before the next
 * item.
 */
type DifferenceVisitor = (key: Key, left: ItemView | null, right: ItemView | null) => boolean | void;

/** Nodes that a walk may hold in memory beyond the cache's bound, before it stops to let them go. */
const NODES_AT_ONCE = 512;

/**
 * Tells the differences at or after `from`.
 *
 * @param left   pointer to a root; null: a tree without items
 * @returns where to go on, after the volume has ended what it was doing (its cache is trimmed then), or null at the
 *   end. Throws Failure
 */
export function compareTrees(
  volume: Volume,
  left: Uint32Array | null,
  right: Uint32Array | null,
  from: Key,
  visit: DifferenceVisitor,
): Key | null {
  const a = new TreeCursor(volume.cache, left, from);
  const b = new TreeCursor(volume.cache, right, from);
  while (!a.isDone || !b.isDone) {
    if (a.loaded + b.loaded > NODES_AT_ONCE) {
      const next = b.isDone || (!a.isDone && compareKeys(a, b) < 0) ? a : b;
      const key: Key = [next.k0, next.k1, next.k2];
      // Both stand behind `from`, or nothing would ever be done.
      if (key[0] !== from[0] || key[1] !== from[1] || key[2] !== from[2]) return key;
    }
    const order = a.isDone ? 1 : b.isDone ? -1 : compareKeys(a, b);
    const aIsTree = !a.isDone && a.level >= 0;
    const bIsTree = !b.isDone && b.level >= 0;
    if (aIsTree && bIsTree && a.isSameTree(b)) {
      a.skip();
      b.skip();
    } else if (aIsTree && (order < 0 || (order === 0 && a.level >= b.level))) {
      // Of two on one level both are entered, each in its turn.
      a.enter();
    } else if (bIsTree && order >= 0) b.enter();
    else if (order !== 0) {
      const stop = order < 0 ? visit([a.k0, a.k1, a.k2], a.item(), null) : visit([b.k0, b.k1, b.k2], null, b.item());
      const key: Key = order < 0 ? [a.k0, a.k1, a.k2] : [b.k0, b.k1, b.k2];
      (order < 0 ? a : b).skip();
      if (stop === true) return keyAfter(key);
    } else {
      const key: Key = [a.k0, a.k1, a.k2];
      const one = a.item();
      const other = b.item();
      const stop = isEqual(one, other) ? false : visit(key, one, other);
      a.skip();
      b.skip();
      if (stop === true) return keyAfter(key);
    }
  }
  return null;
}

export function keyAfter([k0, k1, k2]: Key): Key | null {
  if (k2 !== 0xffffffff) return [k0, k1, k2 + 1];
  if (k1 !== 0xffffffff) return [k0, k1 + 1, 0];
  return k0 === 0xffffffff ? null : [k0 + 1, 0, 0];
}

function compareKeys(a: TreeCursor, b: TreeCursor): number {
  return a.k0 - b.k0 || a.k1 - b.k1 || a.k2 - b.k2;
}

function isEqual(one: ItemView, other: ItemView): boolean {
  if (one.length !== other.length) return false;
  const a = one.node.bytes;
  const b = other.node.bytes;
  for (let at = 0; at < one.length; at++) if (a[one.offset + at] !== b[other.offset + at]) return false;
  return true;
}

class TreeCursor {
  readonly #cache: NodeCache;
  readonly #nodes: TreeNode[] = [];
  readonly #indices: number[] = [];
  /** The pointer of the unit, when it is a tree. */
  #words: Uint32Array;
  #at = 0;
  isDone: boolean;
  /** Level of the node that the unit is; −1 for an item. */
  level = 0;
  /** Key of the item, or a bound below all keys of the subtree. */
  k0 = 0;
  k1 = 0;
  k2 = 0;
  loaded = 0;

  constructor(cache: NodeCache, root: Uint32Array | null, from: Key) {
    this.#cache = cache;
    this.isDone = root === null;
    this.#words = root ?? new Uint32Array(0);
    if (root === null) return;
    this.level = root[POINTER_AT_INFO]! & 255;
    if (from[0] !== 0 || from[1] !== 0 || from[2] !== 0) this.#seek(from);
  }

  isSameTree(other: TreeCursor): boolean {
    const a = this.#words;
    const b = other.#words;
    return (
      a[this.#at + POINTER_AT_BLOCK] === b[other.#at + POINTER_AT_BLOCK] &&
      a[this.#at + POINTER_AT_BIRTH_LOW] === b[other.#at + POINTER_AT_BIRTH_LOW] &&
      a[this.#at + POINTER_AT_BIRTH_HIGH] === b[other.#at + POINTER_AT_BIRTH_HIGH]
    );
  }

  item(): ItemView {
    const node = this.#nodes.at(-1)!;
    const slot = this.#indices.at(-1)!;
    return { node, offset: valueOffset(node, slot), length: valueLength(node, slot) };
  }

  /** The first unit in the subtree. */
  enter(): void {
    this.#push();
    this.#indices.push(0);
    this.#settle(true);
  }

  /** The unit behind this one. */
  skip(): void {
    const last = this.#indices.length - 1;
    if (last < 0) {
      this.isDone = true;
      return;
    }
    this.#indices[last]!++;
    this.#settle(false);
  }

  #push(): TreeNode {
    const node = this.#cache.load(this.#words, this.#at);
    if (node.level !== this.level) throw new Failure("corrupt-node", node.block);
    this.loaded++;
    this.#nodes.push(node);
    return node;
  }

  #seek(from: Key): void {
    while (this.level >= 0) {
      const node = this.#push();
      let index = lowerBound(
        node.words,
        node.count,
        node.level > 0 ? ENTRY_WORDS : SLOT_WORDS,
        from[0],
        from[1],
        from[2],
      );
      if (node.level > 0 && (index === node.count || !isKey(node, index, from))) index = Math.max(0, index - 1);
      this.#indices.push(index);
      this.#settle(true);
      if (this.isDone || node.level === 0) return;
    }
  }

  /**
   * Reads the unit at the position; leaves nodes that are exhausted. @param keepsBound  a first entry stands for all
   * keys from the bound on
   */
  #settle(keepsBound: boolean): void {
    for (;;) {
      const last = this.#indices.length - 1;
      if (last < 0) {
        this.isDone = true;
        return;
      }
      const node = this.#nodes[last]!;
      const index = this.#indices[last]!;
      if (index >= node.count) {
        this.#nodes.pop();
        this.#indices.pop();
        if (last > 0) this.#indices[last - 1]!++;
        keepsBound = false;
        continue;
      }
      const at = NODE_HEADER_WORDS + index * (node.level > 0 ? ENTRY_WORDS : SLOT_WORDS);
      if (node.level === 0 || index > 0 || !keepsBound) {
        this.k0 = node.words[at]!;
        this.k1 = node.words[at + 1]!;
        this.k2 = node.words[at + 2]!;
      }
      this.level = node.level - 1;
      if (node.level > 0) {
        this.#words = node.words;
        this.#at = at + ENTRY_AT_POINTER;
      } else this.level = -1;
      return;
    }
  }
}

function isKey(node: TreeNode, index: number, key: Key): boolean {
  const at = NODE_HEADER_WORDS + index * ENTRY_WORDS;
  return node.words[at] === key[0] && node.words[at + 1] === key[1] && node.words[at + 2] === key[2];
}
