import { NODE_BLOCKS, NODE_SIZE } from "../format/geometry.ts";
import type { BlockStore } from "../store/block-store.ts";
import type { TreeNode } from "./node-cache.ts";

const STAGING_NODES = 64;
const staging = new Uint8Array(STAGING_NODES * NODE_SIZE);

/** Writes nodes in order of place, neighbours together. */
export function writeNodes(store: BlockStore, nodes: TreeNode[]): void {
  nodes.sort((a, b) => a.block - b.block);
  for (let first = 0; first < nodes.length;) {
    let last = first + 1;
    while (
      last < nodes.length &&
      last - first < STAGING_NODES &&
      nodes[last]!.block === nodes[last - 1]!.block + NODE_BLOCKS
    )
      last++;
    if (last === first + 1) store.write(nodes[first]!.block, NODE_BLOCKS, nodes[first]!.bytes, 0);
    else {
      for (let index = first; index < last; index++) staging.set(nodes[index]!.bytes, (index - first) * NODE_SIZE);
      store.write(nodes[first]!.block, (last - first) * NODE_BLOCKS, staging, 0);
    }
    first = last;
  }
}
