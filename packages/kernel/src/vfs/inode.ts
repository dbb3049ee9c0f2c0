import {
  ENOENT,
  EINVAL,
  ENODATA,
  ENOTDIR,
  ENOTTY,
  ENXIO,
  EOPNOTSUPP,
  EPERM,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  type Acl,
} from "@stratos/abi";
import type { Writable } from "@stratos/base";
import type { PageIndex } from "../frames/frame.ts";
import type { PageCache } from "../frames/page-cache.ts";
import { checkAccess } from "../security/permission.ts";
import type { FileLocks } from "./held-locks.ts";
import type { FileLeases } from "./held-leases.ts";
import type { Dentry } from "./dentry.ts";
import type { FileSystem } from "./file-system.ts";
import { endMarks, type FanotifyMark, type FileId, tellGone } from "./fanotify-mark.ts";
import type { InotifyMark } from "./inotify-mark.ts";
import { type Mount, shownOn } from "./mount.ts";
import type { OpenFile } from "./open-file.ts";
import type { Path } from "./path.ts";
import type { Caller } from "./vfs-kernel.ts";

/** Where a piece of a file lies: its byte of the device, and the byte of the file up to which it goes on there. */
export interface Place {
  readonly at: number;
  readonly end: number;
}

/** A point in time: seconds since 1970 and nanoseconds below 10^9. Apart, because together they exceed 2^53. */
export interface Time {
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** Fields of an inode whose objects are never changed, so that forks of the machine have the same ones. */
export const TIMES = ["atime", "mtime", "ctime", "btime"] as const;

/** For `stateClass`, with TIMES as what is shared: of inodes there are many. */
export function copyPlainFields(to: Writable<Inode>, from: Inode): void {
  to.atime = from.atime;
  to.mtime = from.mtime;
  to.ctime = from.ctime;
  to.btime = from.btime;
  to.ino = from.ino;
  to.mode = from.mode;
  to.uid = from.uid;
  to.gid = from.gid;
  to.nlink = from.nlink;
  to.isLinkable = from.isLinkable;
  to.rdev = from.rdev;
  to.size = from.size;
  to.blocks = from.blocks;
  to.users = from.users;
  to.version = from.version;
  to.writers = from.writers;
  to.descriptions = from.descriptions;
  to.cachedNames = from.cachedNames;
  to.isDirty = from.isDirty;
  to.isEvicted = from.isEvicted;
  to.isGoneTold = from.isGoneTold;
  to.hasNoCapabilities = from.hasNoCapabilities;
  to.seals = from.seals;
  to.writeHint = from.writeHint;
  to.fileFlags = from.fileFlags;
}

/** What a new inode begins with; the caller (vfs) has applied umask, set-group-ID inheritance and quota checks. */
export interface NewInode {
  mode: number;
  uid: number;
  gid: number;
  rdev: number;
  now: Time;
  /** O_*: it is made to be opened at once. */
  openFlags?: number;
}

/** Attributes to change; absent ones stay. The vfs has checked permissions and sets `ctime`. */
export interface AttributeChange {
  mode?: number;
  uid?: number;
  gid?: number;
  atime?: Time;
  mtime?: Time;
  ctime?: Time;
}

/** An entry of a directory, as who stands for its file knows it. */
export interface LayerEntry {
  readonly inode: Inode | null;
  readonly parent: LayerEntry | null;
  readonly name: string;
  readonly isDetached: boolean;
}

/**
 * A file of some file system, whatever its names. The public fields are the truth while it is in memory; a file system
 * that stores them persists changes made through `setAttributes` and `truncate`. Names are byte strings, checked by the
 * vfs (not empty, not "." or "..", no "/", at most NAME_MAX bytes). Results are objects or negated errnos.
 *
 * One Inode object exists for each file while it is referenced; `fileSystem` keeps it that way (needed for locks, pages
 * and inotify).
 */
export abstract class Inode {
  readonly fileSystem: FileSystem;
  readonly ino: number;
  /** Type and permission bits (S_IFMT | 07777). */
  mode: number;
  uid: number;
  gid: number;
  nlink = 1;
  /** Without a name, it may get its first one (open(2), O_TMPFILE without O_EXCL). */
  isLinkable = false;
  rdev = 0;
  /** Bytes; FILE_SIZE_MAX (vfs/regular-file.ts) of a file that is larger, of which only so much can be used. */
  size = 0;
  /** Units of 512 bytes. */
  blocks = 0;
  atime: Time;
  mtime: Time;
  ctime: Time;
  btime: Time;
  /** Pages of a regular file's content (frames/page-cache.ts); null for other kinds and for files passed through. */
  pages: PageCache | null = null;
  /** Open descriptions and mappings, kept by the vfs: an unlinked file lives until it is 0, then `evict` is called. */
  users = 0;
  /** Grows with each change of content; keys translated code together with `ino` and `fileSystem.device`. */
  version = 0;
  /**
   * Descriptions open for writing; execve says ETXTBSY when > 0, and < 0 counts running executables (open for writing:
   * ETXTBSY).
   */
  writers = 0;
  /** Open descriptions of a regular file. */
  descriptions = 0;
  /** fcntl(F_SETLEASE); null while there are none. */
  leases: FileLeases<OpenFile> | null = null;
  /** Entries of the dentry cache that name it, kept by the vfs. */
  cachedNames = 0;
  /** One of these, or one that was: by which a handle leads back into the tree. */
  cachedName: Dentry | null = null;
  /** Size or times were changed in place (write, mmap) and `storeAttributes` was not called since. */
  isDirty = false;
  isEvicted = false;
  /** flock(2) and fcntl(2) locks; null: none. */
  locks: FileLocks | null = null;
  /** inotify(7) watches on it; null: none. */
  marks: Set<InotifyMark> | null = null;
  /** fanotify(7) marks on it; null: none. */
  fanotify: Set<FanotifyMark> | null = null;
  /** Its listeners were told that it is gone. */
  isGoneTold = false;
  /** Known to have no file capabilities, so that a write needn't look for them (Linux: S_NOSEC). */
  hasNoCapabilities = false;
  /** fcntl(F_ADD_SEALS) of a memfd; −1 for files that cannot be sealed. */
  seals = -1;
  /** fcntl(F_SET_RW_HINT), kept while the inode is in memory. */
  writeHint = 0;
  /** FS_*_FL of ioctl_iflags(2), as chattr(1) sets them. */
  fileFlags = 0;
  /** The access control list that extends `mode` (acl(5)); null: none. */
  acl: Acl | null = null;
  /** The pipe behind a fifo while it is open; the socket of a bound name. */
  endpoint: object | null = null;

