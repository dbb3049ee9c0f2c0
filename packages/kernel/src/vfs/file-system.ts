import { EBUSY, EOPNOTSUPP, MS_DIRSYNC, MS_LAZYTIME, MS_MANDLOCK, MS_SYNCHRONOUS, NAME_MAX } from "@stratos/abi";
import { INITIAL_USER_NAMESPACE, type UserNamespace } from "../security/user-namespace.ts";
import type { FanotifyMark } from "./fanotify-mark.ts";
import type { Inode } from "./inode.ts";
import type { MountDevice } from "./mount-device.ts";
import type { MountOptions } from "./mount-options.ts";
import type { Caller, VfsKernel } from "./vfs-kernel.ts";

/** statfs(2), in blocks of `blockSize` bytes. */
export interface FileSystemUsage {
  magic: number;
  blockSize: number;
  blocks: number;
  blocksFree: number;
  files: number;
  filesFree: number;
  nameMax: number;
}

/** What mount(2) says of a whole file system, not of one mount, besides MS_RDONLY (fs/namespace.c, path_mount). */
export const SUPER_FLAGS = MS_SYNCHRONOUS | MS_DIRSYNC | MS_MANDLOCK | MS_LAZYTIME;

/** Of a file system that has neither sizes nor counts to show (fs/libfs.c, simple_statfs). */
export function simpleUsage(magic: number): FileSystemUsage {
  return { magic, blockSize: 4096, blocks: 0, blocksFree: 0, files: 0, filesFree: 0, nameMax: 255 };
}

/** A mounted file system. One folder below `fs/` for each kind; all pass the conformance suite of `fs/testing/`. */
export abstract class FileSystem {
  /** As in /proc/filesystems: "tmpfs", "proc", "aegisfs" … */
  abstract readonly type: string;
  /** st_dev (makedev(3) form, unique for each instance; kernel.allocateDevice()). */
  readonly device: number;
  abstract readonly root: Inode;
  readOnly = false;
  /** Of SUPER_FLAGS, as it was mounted: programs see them; nothing is stored sooner or later for them. */
  superFlags = 0;
  /** Descriptions of files that are open to be written. */
  writers = 0;
  /** Of who mounted it: devices on it are none below the initial one, and programs change ids only for those within. */
  userNamespace: UserNamespace = INITIAL_USER_NAMESPACE;
  /** The device that it lies on, which is given back after `shutdown`; null: it lies on none. */
  mountDevice: MountDevice | null = null;
  /** fanotify(7) marks on all of it; null: none. */
  fanotify: Set<FanotifyMark> | null = null;

  constructor(device: number) {
    this.device = device;
  }

  abstract usage(): FileSystemUsage;

  /** st_blksize: bytes that are well read and written at once. */
  get ioSize(): number {
    return 4096;
  }

  /**
   * The file that a handle names (name_to_handle_at(2)), by what `generationOf` said of it.
   * @returns −ESTALE: there is none any more; −EOPNOTSUPP: files here have no handles
   */
  inodeByNumber(_ino: number, _generation: number): Inode | number {
    return -EOPNOTSUPP;
  }

  /** Tells a file from others that had its number before; −EOPNOTSUPP: files here have no handles that lead back. */
  generationOf(_inode: Inode): number {
    return -EOPNOTSUPP;
  }

  /** The names that lead from `root` to a file, where the file system knows them by itself; null: it doesn't. */
  namesOf(_inode: Inode): readonly string[] | null {
    return null;
  }

  /** Can a name stand for a file that is gone (RENAME_WHITEOUT)? */
  get hasWhiteouts(): boolean {
    return false;
  }

  /** May a mount of it show its files with other owners (Linux: FS_ALLOW_IDMAP)? */
  get allowsIdMaps(): boolean {
    return false;
  }

  /** Does a program in the machine serve its files (fs/fuse)? What asks for them may have to wait. */
  get isServed(): boolean {
    return false;
  }

  /** Bytes of a name at most. */
  get nameMost(): number {
    return NAME_MAX;
  }

  /** Before `usage`: brings that up to date. 0, a negated errno, or BLOCKED. */
  refreshUsage(): number {
    return 0;
  }

  /** umount2(2) with MNT_FORCE: whoever waits for it goes on. */
  forceUnmount(): void {}

  /** Is what its files say made when they are read (procfs, sysfs)? */
  get isMadeOnDemand(): boolean {
    return false;
  }

  /** Makes everything durable; 0 or a negated errno. */
  sync(): number {
    return 0;
  }

  /** After a write to `inode`: stores some older pages where one call could have to store too many at once. */
  balanceDirty(_inode: Inode): void {}

  /** Must pages that wait for write-back be stored before so many bytes more are allocated, because they need room? */
  isShortOf(_bytes: number): boolean {
    return false;
  }

  /** Does `rename` over a file store its pages first? Then the call stores the most of them before, in pieces. */
  get storesBeforeReplacing(): boolean {
    return false;
  }

  /** A file besides `inode` whose pages `inode.sync` would store: fsync(2) stores them before it, in pieces. */
  nextBeforeSync(_inode: Inode): Inode | null {
    return null;
  }

  /** Whose inodes hold what is written to its files: another one, where it only shows that. */
  get storage(): FileSystem {
    return this;
  }

  /** The pages that this file had when `nextBeforeSync` named it are stored, or cannot be. */
  storedBeforeSync(_inode: Inode): void {}

  /** Mount options beyond the generic ones, for /proc/mounts. */
  get options(): string {
    return "";
  }

  /** For all of its mounts, as `mount -o remount,ro`: 0, or −EBUSY while files are open to be written. */
  setReadOnly(on: boolean): number {
    if (on && !this.readOnly && this.writers > 0) return -EBUSY;
    this.readOnly = on;
    return 0;
  }

  /** mount(2) with MS_REMOUNT: takes options that can change while it is mounted; 0, or −EINVAL and nothing changes. */
  reconfigure(_options: MountOptions): number {
    return 0;
  }

  /** The last mount is gone. */
  shutdown(): void {}
}

/** What a file system that isn't virtual lies on. */
export interface MountedDevice {
  readonly device: MountDevice;
  readonly readOnly: boolean;
}

/** Makes an instance for mount(2) or fsconfig(2), or says why not. */
export interface FileSystemType {
  readonly name: string;
  /** Needs no device ("nodev" in /proc/filesystems). */
  readonly isVirtual: boolean;
  /** "fuse.sshfs" is one of them, too; `create` gets what is behind the dot as the option `subtype`. */
  readonly hasSubtypes?: boolean;
  /** Where CAP_SYS_ADMIN lets one mount it; absent: in the initial user namespace alone. */
  userNamespace?(caller: Caller): UserNamespace;
  /** Shows what a mount of it shows that is there: a user namespace gets no more of it (mount_too_revealing). */
  readonly isRevealing?: boolean;
  /** The folder, by the names that lead to it, that a mount by the caller shows as its root; absent: all of it. */
  rootFor?(caller: Caller): readonly string[];
  /** Those that it knows; absent: it passes over what it doesn't know. */
  readonly optionNames?: readonly string[];
  /** mount(2) with MS_REMOUNT takes what it doesn't know, too, and changes nothing by it. */
  readonly ignoresChanges?: boolean;
  /** fsconfig(2): 0, or −EINVAL: that is no value of it. Absent: `create` says it. */
  checkOption?(kernel: VfsKernel, key: string, value: string): number;
  create(kernel: VfsKernel, source: string, options: MountOptions, on?: MountedDevice): FileSystem | number;
}
