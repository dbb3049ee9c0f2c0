import {
  EINVAL,
  ENOENT,
  EPERM,
  ESTALE,
  O_CREAT,
  O_EXCL,
  O_RDONLY,
  O_RDWR,
  RENAME_EXCHANGE,
  RENAME_NOREPLACE,
  S_IFMT,
  S_IFREG,
  isErrno,
} from "@stratos/abi";
import { stateClass, StateError } from "@stratos/base";
import type { HostFile, HostFileTree, HostStat } from "@stratos/host";
import { PageCache, type PageBacking } from "../../frames/page-cache.ts";
import type { FileSystem } from "../../vfs/file-system.ts";
import { firstBehind } from "../../vfs/listing-order.ts";
import { type AttributeChange, Inode, type NewInode, type Time } from "../../vfs/inode.ts";
import type { OpenFile } from "../../vfs/open-file.ts";
import type { Path } from "../../vfs/path.ts";
import { HostRegularFile } from "./host-regular-file.ts";
import type { FsCaller, FsKernel } from "../fs-kernel.ts";
import { DirectoryOrder } from "./directory-order.ts";

const KIND_SHIFT = 12;
/** Names of a folder whose kinds are asked for together; who reads its listing may have room for fewer. */
const LISTED_AT_ONCE = 16;
/** So long a folder that was found is passed through without a question, as NFS and 9p do. */
const BELIEVED_NS = 1e9;
/** A call that takes longer asks for attributes anew; so do those of the host itself, which aren't counted. */
const TOLD_NS = 1e6;

function timeOf(ms: number): Time {
  const seconds = Math.floor(ms / 1000);
  return { seconds, nanoseconds: Math.min(999_999_999, Math.max(0, Math.round((ms - seconds * 1000) * 1e6))) };
}

function msOf(time: Time): number {
  return time.seconds * 1000 + time.nanoseconds / 1e6;
}

/** A mounted folder of the host, as its inodes know it (hostfs.ts). */
interface HostFolder extends FileSystem {
  readonly kernel: FsKernel;
  readonly tree: HostFileTree;
  /** Nobody else changes the folder: names may be cached and file content lives in the page cache. */
  readonly isPrivate: boolean;
  /** The one inode for a host file, known from now on under `parent` and `name`. */
  inodeFor(parent: HostInode, name: string, stat: HostStat): HostInode;
  forget(inode: HostInode): void;
}

/** A file of the host. Its path is told by its parent and name, so a renamed directory takes what is below along. */
export class HostInode extends Inode implements PageBacking {
  declare readonly fileSystem: HostFolder;
  #parent: HostInode | null;
  #name: string;
  /** Of a file with several names: the one that it was known by before, for when `#name` goes. */
  #otherName: { readonly parent: HostInode; readonly name: string } | null = null;
  /** Of a folder that is being listed: its names, in an order that stays while they come and go. */
  #order: DirectoryOrder | null = null;
  /** Opened when first needed, and again for writing; kept while the inode is in use. */
  #file: HostFile | null = null;
  #fileIsWritable = false;
  /** Of a symbolic link, once read; used in a private folder only. */
  #target: string | null = null;
  /** Modification time that the cached pages belong to. */
  #cachedMtimeMs = 0;
  /** When (monotonic) the host last told what is at its path. */
  #foundNs = -Infinity;
  /** The system call (`syscallCount`) in which it did, unless something was changed since. */
  #toldInCall = -1;

  constructor(fileSystem: HostFolder, parent: HostInode | null, name: string, stat: HostStat) {
    super(fileSystem, stat.ino, stat.mode, stat.uid, stat.gid, timeOf(stat.mtimeMs));
    this.#parent = parent;
    this.#name = name;
    this.apply(stat);
    if (this.isRegular) this.pages = new PageCache(fileSystem.kernel.memory, this);
  }

  get hostPath(): string {
    if (this.#parent === null) return "";
    const above = this.#parent.hostPath;
    return above === "" ? this.#name : `${above}/${this.#name}`;
  }

  #child(name: string): string {
    const path = this.hostPath;
    return path === "" ? name : `${path}/${name}`;
  }

