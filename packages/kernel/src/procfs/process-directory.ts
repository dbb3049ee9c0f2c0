import { EACCES, EINVAL, ENOENT, EPERM, ESRCH, S_IFDIR, S_IFLNK, SYSCALL_NAMES, isErrno } from "@stratos/abi";
import { byteString, stateClass } from "@stratos/base";
import type { Changes } from "../ground/changes.ts";
import type { PidNamespace } from "../signal/pid-namespace.ts";
import type { ProcView } from "./proc-view.ts";
import { oomScore } from "../task/oom-killer.ts";
import { describeTimers } from "../task/process-timers.ts";
import type { Task } from "../task/task.ts";
import type { ThreadGroup } from "../task/thread-group.ts";
import { Inode } from "../vfs/inode.ts";
import { pathName } from "../vfs/path-name.ts";
import { Path } from "../vfs/path.ts";
import type { Caller } from "../vfs/vfs-kernel.ts";
import {
  PseudoDirectory,
  PseudoFile,
  PseudoInode,
  FOUND_BY_NAME,
  type TextRequest,
  type TextSink,
  type TextSource,
} from "../pseudo/pseudo-inodes.ts";
import { queryMaps } from "./maps-query.ts";
import { MemoryInode } from "./memory-file.ts";
import { Pagemap } from "./pagemap.ts";
import { describeNumaMaps } from "./numa-maps.ts";
import { belongToUser } from "./process-file.ts";
import { describeMaps, describeSmaps, describeSmapsRollup } from "./process-maps.ts";
import { describeMountInfo, describeMounts, describeMountStats } from "./process-mounts.ts";
import { memoryTextOf, titleOf } from "../task/process-title.ts";
import { hasMemory, isReaped, mayInspect, taskOf } from "../task/task-access.ts";
import {
  describeIo,
  describeCall,
  describeLimits,
  describeSchedule,
  describeStat,
  describeStatm,
  describeStatus,
} from "./process-status.ts";
import {
  clearReferences,
  oomAdjust,
  rename,
  setCoreFilter,
  setLoginUid,
  setOomAdjust,
  setOomScoreAdjust,
  setTimerSlack,
} from "./process-settings.ts";
import { NetDirectory } from "./net-files.ts";
import {
  describeIdMap,
  describeSetgroups,
  describeTimeOffsets,
  mayOpenSetgroups,
  writeIdMap,
  writeSetgroups,
  writeTimeOffsets,
} from "./namespace-settings.ts";
import { isAccessible } from "./proc-options.ts";
import { DescriptorDirectory, isAlive } from "./process-descriptors.ts";
import { MappedFilesDirectory } from "./mapped-files.ts";
import { NamespaceDirectory } from "./process-namespaces.ts";
import type { Mount } from "../vfs/mount.ts";

/** /proc/PID and /proc/PID/task/TID. Owned by the process, so that only its user reads what is private (proc(5)). */
export class ProcessDirectory extends PseudoDirectory {
  declare readonly fileSystem: ProcView;
  readonly task: Task;
  readonly group: ThreadGroup;
  /** /proc/PID/task/TID. */
  readonly isThread: boolean;

  constructor(fileSystem: ProcView, task: Task, isThread = false) {
    super(fileSystem, 0o555);
    this.task = task;
    this.group = task.group;
    this.isThread = isThread;
    this.#fill(fileSystem, isThread);
    for (const inode of this.#inodes()) this.#madeWithIt(inode);
  }

  #madeWithIt(inode: Inode): void {
    inode.atime = inode.mtime = inode.ctime = inode.btime = this.btime;
  }

  override get cachesNames(): boolean {
    return false;
  }

