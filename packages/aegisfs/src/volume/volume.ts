/**
 * A mounted volume: the transaction, its trees, and the subvolumes that hold files.
 *
 * One transaction is always open; operations change nodes in memory and write file data to free blocks. `commit` makes
 * all of it durable at once:
 *
 *   1. sign and write the dirty nodes of each subvolume, put its new root into the volume tree
 *   2. put the changed bitmaps into the volume tree, sign and write its dirty nodes
 *   3. flush
 *   4. write the superblock of this generation, flush
 *
 * Before 4 is durable, the previous superblock names only blocks that nothing has overwritten: what the transaction
 * gives back stays pinned until then. Hence a crash anywhere leaves the state of the last commit, or of this one.
 *
 * Every public operation runs between `begin` and `end`. When it fails after it began to change nodes (a damaged block,
 * a dead device), the volume is failed: it answers EROFS to changes and never commits again, so that the durable state
 * stays whole.
 */
import { ENOENT, ENOSPC, EROFS } from "@stratos/abi";
import { Failure } from "../failure.ts";
import { Tree, type NodeOwner } from "../tree/tree.ts";
import { NODE_BLOCKS } from "../format/geometry.ts";
import { POINTER_AT_BLOCK } from "../format/node-layout.ts";
import { COMPATIBLE_PROPERTIES, FEATURE_COMPRESSION, type Superblock } from "../format/superblock.ts";
import type { WriteIndex } from "../space/write-index.ts";
import { CLASS_SLOW } from "../format/pool-table.ts";
import { Heat } from "../file/heat.ts";
import { ExtentContent } from "../codec/extent-content.ts";
import type { FileVolume } from "../file/file-tree.ts";
import type { BlockStore } from "../store/block-store.ts";
import { NodeCache, type TreeNode } from "../tree/node-cache.ts";
import type { Acl } from "@stratos/abi";
import { EntryTable } from "../cache/entry-table.ts";
import { InodeTable } from "../cache/inode-table.ts";
import { Listings } from "../cache/listings.ts";
import { PageTable } from "../cache/page-table.ts";
import { DIRECT_BLOCKS } from "../file/content.ts";
import { IntentLog } from "../log/intent-log.ts";
import { settleAllEntries, settleAllInodes } from "../file/settle.ts";
import { References } from "../space/references.ts";
import { SpaceMap } from "../space/space-map.ts";
import { recoverFromLog, writeCommit } from "./commit.ts";
import { cacheLimits, type MountOptions, type SubvolumeInfo, type VolumeUsage } from "./mount-options.ts";
import type { Subvolume } from "./subvolume.ts";
import { reserveFor, Room, stepUnits } from "../space/reserve.ts";
import { SubvolumeRegistry } from "./subvolume-registry.ts";
import { VolumeTreeOwner } from "./volume-tree-owner.ts";
import type { VolumeObserver } from "../file/operation.ts";
import { Properties } from "../property/properties.ts";
import { createSubvolume, deleteSubvolume, reclaim, rollBack, subvolumeNamed, takeSnapshot } from "./snapshots.ts";
import { reclaimStep } from "../space/dropped-trees.ts";

/** `allocateData` stops breaking quads a little before the reserve. */
const SLACK_QUADS = 20;

export class Volume implements NodeOwner, FileVolume {
  readonly store: BlockStore;
  readonly cache: NodeCache;
  /** Reads and packs the content of extents. */
  readonly content: ExtentContent;
  /**
   * What operations see and change before the trees do: inodes, names, pages of content (file/settle.ts), and listings
   * of directories.
   */
  readonly inodes: InodeTable;
  readonly entries: EntryTable;
  readonly pages: PageTable;
  readonly listings: Listings;
  /** What makes `fsync` cheap. */
  readonly log: IntentLog;
  readonly #hasLog: boolean;
  /** Default access control lists of directories that were asked for one (file/acl.ts). */
  readonly defaultAcls: Map<number, Acl | null> = new Map();
  readonly superblock: Superblock;
  /** The volume tree: subvolumes, bitmaps, owners. */
  readonly tree: Tree;
  readonly space: SpaceMap;
  readonly references: References;
  /** Named values of the volume: settings that travel with it. */
  readonly properties: Properties;
  /** Told of each change that was made; null: nobody listens. */
  observer: VolumeObserver | null = null;
  /**
   * Called once, at the moment when the volume fails (`failure`): also in a commit whose result nobody asked for. Must
   * not use the volume.
   */
  onFailure: ((failure: Failure) => void) | null = null;
  readonly readOnly: boolean;
  readonly #volatile: boolean;
  readonly #dirtyLimit: number;
  readonly #pendingLimit: number;
  readonly #subvolumes: SubvolumeRegistry;
  #changesAtBegin = 0;
  #committing = false;
  /** Of the operation that is going on. */
  #room: Room = Room.grows;
  /** What is stored now was promised its space when it was changed. */
  isSettling = false;
  #failed: Failure | null = null;
  /** False: in whose name things are done now may pass limits (CAP_SYS_RESOURCE). */
  enforcesQuotas = true;
  /** True: what is done now stamps no times; the caller sets them itself. */
  keepsTimes = false;
  /** Time that operations stamp; the caller moves it. */
  seconds: number;
  nanoseconds = 0;
  /** Where recent content is, for deduplication on write; made when the first file asks for it. */
  recentContent: WriteIndex | null = null;
  /** Counts accesses to files, when the volume has fast and slow devices. */
  heat: Heat | null = null;
  /** Some file or folder may have properties (file/properties.ts): else nobody looks for them. */
  usesProperties: boolean;

