import type { FileSystemType } from "../../vfs/file-system.ts";
import {
  ENOENT,
  FUSE_DEVICE_MINOR,
  LOOP_CTRL_MINOR,
  MEM_MAJOR,
  MISC_MAJOR,
  RTC_MAJOR,
  S_IFCHR,
  S_IFDIR,
  TUN_MINOR,
  isErrno,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { forgetChild, lookupChild, unlinkDentry } from "../../vfs/dentry-cache.ts";
import { makeDevice } from "../../vfs/device-registry.ts";
import type { Inode } from "../../vfs/inode.ts";
import { Tmpfs } from "../tmpfs/tmpfs.ts";
import { FULL_MINOR, KMSG_MINOR, NULL_MINOR, RANDOM_MINOR, URANDOM_MINOR, ZERO_MINOR } from "./memory-devices.ts";
import type { FsKernel } from "../fs-kernel.ts";

/** Those that there always are; /sys tells of them, too. */
export const DEVICE_NODES: readonly (readonly [name: string, major: number, minor: number, mode: number])[] = [
  ["null", MEM_MAJOR, NULL_MINOR, 0o666],
  ["zero", MEM_MAJOR, ZERO_MINOR, 0o666],
  ["full", MEM_MAJOR, FULL_MINOR, 0o666],
  ["random", MEM_MAJOR, RANDOM_MINOR, 0o666],
  ["urandom", MEM_MAJOR, URANDOM_MINOR, 0o666],
  ["kmsg", MEM_MAJOR, KMSG_MINOR, 0o644],
  ["net/tun", MISC_MAJOR, TUN_MINOR, 0o666],
  ["fuse", MISC_MAJOR, FUSE_DEVICE_MINOR, 0o666],
  ["loop-control", MISC_MAJOR, LOOP_CTRL_MINOR, 0o660],
  ["rtc0", RTC_MAJOR, 0, 0o600],
  ["tty", 5, 0, 0o666],
  ["console", 5, 1, 0o600],
  ["ptmx", 5, 2, 0o666],
  ["tty0", 4, 0, 0o620],
  ["tty1", 4, 1, 0o620],
];
const LINKS: readonly (readonly [name: string, target: string])[] = [
  ["fd", "/proc/self/fd"],
  ["stdin", "/proc/self/fd/0"],
  ["stdout", "/proc/self/fd/1"],
  ["stderr", "/proc/self/fd/2"],
  ["core", "/proc/kcore"],
  // Of udev (rules.d/50-udev-default.rules).
  ["rtc", "rtc0"],
];

/** The device nodes of a machine, in a tmpfs that all mounts of it share (devtmpfs of Linux). */
export class Devtmpfs extends Tmpfs {
  override readonly type = "devtmpfs";

  constructor(kernel: FsKernel) {
    super(kernel, { mode: 0o755 });
  }

  /** What there always is: apart from the constructor, as one that is loaded has it already. */
  addAll(): void {
    const { kernel } = this;
    const now = kernel.vfs.now();
    const owner = { uid: 0, gid: 0, rdev: 0, now };
    for (const [name, major, minor, mode] of DEVICE_NODES)
      this.addNode(name, {
        mode: S_IFCHR | mode,
        gid: minor === TUN_MINOR || minor === FUSE_DEVICE_MINOR ? 0 : (GROUPS.get(major) ?? 0),
        rdev: makeDevice(major, minor),
      });
    for (const [name, target] of LINKS) this.root.symlink(name, target, { ...owner, mode: 0o777 });
    for (const name of ["pts", "shm", "mqueue"]) this.root.mkdir(name, { ...owner, mode: S_IFDIR | 0o755 });
  }

  /**
   * A device came: its node is made, as a kernel without udev does it. One that is there already stays.
   *
   * @param path  below the root; its folder is made, too
   */
  addNode(path: string, node: { mode: number; gid: number; rdev: number }): void {
    const [name = path, folder] = path.split("/").reverse();
    const directory = folder === undefined ? this.root : this.#folder(folder);
    if (isErrno(directory)) return;
    const root = this.kernel.vfs.roots.get(this);
    // The name may be known to be absent.
    if (root !== undefined && directory === this.root) forgetChild(this.kernel, root.dentry, name);
    if (isErrno(directory.lookup(name))) directory.create(name, { ...node, uid: 0, now: this.kernel.vfs.now() });
  }

  /** Of devices that the machine has from its start: nobody has looked for one there. */
  #folder(name: string): Inode | number {
    const made = this.root.mkdir(name, { uid: 0, gid: 0, rdev: 0, now: this.kernel.vfs.now(), mode: S_IFDIR | 0o755 });
    return isErrno(made) ? this.root.lookup(name) : made;
  }

  /** A device went. */
  removeNode(name: string): void {
    const inode = this.root.lookup(name);
    if (isErrno(inode)) return;
    const root = this.kernel.vfs.roots.get(this);
    const dentry = root === undefined ? -ENOENT : lookupChild(this.kernel, root.dentry, name);
    this.root.unlink(name, inode, this.kernel.vfs.now());
    if (!isErrno(dentry)) unlinkDentry(this.kernel, dentry);
  }

  static {
    stateClass("Devtmpfs", this);
  }
}

/** Groups "tty" and "disk" of Debian, by major number. */
const GROUPS: ReadonlyMap<number, number> = new Map([
  [4, 5],
  [5, 5],
  [10, 6],
]);

export function devtmpfsOf(kernel: FsKernel): Devtmpfs {
  if (kernel.devtmpfs === null) {
    kernel.devtmpfs = new Devtmpfs(kernel);
    kernel.devtmpfs.addAll();
  }
  return kernel.devtmpfs;
}

export const devtmpfsType: FileSystemType = {
  name: "devtmpfs",
  isVirtual: true,
  create: (kernel: FsKernel) => devtmpfsOf(kernel),
};
