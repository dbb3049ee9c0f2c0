import { ENOTTY } from "@stratos/abi";
import { stateClass, SteadySet } from "@stratos/base";
import type { Dentry } from "./dentry.ts";
import { DeviceRegistry } from "./device-registry.ts";
import type { FileSystem, FileSystemType } from "./file-system.ts";
import type { Inode, Time } from "./inode.ts";
import { Mount } from "./mount.ts";
import { MountCounts, MOUNTS_MAX } from "./mount-counts.ts";
import type { MountNamespace } from "./mount-namespace.ts";
import type { Namespace } from "../security/namespace.ts";
import type { SignalProcess } from "../signal/signal-target.ts";
import type { OpenFile } from "./open-file.ts";
import { PeerGroups } from "./peer-group.ts";
import type { Path } from "./path.ts";
import type { ProtectedNames } from "./protected-names.ts";
import type { Caller, VfsKernel } from "./vfs-kernel.ts";
import type { StateOf } from "../ground/call-state.ts";

/** Bounds of the dentry cache; pruning drops what was not found since the last time. An entry costs about 150 bytes. */
const DENTRIES_MAX = 65536,
  DENTRIES_LEAST = 1024;

function noPidfd(): never {
  throw new Error("there are no processes yet");
}

export type DeviceDrivers = DeviceRegistry<DeviceDriver>;

interface DeviceDriver {
  readonly name: string;
  /**
   * Opens a device: a new description, or a negated errno (or BLOCKED, BLOCKED_EINTR).
   * @param flags  O_* of open(2)
   */
  open(task: Caller, inode: Inode, flags: number, path: Path): OpenFile | number;
}

/** What the vfs keeps once for each kernel. */
export class VfsState {
  #kernel: VfsKernel;
  /** Those that only this machine has, over those of all (`base`). */
  readonly devices: DeviceDrivers = new DeviceRegistry<DeviceDriver>();
  /** mount(2) types by name. */
  types: ReadonlyMap<string, FileSystemType> = new Map();
  /**
   * The root entry of each file system, with the number of mounts of it, and of what else keeps it: mounts that were
   * taken away and still are in use, descriptors of fsopen(2).
   */
  readonly roots = new Map<FileSystem, { dentry: Dentry; mounts: number; lingering: number }>();
  /** Mounted nowhere any more, with much to store before they end (mount-lifetime.ts); how far the first of them is. */
  readonly ending = new Set<FileSystem>();
  endingReached: StateOf<"write-back"> | null = null;
  /** Entries in the dentry cache; pruned above `dentriesMost` (dentry-cache.ts). */
  dentryCount = 0;
  dentriesMost = DENTRIES_MAX;
  #cachePressure = 100;
  /** Inodes whose pages or attributes are not on stable storage yet (write-back.ts). */
  readonly dirty = new SteadySet<Inode>();
  /** Inodes and further names of all file systems in memory, and bytes that they keep outside pages (fs/tmpfs). */
  memoryInodes = 0;
  memoryBytes = 0;
  /** Ranges of all files that are locked (held-locks.ts). */
  rangeLocks = 0;
  /** In rulesets of landlock(7) that are open. */
  landlockRules = 0;
  /** Marks of inotify, dnotify and fanotify in existence: 0 makes every notification one comparison. */
  watchCount = 0;
  /** Inodes that are watched. */
  readonly marked = new Set<Inode>();
  /** Those of fanotify(7) among them, how many of these ask for permissions, and what they are on. */
  fanotifyCount = 0;
  permissionCount = 0;
  readonly fanotifyMarked = new Set<Inode | Mount | FileSystem>();
  /** Open files of programs that serve them (fs/fuse): a process that ends may have to wait for these. */
  servedFiles = 0;
  /** Whose call is executed by another's: a request of io_uring(7); null: that of who is on the hart. */
  onBehalf: Caller | null = null;
  /** Ties IN_MOVED_FROM and IN_MOVED_TO together (inotify(7)). */
  renameCookie = 0;
  /** Where pipes, sockets and other nameless files live; made on first use (anonymous-file.ts). */
  anonymousMount: Mount | null = null;
  /** The files that stand for namespaces (namespace-file.ts); made on first use. */
  namespaces: FileSystem | null = null;
  /** ioctl_ns(2); task/enter-namespaces.ts fills it. */
  namespaceRequest: (task: Caller, namespace: Namespace, command: number, argument: number) => number = () => -ENOTTY;
  /** A descriptor for a namespace; the same fills it. */
  openNamespace: (task: Caller, namespace: Pick<Namespace, "ino">) => number = () => -ENOTTY;
  /** A descriptor for a process (pidfd_open(2)); task/pidfd.ts fills it. */
  pidfdOf: (process: SignalProcess) => OpenFile = noPidfd;
  /** fs.mount-max. */
  maximumMounts = MOUNTS_MAX;
  readonly mounts = new MountCounts();
  readonly peerGroups = new PeerGroups();
  /** fs.leases-enable, and fs.lease-break-time: how long a holder may take to give way. */
  hasLeases = true;
  leaseBreakSeconds = 45;
  readonly protects: ProtectedNames = { symlinks: 0, hardlinks: 0, fifos: 0, regular: 0 };
  /** fs.dir-notify-enable: F_NOTIFY of fcntl(2). */
  hasDirectoryNotes = true;
  #nextMountId = 1;
  #time: Time = { seconds: 0, nanoseconds: 0 };

  constructor(kernel: VfsKernel) {
    this.#kernel = kernel;
  }

  /** vm.vfs_cache_pressure, in percent: above 100 names that nobody uses are given up the sooner. */
  get cachePressure(): number {
    return this.#cachePressure;
  }

  set cachePressure(value: number) {
    this.#cachePressure = value;
    this.dentriesMost = Math.max(DENTRIES_LEAST, Math.floor((DENTRIES_MAX * 100) / Math.max(100, value)));
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

  static {
    stateClass(
      "VfsState",
      this,
      {
        save: (it) => ({
          kernel: it.#kernel,
          cachePressure: it.#cachePressure,
          nextMountId: it.#nextMountId,
          time: it.#time,
        }),
        load: (it, from) =>
          ({
            kernel: it.#kernel,
            cachePressure: it.#cachePressure,
            nextMountId: it.#nextMountId,
            time: it.#time,
          } = from),
      },
      { keeps: ["devices", "namespaceRequest", "openNamespace", "pidfdOf", "types"] },
    );
  }
}