  constructor(store: BlockStore, superblock: Superblock, options: MountOptions) {
    this.store = store;
    this.content = new ExtentContent(store, options.codecs ?? [], options.codecPool);
    this.usesProperties =
      (superblock.features & FEATURE_COMPRESSION) !== 0 ||
      superblock.properties !== 0 ||
      (superblock.compatible & COMPATIBLE_PROPERTIES) !== 0;
    this.superblock = superblock;
    this.#subvolumes = new SubvolumeRegistry(this);
    this.readOnly = options.readOnly === true || store.readOnly || superblock.mustNotWrite;
    // Who only looks leaves damaged copies as they are.
    store.repairs = !this.readOnly;
    this.#volatile = options.volatile === true;
    const limits = cacheLimits(options);
    this.#dirtyLimit = limits.dirtyNodes;
    this.#pendingLimit = limits.pending;
    this.inodes = new InodeTable(limits.inodes);
    this.entries = new EntryTable(limits.entries);
    this.pages = new PageTable(this.inodes, limits.pages);
    this.listings = new Listings(limits.names);
    this.log = new IntentLog(this);
    this.#hasLog = options.intentLog !== false && !this.#volatile && !this.readOnly;
    this.seconds = options.seconds ?? 0;
    this.cache = new NodeCache(store, limits.nodes);
    this.cache.rootBlock = superblock.root[POINTER_AT_BLOCK]!;
    this.cache.rootCopy = superblock.rootCopy;
    this.tree = new Tree(this.cache, new VolumeTreeOwner(this));
    this.tree.root.set(superblock.root);
    this.space = new SpaceMap(this.tree, store.layout, superblock.freeBlocks, superblock.freeQuads);
    this.references = new References(this.tree, this.space, store.topStart, superblock.references);
    this.properties = new Properties(this);
    this.layoutChanged();
  }

  /** Devices came or went. */
  layoutChanged(): void {
    const { layout } = this.store;
    const tiers =
      layout.segments.some((segment) => segment.class === CLASS_SLOW) &&
      layout.segments.some((segment) => segment.class !== CLASS_SLOW);
    this.heat = tiers ? (this.heat ?? new Heat()) : null;
  }

  /** Are there fast and slow devices? */
  get hasTiers(): boolean {
    return this.heat !== null;
  }

  /** Generation that the running transaction will have. */
  get generation(): number {
    return this.superblock.generation + 1;
  }

  /** Why the volume stopped taking changes, or null. */
  get failure(): Failure | null {
    return this.#failed;
  }

  /** The subvolume that is mounted by default. Throws Failure when its item is damaged: `mount` has looked. */
  get root(): Subvolume {
    const root = this.subvolume(this.superblock.defaultSubvolume);
    if (root === null) throw new Failure("corrupt-node", -1);
    return root;
  }

  /** The subvolume of that number, null when there is none. One object for each. */
  subvolume(id: number): Subvolume | null {
    return this.#subvolumes.get(id);
  }

  /** A name for the subvolume in the caches, instead of the one that it has. */
  nameInCaches(subvolume: Subvolume): number {
    return this.#subvolumes.nameInCaches(subvolume);
  }

  /** The subvolume of that name in the caches, which has something to settle. */
  cachedSubvolume(cacheId: number): Subvolume {
    return this.#subvolumes.cached(cacheId);
  }

  /** Calls `visit` with each subvolume that is in use. */
  eachLoaded(visit: (subvolume: Subvolume) => void): void {
    this.#subvolumes.each(visit);
  }

