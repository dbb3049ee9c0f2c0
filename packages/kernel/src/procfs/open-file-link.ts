import { EACCES, ENOENT, S_IFLNK, isErrno } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { FOUND_BY_NAME, type PseudoFileSystem, PseudoInode } from "../pseudo/pseudo-inodes.ts";
import { mayInspect } from "../task/task-access.ts";
import type { Task } from "../task/task.ts";
import type { OpenFile } from "../vfs/open-file.ts";
import { pathName } from "../vfs/path-name.ts";

/** A link of a process's folder that leads to a file which the process has (proc_pid_fd(5)), for who may inspect it. */
export abstract class OpenFileLink extends PseudoInode {
  #target: () => Task;

  constructor(fileSystem: PseudoFileSystem, target: () => Task, mode: number) {
    super(fileSystem, S_IFLNK | mode);
    this.#target = target;
    this.size = 64;
  }

  /** Such files come and go by themselves: a mount over one would outlive it. */
  override get isMountable(): boolean {
    return false;
  }

  /** undefined: the process has it no more. */
  protected abstract fileOf(task: Task): OpenFile | undefined;

  #file(caller: Task | null): OpenFile | number {
    const task = this.#target();
    if (caller !== null && mayInspect(caller, task, "fs") < 0) return -EACCES;
    return this.fileOf(task) ?? -ENOENT;
  }

  override readlink(task: Task | null): string | number {
    const file = this.#file(task);
    if (isErrno(file)) return file;
    return file.path === null ? file.description : pathName(file.path, (task ?? this.#target()).fs.root);
  }

  override followMagic(task: Task): OpenFile | number {
    return this.#file(task);
  }

  static {
    stateClass(
      "OpenFileLink",
      this,
      { save: (it) => ({ target: it.#target }), load: (it, from) => ({ target: it.#target } = from) },
      FOUND_BY_NAME,
    );
  }
}
