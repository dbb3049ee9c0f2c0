import {
  EBADF,
  EBUSY,
  EINVAL,
  EIO,
  ENXIO,
  EOPNOTSUPP,
  EOVERFLOW,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  LOOP_MAJOR,
  LO_FLAGS_AUTOCLEAR,
  LO_FLAGS_DIRECT_IO,
  LO_FLAGS_PARTSCAN,
  LO_FLAGS_READ_ONLY,
  O_APPEND,
  PAGE_SIZE,
} from "@stratos/abi";
import { BytesCursor, stateClass } from "@stratos/base";
import type { FileSystem } from "../../vfs/file-system.ts";
import { boundDirty, markInodeDirty } from "../../vfs/write-back.ts";
import { majorOf, minorOf } from "../../vfs/device-registry.ts";
import type { OpenFile } from "../../vfs/open-file.ts";
import { BlockFile } from "../block-file.ts";
import { BlockInode, type DiskDriver, type DiskOpening, SECTOR_SIZE } from "../block-inode.ts";
import { loopIoctl } from "./loop-ioctl.ts";
import { type LoopStatus, noStatus } from "./loop-status.ts";
import type { Caller } from "../../vfs/vfs-kernel.ts";
import type { BlockCaller, BlockKernel } from "../block-kernel.ts";

const CONFIGURE_FLAGS = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR | LO_FLAGS_PARTSCAN | LO_FLAGS_DIRECT_IO;
const STATUS_FLAGS = LO_FLAGS_AUTOCLEAR | LO_FLAGS_PARTSCAN;
/** Loop devices that lie in loop devices. */
const NESTED_MAX = 8;

/**
 * A loop device (loop(4)): a file as a disk. Source of the rules: Linux drivers/block/loop.c.
 *
 *   unbound ── LOOP_SET_FD, LOOP_CONFIGURE ──→ bound ── LOOP_CLR_FD ──→ going ── last close ──→ unbound
 *                                                 └── last close, with LO_FLAGS_AUTOCLEAR ──────┘
 */
export class LoopDevice implements DiskDriver {
  #kernel: BlockKernel;
  readonly number: number;
  readonly device: BlockInode;
  state: "unbound" | "bound" | "going" = "unbound";
  file: OpenFile | null = null;
  status: LoopStatus = noStatus();

  constructor(kernel: BlockKernel, number: number) {
    this.#kernel = kernel;
    this.number = number;
    this.device = new BlockInode(kernel, `loop${number}`, { major: LOOP_MAJOR, minor: number }, this);
  }

  get beneath(): FileSystem | null {
    return this.file?.contentInode?.fileSystem ?? null;
  }

  // ---- Binding

  /** @returns 0; −EBADF, −EBUSY (bound, or somebody has it for itself), −EINVAL, −EOVERFLOW */
  bind(opening: DiskOpening, fd: number, blockSize: number, status: LoopStatus): number {
    const file = opening.task.files.get(fd);
    if (file === undefined || !file.isReadable) return -EBADF;
    if (!opening.isExclusive && this.device.holder !== null) return -EBUSY;
    if (this.state !== "unbound") return -EBUSY;
    const refused = this.#refusal(file);
    if (refused < 0) return refused;
    if ((status.flags & ~CONFIGURE_FLAGS) !== 0 || (blockSize !== 0 && !isBlockSize(blockSize))) return -EINVAL;
    const invalid = invalidStatus(status);
    if (invalid < 0) return invalid;
    this.file = file.retain();
    const isReadOnly = (status.flags & LO_FLAGS_READ_ONLY) !== 0 || !file.isWritable || !opening.isWritable;
    this.status = { ...status, flags: isReadOnly ? status.flags | LO_FLAGS_READ_ONLY : status.flags };
    this.device.isReadOnly = isReadOnly;
    this.device.logicalBlockSize = blockSize === 0 ? SECTOR_SIZE : blockSize;
    this.device.resize(this.#length());
    this.state = "bound";
    this.#kernel.disks.mediumChanged(this.device);
    if ((status.flags & LO_FLAGS_PARTSCAN) !== 0) this.#kernel.disks.rereadPartitions(this.device);
    this.#tellChange();
    return 0;
  }

  /** udev looks at the disk anew. */
  #tellChange(): void {
    const { name, rdev, diskSequence } = this.device;
    const number = [`MAJOR=${majorOf(rdev)}`, `MINOR=${minorOf(rdev)}`];
    const variables = [...number, `DEVNAME=${name}`, "DEVTYPE=disk", `DISKSEQ=${diskSequence}`];
    const path = `/devices/virtual/block/${name}`;
    this.#kernel.uevents.tell({ action: "change", path, subsystem: "block", variables }, null);
  }

