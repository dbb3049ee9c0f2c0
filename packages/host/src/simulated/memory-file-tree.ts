import {
  EEXIST,
  EINVAL,
  EISDIR,
  ELOOP,
  ENOENT,
  ENOTDIR,
  ENOTEMPTY,
  EPERM,
  EROFS,
  O_ACCMODE,
  O_CREAT,
  O_EXCL,
  O_RDONLY,
  O_TRUNC,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
} from "@stratos/abi";
import type { HostFile, HostFileTree, HostStat, HostUsage } from "../host-file-tree.ts";

interface Node {
  stat: HostStat;
  bytes: Uint8Array;
  target: string;
  entries: Map<string, Node>;
}

/**
 * A folder that exists in memory only; its clock moves by a millisecond with each change. For tests of what passes
 * folders through.
 */
export class MemoryFileTree implements HostFileTree {
  readonly readOnly: boolean;
  /** Of the last `lstat`: what programs are told of a way comes from these. */
  hasLostWay = false;
  readonly #root: Node;
  #nextIno = 1;
  #nowMs = 1_000_000;

  constructor(options: { readOnly?: boolean } = {}) {
    this.readOnly = options.readOnly === true;
    this.#root = this.#node(S_IFDIR | 0o755);
  }

  #node(mode: number): Node {
    const now = ++this.#nowMs;
    const nlink = (mode & S_IFMT) === S_IFDIR ? 2 : 1;
    const stat: HostStat = {
      ino: this.#nextIno++,
      mode,
      nlink,
      uid: 0,
      gid: 0,
      size: 0,
      rdev: 0,
      atimeMs: now,
      mtimeMs: now,
      ctimeMs: now,
      blocks: 0,
    };
    return { stat, bytes: new Uint8Array(0), target: "", entries: new Map() };
  }

  /** Links are never followed, as the port demands. */
  #find(path: string): Node | number {
    let node = this.#root;
    for (const name of path === "" ? [] : path.split("/")) {
      if (name === "" || name === "." || name === "..") return -EINVAL;
      if ((node.stat.mode & S_IFMT) !== S_IFDIR) return (node.stat.mode & S_IFMT) === S_IFLNK ? -ELOOP : -ENOTDIR;
      const next = node.entries.get(name);
      if (next === undefined) return -ENOENT;
      node = next;
    }
    return node;
  }

  #parent(path: string): { folder: Node; name: string } | number {
    const slash = path.lastIndexOf("/");
    const folder = this.#find(slash < 0 ? "" : path.slice(0, slash));
    if (typeof folder === "number") return folder;
    if ((folder.stat.mode & S_IFMT) !== S_IFDIR) return -ENOTDIR;
    return { folder, name: path.slice(slash + 1) };
  }

  #touch(node: Node): void {
    node.stat.mtimeMs = node.stat.ctimeMs = ++this.#nowMs;
  }

  #add(path: string, make: () => Node): Node | number {
    if (this.readOnly) return -EROFS;
    const place = this.#parent(path);
    if (typeof place === "number") return place;
    if (place.folder.entries.has(place.name)) return -EEXIST;
    const node = make();
    place.folder.entries.set(place.name, node);
    if ((node.stat.mode & S_IFMT) === S_IFDIR) place.folder.stat.nlink++;
    this.#touch(place.folder);
    return node;
  }

  #drop(folder: Node, name: string): void {
    const node = folder.entries.get(name)!;
    folder.entries.delete(name);
    if ((node.stat.mode & S_IFMT) === S_IFDIR) {
      folder.stat.nlink--;
      node.stat.nlink = 0;
    } else node.stat.nlink--;
    this.#touch(folder);
  }

  lstat(path: string): HostStat | number {
    this.hasLostWay = path !== "" && typeof this.#parent(path) === "number";
    const node = this.#find(path);
    return typeof node === "number" ? node : { ...node.stat };
  }

  list(path: string): string[] | number {
    const node = this.#find(path);
    if (typeof node === "number") return node;
    return (node.stat.mode & S_IFMT) === S_IFDIR ? [...node.entries.keys()] : -ENOTDIR;
  }

  readlink(path: string): string | number {
    const node = this.#find(path);
    if (typeof node === "number") return node;
    return (node.stat.mode & S_IFMT) === S_IFLNK ? node.target : -EINVAL;
  }

  open(path: string, flags: number, mode: number): HostFile | number {
    const writes = (flags & O_ACCMODE) !== O_RDONLY || (flags & O_TRUNC) !== 0;
    if (this.readOnly && (writes || (flags & O_CREAT) !== 0)) return -EROFS;
    let node = this.#find(path);
    if (node === -ENOENT && (flags & O_CREAT) !== 0)
      node = this.#add(path, () => this.#node(S_IFREG | (mode & 0o7777)));
    else if (typeof node !== "number" && (flags & (O_CREAT | O_EXCL)) === (O_CREAT | O_EXCL)) return -EEXIST;
    if (typeof node === "number") return node;
    const kind = node.stat.mode & S_IFMT;
    if (kind === S_IFLNK) return -ELOOP;
    if (kind === S_IFDIR && writes) return -EISDIR;
    const file = new MemoryFile(node, writes, () => ++this.#nowMs);
    if ((flags & O_TRUNC) !== 0) file.truncate(0);
    return file;
  }

  mkdir(path: string, mode: number): number {
    const made = this.#add(path, () => this.#node(S_IFDIR | (mode & 0o7777)));
    return typeof made === "number" ? made : 0;
  }

  rmdir(path: string): number {
    if (this.readOnly) return -EROFS;
    const place = this.#parent(path);
    if (typeof place === "number") return place;
    const node = place.folder.entries.get(place.name);
    if (node === undefined) return -ENOENT;
    if ((node.stat.mode & S_IFMT) !== S_IFDIR) return -ENOTDIR;
    if (node.entries.size > 0) return -ENOTEMPTY;
    this.#drop(place.folder, place.name);
    return 0;
  }

  unlink(path: string): number {
    if (this.readOnly) return -EROFS;
    const place = this.#parent(path);
    if (typeof place === "number") return place;
    const node = place.folder.entries.get(place.name);
    if (node === undefined) return -ENOENT;
    if ((node.stat.mode & S_IFMT) === S_IFDIR) return -EISDIR;
    this.#drop(place.folder, place.name);
    return 0;
  }

  symlink(target: string, path: string): number {
    const made = this.#add(path, () => {
      const node = this.#node(S_IFLNK | 0o777);
      node.target = target;
      node.stat.size = target.length;
      return node;
    });
    return typeof made === "number" ? made : 0;
  }

  link(source: string, target: string): number {
    const node = this.#find(source);
    if (typeof node === "number") return node;
    if ((node.stat.mode & S_IFMT) === S_IFDIR) return -EPERM;
    const made = this.#add(target, () => node);
    if (typeof made === "number") return made;
    node.stat.nlink++;
    return 0;
  }

  rename(source: string, target: string): number {
    if (this.readOnly) return -EROFS;
    const from = this.#parent(source),
      to = this.#parent(target);
    if (typeof from === "number") return from;
    if (typeof to === "number") return to;
    const node = from.folder.entries.get(from.name);
    if (node === undefined) return -ENOENT;
    const isFolder = (node.stat.mode & S_IFMT) === S_IFDIR;
    const replaced = to.folder.entries.get(to.name);
    if (replaced === node) return 0;
    if (replaced !== undefined) {
      const replacesFolder = (replaced.stat.mode & S_IFMT) === S_IFDIR;
      if (isFolder !== replacesFolder) return isFolder ? -ENOTDIR : -EISDIR;
      if (replaced.entries.size > 0) return -ENOTEMPTY;
      this.#drop(to.folder, to.name);
    }
    from.folder.entries.delete(from.name);
    to.folder.entries.set(to.name, node);
    if (isFolder) {
      from.folder.stat.nlink--;
      to.folder.stat.nlink++;
    }
    this.#touch(from.folder);
    this.#touch(to.folder);
    return 0;
  }

  #change(path: string, change: (stat: HostStat) => void): number {
    if (this.readOnly) return -EROFS;
    const node = this.#find(path);
    if (typeof node === "number") return node;
    change(node.stat);
    node.stat.ctimeMs = ++this.#nowMs;
    return 0;
  }

  chmod(path: string, mode: number): number {
    return this.#change(path, (stat) => {
      stat.mode = (stat.mode & S_IFMT) | (mode & 0o7777);
    });
  }

  chown(path: string, uid: number, gid: number): number {
    return this.#change(path, (stat) => {
      stat.uid = uid;
      stat.gid = gid;
    });
  }

  utimes(path: string, atimeMs: number, mtimeMs: number): number {
    return this.#change(path, (stat) => {
      stat.atimeMs = atimeMs;
      stat.mtimeMs = mtimeMs;
    });
  }

  usage(): HostUsage {
    return { blockSize: 4096, blocks: 1 << 20, blocksFree: 1 << 19, files: 1 << 20, filesFree: 1 << 19 };
  }
}