  setTime(seconds: number, nanoseconds: number): void {
    this.seconds = seconds;
    this.nanoseconds = nanoseconds;
  }

  // ---- NodeOwner, for the trees of subvolumes ---------------------------------------------------------------------

  allocateNode(): number {
    return this.space.allocateNode();
  }

  releaseNode(block: number): void {
    this.references.release(block, NODE_BLOCKS);
  }

  isShared(block: number): boolean {
    return this.references.isShared(block);
  }

  shareChildren(node: TreeNode): void {
    this.references.shareChildren(node);
  }

  // ---- Operations -------------------------------------------------------------------------------------------------

  /**
   * Quads that data must leave whole: for the operation that is going on and those that may need more of the last space
   * (reserve.ts), and for what waits to be settled.
   */
  get quadReserve(): number {
    return reserveFor(this, this.#room) + this.#pendingQuads;
  }

  /** Each change may dirty a leaf of its own; branches and splits are far fewer. */
  get #pendingQuads(): number {
    return ((this.inodes.dirtyCount + this.entries.dirtyCount + this.pages.dirtyCount) * 5) >> 2;
  }

  get #hasPending(): boolean {
    return this.inodes.dirtyCount > 0 || this.entries.dirtyCount > 0;
  }

  /** True when something is not durable yet. */
  get hasChanges(): boolean {
    return this.cache.dirtyCount > 0 || this.#hasPending;
  }

  /** Blocks that can be given to data now, besides all that was promised. */
  get dataRoom(): number {
    return this.space.availableBlocks - (this.quadReserve + SLACK_QUADS) * NODE_BLOCKS - this.pages.dirtyCount;
  }

  /** Pages that may become dirty in memory: each is promised a block and its share of a node. */
  get pageRoom(): number {
    return Math.floor(this.dataRoom / (1 + (NODE_BLOCKS * 5) / 4));
  }

  /**
   * Starts an operation that changes something.
   *
   * @param room    how much of the last space it may use (reserve.ts)
   * @param blocks  data blocks that it wants
   * @returns 0, −EROFS, −ENOSPC, −EIO
   */
  begin(room: Room, blocks = 0): number {
    if (this.readOnly || this.#failed !== null) return -EROFS;
    this.#room = room;
    if (room !== Room.none) {
      // Pages in memory are promised blocks, each new one a node at the worst.
      const wanted =
        blocks * (blocks > DIRECT_BLOCKS ? 1 : 6) + (blocks > 0 && room === Room.grows ? SLACK_QUADS * NODE_BLOCKS : 0);
      if (!this.#hasRoom(this.quadReserve, wanted + this.pages.dirtyCount)) {
        const failed = this.#makeRoom(room, wanted);
        if (failed < 0) {
          this.#room = Room.grows;
          return failed;
        }
      }
    }
    this.#changesAtBegin = this.cache.changes;
    return 0;
  }

  #hasRoom(quads: number, blocks: number): boolean {
    return this.space.availableQuads >= quads && this.space.availableBlocks >= quads * NODE_BLOCKS + blocks;
  }

  /**
   * What this transaction gave back, or will when it is settled, can be used once it is durable; then what deleted
   * trees still hold. 0, −ENOSPC, −EIO.
   */
  #makeRoom(room: Room, blocks: number): number {
    if (this.#hasPending || this.space.freeBlocks - this.#keptBlocks > this.space.availableBlocks) {
      const failed = this.commit();
      if (failed < 0) return failed;
    }
    try {
      while (!this.#hasRoom(reserveFor(this, room), blocks)) {
        this.#changesAtBegin = this.cache.changes;
        // Below that not even a step of freeing may begin.
        if (this.space.availableQuads < reserveFor(this, Room.frees) || !reclaimStep(this, stepUnits(this))) break;
        const failed = this.commit();
        if (failed < 0) return failed;
      }
    } catch (thrown) {
      return this.abort(thrown);
    }
    return this.space.availableQuads < reserveFor(this, room) ? -ENOSPC : 0;
  }

  /** Ends what `begin` began, or a reading operation. */
  end(): void {
    this.#room = Room.grows;
    this.cache.trim();
    if (this.inodes.isOver) this.inodes.trim((slot) => this.pages.dropFile(slot));
    if (this.entries.isOver) this.entries.trim();
    if (this.#failed !== null || this.#committing) return;
    const { inodes, entries, pages } = this;
    if (
      inodes.dirtyCount > this.#pendingLimit ||
      entries.dirtyCount > this.#pendingLimit ||
      pages.dirtyCount > pages.limit - (pages.limit >> 6) - 1
    ) {
      try {
        this.settle();
      } catch (thrown) {
        this.readFailed(thrown);
        return;
      }
    }
    if (this.cache.dirtyCount > this.#dirtyLimit || this.observer?.wantsCommit === true) this.commit();
  }

  /**
   * Puts all changes that wait in memory into the trees. Whoever reads trees directly calls it first. Throws Failure,
   * and the volume has failed then.
   */
  settle(): void {
    if (this.#hasPending) this.#settle(true);
  }

  /** The same for names alone. */
  settleEntries(): void {
    if (this.entries.dirtyCount > 0) this.#settle(false);
  }

  #settle(inodes: boolean): void {
    this.isSettling = true;
    try {
      settleAllEntries(this);
      if (inodes) settleAllInodes(this);
    } catch (thrown) {
      if (thrown instanceof Failure) this.#fail(thrown);
      throw thrown;
    } finally {
      this.isSettling = false;
    }
  }

  /** The volume takes no changes any more. */
  #fail(failure: Failure): void {
    if (this.#failed !== null) return;
    this.#failed = failure;
    this.onFailure?.(failure);
  }

  /**
   * Turns what was thrown in a changing operation into its errno, and fails the volume when it left a change half done.
   */
  abort(thrown: unknown): number {
    if (!(thrown instanceof Failure)) throw thrown;
    if (this.cache.changes !== this.#changesAtBegin) this.#fail(thrown);
    return -thrown.errno;
  }

  /** The same for an operation that only reads. */
  readFailed(thrown: unknown): number {
    if (!(thrown instanceof Failure)) throw thrown;
    return -thrown.errno;
  }

  /** Makes everything durable; 0, −EIO, −EROFS (the volume has failed). */
  sync(): number {
    if (!this.#volatile || this.readOnly) return this.readOnly ? 0 : this.commit();
    // Nothing is to last, but what was deleted gives its space back.
    if (this.#failed !== null) return -EROFS;
    try {
      this.settle();
      return 0;
    } catch (thrown) {
      return this.readFailed(thrown);
    }
  }

  /**
   * The same of all that is stored; 0, −EIO, −EROFS.
   *
   * @param isFirst  also if nothing has changed: an empty device is a clone by itself from then on (mountOverlay)
   */
  commit(isFirst = false): number {
    if (this.#failed !== null) return -EROFS;
    if (this.readOnly || (!isFirst && this.cache.dirtyCount === 0 && !this.#hasPending)) return 0;
    this.#committing = true;
    try {
      writeCommit(this, { hasLog: this.#hasLog, isVolatile: this.#volatile });
      return 0;
    } catch (thrown) {
      if (!(thrown instanceof Failure)) throw thrown;
      this.#fail(thrown);
      return -thrown.errno;
    } finally {
      this.#committing = false;
    }
  }

  /** Brings back what was synced after the last commit. Called once, by the mount. Throws Failure. */
  recover(): void {
    recoverFromLog(this, this.#hasLog);
  }

  /** Stores the content of a file and notes what makes it durable with `finishFsync`; 0, −EIO, −EROFS. */
  prepareFsync(subvolume: Subvolume, ino: number): number {
    if (this.#volatile || this.readOnly) return 0;
    if (this.#failed !== null) return -EROFS;
    try {
      // What an observer keeps of the changes is durable with them, or it would miss some after a crash.
      if (this.observer?.beforeCommit !== undefined || !this.log.addContent(subvolume, ino)) this.log.skip();
      return 0;
    } catch (thrown) {
      if (thrown instanceof Failure) this.#fail(thrown);
      return this.readFailed(thrown);
    }
  }

  /** Makes durable what `prepareFsync` was called for, with one flush; 0, −EIO, −EROFS. */
  finishFsync(): number {
    if (this.#volatile || this.readOnly) return 0;
    if (this.#failed !== null) return -EROFS;
    this.#committing = true;
    try {
      if (this.log.flush()) return 0;
    } catch (thrown) {
      if (thrown instanceof Failure) this.#fail(thrown);
      return this.readFailed(thrown);
    } finally {
      this.#committing = false;
    }
    return this.commit();
  }

  /**
   * Data blocks that may be taken now, or after a commit; what their extents take in the tree is left out. None when
   * the next write would be refused.
   */
  get dataBlocks(): number {
    const { freeBlocks, freeQuads } = this.space;
    const quads = this.quadReserve + SLACK_QUADS;
    const free = freeBlocks - this.pages.dirtyCount - this.#keptBlocks;
    return freeQuads - Math.ceil(this.#keptBlocks / NODE_BLOCKS) < quads
      ? 0
      : Math.max(0, free - (free >> 6) - quads * NODE_BLOCKS);
  }

  /** Free blocks that the log and the copy of the root stand in. */
  get #keptBlocks(): number {
    return this.log.blocks + (this.cache.rootCopy > 0 ? NODE_BLOCKS : 0);
  }

  /**
   * The intent log: its blocks, those in use, and whether there should be one and space has no run that is long enough.
   * Then each fsync is a commit.
   */
  get logState(): { readonly blocks: number; readonly used: number; readonly isMissing: boolean } {
    return {
      blocks: this.log.blocks,
      used: this.log.used,
      isMissing: this.#hasLog && this.superblock.generation > 1 && this.superblock.logBlocks === 0,
    };
  }

  usage(): VolumeUsage {
    if (this.#failed === null) {
      try {
        this.settle();
      } catch (thrown) {
        this.readFailed(thrown);
      }
    }
    const freeBlocks = this.dataBlocks,
      unusedBlocks = Math.max(freeBlocks, this.space.freeBlocks - this.pages.dirtyCount);
    return { blocks: this.store.layout.blocks, freeBlocks, unusedBlocks, inodes: this.root.inodes };
  }

  // ---- Subvolumes and snapshots -----------------------------------------------------------------------------------

  /** All subvolumes, by number. */
  subvolumes(): SubvolumeInfo[] | number {
    try {
      return this.#subvolumes.infos();
    } catch (thrown) {
      return this.readFailed(thrown);
    }
  }

  /** Numbers of all subvolumes. Throws Failure. */
  subvolumeIds(): number[] {
    return this.#subvolumes.ids();
  }

  /**
   * A new subvolume with the present content of `source`, in constant time besides the commit of what is pending.
   *
   * @returns its number; −EEXIST when the name is taken, −EINVAL for a bad one
   */
  snapshot(source: Subvolume, name: string, options: { readOnly: boolean; label?: string; flags?: number }): number {
    return takeSnapshot(this, source, name, options);
  }

  /** A new subvolume with an empty root directory. @returns its number; −EEXIST, −EINVAL as for `snapshot` */
  createSubvolume(name: string, flags = 0): number {
    return createSubvolume(this, name, flags);
  }

  /**
   * Deletes a subvolume that is not the default one, in constant time: its space comes back through `reclaim`. −ENOENT,
   * −EINVAL.
   */
  deleteSubvolume(id: number): number {
    return deleteSubvolume(this, id);
  }

  /**
   * The default subvolume gets the content of another one, atomically and in constant time; what it had is dropped, its
   * space comes back through `reclaim`. −ENOENT, −EINVAL.
   */
  rollback(id: number): number {
    return rollBack(this, id);
  }

  /** One more subvolume with the content of `source`, whose tree is clean. Inside a transaction. Throws Failure. */
  fork(source: Subvolume, name: string, flags: number, label = ""): Subvolume {
    return this.#subvolumes.fork(source, name, flags, label);
  }

  /**
   * Takes a subvolume away whose tree is clean; what it alone held is reclaimed later. Inside a transaction. Throws
   * Failure.
   */
  drop(subvolume: Subvolume): void {
    this.#subvolumes.drop(subvolume);
  }

  /** `target`'s content becomes that of `source`; the trees of both are clean. Inside a transaction. Throws Failure. */
  replaceContent(target: Subvolume, source: Subvolume): void {
    this.#subvolumes.replaceContent(target, source);
  }

  /**
   * Frees a part of what deleted subvolumes and rollbacks left: up to `steps` times 8192 nodes and extents. Whoever has
   * a volume open for long calls it when there is nothing else to do; when space runs short, it happens by itself.
   *
   * @returns 1 while there is more to free, 0 when there is not, or a negated errno
   */
  reclaim(steps: number): number {
    return reclaim(this, steps);
  }

  /** Number of the subvolume with that name, or −ENOENT. */
  findSubvolume(name: string): number {
    try {
      return subvolumeNamed(this, name)?.id ?? -ENOENT;
    } catch (thrown) {
      return this.readFailed(thrown);
    }
  }

  /** Nothing was changed since `begin`, but by a commit: a failure from here on is none of the volume. */
  beginAnew(): void {
    this.#changesAtBegin = this.cache.changes;
  }

  /** Adds a new subvolume. */
  adopt(subvolume: Subvolume): void {
    this.#subvolumes.adopt(subvolume);
  }
}
