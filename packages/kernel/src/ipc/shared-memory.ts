/**
 * System V shared memory: shmget(2), shmat(2), shmdt(2), shmctl(2). A segment is an unnamed file of a tmpfs. Read
 * first: ipc-table.ts.
 */
import type { UserNamespace } from "../security/user-namespace.ts";
import {
  CAP_IPC_LOCK,
  EACCES,
  EFAULT,
  EINVAL,
  ENOMEM,
  EPERM,
  IPC_INFO,
  IPC_PRIVATE,
  IPC_RMID,
  IPC_SET,
  IPC_STAT,
  MAP_FIXED,
  MAP_SHARED,
  O_RDONLY,
  O_RDWR,
  PAGE_SIZE,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
  SHMMIN,
  SHMMNI,
  SHM_DEST,
  SHM_EXEC,
  SHM_HUGETLB,
  SHM_INFO,
  SHM_LOCK,
  SHM_LOCKED,
  SHM_RDONLY,
  SHM_REMAP,
  SHM_RND,
  SHM_STAT,
  SHM_STAT_ANY,
  SHM_UNLOCK,
  S_IFREG,
  ShmInfo,
  ShmidDs,
  Shminfo,
  isErrno,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { shmemMount } from "../fs/memfd/memfd.ts";
import { mmap, munmap } from "../mm/mmap.ts";
import { put64 } from "../ground/words.ts";
import { type Credentials, isCapable } from "../security/credentials.ts";
import type { Inode } from "../vfs/inode.ts";
import { RegularFile } from "../vfs/regular-file.ts";
import { IpcObject, IpcTable, READ, ALTER } from "./ipc-table.ts";
import type { IpcCaller, IpcKernel } from "./ipc-kernel.ts";

const EXECUTE = 0o111;
/** SHMMAX and SHMALL, 2^64 − 2^24 − 1, as a signed number. */
const LIMIT_MOST = -(2 ** 24) - 1;

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

class Segment extends IpcObject {
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
  readonly table: IpcTable<Segment>;
  /** /proc/sys/kernel/shmmax: bytes of a segment; 2^64 is more than any. */
  maximumSegment = Infinity;
  #kernel: IpcKernel;

  /** @param owner  of the IPC namespace */
  constructor(kernel: IpcKernel, owner: UserNamespace) {
    this.#kernel = kernel;
    this.table = new IpcTable<Segment>(SHMMNI, owner);
  }

  /** The namespace ends: what somebody still maps goes with its last user. */
  end(): void {
    for (const segment of [...this.table.objects()]) {
      segment.mode |= SHM_DEST;
      this.table.forgetKey(segment);
      if (segment.attachments.size === 0) this.#destroy(segment);
    }
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
    if (size > kernel.memory.limit * PAGE_SIZE) return -ENOMEM;
    const inode = shmemMount(kernel).fileSystem.root.createUnnamed({
      mode: S_IFREG | 0o600,
      uid: credentials.euid,
      gid: credentials.egid,
      rdev: 0,
      now: kernel.vfs.now(),
    });
    if (isErrno(inode)) return -ENOMEM;
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
    if (isErrno(segment)) return segment;
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
    if (id < 0 || command < 0) return -EINVAL;
    if (command === IPC_INFO) return this.#describeLimits(task, address);
    if (command === SHM_INFO) return this.#describeUsage(task, address);
    const segment = command === SHM_STAT || command === SHM_STAT_ANY ? this.table.at(id) : this.table.find(id);
    if (isErrno(segment)) return segment;
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
          !isCapable(credentials, CAP_IPC_LOCK, segment.userNamespace) &&
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
        const view = new DataView(new ArrayBuffer(ShmidDs.size));
        segment.describe(view, credentials.userNamespace);
        const { pidNamespace } = task.group;
        put64(view, ShmidDs.offset.shm_segsz, segment.size);
        put64(view, ShmidDs.offset.shm_atime, segment.attachedAt);
        put64(view, ShmidDs.offset.shm_dtime, segment.detachedAt);
        put64(view, ShmidDs.offset.shm_ctime, segment.changedAt);
        view.setUint32(ShmidDs.offset.shm_cpid, pidNamespace.idOf(segment.creatorPid), true);
        view.setUint32(ShmidDs.offset.shm_lpid, pidNamespace.idOf(segment.lastPid), true);
        put64(view, ShmidDs.offset.shm_nattch, segment.attachCount);
        return space.copyOut(address, new Uint8Array(view.buffer), 0, ShmidDs.size) < 0
          ? -EFAULT
          : command === IPC_STAT
            ? 0
            : segment.id;
      }
      default:
        return -EINVAL;
    }
  }

  #describeLimits(task: IpcCaller, address: number): number {
    const view = new DataView(new ArrayBuffer(Shminfo.size));
    put64(view, Shminfo.offset.shmmax, this.maximumSegment === Infinity ? LIMIT_MOST : this.maximumSegment);
    put64(view, Shminfo.offset.shmmin, SHMMIN);
    put64(view, Shminfo.offset.shmmni, this.table.most);
    put64(view, Shminfo.offset.shmseg, this.table.most);
    put64(view, Shminfo.offset.shmall, LIMIT_MOST);
    const stored = task.space.copyOut(address, new Uint8Array(view.buffer), 0, Shminfo.size);
    return stored < 0 ? -EFAULT : this.table.highestIndex;
  }

  #describeUsage(task: IpcCaller, address: number): number {
    const view = new DataView(new ArrayBuffer(ShmInfo.size));
    let pages = 0,
      present = 0;
    for (const segment of this.table.objects()) {
      pages += Math.ceil(segment.size / PAGE_SIZE);
      present += segment.inode.pages!.pageCount;
    }
    view.setInt32(ShmInfo.offset.used_ids, this.table.count, true);
    put64(view, ShmInfo.offset.shm_tot, pages);
    put64(view, ShmInfo.offset.shm_rss, present);
    const stored = task.space.copyOut(address, new Uint8Array(view.buffer), 0, ShmInfo.size);
    return stored < 0 ? -EFAULT : this.table.highestIndex;
  }

  /** /proc/sysvipc/shm. */
  describe(reader: IpcCaller): string {
    const { pidNamespace } = reader.group;
    const pad = (value: number, width: number): string => String(value).padStart(width);
    let text =
      "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime   " +
      "   dtime      ctime                   rss                  swap\n";
    for (const it of this.table.objects()) {
      text +=
        `${pad(it.key, 10)} ${pad(it.id, 10)}  ${it.mode.toString(8).padStart(4)} ${pad(it.size, 21)} ` +
        `${pad(pidNamespace.idOf(it.creatorPid), 5)} ${pad(pidNamespace.idOf(it.lastPid), 5)}  ` +
        `${pad(it.attachCount, 5)} ${it.describeOwners(reader.credentials.userNamespace)} ${pad(it.attachedAt, 10)} ` +
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