class MemoryFile implements HostFile {
  readonly #node: Node;
  readonly #isWritable: boolean;
  readonly #tick: () => number;

  constructor(node: Node, isWritable: boolean, tick: () => number) {
    this.#node = node;
    this.#isWritable = isWritable;
    this.#tick = tick;
  }

  read(position: number, bytes: Uint8Array, at: number, length: number): number {
    const part = this.#node.bytes.subarray(
      position,
      Math.max(position, Math.min(position + length, this.#node.stat.size)),
    );
    bytes.set(part, at);
    return part.length;
  }

  write(position: number, bytes: Uint8Array, at: number, length: number, isAppend = false): number {
    if (!this.#isWritable) return -EPERM;
    if (isAppend) position = this.#node.stat.size;
    if (position + length > this.#node.stat.size) this.#resize(position + length);
    this.#node.bytes.set(bytes.subarray(at, at + length), position);
    this.#node.stat.mtimeMs = this.#node.stat.ctimeMs = this.#tick();
    return length;
  }

  #resize(size: number): void {
    const bytes = new Uint8Array(size);
    bytes.set(this.#node.bytes.subarray(0, size));
    this.#node.bytes = bytes;
    this.#node.stat.size = size;
    this.#node.stat.blocks = Math.ceil(size / 512);
  }

  truncate(size: number): number {
    if (!this.#isWritable) return -EINVAL;
    this.#resize(size);
    this.#node.stat.mtimeMs = this.#node.stat.ctimeMs = this.#tick();
    return 0;
  }

  sync(): number {
    return 0;
  }

  stat(): HostStat {
    return { ...this.#node.stat };
  }

  close(): void {}
}
