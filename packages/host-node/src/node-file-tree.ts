/**
 * A folder of the host for the guest (`-v HOST:GUEST`).
 *
 * The guest owns every name below the folder, so it can put a symbolic link anywhere, at any time, also between our
 * check of a path and its use. So a path is walked one component at a time from a descriptor of the folder, as
 * openat(2) does, with O_NOFOLLOW: each step is `/proc/self/fd/N/NAME`, where N is the folder that the step before has
 * opened, or that was reached before and is where it was (`PinnedFolders`). No link is ever followed: the guest's own
 * kernel resolves links, in the guest's name space. Where the host has no /proc, each component is checked by lstat,
 * which leaves a race that only a process of the host can win.
 *
 * Owners: when Stratos runs as root, numbers pass as they are. Else the host's user and group show as root, everything
 * else as nobody (65534), and a change of owner succeeds only when it changes nothing.
 */
import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  futimesSync,
  lchownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmdirSync,
  statfsSync,
  symlinkSync,
  unlinkSync,
  type Stats,
} from "node:fs";
import {
  EINVAL,
  ELOOP,
  ENAMETOOLONG,
  ENOENT,
  ENOTDIR,
  EPERM,
  EROFS,
  NAME_MAX,
  O_ACCMODE,
  O_APPEND,
  O_CREAT,
  O_EXCL,
  O_RDONLY,
  O_TRUNC,
  S_IFLNK,
  S_IFMT,
} from "@stratos/abi";
import type { HostFile, HostFileTree, HostStat, HostUsage } from "@stratos/host";
import { hostErrno } from "./host-errno.ts";
import { hostTime } from "./host-time.ts";
import { InodeNumbers } from "./inode-numbers.ts";
import { HAS_PROC, hostStat, NOBODY, NodeHostFile, type ShownAs, statOf } from "./node-host-file.ts";
import { HOST_O_PATH, inFolder, PinnedFolders } from "./pinned-folders.ts";

export class NodeFileTree implements HostFileTree {
  readonly readOnly: boolean;
  readonly #root: string;
  readonly #rootFd: number;
  readonly #folders: PinnedFolders;
  readonly #shown: ShownAs;
  readonly #only: string | null;
  #hasLostWay = false;

