/**
 * AegisFS for programs that embed it: files by path and by descriptor, with the checks and the errors of the system calls of the same names.
 * Everything is synchronous; a result is `≥ 0` (or an object) or a negated errno. Paths are Unicode text, absolute or from the root.
 *
 *   const volume = mount(device);
 *   const files = new Files(volume, { clock });
 *   files.writeFile("/notes/today", bytes);
 *   files.sync();
 *
 * What is written is in memory until `sync`, `fsync`, or `tick`, which the program calls now and then: it flushes what is older than the
 * interval (5 seconds).
 */
import {
  EBADF, EEXIST, EINVAL, EISDIR, ELOOP, EMFILE, ENAMETOOLONG, ENOENT, ENOTDIR, ENOTEMPTY, EBUSY, NAME_MAX, EPERM, EROFS, O_ACCMODE, O_APPEND, O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW,
  O_RDONLY, O_TMPFILE, O_TRUNC, O_WRONLY, R_OK, RENAME_EXCHANGE, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG, S_ISGID, S_ISUID, S_ISVTX, W_OK, X_OK,
} from "@stratos/abi";
import { byteStringToUtf8, LOCK_EXCLUSIVE, LOCK_SHARED, utf8ToByteString } from "@stratos/base";
import type { Clock } from "@stratos/host";
import { checkAccess, isMember } from "../access/permission.ts";
import type { Credentials } from "../access/permission.ts";
import { Attributes, ATTRIBUTE_ATIME, ATTRIBUTE_CTIME, ATTRIBUTE_GID, ATTRIBUTE_MODE, ATTRIBUTE_MTIME, ATTRIBUTE_UID, readAttributes } from "../file/attributes.ts";
import { read as readContent } from "../file/content.ts";
import { checkDirectory, list } from "../file/directory.ts";
import { changeInode, getPair, loadInode, putTime } from "../file/inode.ts";
import { readlink } from "../file/namespace.ts";
import { INODE_AT_ATIME, INODE_AT_CTIME, INODE_AT_GID, INODE_AT_MODE, INODE_AT_MTIME, INODE_AT_UID, ROOT_INO } from "../format/inode-item.ts";
import type { FileRangeLock, LockOwner } from "../lock/file-locks.ts";
import type { Subvolume } from "../volume/subvolume.ts";
import type { Volume } from "../volume/volume.ts";
import { missing, walk, walked } from "./path-walk.ts";

export interface FilesOptions {
  /** Stamps files and times flushes. */
  clock: Clock;
  /** Default: the volume's default one. */
  subvolume?: Subvolume;
  /** Default: root, who may do all. */
  credentials?: Credentials;
  /** Default: 0o022. */
  umask?: number;
  /** Seconds after which `tick` flushes what was changed; default 5. */
  flushSeconds?: number;
}

const ROOT_USER: Credentials = { uid: 0, gid: 0, groups: [] };
const ACL_PREFIX = "system.posix_acl_";
const DESCRIPTORS_MAX = 1 << 20;
/** relatime, mount(8): the time of access is kept when it is older than the last change, or than a day. */
const DAY_SECONDS = 86400;

export class Files {
  readonly volume: Volume;
  readonly subvolume: Subvolume;
  umask: number;
  #credentials: Credentials;
  readonly #clock: Clock;
  readonly #flushMs: number;
  #flushedMs: number;
  // Descriptors, by number: the inode (0: free), the flags of open(2), the position.
  readonly #inos: number[] = [];
  readonly #flags: number[] = [];
  readonly #positions: number[] = [];
  readonly #free: number[] = [];
  /** This program, and each descriptor that locks something, as holders of locks. */
  readonly #process: LockOwner = { detectsDeadlock: true };
  readonly #descriptions: (LockOwner | undefined)[] = [];
  /** Files on which this program locks ranges. */
  readonly #lockedInos = new Set<number>();
  readonly #attributes = new Attributes();

  constructor(volume: Volume, options: FilesOptions) {
    this.volume = volume;
    this.subvolume = options.subvolume ?? volume.root;
    this.#credentials = options.credentials ?? ROOT_USER;
    volume.enforcesQuotas = this.#credentials.uid !== 0;
    this.umask = options.umask ?? 0o022;
    this.#clock = options.clock;
    this.#flushMs = (options.flushSeconds ?? 5) * 1000;
    this.#flushedMs = options.clock.realtimeMs();
  }

