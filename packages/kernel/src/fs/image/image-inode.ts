import { EINVAL, ENOENT, EROFS, PAGE_SIZE, S_IFBLK, S_IFCHR, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { ImageExtent, ImageFile } from "@stratos/formats/image";
import { PageCache, type PageBacking } from "../../frames/page-cache.ts";
import { UNFINISHED } from "../../ground/wait-queue.ts";
import { FILE_SIZE_MAX } from "../../vfs/content-change.ts";
import { makeDevice } from "../../vfs/device-registry.ts";
import { type AttributeChange, copyPlainFields, Inode, TIMES } from "../../vfs/inode.ts";
import type { ImageVolume } from "./image-volume.ts";
import type { ImageRights } from "./image-rights.ts";

/** Names of a folder that are kept for lookups; those behind are not found, which no tool's images have. */
const NAMES_MAX = 1 << 18;

/** Of the call's work: a name that is read (ground/call-work.ts). */
const NAME_WORK = 2;

/** A file of an image that is only read. */
export class ImageInode extends Inode implements PageBacking {
  declare readonly fileSystem: ImageVolume;
  #target: string;
  /** Null: nobody has looked yet. */
  #extents: readonly ImageExtent[] | null = null;
  #names: Map<string, number> | null = null;
  /** How far calls have read them, as `list` counts: a machine that goes on elsewhere reads as far unasked. */
  #known = 0;
  #isWhole = false;

  constructor(fileSystem: ImageVolume, ino: number, file: ImageFile) {
    const { rights } = fileSystem;
    const isOurs = rights.overrides || !file.hasRights;
    super(
      fileSystem,
      ino,
      isOurs ? modeOf(file.mode, rights) : file.mode,
      isOurs ? (rights.uid ?? file.uid) : file.uid,
      isOurs ? (rights.gid ?? file.gid) : file.gid,
      at(file.mtime),
    );
    this.atime = at(file.atime);
    this.ctime = at(file.ctime);
    this.btime = at(file.ctime);
    this.nlink = file.links;
    this.size = Math.min(FILE_SIZE_MAX, file.size);
    this.blocks = Math.ceil(this.size / 512);
    this.#target = file.target;
    const kind = file.mode & S_IFMT;
    if (kind === S_IFCHR || kind === S_IFBLK) this.rdev = makeDevice(file.device.major, file.device.minor);
    if (kind === S_IFREG) this.pages = new PageCache(fileSystem.kernel.memory, this);
  }

  #places(): readonly ImageExtent[] {
    return (this.#extents ??= this.fileSystem.reader.extents(this.ino));
  }

  readPage(index: number, bytes: Uint8Array, place: number): number {
    try {
      return this.#readPage(index * PAGE_SIZE, bytes, place);
    } catch (thrown) {
      return this.fileSystem.errnoOf(thrown);
    }
  }

  #readPage(first: number, bytes: Uint8Array, place: number): number {
    const last = Math.min(first + PAGE_SIZE, this.size);
    bytes.fill(0, place, place + PAGE_SIZE);
    const extents = this.#places();
    for (let index = extentAt(extents, first); index < extents.length && extents[index]!.start < last; index++) {
      const extent = extents[index]!;
      const from = Math.max(first, extent.start),
        to = Math.min(last, extent.start + extent.length);
      if (to <= from) continue;
      const { disk } = this.fileSystem;
      const failed = disk.readThrough(extent.at + from - extent.start, bytes, place + from - first, to - from);
      if (failed < 0) return failed;
    }
    return 0;
  }

  writePage(): number {
    return -EROFS;
  }

  override lookup(name: string): Inode | number {
    const unread = this.#readNames();
    if (unread < 0) return unread;
    const ino = this.#names!.get(this.fileSystem.reader.keyOf(name));
    return ino === undefined ? -ENOENT : this.fileSystem.inode(ino);
  }

  /**
   * Reads the names, as far as the call under way may work.
   *
   * @returns 0, −EIO, −EUCLEAN; UNFINISHED: the call is executed again
   */
  #readNames(): number {
    if (this.#names !== null && this.#isWhole) return 0;
    return this.fileSystem.attempt(() => {
      const { kernel, reader, named } = this.fileSystem;
      const { work } = kernel;
      const names = (this.#names ??= new Map());
      const known = this.#known;
      let isCut = false;
      reader.list(this.ino, names.size > 0 ? known : 0, (name, ino, _type, next) => {
        const isNew = next > known;
        if (isNew && work.isUsed) {
          isCut = true;
          return false;
        }
        const key = reader.keyOf(name);
        if (!names.has(key)) names.set(key, ino);
        if (isNew) {
          work.charge(NAME_WORK);
          this.#known = next;
        }
        return names.size < NAMES_MAX;
      });
      named.put(this, names.size);
      if (isCut) return UNFINISHED;
      this.#isWhole = true;
      return 0;
    });
  }

  forgetNames(): void {
    this.#names = null;
    this.#known = 0;
    this.#isWhole = false;
  }

  override list(
    cursor: number,
    emit: (name: string, ino: number, type: number, nextCursor: number) => boolean,
  ): number {
    return this.fileSystem.attempt(() => {
      this.fileSystem.reader.list(this.ino, cursor, emit);
      return 0;
    });
  }

  override readlink(): string | number {
    return this.isSymlink ? this.#target : -EINVAL;
  }

  override setAttributes(_change: AttributeChange): number {
    return -EROFS;
  }

  override forget(): void {
    if (this === this.fileSystem.root) return;
    this.pages?.dispose();
    this.fileSystem.drop(this);
  }

  static {
    stateClass(
      "ImageInode",
      this,
      {
        save: (it) => ({ target: it.#target, known: it.#known, isWhole: it.#isWhole }),
        load: (it, from) => {
          ({ target: it.#target, known: it.#known, isWhole: it.#isWhole } = from);
          it.#extents = null;
          it.#names = null;
        },
      },
      { keeps: ["#extents", "#names"], shares: TIMES, copyPlain: copyPlainFields },
    );
  }
}

function at(seconds: number): { seconds: number; nanoseconds: number } {
  return { seconds, nanoseconds: 0 };
}

function modeOf(mode: number, rights: ImageRights): number {
  const kind = mode & S_IFMT;
  if (kind === S_IFLNK) return mode;
  const own = kind === S_IFDIR ? rights.folderMode : rights.fileMode;
  const mask = kind === S_IFDIR ? rights.folderMask : rights.fileMask;
  return kind | ((own ?? mode & 0o7777) & ~mask);
}

/** Index of the extent that holds the byte, or of the first one behind it. */
function extentAt(extents: readonly ImageExtent[], byte: number): number {
  let low = 0,
    high = extents.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (extents[middle]!.start + extents[middle]!.length <= byte) low = middle + 1;
    else high = middle;
  }
  return low;
}