  /**
   * May the file lie behind this device? −EINVAL: it is no regular file and no device; −EBADF: it is this device, by
   * whatever way.
   */
  #refusal(file: OpenFile): number {
    let inner: OpenFile = file;
    for (let depth = 0; inner instanceof BlockFile && inner.device.driver instanceof LoopDevice; depth++) {
      const loop: LoopDevice = inner.device.driver;
      if (loop === this) return -EBADF;
      if (loop.file === null || depth === NESTED_MAX) return -EINVAL;
      inner = loop.file;
    }
    const inode = file.inode;
    // A device can't wait for a program.
    if (inode?.fileSystem.isServed === true) return -EINVAL;
    return file.isOnDisk ? 0 : -EINVAL;
  }

  /** LOOP_CHANGE_FD: another file of the same length behind a read-only device. */
  change(task: BlockCaller, fd: number): number {
    if (this.state !== "bound") return -ENXIO;
    if ((this.status.flags & LO_FLAGS_READ_ONLY) === 0) return -EINVAL;
    const file = task.files.get(fd);
    if (file === undefined || !file.isReadable) return -EBADF;
    const refused = this.#refusal(file);
    if (refused < 0) return refused;
    if (lengthOf(file, this.status) !== this.#length()) return -EINVAL;
    const before = this.file!;
    this.file = file.retain();
    before.release();
    this.device.pages.truncate(0);
    if ((this.status.flags & LO_FLAGS_PARTSCAN) !== 0) this.#kernel.disks.rereadPartitions(this.device);
    return 0;
  }

  /** LOOP_CLR_FD: it goes with its last user, and opens no more when that is the caller. */
  clear(): number {
    if (this.state !== "bound") return -ENXIO;
    this.status.flags |= LO_FLAGS_AUTOCLEAR;
    if (this.device.openings === 1) this.state = "going";
    return 0;
  }

  mayOpen(): number {
    return this.state === "going" ? -ENXIO : 0;
  }

  lastClosed(): void {
    if (this.state === "unbound" || (this.status.flags & LO_FLAGS_AUTOCLEAR) === 0) return;
    this.#kernel.disks.removePartitions(this.device);
    this.device.resize(0);
    this.device.isReadOnly = false;
    const file = this.file!;
    this.file = null;
    this.status = noStatus();
    this.state = "unbound";
    file.release();
    this.#tellChange();
  }

  /** LOOP_SET_STATUS(64). */
  setStatus(status: LoopStatus): number {
    if (this.state !== "bound") return -ENXIO;
    const invalid = invalidStatus(status);
    if (invalid < 0) return invalid;
    const before = this.status;
    const isResized = before.offset !== status.offset || before.sizeLimit !== status.sizeLimit;
    // What was written belongs where the device began before.
    if (isResized) {
      const failed = this.device.pages.writeBack(this.device.size);
      if (failed < 0) return failed;
    }
    const scans = (before.flags & LO_FLAGS_PARTSCAN) === 0 && (status.flags & LO_FLAGS_PARTSCAN) !== 0;
    this.status = { ...status, flags: (before.flags & ~LO_FLAGS_AUTOCLEAR) | (status.flags & STATUS_FLAGS) };
    if (isResized) this.device.resize(this.#length());
    if (scans) this.#kernel.disks.rereadPartitions(this.device);
    return 0;
  }

  /** LOOP_SET_CAPACITY: the file's length is looked up anew. */
  updateLength(): number {
    if (this.state !== "bound") return -ENXIO;
    const length = this.#length();
    const failed = this.device.pages.truncate(length);
    if (failed < 0) return failed;
    this.device.size = length;
    return 0;
  }

  /**
   * LOOP_SET_DIRECT_IO: a flag here, files have no other way in. −EINVAL: the file would be read at odds with its
   * sectors.
   */
  setDirect(wanted: boolean): number {
    if (this.state !== "bound") return -ENXIO;
    if (wanted && this.status.offset % this.device.logicalBlockSize !== 0) return -EINVAL;
    this.status.flags = wanted ? this.status.flags | LO_FLAGS_DIRECT_IO : this.status.flags & ~LO_FLAGS_DIRECT_IO;
    return 0;
  }

  setBlockSize(size: number): number {
    if (this.state !== "bound") return -ENXIO;
    if (!isBlockSize(size)) return -EINVAL;
    this.device.logicalBlockSize = size;
    return 0;
  }

  /** In bytes, whole sectors. */
  #length(): number {
    return lengthOf(this.file!, this.status);
  }

  // ---- DiskDriver: the file is read and written as the kernel, whose limits are init's

  #worker(): Caller {
    return this.#kernel.tasks.tasks.get(1)!;
  }

  read(offset: number, bytes: Uint8Array, at: number, length: number): number {
    if (this.file === null) return -EIO;
    const part = bytes.subarray(at, at + length);
    const into = new BytesCursor(part);
    let done = 0;
    // A call that has used its work reads short; only what gives nothing is the end.
    while (done < length) {
      const got = this.file.read(this.#worker(), into, this.status.offset + offset + done);
      if (got < 0) return -EIO;
      if (got === 0) break;
      done += got;
    }
    // A file that was cut reads as zeroes (loop.c, lo_complete_rq).
    part.fill(0, done);
    return 0;
  }

  write(offset: number, bytes: Uint8Array, at: number, length: number): number {
    const { file } = this;
    if (file === null) return -EIO;
    const { flags } = file;
    // The device says where.
    file.flags = flags & ~O_APPEND;
    const from = new BytesCursor(bytes.subarray(at, at + length));
    let done = 0;
    while (done < length) {
      const put = file.write(this.#worker(), from, this.status.offset + offset + done);
      if (put <= 0) break;
      done += put;
    }
    file.flags = flags;
    // Whoever unmounts the device or has its file stored finds few.
    if (file.contentInode !== null) boundDirty(this.#kernel, file.contentInode);
    return done === length ? 0 : -EIO;
  }

  flush(): number {
    return this.file === null ? 0 : Math.min(0, this.file.sync(true));
  }

  discard(offset: number, length: number): number {
    const inode = this.file?.inode;
    if (inode === null || inode === undefined || !inode.isRegular || (this.status.flags & LO_FLAGS_READ_ONLY) !== 0) {
      return -EOPNOTSUPP;
    }
    const hole = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    const failed = inode.allocate(hole, this.status.offset + offset, length, this.#kernel.vfs.now());
    if (failed < 0) return -EOPNOTSUPP;
    inode.version++;
    markInodeDirty(this.#kernel, inode);
    return 0;
  }

  ioctl(opening: DiskOpening, command: number, argument: number): number | null {
    return opening.device === this.device ? loopIoctl(this, opening, command, argument) : null;
  }

  static {
    stateClass("LoopDevice", this, {
      save: (it) => ({ kernel: it.#kernel }),
      load: (it, from) => ({ kernel: it.#kernel } = from),
    });
  }
}

function invalidStatus(status: LoopStatus): number {
  if (status.encryption !== 0) return -EINVAL;
  const { offset, sizeLimit } = status;
  return Number.isSafeInteger(offset) && Number.isSafeInteger(sizeLimit) && offset >= 0 && sizeLimit >= 0
    ? 0
    : -EOVERFLOW;
}

function isBlockSize(size: number): boolean {
  return size >= SECTOR_SIZE && size <= PAGE_SIZE && (size & (size - 1)) === 0;
}

function lengthOf(file: OpenFile, status: LoopStatus): number {
  const inode = file.contentInode!;
  inode.refresh();
  const behind = Math.max(0, Math.min(Number(inode.statSize()), Number.MAX_SAFE_INTEGER) - status.offset);
  const length = status.sizeLimit > 0 ? Math.min(behind, status.sizeLimit) : behind;
  return length - (length % SECTOR_SIZE);
}
