/**
 * What operations on files know of the subvolume that they are in, and of its volume. `Subvolume` and `Volume` are
 * these; as types they stand here, so that nothing below the volume reaches up to it.
 */
import type { Acl } from "@stratos/abi";
import type { EntryTable } from "../cache/entry-table.ts";
import type { InodeTable } from "../cache/inode-table.ts";
import type { Listings } from "../cache/listings.ts";
import type { PageTable } from "../cache/page-table.ts";
import type { ExtentContent } from "../codec/extent-content.ts";
import type { VolumeSpace } from "../space/volume-space.ts";
import type { WriteIndex } from "../space/write-index.ts";
import type { Tree } from "../tree/tree.ts";

/** A tree of files: a subvolume. */
export interface FileTree {
  readonly volume: FileVolume;
  readonly tree: Tree;
  readonly id: number;
  readonly readOnly: boolean;
  /** Its name in the caches; a rollback renews it. */
  readonly cacheId: number;
  /** Next inode number; they are not used again. */
  nextIno: number;
  /** Inodes in the tree. */
  inodes: number;
  /** What files get that have no properties of their own (format/properties.ts). */
  readonly properties: number;
  readonly quotas: FileCharges;
  /** Is the inode kept alive without a name? */
  isPinned(ino: number): boolean;
}

export interface FileVolume extends VolumeSpace {
  /** Reads and packs the content of extents. */
  readonly content: ExtentContent;
  readonly inodes: InodeTable;
  readonly entries: EntryTable;
  readonly pages: PageTable;
  readonly listings: Listings;
  /** Default access control lists of directories that were asked for one (acl.ts). */
  readonly defaultAcls: Map<number, Acl | null>;
  readonly log: ChangeNotes;
  /** Time that operations stamp. */
  readonly seconds: number;
  readonly nanoseconds: number;
  /** True: what is done now stamps no times; the caller sets them itself. */
  readonly keepsTimes: boolean;
  /** What is stored now was promised its space when it was changed. */
  readonly isSettling: boolean;
  /** Are there fast and slow devices? */
  readonly hasTiers: boolean;
  /** False: in whose name things are done now may pass limits (CAP_SYS_RESOURCE). */
  enforcesQuotas: boolean;
  /** Some file or folder may have properties (properties.ts): else nobody looks for them. */
  usesProperties: boolean;
  /** Where recent content is, for deduplication on write; made when the first file asks for it. */
  recentContent: WriteIndex | null;
  /** Quads that data must leave whole. */
  readonly quadReserve: number;
  /** Blocks that can be given to data now, besides all that was promised. */
  readonly dataRoom: number;
  /** Pages that may become dirty in memory. */
  readonly pageRoom: number;
  /** Puts all changes that wait in memory into the trees. Throws Failure. */
  settle(): void;
  /** The same for names alone. */
  settleEntries(): void;
  /** The tree of that number, null when there is none. */
  subvolume(id: number): FileTree | null;
  /** The tree of that name in the caches. */
  cachedSubvolume(cacheId: number): FileTree;
  /** Calls `visit` with each tree that is in use. */
  eachLoaded(visit: (tree: FileTree) => void): void;
}

/** What the log is told of changes to files (log/intent-log.ts). */
interface ChangeNotes {
  stored(tree: FileTree, ino: number, index: number, count: number): void;
  cut(tree: FileTree, ino: number): void;
  movedOver(tree: FileTree, ino: number): void;
  emptied(tree: FileTree, ino: number): void;
  /** Something happens that records cannot say: the next fsync is a commit. */
  skip(): void;
}

/** Whom files are counted for, and what they may (quota/quotas.ts). */
interface FileCharges {
  readonly isOn: boolean;
  readonly hasChanges: boolean;
  hasRoom(ino: number, blocks: number): boolean;
  allowedBlocks(ino: number, first: number, count: number): number;
  mayCreate(uid: number, gid: number, project: number): number;
  countInode(words: Uint32Array, at: number, change: number): void;
  countBlocks(words: Uint32Array, at: number, change: number): void;
  transfer(words: Uint32Array, at: number, uid: number, gid: number, project: number): number;
  store(): void;
}