  constructor(fileSystem: FileSystem, ino: number, mode: number, uid: number, gid: number, now: Time) {
    this.fileSystem = fileSystem;
    this.ino = ino;
    this.mode = mode;
    this.uid = uid;
    this.gid = gid;
    this.atime = now;
    this.mtime = now;
    this.ctime = now;
    this.btime = now;
  }

  get type(): number {
    return this.mode & S_IFMT;
  }
  get isDirectory(): boolean {
    return (this.mode & S_IFMT) === S_IFDIR;
  }
  get isSymlink(): boolean {
    return (this.mode & S_IFMT) === S_IFLNK;
  }
  get isRegular(): boolean {
    return (this.mode & S_IFMT) === S_IFREG;
  }

  /** It is gone by itself, and the names that are held of it with it (procfs). */
  get isVanished(): boolean {
    return false;
  }

  /** Path permissions of the task by way of a mount, with MAY_… bits: 0, −EACCES, −EPERM. */
  mayAccess(task: Caller, mask: number, mount: Mount): number {
    return checkAccess(task.credentials, shownOn(mount, this), mask);
  }

  /** access(2), which doesn't open it. */
  askAccess(task: Caller, mask: number, mount: Mount): number {
    return this.mayAccess(task, mask, mount);
  }

  /** Does the file system decide who may do what with it, whatever the attributes say (fs/fuse)? */
  get decidesAccess(): boolean {
    return false;
  }

  /** Brings the public fields up to date where something else may have changed them (host files, procfs). */
  refresh(): number {
    return 0;
  }

  // Stacked file systems (fs/overlay), whose files are shown with the content of others.
  /** Does it stand for a file of another file system? Then that one is what is opened, mapped and executed. */
  get isStacked(): boolean {
    return false;
  }
  /** The file whose content it has. */
  get content(): Inode {
    return this;
  }
  /** Its entry in the layer that has its content; null: it stands for no other file. */
  get layerEntry(): LayerEntry | null {
    return null;
  }
  /** Does its content lie in a lower layer, of which nothing changes, times of access neither? */
  get isLower(): boolean {
    return false;
  }
  /**
   * Before it changes: brings it to the upper layer, where changes go, with `size` bytes of a regular file.
   * @returns 0, −EROFS, −ENOSPC …; UNFINISHED: the call is executed again
   */
  copyUp(_size = Infinity): number {
    return 0;
  }

