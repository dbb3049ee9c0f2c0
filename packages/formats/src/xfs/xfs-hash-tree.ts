/**
 * The tree that finds names in large folders and attributes of files that have many: leaves in the order of hashes, and
 * nodes that say the last hash of each block below. Its root is the first block of its part of the file. Source: Linux
 * fs/xfs/libxfs/xfs_da_format.h.
 */
import { viewOf } from "../disk/disk.ts";
import { BLOCK_SIZE } from "./xfs-geometry.ts";

const NODE_MAGIC = 0x3ebe;
export const HASHED_HEADER = 64;
const NODE_ENTRIES = (BLOCK_SIZE - HASHED_HEADER) / 8;

/** A leaf, all but its place among the others. */
export interface HashLeaf {
  readonly bytes: Uint8Array;
  readonly lastHash: number;
}

/**
 * @param base  number of the root's block in the file
 * @returns blocks from `base` on, not sealed: the root, then all others
 */
export function hashTree(leaves: readonly HashLeaf[], base: number): Uint8Array[] {
  if (leaves.length === 1) return [leaves[0]!.bytes];
  const blocks: Uint8Array[] = [];
  // The root's number is taken before those below it have theirs.
  let level = leaves.map(({ bytes, lastHash }, index) => {
    blocks.push(bytes);
    return { number: base + 1 + index, bytes, lastHash };
  });
  for (let height = 1; ; height++) {
    link(level);
    const nodes: typeof level = [];
    for (let at = 0; at < level.length; at += NODE_ENTRIES) {
      const children = level.slice(at, at + NODE_ENTRIES),
        bytes = new Uint8Array(BLOCK_SIZE),
        view = viewOf(bytes);
      view.setUint16(8, NODE_MAGIC);
      view.setUint16(56, children.length);
      view.setUint16(58, height);
      children.forEach(({ number, lastHash }, index) => {
        view.setUint32(HASHED_HEADER + index * 8, lastHash);
        view.setUint32(HASHED_HEADER + index * 8 + 4, number);
      });
      nodes.push({ number: 0, bytes, lastHash: children.at(-1)!.lastHash });
    }
    if (nodes.length === 1) return [nodes[0]!.bytes, ...blocks];
    for (const node of nodes) {
      node.number = base + 1 + blocks.length;
      blocks.push(node.bytes);
    }
    level = nodes;
  }
}

/** Each block of a level knows its neighbours. */
function link(level: readonly { readonly number: number; readonly bytes: Uint8Array }[]): void {
  level.forEach(({ bytes }, index) => {
    viewOf(bytes).setUint32(0, level[index + 1]?.number ?? 0);
    viewOf(bytes).setUint32(4, level[index - 1]?.number ?? 0);
  });
}
