import {
  EEXIST,
  EINVAL,
  ENODATA,
  ENOENT,
  ENOSPC,
  ENOTEMPTY,
  ENXIO,
  EOPNOTSUPP,
  PAGE_SIZE,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  FS_APPEND_FL,
  FS_IMMUTABLE_FL,
  FS_NOATIME_FL,
  FS_NODUMP_FL,
  RENAME_EXCHANGE,
  XATTR_LIST_MAX,
  ACL_ACCESS_NAME,
  ACL_DEFAULT_NAME,
  isAclName,
  isErrno,
} from "@stratos/abi";
import { stateClass, SteadyMap } from "@stratos/base";
import { PageCache } from "../../frames/page-cache.ts";
import { firstBehind } from "../../vfs/listing-order.ts";
import type { Reapable } from "../../frames/reaper.ts";
import { CALL_WORK, type CallWork } from "../../ground/call-work.ts";
import { checkXattrFlags } from "../../vfs/xattr-flags.ts";
import { copyPlainFields, Inode, type NewInode, type Time, TIMES } from "../../vfs/inode.ts";
import type { Tmpfs } from "./tmpfs.ts";

/** Size that Linux counts for each name of a tmpfs directory (BOGO_DIRENT_SIZE). */
const ENTRY_SIZE = 20;
const DATA_TYPE_SHIFT = 12;
/** What an extended attribute costs beside its name and value. */
const ATTRIBUTE_SIZE = 64;
/** Entries that went and are still in a directory's order, beyond as many as there are. */
const ORDER_SLACK = 32;
/** Pages of a write that are asked for at once, beyond what its work lets it move. */
const PAGES_ASKED = 2 * CALL_WORK;
/** A longer target than this, with the byte that ends it, takes a page (SHORT_SYMLINK_LEN). */
const SHORT_TARGET = 128;
/** What chattr(1) may set (Linux: SHMEM_FL_USER_MODIFIABLE). */
const KEPT_FLAGS = FS_IMMUTABLE_FL | FS_APPEND_FL | FS_NODUMP_FL | FS_NOATIME_FL;

interface Entry {
  readonly name: string;
  readonly inode: TmpfsInode;
  readonly cursor: number;
  isGone: boolean;
}

/** Of inodes that are filled. */
const BLANK: NewInode = { mode: 0, uid: 0, gid: 0, rdev: 0, now: { seconds: 0, nanoseconds: 0 } };

/**
 * A file of a tmpfs. Directories keep their names in order of creation; an entry's cursor never changes, so listings
 * survive changes.
 */
export class TmpfsInode extends Inode {
  declare readonly fileSystem: Tmpfs;
  /** Of a directory: where ".." leads. */
  parent: TmpfsInode | null = null;
  #entries: SteadyMap<string, Entry> | null;
  /** The same by cursor, with those that went still in their places, so that a listing goes on where it was. */
  #order: Entry[] | null;
  #nextCursor = 1;
  #target = "";
  #xattrs: Map<string, Uint8Array> | null = null;
  /** Bytes reserved for its target and attributes. */
  #bytes = 0;

  constructor(fileSystem: Tmpfs, ino: number, attributes: NewInode) {
    super(fileSystem, ino, attributes.mode, attributes.uid, attributes.gid, attributes.now);
    this.rdev = attributes.rdev;
    const kind = attributes.mode & S_IFMT;
    this.#entries = kind === S_IFDIR ? new SteadyMap() : null;
    this.#order = kind === S_IFDIR ? [] : null;
    if (kind === S_IFDIR) {
      this.nlink = 2;
      this.size = 2 * ENTRY_SIZE;
    }
    if (kind === S_IFREG) this.pages = new PageCache(fileSystem.kernel.memory, null, fileSystem);
  }

  override refresh(): number {
    if (this.pages !== null) this.blocks = this.pages.pageCount * (PAGE_SIZE / 512);
    return 0;
  }

  override lookup(name: string): Inode | number {
    return this.#entries!.get(name)?.inode ?? -ENOENT;
  }

  #add(name: string, inode: TmpfsInode, now: Time): void {
    const entry: Entry = { name, inode, cursor: this.#nextCursor++, isGone: false };
    this.#entries!.set(name, entry);
    this.#order!.push(entry);
    this.size += ENTRY_SIZE;
    this.mtime = now;
    this.ctime = now;
    if (inode.isDirectory) {
      inode.parent = this;
      this.nlink++;
    }
  }

