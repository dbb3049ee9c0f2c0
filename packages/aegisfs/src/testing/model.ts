/**
 * The oracle: files as plain objects, with the semantics that `Subvolume` promises and nothing of how it keeps them.
 * Same calls, same results (inode numbers aside, which the caller maps).
 */
import { crc32c } from "@stratos/base";
import { checksumWords } from "../format/checksum.ts";
import {
  EEXIST,
  EINVAL,
  EISDIR,
  ENAMETOOLONG,
  ENODATA,
  ENOENT,
  ENOTDIR,
  ENOTEMPTY,
  ENXIO,
  EPERM,
  RENAME_EXCHANGE,
  RENAME_NOREPLACE,
  RENAME_WHITEOUT,
  S_IFCHR,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
} from "@stratos/abi";

export class ModelInode {
  mode: number;
  uid: number;
  nlink: number;
  content = new Uint8Array(0);
  target = "";
  names = new Map<string, ModelInode>();
  parent: ModelInode | null = null;
  xattrs = new Map<string, string>();
  mtime: number;
  ctime: number;

  constructor(mode: number, uid: number, now: number) {
    this.mode = mode;
    this.uid = uid;
    this.nlink = (mode & S_IFMT) === S_IFDIR ? 2 : 1;
    this.mtime = now;
    this.ctime = now;
  }

  get isDirectory(): boolean {
    return (this.mode & S_IFMT) === S_IFDIR;
  }
  get isRegular(): boolean {
    return (this.mode & S_IFMT) === S_IFREG;
  }
}

const BLOCK = 4096;

export class Model {
  root: ModelInode;
  now = 0;

  constructor() {
    this.root = new ModelInode(S_IFDIR | 0o755, 0, 0);
  }

