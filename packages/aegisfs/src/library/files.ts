/**
 * AegisFS for programs that embed it: files by path and by descriptor, with the checks and the errors of the system
 * calls of the same names. Everything is synchronous; a result is `≥ 0` (or an object) or a negated errno. Paths are
 * Unicode text, absolute or from the root.
 *
 *   const volume = mount(device);
 *   const files = new Files(volume, { clock });
 *   files.writeFile("/notes/today", bytes);
 *   files.sync();
 *
 * What is written is in memory until `sync`, `fsync`, or `tick`, which the program calls now and then: it flushes what
 * is older than the interval (5 seconds).
 */
import {
  EBUSY,
  EFBIG,
  EINVAL,
  EISDIR,
  ENAMETOOLONG,
  ENOENT,
  ENOTDIR,
  ENOTEMPTY,
  EPERM,
  EROFS,
  NAME_MAX,
  O_CREAT,
  O_TRUNC,
  O_WRONLY,
  RENAME_EXCHANGE,
  R_OK,
  S_IFDIR,
  S_IFMT,
  S_IFREG,
  S_ISGID,
  S_ISUID,
  W_OK,
} from "@stratos/abi";
import { exactText } from "@stratos/base";
import type { Clock } from "@stratos/host";
import { checkAccess, isMember } from "../file/permission.ts";
import type { Credentials } from "../file/permission.ts";
import {
  Attributes,
  ATTRIBUTE_ATIME,
  ATTRIBUTE_CTIME,
  ATTRIBUTE_GID,
  ATTRIBUTE_MODE,
  ATTRIBUTE_MTIME,
  ATTRIBUTE_UID,
  readAttributes,
} from "../file/attributes.ts";
import { read as readContent } from "../file/content.ts";
import { checkDirectory, list } from "../file/directory.ts";
import type { FileOffset } from "../file/file-offset.ts";
import { readlink } from "../file/namespace.ts";
import type { FileRangeLock } from "../lock/file-locks.ts";
import type { Subvolume } from "../volume/subvolume.ts";
import type { Volume } from "../volume/volume.ts";
import { Descriptors, type RangeToLock } from "./descriptors.ts";
import { walked } from "./path-walk.ts";
import { FilesSession, isAscii, toBytes } from "./session.ts";

const CONTENT_SIZE_MAX = 2 ** 32;

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

export class Files {
  readonly volume: Volume;
  readonly subvolume: Subvolume;
  readonly #session: FilesSession;
  readonly #descriptors: Descriptors;
  readonly #flushMs: number;
  #flushedMs: number;
  readonly #attributes = new Attributes();

