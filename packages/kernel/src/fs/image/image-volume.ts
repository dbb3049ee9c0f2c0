import { EIO, EUCLEAN } from "@stratos/abi";
import { FatReader, FormatError, type ImageReader, IsoReader } from "@stratos/formats/image";
import { FileSystem } from "../../vfs/file-system.ts";
import type { Inode } from "../../vfs/inode.ts";
import type { MountDevice } from "../../vfs/mount-device.ts";
import type { FsKernel } from "../fs-kernel.ts";
import { KeptNames } from "../kept-names.ts";
import { DiskError, MountedDisk } from "../mounted-disk.ts";
import type { ImageRights } from "./image-rights.ts";

/** The image of a mounted file system, below its files. */
export abstract class ImageVolume extends FileSystem {
  readonly type: string;
  readonly kernel: FsKernel;
  readonly disk: MountDevice;
  readonly rights: ImageRights;
  /** Folders whose names are in memory. */
  named = new KeptNames();
  /** Null in a machine that was loaded or forked: made anew. */
  openReader: ImageReader | null = null;

  constructor(kernel: FsKernel, type: string, disk: MountDevice, rights: ImageRights) {
    super(disk.rdev);
    this.kernel = kernel;
    this.type = type;
    this.disk = disk;
    this.rights = rights;
    this.readOnly = true;
  }

  override get allowsIdMaps(): boolean {
    return this.type !== "iso9660";
  }

  /** The object of a file; a negated errno. */
  abstract inode(ino: number): Inode | number;
  /** The object goes. */
  abstract drop(inode: Inode): void;

  /** @throws FormatError, DiskError */
  get reader(): ImageReader {
    const disk = new MountedDisk(this.disk);
    return (this.openReader ??= this.type === "iso9660" ? new IsoReader(disk, this.rights) : new FatReader(disk));
  }

  /** Does what reads the disk. @returns its result, or what it threw as a negated errno */
  attempt(act: () => number): number {
    try {
      return act();
    } catch (thrown) {
      return this.errnoOf(thrown);
    }
  }

  errnoOf(thrown: unknown): number {
    if (thrown instanceof DiskError) return -EIO;
    if (!(thrown instanceof FormatError)) throw thrown;
    this.kernel.log(`${this.type}: ${this.disk.name}: ${thrown.message}`);
    return -EUCLEAN;
  }
}
