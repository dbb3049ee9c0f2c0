/** Nodes that are written at once, beside a transaction's dirty ones, which a commit writes. */
import { NODE_BLOCKS } from "../format/geometry.ts";
import {
  NODE_AT_BIRTH_HIGH,
  NODE_AT_BIRTH_LOW,
  NODE_AT_BLOCK,
  NODE_AT_COUNT,
  NODE_AT_LEVEL,
  NODE_AT_MAGIC,
  NODE_MAGIC,
  POINTER_AT_BIRTH_HIGH,
  POINTER_AT_BIRTH_LOW,
  POINTER_AT_BLOCK,
  POINTER_AT_CHECKSUM,
  POINTER_AT_INFO,
  POINTER_WORDS,
} from "../format/node-layout.ts";
import type { BlockStore } from "../store/block-store.ts";
import type { TreeNode } from "./node-cache.ts";

/**
 * Signs the node and writes it to the free blocks at `block`; returns the pointer that vouches for it. Throws Failure
 * `io`.
 */
export function writeSigned(store: BlockStore, node: TreeNode, block: number, generation: number): Uint32Array {
  const { words } = node;
  const high = Math.floor(generation / 0x100000000);
  words[NODE_AT_MAGIC] = NODE_MAGIC;
  words[NODE_AT_LEVEL] = node.level;
  words[NODE_AT_COUNT] = node.count;
  words[NODE_AT_BLOCK] = block;
  words[NODE_AT_BIRTH_LOW] = generation >>> 0;
  words[NODE_AT_BIRTH_HIGH] = high;
  store.write(block, NODE_BLOCKS, node.bytes, 0);
  const pointer = new Uint32Array(POINTER_WORDS);
  pointer[POINTER_AT_BLOCK] = block;
  pointer[POINTER_AT_BIRTH_LOW] = generation >>> 0;
  pointer[POINTER_AT_BIRTH_HIGH] = high;
  pointer[POINTER_AT_INFO] = node.level;
  pointer[POINTER_AT_CHECKSUM] = node.checksum();
  return pointer;
}
