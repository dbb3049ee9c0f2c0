/** What callers may ask for when they mount, and what they learn of a volume. */
import type { CodecPool, CompressionCodec } from "@stratos/host";

export interface MountOptions {
  readOnly?: boolean;
  /** `sync` and `fsync` do nothing, commits happen for space and memory alone: for a clone that nobody keeps. */
  volatile?: boolean;
  /**
   * Bytes of memory for all that is kept of the volume, at least 16 MiB; default 128 MiB. What the following say comes
   * before its share of that.
   */
  cacheBytes?: number;
  /** Clean tree nodes (16 KiB each) kept in memory; default 1024. */
  cacheNodes?: number;
  /** Dirty nodes at which a commit is made; default 512. */
  dirtyNodes?: number;
  /** Inodes (about 200 bytes each) and names (about 120) kept in memory; default 32768 and 65536. */
  cacheInodes?: number;
  cacheEntries?: number;
  /** Pages of file content (4 KiB each) kept in memory; default 20480 (80 MiB). */
  cachePages?: number;
  /** Leave the intent log aside, and show the state of the last commit (with `readOnly` only). */
  ignoreLog?: boolean;
  /** False: `fsync` commits. Default true. */
  intentLog?: boolean;
  /** Changes of inodes or names that may wait in memory; default 32768. */
  pendingChanges?: number;
  /** Time of the mount, for what it has to stamp. */
  seconds?: number;
  /** Mount although devices are missing, if each block has a copy on another. */
  degraded?: boolean;
  /** Leave everything as it is found, damaged or not: for check and repair. */
  asFound?: boolean;
  /** Leave files without a name to the caller, who knows of some that are in use, and calls `freeOrphans`. */
  keepsOrphans?: boolean;
  /** The newest state that is older than this generation: for repair. */
  olderThan?: number;
  /** Compression formats of the host; LZ4 is built in. */
  codecs?: readonly CompressionCodec[];
  /** Who compresses and decompresses several units at once; default: one after the other. */
  codecPool?: CodecPool;
}

/**
 * For who serves others on the same thread (docs/decisions/0015): a commit settles and writes all that waits in one
 * piece, at the worst a node for each change. With these the longest takes less than 20 ms of a core, instead of 180.
 * It has a price: a file made takes some 8 µs more (10 before), a change here and there some 50.
 */
export const GUEST_LIMITS: MountOptions = { pendingChanges: 320, dirtyNodes: 256 };

export const CACHE_BYTES_DEFAULT: number = 128 * 2 ** 20;
export const CACHE_BYTES_MIN: number = 16 * 2 ** 20;
/** What a mounted volume needs besides: bitmaps, tables, buffers of work, and the objects and code around all of it. */
const FIXED_BYTES = 8 * 2 ** 20;

/** Most changes that wait, however much memory there is: settling them is to take no more than a moment. */
const PENDING_CHANGES = 32768;

interface CacheLimits {
  readonly nodes: number;
  readonly dirtyNodes: number;
  readonly inodes: number;
  readonly entries: number;
  readonly names: number;
  readonly pages: number;
  readonly pending: number;
}

/**
 * How `cacheBytes` are divided, 8 MiB put aside: two thirds for pages, an eighth for clean nodes, a sixteenth for dirty
 * ones, an eighth for inodes, entries of folders and names that were listed. That it holds is measured by
 * `npm run bench -- --only aegisfs-memory`.
 */
export function cacheLimits(options: MountOptions): CacheLimits {
  const share =
    (Math.max(CACHE_BYTES_MIN, options.cacheBytes ?? CACHE_BYTES_DEFAULT) - FIXED_BYTES) /
    (CACHE_BYTES_DEFAULT - FIXED_BYTES);
  return {
    nodes: options.cacheNodes ?? Math.floor(share * 1024),
    dirtyNodes: options.dirtyNodes ?? Math.floor(share * 512),
    inodes: options.cacheInodes ?? Math.floor(share * 32768),
    entries: options.cacheEntries ?? Math.floor(share * 65536),
    names: Math.floor(share * 65536),
    pending: Math.min(options.pendingChanges ?? PENDING_CHANGES, Math.floor(share * PENDING_CHANGES), PENDING_CHANGES),
    pages: Math.max(4, options.cachePages ?? Math.floor(share * 20480)),
  };
}

/** Usage in blocks of 4096 bytes. */
export interface VolumeUsage {
  blocks: number;
  /** What files may still take. */
  freeBlocks: number;
  /** What nothing is stored in: more than that, since the volume keeps room for its own changes. */
  unusedBlocks: number;
  inodes: number;
}

export interface SubvolumeInfo {
  id: number;
  name: string;
  readOnly: boolean;
  parent: number;
  seconds: number;
  inodes: number;
  label: string;
  base: number;
}
