/** /proc/PID/fd and fdinfo (proc_pid_fd(5), proc_pid_fdinfo(5)). */
import { EACCES, EINVAL, ENOENT, ESRCH, O_PATH, S_IFDIR, S_IFLNK } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { PidNamespace } from "../signal/pid-namespace.ts";
import { belongToUser } from "./process-file.ts";
import type { Task } from "../task/task.ts";
import { describeOwnLocks } from "../vfs/file-locks.ts";
import { OpenFileLink } from "./open-file-link.ts";
import type { ProcView } from "./proc-view.ts";
import { anonymousMount, inodeOfFile } from "../vfs/anonymous-file.ts";
import { Inode } from "../vfs/inode.ts";
import { OpenFile } from "../vfs/open-file.ts";
import type { Caller } from "../vfs/vfs-kernel.ts";
import { PseudoFile, type PseudoFileSystem, PseudoInode, FOUND_BY_NAME } from "../pseudo/pseudo-inodes.ts";
import { isReaped, mayInspect } from "../task/task-access.ts";
import type { Mount } from "../vfs/mount.ts";

/** /proc/PID/fd and fdinfo. */
export class DescriptorDirectory extends PseudoInode {
  declare readonly fileSystem: ProcView;
  #target: () => Task;
  #kind: "links" | "info";
  /** One inode for each descriptor as long as it is the same file. */
  #inodes = new Map<number, { file: OpenFile; inode: Inode }>();

  constructor(fileSystem: ProcView, target: () => Task, kind: "links" | "info") {
    super(fileSystem, S_IFDIR | (kind === "links" ? 0o500 : 0o555));
    this.nlink = 2;
    this.#target = target;
    this.#kind = kind;
  }

  override get cachesNames(): boolean {
    return false;
  }

  override refresh(): number {
    const task = this.#target();
    belongToUser(this, task);
    this.size = this.#kind === "links" && isAlive(task) ? task.files.openCount : 0;
    return 0;
  }

  override get listingRefused(): number {
    return isReaped(this.#target()) ? -ENOENT : 0;
  }

  /** A process always gets at its own, also after it gave up root's identity (fs/proc/fd.c, proc_fd_permission). */
  override mayAccess(task: Caller, mask: number, mount: Mount): number {
    const target = this.#target();
    if (this.#kind === "info" && isReaped(target)) return -ESRCH;
    const result = super.mayAccess(task, mask, mount);
    return this.#kind === "links" && this.fileSystem.kernel.scheduler.current?.group === target.group ? 0 : result;
  }

  override lookup(name: string): Inode | number {
    const task = this.#target();
    this.refresh();
    if (!/^(0|[1-9][0-9]{0,8})$/.test(name) || !isAlive(task)) return -ENOENT;
    const fd = Number(name);
    const file = task.files.get(fd);
    if (file === undefined) {
      this.#inodes.delete(fd);
      return -ENOENT;
    }
    const known = this.#inodes.get(fd);
    if (known !== undefined && known.file === file) return known.inode;
    const inode = this.#make(fd, (file.flags & O_PATH) !== 0 ? 0 : modeOf(file));
    belongToUser(inode, task);
    this.#inodes.set(fd, { file, inode });
    return inode;
  }

  #make(fd: number, mode: number): Inode {
    return this.holds(
      String(fd),
      this.#kind === "links"
        ? new DescriptorLink(this.fileSystem, this.#target, fd, mode)
        : new DescriptorInfo(
            this.fileSystem,
            () => describeDescriptor(this.#target(), fd, this.fileSystem.pidNamespace),
            {
              guard: (caller) => mayInspect(caller, this.#target(), "fs"),
            },
          ),
    );
  }

  override entryNamed(name: string): Inode {
    return this.#make(Number(name), 0);
  }

  override open(task: Task): number | null {
    return mayInspect(task, this.#target(), "fs") < 0 ? -EACCES : null;
  }

  override list(
    cursor: number,
    emit: (name: string, ino: number, type: number, nextCursor: number) => boolean,
  ): number {
    const task = this.#target();
    if (!isAlive(task)) return -ENOENT;
    const type = this.#kind === "links" ? S_IFLNK >> 12 : 8;
    for (let fd = task.files.nextOpen(cursor); fd >= 0; fd = task.files.nextOpen(fd + 1))
      if (!emit(String(fd), this.ino * 1024 + fd, type, fd + 1)) break;
    return 0;
  }

  static {
    stateClass(
      "DescriptorDirectory",
      this,
      {
        save: (it) => ({ target: it.#target, kind: it.#kind, inodes: it.#inodes }),
        load: (it, from) => ({ target: it.#target, kind: it.#kind, inodes: it.#inodes } = from),
      },
      FOUND_BY_NAME,
    );
  }
}

function modeOf(file: OpenFile): number {
  return (file.isReadable ? 0o500 : 0) | (file.isWritable ? 0o300 : 0);
}

export function isAlive(task: Task): boolean {
  return task.state !== "Z" && task.state !== "X";
}

/** Descriptors come and go by themselves: a mount over one would outlive it. */
class DescriptorInfo extends PseudoFile {
  override get waiting(): "refused" {
    return "refused";
  }

  override get writeRefusal(): number {
    return -EINVAL;
  }

  override get isMountable(): boolean {
    return false;
  }

  static {
    stateClass("DescriptorInfo", this, null, FOUND_BY_NAME);
  }
}

class DescriptorLink extends OpenFileLink {
  #fd: number;

  constructor(fileSystem: PseudoFileSystem, target: () => Task, fd: number, mode: number) {
    super(fileSystem, target, mode);
    this.#fd = fd;
  }

  protected override fileOf(task: Task): OpenFile | undefined {
    return isAlive(task) ? task.files.get(this.#fd) : undefined;
  }

  static {
    stateClass(
      "DescriptorLink",
      this,
      { save: (it) => ({ fd: it.#fd }), load: (it, from) => ({ fd: it.#fd } = from) },
      FOUND_BY_NAME,
    );
  }
}

/** proc(5), /proc/PID/fdinfo. */
function describeDescriptor(task: Task, fd: number, ids: PidNamespace): string | number {
  const file = isAlive(task) ? task.files.get(fd) : undefined;
  if (file === undefined) return -ENOENT;
  const flags = file.flags | (task.files.isCloseOnExec(fd) ? 0o2000000 : 0);
  const mount = file.path?.mount.id ?? anonymousMount(task.kernel).id;
  const inode = file.shownInode;
  const locks = inode === null ? [] : describeOwnLocks(inode, file, task.files, ids);
  const { ino } = inode ?? inodeOfFile(task.kernel, file);
  return (
    `pos:\t${file.position}\nflags:\t0${flags.toString(8)}\nmnt_id:\t${mount}\nino:\t${ino}\n` +
    locks.map((line, at) => `lock:\t${at + 1}: ${line}\n`).join("") +
    file.details(task)
  );
}
