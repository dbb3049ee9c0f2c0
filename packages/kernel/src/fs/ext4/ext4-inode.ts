import {
  EEXIST,
  EINVAL,
  EMLINK,
  ENAMETOOLONG,
  ENOENT,
  ENOTEMPTY,
  EUCLEAN,
  RENAME_EXCHANGE,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
} from "@stratos/abi";
import { byteString, byteStringOf, stateClass } from "@stratos/base";
import { BLOCK_AREA_SIZE, ENTRY_TYPE, FormatError, INODE_FLAG, inodeSeed } from "@stratos/formats/ext4";
import { WORK } from "../../ground/call-work.ts";
import { UNFINISHED } from "../../ground/wait-queue.ts";
import { copyPlainFields, type Inode, type NewInode, type Time, TIMES } from "../../vfs/inode.ts";
import { runAt } from "./ext4-content.ts";
import { type DirectoryBlocks, Ext4Directory } from "./ext4-directory.ts";
import { Ext4File } from "./ext4-file.ts";
import { areaOf, flagsOf, hasExtents, setFlags } from "./ext4-record.ts";
import type { Ext4Volume } from "./ext4-volume.ts";

const LINKS_MAX = 65000;

const ENTRY_TYPES: Readonly<Record<number, number>> = {
  [S_IFREG]: ENTRY_TYPE.file,
  [S_IFDIR]: ENTRY_TYPE.directory,
  [S_IFCHR]: ENTRY_TYPE.character,
  [S_IFBLK]: ENTRY_TYPE.block,
  0o010000: ENTRY_TYPE.fifo,
  0o140000: ENTRY_TYPE.socket,
  [S_IFLNK]: ENTRY_TYPE.symlink,
};
/** Blocks of a folder: more than a million files. */
const DIRECTORY_BLOCKS_MAX = 16384;

/** getdents64(2) has types as `mode >> 12`. */
const LISTED_TYPES: readonly number[] = [0, 8, 4, 2, 6, 1, 12, 10];

/** A file with its names, and a folder's: each change of one is on the disk when it returns. */
export class Ext4Inode extends Ext4File implements DirectoryBlocks {
  /** Null: nobody has looked yet, or others' names took its place. */
  #directory: Ext4Directory | null = null;
  /** Blocks of the folder that calls have read: a machine that goes on elsewhere reads as many without being asked. */
  #known = 0;

  get seed(): number | undefined {
    const { hasChecksums, superblock } = this.fileSystem;
    return hasChecksums ? inodeSeed(superblock.checksumSeed, this.ino, this.generation) : undefined;
  }

  get hasTypes(): boolean {
    return this.fileSystem.hasTypes;
  }

  /** @throws FormatError, DiskError */
  get count(): number {
    const { runs } = this.places.read();
    const last = runs.at(-1);
    // Of a folder that says it is larger than its blocks the rest is a hole.
    const count = Math.min(Math.floor(this.size / this.blockSize), last === undefined ? 0 : last.logical + last.count);
    if (count > DIRECTORY_BLOCKS_MAX) throw new FormatError("a folder is too large");
    return count;
  }

  readBlock(index: number): Uint8Array | null {
    const { runs } = this.places.read();
    const run = runs[runAt(runs, index)];
    if (run === undefined || run.logical > index || run.isUnwritten === true) return null;
    return this.fileSystem.readBlock(run.physical + index - run.logical);
  }

  writeBlock(index: number, bytes: Uint8Array): void {
    const { runs } = this.places.read();
    const run = runs[runAt(runs, index)];
    if (run === undefined || run.logical > index) throw new FormatError("a folder's block is missing");
    this.fileSystem.writeBlock(run.physical + index - run.logical, bytes);
  }

  addBlock(): number {
    const index = Math.floor(this.size / this.blockSize);
    if (this.places.fill(index, index + 1, false) <= index) this.fileSystem.refuseFull();
    this.size = (index + 1) * this.blockSize;
    this.places.putTree();
    return index;
  }

  /** All of them. @throws FormatError, DiskError, DamagedDirectory */
  #names(): Ext4Directory {
    const { count } = this;
    const directory = this.#directoryTo(count);
    if (this.#known < count) this.#keepNames(directory);
    return directory;
  }

  #directoryTo(blocks: number): Ext4Directory {
    const directory = (this.#directory ??= new Ext4Directory(this));
    while (directory.known < blocks) directory.readBlock();
    return directory;
  }

