import {
  closeSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
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

  write(position: number, bytes: Uint8Array, at: number, length: number): number {
    try {
      return writeSync(this.#fd, bytes, at, length, position);
    } catch (error) {
      return hostErrno(error);
    }
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
    closeSync(this.#fd);
  }
}
