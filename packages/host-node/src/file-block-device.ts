import {
  closeSync,
  constants,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { EINVAL, EIO, EROFS } from "@stratos/abi";
import type { BlockDevice } from "@stratos/host";
import { FileLockedError, lockFile, lockOwner } from "./file-lock.ts";
import { hostErrno } from "./host-errno.ts";
import { claimContent, claimToRead } from "./kernel-claim.ts";
import { ReadAhead } from "./read-ahead.ts";
import { failedAt } from "./whole-file.ts";
import { deviceFolder, isReadOnlyDevice } from "./write-protection.ts";

/**
 * What outlasts a power cut: what was flushed; all, once it is closed, for a file that has its name only then; nothing,
 * for one that goes with its process.
 */
type Lasting = "flushed" | "closed" | "nothing";

/**
 * A file or a block device of the host as a disk. Writers hold the lock of its name (file-lock.ts) and of its content
 * (kernel-claim.ts); readers of a prepared image share it freely, or keep writers away. Linux also refuses a second
 * writer of a block device, and one that is mounted (EBUSY).
 */
export class FileBlockDevice implements BlockDevice {
  readonly path: string;
  readonly readOnly: boolean;
  #fd: number;
  readonly #unlock: () => void;
  #giveBack: () => void;
  #size: number;
  /** What the host said when it refused a write or a flush: a file system above it says EIO. Null: it never did. */
  refusal: unknown = null;
  /** For a prepared image, which nobody writes. */
  readonly #ahead: ReadAhead | null;
  readonly #lasts: Lasting;
  #isFlushed = true;

  /** @throws FileLockedError, or Node's error when the file cannot be opened */
  constructor(
    path: string,
    options: {
      readOnly?: boolean;
      /** Of a reader: nobody writes it as long as it is open. */
      keepsWriters?: boolean;
      create?: number;
      lasts?: Lasting;
    } = {},
  ) {
    this.path = path;
    this.readOnly = options.readOnly ?? false;
    this.#lasts = options.lasts ?? "flushed";
    this.#giveBack = () => {};
    let unlock = (): void => {};
    let fd = -1;
    try {
      fd = openSync(
        path,
        this.readOnly
          ? "r"
          : options.create !== undefined
            ? "wx+"
            : isBlockDevice(path)
              ? constants.O_RDWR | constants.O_EXCL
              : "r+",
        0o644,
      );
      if (!this.readOnly && isReadOnlyDevice(fstatSync(fd).rdev) && fstatSync(fd).isBlockDevice())
        throw Object.assign(new Error(`EROFS: write-protected, open '${path}'`), { code: "EROFS", path });
      if (options.create !== undefined) ftruncateSync(fd, options.create);
      else if (!this.readOnly) this.#giveBack = claimContent(path, fd);
      else if (options.keepsWriters === true) this.#giveBack = claimToRead(path, fd);
      // Behind the claim: a lock of another process's, of whose namespace we see nothing, is not taken for a dead
      // one's.
      if (!this.readOnly) unlock = lockFile(path);
      this.#unlock = unlock;
      this.#fd = fd;
      this.#size = sizeOf(fd);
      this.#ahead = this.readOnly ? new ReadAhead(fd) : null;
    } catch (error) {
      if (fd >= 0) closeSync(fd);
      if (fd >= 0 && options.create !== undefined) rmSync(path, { force: true });
      this.#giveBack();
      unlock();
      // A device that is mounted is the kernel's: who serves the mount has the lock.
      const owner = (error as NodeJS.ErrnoException).code === "EBUSY" ? lockOwner(path) : null;
      throw owner === null ? failedAt(path, error) : new FileLockedError(path, owner);
    }
  }

  /**
   * A block device can be claimed once (O_EXCL): by us, or by the kernel that is about to mount it. Ours is given up,
   * or taken again.
   *
   * @throws Node's error when the kernel, or somebody else, has it
   */
  claim(isOurs: boolean): void {
    if (this.readOnly || !isBlockDevice(this.path)) return;
    const fd = openSync(this.path, isOurs ? constants.O_RDWR | constants.O_EXCL : constants.O_RDWR);
    closeSync(this.#fd);
    this.#fd = fd;
  }

  get size(): number {
    return this.#size;
  }

  read(offset: number, bytes: Uint8Array, at: number, length: number): number {
    if (offset < 0 || offset + length > this.#size) return -EIO;
    try {
      if (this.#ahead !== null) return this.#ahead.read(offset, bytes, at, length) < length ? -EIO : 0;
      for (let done = 0; done < length;) {
        const count = readSync(this.#fd, bytes, at + done, length - done, offset + done);
        // The file got shorter behind our back.
        if (count === 0) return -EIO;
        done += count;
      }
      return 0;
    } catch (error) {
      return hostErrno(error);
    }
  }

  write(offset: number, bytes: Uint8Array, at: number, length: number): number {
    if (this.readOnly) return -EROFS;
    if (offset < 0 || offset + length > this.#size) return -EIO;
    try {
      for (let done = 0; done < length;) done += writeSync(this.#fd, bytes, at + done, length - done, offset + done);
      return 0;
    } catch (error) {
      return this.#refused(error);
    }
  }

  flush(): number {
    if (this.readOnly) return 0;
    if (this.#lasts !== "flushed") {
      this.#isFlushed = false;
      return 0;
    }
    try {
      fdatasyncSync(this.#fd);
      return 0;
    } catch (error) {
      return this.#refused(error);
    }
  }

  #refused(error: unknown): number {
    this.refusal = failedAt(this.path, error);
    return hostErrno(error);
  }

  resize(size: number): number {
    if (this.readOnly) return -EROFS;
    if (size < 0 || size % BLOCK !== 0) return -EINVAL;
    try {
      ftruncateSync(this.#fd, size);
      this.#size = size;
      return 0;
    } catch (error) {
      return hostErrno(error);
    }
  }

  /** Node has no fallocate(2) to punch holes with; the space stays until the file is compacted. */
  discard(_offset: number, _length: number): void {}

  /** @throws Node's error when what was to last when it is closed can't be written; it is closed all the same */
  close(): void {
    try {
      if (this.#lasts === "closed" && !this.#isFlushed) fdatasyncSync(this.#fd);
    } catch (error) {
      throw failedAt(this.path, error);
    } finally {
      closeSync(this.#fd);
      this.#giveBack();
      this.#unlock();
    }
  }
}

const BLOCK = 4096;

/** What is not there is no device. */
function isBlockDevice(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isBlockDevice() === true;
}

/** stat(2) shows no size of a device; Linux tells it in sysfs, in sectors of 512 bytes. */
function sizeOf(fd: number): number {
  const stat = fstatSync(fd);
  return stat.isBlockDevice() ? Number(readFileSync(`${deviceFolder(stat.rdev)}/size`, "latin1")) * 512 : stat.size;
}
