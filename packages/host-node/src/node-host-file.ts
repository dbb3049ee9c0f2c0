import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  writeSync,
  type BigIntStats,
  type Stats,
} from "node:fs";
import type { HostFile, HostStat } from "@stratos/host";
import { hostErrno } from "./host-errno.ts";
import type { InodeNumbers } from "./inode-numbers.ts";

/** How the host's users and files appear to the guest. */
export interface ShownAs {
  readonly numbers: InodeNumbers;
  /** Stratos runs as root: numbers pass as they are. */
  readonly isIdentity: boolean;
  readonly uid: number;
  readonly gid: number;
}

/** Linux's overflowuid: an owner that the guest cannot name. */
export const NOBODY = 65534;

export const HAS_PROC = existsSync("/proc/self/fd");

/** @param exact  asks for the same file's numbers once more, as `InodeNumbers.of` needs them */
export function hostStat(stats: Stats, shown: ShownAs, exact: () => BigIntStats): HostStat {
  return {
    ino: shown.numbers.of(stats, exact),
    mode: stats.mode,
    nlink: stats.nlink,
    uid: shown.isIdentity ? stats.uid : stats.uid === shown.uid ? 0 : NOBODY,
    gid: shown.isIdentity ? stats.gid : stats.gid === shown.gid ? 0 : NOBODY,
    size: stats.size,
    rdev: stats.rdev,
    atimeMs: stats.atimeMs,
    mtimeMs: stats.mtimeMs,
    ctimeMs: stats.ctimeMs,
    blocks: stats.blocks,
  };
}

/** @throws Node's error when fstat(2) fails */
export function statOf(fd: number, shown: ShownAs): HostStat {
  return hostStat(fstatSync(fd), shown, () => fstatSync(fd, { bigint: true }));
}

/** An open file of the host. */
export class NodeHostFile implements HostFile {
  readonly #fd: number;
  readonly #shown: ShownAs;
  /** The same file with O_APPEND, once it was asked for; −1: the host can't open it so. */
  #appendFd: number | null = null;

  constructor(fd: number, shown: ShownAs) {
    this.#fd = fd;
    this.#shown = shown;
  }

  read(position: number, bytes: Uint8Array, at: number, length: number): number {
    try {
      return readSync(this.#fd, bytes, at, length, position);
    } catch (error) {
      return hostErrno(error);
    }
  }

  write(position: number, bytes: Uint8Array, at: number, length: number, isAppend = false): number {
    try {
      // pwrite(2), BUGS: with O_APPEND Linux appends whatever the position, so this is a descriptor of its own.
      if (isAppend && this.#appending() >= 0) return writeSync(this.#appending(), bytes, at, length, null);
      return writeSync(this.#fd, bytes, at, length, position);
    } catch (error) {
      return hostErrno(error);
    }
  }

  /** Where the host has no /proc, who appends at the same time as another process may write over it. */
  #appending(): number {
    if (this.#appendFd === null) {
      this.#appendFd = -1;
      try {
        const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_NONBLOCK;
        if (HAS_PROC) this.#appendFd = openSync(`/proc/self/fd/${this.#fd}`, flags);
      } catch {
        // Its mode has changed since, or descriptors are short.
      }
    }
    return this.#appendFd;
  }

  truncate(size: number): number {
    try {
      ftruncateSync(this.#fd, size);
      return 0;
    } catch (error) {
      return hostErrno(error);
    }
  }

  sync(): number {
    try {
      fsyncSync(this.#fd);
      return 0;
    } catch (error) {
      return hostErrno(error);
    }
  }

  stat(): HostStat | number {
    try {
      return statOf(this.#fd, this.#shown);
    } catch (error) {
      return hostErrno(error);
    }
  }

  close(): void {
    if (this.#appendFd !== null && this.#appendFd >= 0) closeSync(this.#appendFd);
    closeSync(this.#fd);
  }
}
