import { closeSync, fstatSync, fsyncSync, ftruncateSync, readSync, writeSync, type Stats } from "node:fs";
import type { HostFile, HostStat } from "@stratos/host";
import { hostErrno } from "./host-errno.ts";

/** How the host's users appear to the guest. */
export interface OwnerMapping {
  /** Stratos runs as root: numbers pass as they are. */
  readonly isIdentity: boolean;
  readonly uid: number;
  readonly gid: number;
}

/** Linux's overflowuid: an owner that the guest cannot name. */
export const NOBODY = 65534;

export function hostStat(stats: Stats, owners: OwnerMapping): HostStat {
  return {
    ino: stats.ino,
    mode: stats.mode,
    nlink: stats.nlink,
    uid: owners.isIdentity ? stats.uid : stats.uid === owners.uid ? 0 : NOBODY,
    gid: owners.isIdentity ? stats.gid : stats.gid === owners.gid ? 0 : NOBODY,
    size: stats.size,
    rdev: stats.rdev,
    atimeMs: stats.atimeMs,
    mtimeMs: stats.mtimeMs,
    ctimeMs: stats.ctimeMs,
    blocks: stats.blocks,
  };
}

/** An open file of the host. */
export class NodeHostFile implements HostFile {
  readonly #fd: number;
  readonly #owners: OwnerMapping;

  constructor(fd: number, owners: OwnerMapping) {
    this.#fd = fd;
    this.#owners = owners;
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
      return hostStat(fstatSync(this.#fd), this.#owners);
    } catch (error) {
      return hostErrno(error);
    }
  }

  close(): void {
    closeSync(this.#fd);
  }
}
