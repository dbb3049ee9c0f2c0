import { Attributes, DirectoryEntry, LaterVolume, ROOT_INO, type Subvolume, type Volume } from "@stratos/aegisfs";
import { CAP_SYS_RESOURCE, EIO, EROFS, ESTALE, PAGE_SIZE, isErrno } from "@stratos/abi";
import { stateClass, StateError } from "@stratos/base";
import type { SharedImage } from "../../frames/image-pages.ts";
import { WORK } from "../../ground/call-work.ts";
import { loadAcl } from "../../vfs/acl-inheritance.ts";
import { FileSystem, type FileSystemUsage } from "../../vfs/file-system.ts";
import type { Time } from "../../vfs/inode.ts";
import { beginWriteBack, boundDirty, continueWriteBack, syncFileSystem, takenAtOnce } from "../../vfs/write-back.ts";
import { isCapable } from "../../security/credentials.ts";
import { AegisInode } from "./aegisfs-inode.ts";
import type { FsKernel } from "../fs-kernel.ts";

/** statfs(2) f_type of ours: "AEGI". */
const AEGISFS_MAGIC = 0x41454749;

/** Files that wait for write-back, of which what was promised is counted anew at once; of more it is stored. */
const COUNTED_MAX = 16384;

/**
 * A mounted AegisFS subvolume. The engine holds names and metadata, the kernel's page cache holds content: nothing is
 * cached twice. An inode object pins its file in the engine, so that unlinked files live as long as they are used.
 */
export class AegisFileSystem extends FileSystem {
  readonly type: string = "aegisfs";
  readonly kernel: FsKernel;
  #port: Volume | LaterVolume;
  #subvolumeId: number;
  /** Null: nobody has asked for it yet. */
  #subvolume: Subvolume | null;
  readonly root: AegisInode;
  /** Whose pages its files borrow until they are written; null: nobody's. */
  readonly image: SharedImage | null;
  /** Work space of one call. */
  readonly attributes: Attributes = new Attributes();
  readonly entry: DirectoryEntry = new DirectoryEntry();
  /**
   * Files that were emptied, as a rule to be written anew, since the engine's last batch: what they have by then goes
   * with it. Bound: the inode objects that are in memory.
   */
  readonly emptied: Set<AegisInode> = new Set();
  /** Those of them whose pages a sync under way has begun to store. */
  #drained: Set<AegisInode> = new Set();
  #inodes = new Map<number, AegisInode>();
  /** Versions of inode objects begin here: above each version that a forgotten object of a changed file had. */
  #versionFloor = 0;
  /**
   * Pages that writes were promised and that are not stored yet; too high where a page was written twice, or given up
   * before it was stored.
   */
  #promised = 0;
  /** Of them, those since they were counted: by so much it may be too high. */
  #uncounted = 0;

  /**
   * @param subvolume  of the volume, the default one when absent
   * @param device  number of the device that it lies on; default: one without a device
   * @param image  that the volume is a clone of, with others of the board
   */
  constructor(
    kernel: FsKernel,
    volume: Volume,
    subvolume: Subvolume = volume.root,
    device: number = kernel.allocateDevice(),
    image: SharedImage | null = null,
  ) {
    super(device);
    this.kernel = kernel;
    this.#port = volume;
    this.image = image;
    this.#subvolume = subvolume;
    this.#subvolumeId = subvolume.id;
    this.readOnly = subvolume.readOnly;
    const root = this.inode(ROOT_INO);
    if (isErrno(root)) throw new Error(`aegisfs: the root directory cannot be read (errno ${-root})`);
    this.root = root;
  }

  get volume(): Volume {
    return this.#port instanceof LaterVolume ? this.#port.volume : this.#port;
  }

  get subvolume(): Subvolume {
    return this.#subvolume ?? this.#findSubvolume();
  }

  /** What was opened to be read stays so while it is mounted. */
  override setReadOnly(on: boolean): number {
    return !on && this.readOnly && (this.subvolume.readOnly || this.volume.readOnly) ? -EROFS : super.setReadOnly(on);
  }