  moveTo(parent: HostInode, name: string): void {
    if (this.#parent === parent && this.#name === name) return;
    if (this.nlink > 1 && !this.isDirectory && this.#parent !== null)
      this.#otherName = { parent: this.#parent, name: this.#name };
    this.#parent = parent;
    this.#name = name;
  }

  /** The file is no longer called `name` in `parent`: it goes by another name that is known, if there is one. */
  #loseName(parent: HostInode, name: string): void {
    const other = this.#otherName;
    if (this.#parent === parent && this.#name === name) {
      if (other !== null) ({ parent: this.#parent, name: this.#name } = other);
    } else if (other === null || other.parent !== parent || other.name !== name) return;
    this.#otherName = null;
  }

  /** `folder` is this one, or lies in it. */
  holds(folder: HostInode): boolean {
    for (let at: HostInode | null = folder; at !== null; at = at.#parent) if (at === this) return true;
    return false;
  }

  apply(stat: HostStat): void {
    this.mode = stat.mode;
    this.uid = stat.uid;
    this.gid = stat.gid;
    this.nlink = stat.nlink;
    this.rdev = stat.rdev;
    // While changes wait for write-back, the size here is the newer one.
    if (!this.isDirty) {
      this.size = stat.size;
      this.mtime = timeOf(stat.mtimeMs);
      this.ctime = timeOf(stat.ctimeMs);
      this.atime = timeOf(stat.atimeMs);
    }
    this.blocks = stat.blocks;
    this.btime = this.ctime;
  }

  /** Its attributes are what the host has just told of what is at its path. */
  markFound(): void {
    const { kernel } = this.fileSystem;
    this.#toldInCall = kernel.syscallCount;
    this.#foundNs = kernel.now();
  }

  override get cachesNames(): boolean {
    return this.fileSystem.isPrivate;
  }

  /** What a recording was asked stays what it is asked. */
  get #mayBelieve(): boolean {
    const { tree } = this.fileSystem;
    return tree.hasLostWay !== undefined && tree.isRecorded !== true;
  }

  override isBelievedAs(folder: Inode, name: string): boolean {
    return (
      this.isDirectory &&
      this.#parent === folder &&
      this.#name === name &&
      this.#mayBelieve &&
      this.fileSystem.kernel.now() < this.#foundNs + BELIEVED_NS
    );
  }

  override get wasMisled(): boolean {
    return this.fileSystem.tree.hasLostWay === true;
  }

  /** In a private folder what is known is what is; and what the walk to a file was told is not asked for again. */
  override refresh(): number {
    const { kernel, isPrivate } = this.fileSystem;
    if (isPrivate) return 0;
    const wasTold = this.#toldInCall === kernel.syscallCount && kernel.now() < this.#foundNs + TOLD_NS;
    return wasTold && this.#mayBelieve ? 0 : this.reload();
  }

  /** Something in it was changed. What others may change as well is asked for when it is read. */
  #entriesChanged(): void {
    this.#toldInCall = -1;
    if (this.fileSystem.isPrivate || !this.#mayBelieve) this.reload();
  }

  /** Reads the attributes anew from the host. */
  reload(): number {
    const stat =
      this.nlink === 0 || this.#file !== null
        ? (this.#file?.stat() ?? -ENOENT)
        : this.fileSystem.tree.lstat(this.hostPath);
    if (isErrno(stat)) return this.nlink === 0 ? 0 : stat;
    const { nlink } = this;
    this.apply(stat);
    if (nlink === 0) this.nlink = 0;
    return 0;
  }

  override lookup(name: string): Inode | number {
    const stat = this.fileSystem.tree.lstat(this.#child(name));
    return isErrno(stat) ? stat : this.fileSystem.inodeFor(this, name, stat);
  }

  #made(name: string, attributes: NewInode): Inode | number {
    const path = this.#child(name);
    // Owners are the host's business: what it refuses (not root) shows in stat.
    this.fileSystem.tree.chown(path, attributes.uid, attributes.gid);
    this.#entriesChanged();
    return this.lookup(name);
  }

  override create(name: string, attributes: NewInode): Inode | number {
    // The port has no other kinds; Linux says EPERM for kinds that a file system doesn't know (mknod(2)).
    if ((attributes.mode & S_IFMT) !== S_IFREG) return -EPERM;
    const file = this.fileSystem.tree.open(this.#child(name), O_RDWR | O_CREAT | O_EXCL, attributes.mode & 0o7777);
    if (isErrno(file)) return file;
    const stat = this.#mayBelieve ? file.stat() : -ENOENT;
    if (isErrno(stat) || stat.uid !== attributes.uid || stat.gid !== attributes.gid) {
      file.close();
      return this.#made(name, attributes);
    }
    this.#entriesChanged();
    const inode = this.fileSystem.inodeFor(this, name, stat);
    if (attributes.openFlags === undefined) file.close();
    else inode.#adopt(file);
    return inode;
  }

  /** Whoever has made the file opens it at once. */
  #adopt(file: HostFile): void {
    this.close();
    this.#file = file;
    this.#fileIsWritable = true;
  }

  override mkdir(name: string, attributes: NewInode): Inode | number {
    const failed = this.fileSystem.tree.mkdir(this.#child(name), attributes.mode & 0o7777);
    return failed < 0 ? failed : this.#made(name, attributes);
  }

  override symlink(name: string, target: string, attributes: NewInode): Inode | number {
    const failed = this.fileSystem.tree.symlink(target, this.#child(name));
    return failed < 0 ? failed : this.#made(name, attributes);
  }

  override link(name: string, inode: Inode): number {
    const failed = this.fileSystem.tree.link((inode as HostInode).hostPath, this.#child(name));
    if (failed < 0) return failed;
    (inode as HostInode).reload();
    this.#entriesChanged();
    return 0;
  }

  override unlink(name: string, inode: Inode): number {
    const host = inode as HostInode;
    // Whoever has it open goes on with the handle.
    if (host.isRegular && host.users > 1) host.handle(false);
    const failed = this.fileSystem.tree.unlink(this.#child(name));
    if (failed < 0) return failed;
    host.nlink = Math.max(0, host.nlink - 1);
    host.#loseName(this, name);
    if (host.nlink === 0) this.fileSystem.forget(host);
    this.#entriesChanged();
    return 0;
  }

  override rmdir(name: string, inode: Inode): number {
    const failed = this.fileSystem.tree.rmdir(this.#child(name));
    if (failed < 0) return failed;
    inode.nlink = 0;
    this.fileSystem.forget(inode as HostInode);
    this.#entriesChanged();
    return 0;
  }

  override rename(
    name: string,
    inode: Inode,
    newDirectory: Inode,
    newName: string,
    replaced: Inode | null,
    flags: number,
  ): number {
    // The port knows neither exchange nor whiteouts; RENAME_NOREPLACE was checked by the vfs.
    if ((flags & ~RENAME_NOREPLACE) !== 0 || (flags & RENAME_EXCHANGE) !== 0) return -EINVAL;
    const target = newDirectory as HostInode;
    if (replaced !== null && replaced.isRegular && replaced.users > 1) (replaced as HostInode).handle(false);
    const failed = this.fileSystem.tree.rename(this.#child(name), target.#child(newName));
    if (failed < 0) return failed;
    (inode as HostInode).#loseName(this, name);
    (inode as HostInode).moveTo(target, newName);
    if (replaced !== null) {
      (replaced as HostInode).#loseName(target, newName);
      replaced.nlink = replaced.isDirectory ? 0 : Math.max(0, replaced.nlink - 1);
      if (replaced.nlink === 0) this.fileSystem.forget(replaced as HostInode);
    }
    this.#entriesChanged();
    if (target !== this) target.#entriesChanged();
    return 0;
  }

  override list(
    cursor: number,
    emit: (name: string, ino: number, type: number, nextCursor: number) => boolean,
  ): number {
    // The host is asked once for each listing, which begins at 0.
    if (cursor === 0 || this.#order === null) {
      const names = this.fileSystem.tree.list(this.hostPath);
      if (isErrno(names)) return names;
      this.#order ??= new DirectoryOrder();
      this.#order.update(names);
    }
    const { entries } = this.#order;
    const atOnce = this.fileSystem.tree.lstatEach === undefined ? 1 : LISTED_AT_ONCE;
    for (let at = firstBehind(entries, cursor); at < entries.length;) {
      const some = entries.slice(at, (at += atOnce));
      const stats = this.#statsOf(some.map(({ name }) => name));
      for (const [index, { name, cursor: next }] of some.entries()) {
        const stat = stats[index]!;
        if (!isErrno(stat) && !emit(name, stat.ino, (stat.mode & S_IFMT) >> KIND_SHIFT, next)) return 0;
      }
    }
    return 0;
  }

  #statsOf(names: readonly string[]): readonly (HostStat | number)[] {
    const { tree } = this.fileSystem;
    const stats = tree.lstatEach?.(this.hostPath, names) ?? names.map((name) => tree.lstat(this.#child(name)));
    return isErrno(stats) ? names.map(() => stats) : stats;
  }

  override readlink(): string | number {
    if (!this.isSymlink) return -EINVAL;
    if (this.#target !== null && this.fileSystem.isPrivate) return this.#target;
    const target = this.fileSystem.tree.readlink(this.hostPath);
    if (typeof target === "string") this.#target = target;
    return target;
  }

  override setAttributes(change: AttributeChange): number {
    const { tree } = this.fileSystem;
    const path = this.hostPath;
    this.#toldInCall = -1;
    if (this.nlink === 0) return super.setAttributes(change);
    let failed = 0;
    if (change.uid !== undefined || change.gid !== undefined)
      failed = tree.chown(path, change.uid ?? this.uid, change.gid ?? this.gid);
    if (failed >= 0 && change.mode !== undefined && !this.isSymlink) failed = tree.chmod(path, change.mode & 0o7777);
    if (failed >= 0 && (change.atime !== undefined || change.mtime !== undefined)) {
      failed = tree.utimes(path, msOf(change.atime ?? this.atime), msOf(change.mtime ?? this.mtime));
    }
    if (failed < 0) return failed;
    super.setAttributes(change);
    return 0;
  }

  override truncate(size: number, now: Time): number {
    const file = this.handle(true);
    if (isErrno(file)) return file;
    const failed = (size < this.size ? this.pages!.truncate(size) : 0) || file.truncate(size);
    if (failed < 0) return failed;
    this.size = size;
    this.mtime = now;
    this.ctime = now;
    this.#noteCached();
    return 0;
  }

  override open(_task: FsCaller, flags: number, path: Path): OpenFile | number | null {
    if (!this.isRegular) return null;
    const file = this.handle((flags & 3) !== O_RDONLY);
    if (isErrno(file)) return file;
    this.revalidate();
    // In a private folder the page cache is the only way to the file, as on a disk.
    return this.fileSystem.isPrivate ? null : new HostRegularFile(this.fileSystem.kernel, flags, this, path);
  }

  /** The host's handle of a regular file. */
  handle(forWriting: boolean): HostFile | number {
    if (forWriting) this.#toldInCall = -1;
    if (this.#file !== null && (this.#fileIsWritable || !forWriting)) return this.#file;
    if (this.nlink === 0 && this.#file !== null) return -EPERM;
    const file = this.fileSystem.tree.open(this.hostPath, forWriting ? O_RDWR : O_RDONLY, 0);
    if (isErrno(file)) return file;
    // The name may be another file's by now, or a device's, which would be reached past MS_NODEV.
    const stat = file.stat();
    if (isErrno(stat) || stat.ino !== this.ino || (stat.mode & S_IFMT) !== S_IFREG) {
      file.close();
      return isErrno(stat) ? stat : -ESTALE;
    }
    this.#file?.close();
    this.#file = file;
    this.#fileIsWritable = forWriting;
    return file;
  }

  close(): void {
    this.#file?.close();
    this.#file = null;
    this.#fileIsWritable = false;
  }

  /** Drops pages of a file that the host changed behind our back. */
  revalidate(): void {
    if (this.pages!.pageCount === 0 || this.isDirty || this.pages!.hasDirty) return;
    const stat = this.#file?.stat();
    if (stat === undefined || isErrno(stat)) return;
    if (stat.mtimeMs !== this.#cachedMtimeMs) this.pages!.reclaim(Infinity);
    this.apply(stat);
    this.#cachedMtimeMs = stat.mtimeMs;
    this.version++;
  }

  #noteCached(): void {
    const stat = this.#file?.stat();
    if (stat !== undefined && !isErrno(stat)) this.#cachedMtimeMs = stat.mtimeMs;
  }

  readPage(index: number, bytes: Uint8Array, at: number): number {
    const file = this.handle(false);
    if (isErrno(file)) return file;
    if (this.pages!.pageCount === 0) this.#noteCached();
    let done = 0;
    while (done < 4096) {
      const part = file.read(index * 4096 + done, bytes, at + done, 4096 - done);
      if (part < 0) return part;
      if (part === 0) break;
      done += part;
    }
    return 0;
  }

  writePage(index: number, bytes: Uint8Array, at: number, length: number): number {
    const file = this.handle(true);
    if (isErrno(file)) return file;
    let done = 0;
    while (done < length) {
      const part = file.write(index * 4096 + done, bytes, at + done, length - done);
      if (part <= 0) return part < 0 ? part : -EINVAL;
      done += part;
    }
    return 0;
  }

  override storeAttributes(): number {
    if (!this.isRegular || this.nlink === 0) return 0;
    if (this.fileSystem.isPrivate && this.isDirty && this.#fileIsWritable) {
      const stat = this.#file!.stat();
      if (!isErrno(stat) && stat.size !== this.size) {
        const failed = this.#file!.truncate(this.size);
        if (failed < 0) return failed;
      }
    }
    this.#noteCached();
    return 0;
  }

  override get isStoredButForAccess(): boolean {
    return !this.isDirty;
  }

  override sync(): number {
    return this.#fileIsWritable ? this.#file!.sync() : 0;
  }

  /** The host's descriptors are few: one is kept no longer than the file is in use. */
  override evictUnused(): void {
    if (this.users === 0 && this.nlink > 0 && this.pages?.hasDirty !== true && !this.isDirty) this.close();
    super.evictUnused();
  }

  override evict(): void {
    this.close();
    this.fileSystem.forget(this);
  }

  override forget(): void {
    this.close();
    this.pages?.dispose();
    this.fileSystem.forget(this);
  }

  static {
    // The host's file is opened again when it is next needed; one without a name could not be, and is not saved.
    stateClass(
      "HostInode",
      this,
      {
        save: (it) => ({
          parent: it.#parent,
          name: it.#name,
          unnamed: it.nlink === 0 ? it.#file : null,
          otherName: it.#otherName,
          order: it.#order,
          target: it.#target,
          cachedMtimeMs: it.#cachedMtimeMs,
        }),
        load: (it, from) =>
          ({
            parent: it.#parent,
            name: it.#name,
            otherName: it.#otherName,
            order: it.#order,
            target: it.#target,
            cachedMtimeMs: it.#cachedMtimeMs,
          } = from),
      },
      {
        keeps: ["#file", "#fileIsWritable", "#foundNs", "#toldInCall"],
        copied: (it, from) => {
          it.#file = from.#file?.forked?.() ?? null;
          if (it.nlink === 0 && from.#file !== null && it.#file === null)
            throw new StateError("unsavable", "an open file of the host that has no name can be in one machine only");
          it.#fileIsWritable = it.#file !== null && from.#fileIsWritable;
        },
      },
    );
  }
}
