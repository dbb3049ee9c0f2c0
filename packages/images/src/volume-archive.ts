/** An image as a tar archive, and back. Names are sorted, so that one image gives one archive. */
import { Attributes, ROOT_INO, type Subvolume } from "@stratos/aegisfs";
import { ERRNO_NAMES, S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG, S_IFSOCK } from "@stratos/abi";
import { tarEnd, tarEntry, tarHeader, tarPadding, TarReader, TarType, type TarEntry } from "@stratos/formats";
import type { RootMeta } from "@stratos/pkg";
import { byteStringToUtf8, printable } from "@stratos/base";
import { OperationError } from "@stratos/operation";
import { entriesOf, xattrsOf } from "./volume-walk.ts";
import { decodeDevice, type VolumeWriter } from "./volume-writer.ts";
import { exactSize } from "./exact-size.ts";

const PIECE_BYTES = 1 << 20;
const TYPES: Readonly<Record<number, TarType>> = {
  [S_IFREG]: TarType.file,
  [S_IFDIR]: TarType.directory,
  [S_IFLNK]: TarType.symbolicLink,
  [S_IFCHR]: TarType.characterDevice,
  [S_IFBLK]: TarType.blockDevice,
  [S_IFIFO]: TarType.fifo,
};

/** The archive's bytes in pieces; a piece is valid until the next one is asked for. */
export function* archiveVolume(files: Subvolume): Generator<Uint8Array> {
  const attributes = new Attributes();
  const buffer = new Uint8Array(PIECE_BYTES);
  const firstNames = new Map<number, string>();
  const stack: { path: string; ino: number }[] = [{ path: ".", ino: ROOT_INO }];
  for (let place = stack.pop(); place !== undefined; place = stack.pop()) {
    const { path, ino } = place;
    expect(path, files.stat(ino, attributes));
    const type = TYPES[attributes.mode & S_IFMT];
    // A socket is a name for a process that no longer runs; tar has no form for it.
    if (type === undefined) {
      if ((attributes.mode & S_IFMT) !== S_IFSOCK)
        throw new OperationError("image", path, `has an unknown type (mode ${attributes.mode.toString(8)})`);
      continue;
    }
    const size = exactSize(path, attributes.size);
    const fields: Partial<TarEntry> = {
      mode: attributes.mode & 0o7777,
      uid: attributes.uid,
      gid: attributes.gid,
      mtime: attributes.mtimeSeconds + attributes.mtimeNanoseconds / 1e9,
      xattrs: known(path, xattrsOf(files, ino)),
    };
    const first = firstNames.get(ino);
    if (first !== undefined) {
      yield tarHeader(tarEntry(path, TarType.hardLink, { ...fields, linkPath: first }));
      continue;
    }
    if (type !== TarType.directory && attributes.nlink > 1) firstNames.set(ino, path);
    if (type === TarType.file) {
      yield tarHeader(tarEntry(path, type, { ...fields, size }));
      for (let offset = 0; offset < size;) {
        const count = expect(path, files.read(ino, offset, buffer, 0, Math.min(PIECE_BYTES, size - offset)));
        if (count === 0) throw new OperationError("image", path, "is shorter than its size says");
        yield buffer.subarray(0, count);
        offset += count;
      }
      yield new Uint8Array(tarPadding(size));
    } else if (type === TarType.symbolicLink) {
      yield tarHeader(tarEntry(path, type, { ...fields, linkPath: known(path, files.readlink(ino)) }));
    } else {
      const { major, minor } = decodeDevice(attributes.rdev);
      yield tarHeader(tarEntry(path, type, { ...fields, deviceMajor: major, deviceMinor: minor }));
    }
    if (type === TarType.directory) stack.push(...childrenOf(files, path, ino).reverse());
  }
  yield tarEnd();
}

function childrenOf(files: Subvolume, path: string, ino: number): { path: string; ino: number }[] {
  const children = known(path, entriesOf(files, ino)).map((entry) => ({
    path: `${path}/${entry.name}`,
    ino: entry.ino,
  }));
  return children.sort((a, b) => (a.path < b.path ? -1 : 1));
}

function expect(path: string, result: number): number {
  return result < 0 ? fail(path, result) : result;
}

/** What the volume said, unless it was an errno. */
function known<T>(path: string, result: T | number): T {
  return typeof result === "number" ? fail(path, result) : result;
}