  #newName(directory: ModelInode, name: string): number {
    if (name.length > 255) return -ENAMETOOLONG;
    const checked = this.#alive(directory);
    return checked < 0 ? checked : directory.names.has(name) ? -EEXIST : 0;
  }

  #alive(directory: ModelInode): number {
    return !directory.isDirectory ? -ENOTDIR : directory.nlink === 0 ? -ENOENT : 0;
  }

  #changed(directory: ModelInode): void {
    directory.mtime = this.now;
    directory.ctime = this.now;
  }

  lookup(directory: ModelInode, name: string): ModelInode | number {
    if (name.length > 255) return -ENAMETOOLONG;
    const checked = this.#alive(directory);
    return checked < 0 ? checked : (directory.names.get(name) ?? -ENOENT);
  }

  create(directory: ModelInode, name: string, mode: number, uid: number): ModelInode | number {
    const checked = this.#newName(directory, name);
    if (checked < 0) return checked;
    const inode = new ModelInode(mode, uid, this.now);
    directory.names.set(name, inode);
    if (inode.isDirectory) {
      directory.nlink++;
      inode.parent = directory;
    }
    this.#changed(directory);
    return inode;
  }

  symlink(directory: ModelInode, name: string, target: string, uid: number): ModelInode | number {
    if (target.length === 0) return -ENOENT;
    const inode = this.create(directory, name, S_IFLNK | 0o777, uid);
    if (typeof inode !== "number") inode.target = target;
    return inode;
  }

  link(inode: ModelInode, directory: ModelInode, name: string): number {
    if (inode.isDirectory) return -EPERM;
    const checked = this.#newName(directory, name);
    if (checked < 0) return checked;
    directory.names.set(name, inode);
    inode.nlink++;
    inode.ctime = this.now;
    this.#changed(directory);
    return 0;
  }

  unlink(directory: ModelInode, name: string): number {
    const inode = this.lookup(directory, name);
    if (typeof inode === "number") return inode;
    if (inode.isDirectory) return -EISDIR;
    directory.names.delete(name);
    inode.nlink--;
    inode.ctime = this.now;
    this.#changed(directory);
    return 0;
  }

  rmdir(directory: ModelInode, name: string): number {
    const inode = this.lookup(directory, name);
    if (typeof inode === "number") return inode;
    if (!inode.isDirectory) return -ENOTDIR;
    if (inode.names.size > 0) return -ENOTEMPTY;
    directory.names.delete(name);
    directory.nlink--;
    inode.nlink = 0;
    this.#changed(directory);
    return 0;
  }

  rename(directory: ModelInode, name: string, newDirectory: ModelInode, newName: string, flags: number): number {
    if ((flags & RENAME_EXCHANGE) !== 0 && flags !== RENAME_EXCHANGE) return -EINVAL;
    if (name.length > 255 || newName.length > 255) return -ENAMETOOLONG;
    const checked = this.#alive(directory) || this.#alive(newDirectory);
    if (checked < 0) return checked;
    const inode = directory.names.get(name);
    const target = newDirectory.names.get(newName);
    if (inode === undefined) return -ENOENT;
    if (flags === RENAME_EXCHANGE && target === undefined) return -ENOENT;
    if ((flags & RENAME_NOREPLACE) !== 0 && target !== undefined) return -EEXIST;
    if (inode.isDirectory && isBelow(newDirectory, inode)) return -EINVAL;
    if (target !== undefined && target.isDirectory && isBelow(directory, target))
      return flags === RENAME_EXCHANGE ? -EINVAL : -ENOTEMPTY;
    if (inode === target) return 0;
    if (flags === RENAME_EXCHANGE) {
      directory.names.set(name, target!);
      newDirectory.names.set(newName, inode);
      this.#moveLink(inode, directory, newDirectory);
      this.#moveLink(target!, newDirectory, directory);
      target!.ctime = this.now;
    } else {
      if (target !== undefined) {
        if (inode.isDirectory && !target.isDirectory) return -ENOTDIR;
        if (!inode.isDirectory && target.isDirectory) return -EISDIR;
        if (target.names.size > 0) return -ENOTEMPTY;
        if (target.isDirectory) {
          target.nlink = 0;
          newDirectory.nlink--;
        } else target.nlink--;
        target.ctime = this.now;
      }
      directory.names.delete(name);
      newDirectory.names.set(newName, inode);
      this.#moveLink(inode, directory, newDirectory);
    }
    inode.ctime = this.now;
    this.#changed(directory);
    this.#changed(newDirectory);
    if ((flags & RENAME_WHITEOUT) !== 0) this.create(directory, name, S_IFCHR, 0);
    return 0;
  }

  #moveLink(inode: ModelInode, from: ModelInode, to: ModelInode): void {
    if (!inode.isDirectory) return;
    from.nlink--;
    to.nlink++;
    inode.parent = to;
  }

  write(inode: ModelInode, offset: number, bytes: Uint8Array): number {
    if (!inode.isRegular) return inode.isDirectory ? -EISDIR : -EINVAL;
    if (bytes.length === 0) return 0;
    if (offset + bytes.length > inode.content.length) this.#resize(inode, offset + bytes.length);
    inode.content.set(bytes, offset);
    this.#changed(inode);
    return bytes.length;
  }

  truncate(inode: ModelInode, size: number): number {
    if (!inode.isRegular) return inode.isDirectory ? -EISDIR : -EINVAL;
    this.#resize(inode, size);
    this.#changed(inode);
    return 0;
  }

  punchHole(inode: ModelInode, offset: number, length: number): number {
    if (!inode.isRegular) return inode.isDirectory ? -EISDIR : -EINVAL;
    inode.content.fill(0, Math.min(offset, inode.content.length), Math.min(offset + length, inode.content.length));
    this.#changed(inode);
    return 0;
  }

  preallocate(inode: ModelInode, offset: number, length: number, keepSize: boolean): number {
    if (!inode.isRegular) return inode.isDirectory ? -EISDIR : -EINVAL;
    if (!keepSize && offset + length > inode.content.length) this.#resize(inode, offset + length);
    this.#changed(inode);
    return 0;
  }

  zeroRange(inode: ModelInode, offset: number, length: number, keepSize: boolean): number {
    const punched = this.punchHole(inode, offset, length);
    return punched < 0 ? punched : this.preallocate(inode, offset, length, keepSize);
  }

  collapseRange(inode: ModelInode, offset: number, length: number): number {
    if (!inode.isRegular) return inode.isDirectory ? -EISDIR : -EINVAL;
    const { content } = inode;
    if (offset % BLOCK !== 0 || length % BLOCK !== 0 || length === 0 || offset + length >= content.length)
      return -EINVAL;
    this.#replace(inode, offset, length, 0);
    return 0;
  }

  insertRange(inode: ModelInode, offset: number, length: number): number {
    if (!inode.isRegular) return inode.isDirectory ? -EISDIR : -EINVAL;
    if (offset % BLOCK !== 0 || length % BLOCK !== 0 || length === 0 || offset >= inode.content.length) return -EINVAL;
    this.#replace(inode, offset, 0, length);
    return 0;
  }

  /** Takes `out` bytes out at `offset`, and puts `into` zeros there. */
  #replace(inode: ModelInode, offset: number, out: number, into: number): void {
    const content = new Uint8Array(inode.content.length - out + into);
    content.set(inode.content.subarray(0, offset));
    content.set(inode.content.subarray(offset + out), offset + into);
    inode.content = content;
    this.#changed(inode);
  }

  cloneRange(source: ModelInode, offset: number, target: ModelInode, targetOffset: number, length: number): number {
    const kind = !source.isRegular ? source : !target.isRegular ? target : null;
    if (kind !== null) return kind.isDirectory ? -EISDIR : -EINVAL;
    const end = offset + length;
    if (offset % BLOCK !== 0 || targetOffset % BLOCK !== 0 || end > source.content.length) return -EINVAL;
    if (end % BLOCK !== 0 && (end !== source.content.length || targetOffset + length < target.content.length))
      return -EINVAL;
    if (source === target && offset < targetOffset + length && targetOffset < end) return -EINVAL;
    if (length > 0) this.write(target, targetOffset, source.content.slice(offset, end));
    return 0;
  }

  copyRange(source: ModelInode, offset: number, target: ModelInode, targetOffset: number, length: number): number {
    const kind = !source.isRegular ? source : !target.isRegular ? target : null;
    if (kind !== null) return kind.isDirectory ? -EISDIR : -EINVAL;
    if (source === target && offset < targetOffset + length && targetOffset < offset + length) return -EINVAL;
    const bytes = source.content.slice(offset, offset + length);
    return this.write(target, targetOffset, bytes);
  }

  seekData(inode: ModelInode, offset: number): number {
    if (!inode.isRegular) return inode.isDirectory ? -EISDIR : -EINVAL;
    if (offset >= inode.content.length) return -ENXIO;
    for (let at = offset; at < inode.content.length; at++) if (inode.content[at] !== 0) return at;
    return -ENXIO;
  }

  #resize(inode: ModelInode, size: number): void {
    const content = new Uint8Array(size);
    content.set(inode.content.subarray(0, Math.min(size, inode.content.length)));
    inode.content = content;
  }

  setXattr(inode: ModelInode, name: string, value: string, flags: number): number {
    const present = inode.xattrs.has(name);
    if (present && flags === 1) return -EEXIST;
    if (!present && flags === 2) return -ENODATA;
    inode.xattrs.set(name, value);
    inode.ctime = this.now;
    return 0;
  }

  removeXattr(inode: ModelInode, name: string): number {
    if (!inode.xattrs.delete(name)) return -ENODATA;
    inode.ctime = this.now;
    return 0;
  }

  chmod(inode: ModelInode, mode: number): number {
    inode.mode = (inode.mode & S_IFMT) | mode;
    inode.ctime = this.now;
    return 0;
  }

  /** A copy that shares nothing. */
  copy(): Model {
    const copies = new Map<ModelInode, ModelInode>();
    const copyOf = (inode: ModelInode): ModelInode => {
      const known = copies.get(inode);
      if (known !== undefined) return known;
      const copy = new ModelInode(inode.mode, inode.uid, inode.mtime);
      copies.set(inode, copy);
      copy.ctime = inode.ctime;
      copy.nlink = inode.nlink;
      copy.content = inode.content.slice();
      copy.target = inode.target;
      copy.xattrs = new Map(inode.xattrs);
      for (const [name, child] of inode.names) {
        const copied = copyOf(child);
        copy.names.set(name, copied);
        if (copied.isDirectory) copied.parent = copy;
      }
      return copy;
    };
    const model = new Model();
    model.now = this.now;
    model.root = copyOf(this.root);
    return model;
  }

  /** All that the files are, one line each, in the order of their paths. */
  dump(): string {
    const lines: string[] = [];
    const visit = (inode: ModelInode, path: string): void => {
      lines.push(
        describe(
          path,
          inode.mode,
          inode.nlink,
          inode.uid,
          inode.isDirectory ? 0 : inode.target.length || inode.content.length,
          QUICK_SUMS.content(inode.content, inode.content.length),
          inode.target,
          inode.xattrs,
          inode.mtime,
          inode.ctime,
        ),
      );
      for (const [name, child] of inode.names) visit(child, `${path}/${name}`);
    };
    visit(this.root, "");
    return lines.sort().join("\n");
  }
}

