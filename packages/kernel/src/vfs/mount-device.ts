import type { FileSystem } from "./file-system.ts";
import type { Inode } from "./inode.ts";
import type { Caller } from "./vfs-kernel.ts";

/** A block device, as the file system sees it that lies on it (block/block-inode.ts). */
export interface MountDevice extends Inode {
  readonly name: string;
  mounted: FileSystem | null;
  readonly isReadOnly: boolean;
  /** `beneath`: whose file the disk is; null: none's. */
  readonly driver: { flush(): number; readonly beneath: FileSystem | null };
  /** Past the pages of the device: bytes moved, or a negated errno. */
  readThrough(offset: number, bytes: Uint8Array, at: number, length: number): number;
  writeThrough(offset: number, bytes: Uint8Array, at: number, length: number): number;
  discard(offset: number, length: number): void;
}

/** The block devices, as mount(2) and sync(2) see them (block/disks.ts). */
export interface MountDevices {
  readonly all: ReadonlyMap<string, MountDevice>;
  /**
   * The device that a mount's source names.
   * @returns −EINVAL (nothing named), −ENOENT …, −ENOTBLK, −EACCES (the node's mount has `nodev`; or a read-only device
   *   is to be written), −ENXIO (no such device), −EBUSY
   */
  mountSource(task: Caller, source: string, readOnly: boolean): MountDevice | number;
  /** The file system has the device for itself … */
  open(device: MountDevice, fileSystem: FileSystem): void;
  /** … until it ends. */
  close(device: MountDevice, fileSystem: FileSystem): void;
  /** Hands what is written to disks to their drivers. */
  writeBack(): void;
}
