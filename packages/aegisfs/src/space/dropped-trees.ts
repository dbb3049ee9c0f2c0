/**
 * Trees that nobody uses any more. Deleting a subvolume and rolling back take constant time: the root of what is no
 * longer needed is put on a list in the volume tree (FORMAT.md §10), and freed in steps of bounded size, each a
 * transaction like any other.
 *
 * A node on the list has one owner, the list. Where a subtree has others, its owner here is taken away at once, so that
 * no node can be listed twice. A step stops wherever its bound says, in the middle of a leaf if need be: what is left
 * of each node on the way is written anew and listed. So even the last free space of a volume is enough to free what it
 * holds.
 */
import { Failure } from "../failure.ts";
import { EXTENT_AT_BLOCK, EXTENT_AT_LENGTH } from "../format/extent-item.ts";
import { NODE_BLOCKS } from "../format/geometry.ts";
import { KIND_DROPPED, KIND_EXTENT, keyMiddle } from "../format/key.ts";
import {
  ENTRY_AT_POINTER,
  ENTRY_WORDS,
  NODE_HEADER_WORDS,
  POINTER_AT_BLOCK,
  POINTER_AT_INFO,
  POINTER_WORDS,
} from "../format/node-layout.ts";
import { TreeNode } from "../tree/node-cache.ts";
import { writeSigned } from "../tree/signed-node.ts";
import { leafRemove, slotAt, valueOffset } from "../tree/leaf.ts";
import type { VolumeSpace } from "./volume-space.ts";

const MIDDLE = keyMiddle(KIND_DROPPED, 0);

/**
 * Takes one owner away from the tree under `pointer`, whose nodes are clean, and lists it when that was the last.
 * Throws Failure.
 */
export function dropLater(volume: VolumeSpace, pointer: Uint32Array, at = 0): void {
  const block = pointer[at + POINTER_AT_BLOCK]!;
  if (block < volume.store.topStart) return;
  if (volume.references.isShared(block)) {
    volume.references.release(block, NODE_BLOCKS);
    return;
  }
  list(volume, pointer.slice(at, at + POINTER_WORDS));
}

function list({ tree }: VolumeSpace, pointer: Uint32Array): void {
  const offset = tree.insert(0, MIDDLE, pointer[POINTER_AT_BLOCK]!, POINTER_WORDS * 4) >>> 2;
  tree.words.set(pointer, offset);
}

/** Pointers to all listed trees. Throws Failure. */
export function droppedRoots(volume: VolumeSpace): Uint32Array[] {
  const roots: Uint32Array[] = [];
  const { tree } = volume;
  for (let more = tree.ceiling(0, MIDDLE, 0); more && tree.key(0) === 0 && tree.key(1) === MIDDLE; more = tree.next())
    roots.push(listedPointer(volume));
  return roots;
}

/**
 * Takes away up to `units` owners of what the listed trees hold: nodes and extents. Inside a transaction.
 *
 * @returns false when nothing is listed; throws Failure
 */
export function reclaimStep(volume: VolumeSpace, units: number): boolean {
  const pointer = smallestListed(volume);
  if (pointer === null) return false;
  volume.tree.remove(0, MIDDLE, pointer[POINTER_AT_BLOCK]!);
  drop(volume, pointer, 0, 255, { left: units });
  return true;
}

/** The listed node of the lowest level: what steps left unfinished goes first, so that the list stays short. */
function smallestListed(volume: VolumeSpace): Uint32Array | null {
  const { tree } = volume;
  let smallest: Uint32Array | null = null;
  for (let more = tree.ceiling(0, MIDDLE, 0); more && tree.key(0) === 0 && tree.key(1) === MIDDLE; more = tree.next()) {
    const pointer = listedPointer(volume);
    if (smallest === null || levelOf(pointer) < levelOf(smallest)) smallest = pointer;
    if (levelOf(smallest) === 0) break;
  }
  return smallest;
}

function levelOf(pointer: Uint32Array): number {
  return pointer[POINTER_AT_INFO]! & 255;
}

/**
 * Takes away one owner of the node that `pointer[at …)` names and, when that was the last, of what it refers to, as far
 * as the bound goes; what is left is listed.
 */
function drop(volume: VolumeSpace, pointer: Uint32Array, at: number, levels: number, bound: { left: number }): void {
  const { cache, references, store } = volume;
  const block = pointer[at + POINTER_AT_BLOCK]!;
  // All of a base's tree is in the base: nothing of it is ours to free.
  if (block < store.topStart) return;
  bound.left--;
  if (references.isShared(block)) {
    references.release(block, NODE_BLOCKS);
    return;
  }
  const node = cache.load(pointer, at);
  if (node.level >= levels) throw new Failure("corrupt-node", block);
  const left = node.level > 0 ? dropChildren(volume, node, bound) : dropExtents(volume, node, bound);
  if (left > 0) listRest(volume, node, left);
  cache.drop(node);
  references.release(block, NODE_BLOCKS);
}

/** Returns how many children are left, from the first on. */
function dropChildren(volume: VolumeSpace, node: TreeNode, bound: { left: number }): number {
  let left = node.count;
  while (left > 0 && bound.left > 0) {
    left--;
    drop(volume, node.words, NODE_HEADER_WORDS + left * ENTRY_WORDS + ENTRY_AT_POINTER, node.level, bound);
  }
  return left;
}

/** The same of the items of a leaf. */
function dropExtents({ references }: VolumeSpace, node: TreeNode, bound: { left: number }): number {
  let left = node.count;
  for (; left > 0; left--) {
    if (node.words[slotAt(left - 1) + 1]! >>> 24 !== KIND_EXTENT) continue;
    if (bound.left <= 0) break;
    bound.left--;
    const value = valueOffset(node, left - 1) >>> 2;
    references.release(node.words[value + EXTENT_AT_BLOCK]!, node.words[value + EXTENT_AT_LENGTH]! >>> 16);
  }
  return left;
}

/** Lists a node with the first `count` of what the given one, which goes, refers to. */
function listRest(volume: VolumeSpace, node: TreeNode, count: number): void {
  const rest = new TreeNode(0, node.level);
  rest.bytes.set(node.bytes);
  rest.count = node.count;
  if (node.level > 0) {
    rest.words.fill(0, NODE_HEADER_WORDS + count * ENTRY_WORDS);
    rest.count = count;
  } else while (rest.count > count) leafRemove(rest, rest.count - 1);
  list(volume, writeSigned(volume.store, rest, volume.space.allocateNode(), volume.generation));
}

function listedPointer({ tree }: VolumeSpace): Uint32Array {
  const at = tree.offset >>> 2;
  if (tree.length !== POINTER_WORDS * 4 || tree.words[at + POINTER_AT_BLOCK] !== tree.key(2))
    throw new Failure("corrupt-node", tree.leaf.block);
  return tree.words.slice(at, at + POINTER_WORDS);
}