function fail(path: string, errno: number): never {
  throw new OperationError("image", path, `the image cannot be read: ${ERRNO_NAMES[-errno] ?? String(-errno)}`);
}

/**
 * Takes an archive in pieces and writes what it holds. Folders that it does not name are made; a path that leaves the
 * root is refused.
 */
export class ArchiveExtractor {
  readonly #writer: VolumeWriter;
  readonly #reader: TarReader;
  #file: { ino: number; path: string; meta: RootMeta; offset: number } | null = null;
  #entries = 0;
  /** what is no folder, with what it is */
  readonly #others = new Map<string, string>();

  constructor(writer: VolumeWriter) {
    this.#writer = writer;
    this.#reader = new TarReader({
      entry: (entry) => this.#begin(entry),
      data: (bytes) => this.#data(bytes),
      end: () => this.#end(),
    });
  }

  push(bytes: Uint8Array): void {
    const error = this.#reader.push(bytes);
    if (error !== undefined)
      throw new OperationError("image", "archive", `not a tar archive that can be read (${error})`);
  }

  /** @returns how many entries it had */
  finish(): number {
    const error = this.#reader.finish();
    if (error !== undefined) throw new OperationError("image", "archive", `not a complete tar archive (${error})`);
    if (this.#entries === 0) throw new OperationError("image", "archive", "is empty");
    this.#writer.finish();
    return this.#entries;
  }

  #begin(entry: TarEntry): void {
    this.#entries++;
    const path = normalize(entry.path);
    const meta: RootMeta = {
      uid: entry.uid,
      gid: entry.gid,
      mode: entry.mode,
      mtime: entry.mtime,
      xattrs: entry.xattrs,
    };
    this.#ensureParents(path);
    const other = this.#others.get(path);
    if (other !== undefined)
      throw new OperationError(
        "image",
        printable(byteStringToUtf8(path)),
        `the archive holds it twice, the first time as ${other}`,
      );
    if (entry.type !== TarType.directory)
      this.#others.set(
        path,
        entry.type === TarType.symbolicLink ? `a link to ${printable(byteStringToUtf8(entry.linkPath))}` : "a file",
      );
    switch (entry.type) {
      case TarType.file:
        this.#file = { ino: this.#writer.beginFile(path, meta), path, meta, offset: 0 };
        break;
      case TarType.directory:
        // A folder that an earlier entry implied gets its own attributes now.
        if (path !== "" && this.#writer.hasDirectory(path)) this.#writer.updateDirectory(path, meta);
        else this.#writer.directory(path, meta);
        break;
      case TarType.symbolicLink:
        this.#writer.symlink(path, meta, entry.linkPath);
        break;
      case TarType.hardLink:
        this.#writer.hardLink(path, normalize(entry.linkPath));
        break;
      case TarType.fifo:
        this.#writer.fifo(path, meta);
        break;
      case TarType.characterDevice:
        this.#writer.device(path, meta, { kind: "character", major: entry.deviceMajor, minor: entry.deviceMinor });
        break;
      case TarType.blockDevice:
        this.#writer.device(path, meta, { kind: "block", major: entry.deviceMajor, minor: entry.deviceMinor });
        break;
    }
  }

  #data(bytes: Uint8Array): void {
    const file = this.#file!;
    this.#writer.append(file.ino, file.path, file.offset, bytes);
    file.offset += bytes.length;
  }

  #end(): void {
    if (this.#file !== null) this.#writer.finishFile(this.#file.ino, this.#file.path, this.#file.meta);
    this.#file = null;
  }

  #ensureParents(path: string): void {
    for (let slash = path.indexOf("/"); slash !== -1; slash = path.indexOf("/", slash + 1)) {
      const parent = path.slice(0, slash),
        other = this.#others.get(parent);
      if (other !== undefined)
        throw new OperationError(
          "image",
          printable(byteStringToUtf8(path)),
          `the archive places it below ${parent}, which is ${other} in it: nothing is written through what is no ` +
            "folder",
        );
      if (!this.#writer.hasDirectory(parent)) this.#writer.directory(parent, { uid: 0, gid: 0, mode: 0o755, mtime: 0 });
    }
  }
}

/** `./usr//bin/` → `usr/bin`. */
function normalize(path: string): string {
  const names = path.split("/").filter((name) => name !== "" && name !== ".");
  if (names.includes("..")) throw new OperationError("image", path, "the archive holds a path with '..'");
  return names.join("/");
}
