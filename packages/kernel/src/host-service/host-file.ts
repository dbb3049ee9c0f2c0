/**
 * A file of the guest in the host's hands: what a program passed by SCM_RIGHTS (unix(7)), or what the host makes for
 * one (a keymap). Its bytes are read through the page cache, whose pages the program shares: a program that shortens
 * its file meanwhile gives fewer bytes, never a fault.
 */
import {
  EAGAIN,
  EINVAL,
  EPIPE,
  F_SEAL_GROW,
  F_SEAL_SEAL,
  F_SEAL_SHRINK,
  F_SEAL_WRITE,
  isErrno,
  MFD_ALLOW_SEALING,
  MFD_CLOEXEC,
  POLLOUT,
} from "@stratos/abi";
import { BytesCursor, stateClass } from "@stratos/base";
import { addSeals, createMemfd, sealsOf } from "../fs/memfd/memfd.ts";
import { PipeFile } from "../fs/pipe/pipe-file.ts";
import type { Waiter } from "../ground/wait-queue.ts";
import type { OpenFile } from "../vfs/open-file.ts";
import type { HostServiceCaller } from "./host-service-caller.ts";

export class HostFile implements Waiter {
  #task: HostServiceCaller;
  /** null once it is given back. */
  #file: OpenFile | null;
  #onRoom: (() => void) | null = null;
  /** Of the connection that it came over. */
  number = 0;

  /** Takes over one reference of `file`. */
  constructor(task: HostServiceCaller, file: OpenFile) {
    this.#task = task;
    this.#file = file;
  }

  /**
   * A file of memory with these bytes (memfd_create(2)), which nobody can change any more (fcntl(2) F_ADD_SEALS).
   *
   * @param name  as /proc/PID/fd shows it
   * @param isWritable  programs may change it
   * @returns −ENOSPC, −ENOMEM
   */
  static ofBytes(task: HostServiceCaller, name: string, bytes: Uint8Array, isWritable = false): HostFile | number {
    task.kernel.work.begin();
    const file = createMemfd(task, name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (isErrno(file)) return file;
    const written = file.write(task, new BytesCursor(bytes), 0);
    const failed = written < 0 || isWritable ? written : addSeals(task, file, SEALED);
    if (failed >= 0) return new HostFile(task, file);
    file.release();
    return failed;
  }

  /** The description, for one more holder of it. */
  share(): OpenFile {
    return this.#file!.retain();
  }

  /** Another holder of it in the host. */
  again(): HostFile {
    return new HostFile(this.#task, this.share());
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

  /**
   * Writes as much as there is room for, into a pipe.
   *
   * @returns how many bytes; −EAGAIN when there is no room now, −EPIPE when nobody reads it, −EINVAL when it is
   *   no pipe or was given back
   */
  write(bytes: Uint8Array): number {
    const file = this.#file;
    if (!(file instanceof PipeFile) || !file.isWritable) return -EINVAL;
    if (file.pipe.readers === 0) return -EPIPE;
    // More than there is room for would park init.
    const room = Math.min(file.pipe.space, bytes.length);
    if (room <= 0 || (file.poll() & POLLOUT) === 0) return -EAGAIN;
    this.#task.kernel.work.begin();
    return file.write(this.#task, new BytesCursor(bytes.subarray(0, room)));
  }

  /** @param callback  called in the midst of a system call when `write` may say something else than before */
  onRoom(callback: () => void): void {
    if (this.#onRoom === null) this.#file?.waitQueue?.add(this);
    this.#onRoom = callback;
  }

  wake(): void {
    this.#onRoom?.();
  }

  /** Gives it back; nothing can be read afterwards. */
  release(): void {
    if (this.#onRoom !== null) this.#file?.waitQueue?.remove(this);
    this.#onRoom = null;
    this.#file?.release();
    this.#file = null;
  }

  static {
    // Whoever had it outside has it from the connection again, or that gives it back.
    stateClass(
      "HostFile",
      this,
      {
        save: (it) => ({ task: it.#task, file: it.#file }),
        load: (it, from) => ({ task: it.#task, file: it.#file } = from),
      },
      { keeps: ["#onRoom"] },
    );
  }
}

const SEALED = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
