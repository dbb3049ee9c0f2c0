import {
  EFBIG,
  EINVAL,
  ENODATA,
  ENOSPC,
  ENXIO,
  EOPNOTSUPP,
  FALLOC_FL_COLLAPSE_RANGE,
  FALLOC_FL_INSERT_RANGE,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  FALLOC_FL_UNSHARE_RANGE,
  FALLOC_FL_WRITE_ZEROES,
  FALLOC_FL_ZERO_RANGE,
  FS_APPEND_FL,
  FS_COMPR_FL,
  FS_IMMUTABLE_FL,
  FS_NOATIME_FL,
  FS_NODUMP_FL,
  PAGE_SIZE,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFMT,
  S_IFREG,
  isErrno,
} from "@stratos/abi";
import { byteString, byteStringOf } from "@stratos/base";
import { BLOCK_AREA_SIZE, deviceOf, INODE_FLAG, isZero, viewOf, type Extent } from "@stratos/formats/ext4";
import { PageCache, type PageBacking } from "../../frames/page-cache.ts";
import { FILE_SIZE_MAX } from "../../vfs/content-change.ts";
import { makeDevice } from "../../vfs/device-registry.ts";
import { checkXattrFlags } from "../../vfs/xattr-flags.ts";
import { type AttributeChange, Inode, type Place, type Time } from "../../vfs/inode.ts";
import { leaveAttributeBlock, putXattrs, xattrsOf } from "./ext4-attributes.ts";
import { blocksMost, isHole, markWritten, runAt, shiftRuns } from "./ext4-content.ts";
import { Ext4Places } from "./ext4-places.ts";
import {
  areaOf,
  attributeBlockOf,
  FIELD,
  flagsOf,
  generationOf,
  hasExtents,
  putRights,
  setAttributeBlock,
  setFlags,
} from "./ext4-record.ts";
import { readTime, writeTime } from "./ext4-times.ts";
import type { Ext4Volume } from "./ext4-volume.ts";

/** What chattr(1) may set; of compression, as on Linux, no more is done than to keep the wish. */
const KEPT_FLAGS = FS_COMPR_FL | FS_IMMUTABLE_FL | FS_APPEND_FL | FS_NODUMP_FL | FS_NOATIME_FL;
/** What lsattr(1) shows besides: how the content is found. */
const SHAPE_FLAGS = INODE_FLAG.extents | INODE_FLAG.index;
/** A folder with so many links of its own or more has 1 on the disk (dir_nlink). */
const DIRECTORY_LINKS_MAX = 65000;

/**
 * A file of an ext2, ext3 or ext4 file system: its content and attributes. These are on the disk at once; which blocks
 * hold the content is ahead here until write-back, which stores pages before it. Names are ext4-inode.ts's.
 */
export abstract class Ext4File extends Inode implements PageBacking {
  declare readonly fileSystem: Ext4Volume;
  /** As it is on the disk. */
  readonly bytes: Uint8Array;
  readonly places: Ext4Places;

  constructor(fileSystem: Ext4Volume, ino: number, bytes: Uint8Array) {
    const view = viewOf(bytes);
    const mode = view.getUint16(FIELD.mode, true);
    super(
      fileSystem,
      ino,
      mode,
      view.getUint16(FIELD.uidLow, true) + view.getUint16(FIELD.uidHigh, true) * 65536,
      view.getUint16(FIELD.gidLow, true) + view.getUint16(FIELD.gidHigh, true) * 65536,
      readTime(view, "mtime"),
    );
    this.bytes = bytes;
    this.places = new Ext4Places(this);
    this.atime = readTime(view, "atime");
    this.ctime = readTime(view, "ctime");
    this.btime = readTime(view, "btime");
    this.nlink = view.getUint16(FIELD.links, true);
    this.fileFlags = view.getUint32(FIELD.flags, true) & (KEPT_FLAGS | SHAPE_FLAGS);
    const kind = mode & S_IFMT;
    const high = kind === S_IFREG || kind === S_IFDIR ? view.getUint32(FIELD.sizeHigh, true) : 0;
    this.size = Math.min(FILE_SIZE_MAX, view.getUint32(FIELD.sizeLow, true) + high * 2 ** 32);
    const sectors = view.getUint32(FIELD.sectorsLow, true) + view.getUint16(FIELD.sectorsHigh, true) * 2 ** 32;
    this.blocks = (flagsOf(this.bytes) & INODE_FLAG.hugeFile) !== 0 ? (sectors * this.blockSize) / 512 : sectors;
    if (kind === S_IFCHR || kind === S_IFBLK) {
      const { major, minor } = deviceOf(areaOf(this.bytes));
      this.rdev = makeDevice(major, minor);
    }
    if (kind === S_IFREG) this.pages = new PageCache(fileSystem.kernel.memory, this);
  }

