import type { Superblock } from "../format/superblock.ts";
import type { BlockStore } from "../store/block-store.ts";
import type { NodeCache } from "../tree/node-cache.ts";
import type { Tree } from "../tree/tree.ts";
import type { References } from "./references.ts";
import type { SpaceMap } from "./space-map.ts";

/** The blocks of a volume: where they are, which are free, and who owns them. */
export interface VolumeSpace {
  readonly store: BlockStore;
  readonly superblock: Superblock;
  /** Nodes in memory. */
  readonly cache: NodeCache;
  /** The volume tree: subvolumes, bitmaps, owners. */
  readonly tree: Tree;
  readonly space: SpaceMap;
  readonly references: References;
  /** Generation that the running transaction will have. */
  readonly generation: number;
}
