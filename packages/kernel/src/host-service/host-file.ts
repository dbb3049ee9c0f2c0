/**
 * A file of the guest in the host's hands: what a program passed by SCM_RIGHTS (unix(7)), or what the host makes for
 * one (a keymap). Its bytes are read through the page cache, whose pages the program shares: a program that shortens
 * its file meanwhile gives fewer bytes, never a fault.
 */
import {
  EINVAL,
  F_SEAL_GROW,
  F_SEAL_SEAL,
  F_SEAL_SHRINK,
  F_SEAL_WRITE,
  isErrno,
  MFD_ALLOW_SEALING,
  MFD_CLOEXEC,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { addSeals, createMemfd, sealsOf } from "../fs/memfd/memfd.ts";
import { BytesCursor } from "../ground/io-cursor.ts";
import type { OpenFile } from "../vfs/open-file.ts";
import type { HostServiceCaller } from "./host-service-caller.ts";

export class HostFile {
  #task: HostServiceCaller;
  /** null once it is given back. */
  #file: OpenFile | null;

  /** Takes over one reference of `file`. */
  constructor(task: HostServiceCaller, file: OpenFile) {
    this.#task = task;
    this.#file = file;
  }

  /**
   * A file of memory with these bytes, which nobody can change any more (memfd_create(2), fcntl(2) F_ADD_SEALS).
   *
   * @param name  as /proc/PID/fd shows it
   * @returns −ENOSPC, −ENOMEM
   */
  static ofBytes(task: HostServiceCaller, name: string, bytes: Uint8Array): HostFile | number {
    task.kernel.work.begin();
    const file = createMemfd(task, name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (isErrno(file)) return file;
    const written = file.write(task, new BytesCursor(bytes), 0);
    const failed = written < 0 ? written : addSeals(task, file, SEALED);
    if (failed >= 0) return new HostFile(task, file);
    file.release();
    return failed;
  }

  /** The description, for one more holder of it. */
  share(): OpenFile {
    return this.#file!.retain();
  }

  /** Bytes of its content now; 0 for what is no regular file. */
  get sizeBytes(): number {
    return this.#isContent ? this.#file!.inode!.size : 0;
  }

  /** F_SEAL_*; 0: none, or a kind of file that has none. */
  get seals(): number {
    return Math.max(0, sealsOf(this.#file?.inode ?? null));
  }

  /** Streams and devices could make the reader wait. */
  get #isContent(): boolean {
    return this.#file?.inode?.isRegular === true && this.#file.isReadable;
  }

  /**
   * Fills `into` from byte `offset` of the file on.
   *
   * @returns how many bytes there were, fewer than asked for at its end; −EINVAL when it has no content to read or was
   *   given back, −EIO, −ENOMEM
   */
  read(into: Uint8Array, offset: number): number {
    if (!this.#isContent || !(offset >= 0)) return -EINVAL;
    this.#task.kernel.work.begin();
    return this.#file!.read(this.#task, new BytesCursor(into), offset);
  }

  /** Gives it back; nothing can be read afterwards. */
  release(): void {
    this.#file?.release();
    this.#file = null;
  }

  static {
    // Whoever had it outside has it no more: it is given back (HostConnection).
    stateClass("HostFile", this, {
      save: (it) => ({ task: it.#task, file: it.#file }),
      load: (it, from) => ({ task: it.#task, file: it.#file } = from),
    });
  }
}

const SEALED = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
