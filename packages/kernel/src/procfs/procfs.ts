import { ENOENT, PROC_SUPER_MAGIC, S_IFDIR, isErrno } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { Kernel } from "../task/kernel-state.ts";
import { type FileSystemType, type FileSystemUsage, simpleUsage } from "../vfs/file-system.ts";
import type { MountOptions } from "../vfs/mount-options.ts";
import type { PidNamespace } from "../signal/pid-namespace.ts";
import type { Task } from "../task/task.ts";
import { forgetChild } from "../vfs/dentry-cache.ts";
import type { Inode } from "../vfs/inode.ts";
import { PseudoDirectory, PseudoFileSystem, PseudoLink, FOUND_BY_NAME } from "../pseudo/pseudo-inodes.ts";
import { taskOf } from "../task/task-access.ts";
import type { ProcView } from "./proc-view.ts";
import { ProcessDirectory } from "./process-directory.ts";
import { addSystemFiles } from "./system-files.ts";
import { describeProcOptions, isShown, parseProcOptions, SHOW_ALL, type ProcOptions } from "./proc-options.ts";
import { sysctlDirectory } from "./sysctl-directory.ts";
import type { TaskObserver } from "../task/task-observer.ts";

const SELF = "self",
  THREAD_SELF = "thread-self";
/** What there is beside the numbers with `subset=pid`. */
const OF_PROCESSES: ReadonlySet<string> = new Set([SELF, THREAD_SELF]);

/** proc(5): what the kernel knows, as text. Sources of each file stand in the modules beside this one. */
export class Procfs extends PseudoFileSystem implements ProcView, TaskObserver {
  readonly type = "proc";
  readonly root: ProcRoot;
  /** Whose numbers it shows: the pid namespace of who mounted it. */
  readonly pidNamespace: PidNamespace;
  rules: ProcOptions;

