/**
 * What can be done with the files of a file system on a disk without mounting it, whichever it is. Paths are byte
 * strings with `/` between names; symbolic links are followed on the way, never out of the file system.
 */
import type { Blob, FileKind } from "./file-tree.ts";

export interface DiskFile {
  readonly name: string;
  readonly kind: Exclude<FileKind, "hardLink"> | "socket";
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** bytes of a file, length of a link's target; else 0 */
  readonly size: number;
  readonly mtime: number;
  /** where a symbolic link leads, else "" */
  readonly target: string;
}

export interface NewFile {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: number;
}

/** All throw FormatError, whose message names the path. */
export interface DiskFiles {
  /** `fat32`, `ext4`, `aegisfs` … */
  readonly type: string;
  readonly label: string;
  /** What a folder holds, by name. */
  list(path: string): DiskFile[];
  /** @returns what has the name (a link itself, when it is one), or undefined */
  find(path: string): DiskFile | undefined;
  /** A file's content; links are followed. */
  content(path: string): Pick<Blob, "sizeBytes" | "read">;
  /** Makes a file, or replaces the content of the one that is there. */
  write(path: string, content: Pick<Blob, "sizeBytes" | "read">, file: NewFile): void;
  makeDirectory(path: string, file: NewFile): void;
  /** A file, a link, or a folder that is empty. */
  remove(path: string): void;
  /** Makes changes lasting. */
  flush(): void;
}
