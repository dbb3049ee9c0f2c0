/** /proc/PID/mem: a process's memory as a file, for debuggers. @see proc_pid_mem(5); Linux fs/proc/base.c, mem_rw */
import { EFAULT, EIO, ESRCH, PAGE_SIZE } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { AddressSpace } from "../mm/address-space.ts";
import { forcePage } from "../mm/page-fault.ts";
import type { IoCursor } from "../ground/io-cursor.ts";
import { FOUND_BY_NAME, PseudoFile, type PseudoFileSystem } from "../pseudo/pseudo-inodes.ts";
import type { Task } from "../task/task.ts";
import { hasMemory, mayInspect } from "../task/task-access.ts";
import { OpenFile } from "../vfs/open-file.ts";
import type { Path } from "../vfs/path.ts";
import { belongToUser, seekWithoutEnd } from "./process-file.ts";

/** Who may look is asked when it is opened. It stays with that memory, which a later execve(2) or exit leaves empty. */
class MemoryFile extends OpenFile {
  #space: AddressSpace | null;

  constructor(flags: number, inode: MemoryInode, path: Path, space: AddressSpace) {
    super(flags, inode, path);
    this.#space = space;
  }

  override hasIterator(_isWrite: boolean): boolean {
    return false;
  }

  override read(task: Task, to: IoCursor, offset: number): number {
    return this.#move(task, to, offset, false);
  }

  override write(task: Task, from: IoCursor, offset: number): number {
    return this.#move(task, from, offset, true);
  }

  /** @returns bytes, 0 when the memory is gone; −EIO where nothing is mapped, −EFAULT for bad memory of the caller */
  #move(task: Task, cursor: IoCursor, offset: number, toSpace: boolean): number {
    if (this.#space?.users === 0) this.#space = null;
    const space = this.#space;
    if (space === null) return 0;
    const { kernel } = task;
    let at = offset < 0 ? this.position : offset;
    let done = 0;
    while (cursor.remaining > 0 && !(done > 0 && kernel.work.isUsed)) {
      const place = at < Number.MAX_SAFE_INTEGER ? forcePage(space, at, toSpace) : -EFAULT;
      if (place < 0) {
        if (done === 0) return -EIO;
        break;
      }
      const count = Math.min(cursor.remaining, PAGE_SIZE - (at % PAGE_SIZE));
      const { u8 } = kernel.physical;
      const frame = Math.floor(place / PAGE_SIZE);
      // Held: the caller's own pages may have to be made room for.
      kernel.frames.retain(frame);
      const moved = toSpace ? cursor.take(u8, place, count) : cursor.put(u8, place, count);
      kernel.frames.release(frame);
      if (moved < count) return -EFAULT;
      at += moved;
      done += moved;
    }
    if (offset < 0) this.position = at;
    return done;
  }

  override seek(offset: number, whence: number): number {
    return seekWithoutEnd(this, offset, whence);
  }

  static {
    stateClass("MemoryFile", this, {
      save: (it) => ({ space: it.#space }),
      load: (it, from) => ({ space: it.#space } = from),
    });
  }
}

export class MemoryInode extends PseudoFile {
  #target: () => Task;

  constructor(fileSystem: PseudoFileSystem, target: () => Task) {
    super(fileSystem, () => "", { mode: 0o600 });
    this.#target = target;
    this.refresh();
  }

  override refresh(): number {
    belongToUser(this, this.#target());
    return 0;
  }

  /** −EACCES as ptrace(2) says; −ESRCH for a zombie and a task of the kernel. */
  override open(task: Task, flags: number, path: Path): OpenFile | number {
    const target = this.#target();
    if (!hasMemory(target)) return -ESRCH;
    const refused = mayInspect(task, target, "fs");
    return refused < 0 ? refused : new MemoryFile(flags, this, path, target.space);
  }

  static {
    stateClass(
      "MemoryInode",
      this,
      { save: (it) => ({ target: it.#target }), load: (it, from) => ({ target: it.#target } = from) },
      FOUND_BY_NAME,
    );
  }
}
