/**
 * What is said of a volume to whoever asks, a command, a program over REST or a page: shapes alone, which need nothing
 * of the host.
 */
export interface VolumeSpace {
  readonly volume: string;
  readonly label: string;
  readonly sizeBytes: number;
  readonly usedBytes: number;
  /** What new files can take; less than the rest, which trees need to be changed at all. */
  readonly freeBytes: number;
  readonly files: number;
  readonly snapshots: number;
}

/** Of the scrub that runs, or of the last. */
export interface ScrubState {
  readonly running: boolean;
  /** It has come to the end; blocks that were freed meanwhile it has not read. */
  readonly finished: boolean;
  readonly verifiedBytes: number;
  readonly totalBytes: number;
  readonly repairedBlocks: number;
  readonly lostBlocks: number;
}

export interface SnapshotEntry {
  readonly id: number;
  readonly name: string;
  /** The snapshot that it goes on from, null for none: snapshots form a tree. */
  readonly parent: string | null;
  readonly children: readonly string[];
  readonly createdAt: string;
  readonly writable: boolean;
  /** It is being received: its files are not whole yet. */
  readonly incomplete: boolean;
  /** The live files, which are no snapshot. */
  readonly live: boolean;
  readonly label: string;
  readonly files: number;
}

/** How many snapshots of each period are kept. */
export interface SnapshotSchedule {
  readonly hourly: number;
  readonly daily: number;
  readonly weekly: number;
  readonly monthly: number;
}

export interface PropertyWords {
  /** `none`, `lz4` or `zstd`, or one with `:LEVEL`. */
  readonly compression: string;
  readonly dedupe: string;
  readonly tier: string;
}

/** What holds for it, and what it has of its own; the rest is `inherit`. */
export interface ListedProperties extends PropertyWords {
  readonly own: PropertyWords;
}

/** Where files lie, the hottest first. */
export interface ListedTiers {
  readonly fast: { readonly sizeBytes: number; readonly freeBytes: number };
  /** Of size 0 where no device is slow. */
  readonly slow: { readonly sizeBytes: number; readonly freeBytes: number };
  readonly files: readonly {
    /** Null: no live file, or none that has a name. */
    readonly path: string | null;
    readonly subvolume: number;
    readonly inode: number;
    /** Mean accesses in a week. */
    readonly heat: number;
    /** `fast`, `slow`, `any` or `inherit`: what was asked for. */
    readonly tier: string;
    readonly fastBytes: number;
    readonly slowBytes: number;
  }[];
}

/** 0 is none. */
export interface QuotaLimits {
  readonly softBytes: number;
  readonly hardBytes: number;
  readonly softInodes: number;
  readonly hardInodes: number;
}

export interface ListedQuota extends QuotaLimits {
  readonly kind: "user" | "group" | "project";
  readonly id: number;
  /** As this host knows the owner; null for projects and strangers. */
  readonly name: string | null;
  readonly usedBytes: number;
  readonly inodes: number;
}