  /**
   * @param options.only  the one name of the folder that is there for the guest: a byte string
   * @throws Node's error when `folder` is not a folder that can be opened
   */
  constructor(folder: string, options: { readOnly?: boolean; only?: string } = {}) {
    this.#only = options.only ?? null;
    this.readOnly = options.readOnly ?? false;
    this.#root = realpathSync(folder);
    this.#rootFd = openSync(this.#root, constants.O_RDONLY | constants.O_DIRECTORY);
    this.#folders = new PinnedFolders(this.#rootFd);
    const uid = process.getuid?.() ?? 0;
    const numbers = new InodeNumbers(fstatSync(this.#rootFd).dev);
    this.#shown = { numbers, isIdentity: uid === 0, uid, gid: process.getgid?.() ?? 0 };
  }

  close(): void {
    this.#folders.close();
    closeSync(this.#rootFd);
  }

  /** Without descriptors of folders nobody could tell whether the way failed or what it leads to. */
  get hasLostWay(): boolean | undefined {
    return HAS_PROC ? this.#hasLostWay : undefined;
  }

  /** Leads to the folder that was opened, whatever stands at its path by now. */
  get #rootPath(): string {
    return HAS_PROC ? `/proc/self/fd/${this.#rootFd}` : this.#root;
  }

  lstat(path: string): HostStat | number {
    return this.#at<HostStat | number>(
      path,
      (file) => this.#lstat(file),
      () => statOf(this.#rootFd, this.#shown),
    );
  }

  #lstat(file: Buffer): HostStat | number {
    // Most names that are asked for are not there, and an Error takes longer than the call.
    const stats = lstatSync(file, { throwIfNoEntry: false });
    return stats === undefined ? -ENOENT : hostStat(stats, this.#shown, () => lstatSync(file, { bigint: true }));
  }

  lstatEach(folder: string, names: readonly string[]): (HostStat | number)[] | number {
    const first = names[0];
    if (first === undefined) return [];
    const pathOf = (name: string): string => (folder === "" ? name : `${folder}/${name}`);
    if (this.#only !== null) return names.map((name) => this.lstat(pathOf(name)));
    // The first is walked to; the others are in the same folder.
    return this.#at<(HostStat | number)[]>(
      pathOf(first),
      (file) => {
        const way = file.subarray(0, file.length - first.length);
        return names.map((name) => {
          const refused = refusal(name);
          return refused < 0 ? refused : attempt(() => this.#lstat(Buffer.concat([way, Buffer.from(name, "latin1")])));
        });
      },
      () => [],
    );
  }

  list(path: string): string[] | number {
    if (this.#only !== null && path === "") return [this.#only];
    // The trailing component must not be a link either: read the listing through a descriptor opened with O_NOFOLLOW.
    return this.#at(
      path,
      (file) => {
        const fd = openSync(file, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
        try {
          return readdirSync(HAS_PROC ? `/proc/self/fd/${fd}` : file, { encoding: "latin1" });
        } finally {
          closeSync(fd);
        }
      },
      () => readdirSync(this.#rootPath, { encoding: "latin1" }),
    );
  }

  readlink(path: string): string | number {
    return this.#at<string | number>(
      path,
      (file) => readlinkSync(file, { encoding: "latin1" }),
      () => -EINVAL,
    );
  }

  open(path: string, flags: number, mode: number): HostFile | number {
    const writes = (flags & O_ACCMODE) !== O_RDONLY || (flags & (O_CREAT | O_TRUNC)) !== 0;
    if (writes && this.readOnly) return -EROFS;
    let host = HOST_ACCESS[flags & O_ACCMODE] ?? constants.O_RDWR;
    // Positions come with each call, so that appending is the guest kernel's business; a host O_APPEND would override
    // them.
    if ((flags & O_APPEND) !== 0 && host === constants.O_WRONLY) host = constants.O_RDWR;
    if ((flags & O_CREAT) !== 0) host |= constants.O_CREAT;
    if ((flags & O_EXCL) !== 0) host |= constants.O_EXCL;
    if ((flags & O_TRUNC) !== 0) host |= constants.O_TRUNC;
    // O_NONBLOCK: a fifo or a device of the host must not stop the whole machine.
    host |= constants.O_NOFOLLOW | constants.O_NONBLOCK;
    return this.#at(
      path,
      (file) => {
        const fd = openSync(file, host, mode & 0o7777);
        // open(2) took the host's umask off; the guest's kernel has already applied the guest's.
        if ((flags & O_CREAT) !== 0 && (flags & O_EXCL) !== 0) fchmodSync(fd, mode & 0o7777);
        return new NodeHostFile(fd, this.#shown);
      },
      () => new NodeHostFile(openSync(this.#rootPath, constants.O_RDONLY | constants.O_DIRECTORY), this.#shown),
    );
  }

  mkdir(path: string, mode: number): number {
    return this.#change(path, (file) => {
      mkdirSync(file, mode & 0o7777);
      // mkdir(2) took the host's umask off. A link may stand there by now, made by another guest of the same folder.
      this.#chmod(file, mode);
    });
  }

  rmdir(path: string): number {
    return this.#change(path, (file) => rmdirSync(file));
  }

  unlink(path: string): number {
    return this.#change(path, (file) => unlinkSync(file));
  }

  symlink(target: string, path: string): number {
    return this.#change(path, (file) => symlinkSync(Buffer.from(target, "latin1"), file));
  }

  link(source: string, target: string): number {
    return this.#changeTwo(source, target, (from, to) => linkSync(from, to));
  }

  rename(source: string, target: string): number {
    return this.#changeTwo(source, target, (from, to) => renameSync(from, to));
  }

  chmod(path: string, mode: number): number {
    if (this.readOnly) return -EROFS;
    return this.#at(
      path,
      (file) => this.#chmod(file, mode),
      () => (fchmodSync(this.#rootFd, mode & 0o7777), 0),
    );
  }

  /** chmod(2) follows links, so it is done to a descriptor of the file itself. */
  #chmod(file: Buffer, mode: number): number {
    if (!HAS_PROC) {
      if ((lstatSync(file).mode & S_IFMT) === S_IFLNK) return -EINVAL;
      chmodSync(file, mode & 0o7777);
      return 0;
    }
    const fd = openSync(file, HOST_O_PATH | constants.O_NOFOLLOW);
    try {
      if ((fstatSync(fd).mode & S_IFMT) === S_IFLNK) return -EINVAL;
      chmodSync(`/proc/self/fd/${fd}`, mode & 0o7777);
      return 0;
    } finally {
      closeSync(fd);
    }
  }

  chown(path: string, uid: number, gid: number): number {
    if (this.readOnly) return -EROFS;
    if (!this.#shown.isIdentity) {
      const now = this.lstat(path);
      if (typeof now === "number") return now;
      const isSame = (uid === -1 || uid === now.uid) && (gid === -1 || gid === now.gid);
      return isSame && now.uid !== NOBODY ? 0 : -EPERM;
    }
    return this.#at(
      path,
      (file) => (lchownSync(file, uid, gid), 0),
      () => (fchownSync(this.#rootFd, uid, gid), 0),
    );
  }

  utimes(path: string, atimeMs: number, mtimeMs: number): number {
    if (this.readOnly) return -EROFS;
    const atime = hostTime(atimeMs / 1000);
    const mtime = hostTime(mtimeMs / 1000);
    return this.#at(
      path,
      (file) => (lutimesSync(file, atime, mtime), 0),
      () => (futimesSync(this.#rootFd, atime, mtime), 0),
    );
  }

  usage(): HostUsage | null {
    try {
      const { bsize, blocks, bavail, files, ffree } = statfsSync(this.#rootPath);
      return { blockSize: bsize, blocks, blocksFree: bavail, files, filesFree: ffree };
    } catch {
      // Not every host has it; then nothing is known.
      return null;
    }
  }

  #change(path: string, operation: (file: Buffer) => void): number {
    if (this.readOnly) return -EROFS;
    return this.#at(
      path,
      (file) => (operation(file), 0),
      () => -EINVAL,
    );
  }

  #changeTwo(source: string, target: string, operation: (from: Buffer, to: Buffer) => void): number {
    if (this.readOnly) return -EROFS;
    return this.#at(
      source,
      (from) =>
        this.#at(
          target,
          (to) => (operation(from, to), 0),
          () => -EINVAL,
        ),
      () => -EINVAL,
    );
  }

  /**
   * Runs `operation` on a host path of `path` whose folders are pinned by descriptors, or `onRoot` for the folder
   * itself; turns what it throws into an errno.
   */
  #at<T>(path: string, operation: (file: Buffer) => T, onRoot: () => T): T | number {
    this.#hasLostWay = false;
    if (path === "") return attempt(onRoot);
    const names = path.split("/");
    for (const name of names) {
      const refused = refusal(name);
      if (refused < 0) return refused;
    }
    if (this.#only !== null && path !== this.#only) return -ENOENT;
    const last = names.pop()!;
    return HAS_PROC ? this.#walk(path, last, operation) : this.#walkWithoutProc(names, last, operation);
  }

  #walk<T>(path: string, last: string, operation: (file: Buffer) => T): T | number {
    const folders = path.slice(0, -last.length - 1);
    return attempt(() => {
      this.#hasLostWay = true;
      const folder = folders === "" ? this.#rootFd : this.#folders.open(folders);
      this.#hasLostWay = false;
      return operation(inFolder(folder, last));
    });
  }

  #walkWithoutProc<T>(folders: readonly string[], last: string, operation: (file: Buffer) => T): T | number {
    let path = this.#root;
    return attempt(() => {
      for (const name of folders) {
        path = `${path}/${name}`;
        const stats = lstatSync(Buffer.from(path, "latin1"), { throwIfNoEntry: false }) as Stats | undefined;
        if (stats === undefined) return -ENOENT;
        if (stats.isSymbolicLink()) return -ELOOP;
        if (!stats.isDirectory()) return -ENOTDIR;
      }
      return operation(Buffer.from(`${path}/${last}`, "latin1"));
    });
  }
}

/** Of a name that is none: it would lead somewhere else. */
function refusal(name: string): number {
  if (name === "" || name === "." || name === ".." || name.includes("\0") || name.includes("/")) return -EINVAL;
  return name.length > NAME_MAX ? -ENAMETOOLONG : 0;
}

function attempt<T>(operation: () => T): T | number {
  try {
    return operation();
  } catch (error) {
    return hostErrno(error);
  }
}

const HOST_ACCESS = [constants.O_RDONLY, constants.O_WRONLY, constants.O_RDWR];
