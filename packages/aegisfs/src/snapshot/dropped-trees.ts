/**
 * Trees that nobody uses any more. Deleting a subvolume and rolling back take constant time: the root of what is no longer needed is put on
 * a list in the volume tree (FORMAT.md §10), and freed in steps of bounded size, each a transaction like any other.
 *
 * A node on the list has one owner, the list. Where a subtree has others, its owner here is taken away at once, so that no node
 * can be listed twice.
 */
import { Failure } from "../failure.ts";
import { NODE_BLOCKS } from "../format/geometry.ts";
import { KIND_DROPPED, keyMiddle } from "../format/key.ts";
import { ENTRY_AT_POINTER, ENTRY_WORDS, NODE_HEADER_WORDS, POINTER_AT_BLOCK, POINTER_WORDS } from "../format/node-layout.ts";
import { dropTree } from "../volume/drop-tree.ts";
import type { Volume } from "../volume/volume.ts";

const MIDDLE = keyMiddle(KIND_DROPPED, 0);

/** Takes one owner away from the tree under `pointer`, whose nodes are clean, and lists it when that was the last. Throws Failure. */
export function dropLater(volume: Volume, pointer: Uint32Array, at = 0): void {
  const block = pointer[at + POINTER_AT_BLOCK]!;
  if (block < volume.store.topStart) return;
  if (volume.references.isShared(block)) {
    volume.references.release(block, NODE_BLOCKS);
    return;
  }
  const words = pointer.slice(at, at + POINTER_WORDS);
  const offset = volume.tree.insert(0, MIDDLE, block, POINTER_WORDS * 4) >>> 2;
  volume.tree.words.set(words, offset);
}

/** Pointers to all listed trees. Throws Failure. */
export function droppedRoots(volume: Volume): Uint32Array[] {
  const roots: Uint32Array[] = [];
  const { tree } = volume;
  for (let more = tree.ceiling(0, MIDDLE, 0); more && tree.key(0) === 0 && tree.key(1) === MIDDLE; more = tree.next()) roots.push(listedPointer(volume));
  return roots;
}

/** Frees one subtree of up to two levels, or takes a higher node apart. Inside a transaction. @returns false when nothing is listed; throws Failure */
export function reclaimStep(volume: Volume): boolean {
  const { tree, cache, references } = volume;
  if (!tree.ceiling(0, MIDDLE, 0) || tree.key(0) !== 0 || tree.key(1) !== MIDDLE) return false;
  const pointer = listedPointer(volume);
  const block = pointer[POINTER_AT_BLOCK]!;
  const node = cache.load(pointer, 0);
  tree.remove(0, MIDDLE, block);
  if (node.level <= 1) {
    dropTree(volume, pointer);
    return true;
  }
  for (let index = 0; index < node.count; index++) dropLater(volume, node.words, NODE_HEADER_WORDS + index * ENTRY_WORDS + ENTRY_AT_POINTER);
  cache.drop(node);
  references.release(block, NODE_BLOCKS);
  return true;
}

function listedPointer({ tree }: Volume): Uint32Array {
  const at = tree.offset >>> 2;
  if (tree.length !== POINTER_WORDS * 4 || tree.words[at + POINTER_AT_BLOCK] !== tree.key(2)) throw new Failure("corrupt-node", tree.leaf.block);
  return tree.words.slice(at, at + POINTER_WORDS);
}