  get generation(): number {
    return generationOf(this.bytes);
  }

  // ---- On the disk ------------------------------------------------------------------------------------------------

  /** Writes what the inode says. @throws FormatError, DiskError */
  put(): void {
    const view = viewOf(this.bytes);
    putRights(view, this);
    view.setUint16(FIELD.links, this.isDirectory && this.nlink >= DIRECTORY_LINKS_MAX ? 1 : this.nlink, true);
    view.setUint32(FIELD.sizeLow, this.size % 2 ** 32, true);
    if (this.isRegular || this.isDirectory) view.setUint32(FIELD.sizeHigh, Math.floor(this.size / 2 ** 32), true);
    view.setUint32(FIELD.sectorsLow, this.blocks % 2 ** 32, true);
    view.setUint16(FIELD.sectorsHigh, Math.floor(this.blocks / 2 ** 32), true);
    const own = flagsOf(this.bytes) & ~(KEPT_FLAGS | INODE_FLAG.hugeFile);
    setFlags(this.bytes, own | (this.fileFlags & KEPT_FLAGS));
    writeTime(view, "atime", this.atime);
    writeTime(view, "mtime", this.mtime);
    writeTime(view, "ctime", this.ctime);
    writeTime(view, "btime", this.btime);
    this.fileSystem.putInode(this.ino, this.bytes);
  }

  /** After a change of names and attributes. */
  store(): void {
    this.put();
    this.fileSystem.flushBitmaps();
  }

  // ---- Content: PageBacking ---------------------------------------------------------------------------------------

  readPage(index: number, bytes: Uint8Array, at: number): number {
    try {
      return this.#readPage(index, bytes, at);
    } catch (thrown) {
      return this.fileSystem.errnoOf(thrown);
    }
  }

