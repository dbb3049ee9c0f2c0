import { ENOTTY } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { Reclaimable } from "../frames/memory-account.ts";
import type { Dentry } from "./dentry.ts";
import { DeviceRegistry } from "./device-registry.ts";
import type { FileSystem } from "./file-system.ts";
import type { FileSystemType } from "./file-system-types.ts";
import type { Inode, Time } from "./inode.ts";
import { Mount } from "./mount.ts";
import { MountCounts, MOUNTS_MAX } from "./mount-counts.ts";
import type { MountNamespace } from "./mount-namespace.ts";
import { CallWork } from "../ground/call-work.ts";
import { beginWriteBack, continueWriteBack } from "./write-back.ts";
import type { Namespace } from "../security/namespace.ts";
import type { NamespaceFileSystem } from "./namespace-file.ts";
import type { Caller, VfsKernel } from "./vfs-kernel.ts";

/** What the vfs keeps once for each kernel. */
export class VfsState implements Reclaimable {
  #kernel: VfsKernel;
  readonly devices = new DeviceRegistry();
  /** mount(2) types by name. */
  readonly types = new Map<string, FileSystemType>();
  /**
   * The root entry of each mounted file system, with the number of mounts of it, and of those that were taken away and
   * still are in use.
   */
  readonly roots = new Map<FileSystem, { dentry: Dentry; mounts: number; lingering: number }>();
  /** Entries in the dentry cache; pruned above DENTRIES_MAX (dentry-cache.ts). */
  dentryCount = 0;
  /** Inodes whose pages or attributes are not on stable storage yet (write-back.ts). */
  readonly dirty = new Set<Inode>();
  /** Inodes and further names of all file systems in memory, and bytes that they keep outside pages (fs/tmpfs). */
  memoryInodes = 0;
  memoryBytes = 0;
  /** inotify watches in existence: 0 makes every notification one comparison. */
  watchCount = 0;
  /** Inodes that are watched. */
  readonly marked = new Set<Inode>();
  /** Ties IN_MOVED_FROM and IN_MOVED_TO together (inotify(7)). */
  renameCookie = 0;
  /** Where pipes, sockets and other nameless files live; made on first use (anonymous-file.ts). */
  anonymousMount: Mount | null = null;
  /** The files that stand for namespaces (namespace-file.ts); made on first use. */
  namespaces: NamespaceFileSystem | null = null;
  /** ioctl_ns(2); task/enter-namespaces.ts fills it. */
  namespaceRequest: (task: Caller, namespace: Namespace, command: number, argument: number) => number = () => -ENOTTY;
  /** fs.mount-max. */
  maximumMounts = MOUNTS_MAX;
  readonly mounts = new MountCounts();
  /** fs.leases-enable, and fs.lease-break-time: how long a holder may take to give way. */
  hasLeases = true;
  leaseBreakSeconds = 45;
  #nextMountId = 1;
  #time: Time = { seconds: 0, nanoseconds: 0 };
  #isReclaiming = false;

  constructor(kernel: VfsKernel) {
    this.#kernel = kernel;
    // First among the caches: what the others drop must be written before.
    kernel.memory.registerCache(this);
  }

  /** Has the namespace room for `more`? Else ENOSPC (mount(2)). */
  hasMountRoom({ mounts, owner }: MountNamespace, more: number): boolean {
    return mounts.length + more <= this.maximumMounts && this.mounts.hasRoom(owner, more);
  }

  allocateMountId(): number {
    return this.#nextMountId++;
  }

  /**
   * The time for file stamps, at a millisecond's grain (Linux takes the time of the last tick, which is coarser); one
   * object serves all stamps of a millisecond, so never change it.
   */
  now(): Time {
    const since = this.#kernel.realtimeSinceNs(this.#time);
    if (since < 0 || since >= 1e6) {
      const { seconds, nanoseconds } = this.#kernel.realtime();
      this.#time = { seconds, nanoseconds: nanoseconds - (nanoseconds % 1e6) };
    }
    return this.#time;
  }

  /** Frames run short: write some dirty pages, so that their caches can drop them. */
  reclaim(_most: number): number {
    if (this.dirty.size === 0 || this.#isReclaiming) return 0;
    // Writing a disk that is a file takes frames of its own.
    this.#isReclaiming = true;
    const work = new CallWork(this.#kernel.work.limit);
    work.mayPause = true;
    continueWriteBack(this.#kernel, beginWriteBack(this.#kernel), () => true, work);
    this.#isReclaiming = false;
    return 0;
  }

  static {
    stateClass(
      "VfsState",
      this,
      {
        save: (it) => ({
          kernel: it.#kernel,
          nextMountId: it.#nextMountId,
          time: it.#time,
          isReclaiming: it.#isReclaiming,
        }),
        load: (it, from) =>
          ({ kernel: it.#kernel, nextMountId: it.#nextMountId, time: it.#time, isReclaiming: it.#isReclaiming } = from),
      },
      { keeps: ["devices", "namespaceRequest", "types"] },
    );
  }
}
