/**
 * Who works on the files of a subvolume, and what that one may do: paths are walked and rights checked in its name
 * (library/files.ts). Results are `≥ 0` or a negated errno.
 */
import {
  EEXIST,
  ENAMETOOLONG,
  ENOENT,
  ENOTDIR,
  EPERM,
  EROFS,
  NAME_MAX,
  S_IFDIR,
  S_IFMT,
  S_ISGID,
  S_ISVTX,
  W_OK,
  X_OK,
} from "@stratos/abi";
import { exactByteString } from "@stratos/base";
import type { Clock } from "@stratos/host";
import { checkAccess } from "../file/permission.ts";
import type { Credentials } from "../file/permission.ts";
import { changeInode, getPair, loadInode, putTime } from "../file/inode.ts";
import {
  INODE_AT_ATIME,
  INODE_AT_CTIME,
  INODE_AT_GID,
  INODE_AT_MODE,
  INODE_AT_MTIME,
  INODE_AT_UID,
  ROOT_INO,
} from "../format/inode-item.ts";
import type { Subvolume } from "../volume/subvolume.ts";
import type { Volume } from "../volume/volume.ts";
import { missing, walk, walked } from "./path-walk.ts";

/** relatime, mount(8): the time of access is kept when it is older than the last change, or than a day. */
const DAY_SECONDS = 86400;

export class FilesSession {
  readonly volume: Volume;
  readonly subvolume: Subvolume;
  readonly clock: Clock;
  umask: number;
  credentials: Credentials;
  #inheritsGroup = false;

  constructor(subvolume: Subvolume, clock: Clock, credentials: Credentials, umask: number) {
    this.volume = subvolume.volume;
    this.subvolume = subvolume;
    this.clock = clock;
    this.credentials = credentials;
    this.umask = umask;
    this.volume.enforcesQuotas = credentials.uid !== 0;
  }

  become(credentials: Credentials): void {
    this.volume.enforcesQuotas = credentials.uid !== 0;
    this.credentials = credentials;
  }

  /** Walks to a name that may be there or not; the link itself, where it is one. */
  walk(path: string): number {
    return walk(this.subvolume, this.credentials, ROOT_INO, toBytes(path), "never");
  }

  guarded(run: () => number): number {
    try {
      return run();
    } catch (thrown) {
      return this.volume.readFailed(thrown);
    }
  }

  /** Walks to what must be there. */
  find(path: string, follow: boolean): number {
    const failed = walk(this.subvolume, this.credentials, ROOT_INO, toBytes(path), follow ? "always" : "before-slash");
    if (failed < 0) return failed;
    if (walked.ino === 0) return missing();
    return walked.isDirectory && walked.name !== "" && !this.isDirectory(walked.ino) ? -ENOTDIR : 0;
  }

  findOnly(path: string, follow: boolean): number {
    return this.guarded(() => this.find(path, follow) || walked.ino);
  }

  /** Walks to a name that must not be there, in a folder that may be changed. */
  findNew(path: string, isDirectory: boolean): number {
    return this.guarded(() => {
      const failed = this.walk(path);
      if (failed < 0) return failed;
      if (walked.ino !== 0) return -EEXIST;
      if (walked.name.length > NAME_MAX) return -ENAMETOOLONG;
      if (walked.isDirectory && !isDirectory) return -ENOENT;
      return this.mayChange(walked.parent);
    });
  }

  findToRemove(path: string): number {
    return this.guarded(() => {
      const failed = this.walk(path);
      if (failed < 0) return failed;
      if (walked.ino === 0) return missing();
      if (walked.name === "") return 0;
      return this.mayChange(walked.parent) || this.checkSticky(walked.parent, walked.ino);
    });
  }

  mayChange(directory: number): number {
    if (this.subvolume.readOnly) return -EROFS;
    return this.credentials.uid === 0 ? 0 : checkAccess(this.subvolume, directory, this.credentials, W_OK | X_OK);
  }

  /** In a sticky folder only owners (of it, or of what goes) take names away, unlink(2) EPERM. */
  checkSticky(directory: number, ino: number): number {
    const who = this.credentials;
    if (who.uid === 0) return 0;
    const at = loadInode(this.subvolume, directory);
    const words = this.volume.inodes.words;
    if (at < 0 || (words[at + INODE_AT_MODE]! & S_ISVTX) === 0 || words[at + INODE_AT_UID] === who.uid) return 0;
    const target = loadInode(this.subvolume, ino);
    return target >= 0 && this.volume.inodes.words[target + INODE_AT_UID] === who.uid ? 0 : -EPERM;
  }

  owns(uid: number): boolean {
    return this.credentials.uid === 0 || this.credentials.uid === uid;
  }

  isDirectory(ino: number): boolean {
    return (
      this.guarded(() => {
        const at = loadInode(this.subvolume, ino);
        return at >= 0 && (this.volume.inodes.words[at + INODE_AT_MODE]! & S_IFMT) === S_IFDIR ? 1 : 0;
      }) === 1
    );
  }

  /** A folder with set-group-ID gives its group to what is made in it, inode(7). */
  groupFor(directory: number): number {
    const at = loadInode(this.subvolume, directory);
    const words = this.volume.inodes.words;
    this.#inheritsGroup = at >= 0 && (words[at + INODE_AT_MODE]! & S_ISGID) !== 0;
    return this.#inheritsGroup ? words[at + INODE_AT_GID]! : this.credentials.gid;
  }

  /** Makes an inode with the mode and group that the folder and the umask leave it. */
  create(directory: number, name: string, mode: number, rdev: number): number {
    this.stamp();
    const group = this.groupFor(directory);
    const own = (mode & S_IFMT) === S_IFDIR && this.#inheritsGroup ? mode | S_ISGID : mode;
    return this.subvolume.create(directory, name, own, this.credentials.uid, group, rdev, this.umask);
  }

  touchAccess(ino: number): void {
    const { inodes } = this.volume;
    const at = loadInode(this.subvolume, ino);
    // A change without `begin`: only where there is space for what it may cost.
    if (at < 0 || this.subvolume.readOnly || this.volume.failure !== null || this.volume.pageRoom < 16) return;
    const words = inodes.words;
    const accessed = getPair(words, at + INODE_AT_ATIME);
    // The time of the last change or tick is near enough to see a day go by.
    if (
      !isNotLater(words, at + INODE_AT_ATIME, at + INODE_AT_MTIME) &&
      !isNotLater(words, at + INODE_AT_ATIME, at + INODE_AT_CTIME) &&
      this.volume.seconds - accessed < DAY_SECONDS
    )
      return;
    this.stamp();
    const { seconds, nanoseconds } = this.volume;
    if (accessed === seconds && words[at + INODE_AT_ATIME + 2] === nanoseconds) return;
    putTime(inodes.words, changeInode(this.subvolume, ino) + INODE_AT_ATIME, seconds, nanoseconds);
  }

  stamp(): void {
    const ms = this.clock.realtimeMs();
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
export function toBytes(text: string): string {
  return isAscii(text) ? text : exactByteString(text);
}

export function isAscii(text: string): boolean {
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) > 0x7f) return false;
  return true;
}
