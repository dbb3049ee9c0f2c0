/**
 * System V shared memory: shmget(2), shmat(2), shmdt(2), shmctl(2). A segment is an unnamed file of a tmpfs. Read
 * first: ipc-table.ts.
 */
import {
  CAP_IPC_LOCK,
  EACCES,
  EFAULT,
  EINVAL,
  ENOMEM,
  EPERM,
  MAP_FIXED,
  MAP_SHARED,
  O_RDONLY,
  O_RDWR,
  PAGE_SIZE,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
  S_IFREG,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { shmemMount } from "../fs/memfd/memfd.ts";
import { mmap, munmap } from "../mm/mmap.ts";
import { type Credentials, isCapable } from "../security/credentials.ts";
import type { Inode } from "../vfs/inode.ts";
import { RegularFile } from "../vfs/regular-file.ts";
import { IPC_INFO, IPC_PRIVATE, IPC_RMID, IPC_SET, IPC_STAT, IpcObject, IpcTable, READ, ALTER } from "./ipc-table.ts";
import type { IpcCaller, IpcKernel } from "./ipc-kernel.ts";

const SHMMNI = 4096;
const SHM_HUGETLB = 0o4000;
const SHM_RDONLY = 0o10000,
  SHM_RND = 0o20000,
  SHM_REMAP = 0o40000,
  SHM_EXEC = 0o100000;
const SHM_LOCK = 11,
  SHM_UNLOCK = 12,
  SHM_STAT = 13,
  SHM_INFO = 14,
  SHM_STAT_ANY = 15;
/** Mode bits that tell IPC_STAT that the last detaching destroys it, or that it is locked. */
const SHM_DEST = 0o1000,
  SHM_LOCKED = 0o2000;
const EXECUTE = 0o111;

/** One shmat: each area that maps it, in whatever process, holds a reference. */
class Attachment extends RegularFile {
  readonly segment: Segment;
  #memory: SharedMemory;

  constructor(kernel: IpcKernel, flags: number, segment: Segment, memory: SharedMemory) {
    super(kernel, flags, segment.inode, null);
    this.segment = segment;
    this.#memory = memory;
    segment.attachments.add(this);
  }

  protected override dispose(): void {
    super.dispose();
    this.#memory.detached(this);
  }

  static {
    stateClass("Attachment", this, {
      save: (it) => ({ memory: it.#memory }),
      load: (it, from) => ({ memory: it.#memory } = from),
    });
  }
}

export class Segment extends IpcObject {
  readonly size: number;
  readonly inode: Inode;
  /** Keeps the content while nobody is attached. */
  readonly content: RegularFile;
  readonly attachments = new Set<Attachment>();
  readonly creatorPid: number;
  lastPid = 0;
  attachedAt = 0;
  detachedAt = 0;

  constructor(
    key: number,
    flags: number,
    owner: Credentials,
    now: number,
    memory: { size: number; inode: Inode; content: RegularFile; pid: number },
  ) {
    super(key, flags, owner, now);
    this.size = memory.size;
    this.inode = memory.inode;
    this.content = memory.content;
    this.creatorPid = memory.pid;
  }

  /** shm_nattch. */
  get attachCount(): number {
    let count = 0;
    for (const attachment of this.attachments) count += attachment.references;
    return count;
  }

  static {
    stateClass("Segment", this);
  }
}

export class SharedMemory {
  readonly table = new IpcTable<Segment>(SHMMNI);
  /** /proc/sys/kernel/shmmax: bytes of a segment; 2^64 is more than any. */
  maximumSegment = Infinity;
  #kernel: IpcKernel;

  constructor(kernel: IpcKernel) {
    this.#kernel = kernel;
  }

  /** shmget(2): −EINVAL for the size, −ENOMEM, and as IpcTable.obtain. */
  get(task: IpcCaller, key: number, size: number, flags: number): number {
    return this.table.obtain(
      { key, flags, credentials: task.credentials },
      (segment) => (size > segment.size || size < 0 ? -EINVAL : 0),
      () => this.#create(task, key, size, flags),
    );
  }

  #create(task: IpcCaller, key: number, size: number, flags: number): Segment | number {
    const { kernel, credentials } = task;
    if (!(size >= 1 && size <= this.maximumSegment)) return -EINVAL;
    // As without CONFIG_HUGETLBFS.
    if ((flags & SHM_HUGETLB) !== 0) return -EINVAL;
    if (size > kernel.frames.total * PAGE_SIZE) return -ENOMEM;
    const inode = shmemMount(kernel).fileSystem.root.createUnnamed({
      mode: S_IFREG | 0o600,
      uid: credentials.euid,
      gid: credentials.egid,
      rdev: 0,
      now: kernel.vfs.now(),
    });
    if (typeof inode === "number") return -ENOMEM;
    inode.size = size;
    inode.endpoint = { name: `/SYSV${(key >>> 0).toString(16).padStart(8, "0")} (deleted)` };
    const content = new RegularFile(kernel, O_RDONLY, inode, null);
    return new Segment(key, flags, credentials, kernel.realtime().seconds, { size, inode, content, pid: task.pid });
  }

  #destroy(segment: Segment): void {
    this.table.remove(segment);
    segment.content.release();
  }

  /** shmat(2): the address; −EACCES, −EIDRM, −EINVAL, −ENOMEM. */
  attach(task: IpcCaller, id: number, address: number, flags: number): number {
    if (address !== 0 && address % PAGE_SIZE !== 0) {
      if ((flags & SHM_RND) === 0) return -EINVAL;
      address -= address % PAGE_SIZE;
      if (address === 0 && (flags & SHM_REMAP) !== 0) return -EINVAL;
    } else if (address === 0 && (flags & SHM_REMAP) !== 0) return -EINVAL;
    const segment = this.table.find(id);
    if (typeof segment === "number") return segment;
    const isReadOnly = (flags & SHM_RDONLY) !== 0;
    const isExecutable = (flags & SHM_EXEC) !== 0;
    if (!segment.permits(task.credentials, READ | (isReadOnly ? 0 : ALTER) | (isExecutable ? EXECUTE : 0)))
      return -EACCES;
    const length = Math.ceil(segment.size / PAGE_SIZE) * PAGE_SIZE;
    if (address !== 0 && (flags & SHM_REMAP) === 0 && !task.space.isFree(address, address + length)) return -EINVAL;

    const attachment = new Attachment(this.#kernel, isReadOnly ? O_RDONLY : O_RDWR, segment, this);
    const protection = PROT_READ | (isReadOnly ? 0 : PROT_WRITE) | (isExecutable ? PROT_EXEC : 0);
    const place = mmap(task, {
      address,
      length: segment.size,
      protection,
      flags: MAP_SHARED | (address === 0 ? 0 : MAP_FIXED),
      file: attachment,
      offset: 0,
    });
    if (place >= 0) {
      segment.attachedAt = this.#kernel.realtime().seconds;
      segment.lastPid = task.pid;
    }
    attachment.release();
    return place;
  }

  /** The last area that mapped it is gone. */
  detached(attachment: Attachment): void {
    const { segment } = attachment;
    segment.attachments.delete(attachment);
    segment.detachedAt = this.#kernel.realtime().seconds;
    segment.lastPid = this.#kernel.scheduler.current?.pid ?? segment.lastPid;
    if ((segment.mode & SHM_DEST) !== 0 && segment.attachments.size === 0) this.#destroy(segment);
  }

  /** shmdt(2): 0, or −EINVAL when nothing is attached at the address. */
  detach(task: IpcCaller, address: number): number {
    const { space } = task;
    const first = space.areaAt(address);
    const attachment = first?.file;
    if (first === undefined || !(attachment instanceof Attachment) || first.start - first.offset !== address)
      return -EINVAL;
    // Parts of it may have been unmapped or given another protection since.
    for (const area of [...space.areas])
      if (area.file === attachment && area.start - area.offset === address)
        munmap(space, area.start, area.end - area.start);
    const { segment } = attachment;
    segment.detachedAt = this.#kernel.realtime().seconds;
    segment.lastPid = task.pid;
    return 0;
  }

  /** shmctl(2). */
  control(task: IpcCaller, id: number, command: number, address: number): number {
    const { credentials, space } = task;
    if (command === IPC_INFO) return this.#describeLimits(task, address);
    if (command === SHM_INFO) return this.#describeUsage(task, address);
    const segment = command === SHM_STAT || command === SHM_STAT_ANY ? this.table.at(id) : this.table.find(id);
    if (typeof segment === "number") return segment;
    switch (command) {
      case IPC_RMID:
        if (!segment.isControlledBy(credentials)) return -EPERM;
        segment.mode |= SHM_DEST;
        this.table.forgetKey(segment);
        segment.key = IPC_PRIVATE;
        if (segment.attachments.size === 0) this.#destroy(segment);
        return 0;
      case IPC_SET:
        return segment.change(space, credentials, address, this.#kernel.realtime().seconds);
      case SHM_LOCK:
      case SHM_UNLOCK:
        if (
          !isCapable(credentials, CAP_IPC_LOCK) &&
          credentials.euid !== segment.uid &&
          credentials.euid !== segment.cuid
        )
          return -EPERM;
        segment.mode = command === SHM_LOCK ? segment.mode | SHM_LOCKED : segment.mode & ~SHM_LOCKED;
        return 0;
      case IPC_STAT:
      case SHM_STAT:
      case SHM_STAT_ANY: {
        if (command !== SHM_STAT_ANY && !segment.permits(credentials, READ)) return -EACCES;
        const view = new DataView(new ArrayBuffer(112));
        segment.describe(view);
        view.setUint32(48, segment.size % 0x100000000, true);
        view.setUint32(52, Math.floor(segment.size / 0x100000000), true);
        [segment.attachedAt, segment.detachedAt, segment.changedAt].forEach((value, index) =>
          view.setUint32(56 + index * 8, value, true),
        );
        view.setUint32(80, segment.creatorPid, true);
        view.setUint32(84, segment.lastPid, true);
        view.setUint32(88, segment.attachCount, true);
        return space.copyOut(address, new Uint8Array(view.buffer), 0, 112) < 0
          ? -EFAULT
          : command === IPC_STAT
            ? 0
            : segment.id;
      }
      default:
        return -EINVAL;
    }
  }

  /** `struct shminfo64`; SHMMAX and SHMALL are 2^64 − 2^24 − 1. */
  #describeLimits(task: IpcCaller, address: number): number {
    const words = new Uint32Array(18);
    ((words[0] = 0xfeffffff), (words[1] = 0xffffffff));
    words[2] = 1;
    words[4] = words[6] = SHMMNI;
    ((words[8] = 0xfeffffff), (words[9] = 0xffffffff));
    return task.space.copyOut(address, new Uint8Array(words.buffer), 0, 72) < 0 ? -EFAULT : this.table.highestIndex;
  }

  /** `struct shm_info`. */
  #describeUsage(task: IpcCaller, address: number): number {
    const words = new Uint32Array(12);
    words[0] = this.table.count;
    for (const segment of this.table.objects()) {
      words[2]! += Math.ceil(segment.size / PAGE_SIZE);
      words[4]! += segment.inode.pages!.pageCount;
    }
    return task.space.copyOut(address, new Uint8Array(words.buffer), 0, 48) < 0 ? -EFAULT : this.table.highestIndex;
  }

  /** /proc/sysvipc/shm. */
  describe(): string {
    const pad = (value: number, width: number): string => String(value).padStart(width);
    let text =
      "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime   " +
      "   dtime      ctime                   rss                  swap\n";
    for (const it of this.table.objects()) {
      text +=
        `${pad(it.key, 10)} ${pad(it.id, 10)}  ${it.mode.toString(8).padStart(4)} ${pad(it.size, 21)} ` +
        `${pad(it.creatorPid, 5)} ${pad(it.lastPid, 5)}  ${pad(it.attachCount, 5)} ${pad(it.uid, 5)} ` +
        `${pad(it.gid, 5)} ${pad(it.cuid, 5)} ${pad(it.cgid, 5)} ${pad(it.attachedAt, 10)} ` +
        `${pad(it.detachedAt, 10)} ${pad(it.changedAt, 10)} ${pad(it.inode.pages!.pageCount * PAGE_SIZE, 21)} ` +
        `${pad(0, 21)}\n`;
    }
    return text;
  }

  static {
    stateClass("SharedMemory", this, {
      save: (it) => ({ kernel: it.#kernel }),
      load: (it, from) => ({ kernel: it.#kernel } = from),
    });
  }
}
