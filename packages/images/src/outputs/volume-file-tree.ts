/** The files of a volume as a tree for outputs: content stays in the volume and is read when it is asked for. */
import { ERRNO_NAMES, S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG } from "@stratos/abi";
import { Attributes, ROOT_INO, type Subvolume } from "@stratos/aegisfs";
import { byteString } from "@stratos/base";
import {
  comparePaths,
  digestOf,
  fileEntry,
  FormatError,
  type Blob,
  type Codecs,
  type FileEntry,
  type FileKind,
  type FileTree,
} from "@stratos/formats";
import { decodeDevice } from "../volume-writer.ts";
import { entriesOf } from "../volume-walk.ts";
import { exactSize } from "../exact-size.ts";

const KINDS: Readonly<Record<number, FileKind>> = {
  [S_IFREG]: "file",
  [S_IFDIR]: "directory",
  [S_IFLNK]: "symlink",
  [S_IFCHR]: "character",
  [S_IFBLK]: "block",
  [S_IFIFO]: "fifo",
};

/** @throws FormatError when the volume cannot be read. Sockets are left out: no output has a form for them. */
export function volumeFileTree(files: Subvolume, codecs: Pick<Codecs, "sha256">): FileTree {
  const found: FileEntry[] = [];
  const firstNames = new Map<number, string>();
  const attributes = new Attributes();
  const visit = (path: string, ino: number): void => {
    check(path, files.stat(ino, attributes));
    const { mode, uid, gid, size, nlink, rdev, mtimeSeconds, mtimeNanoseconds } = attributes;
    const kind = KINDS[mode & S_IFMT];
    if (kind === undefined) return;
    const common = {
      mode: mode & 0o7777,
      uid,
      gid,
      mtime: mtimeSeconds + mtimeNanoseconds / 1e9,
      xattrs: xattrsOf(files, path, ino),
    };
    const first = firstNames.get(ino);
    if (first !== undefined) return void found.push(fileEntry(path, "hardLink", { ...common, target: first }));
    if (kind !== "directory" && nlink > 1) firstNames.set(ino, path);
    const target = kind === "symlink" ? files.readlink(ino) : "";
    if (typeof target === "number") return void check(path, target);
    const { major, minor } = kind === "character" || kind === "block" ? decodeDevice(rdev) : { major: 0, minor: 0 };
    found.push(
      fileEntry(path, kind, {
        ...common,
        target,
        deviceMajor: major,
        deviceMinor: minor,
        content: kind === "file" ? new VolumeBlob(files, path, ino, exactSize(path, size), codecs) : null,
      }),
    );
    if (kind !== "directory") return;
    for (const child of childrenOf(files, path, ino))
      visit(path === "" ? child.name : `${path}/${child.name}`, child.ino);
  };
  visit("", ROOT_INO);
  found.sort((a, b) => comparePaths(a.path, b.path));
  return { entries: () => found };
}

class VolumeBlob implements Blob {
  readonly sizeBytes: number;
  readonly #files: Subvolume;
  readonly #path: string;
  readonly #ino: number;
  readonly #codecs: Pick<Codecs, "sha256">;
  #digest: string | undefined;

  constructor(files: Subvolume, path: string, ino: number, size: number, codecs: Pick<Codecs, "sha256">) {
    this.#files = files;
    this.#path = path;
    this.#ino = ino;
    this.sizeBytes = size;
    this.#codecs = codecs;
  }

  get digest(): string {
    return (this.#digest ??= digestOf(this, this.#codecs));
  }

  read(offset: number, into: Uint8Array): number {
    const wanted = Math.max(0, Math.min(into.length, this.sizeBytes - offset));
    for (let done = 0; done < wanted;) {
      const count = check(this.#path, this.#files.read(this.#ino, offset + done, into, done, wanted - done));
      if (count === 0) return done;
      done += count;
    }
    return wanted;
  }
}

function childrenOf(files: Subvolume, path: string, ino: number): { name: string; ino: number }[] {
  const children = entriesOf(files, ino);
  if (typeof children === "number") return fail(path, children);
  // Hard links are named after the first of their names in the tree's order.
  return children.sort((a, b) => comparePaths(a.name, b.name));
}

function xattrsOf(files: Subvolume, path: string, ino: number): ReadonlyMap<string, string> {
  const names = files.listXattrs(ino);
  if (typeof names === "number") throw new FormatError(`/${path}: its attributes cannot be read`);
  return new Map(
    names.map((name) => {
      const value = files.getXattr(ino, name);
      if (typeof value === "number") throw new FormatError(`/${path}: its attribute ${name} cannot be read`);
      return [name, byteString(value)];
    }),
  );
}

function check(path: string, result: number): number {
  if (result < 0) fail(path, result);
  return result;
}

function fail(path: string, errno: number): never {
  throw new FormatError(`/${path}: the image cannot be read: ${ERRNO_NAMES[-errno] ?? String(-errno)}`);
}
