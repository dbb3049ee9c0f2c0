import { closeSync, constants, openSync, readlinkSync } from "node:fs";

/** Not in `fs.constants`; the same number on every Linux that Node runs on (asm-generic/fcntl.h). */
export const HOST_O_PATH = 0o10000000;
/** Descriptors that are held: as many as a program's own few folders, and those above them. */
const FOLDERS_MAX = 32;
/** So long a folder is taken for the one at its path; so long it keeps its file system from being unmounted. */
const HELD_MS = 1000;
/** The kernel writes it behind the path of a folder that is gone (proc_pid_fd(5)). */
const GONE = " (deleted)";

interface Pinned {
  readonly fd: number;
  readonly since: number;
}

/**
 * Folders below one of the host that were reached lately, by descriptors (O_PATH). A folder that is moved, removed or
 * replaced takes its descriptor along, so each use asks the kernel where the descriptor's folder is by now, which is
 * one call instead of two for each part of the path.
 */
export class PinnedFolders {
  readonly #rootFd: number;
  /** By path below the root; who was used last stands last. */
  readonly #folders = new Map<string, Pinned>();
  /** Where the root is, as the kernel says; null: not asked yet. */
  #root: string | null = null;
  #timer: NodeJS.Timeout | null = null;
  /** Left by the last call of `open`, and by the one before: a caller may still be at work with them. */
  #left: number[] = [];
  #leftBefore: number[] = [];

  constructor(rootFd: number) {
    this.#rootFd = rootFd;
  }

  /**
   * A descriptor of the folder that is at `path` below the root now, reached through no link. It is this object's, and
   * stays open while the caller asks for one more, whatever becomes of the folder.
   *
   * @param path  names, not empty, not ".", not "..": a byte string
   * @throws Node's error: ENOENT, ENOTDIR, ELOOP …
   */
  open(path: string): number {
    for (const fd of this.#leftBefore) closeSync(fd);
    [this.#leftBefore, this.#left] = [this.#left, []];
    const known = this.#stillAt(path);
    if (known >= 0) return known;
    // From the nearest folder above it that is known.
    let end = path.length;
    let from = -1;
    while (from < 0 && (end = path.lastIndexOf("/", end - 1)) >= 0) from = this.#stillAt(path.slice(0, end));
    const fd = openBelow(from < 0 ? this.#rootFd : from, path.slice(end + 1).split("/"));
    this.#hold(path, fd);
    return fd;
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    for (const { fd } of this.#folders.values()) closeSync(fd);
    this.#folders.clear();
    this.#closeLeft();
  }

  #closeLeft(): void {
    for (const fd of [...this.#leftBefore, ...this.#left]) closeSync(fd);
    this.#leftBefore = [];
    this.#left = [];
  }

  /** @returns −1: it isn't known, or not there any more */
  #stillAt(path: string): number {
    const pinned = this.#folders.get(path);
    if (pinned === undefined) return -1;
    this.#folders.delete(path);
    if (performance.now() - pinned.since < HELD_MS && this.#isAt(pinned.fd, path)) {
      this.#folders.set(path, pinned);
      return pinned.fd;
    }
    this.#left.push(pinned.fd);
    return -1;
  }

  #isAt(fd: number, path: string): boolean {
    if (path.endsWith(GONE)) return false;
    const place = placeOf(fd);
    this.#root ??= placeOf(this.#rootFd);
    if (place === below(this.#root, path)) return true;
    // The root itself may have been moved, and all with it.
    this.#root = placeOf(this.#rootFd);
    return place === below(this.#root, path);
  }

  #hold(path: string, fd: number): void {
    this.#folders.set(path, { fd, since: performance.now() });
    if (this.#folders.size > FOLDERS_MAX) {
      const [oldest, { fd: itsFd }] = this.#folders.entries().next().value!;
      this.#folders.delete(oldest);
      this.#left.push(itsFd);
    }
    this.#timer ??= setTimeout(() => this.#closeOld(), HELD_MS).unref();
  }

  #closeOld(): void {
    this.#timer = null;
    this.#closeLeft();
    const now = performance.now();
    let next = Infinity;
    for (const [path, { fd, since }] of this.#folders) {
      const left = since + HELD_MS - now;
      if (left <= 0) {
        this.#folders.delete(path);
        closeSync(fd);
      } else next = Math.min(next, left);
    }
    if (next < Infinity) this.#timer = setTimeout(() => this.#closeOld(), next).unref();
  }
}

/** `name` inside the folder that `fd` is, however that folder is called by now: for calls that take a path. */
export function inFolder(fd: number, name: string): Buffer {
  return Buffer.from(`/proc/self/fd/${fd}/${name}`, "latin1");
}

function openBelow(folder: number, names: readonly string[]): number {
  let fd = folder;
  try {
    for (const name of names) {
      const next = openSync(inFolder(fd, name), HOST_O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW);
      if (fd !== folder) closeSync(fd);
      fd = next;
    }
    return fd;
  } catch (error) {
    if (fd !== folder) closeSync(fd);
    throw error;
  }
}

/** @returns nothing where it can't be told, which is no folder's place */
function placeOf(fd: number): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`, { encoding: "latin1" });
  } catch {
    return "";
  }
}

function below(root: string, path: string): string {
  return root === "/" ? `/${path}` : `${root}/${path}`;
}
