/**
 * Files of the machine for gdb, which reads programs and their libraries from there ("Debugging with GDB", E.8, Host
 * I/O packets): as the process sees them, read only. What a host has is not asked for.
 */
import { AT_FDCWD, EBADF, EINVAL, EMFILE, ENOENT, ENOSYS, EROFS, PATH_MAX, isErrno } from "@stratos/abi";
import { byteString } from "@stratos/base";
import { type Inode, lookupPath, peekFile, pathName } from "@stratos/kernel";
import { type DebugTarget, threadsOf } from "./debug-target.ts";
import { PACKET_MAX, textOfHex } from "./packet-stream.ts";

const OPEN_MAX = 64;
/** O_WRONLY and O_RDWR of the protocol (E.8, "Open Flags"). */
const WRITES = 3;
/** Errno values that the protocol has numbers of its own for are Linux's (E.8, "Errno Values"). */

export class GuestFiles {
  readonly #target: DebugTarget;
  /** Paths by descriptor: machines come and go along a recorded run. */
  readonly #open = new Map<number, string>();
  #next = 3;

  constructor(target: DebugTarget) {
    this.#target = target;
  }

  /** Path of the program, a byte string; null: it has none. */
  executable(): string | null {
    const task = threadsOf(this.#target)[0];
    const path = task?.space.executable ?? null;
    return task === undefined || path === null ? null : pathName(path, task.fs.root);
  }

  /** @param request  what follows `vFile:` */
  answer(request: string): string {
    const [operation] = request.split(":", 1);
    const words = request.slice(operation!.length + 1).split(",");
    switch (operation) {
      case "setfs":
        return "F0";
      case "open":
        return this.#openFile(textOfHex(words[0] ?? ""), parseInt(words[1] ?? "", 16));
      case "close":
        return this.#open.delete(parseInt(words[0] ?? "", 16)) ? "F0" : failure(EBADF);
      case "pread":
        return this.#read(words.map((word) => parseInt(word, 16)));
      case "fstat":
        return this.#stat(parseInt(words[0] ?? "", 16));
      default:
        return failure(ENOSYS);
    }
  }

  #openFile(path: string, flags: number): string {
    if ((flags & WRITES) !== 0) return failure(EROFS);
    if (this.#open.size >= OPEN_MAX) return failure(EMFILE);
    const inode = this.#inode(path);
    if (inode === null) return failure(ENOENT);
    const fd = this.#next++;
    this.#open.set(fd, path);
    return `F${fd.toString(16)}`;
  }

  #read([fd, count, offset]: readonly number[]): string {
    const inode = this.#inode(this.#open.get(fd ?? -1) ?? null);
    if (inode === null) return failure(EBADF);
    if (!(count! >= 0 && offset! >= 0 && offset! <= Number.MAX_SAFE_INTEGER)) return failure(EINVAL);
    const bytes = new Uint8Array(Math.min(count!, PACKET_MAX / 2));
    const read = peekFile(inode, offset!, bytes);
    return `F${read.toString(16)};${byteString(bytes.subarray(0, read))}`;
  }

  /** `struct stat` of the protocol, big-endian (E.8, "struct stat"). */
  #stat(fd: number): string {
    const inode = this.#inode(this.#open.get(fd) ?? null);
    if (inode === null) return failure(EBADF);
    const bytes = new Uint8Array(64);
    const view = new DataView(bytes.buffer);
    view.setUint32(4, inode.ino >>> 0);
    view.setUint32(8, inode.mode);
    view.setUint32(12, 1);
    view.setBigUint64(28, BigInt(inode.size));
    view.setBigUint64(36, 4096n);
    view.setBigUint64(44, BigInt(Math.ceil(inode.size / 512)));
    return `F40;${byteString(bytes)}`;
  }

  /** A regular file, as the process finds it. */
  #inode(path: string | null): Inode | null {
    const task = threadsOf(this.#target)[0] ?? this.#target.kernel.tasks.tasks.get(1);
    if (path === null || path === "" || path.length > PATH_MAX || path.includes("\0") || task === undefined)
      return null;
    const place = lookupPath(task, AT_FDCWD, path, 0);
    if (isErrno(place)) return null;
    const { inode } = place.dentry;
    return inode !== null && inode.pages !== null ? inode : null;
  }
}

function failure(errno: number): string {
  return `F-1,${errno.toString(16)}`;
}