  constructor(volume: Volume, options: FilesOptions) {
    this.volume = volume;
    this.subvolume = options.subvolume ?? volume.root;
    this.#session = new FilesSession(
      this.subvolume,
      options.clock,
      options.credentials ?? ROOT_USER,
      options.umask ?? 0o022,
    );
    this.#descriptors = new Descriptors(this.#session);
    this.#flushMs = (options.flushSeconds ?? 5) * 1000;
    this.#flushedMs = options.clock.realtimeMs();
  }

  get umask(): number {
    return this.#session.umask;
  }

  set umask(umask: number) {
    this.#session.umask = umask;
  }

  /** In whose name all that follows is done. */
  become(credentials: Credentials): void {
    this.#session.become(credentials);
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
      const failed = this.#session.find(path, follow);
      return failed < 0 ? failed : readAttributes(this.subvolume, walked.ino, into);
    } catch (thrown) {
      return this.volume.readFailed(thrown);
    } finally {
      this.volume.end();
    }
  }

  fstat(fd: number, into: Attributes): number {
    const ino = this.#descriptors.inode(fd);
    return ino < 0 ? ino : this.subvolume.stat(ino, into);
  }

  /** access(2) with R_OK, W_OK, X_OK. */
  access(path: string, want: number): number {
    try {
      const failed = this.#session.find(path, true);
      if (failed < 0) return failed;
      if ((want & W_OK) !== 0 && this.subvolume.readOnly) return -EROFS;
      return checkAccess(this.subvolume, walked.ino, this.#session.credentials, want);
    } catch (thrown) {
      return this.volume.readFailed(thrown);
    } finally {
      this.volume.end();
    }
  }

  chmod(path: string, mode: number): number {
    return this.#change(path, true, (attributes) => {
      if (!this.#session.owns(attributes.uid)) return -EPERM;
      attributes.mode = mode & 0o7777;
      // chmod(2): who is not in the file's group may not give its programs the group's rights.
      if (this.#session.credentials.uid !== 0 && !isMember(this.#session.credentials, attributes.gid))
        attributes.mode &= ~S_ISGID;
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
      const who = this.#session.credentials;
      const isAllowed =
        who.uid === 0 ||
        (who.uid === attributes.uid &&
          (uid === -1 || uid === attributes.uid) &&
          (gid === -1 || gid === attributes.gid || isMember(who, gid)));
      if (!isAllowed) return -EPERM;
      if (uid !== -1) attributes.uid = uid;
      if (gid !== -1) attributes.gid = gid;
      if ((attributes.mode & S_IFMT) !== S_IFDIR)
        attributes.mode &= (attributes.mode & 0o010) !== 0 ? ~(S_ISUID | S_ISGID) : ~S_ISUID;
      return ATTRIBUTE_UID | ATTRIBUTE_GID | ATTRIBUTE_MODE;
    });
  }

  /** utimensat(2), in seconds and nanoseconds of atime and mtime. */
  setTimes(
    path: string,
    times: { atimeSeconds: number; atimeNanoseconds: number; mtimeSeconds: number; mtimeNanoseconds: number },
    follow = true,
  ): number {
    return this.#change(path, follow, (attributes) => {
      if (!this.#session.owns(attributes.uid)) return -EPERM;
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
    this.#session.stamp();
    attributes.ctimeSeconds = this.volume.seconds;
    attributes.ctimeNanoseconds = this.volume.nanoseconds;
    return this.subvolume.setAttributes(attributes.ino, attributes, mask | ATTRIBUTE_CTIME);
  }

  // ---- Names ------------------------------------------------------------------------------------------------------

  /** Names in a directory, in no particular order, without "." and "..". */
  readdir(path: string): readonly string[] | number {
    try {
      const failed = this.#session.find(path, true);
      if (failed < 0) return failed;
      const directory = walked.ino;
      const checked = checkDirectory(this.subvolume, directory);
      if (checked < 0) return checked;
      if (this.#session.credentials.uid !== 0) {
        const refused = checkAccess(this.subvolume, directory, this.#session.credentials, R_OK);
        if (refused < 0) return refused;
      }
      const listing = list(this.subvolume, directory);
      this.#session.touchAccess(directory);
      listing.texts ??= listing.names.map((name) => (isAscii(name) ? name : exactText(name)));
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
    const failed = this.#session.findNew(path, (mode & S_IFMT) === S_IFDIR);
    if (failed < 0) return failed;
    const ino = this.#session.create(walked.parent, walked.name, mode, rdev);
    return ino < 0 ? ino : 0;
  }

  symlink(target: string, path: string): number {
    const failed = this.#session.findNew(path, false);
    if (failed < 0) return failed;
    this.#session.stamp();
    const ino = this.subvolume.symlink(
      walked.parent,
      walked.name,
      toBytes(target),
      this.#session.credentials.uid,
      this.#session.groupFor(walked.parent),
    );
    return ino < 0 ? ino : 0;
  }

  readlink(path: string): string | number {
    try {
      const failed = this.#session.find(path, false);
      if (failed < 0) return failed;
      const target = readlink(this.subvolume, walked.ino);
      return typeof target === "number" || isAscii(target) ? target : exactText(target);
    } catch (thrown) {
      return this.volume.readFailed(thrown);
    } finally {
      this.volume.end();
    }
  }

  link(path: string, newPath: string): number {
    const found = this.#session.findOnly(path, false);
    if (found < 0) return found;
    const failed = this.#session.findNew(newPath, false);
    if (failed < 0) return failed;
    this.#session.stamp();
    return this.subvolume.link(found, walked.parent, walked.name);
  }

  unlink(path: string): number {
    const failed = this.#session.findToRemove(path);
    if (failed < 0) return failed;
    if (walked.isDirectory)
      return walked.name === "" ? -EISDIR : this.#session.isDirectory(walked.ino) ? -EISDIR : -ENOTDIR;
    this.#session.stamp();
    return this.subvolume.unlink(walked.parent, walked.name);
  }

  rmdir(path: string): number {
    const failed = this.#session.findToRemove(path);
    if (failed < 0) return failed;
    if (walked.name === "")
      return /(^|\/)\.\.\/*$/.test(path) ? -ENOTEMPTY : /(^|\/)\.\/*$/.test(path) ? -EINVAL : -EBUSY;
    this.#session.stamp();
    return this.subvolume.rmdir(walked.parent, walked.name);
  }

  /** rename(2), renameat2(2) with `flags`. */
  rename(path: string, newPath: string, flags = 0): number {
    return this.#session.guarded(() => {
      const exchanges = (flags & RENAME_EXCHANGE) !== 0;
      const source = this.#session.walk(path);
      if (source < 0) return source;
      const { ino, parent, name, isDirectory } = walked;
      const target = this.#session.walk(newPath);
      if (target < 0) return target;
      if (name === "" || walked.name === "") return -EBUSY;
      if (this.subvolume.readOnly) return -EROFS;
      if (ino === 0) return name.length > NAME_MAX ? -ENAMETOOLONG : -ENOENT;
      if (walked.name.length > NAME_MAX) return -ENAMETOOLONG;
      const moves = this.#session.isDirectory(ino);
      if (!moves && (isDirectory || (walked.isDirectory && !exchanges))) return -ENOTDIR;
      const newParent = walked.parent;
      const newName = walked.name;
      const refused =
        this.#session.mayChange(parent) ||
        this.#session.checkSticky(parent, ino) ||
        this.#session.mayChange(newParent) ||
        (walked.ino === 0 ? 0 : this.#session.checkSticky(newParent, walked.ino));
      if (refused < 0) return refused;
      this.#session.stamp();
      return this.subvolume.rename(parent, name, newParent, newName, flags);
    });
  }

  // ---- Extended attributes ----------------------------------------------------------------------------------------

  getXattr(path: string, name: string): Uint8Array | number {
    const ino = this.#session.findOnly(path, true);
    if (ino < 0) return ino;
    const refused = name.startsWith("user.")
      ? this.#session.guarded(() => checkAccess(this.subvolume, ino, this.#session.credentials, R_OK))
      : 0;
    return refused < 0 ? refused : this.subvolume.getXattr(ino, name);
  }

  /** xattr(7): `user.` asks for write permission, access control lists for ownership, the rest for root. */
  setXattr(path: string, name: string, value: Uint8Array, flags = 0): number {
    const ino = this.#xattrToChange(path, name);
    if (ino < 0) return ino;
    return name.startsWith(ACL_PREFIX)
      ? this.subvolume.setAcl(ino, name, value)
      : this.subvolume.setXattr(ino, name, value, flags);
  }

  removeXattr(path: string, name: string): number {
    const ino = this.#xattrToChange(path, name);
    return ino < 0 ? ino : this.subvolume.removeXattr(ino, name);
  }

  listXattrs(path: string): string[] | number {
    const ino = this.#session.findOnly(path, true);
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
      const refused = this.#session.guarded(() =>
        checkAccess(this.subvolume, attributes.ino, this.#session.credentials, W_OK),
      );
      if (refused < 0) return refused;
    } else if (isAcl ? !this.#session.owns(attributes.uid) : this.#session.credentials.uid !== 0) return -EPERM;
    this.#session.stamp();
    return attributes.ino;
  }

  // ---- Content by path --------------------------------------------------------------------------------------------

  /** Reads the file into `bytes` from its beginning; returns how many, all that fit. */
  readFile(path: string, bytes: Uint8Array, offset: FileOffset = 0): number {
    try {
      const failed = this.#session.find(path, true);
      if (failed < 0) return failed;
      const { ino } = walked;
      if (this.#session.credentials.uid !== 0) {
        const refused = checkAccess(this.subvolume, ino, this.#session.credentials, R_OK);
        if (refused < 0) return refused;
      }
      const count = readContent(this.subvolume, ino, offset, bytes, 0, bytes.length);
      if (count > 0) this.#session.touchAccess(ino);
      return count;
    } catch (thrown) {
      return this.volume.readFailed(thrown);
    } finally {
      this.volume.end();
    }
  }

  /** The whole file in bytes of its own; −EFBIG from 4 GiB on. */
  contentOf(path: string): Uint8Array | number {
    const failed = this.stat(path, this.#attributes);
    if (failed < 0) return failed;
    const { size } = this.#attributes;
    if (size >= CONTENT_SIZE_MAX) return -EFBIG;
    const bytes = new Uint8Array(Number(size));
    const count = this.readFile(path, bytes);
    return count < 0 ? count : count < bytes.length ? bytes.subarray(0, count) : bytes;
  }

  /** Makes the file, or empties it, and writes `bytes`. Returns how many. */
  writeFile(path: string, bytes: Uint8Array, mode = 0o666): number {
    const ino = this.#descriptors.openInode(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
    return ino < 0 || bytes.length === 0 ? Math.min(0, ino) : this.#descriptors.writeAt(ino, 0, bytes, 0, bytes.length);
  }

  /** Writes over a part of a file that is there. */
  overwrite(path: string, bytes: Uint8Array, offset: FileOffset = 0): number {
    const ino = this.#descriptors.openInode(path, O_WRONLY, 0);
    return ino < 0 ? ino : this.#descriptors.writeAt(ino, offset, bytes, 0, bytes.length);
  }

  truncate(path: string, size: FileOffset): number {
    const ino = this.#descriptors.openInode(path, O_WRONLY, 0);
    if (ino < 0) return ino;
    this.#session.stamp();
    return this.subvolume.truncate(ino, size);
  }

  // ---- Descriptors ------------------------------------------------------------------------------------------------

  /** open(2). Returns a descriptor. */
  open(path: string, flags: number, mode = 0o666): number {
    return this.#descriptors.open(path, flags, mode);
  }

  close(fd: number): number {
    return this.#descriptors.close(fd);
  }

  /** The inode behind a descriptor, for the operations of `Subvolume`; −EBADF. */
  inode(fd: number): number {
    return this.#descriptors.inode(fd);
  }

  /** Reads at `offset`, or at the descriptor's position, which moves then. */
  read(fd: number, bytes: Uint8Array, at: number, length: number, offset: FileOffset = -1): number {
    return this.#descriptors.read(fd, bytes, at, length, offset);
  }

  /** Writes at `offset`, or at the descriptor's position, which moves then; with O_APPEND always at the end. */
  write(fd: number, bytes: Uint8Array, at: number, length: number, offset: FileOffset = -1): number {
    return this.#descriptors.write(fd, bytes, at, length, offset);
  }

  ftruncate(fd: number, size: FileOffset): number {
    return this.#descriptors.ftruncate(fd, size);
  }

  /** linkat(2) of a descriptor: gives a file that was opened with O_TMPFILE its name. */
  linkDescriptor(fd: number, newPath: string): number {
    return this.#descriptors.linkDescriptor(fd, newPath);
  }

  /**
   * fcntl(2) with F_SETLK and its like; `Descriptors.lockRange` says more. Returns 0; 1 when it waits, and `onGranted`
   * will be told; −EAGAIN, −EDEADLK, −EBADF, −EINVAL.
   */
  lockRange(fd: number, range: RangeToLock, onGranted: (() => void) | null = null): number {
    return this.#descriptors.lockRange(fd, range, onGranted);
  }

  /** F_GETLK: the lock of others that stands in the way; null when there is none. −EBADF, −EINVAL. */
  lockInTheWay(fd: number, range: RangeToLock): FileRangeLock | null | number {
    return this.#descriptors.lockInTheWay(fd, range);
  }

  /** flock(2), with the results of `lockRange`. */
  lockFile(fd: number, type: number, onGranted: (() => void) | null = null): number {
    return this.#descriptors.lockFile(fd, type, onGranted);
  }

  fsync(fd: number): number {
    return this.#descriptors.fsync(fd);
  }

  sync(): number {
    this.#flushedMs = this.#session.clock.realtimeMs();
    return this.volume.sync();
  }

  /**
   * Flushes when the interval is over; the program's timer calls it. Returns 1 when it did, 0 when not, a negated
   * errno.
   */
  tick(): number {
    this.#session.stamp();
    const now = this.#session.clock.realtimeMs();
    if (now - this.#flushedMs < this.#flushMs) return 0;
    this.#flushedMs = now;
    const failed = this.volume.sync();
    return failed < 0 ? failed : 1;
  }
}
