/** /proc/PID/map_files (proc_pid_map_files(5)): a link for each area of a file, named by its addresses. */
import { CAP_CHECKPOINT_RESTORE, CAP_SYS_ADMIN, EACCES, ENOENT, EPERM, S_IFDIR, S_IFLNK } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { VirtualAddress } from "@stratos/riscv";
import type { Area } from "../mm/area.ts";
import { FOUND_BY_NAME, type PseudoFileSystem, PseudoInode } from "../pseudo/pseudo-inodes.ts";
import { isCapable } from "../security/credentials.ts";
import { INITIAL_USER_NAMESPACE } from "../security/user-namespace.ts";
import { hasMemory, isReaped, mayInspect } from "../task/task-access.ts";
import type { Task } from "../task/task.ts";
import type { Inode } from "../vfs/inode.ts";
import type { OpenFile } from "../vfs/open-file.ts";
import { OpenFileLink } from "./open-file-link.ts";
import type { ProcView } from "./proc-view.ts";
import { belongToUser } from "./process-file.ts";

export class MappedFilesDirectory extends PseudoInode {
  declare readonly fileSystem: ProcView;
  #target: () => Task;

  constructor(fileSystem: ProcView, target: () => Task) {
    super(fileSystem, S_IFDIR | 0o500);
    this.nlink = 2;
    this.#target = target;
  }

  override get cachesNames(): boolean {
    return false;
  }

  override refresh(): number {
    const task = this.#target();
    belongToUser(this, task);
    // A process always gets at its own (fs/proc/fd.c, proc_fd_permission).
    if (this.fileSystem.kernel.scheduler.current?.group !== task.group) return 0;
    this.uid = task.credentials.euid;
    this.gid = task.credentials.egid;
    return 0;
  }

  override get listingRefused(): number {
    return isReaped(this.#target()) ? -ENOENT : 0;
  }

  override open(task: Task): number | null {
    return mayInspect(task, this.#target(), "fs") < 0 ? -EACCES : null;
  }

  override lookup(name: string): Inode | number {
    const task = this.#target();
    const caller = this.fileSystem.kernel.scheduler.current;
    if (caller !== null && mayInspect(caller, task, "fs") < 0) return -EACCES;
    const area = areaNamed(task, name);
    if (area === null) return -ENOENT;
    const link = this.entryNamed(name);
    const { isReadable, isWritable } = area.file!;
    link.mode |= (isReadable ? 0o400 : 0) | (isWritable ? 0o200 : 0);
    belongToUser(link, task);
    return link;
  }

  override entryNamed(name: string): Inode {
    return this.holds(name, new MappedFileLink(this.fileSystem, this.#target, name));
  }

  /** The cursor is where the last one that was told ends. */
  override list(
    cursor: number,
    emit: (name: string, ino: number, type: number, nextCursor: number) => boolean,
  ): number {
    const task = this.#target();
    if (!hasMemory(task)) return 0;
    const { areas } = task.space;
    for (let area = areas.endingAfter(cursor); area !== undefined; area = areas.endingAfter(area.end)) {
      task.kernel.work.charge(1);
      if (area.file !== null && !emit(nameOf(area), area.start / 4096, S_IFLNK >> 12, area.end)) break;
    }
    return 0;
  }

  static {
    stateClass(
      "MappedFilesDirectory",
      this,
      { save: (it) => ({ target: it.#target }), load: (it, from) => ({ target: it.#target } = from) },
      FOUND_BY_NAME,
    );
  }
}

function nameOf(area: Area): string {
  return `${area.start.toString(16)}-${area.end.toString(16)}`;
}

/** Null: no area of a file has just these addresses. */
function areaNamed(task: Task, name: string): Area | null {
  if (!hasMemory(task)) return null;
  const area = task.space.areas.endingAfter(Number.parseInt(name, 16) as VirtualAddress);
  return area !== undefined && area.file !== null && nameOf(area) === name ? area : null;
}

class MappedFileLink extends OpenFileLink {
  #name: string;

  constructor(fileSystem: PseudoFileSystem, target: () => Task, name: string) {
    super(fileSystem, target, 0);
    this.#name = name;
  }

  protected override fileOf(task: Task): OpenFile | undefined {
    return areaNamed(task, this.#name)?.file ?? undefined;
  }

  /** Only for who restores processes: a file may be mapped by who can't reach it (fs/proc/base.c). */
  override followMagic(task: Task): OpenFile | number {
    const { credentials } = task;
    const mayFollow = [CAP_SYS_ADMIN, CAP_CHECKPOINT_RESTORE].some((capability) =>
      isCapable(credentials, capability, INITIAL_USER_NAMESPACE),
    );
    return mayFollow ? super.followMagic(task) : -EPERM;
  }

  static {
    stateClass(
      "MappedFileLink",
      this,
      { save: (it) => ({ name: it.#name }), load: (it, from) => ({ name: it.#name } = from) },
      FOUND_BY_NAME,
    );
  }
}
