import { closeSync, fstatSync, ftruncateSync, fsyncSync, openSync, readSync, writeSync } from "node:fs";
import { FormatError, type Disk } from "@stratos/formats";
import { lockFile } from "../file-lock.ts";

/** A file or block device of the host as a disk of the formats. Writers hold its lock. */
export class FileDisk implements Disk {
  readonly path: string;
  readonly #fd: number;
  readonly #unlock: () => void;
  readonly #isReadOnly: boolean;
  #size: number;

  /** @param options.create  makes a new sparse file of so many bytes; it must not be there. @throws FileLockedError, or Node's error */
  constructor(path: string, options: { readOnly?: boolean; create?: number } = {}) {
    this.path = path;
    this.#isReadOnly = options.readOnly ?? false;
    this.#unlock = this.#isReadOnly ? () => {} : lockFile(path);
    let fd: number | undefined;
    try {
      this.#fd = fd = openSync(path, this.#isReadOnly ? "r" : options.create === undefined ? "r+" : "wx+", 0o644);
      if (options.create !== undefined) ftruncateSync(this.#fd, options.create);
      const stat = fstatSync(this.#fd);
      if (!stat.isFile() && !stat.isBlockDevice()) throw new FormatError(`${path}: neither a file nor a disk`);
      this.#size = stat.isBlockDevice() ? blockDeviceSize(this.#fd) : stat.size;
    } catch (error) {
      if (fd !== undefined) closeSync(fd);
      this.#unlock();
      throw error;
    }
  }

  get size(): number {
    return this.#size;
  }

  read(offset: number, into: Uint8Array): void {
    if (!(offset >= 0 && offset + into.length <= this.#size)) throw new FormatError(`${this.path}: bytes ${offset} to ${offset + into.length} are beyond its end`);
    for (let done = 0; done < into.length; ) {
      const count = readSync(this.#fd, into, done, into.length - done, offset + done);
      if (count === 0) throw new FormatError(`${this.path}: became shorter while it was read`);
      done += count;
    }
  }

  write(offset: number, bytes: Uint8Array): void {
    if (this.#isReadOnly) throw new FormatError(`${this.path}: opened for reading`);
    if (!(offset >= 0 && offset + bytes.length <= this.#size)) throw new FormatError(`${this.path}: bytes ${offset} to ${offset + bytes.length} are beyond its end`);
    for (let done = 0; done < bytes.length; ) done += writeSync(this.#fd, bytes, done, bytes.length - done, offset + done);
  }

  resize(size: number): void {
    if (this.#isReadOnly) throw new FormatError(`${this.path}: opened for reading`);
    ftruncateSync(this.#fd, size);
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
  let low = 0, high = 2 ** 52;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (isThere(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}
