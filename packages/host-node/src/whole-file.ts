/** Files that stores read and write whole, and what is said when writing fails. */
import {
  closeSync,
  fstatSync,
  fsyncSync,
  futimesSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { readFile } from "node:fs/promises";

/** undefined: there is none */
export async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_FS_FILE_TOO_LARGE") return readWhole(path);
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/**
 * The most that one call may ask of the host: Node's own readers and writers stop at 2 GiB, and Linux a page before.
 * Source: read(2), NOTES.
 */
const CALL_BYTES_MAX = 1 << 30;

/** What a user has named: a file, a pipe, a terminal. @throws NodeJS.ErrnoException that names it, a folder's too */
export function readGiven(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw failedAt(path, error);
  }
}

/** A whole file, whatever its size. */
export function readWhole(path: string): Uint8Array {
  const fd = openSync(path, "r");
  try {
    return readAll(fd);
  } finally {
    closeSync(fd);
  }
}

/**
 * Is a device, a FIFO or a terminal there, or a link to one such as /dev/stdout? What is written goes there: a file
 * that took its place would be the end of it, of /dev/null for all programs of the host.
 */
export function isChannel(path: string): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat !== undefined && !stat.isFile() && !stat.isDirectory();
}

/** As writeFileSync. @throws NodeJS.ErrnoException that names the file, of a full disk, too */
export function writeWhole(
  path: string,
  content: string | Uint8Array,
  options: Parameters<typeof writeFileSync>[2] = {},
): void {
  try {
    writeFileSync(path, content, options);
  } catch (error) {
    throw failedAt(path, error);
  }
}

/**
 * The file appears, or what it was goes, when all of it is written: who reads it sees the old or the new whole. What
 * could not be written leaves the old one, and nothing beside it. A device or a FIFO is written as it stands.
 *
 * @param mode  of a file that only some may read, such as 0o600
 * @param flush  whether it waits for the disk (default), without which a crash may leave the file short
 * @param mtime  in seconds since 1970; else now
 * @throws NodeJS.ErrnoException
 */
export function replaceFile(
  path: string,
  content: string | Uint8Array,
  options: { readonly mode?: number; readonly flush?: boolean; readonly mtime?: number } = {},
): void {
  const { mode = 0o666, flush = true, mtime } = options;
  const isDrafted = !isChannel(path);
  const draft = isDrafted ? `${path}.${process.pid}.new` : path;
  let isThere = false;
  try {
    const fd = openSync(draft, "w", mode);
    isThere = isDrafted;
    try {
      if (typeof content === "string") writeFileSync(fd, content);
      else writeFully(fd, content);
      if (isDrafted && mtime !== undefined) futimesSync(fd, mtime, mtime);
      if (isDrafted && flush) fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    if (isDrafted) renameSync(draft, path);
  } catch (error) {
    if (isThere) rmSync(draft, { force: true });
    if ((error as NodeJS.ErrnoException).path === draft) (error as NodeJS.ErrnoException).path = path;
    throw failedAt(path, error);
  }
}

/** What an open file of a folder holds, from its beginning. */
export function readAll(fd: number): Uint8Array {
  const bytes = new Uint8Array(fstatSync(fd).size);
  return bytes.subarray(0, readFully(fd, bytes, 0));
}

export function writeFully(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;)
    done += writeSync(fd, bytes, done, Math.min(bytes.length - done, CALL_BYTES_MAX));
}

/** Reads until `into` is full or the file ends. @returns bytes read */
export function readFully(fd: number, into: Uint8Array, offset: number): number {
  let done = 0;
  while (done < into.length) {
    const count = readSync(fd, into, done, Math.min(into.length - done, CALL_BYTES_MAX), offset + done);
    if (count === 0) break;
    done += count;
  }
  return done;
}

/**
 * A failed write does not know where it was: `ENOSPC: no space left on device, write` says nothing of which disk is
 * full.
 */
export function failedAt(path: string, error: unknown): unknown {
  const failure = error as NodeJS.ErrnoException;
  if (error instanceof Error && failure.syscall !== undefined) failure.path ??= path;
  return error;
}
