/** Writes a root filesystem into an AegisFS volume: what the package builder and `image import` produce. */
import {
  Attributes,
  ATTRIBUTE_ATIME,
  ATTRIBUTE_CTIME,
  ATTRIBUTE_GID,
  ATTRIBUTE_MODE,
  ATTRIBUTE_MTIME,
  ATTRIBUTE_UID,
  COMPRESS_LZ4,
  ROOT_INO,
  type Subvolume,
  withCompression,
} from "@stratos/aegisfs";
import { ERRNO_NAMES, S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFREG } from "@stratos/abi";
import { byteStringOf } from "@stratos/base";
import type { RootMeta, RootWriter } from "@stratos/pkg";
import { OperationError } from "@stratos/operation";

/** Beyond it next to nothing gets smaller. */
const LZ4_LEVEL = 9;

export class VolumeWriter implements RootWriter {
  readonly #files: Subvolume;
  readonly #directories = new Map<string, number>([["", ROOT_INO]]);
  /** Times of directories wait until all that is in them has been made. */
  readonly #directoryMeta = new Map<string, RootMeta>();
  readonly #attributes = new Attributes();

  constructor(files: Subvolume) {
    this.#files = files;
  }

  directory(path: string, meta: RootMeta): void {
    if (path !== "") {
      const ino = this.#make(path, S_IFDIR | meta.mode, meta);
      this.#directories.set(path, ino);
    }
    this.#directoryMeta.set(path, meta);
    this.#finishFile(this.#directories.get(path)!, path, meta);
  }

  hasDirectory(path: string): boolean {
    return this.#directories.has(path);
  }

  /** Gives a folder that is there other attributes. */
  updateDirectory(path: string, meta: RootMeta): void {
    this.#directoryMeta.set(path, meta);
  }

  /** Inode number of an empty file, whose content comes in pieces through `append`; then `finishFile`. */
  beginFile(path: string, meta: RootMeta): number {
    return this.#make(path, S_IFREG | meta.mode, meta);
  }

  append(ino: number, path: string, offset: number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length;)
      done += check(path, this.#files.write(ino, offset + done, bytes, done, bytes.length - done));
  }

  /** Sets what writing changed. */
  finishFile(ino: number, path: string, meta: RootMeta): void {
    this.#finishFile(ino, path, meta);
  }

  file(path: string, meta: RootMeta, content: Uint8Array): void {
    const ino = this.beginFile(path, meta);
    this.append(ino, path, 0, content);
    this.#finishFile(ino, path, meta);
  }

  /** One whose content is kept compressed, as small as LZ4 makes it. */
  packedFile(path: string, meta: RootMeta, content: Uint8Array): void {
    const ino = this.beginFile(path, meta);
    check(path, this.#files.setProperties(ino, withCompression(0, COMPRESS_LZ4, LZ4_LEVEL)));
    this.append(ino, path, 0, content);
    this.#finishFile(ino, path, meta);
  }

  symlink(path: string, meta: RootMeta, target: string): void {
    const { directory, name } = this.#place(path);
    this.#finishFile(check(path, this.#files.symlink(directory, name, target, meta.uid, meta.gid)), path, meta);
  }

  hardLink(path: string, existing: string): void {
    // An archive's link may lead to a file of the system that it was made on.
    const folder = this.#directories.get(existing.slice(0, Math.max(existing.lastIndexOf("/"), 0))),
      ino = folder === undefined ? -1 : this.#files.lookup(folder, existing.slice(existing.lastIndexOf("/") + 1));
    if (ino < 0) throw new OperationError("image", path, `is a hard link to ${existing}, which is not there before it`);
    const { directory, name } = this.#place(path);
    check(path, this.#files.link(ino, directory, name));
  }

  device(path: string, meta: RootMeta, device: { kind: "character" | "block"; major: number; minor: number }): void {
    const type = device.kind === "character" ? S_IFCHR : S_IFBLK;
    this.#finishFile(this.#make(path, type | meta.mode, meta, encodeDevice(device.major, device.minor)), path, meta);
  }

  fifo(path: string, meta: RootMeta): void {
    this.#finishFile(this.#make(path, S_IFIFO | meta.mode, meta), path, meta);
  }

  remove(path: string): void {
    const { directory, name } = this.#place(path);
    check(path, this.#files.unlink(directory, name));
  }

  finish(): void {
    for (const [path, meta] of this.#directoryMeta) this.#finishFile(this.#directories.get(path)!, path, meta);
    check("", this.#files.volume.sync());
  }

  #make(path: string, mode: number, meta: RootMeta, rdev = 0): number {
    const { directory, name } = this.#place(path);
    return check(path, this.#files.create(directory, name, mode, meta.uid, meta.gid, rdev));
  }

  #finishFile(ino: number, path: string, meta: RootMeta): void {
    for (const [name, value] of meta.xattrs ?? []) check(path, this.#files.setXattr(ino, name, byteStringOf(value), 0));
    const attributes = this.#attributes;
    attributes.mode = meta.mode;
    attributes.uid = meta.uid;
    attributes.gid = meta.gid;
    const seconds = Math.floor(meta.mtime);
    attributes.atimeSeconds = attributes.mtimeSeconds = attributes.ctimeSeconds = seconds;
    attributes.atimeNanoseconds =
      attributes.mtimeNanoseconds =
      attributes.ctimeNanoseconds =
        Math.floor((meta.mtime - seconds) * 1e9);
    check(
      path,
      this.#files.setAttributes(
        ino,
        attributes,
        ATTRIBUTE_MODE | ATTRIBUTE_UID | ATTRIBUTE_GID | ATTRIBUTE_ATIME | ATTRIBUTE_MTIME | ATTRIBUTE_CTIME,
      ),
    );
  }

  #place(path: string): { directory: number; name: string } {
    const slash = path.lastIndexOf("/");
    const directory = this.#directories.get(path.slice(0, Math.max(slash, 0)));
    if (directory === undefined) throw new OperationError("image", path, "its folder is missing, or is not a folder");
    return { directory, name: path.slice(slash + 1) };
  }
}

function check(path: string, result: number): number {
  if (result < 0)
    throw new OperationError("image", `/${path}`, `the image's volume says ${ERRNO_NAMES[-result] ?? String(-result)}`);
  return result;
}

/** Linux's 32-bit device number (include/linux/kdev_t.h, new_encode_dev). */
export function encodeDevice(major: number, minor: number): number {
  return ((minor & 0xff) | ((major & 0xfff) << 8) | ((minor & ~0xff) << 12)) >>> 0;
}

export function decodeDevice(device: number): { major: number; minor: number } {
  return { major: (device >>> 8) & 0xfff, minor: ((device & 0xff) | ((device >>> 12) & 0xfff00)) >>> 0 };
}
