import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  fsyncSync,
  openSync,
  readFileSync,
  readSync,
  statSync,
  writeSync,
} from "node:fs";
import { FormatError, type Disk } from "@stratos/formats";
import { lockFile } from "@stratos/host-node";
import { failedAt } from "@stratos/host-node/files";

/** A file or block device of the host as a disk of the formats. Writers hold its lock. */
export class FileDisk implements Disk {
  readonly path: string;
  readonly #fd: number;
  readonly #unlock: () => void;
  readonly #isReadOnly: boolean;
  #size: number;
  /** bytes of a logical block of a device; of a file 512 */
  readonly sectorSize: number;

  /**
   * @param options.create  makes a new sparse file of so many bytes; it must not be there. @throws FileLockedError, or
   *   Node's error
   */
  constructor(path: string, options: { readOnly?: boolean; create?: number } = {}) {
    this.path = path;
    this.#isReadOnly = options.readOnly ?? false;
    this.#unlock = this.#isReadOnly ? () => {} : lockFile(path);
    let fd: number | undefined;
    try {
      this.#fd = fd = openSync(
        path,
        this.#isReadOnly ? "r" : options.create === undefined ? flagsForWriting(path) : "wx+",
        0o644,
      );
      if (options.create !== undefined) ftruncateSync(this.#fd, options.create);
      const stat = fstatSync(this.#fd);
      if (!stat.isFile() && !stat.isBlockDevice()) throw new FormatError(`${path}: neither a file nor a disk`);
      this.#size = stat.isBlockDevice() ? blockDeviceSize(this.#fd) : stat.size;
      this.sectorSize = stat.isBlockDevice() ? logicalBlockSize(stat.rdev) : 512;
    } catch (error) {
      if (fd !== undefined) closeSync(fd);
      this.#unlock();
      if ((error as NodeJS.ErrnoException).code === "EBUSY")
        throw new FormatError("is in use: it, or a partition of it, is mounted or part of something that is");
      throw failedAt(path, error);
    }
  }

  get size(): number {
    return this.#size;
  }

  read(offset: number, into: Uint8Array): void {
    if (!(offset >= 0 && offset + into.length <= this.#size))
      throw new FormatError(`${this.path}: bytes ${offset} to ${offset + into.length} are beyond its end`);
    for (let done = 0; done < into.length;) {
      const count = readSync(this.#fd, into, done, into.length - done, offset + done);
      if (count === 0) throw new FormatError(`${this.path}: became shorter while it was read`);
      done += count;
    }
  }

  write(offset: number, bytes: Uint8Array): void {
    if (this.#isReadOnly) throw new FormatError(`${this.path}: opened for reading`);
    if (!(offset >= 0 && offset + bytes.length <= this.#size))
      throw new FormatError(`${this.path}: bytes ${offset} to ${offset + bytes.length} are beyond its end`);
    try {
      for (let done = 0; done < bytes.length;)
        done += writeSync(this.#fd, bytes, done, bytes.length - done, offset + done);
    } catch (error) {
      throw failedAt(this.path, error);
    }
  }

  resize(size: number): void {
    if (this.#isReadOnly) throw new FormatError(`${this.path}: opened for reading`);
    try {
      ftruncateSync(this.#fd, size);
    } catch (error) {
      throw failedAt(this.path, error);
    }
    this.#size = size;
  }

  /** Returns once all that was written is on the medium. */
  flush(): void {
    if (!this.#isReadOnly) fsyncSync(this.#fd);
  }

  close(): void {
    closeSync(this.#fd);
    this.#unlock();
  }
}

/** open(2), O_EXCL: a device that the system uses is refused. */
function flagsForWriting(path: string): number {
  return constants.O_RDWR | (statSync(path).isBlockDevice() ? constants.O_EXCL : 0);
}

/**
 * What the kernel says of a device, or of the disk that a partition lies on (Linux
 * Documentation/ABI/stable/sysfs-block).
 */
function logicalBlockSize(device: number): number {
  // The layout of a device's number in stat(2) (glibc's gnu_dev_major and gnu_dev_minor).
  const major = (device >>> 8) & 0xfff,
    minor = ((device & 0xff) | ((device >>> 12) & 0xfff00)) >>> 0;
  for (const place of ["queue", "../queue"]) {
    try {
      const size = Number(readFileSync(`/sys/dev/block/${major}:${minor}/${place}/logical_block_size`, "utf8"));
      if (size > 0) return size;
    } catch {
      // A partition has no queue of its own; without /sys all is as usual.
    }
  }
  return 512;
}

/** stat(2) says nothing of a device's size: the last byte that can be read is found by halving. */
function blockDeviceSize(fd: number): number {
  const probe = new Uint8Array(1);
  const isThere = (offset: number): boolean => {
    try {
      return readSync(fd, probe, 0, 1, offset) === 1;
    } catch {
      return false;
    }
  };
  let low = 0,
    high = 2 ** 52;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (isThere(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}
