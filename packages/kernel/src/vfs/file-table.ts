import { EBADF, EMFILE, ENFILE, O_PATH } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { BLOCKED } from "../ground/wait-queue.ts";
import type { OpenFile } from "./open-file.ts";
import type { Caller } from "./vfs-kernel.ts";
import { dropLocksOf, type LockOwner } from "./held-locks.ts";

/** Descriptors of all processes together (fs.file-max in proc(5)): what they lead to takes memory of the host. */
export const FILES_MAX = 1 << 19;

/**
 * What fs.nr_open (proc(5)) is, and may be set to: what RLIMIT_NOFILE may be raised to, which podman(1) and systemd do.
 * A table has a word for each 32 descriptors below its highest.
 */
export const OPEN_MAX = 1 << 20;

/** How many descriptors are open in a machine, and fs.nr_open; its tables share one. */
export interface FileUsage {
  open: number;
  tableMost: number;
}

/** What a descriptor led to when a call began that waits (task/held-files.ts). */
export interface HeldFile {
  readonly fd: number;
  readonly file: OpenFile;
  /** What the table has there, while the call is executed; undefined: it is not. */
  hidden: OpenFile | null | undefined;
}

/** Most processes have a dozen descriptors; each chunk is copied by fork(2), and when the machine is forked. */
const CHUNK_BITS = 5;
const CHUNK = 1 << CHUNK_BITS;
interface Chunk {
  readonly files: (OpenFile | null)[];
  /** A bit for each. */
  closeOnExec: number;
}

/**
 * The file descriptors of a process (shared by its threads, CLONE_FILES), in chunks of 32 that are made when one of
 * theirs is: a high number costs no more than a low one. Bound: RLIMIT_NOFILE each, FILES_MAX all.
 */
export class FileTable implements LockOwner {
  #usage: FileUsage;
  /** By descriptor / 32; null where no descriptor was ever open. */
  #chunks: (Chunk | null)[] = [];
  #lowestFree = 0;
  #open = 0;
  users = 1;
  /** Who waits for a range lock that is to be the process's (file-locks.ts). */
  rangeWait: LockOwner["rangeWait"] = null;
  identity = 0;

  constructor(usage: FileUsage = { open: 0, tableMost: OPEN_MAX }) {
    this.#usage = usage;
  }

  get(fd: number): OpenFile | undefined {
    return this.#chunks[fd >> CHUNK_BITS]?.files[fd & (CHUNK - 1)] ?? undefined;
  }

  isCloseOnExec(fd: number): boolean {
    const chunk = this.#chunks[fd >> CHUNK_BITS];
    return chunk != null && (chunk.closeOnExec & (1 << fd)) !== 0;
  }

  setCloseOnExec(fd: number, on: boolean): void {
    const chunk = this.#chunks[fd >> CHUNK_BITS];
    // A shift counts by the lowest five bits.
    if (chunk) chunk.closeOnExec = on ? chunk.closeOnExec | (1 << fd) : chunk.closeOnExec & ~(1 << fd);
  }

  /** Is a descriptor left? For calls that take theirs first, so that EMFILE is told before what else is wrong. */
  hasRoom(limit: number): boolean {
    const fd = this.#firstFree(0, limit);
    return fd < limit && this.canHold(fd);
  }

