import { EBADF, EMFILE } from "@stratos/abi";
import type { Task } from "../task/task.ts";
import type { OpenFile } from "./open-file.ts";

/** The file descriptors of a process (shared by its threads, CLONE_FILES). */
export class FileTable {
  readonly #files: (OpenFile | null)[] = [];
  readonly #closeOnExec: boolean[] = [];
  #lowestFree = 0;
  users = 1;

  get(fd: number): OpenFile | undefined {
    return this.#files[fd] ?? undefined;
  }

  isCloseOnExec(fd: number): boolean {
    return this.#closeOnExec[fd] === true;
  }

  setCloseOnExec(fd: number, on: boolean): void {
    this.#closeOnExec[fd] = on;
  }

  /**
   * Installs at the lowest free descriptor ≥ `minimum`; the table takes over the caller's reference, also on failure.
   * @param limit  RLIMIT_NOFILE
   */
  install(file: OpenFile, closeOnExec: boolean, minimum: number, limit: number): number {
    let fd = Math.max(minimum, minimum === 0 ? this.#lowestFree : minimum);
    while (this.#files[fd]) fd++;
    if (fd >= limit) {
      file.release();
      return -EMFILE;
    }
    this.#set(fd, file, closeOnExec);
    if (minimum <= this.#lowestFree) this.#lowestFree = fd + 1;
    return fd;
  }

  /** dup2, dup3: closes what is there first. The caller has checked `fd` against RLIMIT_NOFILE. */
  installAt(task: Task, fd: number, file: OpenFile, closeOnExec: boolean): void {
    if (this.#files[fd]) this.close(task, fd);
    this.#set(fd, file, closeOnExec);
  }

  #set(fd: number, file: OpenFile, closeOnExec: boolean): void {
    while (this.#files.length <= fd) {
      this.#files.push(null);
      this.#closeOnExec.push(false);
    }
    this.#files[fd] = file;
    this.#closeOnExec[fd] = closeOnExec;
  }

  close(task: Task, fd: number): number {
    const file = this.#files[fd];
    if (!file) return -EBADF;
    this.#files[fd] = null;
    if (fd < this.#lowestFree) this.#lowestFree = fd;
    const result = file.onDescriptorClose(task);
    file.release();
    return result;
  }

  closeOnExec(task: Task): void {
    for (let fd = 0; fd < this.#files.length; fd++) if (this.#files[fd] && this.#closeOnExec[fd]) this.close(task, fd);
  }

  closeAll(task: Task): void {
    for (let fd = 0; fd < this.#files.length; fd++) if (this.#files[fd]) this.close(task, fd);
  }

  /** A copy for fork: same descriptions, each with one more reference. */
  copy(): FileTable {
    const copy = new FileTable();
    for (let fd = 0; fd < this.#files.length; fd++) {
      const file = this.#files[fd];
      if (file) copy.#set(fd, file.retain(), this.#closeOnExec[fd] === true);
    }
    copy.#lowestFree = this.#lowestFree;
    return copy;
  }

  /** Calls `visit` for each open descriptor in order. */
  forEach(visit: (fd: number, file: OpenFile) => void): void {
    for (let fd = 0; fd < this.#files.length; fd++) {
      const file = this.#files[fd];
      if (file) visit(fd, file);
    }
  }

  get openCount(): number {
    let count = 0;
    for (const file of this.#files) if (file) count++;
    return count;
  }
}
