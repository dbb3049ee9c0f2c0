/** What callers may ask for when they mount, and what they learn of a volume. */
import type { CodecPool, CompressionCodec } from "@stratos/host";

export interface MountOptions {
  readOnly?: boolean;
  /** `sync` and `fsync` do nothing, commits happen for space and memory alone: for a clone that nobody keeps. */
  volatile?: boolean;
  /** Clean tree nodes (16 KiB each) kept in memory; default 1280. */
  cacheNodes?: number;
  /** Dirty nodes at which a commit is made; default 1024. */
  dirtyNodes?: number;
  /** Inodes (about 200 bytes each) and names (about 120) kept in memory; default 32768 and 65536. */
  cacheInodes?: number;
  cacheEntries?: number;
  /** Pages of file content (4 KiB each) kept in memory; default 23552 (92 MiB). With the nodes and the rest that makes 128 MiB. */
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
  /** Compression formats of the host; LZ4 is built in. */
  codecs?: readonly CompressionCodec[];
  /** Who compresses and decompresses several units at once; default: one after the other. */
  codecPool?: CodecPool;
}

/** Usage in blocks of 4096 bytes. */
export interface VolumeUsage { blocks: number; freeBlocks: number; inodes: number }

export interface SubvolumeInfo { id: number; name: string; readOnly: boolean; parent: number; seconds: number; inodes: number; label: string; base: number }
