/**
 * What `cp` copies from and to: a folder tree of the host, or the files of a volume. Paths are byte strings with "/"
 * between names. Failures are OperationErrors that name the path.
 */
import type { FileOffset } from "@stratos/aegisfs";

export type FileKind = "file" | "directory" | "symlink" | "fifo" | "socket" | "character" | "block";

export interface FileFacts {
  readonly kind: FileKind;
  /** The twelve permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Linux's 32-bit encoding. */
  readonly rdev: number;
  readonly size: FileOffset;
  readonly nlink: number;
  /** The same for two paths that are one file. */
  readonly identity: string;
  /** It holds fewer bytes than its size says. */
  readonly isSparse: boolean;
  readonly atime: FileTime;
  readonly mtime: FileTime;
}

interface FileTime {
  readonly seconds: number;
  readonly nanoseconds: number;
}

export interface FileReader {
  /** Reads up to `length` bytes; 0 at the end. */
  read(offset: FileOffset, bytes: Uint8Array, length: number): number;
  /**
   * First byte at or after `offset` that is not in a hole, as far as that is known; the file's size when there is none.
   */
  nextData(offset: FileOffset): FileOffset;
  close(): void;
}

export interface FileWriter {
  write(offset: FileOffset, bytes: Uint8Array, length: number): void;
  setSize(size: FileOffset): void;
  close(): void;
}

export interface FileTree {
  /** What its devices and FIFOs lead to is used by others: no file takes their place. */
  readonly keepsChannels: boolean;
  /** The path as messages and people write it. */
  shown(path: string): string;
  /** Null when nothing is there. Links are not followed, unless asked. */
  facts(path: string, follow?: boolean): FileFacts | null;
  /** Names in a folder, sorted. */
  names(path: string): string[];
  linkTarget(path: string): string;
  openFile(path: string): FileReader;
  /** Makes a file that is not there, or empties one that is. */
  createFile(path: string): FileWriter;
  makeDirectory(path: string): void;
  makeLink(path: string, target: string): void;
  /** @returns whether it is there now: some places have none of its kind */
  makeSpecial(path: string, facts: FileFacts): boolean;
  hardLink(path: string, existing: string): void;
  /** Removes what is no folder. */
  remove(path: string): void;
  /** Attributes of what lies at or below the path will be asked for: a host reads them all at once. */
  expectAttributes(path: string, follow: boolean): void;
  attributes(path: string, follow: boolean): ReadonlyMap<string, Uint8Array>;
  /**
   * `all`: owner, times and extended attributes too, else permissions alone. What the place cannot keep is left out
   * and told. Extended attributes may be there only when `settle` has returned.
   */
  setFacts(path: string, facts: FileFacts, attributes: ReadonlyMap<string, Uint8Array>, all: boolean): void;
  settle(): void;
}

/** `a/b` and `c` make `a/b/c`. */
export function joinPath(folder: string, name: string): string {
  return folder.endsWith("/") ? folder + name : `${folder}/${name}`;
}

/** The last name of a path; "" for "/". */
export function baseName(path: string): string {
  const trimmed = path.replace(/\/+$/, "");
  return trimmed.slice(trimmed.lastIndexOf("/") + 1);
}

/**
 * Bytes of a name or path, from the text of a command line or for a terminal. A byte that is no UTF-8 stands in the
 * text as a lone surrogate, U+DC00 and the byte (`exactText` in base).
 */
export function toByteString(text: string): string {
  return text
    .split(/([\udc80-\udcff])/u)
    .map((part, index) =>
      index % 2 === 0
        ? Buffer.from(part, "utf8").toString("latin1")
        : String.fromCharCode(part.charCodeAt(0) - LONE_SURROGATES),
    )
    .join("");
}

const LONE_SURROGATES = 0xdc00;

export function toText(bytes: string): string {
  return Buffer.from(bytes, "latin1").toString("utf8");
}
