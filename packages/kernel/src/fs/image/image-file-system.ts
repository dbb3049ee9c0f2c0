import { EROFS, ESTALE, S_IFDIR, S_IFMT } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { FormatError } from "@stratos/formats/image";
import type { FileSystemUsage } from "../../vfs/file-system.ts";
import type { MountDevice } from "../../vfs/mount-device.ts";
import type { FsKernel } from "../fs-kernel.ts";
import { ImageInode } from "./image-inode.ts";
import type { ImageRights } from "./image-rights.ts";
import { ImageVolume } from "./image-volume.ts";

const MAGIC: Readonly<Record<string, number>> = { iso9660: 0x9660, vfat: 0x4d44, msdos: 0x4d44 };

/**
 * An image that is only read: ISO 9660 or FAT on a block device. All that is known of it is read from the device when
 * it is asked for, so that nothing of it is state but which files are in memory.
 */
export class ImageFileSystem extends ImageVolume {
  /** Set by `mount`. */
  root!: ImageInode;
  #inodes = new Map<number, ImageInode>();

  constructor(kernel: FsKernel, type: string, disk: MountDevice, rights: ImageRights) {
    super(kernel, type, disk, rights);
  }

  /** @throws FormatError, DiskError */
  static mount(kernel: FsKernel, type: string, disk: MountDevice, rights: ImageRights): ImageFileSystem {
    const made = new ImageFileSystem(kernel, type, disk, rights);
    const { reader } = made;
    const file = reader.file(reader.root);
    if ((file.mode & S_IFMT) !== S_IFDIR) throw new FormatError("its root is no folder");
    made.root = new ImageInode(made, reader.root, file);
    made.#inodes.set(reader.root, made.root);
    return made;
  }

  /** The object of a file; a negated errno. */
  inode(ino: number): ImageInode | number {
    const present = this.#inodes.get(ino);
    if (present !== undefined) return present;
    let inode: ImageInode | null = null;
    const failed = this.attempt(() => {
      inode = new ImageInode(this, ino, this.reader.file(ino));
      return 0;
    });
    if (failed < 0) return failed;
    this.#inodes.set(ino, inode!);
    return inode!;
  }

  drop(inode: ImageInode): void {
    this.#inodes.delete(inode.ino);
    this.named.drop(inode);
  }

  override inodeByNumber(ino: number, generation: number): ImageInode | number {
    const inode = this.#inodes.get(ino);
    return inode === undefined || generation !== 0 ? -ESTALE : inode;
  }

  override setReadOnly(on: boolean): number {
    return on ? 0 : -EROFS;
  }

  override get ioSize(): number {
    return this.attempt(() => this.reader.blockSize);
  }

  usage(): FileSystemUsage {
    const { blockSize, blockCount } = this.reader;
    return {
      magic: MAGIC[this.type]!,
      blockSize,
      blocks: blockCount,
      blocksFree: 0,
      files: 0,
      filesFree: 0,
      nameMax: 255,
    };
  }

  static {
    stateClass(
      "ImageFileSystem",
      this,
      {
        save: (it) => ({ inodes: it.#inodes }),
        load: (it, from) => {
          ({ inodes: it.#inodes } = from);
          it.openReader = null;
        },
      },
      { keeps: ["openReader"] },
    );
  }
}