  /** The thread whose state it shows: a program's execve may have changed the leader. */
  get #target(): Task {
    return this.#living ?? this.task;
  }

  /** Null: it was waited for, and its number may be another's. */
  get #living(): Task | null {
    const task = taskOf(this.fileSystem.kernel, this.task.tid);
    return task?.group === this.group ? task : null;
  }

  override get listingRefused(): number {
    return this.#living === null ? -ENOENT : 0;
  }

  override get isVanished(): boolean {
    return this.#living === null;
  }

  override refresh(): number {
    this.own(this);
    return 0;
  }

  /** A file of the process gets its owner. */
  own(inode: Inode): void {
    belongToUser(inode, this.#target);
  }

  override mayAccess(task: Caller, mask: number, mount: Mount): number {
    if (!this.isThread && this.#living === null) return -ESRCH;
    return this.#isAccessible ? super.mayAccess(task, mask, mount) : -EPERM;
  }

  get #isAccessible(): boolean {
    const { rules, kernel } = this.fileSystem;
    return isAccessible(rules, kernel.scheduler.current, this.#target);
  }

  /** Who owns a file of the process is decided as it is now: it may have changed its ids since. */
  override lookup(name: string): Inode | number {
    if (this.#living === null) return -ESRCH;
    if (!this.#isAccessible) return -EPERM;
    const inode = super.lookup(name);
    if (!isErrno(inode)) inode.refresh();
    return inode;
  }

  #inodes(directory: PseudoDirectory = this): Inode[] {
    return [...directory.entries.values()].flatMap((inode) =>
      inode instanceof PseudoDirectory ? [inode, ...this.#inodes(inode)] : [inode],
    );
  }

  #fill(fileSystem: ProcView, isThread: boolean): void {
    const target = (): Task => this.#target;
    const guard = (caller: Task): number => mayInspect(caller, target(), "fs");
    const file = (
      name: string,
      source: TextSource,
      options: {
        mode?: number;
        sink?: TextSink;
        isPrivate?: boolean;
        watched?: () => Changes;
        ioctl?: TextRequest;
        guard?: (caller: Task, flags: number) => number;
        /** What was opened in time tells also of a process that is gone. */
        outlives?: boolean;
      } = {},
    ): void => {
      const { isPrivate, outlives, sink, ...rest } = options;
      const read: TextSource = (caller, from, kept) =>
        outlives !== true && this.#living === null ? -ESRCH : source(caller, from, kept);
      const write: TextSink = (caller, text, opener, at) =>
        this.#living === null ? -ESRCH : sink!(caller, text, opener, at);
      const given = sink === undefined ? rest : { ...rest, sink: write };
      this.add(name, new OwnedFile(this, read, isPrivate === true ? { guard, ...given } : given));
    };
    const guardMemory = (caller: Task): number => (hasMemory(target()) ? guard(caller) : -ESRCH);
    const guardMounts = (): number => (isAlive(target()) ? 0 : -EINVAL);
    file("stat", (caller) =>
      describeStat(target(), isThread, {
        isVisible: mayInspect(caller, target(), "fs") === 0,
        reader: caller,
        ids: fileSystem.pidNamespace,
      }),
    );
    file("statm", (_caller, from, kept) => describeStatm(target(), from, kept));
    file("status", (caller, from, kept) =>
      describeStatus(target(), { ids: fileSystem.pidNamespace, names: caller.credentials.userNamespace }, from, kept),
    );
    file("cmdline", () => title(target()));
    file("environ", () => environment(target()), { mode: 0o400, guard: guardMemory, outlives: true });
    file("comm", () => `${target().name}\n`, { mode: 0o644, sink: (caller, text) => rename(caller, target(), text) });
    file("maps", (caller, from) => describeMaps(target(), caller, from), {
      isPrivate: true,
      ioctl: (caller, command, argument) => queryMaps(caller, target(), command, argument),
    });
    this.add("pagemap", new Pagemap(fileSystem, target));
    this.add("mem", new MemoryInode(fileSystem, target));
    file("smaps", (caller, from) => describeSmaps(target(), caller, from), { isPrivate: true });
    file("smaps_rollup", (_caller, from, kept) => describeSmapsRollup(target(), from, kept), {
      guard: guardMemory,
    });
    file("limits", () => describeLimits(target()));
    file("io", () => describeIo(target(), isThread), { mode: 0o400, isPrivate: true });
    file("wchan", () => (target().state === "S" ? (SYSCALL_NAMES[target().syscallNumber] ?? "0") : "0"));
    file("syscall", (caller) => describeCall(target(), caller), { mode: 0o400, isPrivate: true });
    file("stack", () => "", { mode: 0o400, isPrivate: true });
    file("auxv", () => byteString(target().space.auxiliaryVector), {
      mode: 0o400,
      guard: guardMemory,
      outlives: true,
    });
    file("personality", () => `${target().personality.toString(16).padStart(8, "0")}\n`, { mode: 0o400 });
    const watched = (): Changes => target().fs.namespace.changes;
    const ofMounts = { guard: guardMounts, outlives: true };
    file("mounts", (_caller, from) => describeMounts(target(), from), { watched, ...ofMounts });
    file("mountinfo", (_caller, from) => describeMountInfo(target(), from), { watched, ...ofMounts });
    file("mountstats", (_caller, from) => describeMountStats(target(), from), { mode: 0o400, ...ofMounts });
    file("cgroup", (caller) => `0::${caller.namespaces.cgroup.pathOf(target().controlGroup)}\n`);
    file("cpuset", () => "/\n");
    file("loginuid", (caller) => describeLoginUid(target(), caller), {
      sink: (caller, text, opener, at) => setLoginUid(caller, target(), opener, text, at),
    });
    file("sessionid", () => `${target().loginSession >>> 0}`);
    file("oom_score", () => `${oomScore(fileSystem.kernel, this.group)}\n`);
    file("oom_score_adj", () => `${this.group.oomScoreAdjust}\n`, {
      mode: 0o644,
      sink: (caller, text) => setOomScoreAdjust(caller, this.group, text),
    });
    file("oom_adj", () => `${oomAdjust(this.group)}\n`, {
      mode: 0o644,
      sink: (caller, text) => setOomAdjust(caller, this.group, text),
    });
    file("clear_refs", () => -EINVAL, {
      mode: 0o200,
      sink: (_caller, text) => clearReferences(target(), text),
    });
    file("numa_maps", (caller, from) => describeNumaMaps(target(), caller, from), { isPrivate: true });
    file("sched", () => describeSchedule(target(), fileSystem.pidNamespace));
    file(
      "schedstat",
      () =>
        `${Math.floor(target().userNs + target().systemNs)} 0 ` +
        `${target().voluntarySwitches + target().involuntarySwitches}\n`,
    );
    for (const [name, kind] of [
      ["uid_map", "uids"],
      ["gid_map", "gids"],
      ["projid_map", "projects"],
    ] as const)
      file(name, (caller) => describeIdMap(target(), kind, caller), {
        mode: 0o644,
        sink: (caller, text, opener) => writeIdMap(caller, opener.credentials, target(), kind, text),
        outlives: true,
      });
    file("setgroups", () => describeSetgroups(target()), {
      mode: 0o644,
      sink: (_caller, text) => writeSetgroups(target(), text),
      guard: (caller, flags) => mayOpenSetgroups(caller, target(), flags),
      outlives: true,
    });
    file("timens_offsets", () => (isAlive(target()) ? describeTimeOffsets(target()) : ""), {
      mode: 0o644,
      sink: (_caller, text, opener) => writeTimeOffsets(opener.credentials, target(), text),
    });
    const coreFilter = (): string => `${this.group.coreFilter.toString(16).padStart(8, "0")}\n`;
    file("coredump_filter", () => (hasMemory(target()) ? coreFilter() : ""), {
      sink: (_caller, text) => (hasMemory(target()) ? setCoreFilter(this.group, text) : -ESRCH),
    });
    file("timerslack_ns", () => `${target().timerSlackNs}\n`, {
      mode: 0o666,
      sink: (_caller, text) => setTimerSlack(target(), text),
    });
    this.add("exe", new PlaceLink(this, target, (task) => (hasMemory(task) ? task.space.executable : null)));
    this.add("cwd", new PlaceLink(this, target, (task) => task.fs.cwd));
    this.add("root", new PlaceLink(this, target, (task) => task.fs.root));
    this.add("fd", new DescriptorDirectory(fileSystem, target, "links"));
    this.add("fdinfo", new DescriptorDirectory(fileSystem, target, "info"));
    this.add("ns", new NamespaceDirectory(this, target));
    this.add("net", new NetDirectory(fileSystem, target));
    this.add("attr", securityAttributes(this, target));
    if (!isThread) {
      this.add("task", new ThreadsDirectory(fileSystem, this.group));
      this.add("map_files", new MappedFilesDirectory(fileSystem, target));
      file("timers", () => (this.#living === null ? -ESRCH : describeTimers(this.group, fileSystem.pidNamespace)));
    } else file("children", () => describeChildren(this.#living, fileSystem.pidNamespace), { outlives: true });
  }

  static {
    stateClass(
      "ProcessDirectory",
      this,
      {
        // What ps has looked at is made anew with its numbers: sixty files of each process.
        save: (it) => ({ inodes: it.#inodes().filter((inode) => !isAsMade(inode, it)) }),
        load: (it, { inodes }: { inodes: readonly Inode[] }) => {
          const kept = new Set(inodes);
          for (const inode of it.#inodes()) if (!kept.has(inode)) it.#madeWithIt(inode);
        },
      },
      {
        remake: {
          describe: ({ fileSystem, task, isThread, ino }) => ({ fileSystem, task, isThread, ino }),
          make: ({ fileSystem, task, isThread, ino }: ProcessPlace) =>
            fileSystem.numberedFrom(ino, () => new ProcessDirectory(fileSystem, task, isThread)),
        },
      },
    );
  }
}

interface ProcessPlace extends Pick<ProcessDirectory, "fileSystem" | "task" | "isThread" | "ino"> {}

/** Those that hold nothing beside what every inode has. */
function isAsMade(inode: Inode, { btime }: ProcessDirectory): boolean {
  const isPlain = [OwnedFile, PlaceLink, Pagemap, MemoryInode].some((type) => inode instanceof type);
  return isPlain && (inode as PseudoInode).isAsMade(btime);
}

/** What security modules say of a process: there are none (fs/proc/base.c, proc_pid_attr_read). */
function securityAttributes(owner: ProcessDirectory, target: () => Task): PseudoDirectory {
  const directory = new PseudoDirectory(owner.fileSystem, 0o555);
  const sink: TextSink = (caller) =>
    caller.space !== target().space ? -EPERM : caller === target() ? -EINVAL : -EACCES;
  for (const name of ["current", "prev", "exec", "fscreate", "keycreate", "sockcreate"])
    directory.add(name, new OwnedFile(owner, () => -EINVAL, { mode: name === "prev" ? 0o444 : 0o666, sink }));
  return directory;
}

/** Processes that the thread made or took in, the oldest first (proc_pid_task(5)); "" when it is gone. */
function describeChildren(thread: Task | null, ids: PidNamespace): string {
  if (thread === null) return "";
  let text = "";
  for (const child of thread.group.children) if (child.parentThread === thread) text += `${ids.idOf(child.pid)} `;
  return text;
}

/** Nobody is what no namespace has a name for, too (fs/proc/base.c, proc_loginuid_read). */
function describeLoginUid({ loginUid }: Task, { credentials }: Task): string {
  return `${(loginUid < 0 ? -1 : credentials.userNamespace.uids.fromKernel(loginUid)) >>> 0}`;
}

const MOUNTS: ReadonlySet<string> = new Set(["mounts", "mountinfo", "mountstats"]);

/** A write into others leaves the place in the file where it was (fs/proc/base.c). */
const MOVED_ON: ReadonlySet<string> = new Set("uid_map gid_map projid_map setgroups timens_offsets".split(" "));

/** Files that Linux makes without its seq_file, so that lseek(2) finds an end: 0 (fs/proc/base.c). */
const UNSEQUENCED: ReadonlySet<string> = new Set(
  "auxv cmdline coredump_filter environ loginuid oom_adj oom_score_adj sessionid".split(" "),
);

/** A file of a process belongs to its user. */
class OwnedFile extends PseudoFile {
  #owner: ProcessDirectory;

  constructor(owner: ProcessDirectory, source: TextSource, options: ConstructorParameters<typeof PseudoFile>[2]) {
    super(owner.fileSystem, source, options);
    this.#owner = owner;
    this.refresh();
  }

  override get waiting(): "refused" {
    return "refused";
  }

  override get writeRefusal(): number {
    return -EINVAL;
  }

  override get hasIterator(): boolean {
    return MOUNTS.has(this.entryName);
  }

  override get movesOn(): boolean {
    return MOVED_ON.has(this.entryName);
  }

  /** fs/proc/base.c, environ_read. */
  override get isReadWhole(): boolean {
    return this.entryName === "environ";
  }

  override get isSequence(): boolean {
    return !UNSEQUENCED.has(this.entryName);
  }

  override refresh(): number {
    this.#owner.own(this);
    return 0;
  }

  static {
    stateClass(
      "OwnedFile",
      this,
      {
        save: (it) => ({ owner: it.#owner }),
        load: (it, from) => ({ owner: it.#owner } = from),
      },
      FOUND_BY_NAME,
    );
  }
}

function title(task: Task): string {
  return hasMemory(task) ? titleOf(task.space, (start, end) => memoryText(task, start, end)) : "";
}

function environment(task: Task): string {
  return hasMemory(task) ? memoryText(task, task.space.environmentStart, task.space.environmentEnd) : "";
}

/** Bytes of the process's own memory; "" for what isn't there. */
function memoryText({ space }: Task, start: number, end: number): string {
  return memoryTextOf({ start, end }, (address, into) => space.copyIn(address, into, 0, into.length) >= 0);
}

/** exe, cwd, root: magic links to a place. */
class PlaceLink extends PseudoInode {
  #target: () => Task;
  #place: (task: Task) => Path | null;

  constructor(owner: ProcessDirectory, target: () => Task, place: (task: Task) => Path | null) {
    super(owner.fileSystem, S_IFLNK | 0o777);
    this.#target = target;
    this.#place = place;
  }

  override readlink(task: Task | null): string | number {
    const place = this.#find(task);
    return isErrno(place) ? place : pathName(place, (task ?? this.#target()).fs.root);
  }

  override followMagic(task: Task): Path | number {
    return this.#find(task);
  }

  #find(caller: Task | null): Path | number {
    const task = this.#target();
    if (caller !== null && mayInspect(caller, task, "fs") < 0) return -EACCES;
    if (task.state === "Z" || task.state === "X") return -ENOENT;
    return this.#place(task) ?? -ENOENT;
  }

  static {
    stateClass(
      "PlaceLink",
      this,
      {
        save: (it) => ({ target: it.#target, place: it.#place }),
        load: (it, from) => ({ target: it.#target, place: it.#place } = from),
      },
      FOUND_BY_NAME,
    );
  }
}

/** /proc/PID/task. */
class ThreadsDirectory extends PseudoInode {
  declare readonly fileSystem: ProcView;
  #group: ThreadGroup;
  #threads = new Map<number, ProcessDirectory>();

  constructor(fileSystem: ProcView, group: ThreadGroup) {
    super(fileSystem, S_IFDIR | 0o555);
    this.#group = group;
    this.nlink = 3;
  }

  override refresh(): number {
    const { leader } = this.#group;
    if (leader !== null) belongToUser(this, leader);
    // Each thread's directory leads up here (fs/proc/base.c, proc_task_getattr).
    this.nlink = 2 + Math.max(1, this.#group.tasks.length);
    return 0;
  }

  override get cachesNames(): boolean {
    return false;
  }

  get #isGone(): boolean {
    return isReaped(this.#group.leader);
  }

  override get listingRefused(): number {
    return this.#isGone ? -ENOENT : 0;
  }

  override mayAccess(task: Caller, mask: number, mount: Mount): number {
    return this.#isGone ? -ESRCH : super.mayAccess(task, mask, mount);
  }

  #tids(): number[] {
    const { pidNamespace } = this.fileSystem;
    const tids = this.#group.tasks.map((task) => pidNamespace.idOf(task.tid));
    if (tids.length === 0 && this.#group.leader !== null) tids.push(pidNamespace.idOf(this.#group.leader.tid));
    return tids.sort((one, other) => one - other);
  }

  override lookup(name: string): Inode | number {
    if (!/^[1-9][0-9]{0,9}$/.test(name)) return -ENOENT;
    const tid = this.fileSystem.pidNamespace.rootIdOf(Number(name));
    const task = taskOf(this.fileSystem.kernel, tid);
    if (task === null || task.group !== this.#group) {
      this.#threads.delete(tid);
      return -ENOENT;
    }
    let directory = this.#threads.get(tid);
    if (directory === undefined || directory.task !== task) {
      directory = new ProcessDirectory(this.fileSystem, task, true);
      this.#threads.set(tid, directory);
    }
    directory.refresh();
    return directory;
  }

  override list(
    cursor: number,
    emit: (name: string, ino: number, type: number, nextCursor: number) => boolean,
  ): number {
    const tids = this.#tids();
    if (tids.length === 0) return -ESRCH;
    for (const tid of tids) {
      if (tid < cursor) continue;
      if (!emit(String(tid), this.ino * 1024 + tid, S_IFDIR >> 12, tid + 1)) break;
    }
    return 0;
  }

  static {
    stateClass(
      "ThreadsDirectory",
      this,
      {
        save: (it) => ({ group: it.#group, threads: it.#threads }),
        load: (it, from) => ({ group: it.#group, threads: it.#threads } = from),
      },
      FOUND_BY_NAME,
    );
  }
}