  // Directories.
  lookup(name: string): Inode | number {
    return -ENOTDIR;
  }
  /** May the vfs cache what `lookup` said (also that a name is absent)? False for procfs, devpts and host folders. */
  get cachesNames(): boolean {
    return true;
  }
  /**
   * A folder where `cachesNames` is false: was it found as `name` of `folder` so lately that a walk on to something in
   * it needn't ask again?
   */
  isBelievedAs(_folder: Inode, _name: string): boolean {
    return false;
  }
  /** Did the last `lookup` fail because this directory isn't where it was believed to be? */
  get wasMisled(): boolean {
    return false;
  }
  /** May something be mounted over it? (Linux: DCACHE_DONT_MOUNT) */
  get isMountable(): boolean {
    return true;
  }
  /** Creates a regular file, fifo, socket or device node. */
  create(name: string, attributes: NewInode): Inode | number {
    return -EPERM;
  }
  mkdir(name: string, attributes: NewInode): Inode | number {
    return -EPERM;
  }
  symlink(name: string, target: string, attributes: NewInode): Inode | number {
    return -EPERM;
  }
  link(name: string, inode: Inode): number {
    return -EPERM;
  }
  unlink(name: string, inode: Inode, now: Time): number {
    return -EPERM;
  }
  /** ENOTEMPTY when it has entries. */
  rmdir(name: string, inode: Inode, now: Time): number {
    return -EPERM;
  }
  /**
   * Moves `name` to `newName` in `newDirectory` (same file system), replacing what is there atomically; RENAME_EXCHANGE
   * in `flags`. The vfs has checked loops, types and stickiness.
   */
  rename(
    name: string,
    inode: Inode,
    newDirectory: Inode,
    newName: string,
    replaced: Inode | null,
    flags: number,
    now: Time,
  ): number {
    return -EPERM;
  }
  /** A regular file without a name (O_TMPFILE). */
  createUnnamed(attributes: NewInode): Inode | number {
    return -EOPNOTSUPP;
  }
  /** Why none of it, not even ".", can be listed: −ENOENT of a directory that was removed; else 0. */
  get listingRefused(): number {
    return this.nlink === 0 ? -ENOENT : 0;
  }
  /**
   * Lists entries but "." and "..", from `cursor` (0: the first); `emit` returns false to stop before the entry it was
   * given. Cursors stay valid while entries come and go.
   */
  list(cursor: number, emit: (name: string, ino: number, type: number, nextCursor: number) => boolean): number {
    return -ENOTDIR;
  }

  // Symbolic links. `task` resolves magic links of procfs.
  readlink(task: Caller | null): string | number {
    return -EINVAL;
  }
  /** A magic link (/proc/PID/fd/N, exe, cwd, root) leads to a place, not through a name; null for ordinary links. */
  followMagic(task: Caller): Path | OpenFile | number | null {
    return null;
  }

  // Attributes.
  setAttributes(change: AttributeChange): number {
    if (change.mode !== undefined) this.mode = (this.mode & S_IFMT) | (change.mode & 0o7777);
    if (change.uid !== undefined) this.uid = change.uid;
    if (change.gid !== undefined) this.gid = change.gid;
    if (change.atime !== undefined) this.atime = change.atime;
    if (change.mtime !== undefined) this.mtime = change.mtime;
    if (change.ctime !== undefined) this.ctime = change.ctime;
    return 0;
  }
  /** Which of `fileFlags` the file system keeps; 0: it has none. */
  get keptFileFlags(): number {
    return 0;
  }
  /** FS_IOC_SETFLAGS: all of the flags anew; the vfs has checked who asks. −EOPNOTSUPP: not this one. */
  setFileFlags(_flags: number): number {
    return -ENOTTY;
  }
  /** The project whose quota counts the file (FS_IOC_FSGETXATTR); a negated errno. */
  get project(): number {
    return 0;
  }
  setProject(project: number): number {
    return project === this.project ? 0 : -EOPNOTSUPP;
  }
  /** @param by  the open file that it is asked of; null: none */
  truncate(size: number, now: Time, by: OpenFile | null = null): number {
    return -EINVAL;
  }
  /** The size that stat(2) shows: also of a file that is larger than the kernel's offsets reach. */
  statSize(): number | bigint {
    return this.size;
  }
  /**
   * fallocate(2); see each file system for its modes.
   *
   * @param by  the open file that it is asked of; null: none
   * @returns bytes of the range that are done, fewer than `length` only when the call has used its work; 0: all; or a
   *   negated errno
   */
  allocate(mode: number, offset: number, length: number, now: Time, by: OpenFile | null = null): number {
    return -EOPNOTSUPP;
  }
  /**
   * Takes over a range of another regular file of this file system, where that is cheaper than reading and writing.
   *
   * @param shares  as FICLONERANGE: all of it by sharing blocks, or −EINVAL; else as copy_file_range(2), as much as can
   *   be
   * @returns bytes; −EOPNOTSUPP when it has to be read and written
   */
  takeRange(source: Inode, sourceOffset: number, offset: number, length: number, shares: boolean, now: Time): number {
    return -EOPNOTSUPP;
  }
  /** SEEK_DATA and SEEK_HOLE: the offset, or −ENXIO. The default has no holes. */
  seekData(offset: number): number {
    return offset < this.size ? offset : -ENXIO;
  }
  seekHole(offset: number): number {
    return offset < this.size ? this.size : -ENXIO;
  }
  /**
   * Where room that is held without content begins, at or after `offset` and before `before`, beyond the end as well;
   * or −ENXIO.
   */
  seekUnwritten(_offset: number, _before: number): number {
    return -ENXIO;
  }
  /** Where such room ends that `offset` lies in. */
  unwrittenEnd(offset: number): number {
    return offset;
  }
  /** Where data or held room at `offset` lies on the device; null where that isn't said. */
  placeOf(_offset: number): Place | null {
    return null;
  }
  /** Do `seekData` and `seekHole` tell what takes place on a device (FS_IOC_FIEMAP)? */
  get hasExtents(): boolean {
    return false;
  }
  /**
   * @param room  bytes that the caller has for it: a file system that has to ask for it is asked that, and may return
   *   the size alone where there is none
   */
  getXattr(name: string, room?: number): Uint8Array | number {
    return -ENODATA;
  }
  setXattr(name: string, value: Uint8Array, flags: number): number {
    return -EOPNOTSUPP;
  }
  removeXattr(name: string): number {
    return -ENODATA;
  }
  /** Their names. @param room  as of getXattr */
  listXattrs(room?: number): string[] | number {
    return [];
  }

