import { Failure } from "../failure.ts";
import { EXTENT_AT_BLOCK, EXTENT_AT_LENGTH } from "../format/extent-item.ts";
import { NODE_BLOCKS } from "../format/geometry.ts";
import { KIND_EXTENT } from "../format/key.ts";
import { ENTRY_AT_POINTER, ENTRY_WORDS, NODE_HEADER_WORDS, POINTER_AT_BLOCK } from "../format/node-layout.ts";
import { slotAt, valueOffset } from "../tree/leaf.ts";
import type { Volume } from "./volume.ts";

/**
 * Takes away one owner of the tree under `pointer`, whose nodes are all clean. Where a node has other owners, what is below
 * it stays; else its children lose one owner each, and it is free. Throws Failure.
 */
export function dropTree(volume: Volume, pointer: Uint32Array, at = 0, levels = 255): void {
  const block = pointer[at + POINTER_AT_BLOCK]!;
  // All of a base's tree is in the base: nothing of it is ours to free.
  if (block < volume.store.topStart) return;
  if (volume.references.isShared(block)) {
    volume.references.release(block, NODE_BLOCKS);
    return;
  }
  const node = volume.cache.load(pointer, at);
  if (node.level >= levels) throw new Failure("corrupt-node", block);
  if (node.level > 0) {
    for (let index = 0; index < node.count; index++) dropTree(volume, node.words, NODE_HEADER_WORDS + index * ENTRY_WORDS + ENTRY_AT_POINTER, node.level);
  } else {
    for (let slot = 0; slot < node.count; slot++) {
      if (node.words[slotAt(slot) + 1]! >>> 24 !== KIND_EXTENT) continue;
      const value = valueOffset(node, slot) >>> 2;
      volume.references.release(node.words[value + EXTENT_AT_BLOCK]!, node.words[value + EXTENT_AT_LENGTH]! >>> 16);
    }
  }
  volume.cache.drop(node);
  volume.references.release(block, NODE_BLOCKS);
}
