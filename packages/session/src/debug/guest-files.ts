/**
 * Files of the machine for gdb, which reads programs and their libraries from there ("Debugging with GDB", E.8, Host
 * I/O packets): as the process sees them, read only. What a host has is not asked for.
 */
import {
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  EBADF,
  EINVAL,
  EMFILE,
  ENOENT,
  ENOSYS,
  EROFS,
  PATH_MAX,
  isErrno,
} from "@stratos/abi";
import { byteString, byteStringOf } from "@stratos/base";
import { type Inode, lookupPath, peekFile, peekText, pathName, type Task } from "@stratos/kernel";
import { type DebugTarget, threadsOf } from "./debug-target.ts";
import { PACKET_MAX, textOfHex } from "./packet-stream.ts";

const OPEN_MAX = 64;
/** Of a text of /proc: what it has beyond, a process of 65,530 areas, is not shown. */
const TEXT_MAX = 64 << 20;
/** Files of a process whose making touches nothing, not even pages: a recorded run stays as it is. */
const TEXTS_OF_RECORDED = /^\/proc\/[0-9]+\/(maps|smaps)$/;
/** O_WRONLY and O_RDWR of the protocol (E.8, "Open Flags"). */
const WRITES = 3;
/** Errno values that the protocol has numbers of its own for are Linux's (E.8, "Errno Values"). */

export class GuestFiles {
  readonly #target: DebugTarget;
  /** By descriptor: text of /proc as it was then, else a path: machines come and go along a recorded run. */
  readonly #open = new Map<number, string | Uint8Array>();
  #next = 3;
  /** By which the client knows the process that is looked at, whichever that is. */
  shownPid = 0;

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
      case "readlink":
        return this.#readLink(textOfHex(words[0] ?? ""));
      case "fstat":
        return this.#stat(parseInt(words[0] ?? "", 16));
      default:
        return failure(ENOSYS);
    }
  }

  #openFile(path: string, flags: number): string {
    if ((flags & WRITES) !== 0) return failure(EROFS);
    if (this.#open.size >= OPEN_MAX) return failure(EMFILE);
    const content = this.#text(path) ?? (this.#inode(path) === null ? null : path);
    if (content === null) return failure(ENOENT);
    const fd = this.#next++;
    this.#open.set(fd, content);
    return `F${fd.toString(16)}`;
  }

  #readLink(path: string): string {
    const inode = this.#found(path, AT_SYMLINK_NOFOLLOW);
    if (inode === null) return failure(ENOENT);
    const target = inode.readlink(this.#task);
    return isErrno(target) ? failure(-target) : `F${target.length.toString(16)};${target}`;
  }

  #text(path: string): Uint8Array | null {
    const task = this.#task;
    if (task === null || (this.#target.live === null && !TEXTS_OF_RECORDED.test(path))) return null;
    const inode = this.#found(path);
    const text = inode === null ? null : peekText(inode, task, TEXT_MAX);
    return typeof text === "string" ? byteStringOf(text) : null;
  }

  #read([fd, count, offset]: readonly number[]): string {
    const content = this.#open.get(fd ?? -1) ?? null;
    const inode = typeof content === "string" ? this.#inode(content) : content;
    if (inode === null) return failure(EBADF);
    if (!(count! >= 0 && offset! >= 0 && offset! <= Number.MAX_SAFE_INTEGER)) return failure(EINVAL);
    const bytes = new Uint8Array(Math.min(count!, PACKET_MAX / 2));
    const read = inode instanceof Uint8Array ? copyFrom(inode, offset!, bytes) : peekFile(inode, offset!, bytes);
    return `F${read.toString(16)};${byteString(bytes.subarray(0, read))}`;
  }

  /** `struct stat` of the protocol, big-endian (E.8, "struct stat"). */
  #stat(fd: number): string {
    const content = this.#open.get(fd) ?? null;
    const inode = typeof content === "string" ? this.#inode(content) : content;
    if (inode === null) return failure(EBADF);
    const bytes = new Uint8Array(64);
    // proc(5): a text that is made when it is read has a length only then.
    if (inode instanceof Uint8Array) return `F40;${byteString(bytes)}`;
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
  #inode(path: string): Inode | null {
    const inode = this.#found(path);
    return inode !== null && inode.pages !== null ? inode : null;
  }

  get #task(): Task | null {
    return threadsOf(this.#target)[0] ?? this.#target.kernel.tasks.tasks.get(1) ?? null;
  }

  #found(given: string, flags = 0): Inode | null {
    const task = this.#task;
    const shown = `/proc/${this.shownPid}/`;
    const path = given.startsWith(shown) ? `/proc/${this.#target.pid}/${given.slice(shown.length)}` : given;
    if (path === "" || path.length > PATH_MAX || path.includes("\0") || task === null) return null;
    const place = lookupPath(task, AT_FDCWD, path, flags);
    return isErrno(place) ? null : place.dentry.inode;
  }
}

function copyFrom(text: Uint8Array, offset: number, into: Uint8Array): number {
  const part = text.subarray(offset, offset + into.length);
  into.set(part);
  return part.length;
}

function failure(errno: number): string {
  return `F-1,${errno.toString(16)}`;
}