/**
 * Tells contents apart, several times as fast as a CRC: simulations look at some thousand files for each second of a
 * core.
 */
function contentSum(bytes: Uint8Array, length: number): number {
  const size = (length + 15) & ~15;
  if (sumBytes.length < size) sumBytes = new Uint8Array(size * 2);
  sumBytes.set(bytes.subarray(0, length));
  sumBytes.fill(0, length, size);
  return checksumWords(new Int32Array(sumBytes.buffer, 0, size >>> 2), 0, size >>> 2, 0);
}

let sumBytes: Uint8Array<ArrayBuffer> = new Uint8Array(1 << 16);

function textSum(text: string): string {
  let sum = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) sum = Math.imul(sum ^ text.charCodeAt(index), 0x01000193);
  return `${text.length}:${sum >>> 0}`;
}

/** How a dump tells contents of files, and values of attributes, apart. */
export interface Sums {
  content(bytes: Uint8Array, length: number): number;
  value(text: string): string;
}

export const QUICK_SUMS: Sums = { content: contentSum, value: textSum };

/** As golden images were told of. */
export const CRC_SUMS: Sums = {
  content: (bytes, length) => crc32c(bytes, 0, length),
  value: (text) => String(crc32c(Uint8Array.from(text, (character) => character.charCodeAt(0)))),
};

/** One line of a dump. */
export function describe(
  path: string,
  mode: number,
  nlink: number,
  uid: number,
  size: number,
  checksum: number,
  target: string,
  xattrs: Map<string, string>,
  mtime: number,
  ctime: number,
  sums: Sums = QUICK_SUMS,
): string {
  const attributes =
    xattrs.size === 0
      ? ""
      : [...xattrs]
          .sort()
          .map(([name, value]) => `${name}=${sums.value(value)}`)
          .join(" ");
  return (
    `${path || "/"} ${mode.toString(8)} links ${nlink} uid ${uid} size ${size} sum ${checksum} -> ${target} ` +
    `[${attributes}] ${mtime} ${ctime}`
  );
}

function isBelow(inode: ModelInode, ancestor: ModelInode): boolean {
  for (let at: ModelInode | null = inode; at !== null; at = at.parent) if (at === ancestor) return true;
  return false;
}
