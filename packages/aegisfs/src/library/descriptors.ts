/**
 * Files by descriptor, as a process has them: the second half of library/files.ts. Results are `≥ 0` or a negated
 * errno.
 */
import {
  EBADF,
  EEXIST,
  EINVAL,
  EISDIR,
  ELOOP,
  EMFILE,
  ENOENT,
  ENOTDIR,
  EROFS,
  NAME_MAX,
  O_ACCMODE,
  O_APPEND,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_RDONLY,
  O_TMPFILE,
  O_TRUNC,
  O_WRONLY,
  R_OK,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_ISGID,
  S_ISUID,
  W_OK,
} from "@stratos/abi";
import { LOCK_EXCLUSIVE, LOCK_SHARED } from "@stratos/base";
import { checkAccess } from "../file/permission.ts";
import { Attributes, ATTRIBUTE_MODE } from "../file/attributes.ts";
import { read as readContent } from "../file/content.ts";
import { addOffsets, type FileOffset } from "../file/file-offset.ts";
import { loadInode } from "../file/inode.ts";
import { INODE_AT_MODE, ROOT_INO } from "../format/inode-item.ts";
import type { FileRangeLock, LockOwner } from "../lock/file-locks.ts";
import { missing, walk, walked } from "./path-walk.ts";
import { type FilesSession, toBytes } from "./session.ts";

const DESCRIPTORS_MAX = 1 << 20;

/** A range of a file to lock, and in whose name. */
export interface RangeToLock {
  readonly type: number;
  readonly start: FileOffset;
  readonly length: FileOffset /** Of the descriptor, not of the program. */;
  readonly ofDescription?: boolean;
}

export class Descriptors {
  readonly #session: FilesSession;
  // By number: the inode (0: free), the flags of open(2), the position.
  readonly #inos: number[] = [];
  readonly #flags: number[] = [];
  readonly #positions: FileOffset[] = [];
  readonly #free: number[] = [];
  /** This program, and each descriptor that locks something, as holders of locks. */
  readonly #process: LockOwner = { detectsDeadlock: true };
  readonly #descriptions: (LockOwner | undefined)[] = [];
  /** Files on which this program locks ranges. */
  readonly #lockedInos = new Set<number>();
  readonly #attributes = new Attributes();

  constructor(session: FilesSession) {
    this.#session = session;
  }

