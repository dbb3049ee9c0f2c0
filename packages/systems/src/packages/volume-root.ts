/** A root filesystem in a volume, to be read and changed in place, for the package side. No links are followed. */
import {
  EEXIST,
  ENOENT,
  ENOTDIR,
  ENOTEMPTY,
  ERRNO_NAMES,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
} from "@stratos/abi";
import {
  Attributes,
  ATTRIBUTE_ATIME,
  ATTRIBUTE_CTIME,
  ATTRIBUTE_GID,
  ATTRIBUTE_MODE,
  ATTRIBUTE_MTIME,
  ATTRIBUTE_UID,
  DirectoryEntry,
  ROOT_INO,
  type Subvolume,
} from "@stratos/aegisfs";
import { byteStringOf } from "@stratos/base";
import type { DeviceNumber, RootFiles, RootMeta, RootNode } from "@stratos/pkg";
import { OperationError } from "@stratos/operation";
import { encodeDevice, exactSize } from "@stratos/images/content";

export class VolumeRoot implements RootFiles {
  readonly #files: Subvolume;
  readonly #attributes = new Attributes();

  constructor(files: Subvolume) {
    this.#files = files;
  }

  look(path: string): RootNode | undefined {
    const ino = this.#find(path);
    if (ino < 0) return undefined;
    const { mode, uid, gid, size, mtimeSeconds } = this.#stat(ino, path);
    const meta: RootMeta = { uid, gid, mode: mode & 0o7777, mtime: mtimeSeconds };
    switch (mode & S_IFMT) {
      case S_IFDIR:
        return { kind: "directory", meta };
      case S_IFREG:
        return { kind: "file", meta, sizeBytes: exactSize(path, size) };
      case S_IFLNK: {
        const target = this.#files.readlink(ino);
        if (typeof target === "number") throw failure(path, target);
        return { kind: "symlink", meta, target };
      }
      default:
        return { kind: "special", meta };
    }
  }

  list(path: string): string[] {
    const ino = this.#find(path);
    if (ino < 0 || (this.#stat(ino, path).mode & S_IFMT) !== S_IFDIR) return [];
    const names: string[] = [];
    const entry = new DirectoryEntry();
    for (let cursor = 0; this.#files.readDirectory(ino, cursor, entry) > 0; cursor = entry.nextCursor)
      names.push(entry.name);
    return names.sort();
  }

  read(path: string): Uint8Array {
    const ino = this.#find(path);
    if (ino < 0) throw failure(path, -ENOENT);
    const bytes = new Uint8Array(exactSize(path, this.#stat(ino, path).size));
    for (let done = 0; done < bytes.length;) {
      const count = this.#files.read(ino, done, bytes, done, bytes.length - done);
      if (count <= 0) throw failure(path, count);
      done += count;
    }
    return bytes;
  }

  directory(path: string, meta: RootMeta): void {
    this.#set(this.#make(path, S_IFDIR, meta), path, meta);
  }
  fifo(path: string, meta: RootMeta): void {
    this.#set(this.#make(path, S_IFIFO, meta), path, meta);
  }

  device(path: string, meta: RootMeta, device: DeviceNumber): void {
    this.#set(
      this.#make(path, device.kind === "block" ? S_IFBLK : S_IFCHR, meta, encodeDevice(device.major, device.minor)),
      path,
      meta,
    );
  }

  file(path: string, meta: RootMeta, content: Uint8Array): void {
    const ino = this.#make(path, S_IFREG, meta);
    for (let done = 0; done < content.length;)
      done += check(path, this.#files.write(ino, done, content, done, content.length - done));
    for (const [name, value] of meta.xattrs ?? []) check(path, this.#files.setXattr(ino, name, byteStringOf(value), 0));
    this.#set(ino, path, meta);
  }

  symlink(path: string, meta: RootMeta, target: string): void {
    const { folder, name } = this.#place(path);
    this.#set(check(path, this.#files.symlink(folder, name, target, meta.uid, meta.gid)), path, meta);
  }

  hardLink(path: string, existing: string): void {
    const { folder, name } = this.#place(path);
    check(path, this.#files.link(check(existing, this.#find(existing)), folder, name));
  }

  setMeta(path: string, meta: RootMeta): void {
    this.#set(check(path, this.#find(path)), path, meta);
  }

  rename(from: string, to: string): void {
    const source = this.#place(from),
      target = this.#place(to);
    check(from, this.#files.rename(source.folder, source.name, target.folder, target.name));
  }

  remove(path: string): void {
    const { folder, name } = this.#place(path);
    check(path, this.#files.unlink(folder, name));
  }

  removeDirectory(path: string): boolean {
    const { folder, name } = this.#place(path);
    const result = this.#files.rmdir(folder, name);
    if (result === -ENOTEMPTY || result === -EEXIST) return false;
    check(path, result);
    return true;
  }

  sync(): void {
    check("", this.#files.volume.sync());
  }

  /** Inode number, or a negated errno. */
  #find(path: string): number {
    let ino = ROOT_INO;
    if (path === "") return ino;
    for (const name of path.split("/")) {
      ino = this.#files.lookup(ino, name);
      if (ino === -ENOENT || ino === -ENOTDIR) return ino;
      if (ino < 0) throw failure(path, ino);
    }
    return ino;
  }

  #place(path: string): { folder: number; name: string } {
    const slash = path.lastIndexOf("/");
    return { folder: check(path, this.#find(slash < 0 ? "" : path.slice(0, slash))), name: path.slice(slash + 1) };
  }

  #make(path: string, type: number, meta: RootMeta, device = 0): number {
    const { folder, name } = this.#place(path);
    return check(path, this.#files.create(folder, name, type | meta.mode, meta.uid, meta.gid, device));
  }

  #stat(ino: number, path: string): Attributes {
    check(path, this.#files.stat(ino, this.#attributes));
    return this.#attributes;
  }

  #set(ino: number, path: string, meta: RootMeta): void {
    const attributes = this.#attributes;
    attributes.mode = meta.mode;
    attributes.uid = meta.uid;
    attributes.gid = meta.gid;
    attributes.atimeSeconds = attributes.mtimeSeconds = attributes.ctimeSeconds = Math.floor(meta.mtime);
    attributes.atimeNanoseconds = attributes.mtimeNanoseconds = attributes.ctimeNanoseconds = 0;
    check(
      path,
      this.#files.setAttributes(
        ino,
        attributes,
        ATTRIBUTE_MODE | ATTRIBUTE_UID | ATTRIBUTE_GID | ATTRIBUTE_ATIME | ATTRIBUTE_MTIME | ATTRIBUTE_CTIME,
      ),
    );
  }
}

function check(path: string, result: number): number {
  if (result < 0) throw failure(path, result);
  return result;
}

function failure(path: string, result: number): OperationError {
  return new OperationError(
    "packages",
    `/${path}`,
    `the image's volume says ${ERRNO_NAMES[-result] ?? String(-result)}`,
  );
}
