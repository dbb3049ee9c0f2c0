/**
 * A root filesystem as plain entries in a fixed order: what a composed image is before it is written in some format.
 * Every output (tar, OCI layer, OSTree commit, ext4, squashfs, ISO, cpio, AegisFS) is a view of it, so the same tree
 * gives the same bytes everywhere.
 *
 * Rules that hold for each tree ({@link checkFileTree} proves them):
 *
 * - Paths are byte strings relative to the root, with `/` between names and none at the ends; "" is the root, and comes
 *   first.
 * - Entries are sorted by {@link comparePaths}: a folder stands before what is in it, and its content follows without a
 *   gap.
 * - Each entry's parent is there and is a directory; no path comes twice; no name is empty, `.`, `..` or holds NUL.
 * - A hard link names, in `target`, the path of a file (not itself a link) that came before; its attributes are those
 *   of that file.
 */

export const FileKind = {
  directory: "directory",
  file: "file",
  symlink: "symlink",
  hardLink: "hardLink",
  character: "character",
  block: "block",
  fifo: "fifo",
} as const;
export type FileKind = (typeof FileKind)[keyof typeof FileKind];

/** Content of a file, wherever it is kept. It does not change. */
export interface Blob {
  readonly sizeBytes: number;
  /** SHA-256 of the content in hexadecimal; may be worked out when it is first asked for */
  readonly digest: string;
  /**
   * Copies content from `offset` on into `into`.
   *
   * @returns bytes copied: `into.length`, less only at the content's end
   */
  read(offset: number, into: Uint8Array): number;
}

export interface FileEntry {
  readonly path: string;
  readonly kind: FileKind;
  /** permission bits, 0 … 0o7777 */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** seconds since 1970; may have a fraction */
  readonly mtime: number;
  /** extended attributes by full name (`security.capability`); values are byte strings */
  readonly xattrs: ReadonlyMap<string, string>;
  /** content of a file; null for all other kinds */
  readonly content: Blob | null;
  /** where a symbolic link leads; the path of the file that a hard link is another name of; else "" */
  readonly target: string;
  /** of character and block devices; else 0 */
  readonly deviceMajor: number;
  readonly deviceMinor: number;
}

export interface FileTree {
  /** All entries in order; may be asked for several times. */
  entries(): Iterable<FileEntry>;
}

export const NO_FILE_XATTRS: ReadonlyMap<string, string> = new Map();

/** An entry with the usual attributes (root's, mtime 0), to be completed by the caller. */
export function fileEntry(path: string, kind: FileKind, fields: Partial<FileEntry> = {}): FileEntry {
  return {
    path,
    kind,
    mode: kind === "directory" ? 0o755 : kind === "symlink" ? 0o777 : 0o644,
    uid: 0,
    gid: 0,
    mtime: 0,
    xattrs: NO_FILE_XATTRS,
    content: null,
    target: "",
    deviceMajor: 0,
    deviceMinor: 0,
    ...fields,
  };
}

/** Order of entries: by names from the root on, so that `/` counts less than any other byte (`a` < `a/b` < `a-b`). */
export function comparePaths(left: string, right: string): number {
  const length = Math.min(left.length, right.length);
  for (let at = 0; at < length; at++) {
    const a = left.charCodeAt(at),
      b = right.charCodeAt(at);
    if (a === b) continue;
    return (a === SLASH ? -1 : a) - (b === SLASH ? -1 : b);
  }
  return left.length - right.length;
}

const SLASH = 0x2f;

/** Content that is in memory. @param digest  SHA-256 of `bytes`, given or worked out when asked for */
export class MemoryBlob implements Blob {
  readonly bytes: Uint8Array;
  #digest: string | ((bytes: Uint8Array) => string);

  constructor(bytes: Uint8Array, digest: string | ((bytes: Uint8Array) => string)) {
    this.bytes = bytes;
    this.#digest = digest;
  }

  get sizeBytes(): number {
    return this.bytes.length;
  }

  get digest(): string {
    if (typeof this.#digest !== "string") this.#digest = this.#digest(this.bytes);
    return this.#digest;
  }

  read(offset: number, into: Uint8Array): number {
    const count = Math.max(0, Math.min(into.length, this.bytes.length - offset));
    into.set(this.bytes.subarray(offset, offset + count));
    return count;
  }
}

/** A tree of entries that are at hand, in whatever order. */
export function fileTreeOf(entries: Iterable<FileEntry>): FileTree {
  const sorted = [...entries].sort((left, right) => comparePaths(left.path, right.path));
  return { entries: () => sorted };
}

/** All of a file's content at once; for small files. */
export function readBlob(blob: Blob): Uint8Array {
  const bytes = new Uint8Array(blob.sizeBytes);
  for (let done = 0; done < bytes.length;) {
    const count = blob.read(done, bytes.subarray(done));
    if (count <= 0) throw new RangeError("a blob is shorter than its size says");
    done += count;
  }
  return bytes;
}

/** The first rule that a tree breaks, in words, or undefined. For what comes from outside of the composer. */
export function checkFileTree(tree: FileTree): string | undefined {
  const kinds = new Map<string, FileKind>();
  let previous: string | undefined;
  for (const entry of tree.entries()) {
    const { path, kind } = entry;
    if (previous === undefined ? path !== "" : comparePaths(previous, path) >= 0) return `${path || "/"}: not in order`;
    previous = path;
    if (path === "") {
      if (kind !== "directory") return "the root is no directory";
    } else {
      if (path.split("/").some((name) => name === "" || name === "." || name === ".." || name.includes("\0")))
        return `${path}: not a path within the root`;
      if (kinds.get(path.slice(0, Math.max(path.lastIndexOf("/"), 0))) !== "directory")
        return `${path}: its folder is missing or no directory`;
    }
    if ((kind === "file") !== (entry.content !== null)) return `${path}: content belongs to files alone`;
    if (kind === "hardLink" && (kinds.get(entry.target) ?? "directory") === "directory")
      return `${path}: a hard link to ${entry.target}, which is no file before it`;
    if (kind === "hardLink" && kinds.get(entry.target) === "hardLink") return `${path}: a hard link to another link`;
    if (kind === "symlink" && entry.target === "") return `${path}: a symbolic link that leads nowhere`;
    kinds.set(path, kind);
  }
  return previous === undefined ? "the tree has no root" : undefined;
}
