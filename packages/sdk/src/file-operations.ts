/**
 * What a library may do with files, in one form for the files of a running machine and for those of a volume. Paths are
 * Unicode text, absolute; results are values or negated errnos. What is not UTF-8 is in names, paths and targets as
 * `exactText` of base has it: nothing in a folder is passed over.
 */
import { EBUSY, EINVAL, S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG } from "@stratos/abi";
import type { FileKind, FileStatus } from "./api.ts";

/** What one call reads or writes at most. */
export const FILE_BYTES_MAX = 1 << 30;

export interface FileOperations {
  /** −EFBIG beyond FILE_BYTES_MAX. */
  read(path: string): Uint8Array | number;
  write(path: string, bytes: Uint8Array, mode: number): number;
  /** Without `.` and `..`. */
  list(path: string): { name: string; kind: FileKind }[] | number;
  /** Of the file itself, whatever links lead to it. */
  status(path: string): FileStatus | number;
  /** Of a link, too. */
  linkStatus(path: string): FileStatus | number;
  makeFolder(path: string, mode: number): number;
  rename(from: string, to: string): number;
  removeFile(path: string): number;
  removeFolder(path: string): number;
  /** Where a symbolic link leads. */
  readLink(path: string): string | number;
  makeLink(target: string, path: string): number;
  /** A further name of a file. */
  addName(path: string, name: string): number;
  /** Of a link itself; its mode stays. */
  setAttributes(path: string, attributes: FileAttributes): number;
}

export interface FileAttributes {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly modifiedMs: number;
}

export function kindOf(mode: number): FileKind {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return "file";
    case S_IFDIR:
      return "folder";
    case S_IFLNK:
      return "link";
    case S_IFIFO:
      return "fifo";
    case S_IFBLK:
    case S_IFCHR:
      return "device";
    default:
      return "socket";
  }
}

/** Seconds and nanoseconds of a time since 1970. */
export function timeOf(milliseconds: number): [number, number] {
  const seconds = Math.floor(milliseconds / 1000);
  return [seconds, Math.min(999_999_999, Math.round((milliseconds - seconds * 1000) * 1e6))];
}

/** mkdir -p. @returns 0 or a negated errno */
export function makeFolders(files: FileOperations, path: string, mode: number): number {
  let at = 0;
  for (;;) {
    at = path.indexOf("/", at + 1);
    const made = files.makeFolder(at < 0 ? path : path.slice(0, at), mode);
    if (made < 0) {
      const there = files.status(at < 0 ? path : path.slice(0, at));
      if (typeof there === "number" || there.kind !== "folder") return made;
    }
    if (at < 0) return 0;
  }
}

/** Removes a file, or a folder that is empty; `whole`: with all that is in it, links not followed. */
export function remove(files: FileOperations, path: string, whole: boolean): number {
  // Before anything in it is gone: it would be refused in the end (rmdir(2), EBUSY and EINVAL).
  const last = /[^/]*(?=\/*$)/.exec(path)![0];
  if (last === "") return -EBUSY;
  if (last === "." || last === "..") return -EINVAL;
  const status = files.linkStatus(path);
  if (typeof status === "number") return status;
  if (status.kind !== "folder") return files.removeFile(path);
  if (whole) {
    const failed = empty(files, path);
    if (failed < 0) return failed;
  }
  return files.removeFolder(path);
}

function empty(files: FileOperations, path: string): number {
  const entries = files.list(path);
  if (typeof entries === "number") return entries;
  for (const { name, kind } of entries) {
    const below = `${path}/${name}`;
    const failed = kind === "folder" ? remove(files, below, true) : files.removeFile(below);
    if (failed < 0) return failed;
  }
  return 0;
}