  /** In whose name all that follows is done. */
  become(credentials: Credentials): void {
    this.volume.enforcesQuotas = credentials.uid !== 0;
    this.#credentials = credentials;
  }

  // ---- Attributes -------------------------------------------------------------------------------------------------

  /** stat(2): of what a symbolic link leads to. */
  stat(path: string, into: Attributes): number {
    return this.#stat(path, into, true);
  }

  /** lstat(2): of the link itself. */
  lstat(path: string, into: Attributes): number {
    return this.#stat(path, into, false);
  }

  #stat(path: string, into: Attributes, follow: boolean): number {
    try {
      const failed = this.#find(path, follow);
      return failed < 0 ? failed : readAttributes(this.subvolume, walked.ino, into);
    } catch (thrown) {
      return this.volume.readFailed(thrown);
    } finally {
      this.volume.end();
    }
  }

  fstat(fd: number, into: Attributes): number {
    const ino = this.#inos[fd] ?? 0;
    return ino === 0 ? -EBADF : this.subvolume.stat(ino, into);
  }

  /** access(2) with R_OK, W_OK, X_OK. */
  access(path: string, want: number): number {
    try {
      const failed = this.#find(path, true);
      if (failed < 0) return failed;
      if ((want & W_OK) !== 0 && this.subvolume.readOnly) return -EROFS;
      return checkAccess(this.subvolume, walked.ino, this.#credentials, want);
    } catch (thrown) {
      return this.volume.readFailed(thrown);
    } finally {
      this.volume.end();
    }
  }

  chmod(path: string, mode: number): number {
    return this.#change(path, true, (attributes) => {
      if (!this.#owns(attributes.uid)) return -EPERM;
      attributes.mode = mode & 0o7777;
      // chmod(2): who is not in the file's group may not give its programs the group's rights.
      if (this.#credentials.uid !== 0 && !isMember(this.#credentials, attributes.gid)) attributes.mode &= ~S_ISGID;
      return ATTRIBUTE_MODE;
    });
  }

  /** chown(2); −1 leaves as it is. */
  chown(path: string, uid: number, gid: number): number {
    return this.#chown(path, uid, gid, true);
  }

  lchown(path: string, uid: number, gid: number): number {
    return this.#chown(path, uid, gid, false);
  }

  #chown(path: string, uid: number, gid: number, follow: boolean): number {
    return this.#change(path, follow, (attributes) => {
      const who = this.#credentials;
      const isAllowed = who.uid === 0 || (who.uid === attributes.uid && (uid === -1 || uid === attributes.uid) && (gid === -1 || gid === attributes.gid || isMember(who, gid)));
      if (!isAllowed) return -EPERM;
      if (uid !== -1) attributes.uid = uid;
      if (gid !== -1) attributes.gid = gid;
      if ((attributes.mode & S_IFMT) !== S_IFDIR) attributes.mode &= (attributes.mode & 0o010) !== 0 ? ~(S_ISUID | S_ISGID) : ~S_ISUID;
      return ATTRIBUTE_UID | ATTRIBUTE_GID | ATTRIBUTE_MODE;
    });
  }

  /** utimensat(2), in seconds and nanoseconds of atime and mtime. */
  setTimes(path: string, times: { atimeSeconds: number; atimeNanoseconds: number; mtimeSeconds: number; mtimeNanoseconds: number }, follow = true): number {
    return this.#change(path, follow, (attributes) => {
      if (!this.#owns(attributes.uid)) return -EPERM;
      Object.assign(attributes, times);
      return ATTRIBUTE_ATIME | ATTRIBUTE_MTIME;
    });
  }

  /** `change` edits the attributes and returns which ones, or a negated errno. */
  #change(path: string, follow: boolean, change: (attributes: Attributes) => number): number {
    const attributes = this.#attributes;
    const failed = this.#stat(path, attributes, follow);
    if (failed < 0) return failed;
    const mask = change(attributes);
    if (mask < 0) return mask;
    this.#stamp();
    attributes.ctimeSeconds = this.volume.seconds;
    attributes.ctimeNanoseconds = this.volume.nanoseconds;
    return this.subvolume.setAttributes(attributes.ino, attributes, mask | ATTRIBUTE_CTIME);
  }

  // ---- Names ------------------------------------------------------------------------------------------------------

  /** Names in a directory, in no particular order, without "." and "..". */
  readdir(path: string): readonly string[] | number {
    try {
      const failed = this.#find(path, true);
      if (failed < 0) return failed;
      const directory = walked.ino;
      const checked = checkDirectory(this.subvolume, directory);
      if (checked < 0) return checked;
      if (this.#credentials.uid !== 0) {
        const refused = checkAccess(this.subvolume, directory, this.#credentials, R_OK);
        if (refused < 0) return refused;
      }
      const listing = list(this.subvolume, directory);
      this.#touchAccess(directory);
      listing.texts ??= listing.names.map((name) => (isAscii(name) ? name : byteStringToUtf8(name)));
      return listing.texts.slice();
    } catch (thrown) {
      return this.volume.readFailed(thrown);
    } finally {
      this.volume.end();
    }
  }

  mkdir(path: string, mode = 0o777): number {
    return this.#make(path, S_IFDIR | (mode & 0o1777), 0);
  }

  /** mknod(2): a pipe, socket or device, or an empty file. */
  mknod(path: string, mode: number, rdev = 0): number {
    return this.#make(path, mode, rdev);
  }

  #make(path: string, mode: number, rdev: number): number {
    const failed = this.#findNew(path, (mode & S_IFMT) === S_IFDIR);
    if (failed < 0) return failed;
    const ino = this.#create(walked.parent, walked.name, mode, rdev);
    return ino < 0 ? ino : 0;
  }

  symlink(target: string, path: string): number {
    const failed = this.#findNew(path, false);
    if (failed < 0) return failed;
    this.#stamp();
    const ino = this.subvolume.symlink(walked.parent, walked.name, toBytes(target), this.#credentials.uid, this.#groupFor(walked.parent));
    return ino < 0 ? ino : 0;
  }

  readlink(path: string): string | number {
    try {
      const failed = this.#find(path, false);
      if (failed < 0) return failed;
      const target = readlink(this.subvolume, walked.ino);
      return typeof target === "number" || isAscii(target) ? target : byteStringToUtf8(target);
    } catch (thrown) {
      return this.volume.readFailed(thrown);
    } finally {
      this.volume.end();
    }
  }

  link(path: string, newPath: string): number {
    const found = this.#findOnly(path, false);
    if (found < 0) return found;
    const failed = this.#findNew(newPath, false);
    if (failed < 0) return failed;
    this.#stamp();
    return this.subvolume.link(found, walked.parent, walked.name);
  }

  unlink(path: string): number {
    const failed = this.#findToRemove(path);
    if (failed < 0) return failed;
    if (walked.isDirectory) return walked.name === "" ? -EISDIR : this.#isDirectory(walked.ino) ? -EISDIR : -ENOTDIR;
    this.#stamp();
    return this.subvolume.unlink(walked.parent, walked.name);
  }

  rmdir(path: string): number {
    const failed = this.#findToRemove(path);
    if (failed < 0) return failed;
    if (walked.name === "") return /(^|\/)\.\.\/*$/.test(path) ? -ENOTEMPTY : /(^|\/)\.\/*$/.test(path) ? -EINVAL : -EBUSY;
    this.#stamp();
    return this.subvolume.rmdir(walked.parent, walked.name);
  }

  /** rename(2), renameat2(2) with `flags`. */
  rename(path: string, newPath: string, flags = 0): number {
    return this.#guarded(() => {
      const exchanges = (flags & RENAME_EXCHANGE) !== 0;
      const source = this.#walk(path);
      if (source < 0) return source;
      const { ino, parent, name, isDirectory } = walked;
      const target = this.#walk(newPath);
      if (target < 0) return target;
      if (name === "" || walked.name === "") return -EBUSY;
      if (this.subvolume.readOnly) return -EROFS;
      if (ino === 0) return name.length > NAME_MAX ? -ENAMETOOLONG : -ENOENT;
      if (walked.name.length > NAME_MAX) return -ENAMETOOLONG;
      const moves = this.#isDirectory(ino);
      if (!moves && (isDirectory || (walked.isDirectory && !exchanges))) return -ENOTDIR;
      const newParent = walked.parent;
      const newName = walked.name;
      const refused = this.#mayChange(parent) || this.#checkSticky(parent, ino) || this.#mayChange(newParent) || (walked.ino === 0 ? 0 : this.#checkSticky(newParent, walked.ino));
      if (refused < 0) return refused;
      this.#stamp();
      return this.subvolume.rename(parent, name, newParent, newName, flags);
    });
  }

  /** Walks to a name that may be there or not; the link itself, where it is one. */
  #walk(path: string): number {
    return walk(this.subvolume, this.#credentials, ROOT_INO, toBytes(path), "never");
  }

  // ---- Extended attributes ----------------------------------------------------------------------------------------

  getXattr(path: string, name: string): Uint8Array | number {
    const ino = this.#findOnly(path, true);
    if (ino < 0) return ino;
    const refused = name.startsWith("user.") ? this.#guarded(() => checkAccess(this.subvolume, ino, this.#credentials, R_OK)) : 0;
    return refused < 0 ? refused : this.subvolume.getXattr(ino, name);
  }

  /** xattr(7): `user.` asks for write permission, access control lists for ownership, the rest for root. */
  setXattr(path: string, name: string, value: Uint8Array, flags = 0): number {
    const ino = this.#xattrToChange(path, name);
    if (ino < 0) return ino;
    return name.startsWith(ACL_PREFIX) ? this.subvolume.setAcl(ino, name, value) : this.subvolume.setXattr(ino, name, value, flags);
  }

  removeXattr(path: string, name: string): number {
    const ino = this.#xattrToChange(path, name);
    return ino < 0 ? ino : this.subvolume.removeXattr(ino, name);
  }

  listXattrs(path: string): string[] | number {
    const ino = this.#findOnly(path, true);
    return ino < 0 ? ino : this.subvolume.listXattrs(ino);
  }

  #xattrToChange(path: string, name: string): number {
    const attributes = this.#attributes;
    const failed = this.#stat(path, attributes, true);
    if (failed < 0) return failed;
    const isAcl = name.startsWith(ACL_PREFIX);
    if (name.startsWith("user.")) {
      const type = attributes.mode & S_IFMT;
      if (type !== S_IFREG && type !== S_IFDIR) return -EPERM;
      const refused = this.#guarded(() => checkAccess(this.subvolume, attributes.ino, this.#credentials, W_OK));
      if (refused < 0) return refused;
    } else if (isAcl ? !this.#owns(attributes.uid) : this.#credentials.uid !== 0) return -EPERM;
    this.#stamp();
    return attributes.ino;
  }

  // ---- Content by path --------------------------------------------------------------------------------------------

  /** Reads the file into `bytes` from its beginning; returns how many, all that fit. */
  readFile(path: string, bytes: Uint8Array, offset = 0): number {
    try {
      const failed = this.#find(path, true);
      if (failed < 0) return failed;
      const { ino } = walked;
      if (this.#credentials.uid !== 0) {
        const refused = checkAccess(this.subvolume, ino, this.#credentials, R_OK);
        if (refused < 0) return refused;
      }
      const count = readContent(this.subvolume, ino, offset, bytes, 0, bytes.length);
      if (count > 0) this.#touchAccess(ino);
      return count;
    } catch (thrown) {
      return this.volume.readFailed(thrown);
    } finally {
      this.volume.end();
    }
  }

  /** The whole file in bytes of its own. */
  contentOf(path: string): Uint8Array | number {
    const failed = this.stat(path, this.#attributes);
    if (failed < 0) return failed;
    const bytes = new Uint8Array(this.#attributes.size);
    const count = this.readFile(path, bytes);
    return count < 0 ? count : count < bytes.length ? bytes.subarray(0, count) : bytes;
  }

  /** Makes the file, or empties it, and writes `bytes`. Returns how many. */
  writeFile(path: string, bytes: Uint8Array, mode = 0o666): number {
    const ino = this.#openInode(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
    return ino < 0 || bytes.length === 0 ? Math.min(0, ino) : this.#write(ino, 0, bytes, 0, bytes.length);
  }

  /** Writes over a part of a file that is there. */
  overwrite(path: string, bytes: Uint8Array, offset = 0): number {
    const ino = this.#openInode(path, O_WRONLY, 0);
    return ino < 0 ? ino : this.#write(ino, offset, bytes, 0, bytes.length);
  }

  truncate(path: string, size: number): number {
    const ino = this.#openInode(path, O_WRONLY, 0);
    if (ino < 0) return ino;
    this.#stamp();
    return this.subvolume.truncate(ino, size);
  }

  // ---- Descriptors ------------------------------------------------------------------------------------------------

  /** open(2). Returns a descriptor. */
  open(path: string, flags: number, mode = 0o666): number {
    const ino = (flags & O_TMPFILE) === O_TMPFILE ? this.#openUnnamed(path, flags, mode) : this.#openInode(path, flags, mode);
    if (ino < 0) return ino;
    const fd = this.#free.pop() ?? this.#inos.length;
    if (fd >= DESCRIPTORS_MAX) return -EMFILE;
    // A file without a name is pinned by its making.
    if ((flags & O_TMPFILE) !== O_TMPFILE) this.subvolume.pin(ino);
    this.#inos[fd] = ino;
    this.#flags[fd] = flags;
    this.#positions[fd] = 0;
    return fd;
  }

  close(fd: number): number {
    const ino = this.#inos[fd] ?? 0;
    if (ino === 0) return -EBADF;
    this.#inos[fd] = 0;
    this.#free.push(fd);
    if (this.#lockedInos.delete(ino)) this.subvolume.locks.release(ino, this.#process);
    const description = this.#descriptions[fd];
    if (description !== undefined) {
      this.#descriptions[fd] = undefined;
      this.subvolume.locks.release(ino, description);
    }
    return this.subvolume.unpin(ino);
  }

  /** The inode behind a descriptor, for the operations of `Subvolume`; −EBADF. */
  inode(fd: number): number {
    const ino = this.#inos[fd] ?? 0;
    return ino === 0 ? -EBADF : ino;
  }

  /** Reads at `offset`, or at the descriptor's position, which moves then. */
  read(fd: number, bytes: Uint8Array, at: number, length: number, offset = -1): number {
    const ino = this.#inos[fd] ?? 0;
    if (ino === 0 || (this.#flags[fd]! & O_ACCMODE) === O_WRONLY) return -EBADF;
    const from = offset < 0 ? this.#positions[fd]! : offset;
    try {
      const count = readContent(this.subvolume, ino, from, bytes, at, length);
      if (count > 0) {
        this.#touchAccess(ino);
        if (offset < 0) this.#positions[fd] = from + count;
      }
      return count;
    } catch (thrown) {
      return this.volume.readFailed(thrown);
    } finally {
      this.volume.end();
    }
  }

  /** Writes at `offset`, or at the descriptor's position, which moves then; with O_APPEND always at the end. */
  write(fd: number, bytes: Uint8Array, at: number, length: number, offset = -1): number {
    const ino = this.#inos[fd] ?? 0;
    if (ino === 0 || (this.#flags[fd]! & O_ACCMODE) === O_RDONLY) return -EBADF;
    let from = offset < 0 ? this.#positions[fd]! : offset;
    if ((this.#flags[fd]! & O_APPEND) !== 0) {
      const failed = this.subvolume.stat(ino, this.#attributes);
      if (failed < 0) return failed;
      from = this.#attributes.size;
    }
    const count = this.#write(ino, from, bytes, at, length);
    if (count > 0 && offset < 0) this.#positions[fd] = from + count;
    return count;
  }

  ftruncate(fd: number, size: number): number {
    const ino = this.#inos[fd] ?? 0;
    if (ino === 0) return -EBADF;
    if ((this.#flags[fd]! & O_ACCMODE) === O_RDONLY) return -EINVAL;
    this.#stamp();
    return this.subvolume.truncate(ino, size);
  }

  /** linkat(2) of a descriptor: gives a file that was opened with O_TMPFILE its name. */
  linkDescriptor(fd: number, newPath: string): number {
    const ino = this.#inos[fd] ?? 0;
    if (ino === 0) return -EBADF;
    if ((this.#flags[fd]! & (O_TMPFILE | O_EXCL)) === (O_TMPFILE | O_EXCL)) return -ENOENT;
    const failed = this.#findNew(newPath, false);
    if (failed < 0) return failed;
    this.#stamp();
    return this.subvolume.link(ino, walked.parent, walked.name);
  }

  /**
   * Locks, or unlocks, a range: fcntl(2) with F_SETLK, or with `ofDescription` F_OFD_SETLK. Locks are of this program (this object), or of the descriptor; closing any
   * descriptor of the file takes the program's away.
   *
   * @param onGranted  F_SETLKW: told when a lock that could not be had at once is held
   * @returns 0; 1 when it waits; −EAGAIN, −EDEADLK, −EBADF, −EINVAL
   */
  lockRange(fd: number, range: { type: number; start: number; length: number; ofDescription?: boolean }, onGranted: (() => void) | null = null): number {
    const ino = this.#inos[fd] ?? 0;
    const access = this.#flags[fd]! & O_ACCMODE;
    if (ino === 0 || (range.type === LOCK_EXCLUSIVE && access === O_RDONLY) || (range.type === LOCK_SHARED && access === O_WRONLY)) return -EBADF;
    const owner = range.ofDescription === true ? this.#description(fd) : this.#process;
    if (owner === this.#process) this.#lockedInos.add(ino);
    return this.subvolume.locks.setRange(ino, { owner, type: range.type, start: range.start, length: range.length }, onGranted);
  }

  /** F_GETLK: the lock of others that stands in the way; null when there is none. −EBADF, −EINVAL. */
  lockInTheWay(fd: number, range: { type: number; start: number; length: number; ofDescription?: boolean }): FileRangeLock | null | number {
    const ino = this.#inos[fd] ?? 0;
    if (ino === 0) return -EBADF;
    return this.subvolume.locks.conflict(ino, { owner: range.ofDescription === true ? this.#description(fd) : this.#process, type: range.type, start: range.start, length: range.length });
  }

  /** flock(2), with the results of `lockRange`. */
  lockFile(fd: number, type: number, onGranted: (() => void) | null = null): number {
    const ino = this.#inos[fd] ?? 0;
    return ino === 0 ? -EBADF : this.subvolume.locks.setWhole(ino, this.#description(fd), type, onGranted);
  }

  #description(fd: number): LockOwner {
    return (this.#descriptions[fd] ??= { detectsDeadlock: false });
  }

  fsync(fd: number): number {
    const ino = this.#inos[fd] ?? 0;
    if (ino === 0) return -EBADF;
    return this.subvolume.fsync(ino);
  }

  sync(): number {
    this.#flushedMs = this.#clock.realtimeMs();
    return this.volume.sync();
  }

  /** Flushes when the interval is over; the program's timer calls it. Returns 1 when it did, 0 when not, a negated errno. */
  tick(): number {
    this.#stamp();
    const now = this.#clock.realtimeMs();
    if (now - this.#flushedMs < this.#flushMs) return 0;
    this.#flushedMs = now;
    const failed = this.volume.sync();
    return failed < 0 ? failed : 1;
  }

  // ---- Inside -----------------------------------------------------------------------------------------------------

  #write(ino: number, offset: number, bytes: Uint8Array, at: number, length: number): number {
    this.#stamp();
    const count = this.subvolume.write(ino, offset, bytes, at, length);
    if (count > 0 && this.#credentials.uid !== 0) this.#dropPrivileges(ino);
    return count;
  }

  /** Writing by one who is not root takes set-user-ID and set-group-ID away, write(2). */
  #dropPrivileges(ino: number): void {
    const attributes = this.#attributes;
    if (this.subvolume.stat(ino, attributes) < 0) return;
    const dropped = attributes.mode & (S_ISUID | ((attributes.mode & 0o010) !== 0 ? S_ISGID : 0));
    if (dropped === 0) return;
    attributes.mode &= ~dropped;
    this.subvolume.setAttributes(ino, attributes, ATTRIBUTE_MODE);
  }

  #openInode(path: string, flags: number, mode: number): number {
    const access = flags & O_ACCMODE;
    const follow = (flags & O_NOFOLLOW) === 0 && (flags & (O_CREAT | O_EXCL)) !== (O_CREAT | O_EXCL);
    try {
      const failed = walk(this.subvolume, this.#credentials, ROOT_INO, toBytes(path), follow ? "always" : "before-slash", (flags & O_CREAT) !== 0);
      if (failed < 0) return failed;
      const { ino } = walked;
      // The same when a symbolic link ends so.
      if ((flags & O_CREAT) !== 0 && walked.isDirectory && walked.name !== "") return -EISDIR;
      if (ino !== 0) {
        if ((flags & (O_CREAT | O_EXCL)) === (O_CREAT | O_EXCL)) return -EEXIST;
        const at = loadInode(this.subvolume, ino);
        if (at < 0) return -ENOENT;
        const type = this.volume.inodes.words[at + INODE_AT_MODE]! & S_IFMT;
        if (type === S_IFLNK) return -ELOOP;
        if (type === S_IFDIR && (access !== O_RDONLY || (flags & O_CREAT) !== 0)) return -EISDIR;
        if (type !== S_IFDIR && (walked.isDirectory || (flags & O_DIRECTORY) !== 0)) return -ENOTDIR;
        const want = access === O_RDONLY ? R_OK : access === O_WRONLY ? W_OK : R_OK | W_OK;
        if (want !== R_OK && this.subvolume.readOnly) return -EROFS;
        if (this.#credentials.uid !== 0) {
          const refused = checkAccess(this.subvolume, ino, this.#credentials, want);
          if (refused < 0) return refused;
        }
        if ((flags & O_TRUNC) === 0 || type !== S_IFREG) return ino;
      } else {
        if ((flags & O_CREAT) === 0 || walked.name.length > NAME_MAX) return missing();
        const refused = this.#mayChange(walked.parent);
        if (refused < 0) return refused;
      }
    } catch (thrown) {
      return this.volume.readFailed(thrown);
    } finally {
      this.volume.end();
    }
    if (walked.ino === 0) return this.#create(walked.parent, walked.name, S_IFREG | (mode & 0o7777), 0);
    this.#stamp();
    const { ino } = walked;
    const cut = this.subvolume.truncate(ino, 0);
    return cut < 0 ? cut : ino;
  }

  #openUnnamed(path: string, flags: number, mode: number): number {
    if ((flags & O_ACCMODE) === O_RDONLY) return -EINVAL;
    const directory = this.#findOnly(path, true);
    if (directory < 0) return directory;
    if (!this.#isDirectory(directory)) return -ENOTDIR;
    const refused = this.#guarded(() => this.#mayChange(directory));
    if (refused < 0) return refused;
    this.#stamp();
    return this.subvolume.createUnnamed(S_IFREG | (mode & 0o7777 & ~this.umask), this.#credentials.uid, this.#groupFor(directory));
  }

  /** Makes an inode with the mode and group that the folder and the umask leave it. */
  #create(directory: number, name: string, mode: number, rdev: number): number {
    this.#stamp();
    const group = this.#groupFor(directory);
    const own = (mode & S_IFMT) === S_IFDIR && this.#inheritsGroup ? mode | S_ISGID : mode;
    return this.subvolume.create(directory, name, own, this.#credentials.uid, group, rdev, this.umask);
  }

  #inheritsGroup = false;

  /** A folder with set-group-ID gives its group to what is made in it, inode(7). */
  #groupFor(directory: number): number {
    const at = loadInode(this.subvolume, directory);
    const words = this.volume.inodes.words;
    this.#inheritsGroup = at >= 0 && (words[at + INODE_AT_MODE]! & S_ISGID) !== 0;
    return this.#inheritsGroup ? words[at + INODE_AT_GID]! : this.#credentials.gid;
  }

  #owns(uid: number): boolean {
    return this.#credentials.uid === 0 || this.#credentials.uid === uid;
  }

  #isDirectory(ino: number): boolean {
    return this.#guarded(() => {
      const at = loadInode(this.subvolume, ino);
      return at >= 0 && (this.volume.inodes.words[at + INODE_AT_MODE]! & S_IFMT) === S_IFDIR ? 1 : 0;
    }) === 1;
  }

  #guarded(run: () => number): number {
    try {
      return run();
    } catch (thrown) {
      return this.volume.readFailed(thrown);
    }
  }

  /** Walks to what must be there. */
  #find(path: string, follow: boolean): number {
    const failed = walk(this.subvolume, this.#credentials, ROOT_INO, toBytes(path), follow ? "always" : "before-slash");
    if (failed < 0) return failed;
    if (walked.ino === 0) return missing();
    return walked.isDirectory && walked.name !== "" && !this.#isDirectory(walked.ino) ? -ENOTDIR : 0;
  }

  #findOnly(path: string, follow: boolean): number {
    return this.#guarded(() => this.#find(path, follow) || walked.ino);
  }

  /** Walks to a name that must not be there, in a folder that may be changed. */
  #findNew(path: string, isDirectory: boolean): number {
    return this.#guarded(() => {
      const failed = this.#walk(path);
      if (failed < 0) return failed;
      if (walked.ino !== 0) return -EEXIST;
      if (walked.name.length > NAME_MAX) return -ENAMETOOLONG;
      if (walked.isDirectory && !isDirectory) return -ENOENT;
      return this.#mayChange(walked.parent);
    });
  }

  #findToRemove(path: string): number {
    return this.#guarded(() => {
      const failed = this.#walk(path);
      if (failed < 0) return failed;
      if (walked.ino === 0) return missing();
      if (walked.name === "") return 0;
      return this.#mayChange(walked.parent) || this.#checkSticky(walked.parent, walked.ino);
    });
  }

  #mayChange(directory: number): number {
    if (this.subvolume.readOnly) return -EROFS;
    return this.#credentials.uid === 0 ? 0 : checkAccess(this.subvolume, directory, this.#credentials, W_OK | X_OK);
  }

  /** In a sticky folder only owners (of it, or of what goes) take names away, unlink(2) EPERM. */
  #checkSticky(directory: number, ino: number): number {
    const who = this.#credentials;
    if (who.uid === 0) return 0;
    const at = loadInode(this.subvolume, directory);
    const words = this.volume.inodes.words;
    if (at < 0 || (words[at + INODE_AT_MODE]! & S_ISVTX) === 0 || words[at + INODE_AT_UID] === who.uid) return 0;
    const target = loadInode(this.subvolume, ino);
    return target >= 0 && this.volume.inodes.words[target + INODE_AT_UID] === who.uid ? 0 : -EPERM;
  }

  #touchAccess(ino: number): void {
    const { inodes } = this.volume;
    const at = loadInode(this.subvolume, ino);
    // A change without `begin`: only where there is space for what it may cost.
    if (at < 0 || this.subvolume.readOnly || this.volume.failure !== null || this.volume.pageRoom < 16) return;
    const words = inodes.words;
    const accessed = getPair(words, at + INODE_AT_ATIME);
    // The time of the last change or tick is near enough to see a day go by.
    if (!isNotLater(words, at + INODE_AT_ATIME, at + INODE_AT_MTIME) && !isNotLater(words, at + INODE_AT_ATIME, at + INODE_AT_CTIME) && this.volume.seconds - accessed < DAY_SECONDS) return;
    this.#stamp();
    const { seconds, nanoseconds } = this.volume;
    if (accessed === seconds && words[at + INODE_AT_ATIME + 2] === nanoseconds) return;
    putTime(inodes.words, changeInode(this.subvolume, ino) + INODE_AT_ATIME, seconds, nanoseconds);
  }

  #stamp(): void {
    const ms = this.#clock.realtimeMs();
    const seconds = Math.floor(ms / 1000);
    this.volume.setTime(seconds, Math.floor((ms - seconds * 1000) * 1e6));
  }
}

/** Is the time at `words[a …)` not later than the one at `words[b …)`? */
function isNotLater(words: Uint32Array, a: number, b: number): boolean {
  const difference = getPair(words, a) - getPair(words, b);
  return difference < 0 || (difference === 0 && words[a + 2]! <= words[b + 2]!);
}

/** Text as a byte string: most paths are ASCII, and stay as they are. */
function toBytes(text: string): string {
  return isAscii(text) ? text : utf8ToByteString(text);
}

function isAscii(text: string): boolean {
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) > 0x7f) return false;
  return true;
}