  /** `limit` or more: none is free below it. */
  #firstFree(minimum: number, limit: number): number {
    let fd = minimum === 0 ? this.#lowestFree : minimum;
    while (fd < limit && this.get(fd) !== undefined) fd++;
    return fd;
  }

  /**
   * Installs at the lowest free descriptor ≥ `minimum`; the table takes over the caller's reference, also on failure.
   * @param limit  RLIMIT_NOFILE
   * @returns the descriptor, −EMFILE, −ENFILE
   */
  install(file: OpenFile, closeOnExec: boolean, minimum: number, limit: number): number {
    const fd = this.#firstFree(minimum, limit);
    const isBeyond = fd >= limit || !this.canHold(fd);
    if (isBeyond || this.#usage.open >= FILES_MAX) {
      file.release();
      return isBeyond ? -EMFILE : -ENFILE;
    }
    this.#set(fd, file, closeOnExec);
    if (minimum <= this.#lowestFree) this.#lowestFree = fd + 1;
    return fd;
  }

  /** A table grows to fs.nr_open, and keeps what it has (fs/file.c, expand_files). */
  canHold(fd: number): boolean {
    return fd < Math.max(this.#usage.tableMost, this.#chunks.length * CHUNK);
  }

  /** dup2, dup3: closes what is there first. The caller has checked `fd` against RLIMIT_NOFILE. */
  installAt(task: Caller, fd: number, file: OpenFile, closeOnExec: boolean): void {
    if (this.get(fd) !== undefined) this.close(task, fd);
    this.#set(fd, file, closeOnExec);
  }

  #set(fd: number, file: OpenFile, closeOnExec: boolean): void {
    const at = fd >> CHUNK_BITS;
    while (this.#chunks.length <= at) this.#chunks.push(null);
    const chunk = (this.#chunks[at] ??= {
      files: new Array<OpenFile | null>(CHUNK).fill(null),
      closeOnExec: 0,
    });
    chunk.files[fd & (CHUNK - 1)] = file;
    this.setCloseOnExec(fd, closeOnExec);
    this.#usage.open++;
    this.#open++;
  }

  /**
   * For as long as a call is executed that began with another file there (task/held-files.ts); it counts as before.
   *
   * @returns what was there
   */
  exchange(fd: number, file: OpenFile | null): OpenFile | null {
    const { files } = this.#chunks[fd >> CHUNK_BITS]!;
    const before = files[fd & (CHUNK - 1)]!;
    files[fd & (CHUNK - 1)] = file;
    if (file === null && fd < this.#lowestFree) this.#lowestFree = fd;
    return before;
  }

  close(task: Caller, fd: number): number {
    const file = this.get(fd);
    if (file === undefined) return -EBADF;
    this.#chunks[fd >> CHUNK_BITS]!.files[fd & (CHUNK - 1)] = null;
    this.#usage.open--;
    this.#open--;
    if (fd < this.#lowestFree) this.#lowestFree = fd;
    const { shownInode: inode } = file;
    if (inode !== null && inode.locks !== null && (file.flags & O_PATH) === 0) dropLocksOf(this, inode);
    const result = file.onDescriptorClose(task);
    file.release();
    return result;
  }

  closeOnExec(task: Caller): void {
    this.forEach((fd) => {
      if (this.isCloseOnExec(fd)) this.close(task, fd);
    });
  }

  /** What `closeAll` would be too late to wait for. @returns 0, or BLOCKED: to be called again */
  beforeCloseAll(): number {
    let waits = 0;
    this.forEach((_fd, file) => {
      if (waits === 0) waits = Math.min(0, file.beforeClose());
      // That it failed, nobody hears.
      if (waits > BLOCKED) waits = 0;
    });
    return waits;
  }

  closeAll(task: Caller): void {
    this.forEach((fd) => void this.close(task, fd));
  }

  /**
   * A copy for fork and unshare: same descriptions, each with one more reference. −EMFILE when fs.nr_open is below what
   * is open (fs/file.c, dup_fd).
   */
  copyForTask(): FileTable | number {
    let highest = -1;
    if (this.#chunks.length * CHUNK > this.#usage.tableMost) this.forEach((fd) => (highest = fd));
    return highest >= this.#usage.tableMost ? -EMFILE : this.copy();
  }

  copy(): FileTable {
    const copy = new FileTable(this.#usage);
    for (let at = 0; at < this.#chunks.length; at++) {
      const chunk = this.#chunks[at];
      if (chunk === null || chunk === undefined) continue;
      const before = copy.#open;
      for (const file of chunk.files) {
        if (file === null) continue;
        file.retain();
        copy.#open++;
      }
      if (copy.#open === before) continue;
      while (copy.#chunks.length < at) copy.#chunks.push(null);
      copy.#chunks.push({ files: chunk.files.slice(), closeOnExec: chunk.closeOnExec });
    }
    this.#usage.open += copy.#open;
    copy.#lowestFree = this.#lowestFree;
    return copy;
  }

  /** @param from  any number, as places in a folder are @returns the first open one from there on; −1: there is none */
  nextOpen(from: number): number {
    const first = Math.floor(from / CHUNK);
    for (let at = first; at < this.#chunks.length; at++) {
      const files = this.#chunks[at]?.files;
      if (files === undefined) continue;
      for (let index = at === first ? from % CHUNK : 0; index < CHUNK; index++)
        if (files[index] !== null) return at * CHUNK + index;
    }
    return -1;
  }

  /** Calls `visit` for each open descriptor in order. */
  forEach(visit: (fd: number, file: OpenFile) => void): void {
    for (let at = 0; at < this.#chunks.length; at++) {
      const files = this.#chunks[at]?.files;
      if (files === undefined) continue;
      for (let index = 0; index < CHUNK; index++) {
        const file = files[index];
        if (file) visit(at * CHUNK + index, file);
      }
    }
  }

  get openCount(): number {
    return this.#open;
  }

  static {
    stateClass("FileTable", this, {
      save: (it) => ({ usage: it.#usage, chunks: it.#chunks, lowestFree: it.#lowestFree, open: it.#open }),
      load: (it, from) => ({ usage: it.#usage, chunks: it.#chunks, lowestFree: it.#lowestFree, open: it.#open } = from),
    });
  }
}