  /** open(2). Returns a descriptor. */
  open(path: string, flags: number, mode = 0o666): number {
    const ino =
      (flags & O_TMPFILE) === O_TMPFILE ? this.#openUnnamed(path, flags, mode) : this.openInode(path, flags, mode);
    if (ino < 0) return ino;
    const fd = this.#free.pop() ?? this.#inos.length;
    if (fd >= DESCRIPTORS_MAX) return -EMFILE;
    // A file without a name is pinned by its making.
    if ((flags & O_TMPFILE) !== O_TMPFILE) this.#session.subvolume.pin(ino);
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
    if (this.#lockedInos.delete(ino)) this.#session.subvolume.locks.release(ino, this.#process);
    const description = this.#descriptions[fd];
    if (description !== undefined) {
      this.#descriptions[fd] = undefined;
      this.#session.subvolume.locks.release(ino, description);
    }
    return this.#session.subvolume.unpin(ino);
  }

  /** The inode behind a descriptor, for the operations of `Subvolume`; −EBADF. */
  inode(fd: number): number {
    const ino = this.#inos[fd] ?? 0;
    return ino === 0 ? -EBADF : ino;
  }

  /** Reads at `offset`, or at the descriptor's position, which moves then. */
  read(fd: number, bytes: Uint8Array, at: number, length: number, offset: FileOffset = -1): number {
    const ino = this.#inos[fd] ?? 0;
    if (ino === 0 || (this.#flags[fd]! & O_ACCMODE) === O_WRONLY) return -EBADF;
    const from = offset < 0 ? this.#positions[fd]! : offset;
    try {
      const count = readContent(this.#session.subvolume, ino, from, bytes, at, length);
      if (count > 0) {
        this.#session.touchAccess(ino);
        if (offset < 0) this.#positions[fd] = addOffsets(from, count);
      }
      return count;
    } catch (thrown) {
      return this.#session.volume.readFailed(thrown);
    } finally {
      this.#session.volume.end();
    }
  }

  /** Writes at `offset`, or at the descriptor's position, which moves then; with O_APPEND always at the end. */
  write(fd: number, bytes: Uint8Array, at: number, length: number, offset: FileOffset = -1): number {
    const ino = this.#inos[fd] ?? 0;
    if (ino === 0 || (this.#flags[fd]! & O_ACCMODE) === O_RDONLY) return -EBADF;
    let from = offset < 0 ? this.#positions[fd]! : offset;
    if ((this.#flags[fd]! & O_APPEND) !== 0) {
      const failed = this.#session.subvolume.stat(ino, this.#attributes);
      if (failed < 0) return failed;
      from = this.#attributes.size;
    }
    const count = this.writeAt(ino, from, bytes, at, length);
    if (count > 0 && offset < 0) this.#positions[fd] = addOffsets(from, count);
    return count;
  }

  ftruncate(fd: number, size: FileOffset): number {
    const ino = this.#inos[fd] ?? 0;
    if (ino === 0) return -EBADF;
    if ((this.#flags[fd]! & O_ACCMODE) === O_RDONLY) return -EINVAL;
    this.#session.stamp();
    return this.#session.subvolume.truncate(ino, size);
  }

  /** linkat(2) of a descriptor: gives a file that was opened with O_TMPFILE its name. */
  linkDescriptor(fd: number, newPath: string): number {
    const ino = this.#inos[fd] ?? 0;
    if (ino === 0) return -EBADF;
    if ((this.#flags[fd]! & (O_TMPFILE | O_EXCL)) === (O_TMPFILE | O_EXCL)) return -ENOENT;
    const failed = this.#session.findNew(newPath, false);
    if (failed < 0) return failed;
    this.#session.stamp();
    return this.#session.subvolume.link(ino, walked.parent, walked.name);
  }

  /**
   * Locks, or unlocks, a range: fcntl(2) with F_SETLK, or with `ofDescription` F_OFD_SETLK. Locks are of this program
   * (this object), or of the descriptor; closing any descriptor of the file takes the program's away.
   *
   * @param onGranted  F_SETLKW: told when a lock that could not be had at once is held
   * @returns 0; 1 when it waits; −EAGAIN, −EDEADLK, −EBADF, −EINVAL
   */
  lockRange(fd: number, range: RangeToLock, onGranted: (() => void) | null = null): number {
    const ino = this.#inos[fd] ?? 0;
    const access = this.#flags[fd]! & O_ACCMODE;
    if (
      ino === 0 ||
      (range.type === LOCK_EXCLUSIVE && access === O_RDONLY) ||
      (range.type === LOCK_SHARED && access === O_WRONLY)
    )
      return -EBADF;
    const owner = range.ofDescription === true ? this.#description(fd) : this.#process;
    if (owner === this.#process) this.#lockedInos.add(ino);
    return this.#session.subvolume.locks.setRange(
      ino,
      { owner, type: range.type, start: range.start, length: range.length },
      onGranted,
    );
  }

  /** F_GETLK: the lock of others that stands in the way; null when there is none. −EBADF, −EINVAL. */
  lockInTheWay(fd: number, range: RangeToLock): FileRangeLock | null | number {
    const ino = this.#inos[fd] ?? 0;
    if (ino === 0) return -EBADF;
    return this.#session.subvolume.locks.conflict(ino, {
      owner: range.ofDescription === true ? this.#description(fd) : this.#process,
      type: range.type,
      start: range.start,
      length: range.length,
    });
  }

  /** flock(2), with the results of `lockRange`. */
  lockFile(fd: number, type: number, onGranted: (() => void) | null = null): number {
    const ino = this.#inos[fd] ?? 0;
    return ino === 0 ? -EBADF : this.#session.subvolume.locks.setWhole(ino, this.#description(fd), type, onGranted);
  }

  #description(fd: number): LockOwner {
    return (this.#descriptions[fd] ??= { detectsDeadlock: false });
  }

  fsync(fd: number): number {
    const ino = this.#inos[fd] ?? 0;
    if (ino === 0) return -EBADF;
    return this.#session.subvolume.fsync(ino);
  }

  writeAt(ino: number, offset: FileOffset, bytes: Uint8Array, at: number, length: number): number {
    this.#session.stamp();
    const count = this.#session.subvolume.write(ino, offset, bytes, at, length);
    if (count > 0 && this.#session.credentials.uid !== 0) this.#dropPrivileges(ino);
    return count;
  }

  /** Writing by one who is not root takes set-user-ID and set-group-ID away, write(2). */
  #dropPrivileges(ino: number): void {
    const attributes = this.#attributes;
    if (this.#session.subvolume.stat(ino, attributes) < 0) return;
    const dropped = attributes.mode & (S_ISUID | ((attributes.mode & 0o010) !== 0 ? S_ISGID : 0));
    if (dropped === 0) return;
    attributes.mode &= ~dropped;
    this.#session.subvolume.setAttributes(ino, attributes, ATTRIBUTE_MODE);
  }

  openInode(path: string, flags: number, mode: number): number {
    const access = flags & O_ACCMODE;
    const follow = (flags & O_NOFOLLOW) === 0 && (flags & (O_CREAT | O_EXCL)) !== (O_CREAT | O_EXCL);
    try {
      const failed = walk(
        this.#session.subvolume,
        this.#session.credentials,
        ROOT_INO,
        toBytes(path),
        follow ? "always" : "before-slash",
        (flags & O_CREAT) !== 0,
      );
      if (failed < 0) return failed;
      const { ino } = walked;
      // The same when a symbolic link ends so.
      if ((flags & O_CREAT) !== 0 && walked.isDirectory && walked.name !== "") return -EISDIR;
      if (ino !== 0) {
        if ((flags & (O_CREAT | O_EXCL)) === (O_CREAT | O_EXCL)) return -EEXIST;
        const at = loadInode(this.#session.subvolume, ino);
        if (at < 0) return -ENOENT;
        const type = this.#session.volume.inodes.words[at + INODE_AT_MODE]! & S_IFMT;
        if (type === S_IFLNK) return -ELOOP;
        if (type === S_IFDIR && (access !== O_RDONLY || (flags & O_CREAT) !== 0)) return -EISDIR;
        if (type !== S_IFDIR && (walked.isDirectory || (flags & O_DIRECTORY) !== 0)) return -ENOTDIR;
        const want = access === O_RDONLY ? R_OK : access === O_WRONLY ? W_OK : R_OK | W_OK;
        if (want !== R_OK && this.#session.subvolume.readOnly) return -EROFS;
        if (this.#session.credentials.uid !== 0) {
          const refused = checkAccess(this.#session.subvolume, ino, this.#session.credentials, want);
          if (refused < 0) return refused;
        }
        if ((flags & O_TRUNC) === 0 || type !== S_IFREG) return ino;
      } else {
        if ((flags & O_CREAT) === 0 || walked.name.length > NAME_MAX) return missing();
        const refused = this.#session.mayChange(walked.parent);
        if (refused < 0) return refused;
      }
    } catch (thrown) {
      return this.#session.volume.readFailed(thrown);
    } finally {
      this.#session.volume.end();
    }
    if (walked.ino === 0) return this.#session.create(walked.parent, walked.name, S_IFREG | (mode & 0o7777), 0);
    this.#session.stamp();
    const { ino } = walked;
    const cut = this.#session.subvolume.truncate(ino, 0);
    return cut < 0 ? cut : ino;
  }

  #openUnnamed(path: string, flags: number, mode: number): number {
    if ((flags & O_ACCMODE) === O_RDONLY) return -EINVAL;
    const directory = this.#session.findOnly(path, true);
    if (directory < 0) return directory;
    if (!this.#session.isDirectory(directory)) return -ENOTDIR;
    const refused = this.#session.guarded(() => this.#session.mayChange(directory));
    if (refused < 0) return refused;
    this.#session.stamp();
    return this.#session.subvolume.createUnnamed(
      directory,
      S_IFREG | (mode & 0o7777),
      this.#session.credentials.uid,
      this.#session.groupFor(directory),
      this.#session.umask,
    );
  }
}