  #keepNames(directory: Ext4Directory): void {
    this.#known = directory.known;
    this.fileSystem.named.put(this, directory.size);
  }

  /**
   * Reads the names, as far as the call under way may work.
   *
   * @returns 0, −EIO, −EUCLEAN; UNFINISHED: the call is executed again
   */
  #readNames(): number {
    return this.fileSystem.attempt(() => {
      const directory = this.#directoryTo(Math.min(this.#known, this.count));
      if (directory.isWhole) return 0;
      const { work } = this.fileSystem.kernel;
      while (!directory.isWhole && !work.isUsed) {
        const before = directory.size;
        directory.readBlock();
        this.#known = directory.known;
        work.charge(WORK.PAGE_READ + directory.size - before);
      }
      this.#keepNames(directory);
      return directory.isWhole ? 0 : UNFINISHED;
    });
  }

  forgetNames(): void {
    this.#directory = null;
    this.#known = 0;
  }

  override lookup(name: string): Inode | number {
    const unread = this.#readNames();
    if (unread < 0) return unread;
    let ino = 0;
    const failed = this.fileSystem.attempt(() => {
      const entry = this.#names().find(name);
      if (entry === undefined) return -ENOENT;
      ino = entry.ino;
      return 0;
    });
    return failed < 0 ? failed : this.fileSystem.inode(ino);
  }

  override get listingRefused(): number {
    return super.listingRefused || this.#readNames();
  }

  override list(
    cursor: number,
    emit: (name: string, ino: number, type: number, nextCursor: number) => boolean,
  ): number {
    return this.fileSystem.attempt(() => {
      this.#names().list(cursor, (name, ino, type, next) => emit(name, ino, LISTED_TYPES[type] ?? 0, next));
      return 0;
    });
  }

  /** @throws FormatError, FullError, DiskError. @returns 0, −EEXIST */
  #addName(name: string, inode: Ext4Inode, now: Time): number {
    const names = this.#names();
    if ((flagsOf(this.bytes) & INODE_FLAG.index) !== 0) {
      names.makeLinear();
      setFlags(this.bytes, flagsOf(this.bytes) & ~INODE_FLAG.index);
      this.fileFlags &= ~INODE_FLAG.index;
    }
    const failed = names.add(name, inode.ino, ENTRY_TYPES[inode.mode & S_IFMT] ?? 0);
    if (failed < 0) return failed;
    if (this.#known < names.known) this.#keepNames(names);
    this.mtime = now;
    this.ctime = now;
    return 0;
  }

  #linkUp(by: number): void {
    // A folder that had too many once keeps 1 (dir_nlink).
    if (this.nlink !== 1) this.nlink += by;
  }

  #make(name: string, attributes: NewInode, fill: (inode: Ext4Inode) => void = () => {}): Inode | number {
    let made: Ext4Inode | null = null;
    const { fileSystem } = this;
    if (this.nlink === 0) return -ENOENT;
    if (name.length > 255) return -ENAMETOOLONG;
    const isDirectory = (attributes.mode & S_IFMT) === S_IFDIR;
    if (isDirectory && this.nlink >= LINKS_MAX && !fileSystem.hasManyLinks) return -EMLINK;
    const failed = fileSystem.attempt(() => {
      if (this.#names().find(name) !== undefined) return -EEXIST;
      const inode = (made = fileSystem.newInode(this.ino, attributes) as Ext4Inode);
      try {
        fill(inode);
        inode.places.putTree();
        const refused = this.#addName(name, inode, attributes.now);
        if (refused < 0) throw new FormatError("a name is there twice");
      } catch (thrown) {
        inode.nlink = 0;
        inode.free();
        throw thrown;
      }
      if (isDirectory) this.#linkUp(1);
      inode.put();
      this.store();
      fileSystem.keep(inode);
      return 0;
    });
    return failed < 0 ? failed : made!;
  }

  override create(name: string, attributes: NewInode): Inode | number {
    return this.#make(name, attributes);
  }

  override mkdir(name: string, attributes: NewInode): Inode | number {
    return this.#make(name, { ...attributes, mode: (attributes.mode & 0o7777) | S_IFDIR }, (inode) => {
      inode.nlink = 2;
      inode.#directory = new Ext4Directory(inode);
      inode.#directory.add(".", inode.ino, ENTRY_TYPE.directory);
      inode.#directory.add("..", this.ino, ENTRY_TYPE.directory);
      inode.#keepNames(inode.#directory);
    });
  }

  override symlink(name: string, target: string, attributes: NewInode): Inode | number {
    if (target.length >= this.blockSize) return -ENAMETOOLONG;
    return this.#make(name, { ...attributes, mode: S_IFLNK | 0o777 }, (inode) => {
      const bytes = byteStringOf(target);
      if (bytes.length < BLOCK_AREA_SIZE) {
        // A short target lies where block numbers would.
        setFlags(inode.bytes, flagsOf(inode.bytes) & ~INODE_FLAG.extents);
        areaOf(inode.bytes).fill(0);
        areaOf(inode.bytes).set(bytes);
        inode.places.forget();
      } else {
        inode.addBlock();
        const block = new Uint8Array(this.blockSize);
        block.set(bytes);
        inode.writeBlock(0, block);
      }
      inode.size = bytes.length;
    });
  }

  override createUnnamed(attributes: NewInode): Inode | number {
    let made: Ext4Inode | null = null;
    const failed = this.fileSystem.attempt(() => {
      made = this.fileSystem.newInode(this.ino, attributes) as Ext4Inode;
      made.nlink = 0;
      made.store();
      this.fileSystem.keep(made);
      return 0;
    });
    return failed < 0 ? failed : made!;
  }

  override readlink(): string | number {
    if (!this.isSymlink) return -EINVAL;
    let target = "";
    const failed = this.fileSystem.attempt(() => {
      if (this.size < BLOCK_AREA_SIZE && !hasExtents(this.bytes)) target = byteString(areaOf(this.bytes), 0, this.size);
      else {
        const block = this.size < this.blockSize ? this.readBlock(0) : null;
        if (block === null) return -EUCLEAN;
        target = byteString(block, 0, this.size);
      }
      return 0;
    });
    return failed < 0 ? failed : target;
  }

  override link(name: string, inode: Inode): number {
    const other = inode as Ext4Inode;
    if (other.nlink >= LINKS_MAX) return -EMLINK;
    if (this.nlink === 0) return -ENOENT;
    return this.fileSystem.attempt(() => {
      const now = this.fileSystem.kernel.vfs.now();
      const failed = this.#addName(name, other, now);
      if (failed < 0) return failed;
      other.nlink++;
      other.ctime = now;
      other.put();
      this.store();
      return 0;
    });
  }

  override unlink(name: string, inode: Inode, now: Time): number {
    const gone = inode as Ext4Inode;
    return this.fileSystem.attempt(() => {
      const failed = this.#names().remove(name);
      if (failed < 0) return failed;
      gone.loseName(now);
      this.mtime = now;
      this.ctime = now;
      this.store();
      return 0;
    });
  }

  override rmdir(name: string, inode: Inode, now: Time): number {
    const gone = inode as Ext4Inode;
    const unread = gone.#readNames();
    if (unread < 0) return unread;
    return this.fileSystem.attempt(() => {
      if (!gone.#names().isEmpty) return -ENOTEMPTY;
      const failed = this.#names().remove(name);
      if (failed < 0) return failed;
      gone.loseName(now);
      this.#linkUp(-1);
      this.mtime = now;
      this.ctime = now;
      this.store();
      return 0;
    });
  }

  loseName(now: Time): void {
    this.nlink = this.isDirectory ? 0 : Math.max(0, this.nlink - 1);
    this.ctime = now;
    this.put();
  }

  override rename(
    name: string,
    inode: Inode,
    newDirectory: Inode,
    newName: string,
    replaced: Inode | null,
    flags: number,
    now: Time,
  ): number {
    const moved = inode as Ext4Inode,
      target = newDirectory as Ext4Inode,
      other = replaced as Ext4Inode | null;
    if (target.nlink === 0) return -ENOENT;
    const unread = other !== null && other.isDirectory ? other.#readNames() : 0;
    if (unread < 0) return unread;
    return this.fileSystem.attempt(() => {
      if ((flags & RENAME_EXCHANGE) !== 0) {
        const failed =
          this.#names().replace(name, other!.ino, ENTRY_TYPES[other!.mode & S_IFMT] ?? 0) ||
          target.#names().replace(newName, moved.ino, ENTRY_TYPES[moved.mode & S_IFMT] ?? 0);
        if (failed < 0) return failed;
        this.#changeParent(moved, target);
        target.#changeParent(other!, this);
        other!.ctime = now;
        other!.put();
      } else {
        if (other !== null && other.isDirectory && !other.#names().isEmpty) return -ENOTEMPTY;
        const failed =
          other === null
            ? target.#addName(newName, moved, now)
            : target.#names().replace(newName, moved.ino, ENTRY_TYPES[moved.mode & S_IFMT] ?? 0);
        if (failed < 0) return failed;
        const removed = this.#names().remove(name);
        if (removed < 0) return removed;
        if (other !== null) {
          if (other.isDirectory) target.#linkUp(-1);
          other.loseName(now);
        }
        this.#changeParent(moved, target);
      }
      moved.ctime = now;
      moved.put();
      for (const directory of [this, target]) {
        directory.mtime = now;
        directory.ctime = now;
        directory.put();
      }
      this.fileSystem.flushBitmaps();
      return 0;
    });
  }

  /** A folder went from this one to another: both are counted, and ".." leads there. */
  #changeParent(child: Ext4Inode, target: Ext4Inode): void {
    if (!child.isDirectory || this === target) return;
    child.#names().replace("..", target.ino, ENTRY_TYPE.directory);
    this.#linkUp(-1);
    target.#linkUp(1);
  }

  static {
    stateClass(
      "Ext4Inode",
      this,
      {
        save: (it) => ({ known: it.#known }),
        load: (it, from) => {
          ({ known: it.#known } = from);
          it.#directory = null;
        },
      },
      {
        keeps: ["#directory"],
        shares: TIMES,
        copyPlain: copyPlainFields,
        blank: () => new Ext4Inode(BLANK_VOLUME as unknown as Ext4Volume, 0, BLANK_BYTES),
      },
    );
  }
}

const BLANK_VOLUME = { superblock: { blockSize: 4096 } };
const BLANK_BYTES = new Uint8Array(128);
