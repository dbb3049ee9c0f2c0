import {
  ATTRIBUTE_ATIME,
  ATTRIBUTE_CTIME,
  ATTRIBUTE_FLAGS,
  ATTRIBUTE_GID,
  ATTRIBUTE_MODE,
  ATTRIBUTE_MTIME,
  ATTRIBUTE_PROJECT,
  ATTRIBUTE_SIZE,
  ATTRIBUTE_UID,
  blocksWhenStored,
  COMPRESS_LZ4,
  COMPRESS_NONE,
  COMPRESS_UNSET,
  COMPRESS_ZSTD,
  compressionOf,
  indexInListing,
  withCompression,
  Attributes,
} from "@stratos/aegisfs";
import {
  EDQUOT,
  EFBIG,
  EINVAL,
  ENOSPC,
  EOPNOTSUPP,
  FS_APPEND_FL,
  FS_COMPR_FL,
  FS_IMMUTABLE_FL,
  FS_NOATIME_FL,
  FS_NOCOMP_FL,
  FS_NODUMP_FL,
  PAGE_SIZE,
  RENAME_EXCHANGE,
  S_IFDIR,
  S_IFMT,
  S_IFREG,
  FALLOC_FL_COLLAPSE_RANGE,
  FALLOC_FL_INSERT_RANGE,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  FALLOC_FL_ZERO_RANGE,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { CALL_WORK } from "../../ground/call-work.ts";
import type { ImageFile, SharedImage } from "../../frames/image-pages.ts";
import { PageCache, type PageBacking } from "../../frames/page-cache.ts";
import { type AttributeChange, copyPlainFields, Inode, type NewInode, type Time, TIMES } from "../../vfs/inode.ts";
import { FILE_SIZE_MAX } from "../../vfs/content-change.ts";
import type { AegisFileSystem } from "./aegisfs.ts";

/** What chattr(1) may set. */
const FILE_FLAGS = FS_IMMUTABLE_FL | FS_APPEND_FL | FS_NODUMP_FL | FS_NOATIME_FL;

/** Pages that are promised to owners with a limit in one piece of a write: more than one piece moves. */
const PROMISED_AT_ONCE = 2 * CALL_WORK;

const COMPRESSION_FLAGS = FS_COMPR_FL | FS_NOCOMP_FL;

function compressionFlags(properties: number): number {
  const compression = compressionOf(properties);
  return compression === COMPRESS_UNSET ? 0 : compression === COMPRESS_NONE ? FS_NOCOMP_FL : FS_COMPR_FL;
}

/** Directories show a size that grows with their entries, in whole blocks, as elsewhere. */
const DIRECTORY_ENTRY_SIZE = 64;

/** Of inodes that are filled: there are many, and so they are made faster than over nothing. */
const BLANK = new Attributes();
const BLANK_FILE_SYSTEM = { volume: { usesProperties: false } };

/**
 * A file of an AegisFS subvolume. Names, modes and owners are changed in the engine and here at once; content and the
 * size and times that writes move are ahead here until write-back.
 */
export class AegisInode extends Inode implements PageBacking, ImageFile {
  declare readonly fileSystem: AegisFileSystem;
  /** The size of a file that the kernel's offsets do not reach the end of. */
  #farSize: bigint | null = null;
  /** What `contentInImage` says; −1: it was not looked for. */
  #content = -1;
  /**
   * Pages that wait for write-back and were promised a block, since an owner of the file has a limit (quota(7)); null:
   * none ever were.
   */
  #promised: Set<number> | null = null;
  /** `version` at the beginning. */
  readonly firstVersion: number;

  constructor(fileSystem: AegisFileSystem, attributes: Attributes, version: number) {
    super(fileSystem, attributes.ino, attributes.mode, attributes.uid, attributes.gid, {
      seconds: attributes.mtimeSeconds,
      nanoseconds: attributes.mtimeNanoseconds,
    });
    this.nlink = attributes.nlink;
    this.rdev = attributes.rdev;
    this.blocks = attributes.blocks;
    this.atime = { seconds: attributes.atimeSeconds, nanoseconds: attributes.atimeNanoseconds };
    this.ctime = { seconds: attributes.ctimeSeconds, nanoseconds: attributes.ctimeNanoseconds };
    this.btime = { seconds: attributes.btimeSeconds, nanoseconds: attributes.btimeNanoseconds };
    this.fileFlags = attributes.flags & FILE_FLAGS;
    const properties = fileSystem.volume.usesProperties ? fileSystem.subvolume.ownProperties(this.ino) : 0;
    if (properties > 0) this.fileFlags |= compressionFlags(properties);
    this.#takeSize(attributes.size);
    this.version = version;
    this.firstVersion = version;
    const kind = attributes.mode & S_IFMT;
    if (kind === S_IFDIR) this.size = directorySize(attributes.entries);
    if (kind !== S_IFREG) return;
    this.pages = new PageCache(fileSystem.kernel.memory, this);
    if (fileSystem.image === null) return;
    this.pages.imageFile = this;
    this.pages.isOriginal = true;
  }

  #takeSize(size: number | bigint): void {
    this.#farSize = size > FILE_SIZE_MAX ? BigInt(size) : null;
    this.size = this.#farSize === null ? Number(size) : FILE_SIZE_MAX;
  }

  override statSize(): number | bigint {
    return this.#farSize ?? this.size;
  }

  // ---- Content: PageBacking ---------------------------------------------------------------------------------------

  readPage(index: number, bytes: Uint8Array, at: number): number {
    return this.fileSystem.subvolume.readPages(this.ino, index, 1, bytes, at);
  }

  writePage(index: number, bytes: Uint8Array, at: number, length: number): number {
    const { subvolume, volume } = this.fileSystem;
    const isPromised = this.#promised?.delete(index) === true;
    if (isPromised) subvolume.unpromise(this.ino, 1);
    volume.enforcesQuotas = !isPromised;
    const stored = subvolume.writePages(this.ino, index, bytes, at, length);
    if (stored >= 0) this.fileSystem.fulfil();
    else if (isPromised) subvolume.promiseRun(this.ino, index, 1, this.#promised!);
    volume.enforcesQuotas = true;
    return stored;
  }

  /** To the volume of a loaded machine, what the saved one's knew. */
  promiseAgain(): void {
    const promised = new Set<number>();
    for (const index of this.#promised ?? []) this.fileSystem.subvolume.promiseRun(this.ino, index, 1, promised);
  }

  get image(): SharedImage {
    return this.fileSystem.image!;
  }

  placeInImage(index: number): number {
    return this.fileSystem.subvolume.basePlace(this.ino, index);
  }

  contentInImage(): number {
    if (this.#content >= 0) return this.#content;
    const description = this.fileSystem.subvolume.baseContent(this.ino, Math.ceil(this.size / PAGE_SIZE));
    return (this.#content = description === null ? 0 : this.image.contentNumber(description));
  }

  leaveImage(): void {
    this.fileSystem.kernel.fileLeavesImage(this);
  }

  /**
   * The pages are promised their blocks, and where an owner of the file has a limit, that is met here and not at
   * write-back.
   */
  override prepareWrite(offset: number, length: number): number {
    const { fileSystem, ino } = this;
    const first = Math.floor(offset / PAGE_SIZE);
    const wanted = Math.floor((offset + length - 1) / PAGE_SIZE) - first + 1;
    const pages = Math.min(wanted, fileSystem.promisedAtOnce(this));
    if (!fileSystem.promise(pages)) return -ENOSPC;
    const { subvolume } = fileSystem;
    let allowed = pages;
    if (subvolume.quotas.isOn && subvolume.hasQuotaLimit(ino)) {
      fileSystem.actForTask();
      this.#promised ??= new Set();
      allowed = subvolume.promiseRun(ino, first, Math.min(pages, PROMISED_AT_ONCE), this.#promised);
      if (allowed < 0) return allowed;
    }
    if (allowed === wanted) return 0;
    if (allowed === pages) fileSystem.kernel.work.cut();
    return allowed === 0 ? -EDQUOT : (first + allowed) * PAGE_SIZE - offset;
  }

  /** Pages that do not wait for write-back any more, stored or not, need no promise. */
  #dropPromises(): void {
    const promised = this.#promised;
    for (const index of [...(promised ?? [])]) {
      if (this.pages!.isDirty(index)) continue;
      promised!.delete(index);
      this.fileSystem.subvolume.unpromise(this.ino, 1);
    }
  }

  /** The file has other owners from now on: what was promised to the old ones is the new ones'. */
  #promiseAnew(change: () => number): number {
    const { subvolume, volume } = this.fileSystem;
    const count = this.#promised?.size ?? 0;
    if (count === 0) return change();
    subvolume.unpromise(this.ino, count);
    const result = change();
    const { enforcesQuotas } = volume;
    volume.enforcesQuotas = false;
    subvolume.promise(this.ino, count);
    volume.enforcesQuotas = enforcesQuotas;
    return result;
  }

  override storeAttributes(): number {
    this.#dropPromises();
    const { attributes, subvolume } = this.fileSystem;
    attributes.size = this.size;
    attributes.atimeSeconds = this.atime.seconds;
    attributes.atimeNanoseconds = this.atime.nanoseconds;
    attributes.mtimeSeconds = this.mtime.seconds;
    attributes.mtimeNanoseconds = this.mtime.nanoseconds;
    attributes.ctimeSeconds = this.ctime.seconds;
    attributes.ctimeNanoseconds = this.ctime.nanoseconds;
    const size = this.isRegular ? ATTRIBUTE_SIZE : 0;
    return subvolume.setAttributes(this.ino, attributes, size | ATTRIBUTE_ATIME | ATTRIBUTE_MTIME | ATTRIBUTE_CTIME);
  }

  override get isStoredButForAccess(): boolean {
    const { attributes, subvolume } = this.fileSystem;
    if (this.pages?.hasDirty === true || subvolume.stat(this.ino, attributes) < 0) return false;
    return (
      (!this.isRegular || attributes.size === this.size) &&
      attributes.mtimeSeconds === this.mtime.seconds &&
      attributes.mtimeNanoseconds === this.mtime.nanoseconds &&
      attributes.ctimeSeconds === this.ctime.seconds &&
      attributes.ctimeNanoseconds === this.ctime.nanoseconds
    );
  }

  override refresh(): number {
    if (!this.isRegular) return 0;
    const { attributes, subvolume } = this.fileSystem;
    const failed = subvolume.stat(this.ino, attributes);
    if (failed < 0) return failed;
    const { dirtyCount } = this.pages!;
    const end = Math.floor(this.size / PAGE_SIZE);
    this.blocks = attributes.blocks;
    if (dirtyCount > 0) this.blocks = blocksWhenStored(this.blocks, dirtyCount, end, this.size % PAGE_SIZE);
    return 0;
  }

  override truncate(size: number, now: Time): number {
    const { fileSystem } = this;
    fileSystem.stamp(now);
    this.pages!.leaveImage();
    const shrinks = size < this.size;
    const failed = (shrinks ? this.pages!.ownEdge(size) : 0) || fileSystem.subvolume.truncate(this.ino, size);
    if (failed < 0) return failed;
    if (shrinks) this.pages!.truncate(size);
    this.#dropPromises();
    if (size !== this.statSize()) this.mtime = now;
    this.#takeSize(size);
    this.ctime = now;
    if (size === 0) fileSystem.emptied.add(this);
    return 0;
  }

  /** fallocate(2) in all modes but FALLOC_FL_UNSHARE_RANGE. Returns short when as many pages were cleared as it may. */
  override allocate(mode: number, offset: number, length: number, now: Time): number {
    if (mode === FALLOC_FL_COLLAPSE_RANGE || mode === FALLOC_FL_INSERT_RANGE)
      return this.#shift(mode, offset, length, now);
    if ((mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) !== 0) return -EOPNOTSUPP;
    const { subvolume } = this.fileSystem;
    this.pages!.leaveImage();
    const keepSize = (mode & FALLOC_FL_KEEP_SIZE) !== 0;
    this.fileSystem.stamp(now);
    const wanted = offset + length;
    if ((mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) !== 0) {
      const pagesEnd = Math.ceil(this.size / PAGE_SIZE) * PAGE_SIZE;
      length = Math.min(length, this.#reachOf(offset, Math.min(wanted, pagesEnd)) - offset);
      const end = Math.min(offset + length, pagesEnd);
      const unowned = this.pages!.ownEdge(offset) || this.pages!.ownEdge(end);
      const failed = unowned || subvolume.punchHole(this.ino, offset, length);
      if (failed < 0) return failed;
      this.#clearPages(offset, end);
      this.#dropPromises();
    }
    if ((mode & FALLOC_FL_PUNCH_HOLE) === 0) {
      const failed = subvolume.preallocate(this.ino, offset, length, keepSize);
      if (failed < 0) return failed;
      if (!keepSize && offset + length > this.size) this.size = offset + length;
    }
    this.mtime = now;
    this.ctime = now;
    return offset + length < wanted ? length : 0;
  }

  /** How far the pages of a range may be cleared at once; Infinity: all of them. */
  #reachOf(start: number, end: number): number {
    const { work } = this.fileSystem.kernel;
    const last = Math.ceil(end / PAGE_SIZE);
    const reached = this.pages!.forEachInPieces(Math.floor(start / PAGE_SIZE), last, work, () => {});
    return reached < last ? reached * PAGE_SIZE : Infinity;
  }

  /** What lies behind the range moves: all of it is in the engine before, and read anew after. */
  #shift(mode: number, offset: number, length: number, now: Time): number {
    const { fileSystem } = this;
    this.pages!.leaveImage();
    const stored = this.store();
    if (stored < 0) return stored;
    fileSystem.stamp(now);
    const collapses = mode === FALLOC_FL_COLLAPSE_RANGE;
    if (!collapses && Number(this.statSize()) + length > FILE_SIZE_MAX) return -EFBIG;
    const failed = collapses
      ? fileSystem.subvolume.collapseRange(this.ino, offset, length)
      : fileSystem.subvolume.insertRange(this.ino, offset, length);
    if (failed < 0) return failed;
    fileSystem.kernel.fileShrinks(this, offset);
    this.pages!.truncate(offset);
    const { attributes, subvolume } = fileSystem;
    const found = subvolume.stat(this.ino, attributes);
    if (found < 0) return found;
    this.#takeSize(attributes.size);
    this.mtime = now;
    this.ctime = now;
    return 0;
  }

  /** Puts what is in memory into the engine. What fails stays dirty. */
  store(): number {
    const failed = this.pages!.writeBack(this.size);
    return failed < 0 ? failed : this.storeAttributes();
  }

  override takeRange(
    source: Inode,
    sourceOffset: number,
    offset: number,
    length: number,
    shares: boolean,
    now: Time,
  ): number {
    if (!(source instanceof AegisInode) || source.fileSystem !== this.fileSystem) return -EOPNOTSUPP;
    const { fileSystem } = this;
    const { subvolume } = fileSystem;
    this.pages!.leaveImage();
    const stored = source.store() || this.store();
    if (stored < 0) return stored;
    fileSystem.stamp(now);
    const range = { source: source.ino, offset: sourceOffset, target: this.ino, targetOffset: offset, length };
    const result = shares ? subvolume.cloneRange(range) : subvolume.copyRange(range);
    if (result < 0) return result;
    const count = shares ? length : result;
    this.#reloadPages(offset, offset + count);
    this.size = Math.max(this.size, offset + count);
    return count;
  }

  /** The engine has other content for the range: pages that are mapped get it, the others go. */
  #reloadPages(start: number, end: number): void {
    const pages = this.pages!;
    const { frames, physical } = this.fileSystem.kernel;
    const present: number[] = [];
    pages.forEach(Math.floor(start / PAGE_SIZE), Math.ceil(end / PAGE_SIZE), (index) => present.push(index));
    for (const index of present) {
      if (pages.peek(index) === 0 || pages.loseBorrowed(index)) continue;
      if (frames.references(pages.peek(index)) === 1) {
        pages.drop(index);
        continue;
      }
      const frame = pages.ownFrame(index);
      if (frame > 0 && this.readPage(index, physical.u8, frame * PAGE_SIZE) >= 0) pages.notifyChange(index);
      else pages.lose(index);
    }
  }

  /** Pages in memory are the truth: zeroes them, or gives up whole ones that nobody maps. */
  #clearPages(start: number, end: number): void {
    const pages = this.pages!;
    pages.forEach(Math.floor(start / PAGE_SIZE), Math.ceil(end / PAGE_SIZE), (index) => {
      const from = Math.max(0, start - index * PAGE_SIZE),
        to = Math.min(PAGE_SIZE, end - index * PAGE_SIZE);
      if (from < to) pages.clear(index, from, to);
    });
  }

  override seekData(offset: number): number {
    const failed = this.pages!.writeBack(this.size);
    return failed < 0 ? failed : Number(this.fileSystem.subvolume.seekData(this.ino, offset));
  }

  override seekHole(offset: number): number {
    const failed = this.pages!.writeBack(this.size);
    return failed < 0 ? failed : Number(this.fileSystem.subvolume.seekHole(this.ino, offset));
  }

  override seekUnwritten(offset: number, before: number): number {
    const failed = this.pages!.writeBack(this.size);
    return failed < 0 ? failed : Number(this.fileSystem.subvolume.seekUnwritten(this.ino, offset, before));
  }

  override unwrittenEnd(offset: number): number {
    return Number(this.fileSystem.subvolume.unwrittenEnd(this.ino, offset));
  }

  override get hasExtents(): boolean {
    return true;
  }

  override sync(): number {
    this.fileSystem.storeEmptied();
    return this.fileSystem.subvolume.fsync(this.ino);
  }

  // ---- Names ------------------------------------------------------------------------------------------------------

  override lookup(name: string): Inode | number {
    const ino = this.fileSystem.subvolume.lookup(this.ino, name);
    return ino < 0 ? ino : this.fileSystem.inode(ino);
  }

  override create(name: string, attributes: NewInode): Inode | number {
    const { fileSystem } = this;
    fileSystem.stamp(attributes.now);
    return this.#made(
      fileSystem.subvolume.create(this.ino, name, attributes.mode, attributes.uid, attributes.gid, attributes.rdev),
    );
  }

  override mkdir(name: string, attributes: NewInode): Inode | number {
    const { fileSystem } = this;
    fileSystem.stamp(attributes.now);
    return this.#made(
      fileSystem.subvolume.create(this.ino, name, (attributes.mode & 0o7777) | S_IFDIR, attributes.uid, attributes.gid),
    );
  }

  override symlink(name: string, target: string, attributes: NewInode): Inode | number {
    const { fileSystem } = this;
    fileSystem.stamp(attributes.now);
    return this.#made(fileSystem.subvolume.symlink(this.ino, name, target, attributes.uid, attributes.gid));
  }

  #made(ino: number): Inode | number {
    if (ino < 0) return ino;
    this.#reload();
    return this.fileSystem.inode(ino);
  }

  override createUnnamed(attributes: NewInode): Inode | number {
    const { fileSystem } = this;
    fileSystem.stamp(attributes.now);
    const ino = fileSystem.subvolume.createUnnamed(this.ino, attributes.mode, attributes.uid, attributes.gid);
    if (ino < 0) return ino;
    const inode = fileSystem.inode(ino);
    // The object holds a pin of its own now; the one that it was made with has done its service.
    fileSystem.subvolume.unpin(ino);
    return inode;
  }

  override link(name: string, inode: Inode): number {
    const { fileSystem } = this;
    fileSystem.stamp(fileSystem.kernel.vfs.now());
    return this.#changed(fileSystem.subvolume.link(inode.ino, this.ino, name), inode);
  }

  override unlink(name: string, inode: Inode, now: Time): number {
    const { fileSystem } = this;
    fileSystem.stamp(now);
    return this.#changed(fileSystem.subvolume.unlink(this.ino, name), inode);
  }

  override rmdir(name: string, inode: Inode, now: Time): number {
    const { fileSystem } = this;
    fileSystem.stamp(now);
    return this.#changed(fileSystem.subvolume.rmdir(this.ino, name), inode);
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
    const { fileSystem } = this;
    if (replaced !== null) storeReplacing((flags & RENAME_EXCHANGE) !== 0 ? [inode, replaced] : [inode]);
    fileSystem.stamp(now);
    const failed = this.#changed(fileSystem.subvolume.rename(this.ino, name, newDirectory.ino, newName, flags), inode);
    if (failed < 0) return failed;
    (newDirectory as AegisInode).#reload();
    if (replaced !== null) (replaced as AegisInode).#reload();
    return 0;
  }

  /** After a change of names in this directory, of which `inode` was part. */
  #changed(result: number, inode: Inode): number {
    if (result < 0) return result;
    this.#reload();
    (inode as AegisInode).#reload();
    return 0;
  }

  /** Takes over what the engine counts and stamps by itself. */
  #reload(): void {
    const { attributes, subvolume } = this.fileSystem;
    if (subvolume.stat(this.ino, attributes) < 0) return;
    this.nlink = attributes.nlink;
    this.ctime = { seconds: attributes.ctimeSeconds, nanoseconds: attributes.ctimeNanoseconds };
    if (!this.isDirectory) return;
    this.mtime = { seconds: attributes.mtimeSeconds, nanoseconds: attributes.mtimeNanoseconds };
    this.size = directorySize(attributes.entries);
  }

  override list(
    cursor: number,
    emit: (name: string, ino: number, type: number, nextCursor: number) => boolean,
  ): number {
    const { subvolume, entry } = this.fileSystem;
    const listing = subvolume.listing(this.ino, cursor);
    if (listing !== null && listing.names.length > 0) {
      const { names, inos, types, cursors } = listing;
      for (let index = indexInListing(listing, cursor); index < names.length; index++)
        if (!emit(names[index]!, inos[index]!, types[index]!, cursors[index]! + 1)) break;
      return 0;
    }
    for (;;) {
      const found = subvolume.readDirectory(this.ino, cursor, entry);
      if (found <= 0) return found;
      cursor = entry.nextCursor;
      if (!emit(entry.name, entry.ino, entry.type, cursor)) return 0;
    }
  }

  override readlink(): string | number {
    return this.fileSystem.subvolume.readlink(this.ino);
  }

  // ---- Attributes -------------------------------------------------------------------------------------------------

  override setAttributes(change: AttributeChange): number {
    const { attributes, subvolume } = this.fileSystem;
    let mask = 0;
    if (change.mode !== undefined) {
      mask |= ATTRIBUTE_MODE;
      attributes.mode = change.mode;
    }
    if (change.uid !== undefined) {
      mask |= ATTRIBUTE_UID;
      attributes.uid = change.uid;
    }
    if (change.gid !== undefined) {
      mask |= ATTRIBUTE_GID;
      attributes.gid = change.gid;
    }
    if (change.atime !== undefined) {
      mask |= ATTRIBUTE_ATIME;
      attributes.atimeSeconds = change.atime.seconds;
      attributes.atimeNanoseconds = change.atime.nanoseconds;
    }
    if (change.mtime !== undefined) {
      mask |= ATTRIBUTE_MTIME;
      attributes.mtimeSeconds = change.mtime.seconds;
      attributes.mtimeNanoseconds = change.mtime.nanoseconds;
    }
    if (change.ctime !== undefined) {
      mask |= ATTRIBUTE_CTIME;
      attributes.ctimeSeconds = change.ctime.seconds;
      attributes.ctimeNanoseconds = change.ctime.nanoseconds;
    }
    const set = (): number => subvolume.setAttributes(this.ino, attributes, mask);
    const failed = (mask & (ATTRIBUTE_UID | ATTRIBUTE_GID)) !== 0 ? this.#promiseAnew(set) : set();
    return failed < 0 ? failed : super.setAttributes(change);
  }

  override get keptFileFlags(): number {
    return FILE_FLAGS | COMPRESSION_FLAGS;
  }

  /**
   * Kept as Linux's bits, but for compression, which is a property: with Zstandard where there is one, else with LZ4.
   */
  override setFileFlags(flags: number): number {
    if ((flags & ~(FILE_FLAGS | COMPRESSION_FLAGS)) !== 0) return -EOPNOTSUPP;
    if ((flags & COMPRESSION_FLAGS) === COMPRESSION_FLAGS) return -EINVAL;
    const { attributes, subvolume, kernel } = this.fileSystem;
    if (((flags ^ this.fileFlags) & COMPRESSION_FLAGS) !== 0) {
      const own = subvolume.ownProperties(this.ino);
      const set = (compression: number): number =>
        subvolume.setProperties(this.ino, withCompression(own, compression, 0));
      let changed = set(
        (flags & FS_COMPR_FL) !== 0 ? COMPRESS_ZSTD : (flags & FS_NOCOMP_FL) !== 0 ? COMPRESS_NONE : COMPRESS_UNSET,
      );
      // LZ4 is built in; Zstandard is the host's.
      if (changed === -EOPNOTSUPP) changed = set(COMPRESS_LZ4);
      if (changed < 0) return changed;
    }
    attributes.flags = flags & FILE_FLAGS;
    const now = kernel.vfs.now();
    attributes.ctimeSeconds = now.seconds;
    attributes.ctimeNanoseconds = now.nanoseconds;
    const failed = subvolume.setAttributes(this.ino, attributes, ATTRIBUTE_FLAGS | ATTRIBUTE_CTIME);
    if (failed < 0) return failed;
    this.fileFlags = flags;
    this.ctime = now;
    return 0;
  }

  override get project(): number {
    const { attributes, subvolume } = this.fileSystem;
    const failed = subvolume.stat(this.ino, attributes);
    return failed < 0 ? failed : attributes.project;
  }

  override setProject(project: number): number {
    const { attributes, subvolume } = this.fileSystem;
    attributes.project = project;
    return this.#promiseAnew(() => Math.min(0, subvolume.setAttributes(this.ino, attributes, ATTRIBUTE_PROJECT)));
  }

  override getXattr(name: string): Uint8Array | number {
    return this.fileSystem.subvolume.getXattr(this.ino, name);
  }

  override setXattr(name: string, value: Uint8Array, flags: number): number {
    const { fileSystem } = this;
    fileSystem.stamp(fileSystem.kernel.vfs.now());
    return this.#changed(fileSystem.subvolume.setXattr(this.ino, name, value, flags), this);
  }

  override removeXattr(name: string): number {
    const { fileSystem } = this;
    fileSystem.stamp(fileSystem.kernel.vfs.now());
    return this.#changed(fileSystem.subvolume.removeXattr(this.ino, name), this);
  }

  override listXattrs(): string[] | number {
    return this.fileSystem.subvolume.listXattrs(this.ino);
  }

  // ---- Lifetime ---------------------------------------------------------------------------------------------------

  override evict(): void {
    this.#giveUpPromises();
    this.fileSystem.drop(this);
  }

  #giveUpPromises(): void {
    const count = this.#promised?.size ?? 0;
    if (count > 0) this.fileSystem.subvolume.unpromise(this.ino, count);
    this.#promised = null;
  }

  override forget(): void {
    // The root object is the file system's own; it stays.
    if (this === this.fileSystem.root) return;
    this.pages?.dispose();
    this.#giveUpPromises();
    this.fileSystem.drop(this);
  }

  static {
    stateClass(
      "AegisInode",
      this,
      {
        save: (it) => ({ farSize: it.#farSize, content: it.#content, promised: it.#promised }),
        load: (it, from) => ({ farSize: it.#farSize, content: it.#content, promised: it.#promised } = from),
      },
      {
        shares: TIMES,
        copyPlain: copyPlainFields,
        blank: () => new AegisInode(BLANK_FILE_SYSTEM as unknown as AegisFileSystem, BLANK, 0),
      },
    );
  }
}

/**
 * Before a file gets the name of another one: its content goes to the engine, whose next batch tells of the name (as
 * ext4's auto_da_alloc does). An exchange gives both a new name. An error is told by the write-back that tries it
 * again, not by rename(2). The call has stored the most of it in pieces (vfs/write-back.ts `drainBeforeRename`).
 */
function storeReplacing(files: readonly Inode[]): void {
  for (const file of files) {
    if (file instanceof AegisInode && file.pages !== null && file.pages.dirtyCount > 0) file.store();
  }
}

function directorySize(entries: number): number {
  return Math.max(1, Math.ceil((entries * DIRECTORY_ENTRY_SIZE) / 4096)) * 4096;
}
