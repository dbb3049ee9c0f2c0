import type { Disk } from "@stratos/formats/ext4";
import { EIO } from "@stratos/abi";
import type { MountDevice } from "../vfs/mount-device.ts";

/** A device refused to move bytes. */
export class DiskError extends Error {
  override name = "DiskError";
  /** negated */
  readonly errno: number;

  constructor(errno: number) {
    super("the device refused");
    this.errno = errno;
  }
}

/** The device of a mounted file system, as the formats of disks see one. Errors are thrown: see `errnoOf`. */
export class MountedDisk implements Disk {
  readonly #device: MountDevice;
  readonly size: number;

  constructor(device: MountDevice) {
    this.#device = device;
    this.size = device.size;
  }

  read(offset: number, into: Uint8Array): void {
    const failed = this.#device.readThrough(offset, into, 0, into.length);
    if (failed < 0) throw new DiskError(failed);
  }

  write(offset: number, bytes: Uint8Array): void {
    const failed = this.#device.writeThrough(offset, bytes, 0, bytes.length);
    if (failed < 0) throw new DiskError(failed);
  }

  resize(): void {
    throw new DiskError(-EIO);
  }
}
