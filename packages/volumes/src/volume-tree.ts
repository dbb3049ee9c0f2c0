/**
 * The files of a subvolume by path. Symbolic links on the way are followed inside the volume, as if its root were "/".
 */
import {
  EEXIST,
  EISDIR,
  ELOOP,
  ENODATA,
  ENOENT,
  ENOTDIR,
  ENOTEMPTY,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
} from "@stratos/abi";
import {
  addOffsets,
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
import { OperationError } from "@stratos/operation";
import { toText, type FileFacts, type FileKind, type FileReader, type FileTree, type FileWriter } from "./file-tree.ts";
import { EngineError, errnoWords } from "./volume-error.ts";

const KINDS: Readonly<Record<number, FileKind>> = {
  [S_IFREG]: "file",
  [S_IFDIR]: "directory",
  [S_IFLNK]: "symlink",
  [S_IFIFO]: "fifo",
  [S_IFSOCK]: "socket",
  [S_IFCHR]: "character",
  [S_IFBLK]: "block",
};
const TYPES = new Map(Object.entries(KINDS).map(([type, kind]) => [kind, Number(type)]));
const LINKS_MAX = 40;

/** A name in a folder that exists; the name itself may be new. */
interface Seat {
  readonly directory: number;
  readonly name: string;
}

export class VolumeTree implements FileTree {
  readonly keepsChannels = false;
  readonly files: Subvolume;
  readonly #name: string;
  readonly #owner: { readonly uid: number; readonly gid: number };
  readonly #attributes = new Attributes();

  /** @param name  of the volume, for messages */
  constructor(
    files: Subvolume,
    name: string,
    owner: { readonly uid: number; readonly gid: number } = {
      uid: process.getuid?.() ?? 0,
      gid: process.getgid?.() ?? 0,
    },
  ) {
    this.files = files;
    this.#name = name;
    this.#owner = owner;
  }

  shown(path: string): string {
    return `${this.#name}:${toText(path)}`;
  }

  /** Inode at the path, or a negated errno. */
  lookup(path: string, follow = true): number {
    const seat = this.#walk(path, follow);
    if (typeof seat === "number") return seat;
    return seat.name === "" ? seat.directory : this.files.lookup(seat.directory, seat.name);
  }

  /** The inode; throws when there is none. */
  find(path: string, follow = true): number {
    return this.expect(path, this.lookup(path, follow));
  }

  /** The folder and name of something that is to be made or removed. */
  seat(path: string): Seat {
    const seat = this.#walk(path, false);
    if (typeof seat === "number") return this.#fail(path, seat);
    if (seat.name === "") throw new OperationError("volume", this.shown(path), "is the root, or ends in '..'");
    return seat;
  }

  expect(path: string, result: number): number {
    return result < 0 ? this.#fail(path, result) : result;
  }

  #fail(path: string, errno: number): never {
    throw new OperationError("volume", this.shown(path), errnoWords(errno), { cause: new EngineError(errno) });
  }

  /**
   * Walks to the last name of a path; with `follow` also through links that it is. An empty name stands for the folder
   * itself.
   */
  #walk(path: string, follow: boolean): Seat | number {
    const todo = path.split("/").reverse();
    let trail: number[] = [ROOT_INO];
    let links = 0;
    for (let name = todo.pop(); name !== undefined; name = todo.pop()) {
      if (name === "" || name === ".") continue;
      if (name === "..") {
        if (trail.length > 1) trail.pop();
        continue;
      }
      const directory = trail.at(-1)!;
      const isLast = todo.every((rest) => rest === "" || rest === ".");
      const ino = this.files.lookup(directory, name);
      if (ino === -ENOENT && isLast) return { directory, name };
      if (ino < 0) return ino;
      const failed = this.files.stat(ino, this.#attributes);
      if (failed < 0) return failed;
      const type = this.#attributes.mode & S_IFMT;
      if (type === S_IFLNK && (!isLast || follow)) {
        if (++links > LINKS_MAX) return -ELOOP;
        const target = this.files.readlink(ino);
        if (typeof target === "number") return target;
        if (target.startsWith("/")) trail = [ROOT_INO];
        todo.push(...target.split("/").reverse());
        continue;
      }
      if (isLast) return { directory, name };
      if (type !== S_IFDIR) return -ENOTDIR;
      trail.push(ino);
    }
    return { directory: trail.at(-1)!, name: "" };
  }

  // ---- FileTree ---------------------------------------------------------------------------------------------------

  facts(path: string, follow = false): FileFacts | null {
    const ino = this.lookup(path, follow);
    if (ino === -ENOENT || ino === -ENOTDIR) return null;
    return this.factsOf(this.expect(path, ino), path);
  }

  factsOf(ino: number, path: string): FileFacts {
    const attributes = this.#attributes;
    this.expect(path, this.files.stat(ino, attributes));
    const kind = KINDS[attributes.mode & S_IFMT];
    if (kind === undefined)
      throw new OperationError("volume", this.shown(path), `has an unknown type (mode ${attributes.mode.toString(8)})`);
    return {
      kind,
      mode: attributes.mode & 0o7777,
      uid: attributes.uid,
      gid: attributes.gid,
      rdev: attributes.rdev,
      size: attributes.size,
      nlink: attributes.nlink,
      identity: String(ino),
      isSparse: kind === "file" && attributes.blocks * 512 < attributes.size,
      atime: { seconds: attributes.atimeSeconds, nanoseconds: attributes.atimeNanoseconds },
      mtime: { seconds: attributes.mtimeSeconds, nanoseconds: attributes.mtimeNanoseconds },
    };
  }

  names(path: string): string[] {
    const ino = this.find(path);
    const names: string[] = [];
    const entry = new DirectoryEntry();
    for (
      let cursor = 0;
      this.expect(path, this.files.readDirectory(ino, cursor, entry)) === 1;
      cursor = entry.nextCursor
    )
      names.push(entry.name);
    return names.sort();
  }

  linkTarget(path: string): string {
    const target = this.files.readlink(this.find(path, false));
    return typeof target === "number" ? this.#fail(path, target) : target;
  }

  openFile(path: string): FileReader {
    const ino = this.find(path);
    const { size, kind } = this.factsOf(ino, path);
    if (kind !== "file") this.#fail(path, kind === "directory" ? -EISDIR : -ENOENT);
    return {
      read: (offset, bytes, length) => this.expect(path, this.files.read(ino, offset, bytes, 0, length)),
      nextData: (offset) => {
        const next = this.files.seekData(ino, offset);
        return next < 0 ? size : next;
      },
      close: () => {},
    };
  }

  createFile(path: string): FileWriter {
    const existing = this.lookup(path);
    let ino = existing;
    if (existing === -ENOENT) {
      const { directory, name } = this.#seatThroughLinks(path);
      ino = this.files.create(directory, name, S_IFREG | 0o644, this.#owner.uid, this.#owner.gid);
    } else if (existing > 0) {
      const { kind } = this.factsOf(existing, path);
      if (kind !== "file") throw new OperationError("volume", this.shown(path), `is a ${kind}`);
      this.expect(path, this.files.truncate(existing, 0));
    }
    this.expect(path, ino);
    return {
      write: (offset, bytes, length) => {
        for (let done = 0; done < length;) {
          const count = this.expect(path, this.files.write(ino, addOffsets(offset, done), bytes, done, length - done));
          if (count === 0) throw new OperationError("volume", this.shown(path), "no space left");
          done += count;
        }
      },
      setSize: (size) => void this.expect(path, this.files.truncate(ino, size)),
      close: () => {},
    };
  }

  /** Where a new file comes when the path may end in a link that leads nowhere yet. */
  #seatThroughLinks(path: string): Seat {
    const seat = this.#walk(path, true);
    if (typeof seat === "number") return this.#fail(path, seat);
    return seat;
  }

  makeDirectory(path: string, mode = 0o755): void {
    const { directory, name } = this.seat(path);
    this.expect(path, this.files.create(directory, name, S_IFDIR | mode, this.#owner.uid, this.#owner.gid));
  }

  makeLink(path: string, target: string): void {
    const { directory, name } = this.seat(path);
    this.expect(path, this.files.symlink(directory, name, target, this.#owner.uid, this.#owner.gid));
  }

  makeSpecial(path: string, facts: FileFacts): boolean {
    const { directory, name } = this.seat(path);
    this.expect(
      path,
      this.files.create(
        directory,
        name,
        TYPES.get(facts.kind)! | facts.mode,
        this.#owner.uid,
        this.#owner.gid,
        facts.rdev,
      ),
    );
    return true;
  }

  hardLink(path: string, existing: string): void {
    const ino = this.find(existing, false);
    const { directory, name } = this.seat(path);
    this.expect(path, this.files.link(ino, directory, name));
  }

  remove(path: string): void {
    const { directory, name } = this.seat(path);
    this.expect(path, this.files.unlink(directory, name));
  }

  removeDirectory(path: string): void {
    const { directory, name } = this.seat(path);
    this.expect(path, this.files.rmdir(directory, name));
  }

  /** As rename(2). @param flags  RENAME_NOREPLACE, RENAME_EXCHANGE */
  move(from: string, to: string, flags: number): void {
    const source = this.seat(from);
    const target = this.seat(to);
    const result = this.files.rename(source.directory, source.name, target.directory, target.name, flags);
    if (result === -EEXIST || result === -ENOTEMPTY || result === -EISDIR || result === -ENOTDIR)
      this.#fail(to, result);
    this.expect(from, result);
  }

  expectAttributes(): void {}

  attributes(path: string, follow: boolean): ReadonlyMap<string, Uint8Array> {
    const ino = this.find(path, follow);
    const names = this.files.listXattrs(ino);
    if (typeof names === "number") return this.#fail(path, names);
    return new Map(
      names.map((name) => {
        const value = this.files.getXattr(ino, name);
        return [name, typeof value === "number" ? this.#fail(path, value) : value];
      }),
    );
  }

  removeAttribute(path: string, name: string): void {
    const result = this.files.removeXattr(this.find(path, false), name);
    if (result !== -ENODATA) this.expect(path, result);
  }

  settle(): void {}

  setFacts(path: string, facts: FileFacts, attributes: ReadonlyMap<string, Uint8Array>, all: boolean): void {
    const ino = this.find(path, facts.kind !== "symlink");
    const wanted = new Attributes();
    wanted.mode = facts.mode;
    if (!all) {
      if (facts.kind !== "symlink") this.expect(path, this.files.setAttributes(ino, wanted, ATTRIBUTE_MODE));
      return;
    }
    for (const [name, value] of attributes) this.expect(path, this.files.setXattr(ino, name, value, 0));
    wanted.uid = facts.uid;
    wanted.gid = facts.gid;
    wanted.atimeSeconds = facts.atime.seconds;
    wanted.atimeNanoseconds = facts.atime.nanoseconds;
    wanted.mtimeSeconds = facts.mtime.seconds;
    wanted.mtimeNanoseconds = facts.mtime.nanoseconds;
    wanted.ctimeSeconds = this.files.volume.seconds;
    wanted.ctimeNanoseconds = this.files.volume.nanoseconds;
    this.expect(
      path,
      this.files.setAttributes(
        ino,
        wanted,
        ATTRIBUTE_MODE | ATTRIBUTE_UID | ATTRIBUTE_GID | ATTRIBUTE_ATIME | ATTRIBUTE_MTIME | ATTRIBUTE_CTIME,
      ),
    );
  }
}