  #readPage(index: number, bytes: Uint8Array, at: number): number {
    const { blockSize } = this;
    const { runs } = this.places.read();
    const perPage = PAGE_SIZE / blockSize;
    const device = this.fileSystem.disk;
    bytes.fill(0, at, at + PAGE_SIZE);
    const first = index * perPage;
    for (let run = runAt(runs, first); run < runs.length && runs[run]!.logical < first + perPage; run++) {
      const { logical, physical, count, isUnwritten } = runs[run]!;
      if (isUnwritten === true) continue;
      const from = Math.max(first, logical),
        to = Math.min(first + perPage, logical + count);
      const failed = device.readThrough(
        (physical + from - logical) * blockSize,
        bytes,
        at + (from - first) * blockSize,
        (to - from) * blockSize,
      );
      if (failed < 0) return failed;
    }
    const beyond = this.size - index * PAGE_SIZE;
    if (beyond < PAGE_SIZE) bytes.fill(0, at + Math.max(0, beyond), at + PAGE_SIZE);
    return 0;
  }

  writePage(index: number, bytes: Uint8Array, at: number, length: number): number {
    try {
      return this.#writePage(index, bytes, at, length);
    } catch (thrown) {
      return this.fileSystem.errnoOf(thrown);
    }
  }

  #writePage(index: number, bytes: Uint8Array, at: number, length: number): number {
    const { blockSize } = this;
    const perPage = PAGE_SIZE / blockSize;
    const first = index * perPage,
      last = first + Math.ceil(length / blockSize);
    const { disk: device } = this.fileSystem;
    let source = bytes,
      start = at;
    if (length < (last - first) * blockSize) {
      source = new Uint8Array(PAGE_SIZE);
      source.set(bytes.subarray(at, at + length));
      start = 0;
    }
    const content = this.places.read();
    // What a mapping wrote into a hole has no block yet; zeros need none.
    for (let block = first; block < last; block++) {
      const from = start + (block - first) * blockSize;
      if (isHole(content.runs, block) && !isZero(source.subarray(from, from + blockSize)))
        if (this.places.fill(block, block + 1, true) === block) return -ENOSPC;
    }
    for (let block = first; block < last;) {
      const run = content.runs[runAt(content.runs, block)];
      if (run === undefined || run.logical > block) {
        block = Math.min(last, run?.logical ?? last);
        continue;
      }
      const to = Math.min(last, run.logical + run.count);
      const failed = device.writeThrough(
        (run.physical + block - run.logical) * blockSize,
        source,
        start + (block - first) * blockSize,
        (to - block) * blockSize,
      );
      if (failed < 0) return failed;
      if (run.isUnwritten === true) markWritten(content, block, to);
      block = to;
    }
    return 0;
  }

  override prepareWrite(offset: number, length: number): number {
    try {
      return this.#prepareWrite(offset, length);
    } catch (thrown) {
      return this.fileSystem.errnoOf(thrown);
    }
  }

  #prepareWrite(offset: number, length: number): number {
    const { blockSize } = this;
    const first = Math.floor(offset / blockSize),
      last = Math.ceil((offset + length) / blockSize);
    const most = blocksMost(hasExtents(this.bytes), blockSize);
    if (first >= most) return -EFBIG;
    const end = Math.min(last, most);
    const reached = this.places.fill(first, end, true);
    this.fileSystem.flushBitmaps();
    if (reached >= last) return 0;
    const bytes = reached * blockSize - offset;
    return bytes > 0 ? bytes : end < last && reached >= end ? -EFBIG : -ENOSPC;
  }

  override storeAttributes(): number {
    return this.fileSystem.attempt(() => {
      this.places.putTree();
      this.store();
      return 0;
    });
  }

  override get isStoredButForAccess(): boolean {
    const view = viewOf(this.bytes);
    const same = (a: Time, b: Time): boolean => a.seconds === b.seconds && a.nanoseconds === b.nanoseconds;
    return (
      this.pages?.hasDirty !== true &&
      !this.places.isChanged &&
      view.getUint32(FIELD.sizeLow, true) === this.size % 2 ** 32 &&
      same(readTime(view, "mtime"), this.mtime) &&
      same(readTime(view, "ctime"), this.ctime)
    );
  }

  override sync(): number {
    return this.fileSystem.disk.driver.flush();
  }

  override truncate(size: number, now: Time): number {
    return this.fileSystem.attempt(() => {
      const { blockSize } = this;
      if (size > blocksMost(hasExtents(this.bytes), blockSize) * blockSize) return -EFBIG;
      if (size < this.size) {
        // The rest of the last block must read as zeros when the file grows again.
        const tail = size % blockSize === 0 ? 0 : this.pages!.frame(Math.floor(size / PAGE_SIZE));
        const failed = tail < 0 ? tail : this.pages!.truncate(size);
        if (failed < 0) return failed;
        this.places.release(Math.ceil(size / blockSize), Infinity);
      }
      if (size !== this.size) this.mtime = now;
      this.ctime = now;
      this.size = size;
      this.places.putTree();
      this.store();
      return 0;
    });
  }

  override allocate(mode: number, offset: number, length: number, now: Time): number {
    if ((mode & (FALLOC_FL_UNSHARE_RANGE | FALLOC_FL_WRITE_ZEROES)) !== 0) return -EOPNOTSUPP;
    return this.fileSystem.attempt(() => {
      if (!hasExtents(this.bytes)) return -EOPNOTSUPP;
      const { blockSize } = this;
      const end = offset + length;
      if ((mode & (FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE)) !== 0)
        return this.#shift((mode & FALLOC_FL_COLLAPSE_RANGE) !== 0, offset, length, now);
      if (end > blocksMost(true, blockSize) * blockSize) return -EFBIG;
      let result = 0;
      if ((mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) !== 0) {
        const failed = this.#zero(offset, Math.min(end, Math.ceil(this.size / PAGE_SIZE) * PAGE_SIZE));
        if (failed < 0) return failed;
        this.places.release(Math.ceil(offset / blockSize), Math.floor(end / blockSize));
      }
      if ((mode & FALLOC_FL_PUNCH_HOLE) === 0) {
        const last = Math.ceil(end / blockSize);
        if (this.places.fill(Math.floor(offset / blockSize), last, true) < last) result = -ENOSPC;
        else if ((mode & FALLOC_FL_KEEP_SIZE) === 0 && end > this.size) this.size = end;
      }
      this.mtime = now;
      this.ctime = now;
      this.places.putTree();
      this.store();
      return result;
    });
  }

  /** Zeroes what there is of a range: whole pages go from memory, parts of pages are written. */
  #zero(start: number, end: number): number {
    const pages = this.pages!;
    for (const edge of [start, end]) {
      if (edge % PAGE_SIZE === 0 || edge > this.size) continue;
      const frame = pages.frame(Math.floor(edge / PAGE_SIZE));
      const failed = frame < 0 ? frame : pages.ownEdge(edge);
      if (failed < 0) return failed;
    }
    const present: number[] = [];
    pages.forEach(Math.floor(start / PAGE_SIZE), Math.ceil(end / PAGE_SIZE), (index) => present.push(index));
    for (const index of present) {
      const from = Math.max(0, start - index * PAGE_SIZE),
        to = Math.min(PAGE_SIZE, end - index * PAGE_SIZE);
      if (from < to) pages.clear(index, from, to);
    }
    return 0;
  }

  /** Takes a range out of the file, or puts one into it: in whole blocks. */
  #shift(collapses: boolean, offset: number, length: number, now: Time): number {
    const { blockSize, fileSystem } = this;
    if (offset % blockSize !== 0 || length % blockSize !== 0) return -EINVAL;
    if (collapses ? offset + length >= this.size : offset >= this.size) return -EINVAL;
    if (!collapses && this.size + length > blocksMost(true, blockSize) * blockSize) return -EFBIG;
    const stored = this.pages!.writeBack(this.size);
    if (stored < 0) return stored;
    fileSystem.kernel.fileShrinks(this, offset);
    const cut = this.pages!.truncate(Math.floor(offset / PAGE_SIZE) * PAGE_SIZE);
    if (cut < 0) return cut;
    const first = offset / blockSize,
      count = length / blockSize;
    if (collapses) {
      this.places.release(first, first + count);
      shiftRuns(this.places.read(), first + count, -count);
      this.size -= length;
    } else {
      shiftRuns(this.places.read(), first, count);
      this.size += length;
    }
    this.mtime = now;
    this.ctime = now;
    this.places.putTree();
    this.store();
    return 0;
  }

  override get hasExtents(): boolean {
    return true;
  }

  /** Where its content lies, once what waits for write-back has its blocks; a negated errno. */
  #storedRuns(): readonly Extent[] | number {
    let runs: readonly Extent[] = [];
    const failed = this.fileSystem.attempt(() => {
      const stored = this.pages?.writeBack(this.size) ?? 0;
      if (stored < 0) return stored;
      ({ runs } = this.places.read());
      return 0;
    });
    return failed < 0 ? failed : runs;
  }

  override seekData(offset: number): number {
    const runs = this.#storedRuns();
    if (isErrno(runs)) return runs;
    for (let at = runAt(runs, Math.floor(offset / this.blockSize)); at < runs.length; at++) {
      const { logical, isUnwritten } = runs[at]!;
      if (logical * this.blockSize >= this.size) break;
      if (isUnwritten !== true) return Math.max(offset, logical * this.blockSize);
    }
    return -ENXIO;
  }

  override seekHole(offset: number): number {
    const runs = this.#storedRuns();
    if (isErrno(runs)) return runs;
    let end = offset;
    for (let at = runAt(runs, Math.floor(offset / this.blockSize)); at < runs.length; at++) {
      const { logical, count, isUnwritten } = runs[at]!;
      if (isUnwritten === true || logical * this.blockSize > end) break;
      end = (logical + count) * this.blockSize;
    }
    return Math.min(end, this.size);
  }

  override seekUnwritten(offset: number, before: number): number {
    const runs = this.#storedRuns();
    if (isErrno(runs)) return runs;
    for (let at = runAt(runs, Math.floor(offset / this.blockSize)); at < runs.length; at++) {
      const { logical, isUnwritten } = runs[at]!;
      if (logical * this.blockSize >= before) break;
      if (isUnwritten === true) return Math.max(offset, logical * this.blockSize);
    }
    return -ENXIO;
  }

  override unwrittenEnd(offset: number): number {
    const runs = this.#storedRuns();
    const run = isErrno(runs) ? undefined : runs[runAt(runs, Math.floor(offset / this.blockSize))];
    return run === undefined ? offset : (run.logical + run.count) * this.blockSize;
  }

  override placeOf(offset: number): Place | null {
    const runs = this.#storedRuns();
    if (isErrno(runs)) return null;
    const { blockSize } = this;
    const { logical, physical, count } = runs[runAt(runs, Math.floor(offset / blockSize))]!;
    return { at: physical * blockSize + offset - logical * blockSize, end: (logical + count) * blockSize };
  }

  get blockSize(): number {
    return this.fileSystem.superblock.blockSize;
  }

  // ---- Attributes -------------------------------------------------------------------------------------------------

  override setAttributes(change: AttributeChange): number {
    super.setAttributes(change);
    return this.fileSystem.attempt(() => {
      this.put();
      return 0;
    });
  }

  override get keptFileFlags(): number {
    return KEPT_FLAGS;
  }

  override setFileFlags(flags: number): number {
    if ((flags & ~(KEPT_FLAGS | SHAPE_FLAGS)) !== 0) return -EOPNOTSUPP;
    this.fileFlags = (flags & KEPT_FLAGS) | (flagsOf(this.bytes) & SHAPE_FLAGS);
    this.ctime = this.fileSystem.kernel.vfs.now();
    return this.fileSystem.attempt(() => {
      this.put();
      return 0;
    });
  }

  override getXattr(name: string): Uint8Array | number {
    let value: string | undefined;
    const failed = this.fileSystem.attempt(() => {
      value = xattrsOf(this).get(name);
      return value === undefined ? -ENODATA : 0;
    });
    return failed < 0 ? failed : byteStringOf(value!);
  }

  override listXattrs(): string[] | number {
    let names: string[] = [];
    const failed = this.fileSystem.attempt(() => {
      names = [...xattrsOf(this).keys()];
      return 0;
    });
    return failed < 0 ? failed : names;
  }

  override setXattr(name: string, value: Uint8Array, flags: number): number {
    return this.fileSystem.attempt(() => {
      const xattrs = xattrsOf(this);
      const refused = checkXattrFlags(xattrs.has(name), flags);
      if (refused < 0) return refused;
      xattrs.set(name, byteString(value));
      return this.#putXattrs(xattrs);
    });
  }

  #putXattrs(xattrs: ReadonlyMap<string, string>): number {
    const failed = putXattrs(this, xattrs);
    if (failed < 0) return failed;
    this.ctime = this.fileSystem.kernel.vfs.now();
    this.store();
    return 0;
  }

  override removeXattr(name: string): number {
    return this.fileSystem.attempt(() => {
      const xattrs = xattrsOf(this);
      return xattrs.delete(name) ? this.#putXattrs(xattrs) : -ENODATA;
    });
  }

  // ---- Lifetime ---------------------------------------------------------------------------------------------------

  override evict(): void {
    const { fileSystem } = this;
    fileSystem.attempt(() => {
      if (!fileSystem.readOnly) this.free();
      return 0;
    });
    fileSystem.drop(this);
  }

  /** Without names and users: all that it has goes back. */
  free(): void {
    const { fileSystem } = this;
    this.places.giveUpPromise();
    const isShort = this.isSymlink && this.size < BLOCK_AREA_SIZE && !hasExtents(this.bytes);
    if ((this.isRegular || this.isDirectory || this.isSymlink) && !isShort) {
      this.places.clear();
    }
    const attributes = attributeBlockOf(this.bytes);
    if (attributes !== 0) leaveAttributeBlock(fileSystem, attributes);
    setAttributeBlock(this.bytes, 0);
    this.size = 0;
    this.blocks = 0;
    viewOf(this.bytes).setUint32(FIELD.deleted, fileSystem.kernel.vfs.now().seconds, true);
    this.put();
    fileSystem.allocator.freeInode(this.ino, this.isDirectory);
    fileSystem.flushBitmaps();
  }

  /** What a crash left: a file without names goes, another is cut where its size says. */
  finishOrphan(): void {
    viewOf(this.bytes).setUint32(FIELD.deleted, 0, true);
    if (this.nlink === 0) return this.free();
    if (this.isRegular) this.places.release(Math.ceil(this.size / this.blockSize), Infinity);
    this.places.putTree();
    this.store();
  }

  /** The next file in the list of those that a crash left (`i_dtime`). */
  get nextOrphan(): number {
    return viewOf(this.bytes).getUint32(FIELD.deleted, true);
  }

  override forget(): void {
    if (this === this.fileSystem.root || this.places.isChanged) return;
    this.pages?.dispose();
    this.fileSystem.drop(this);
  }
}