  /** Would `open` with these flags be refused? Where somebody is asked for that, `open` need not ask again. */
  askOpen(flags: number): number {
    return 0;
  }

  /**
   * Opens a description. Null: the vfs makes the ordinary one for the inode's type (regular file over `pages`,
   * directory over `list`, fifo, device by `rdev`).
   */
  open(task: Caller, flags: number, path: Path): OpenFile | number | null {
    return null;
  }

  /** Writes content and attributes to stable storage. */
  sync(dataOnly: boolean): number {
    return 0;
  }

  /**
   * Says before a write of a regular file with `pages` whether `[offset, offset + length)` can be stored: 0, −ENOSPC,
   * −EDQUOT, −EFBIG; or how many bytes from `offset` on can, where that is not all. The vfs then changes pages, `size`
   * and times in place and marks the inode dirty.
   */
  prepareWrite(offset: number, length: number): number {
    return 0;
  }

  /** Of a file that a program serves: a shared mapping writes the page, which is stored when somebody waits for it. */
  pageWritten(index: PageIndex): void {}

  /** Write-back, after the pages: persists `size` and times that the vfs changed in place. */
  storeAttributes(): number {
    return 0;
  }

  /** Of what write-back would store nothing is new but the time of access, or nothing is stored at all. */
  get isStoredButForAccess(): boolean {
    return this.pages?.hasDirty !== true;
  }

  /**
   * Called when it lost its last user. Without a name its content is freed; with one the file system may forget the
   * object once no cached name leads to it and nothing is unwritten.
   */
  evictUnused(): void {
    if (this.users > 0 || this.isEvicted) return;
    if (this.nlink === 0) {
      this.tellGone();
      endMarks(this.fanotify);
      if (this.isEvicted) return;
      this.isEvicted = true;
      this.pages?.dispose();
      this.evict();
    } else if (this.cachedNames === 0 && this.pages?.hasDirty !== true && !this.isDirty) {
      // Those that don't keep it in memory go with it (FAN_MARK_EVICTABLE).
      endMarks(this.fanotify);
      this.forget();
    }
  }

  /** What stands for it in handles. Files of every file system can be told apart; not all can be opened by that. */
  get fileId(): FileId {
    const generation = this.fileSystem.generationOf(this);
    const { device } = this.fileSystem;
    return { device, ino: this.ino, generation: generation === -EOPNOTSUPP ? 0 : generation };
  }

  /** It has neither names nor users any more: listeners of fanotify(7) hear of that once. */
  tellGone(): void {
    if (this.isGoneTold || (this.fanotify === null && this.fileSystem.fanotify === null)) return;
    this.isGoneTold = true;
    tellGone(this);
  }

  /** A cached name leads to it no more. */
  dropCachedName(): void {
    this.cachedNames--;
    if (this.cachedNames === 0) this.cachedName = null;
    if (this.cachedNames === 0 && this.users === 0 && this.nlink > 0) this.evictUnused();
  }

  /** No name and no user is left: free its storage. `pages` were disposed of. */
  evict(): void {}

  /**
   * It still has a name, but neither users nor cached names nor unwritten changes: the file system may drop the object.
   */
  forget(): void {}
}
