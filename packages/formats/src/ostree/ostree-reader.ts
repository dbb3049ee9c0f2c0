/**
 * Reads commits of an OSTree repository, of whatever mode, as trees. Every object proves to be what its name says
 * before its content is used. Source: libostree src/libostree/ostree-core.h, ostree-core.c
 * (`ostree_content_stream_parse`), ostree-repo.c (`_ostree_repo_load_file_bare`).
 */
import { byteString, byteStringOf } from "@stratos/base";
import { sha256Of, type Codecs } from "../codecs.ts";
import { FormatError } from "../format-error.ts";
import { digestOf } from "../tree/archive-tree.ts";
import {
  checkFileTree,
  comparePaths,
  fileEntry,
  readBlob,
  type Blob,
  type FileEntry,
  type FileTree,
} from "../tree/file-tree.ts";
import { dictionaryEntries, parseVariant, swapU32, unswapU64, type Variant } from "./gvariant.ts";
import { archiveHeader, fileChecksum, fileHeader } from "./ostree-objects.ts";
import {
  objectPath,
  readMetadata,
  readRef,
  repositoryMode,
  USER_METADATA,
  type OstreeMode,
  type RepositoryStore,
  type StoredFile,
} from "./ostree-store.ts";

const S_IFMT = 0xf000,
  S_IFREG = 0x8000,
  S_IFLNK = 0xa000;
/** Deeper folders, or more entries, are from no distribution. */
const DEPTH_MAX = 256,
  ENTRIES_MAX = 20_000_000;
/** What is kept unpacked: files are read in pieces, one after another. */
const CONTENT_MAX = 0x7fffffff;
const PIECE_BYTES = 1 << 20;
/** PATH_MAX of Linux */
const TARGET_MAX = 4096;

export interface OstreeCommit {
  readonly checksum: string;
  readonly parent: string | null;
  readonly subject: string;
  readonly body: string;
  /** seconds since 1970 */
  readonly timestamp: number;
  /** texts of its metadata, such as `version` and `ostree.linux` */
  readonly metadata: ReadonlyMap<string, string>;
  readonly tree: string;
  readonly meta: string;
}

/** What a commit is made of, beside itself. */
interface OstreeContents {
  readonly dirtrees: ReadonlySet<string>;
  readonly dirmetas: ReadonlySet<string>;
  /** one of the paths of each file, by checksum */
  readonly files: ReadonlyMap<string, string>;
  /** checksum of each file, by path */
  readonly paths: ReadonlyMap<string, string>;
}
interface Contents {
  readonly dirtrees: Set<string>;
  readonly dirmetas: Set<string>;
  readonly files: Map<string, string>;
  readonly paths: Map<string, string>;
}

type Store = Pick<RepositoryStore, "read" | "inspect">;

export class OstreeReader {
  readonly mode: OstreeMode;
  readonly #store: Store;
  readonly #codecs: Codecs;
  /** checksums of plain files that are what their names say */
  readonly #proved = new Set<string>();
  #buffer: Uint8Array | undefined;
  /** the file that was unpacked last: it is read piece by piece */
  #unpacked: { checksum: string; bytes: Uint8Array } | undefined;

  /** @throws FormatError when there is no repository, or one of another mode */
  constructor(store: Store, codecs: Codecs) {
    this.#store = store;
    this.#codecs = codecs;
    const config = store.read("config");
    if (config === undefined) throw new FormatError("no OSTree repository");
    this.mode = repositoryMode(byteString(config));
  }