  /** What is wrong with the volume of a loaded machine is to be told at once. */
  #openNow(): void {
    if (!(this.#port instanceof LaterVolume)) this.#findSubvolume();
  }

  /** In a loaded machine, or a fork: files that its objects stand for live again as long as these; others go. */
  #findSubvolume(): Subvolume {
    const found = this.volume.subvolume(this.#subvolumeId);
    if (found === null) throw new StateError("foreign", `the volume has no subvolume ${this.#subvolumeId}`);
    this.#subvolume = found;
    for (const [ino, inode] of this.#inodes) {
      found.pin(ino);
      inode.promiseAgain();
    }
    if (!this.readOnly) found.freeOrphans();
    return found;
  }

  /** The object of an inode; a negated errno. */
  inode(ino: number): AegisInode | number {
    const present = this.#inodes.get(ino);
    if (present !== undefined) return present;
    const failed = this.subvolume.stat(ino, this.attributes);
    // A name that leads nowhere is damage, not absence.
    if (failed < 0) return -EIO;
    const inode = new AegisInode(this, this.attributes, this.#versionFloor);
    this.#inodes.set(ino, inode);
    this.subvolume.pin(ino);
    loadAcl(inode);
    return inode;
  }

  override inodeByNumber(ino: number, generation: number): AegisInode | number {
    if (this.subvolume.stat(ino, this.attributes) < 0 || this.attributes.generation !== generation) return -ESTALE;
    return this.inode(ino);
  }

  override generationOf(inode: AegisInode): number {
    return this.subvolume.stat(inode.ino, this.attributes) < 0 ? -ESTALE : this.attributes.generation;
  }

  /** The object goes; a file without names goes with it. */
  drop(inode: AegisInode): void {
    if (inode.version !== inode.firstVersion) this.#versionFloor = Math.max(this.#versionFloor, inode.version + 1);
    this.#inodes.delete(inode.ino);
    this.emptied.delete(inode);
    this.#drained.delete(inode);
    this.subvolume.unpin(inode.ino);
  }

  /**
   * Before a batch of the engine, which tells that these files are empty: their new content. Write-back tells what
   * fails.
   */
  storeEmptied(): void {
    for (const files of [this.emptied, this.#drained]) {
      for (const inode of files) if (inode.pages!.dirtyCount > 0) inode.store();
      files.clear();
    }
  }

  override get storesBeforeReplacing(): boolean {
    return true;
  }

  override nextBeforeSync(inode: AegisInode): AegisInode | null {
    for (const each of this.emptied) if (each !== inode) return each;
    return null;
  }

  override storedBeforeSync(inode: AegisInode): void {
    this.emptied.delete(inode);
    // What is written to it until the batch goes with it, too.
    this.#drained.add(inode);
  }

  /** The time that the engine's next change stamps. */
  stamp(now: Time): void {
    this.volume.setTime(now.seconds, now.nanoseconds);
    this.actForTask();
  }

  /** Limits of owners bind what comes next, unless the task that it is done for may pass them (quotactl(2)). */
  actForTask(): void {
    if (!this.subvolume.quotas.isOn) return;
    const { current } = this.kernel.scheduler;
    this.volume.enforcesQuotas = current === null || !isCapable(current.credentials, CAP_SYS_RESOURCE);
  }

  /** Can `pages` more pages be stored at write-back? */
  promise(pages: number): boolean {
    this.#promised += pages;
    this.#uncounted += pages;
    if (this.#promised <= this.volume.dataBlocks) return true;
    if (this.#isWorthCounting()) this.#countAnew(pages);
    if (this.#promised <= this.volume.dataBlocks) return true;
    syncFileSystem(this.kernel, this);
    this.#promised = pages;
    this.#uncounted = pages;
    if (pages <= this.volume.dataBlocks) return true;
    this.kernel.refusedWrites++;
    return false;
  }

  /** Counting takes a step for each file that waits: no more of them than pages were promised since it was done. */
  #isWorthCounting(): boolean {
    const { size } = this.kernel.vfs.dirty;
    return size <= COUNTED_MAX && this.#uncounted > size;
  }

  /** Pages that were written twice are counted twice no more. @param more  that are promised and do not wait yet */
  #countAnew(more = 0): void {
    this.#uncounted = more;
    this.#promised = more;
    for (const inode of this.kernel.vfs.dirty)
      if (inode.fileSystem === this) this.#promised += inode.pages?.dirtyCount ?? 0;
  }

  /** What is promised must not be taken by fallocate(2). */
  override isShortOf(bytes: number): boolean {
    const pages = Math.ceil(bytes / PAGE_SIZE);
    const isShort = (): boolean => this.#promised > 0 && this.#promised + pages > this.volume.dataBlocks;
    if (isShort()) this.#countAnew();
    return isShort();
  }

  /** Pages that may be promised until half of what is free is: from then on who writes stores more than it makes. */
  get #unpromised(): number {
    return Math.floor(this.volume.dataBlocks / 2) - this.#promised;
  }

  /** Pages that a write to the inode may be promised at once, where it can go on in pieces. */
  promisedAtOnce(inode: AegisInode): number {
    const { limit, mayPause } = this.kernel.work;
    if (!mayPause) return Infinity;
    const pages = Math.max(Math.floor(limit / WORK.PAGE_READ / 2), Math.min(limit, this.#unpromised));
    return this.#isEmptied(inode) ? Math.min(pages, takenAtOnce(this.kernel, inode)) : pages;
  }

  /** The engine's next batch stores the inode's pages with it. */
  #isEmptied(inode: AegisInode): boolean {
    return this.emptied.has(inode) || this.#drained.has(inode);
  }

  /** So what was promised is stored when the volume is full, and no call has to store all of it. */
  override balanceDirty(inode: AegisInode): void {
    const { kernel } = this;
    if (this.#isEmptied(inode)) boundDirty(kernel, inode);
    if (this.#unpromised >= 0) return;
    // What is written again and again, or removed before it was stored, needs no room and needn't be stored for it.
    if (this.#isWorthCounting()) this.#countAnew();
    if (this.#unpromised >= 0) return;
    const work = kernel.work.piece();
    const reached = continueWriteBack(kernel, beginWriteBack(kernel), (each) => each.fileSystem === this, work);
    if (reached.inodes === 0) this.#countAnew();
    kernel.work.charge(work.spent);
  }

  /** A page was stored. */
  fulfil(): void {
    if (this.#promised > 0) this.#promised--;
  }

  override get hasWhiteouts(): boolean {
    return true;
  }

  override get allowsIdMaps(): boolean {
    return true;
  }

  usage(): FileSystemUsage {
    const { blocks, freeBlocks, inodes } = this.volume.usage();
    return {
      magic: AEGISFS_MAGIC,
      blockSize: 4096,
      blocks,
      blocksFree: freeBlocks,
      files: inodes + freeBlocks,
      filesFree: freeBlocks,
      nameMax: 255,
    };
  }

  override sync(): number {
    return this.volume.sync();
  }

  override get options(): string {
    return this.subvolume.id === this.volume.superblock.defaultSubvolume ? "" : `subvol=${this.subvolume.name}`;
  }

  override shutdown(): void {
    syncFileSystem(this.kernel, this);
  }

  static {
    // The volume is the outside's: in a loaded machine, or a fork, another object, over the same content.
    stateClass(
      "AegisFileSystem",
      this,
      {
        save: (it) => ({
          port: it.#port,
          subvolumeId: it.#subvolumeId,
          drained: it.#drained,
          inodes: it.#inodes,
          versionFloor: it.#versionFloor,
          promised: it.#promised,
          uncounted: it.#uncounted,
        }),
        load: (it, from) => {
          ({
            port: it.#port,
            subvolumeId: it.#subvolumeId,
            drained: it.#drained,
            inodes: it.#inodes,
            versionFloor: it.#versionFloor,
            promised: it.#promised,
            uncounted: it.#uncounted,
          } = from);
          it.#subvolume = null;
        },
      },
      { keeps: ["attributes", "entry", "#subvolume"], loaded: (it) => it.#openNow() },
    );
  }
}
