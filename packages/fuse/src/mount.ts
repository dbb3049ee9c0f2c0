/**
 * What requests are served with. A node of the kernel is an inode and a tree: the low word is the engine's inode
 * number, the high one 0 for the subvolume that is mounted, the number of another subvolume (a snapshot, seen through
 * `.snapshots`), or `VIRTUAL_TREE`. No table leads from one to the other.
 */
import type { Subvolume, Volume } from "@stratos/aegisfs";
import type { Agreement } from "./agreement.ts";
import type { Exchange } from "./exchange.ts";
import type { KernelCaches } from "./kernel-caches.ts";
import type { LostWrites } from "./lost-writes.ts";
import type { ParkedRequests } from "./parked-requests.ts";
import type { SyncCallers } from "./sync-callers.ts";
import { OPCODES } from "@stratos/abi/fuse";

/** The tree of names that are ours, and no file's. */
export const VIRTUAL_TREE = 0xffffffff;

export interface Mount {
  readonly exchange: Exchange;
  readonly volume: Volume;
  /** The subvolume that is mounted. */
  readonly files: Subvolume;
  readonly settings: MountSettings;
  readonly agreement: Agreement;
  readonly caches: KernelCaches;
  /** What has to see all writes, and waits for those that the kernel has gathered. */
  readonly parked: ParkedRequests;
  readonly lost: LostWrites;
  readonly syncs: SyncCallers;
  readonly statistics: Statistics;
  /** null: the root has no names but the volume's. */
  readonly controlNames: ControlNames | null;
}

interface MountSettings {
  readonly writebackCache: boolean;
  readonly accessTimes: "relative" | "strict" | "never";
  readonly folderAccessTimes: boolean;
  readonly checksPermissions: boolean;
}

/** Names that the root has beside the volume's own (snapshot-folder.ts). */
export interface ControlNames {
  /** Is that name in the folder of the request at hand, if it is the root, ours? */
  isReserved(name: string): boolean;
  /** Answers a LOOKUP in the root; 0 when the name is none of ours. */
  lookupInRoot(name: string): number;
}

export class Statistics {
  /** Requests by opcode. */
  readonly handled = new Float64Array(OPCODES);
  /** Flushes for callers of fsync: each serves all who waited. */
  flushes = 0;
  /** Commits that the clock asked for, and those of them that failed. */
  timedCommits = 0;
  failedCommits = 0;
}

/** The subvolume of a node's high word; null when it is none of the volume's. */
export function treeOf(mount: Mount, tree: number): Subvolume | null {
  if (tree === 0) return mount.files;
  return tree === VIRTUAL_TREE || mount.controlNames === null ? null : mount.volume.subvolume(tree);
}