  /** @param name  a reference, or a checksum. @throws FormatError */
  commit(name: string): OstreeCommit {
    const checksum = /^[0-9a-f]{64}$/.test(name) ? name : readRef(this.#store, name);
    if (checksum === null) throw new FormatError(`${name}: no such reference`);
    return parseCommit(checksum, readMetadata(this.#store, this.#codecs, checksum, "commit"));
  }

  /** The files of a commit; their time is the commit's, as OSTree keeps none. @throws FormatError */
  tree(commit: OstreeCommit): FileTree {
    const entries: FileEntry[] = [];
    this.#folder("", commit.tree, commit.meta, commit.timestamp, 0, entries);
    entries.sort((left, right) => comparePaths(left.path, right.path));
    const tree: FileTree = { entries: () => entries };
    const problem = checkFileTree(tree);
    if (problem !== undefined) throw new FormatError(`the commit ${commit.checksum} is damaged: ${problem}`);
    return tree;
  }

  /** Checksums of all that a commit is made of. @throws FormatError */
  contents(commit: OstreeCommit): OstreeContents {
    const contents = {
      dirtrees: new Set<string>(),
      dirmetas: new Set<string>(),
      files: new Map<string, string>(),
      paths: new Map<string, string>(),
    };
    this.#folder("", commit.tree, commit.meta, commit.timestamp, 0, [], contents);
    return contents;
  }

  /** A file or link by its checksum. @throws FormatError */
  file(checksum: string): FileEntry {
    return this.#file("", checksum, 0);
  }

  /** The bytes of an object that is no file. @throws FormatError when it is missing, or has been changed */
  metadata(checksum: string, kind: "commit" | "dirtree" | "dirmeta"): Uint8Array {
    return readMetadata(this.#store, this.#codecs, checksum, kind);
  }

  #folder(
    path: string,
    tree: string,
    meta: string,
    mtime: number,
    depth: number,
    entries: FileEntry[],
    contents?: Contents,
  ): void {
    if (depth > DEPTH_MAX || entries.length > ENTRIES_MAX)
      throw new FormatError(`${path}: folders within folders without an end`);
    const [uid, gid, mode, xattrs] = parseVariant(
      "(uuua(ayay))",
      readMetadata(this.#store, this.#codecs, meta, "dirmeta"),
    ) as readonly [number, number, number, Variant];
    entries.push(
      fileEntry(path, "directory", {
        uid: swapU32(uid),
        gid: swapU32(gid),
        mode: swapU32(mode) & 0o7777,
        mtime,
        xattrs: xattrsFrom(xattrs),
      }),
    );
    const [files, folders] = parseVariant(
      "(a(say)a(sayay))",
      readMetadata(this.#store, this.#codecs, tree, "dirtree"),
    ) as readonly [readonly (readonly [string, Uint8Array])[], readonly (readonly [string, Uint8Array, Uint8Array])[]];
    const at = (name: string): string => {
      if (name === "" || name === "." || name === ".." || /[/\0]/.test(name))
        throw new FormatError(`the dirtree ${tree} holds a name that no file can have`);
      return path === "" ? name : `${path}/${name}`;
    };
    contents?.dirtrees.add(tree);
    contents?.dirmetas.add(meta);
    for (const [name, checksum] of files) {
      const own = at(name),
        hex = hexOf(checksum);
      if (contents === undefined) entries.push(this.#file(own, hex, mtime));
      else {
        contents.files.set(hex, own);
        contents.paths.set(own, hex);
      }
    }
    for (const [name, inner, innerMeta] of folders)
      this.#folder(at(name), hexOf(inner), hexOf(innerMeta), mtime, depth + 1, entries, contents);
  }

  #file(path: string, checksum: string, mtime: number): FileEntry {
    if (this.mode !== "archive") return this.#plainFile(path, checksum, mtime);
    const { entry, size } = this.#header(checksum);
    const own = { ...entry, path, mtime };
    if (own.kind === "symlink") {
      if (sha256Of(this.#codecs, fileHeader(own)) !== checksum)
        throw new FormatError(`${path}: the file ${checksum} has been changed`);
      return own;
    }
    let digest: string | undefined;
    const codecs = this.#codecs,
      read = (offset: number, into: Uint8Array): number => {
        const bytes = this.#content(checksum, path),
          count = Math.max(0, Math.min(into.length, bytes.length - offset));
        into.set(bytes.subarray(offset, offset + count));
        return count;
      };
    // Nobody reads of an empty file, and what it is like would go unproved.
    if (size === 0) this.#content(checksum, path);
    const content: Blob = {
      sizeBytes: size,
      read,
      get digest() {
        return (digest ??= digestOf(content, codecs));
      },
    };
    return { ...own, content };
  }

  /**
   * A file of a repository whose files are files. What it is like, and its content, is proved when it is first read.
   */
  #plainFile(path: string, checksum: string, mtime: number): FileEntry {
    const stored = this.#store.inspect(objectPath(checksum, "file"));
    if (stored === undefined) throw new FormatError(`the file ${checksum} is missing`);
    const entry = { ...plainEntry(stored, this.mode, checksum), path, mtime };
    const prove = (): void => {
      if (this.#proved.has(checksum)) return;
      if (
        fileChecksum(
          { ...entry, content: stored.content === null || entry.kind === "symlink" ? null : stored.content },
          this.#codecs,
          (this.#buffer ??= new Uint8Array(PIECE_BYTES)),
        ) !== checksum
      )
        throw new FormatError(`${path}: the file ${checksum} has been changed`);
      this.#proved.add(checksum);
    };
    if (entry.kind === "symlink" || stored.content!.sizeBytes === 0) prove();
    if (entry.kind === "symlink") return entry;
    const blob = stored.content!,
      content: Blob = {
        sizeBytes: blob.sizeBytes,
        read(offset, into) {
          prove();
          return blob.read(offset, into);
        },
        get digest() {
          prove();
          return blob.digest;
        },
      };
    return { ...entry, content };
  }

  /** What a packed file is like, as it says itself. */
  #header(checksum: string): { entry: FileEntry; size: number; packed: Uint8Array } {
    const bytes = this.#store.read(objectPath(checksum, "filez"));
    if (bytes === undefined) throw new FormatError(`the file ${checksum} is missing`);
    const changed = (): FormatError => new FormatError(`the file ${checksum} has been changed`);
    if (bytes.length < 8) throw changed();
    const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
    if (8 + length > bytes.length) throw changed();
    const [size, uid, gid, mode, , target, xattrs] = parseVariant(
      "(tuuuusa(ayay))",
      bytes.subarray(8, 8 + length),
    ) as readonly [Variant, number, number, number, number, string, Variant];
    const sizeBytes = unswapU64(size),
      type = swapU32(mode) & S_IFMT;
    if (sizeBytes > CONTENT_MAX)
      throw new FormatError(`the file ${checksum} has ${sizeBytes} bytes, more than are unpacked here`);
    if (type !== S_IFREG && type !== S_IFLNK) throw changed();
    const fields = { uid: swapU32(uid), gid: swapU32(gid), mode: swapU32(mode) & 0o7777, xattrs: xattrsFrom(xattrs) };
    const entry = fileEntry("", type === S_IFLNK ? "symlink" : "file", {
      ...fields,
      ...(type === S_IFLNK ? { target } : {}),
    });
    // What is not used of it (a device's number, padding) is what writers make of it, too.
    const usual = archiveHeader({
      ...entry,
      content: type === S_IFLNK ? null : { sizeBytes, digest: "", read: () => 0 },
    });
    if (usual.length !== 8 + length || !usual.every((byte, index) => byte === bytes[index])) throw changed();
    return { entry, size: sizeBytes, packed: bytes.subarray(8 + length) };
  }

  #content(checksum: string, path: string): Uint8Array {
    if (this.#unpacked?.checksum === checksum) return this.#unpacked.bytes;
    const { entry, size, packed } = this.#header(checksum);
    const bytes = this.#codecs.inflate(packed, size);
    const digest = this.#codecs.sha256();
    digest.update(fileHeader({ ...entry, path }));
    digest.update(bytes ?? new Uint8Array(0));
    if (bytes?.length !== size || digest.hex() !== checksum)
      throw new FormatError(`${path}: the file ${checksum} has been changed`);
    this.#unpacked = { checksum, bytes };
    return bytes;
  }
}

/** What a file object of a repository with plain files stands for. @throws FormatError */
function plainEntry(
  { kind, mode, uid, gid, target, content, xattrs }: StoredFile,
  repository: OstreeMode,
  checksum: string,
): FileEntry {
  if (repository === "bare")
    return fileEntry("", kind, kind === "symlink" ? { uid, gid, target, xattrs } : { uid, gid, mode, xattrs });
  if (repository === "bare-user-only")
    return fileEntry("", kind, kind === "symlink" ? { target } : { mode: mode & 0o777 });
  const metadata = xattrs.get(USER_METADATA);
  if (metadata === undefined || kind === "symlink")
    throw new FormatError(
      `the file ${checksum} has lost its attribute ${USER_METADATA}, or it cannot be read here (on Debian: ` +
        "apt-get install attr)",
    );
  const [owner, group, bits, own] = parseVariant("(uuua(ayay))", byteStringOf(metadata)) as readonly [
    number,
    number,
    number,
    Variant,
  ];
  const type = swapU32(bits) & S_IFMT,
    fields = { uid: swapU32(owner), gid: swapU32(group), xattrs: xattrsFrom(own) };
  if (type === S_IFREG) return fileEntry("", "file", { ...fields, mode: swapU32(bits) & 0o7777 });
  if (type !== S_IFLNK || content!.sizeBytes > TARGET_MAX)
    throw new FormatError(`the file ${checksum} has been changed`);
  return fileEntry("", "symlink", { ...fields, target: byteString(readBlob(content!)).replace(/\0$/, "") });
}

export function parseCommit(checksum: string, bytes: Uint8Array): OstreeCommit {
  const [, parent, , subject, body, time, tree, meta] = parseVariant("(a{sv}aya(say)sstayay)", bytes) as readonly [
    Variant,
    Uint8Array,
    Variant,
    string,
    string,
    Variant,
    Uint8Array,
    Uint8Array,
  ];
  const metadata = new Map<string, string>();
  for (const { key, type, serialized } of commitMetadata(bytes))
    if (type === "s") metadata.set(key, parseVariant("s", serialized) as string);
  return {
    checksum,
    parent: parent.length === 0 ? null : hexOf(parent),
    subject,
    body,
    timestamp: unswapU64(time),
    metadata,
    tree: hexOf(tree),
    meta: hexOf(meta),
  };
}

/** A commit begins with its metadata, whose end is the last of the tuple's offsets. */
function commitMetadata(bytes: Uint8Array): { key: string; type: string; serialized: Uint8Array }[] {
  const width = bytes.length < 0x100 ? 1 : bytes.length < 0x10000 ? 2 : bytes.length < 2 ** 32 ? 4 : 8;
  let end = 0;
  for (let at = bytes.length - 1; at >= bytes.length - width; at--) end = end * 256 + bytes[at]!;
  return dictionaryEntries(bytes.subarray(0, end));
}

export function xattrsFrom(value: Variant): ReadonlyMap<string, string> {
  return new Map(
    (value as readonly (readonly [Uint8Array, Uint8Array])[]).map(([name, content]) => {
      if (name.indexOf(0) !== name.length - 1 || name.length < 2)
        throw new FormatError("an object of the repository has an attribute without a name");
      return [byteString(name, 0, name.length - 1), byteString(content)];
    }),
  );
}

export function hexOf(bytes: Uint8Array): string {
  if (bytes.length !== 32)
    throw new FormatError("an object of the repository names another by something that is no checksum");
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