  #remove(name: string, now: Time): void {
    const entry = this.#entries!.get(name)!;
    this.#entries!.delete(name);
    entry.isGone = true;
    if (this.#order!.length > 2 * this.#entries!.size + ORDER_SLACK)
      this.#order = this.#order!.filter((each) => !each.isGone);
    this.size -= ENTRY_SIZE;
    this.mtime = now;
    this.ctime = now;
    if (entry.inode.isDirectory) this.nlink--;
  }

  override create(name: string, attributes: NewInode): Inode | number {
    if (this.#entries!.has(name)) return -EEXIST;
    const inode = this.fileSystem.createInode(attributes);
    if (!isErrno(inode)) this.#add(name, inode, attributes.now);
    return inode;
  }

  override mkdir(name: string, attributes: NewInode): Inode | number {
    return this.create(name, attributes);
  }

  override symlink(name: string, target: string, attributes: NewInode): Inode | number {
    if (this.#entries!.has(name)) return -EEXIST;
    const { fileSystem } = this;
    const pages = target.length < SHORT_TARGET ? 0 : 1;
    if (fileSystem.pagesUsed + pages > fileSystem.pagesMax) return -ENOSPC;
    if (fileSystem.reserveBytes(target.length) < 0) return -ENOSPC;
    const inode = fileSystem.createInode({ ...attributes, mode: S_IFLNK | 0o777 });
    if (isErrno(inode)) {
      fileSystem.kernel.vfs.memoryBytes -= target.length;
      return inode;
    }
    fileSystem.pagesUsed += pages;
    inode.blocks = pages * (PAGE_SIZE / 512);
    inode.#bytes = target.length;
    inode.#target = target;
    inode.size = target.length;
    this.#add(name, inode, attributes.now);
    return inode;
  }

  override link(name: string, inode: Inode): number {
    if (this.#entries!.has(name)) return -EEXIST;
    // A further name counts like an inode, as in Linux (mm/shmem.c, shmem_link).
    if (inode.nlink > 0 && this.fileSystem.reserveInode() < 0) return -ENOSPC;
    inode.nlink++;
    this.#add(name, inode as TmpfsInode, this.fileSystem.kernel.vfs.now());
    return 0;
  }

  override unlink(name: string, inode: Inode, now: Time): number {
    this.#remove(name, now);
    if (inode.nlink > 1) this.fileSystem.freeInode();
    inode.nlink--;
    inode.ctime = now;
    return 0;
  }

  override rmdir(name: string, inode: Inode, now: Time): number {
    if ((inode as TmpfsInode).#entries!.size > 0) return -ENOTEMPTY;
    this.#remove(name, now);
    inode.nlink = 0;
    inode.ctime = now;
    return 0;
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
    const target = newDirectory as TmpfsInode;
    if ((flags & RENAME_EXCHANGE) !== 0) {
      const other = replaced as TmpfsInode;
      this.#remove(name, now);
      target.#remove(newName, now);
      this.#add(name, other, now);
      target.#add(newName, inode as TmpfsInode, now);
      other.ctime = now;
      return 0;
    }
    if (replaced !== null) {
      if (replaced.isDirectory && (replaced as TmpfsInode).#entries!.size > 0) return -ENOTEMPTY;
      target.#remove(newName, now);
      if (!replaced.isDirectory && replaced.nlink > 1) this.fileSystem.freeInode();
      replaced.nlink = replaced.isDirectory ? 0 : replaced.nlink - 1;
      replaced.ctime = now;
    }
    this.#remove(name, now);
    target.#add(newName, inode as TmpfsInode, now);
    return 0;
  }

  override createUnnamed(attributes: NewInode): Inode | number {
    const inode = this.fileSystem.createInode(attributes);
    if (!isErrno(inode)) inode.nlink = 0;
    return inode;
  }

  override list(
    cursor: number,
    emit: (name: string, ino: number, type: number, nextCursor: number) => boolean,
  ): number {
    const order = this.#order ?? [];
    for (let at = firstBehind(order, cursor); at < order.length; at++) {
      const entry = order[at]!;
      if (entry.isGone) continue;
      if (!emit(entry.name, entry.inode.ino, entry.inode.type >> DATA_TYPE_SHIFT, entry.cursor)) break;
    }
    return 0;
  }

  override readlink(): string | number {
    return this.isSymlink ? this.#target : -EINVAL;
  }

  override prepareWrite(offset: number, length: number): number {
    const { pagesMax, pagesUsed, kernel } = this.fileSystem;
    const first = Math.floor(offset / PAGE_SIZE),
      last = Math.floor((offset + length - 1) / PAGE_SIZE);
    let free = pagesMax - pagesUsed;
    if (last - first < free) return 0;
    // As in Linux what has room is written: up to the first page that is not there and finds none.
    for (let index = first; index <= last; index++) {
      if (this.pages!.peek(index) === 0 && --free < 0) return index === first ? -ENOSPC : index * PAGE_SIZE - offset;
      // What a write moves within its work is far less.
      if (index - first === PAGES_ASKED) return (index + 1) * PAGE_SIZE - offset;
    }
    kernel.work.charge((last - first) >> 5);
    return 0;
  }

  /** Has the whole range room? 0, or −ENOSPC. */
  #prepareRange(offset: number, length: number): number {
    const { pagesMax, pagesUsed, kernel } = this.fileSystem;
    const first = Math.floor(offset / PAGE_SIZE),
      last = Math.floor((offset + length - 1) / PAGE_SIZE);
    const pages = last - first + 1;
    if (pagesUsed + pages <= pagesMax) return 0;
    // What could not be there even if all the file's pages lay in the range needs no counting.
    if (pagesUsed + pages - this.pages!.pageCount > pagesMax) return -ENOSPC;
    let present = 0;
    this.pages!.forEach(first, last + 1, () => present++);
    kernel.work.charge(present >> 5);
    return pagesUsed + pages - present > pagesMax ? -ENOSPC : 0;
  }

  override truncate(size: number, now: Time): number {
    // Room beyond the end goes as well (mm/shmem.c, shmem_setattr).
    const failed = size <= this.size ? this.pages!.truncate(size) : 0;
    if (failed < 0) return failed;
    if (size !== this.size) this.mtime = now;
    this.size = size;
    this.ctime = now;
    return 0;
  }

  /**
   * fallocate(2): room, and holes, as Linux' tmpfs has (mm/shmem.c, shmem_fallocate). Stops when the call has used its
   * work.
   */
  override allocate(mode: number, offset: number, length: number, now: Time): number {
    if ((mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE)) !== 0) return -EOPNOTSUPP;
    const { work } = this.fileSystem.kernel;
    let end = offset + length;
    if ((mode & FALLOC_FL_PUNCH_HOLE) !== 0) {
      const failed = this.pages!.ownEdge(offset) || this.pages!.ownEdge(end);
      if (failed < 0) return failed;
      const reached = this.#clear(offset, end);
      if (work.isCut) end = reached;
    } else {
      const refused = this.#prepareRange(offset, length);
      if (refused < 0) return refused;
      for (let index = Math.floor(offset / PAGE_SIZE); index * PAGE_SIZE < end; index++) {
        work.charge(1);
        const frame = this.pages!.frame(index);
        if (frame < 0) return frame;
        if (work.mustPause()) end = Math.min(end, (index + 1) * PAGE_SIZE);
      }
      if ((mode & FALLOC_FL_KEEP_SIZE) === 0 && end > this.size) this.size = end;
    }
    this.mtime = now;
    this.ctime = now;
    return end - offset;
  }

  /** Zeroes a range. @returns where it got to within its work */
  #clear(start: number, end: number): number {
    const pages = this.pages!;
    const { work } = this.fileSystem.kernel;
    return (
      PAGE_SIZE *
      pages.forEachInPieces(Math.floor(start / PAGE_SIZE), Math.ceil(end / PAGE_SIZE), work, (index) => {
        const from = Math.max(0, start - index * PAGE_SIZE),
          to = Math.min(PAGE_SIZE, end - index * PAGE_SIZE);
        pages.clear(index, from, to);
      })
    );
  }

  override seekData(offset: number): number {
    const pages = this.pages!;
    if (pages.peek(Math.floor(offset / PAGE_SIZE)) !== 0) return offset;
    let best = Infinity;
    pages.forEach(Math.floor(offset / PAGE_SIZE), Math.ceil(this.size / PAGE_SIZE), (index) => {
      if (index < best) best = index;
    });
    return best === Infinity ? -ENXIO : best * PAGE_SIZE;
  }

  override seekHole(offset: number): number {
    const pages = this.pages!;
    let index = Math.floor(offset / PAGE_SIZE);
    if (pages.peek(index) === 0) return offset;
    while (index * PAGE_SIZE < this.size && pages.peek(index) !== 0) index++;
    return Math.min(this.size, index * PAGE_SIZE);
  }

  override getXattr(name: string): Uint8Array | number {
    return this.#xattrs?.get(name) ?? -ENODATA;
  }

  override setXattr(name: string, value: Uint8Array, flags: number): number {
    const refused = checkXattrFlags(this.#xattrs?.has(name) === true, flags);
    if (refused < 0) return refused;
    this.#xattrs ??= new Map();
    let total = value.length;
    for (const [other, bytes] of this.#xattrs) if (other !== name) total += other.length + bytes.length;
    // What a user could otherwise pile up in the heap without any limit.
    if (total > 1 << 20) return -ENOSPC;
    const before = this.#xattrs.get(name);
    const more = value.length - (before === undefined ? -(name.length + ATTRIBUTE_SIZE) : before.length);
    if (this.fileSystem.reserveBytes(more) < 0) return -ENOSPC;
    this.#bytes += more;
    this.#xattrs.set(name, value.slice());
    return 0;
  }

  override removeXattr(name: string): number {
    const value = this.#xattrs?.get(name);
    if (value === undefined) return -ENODATA;
    this.#xattrs!.delete(name);
    this.#release(name.length + ATTRIBUTE_SIZE + value.length);
    return 0;
  }

  /** In Linux's order, which programs print: lists of acl(5), then from the last name to the first (fs/xattr.c). */
  override listXattrs(): string[] {
    const names = [...(this.#xattrs?.keys() ?? [])];
    // Of more than a list may have nobody is told the order.
    if (names.length > XATTR_LIST_MAX / 7) return names;
    const lists = [ACL_ACCESS_NAME, ACL_DEFAULT_NAME].filter((name) => names.includes(name));
    return lists.concat(
      names
        .filter((name) => !isAclName(name))
        .sort()
        .reverse(),
    );
  }

  override get keptFileFlags(): number {
    return KEPT_FLAGS;
  }

  override setFileFlags(flags: number): number {
    if ((flags & ~KEPT_FLAGS) !== 0) return -EOPNOTSUPP;
    this.fileFlags = flags;
    return 0;
  }

  #release(bytes: number): void {
    this.#bytes -= bytes;
    this.fileSystem.kernel.vfs.memoryBytes -= bytes;
  }

  override evict(): void {
    this.fileSystem.freeInode();
    this.fileSystem.inodes.delete(this.ino);
    if (this.isSymlink && this.blocks > 0) this.fileSystem.pagesUsed--;
    this.#release(this.#bytes);
  }

  /**
   * The file system goes: frames go back, and names; what is open still keeps its content. @returns the inodes that it
   * had names of
   */
  dismantle(): TmpfsInode[] {
    const below = [...(this.#entries?.values() ?? [])].map((entry) => entry.inode);
    this.#entries?.clear();
    if (this.#order !== null) this.#order = [];
    if (this.isEvicted) return below;
    if (!this.isDirectory) for (let extra = 1; extra < this.nlink; extra++) this.fileSystem.freeInode();
    this.nlink = 0;
    if (this.users > 0) return below;
    this.isEvicted = true;
    this.pages?.dispose();
    this.evict();
    return below;
  }

  static {
    stateClass(
      "TmpfsInode",
      this,
      {
        save: (it) => ({
          entries: it.#entries,
          order: it.#order,
          nextCursor: it.#nextCursor,
          target: it.#target,
          xattrs: it.#xattrs,
          bytes: it.#bytes,
        }),
        load: (it, from) =>
          ({
            entries: it.#entries,
            order: it.#order,
            nextCursor: it.#nextCursor,
            target: it.#target,
            xattrs: it.#xattrs,
            bytes: it.#bytes,
          } = from),
      },
      {
        shares: TIMES,
        copyPlain: copyPlainFields,
        blank: () => new TmpfsInode(null as unknown as Tmpfs, 0, BLANK),
      },
    );
  }
}

/** The tree of a file system that was unmounted; however deep and wide, it goes in pieces. */
export class DismantledTree implements Reapable {
  #left: TmpfsInode[];

  constructor(root: TmpfsInode) {
    this.#left = [root];
  }

  reap(work: CallWork): boolean {
    for (let inode = this.#left.pop(); inode !== undefined; inode = this.#left.pop()) {
      const below = inode.dismantle();
      for (const each of below) this.#left.push(each);
      work.charge(1 + below.length);
      if (work.mustPause()) return this.#left.length === 0;
    }
    return true;
  }

  static {
    stateClass("DismantledTree", this, {
      save: (it) => ({ left: it.#left }),
      load: (it, from) => ({ left: it.#left } = from),
    });
  }
}