  constructor(kernel: Kernel, pidNamespace: PidNamespace = kernel.tasks.namespace, rules = SHOW_ALL) {
    super(kernel);
    this.pidNamespace = pidNamespace.retain();
    this.rules = rules;
    this.root = new ProcRoot(this).fillLater(1, (root) => {
      addSystemFiles(this, root);
      root.add("sys", sysctlDirectory(this, 2));
      root.add(SELF, new PseudoLink(this, (task) => this.#nameOf(task)));
      root.add(THREAD_SELF, new PseudoLink(this, (task) => this.#threadNameOf(task)));
    });
    kernel.taskObservers.add(this);
  }

  /** −ENOENT: the pid namespace has no number for it. */
  #nameOf(task: Task): string | number {
    const id = this.pidNamespace.idOf(task.pid);
    return id === 0 ? -ENOENT : String(id);
  }

  #threadNameOf(task: Task): string | number {
    const name = this.#nameOf(task);
    return isErrno(name) ? name : `${name}/task/${this.pidNamespace.idOf(task.tid)}`;
  }

  /** The name of a process goes with it. */
  taskEnded(task: Task): void {
    if (task.group.tasks.length > 0) return;
    const root = this.kernel.vfs.roots.get(this);
    if (root !== undefined) forgetChild(this.kernel, root.dentry, String(this.pidNamespace.idOf(task.pid)));
  }

  override get options(): string {
    return describeProcOptions(this.rules);
  }

  override reconfigure(options: MountOptions): number {
    const rules = parseProcOptions(options, this.rules, this.kernel.scheduler.current?.credentials);
    if (isErrno(rules)) return rules;
    this.rules = rules;
    return 0;
  }

  override shutdown(): void {
    this.kernel.taskObservers.delete(this);
    this.pidNamespace.release();
  }

  usage(): FileSystemUsage {
    return simpleUsage(PROC_SUPER_MAGIC);
  }

  static {
    stateClass("Procfs", this, null, {
      remake: {
        describe: ({ kernel, pidNamespace, rules }) => ({ kernel, pidNamespace, rules }),
        make: ({ kernel, pidNamespace, rules }: Procfs) => new Procfs(kernel, pidNamespace, rules),
      },
    });
  }
}

/**
 * Processes by number beside the fixed names. Directories of processes are kept while these live, so that each is one
 * inode.
 */
class ProcRoot extends PseudoDirectory {
  declare readonly fileSystem: Procfs;
  #processes = new Map<number, ProcessDirectory>();

  constructor(fileSystem: Procfs) {
    super(fileSystem, 0o555);
  }

  override get cachesNames(): boolean {
    return false;
  }

  override lookup(name: string): Inode | number {
    const { kernel, rules } = this.fileSystem;
    const code = name.charCodeAt(0);
    if (code < 49 || code > 57) return rules.isSubset && !OF_PROCESSES.has(name) ? -ENOENT : super.lookup(name);
    if (!/^[1-9][0-9]{0,9}$/.test(name)) return -ENOENT;
    const tid = this.fileSystem.pidNamespace.rootIdOf(Number(name));
    const task = taskOf(kernel, tid);
    if (task === null) {
      this.#processes.delete(tid);
      return -ENOENT;
    }
    if (!isShown(rules, kernel.scheduler.current, task)) return -ENOENT;
    let directory = this.#processes.get(tid);
    if (directory === undefined || directory.group !== task.group) {
      this.#forgetDead();
      directory = new ProcessDirectory(this.fileSystem, task);
      this.#processes.set(tid, directory);
    }
    directory.refresh();
    return directory;
  }

  #forgetDead(): void {
    for (const tid of this.#processes.keys())
      if (taskOf(this.fileSystem.kernel, tid) === null) this.#processes.delete(tid);
  }

  override list(
    cursor: number,
    emit: (name: string, ino: number, type: number, nextCursor: number) => boolean,
  ): number {
    // Cursors: fixed names first, then 0x10000 + pid, in order.
    const BASE = 0x10000;
    const { kernel, pidNamespace, rules } = this.fileSystem;
    if (cursor < BASE) {
      let stopped = false;
      super.list(cursor, (name, ino, type, next) => {
        if (rules.isSubset && name !== "." && name !== ".." && !OF_PROCESSES.has(name)) return true;
        if (emit(name, ino, type, next)) return true;
        stopped = true;
        return false;
      });
      if (stopped) return 0;
    }
    const pids: number[] = [];
    for (const [rootId, process] of kernel.tasks.processes) {
      const pid = pidNamespace.idOf(rootId);
      if (pid > 0 && isShown(rules, kernel.scheduler.current, process.leader)) pids.push(pid);
    }
    pids.sort((one, other) => one - other);
    for (const pid of pids) {
      if (BASE + pid < cursor) continue;
      if (!emit(String(pid), BASE + pid, S_IFDIR >> 12, BASE + pid + 1)) break;
    }
    return 0;
  }

  static {
    stateClass(
      "ProcRoot",
      this,
      {
        save: (it) => ({ processes: it.#processes }),
        load: (it, from) => ({ processes: it.#processes } = from),
      },
      FOUND_BY_NAME,
    );
  }
}

export const procType: FileSystemType = {
  name: "proc",
  isVirtual: true,
  optionNames: ["gid", "hidepid", "subset"],
  isRevealing: true,
  userNamespace: (caller) => caller.group.pidNamespace.owner,
  checkOption: (kernel: Kernel, key: string, value: string) => {
    const rules = parseProcOptions(new Map([[key, value]]), SHOW_ALL, kernel.scheduler.current?.credentials);
    return isErrno(rules) ? rules : 0;
  },
  create(kernel: Kernel, _source: string, options: MountOptions) {
    const { current } = kernel.scheduler;
    const rules = parseProcOptions(options, SHOW_ALL, current?.credentials);
    return isErrno(rules) ? rules : new Procfs(kernel, current?.group.pidNamespace, rules);
  },
};
