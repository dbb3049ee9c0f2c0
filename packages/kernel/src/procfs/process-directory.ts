import { EACCES, EBADF, EINVAL, ENOENT, ESRCH, O_PATH, S_IFDIR, S_IFLNK, SYSCALL_NAMES, isErrno } from "@stratos/abi";
import { byteString, stateClass } from "@stratos/base";
import type { Changes } from "../ground/changes.ts";
import type { Procfs } from "./procfs.ts";
import type { Task } from "../task/task.ts";
import type { ThreadGroup } from "../task/thread-group.ts";
import { anonymousMount } from "../vfs/anonymous-file.ts";
import { Inode } from "../vfs/inode.ts";
import { OpenFile } from "../vfs/open-file.ts";
import { pathName } from "../vfs/path-name.ts";
import { Path } from "../vfs/path.ts";
import {
  PseudoDirectory,
  PseudoFile,
  type PseudoFileSystem,
  PseudoInode,
  PseudoLink,
  FOUND_BY_NAME,
  type TextRequest,
  type TextSink,
  type TextSource,
} from "../pseudo/pseudo-inodes.ts";
import { queryMaps } from "./maps-query.ts";
import { Pagemap } from "./pagemap.ts";
import { describeMaps, describeSmaps, describeSmapsRollup } from "./process-maps.ts";
import { describeMountInfo, describeMounts, describeMountStats } from "./process-mounts.ts";
import { mayInspect, hasMemory, taskOf } from "../task/task-access.ts";
import {
  describeIo,
  describeLimits,
  describeSchedule,
  describeStat,
  describeStatm,
  describeStatus,
} from "./process-status.ts";
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
import { type Namespace, NAMESPACE_KINDS } from "../security/namespace.ts";
import { namespaceOf } from "../task/enter-namespaces.ts";
import { namespaceFileSystem, namespaceName } from "../vfs/namespace-file.ts";

/** /proc/PID and /proc/PID/task/TID. Owned by the process, so that only its user reads what is private (proc(5)). */
export class ProcessDirectory extends PseudoDirectory {
  readonly task: Task;
  readonly group: ThreadGroup;
  /** /proc/PID/task/TID. */
  readonly isThread: boolean;

  constructor(fileSystem: Procfs, task: Task, isThread = false) {
    super(fileSystem, 0o555);
    this.task = task;
    this.group = task.group;
    this.isThread = isThread;
    this.#fill(fileSystem, isThread);
  }

  override get cachesNames(): boolean {
    return false;
  }

  /** The thread whose state it shows: a program's execve may have changed the leader. */
  get #target(): Task {
    return taskOf(this.fileSystem.kernel, this.task.tid) ?? this.task;
  }

  override refresh(): number {
    const {
      credentials,
      group: { isDumpable },
    } = this.#target;
    this.uid = isDumpable ? credentials.euid : 0;
    this.gid = isDumpable ? credentials.egid : 0;
    return 0;
  }

  /** Who owns a file of the process is decided as it is now: it may have changed its ids since. */
  override lookup(name: string): Inode | number {
    const inode = super.lookup(name);
    if (!isErrno(inode)) inode.refresh();
    return inode;
  }

  #inodes(directory: PseudoDirectory = this): Inode[] {
    return [...directory.entries.values()].flatMap((inode) =>
      inode instanceof PseudoDirectory ? [inode, ...this.#inodes(inode)] : [inode],
    );
  }

  #fill(fileSystem: Procfs, isThread: boolean): void {
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
      } = {},
    ): void => {
      const { isPrivate, ...rest } = options;
      this.add(name, new OwnedFile(this, source, isPrivate === true ? { ...rest, guard } : rest));
    };
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
    file("cmdline", () => memoryText(target(), "arguments"));
    file("environ", () => memoryText(target(), "environment"), { mode: 0o400, isPrivate: true });
    file("comm", () => `${target().name}\n`, { mode: 0o644, sink: (caller, text) => rename(caller, target(), text) });
    file("maps", (caller, from) => describeMaps(target(), caller, from), {
      isPrivate: true,
      ioctl: (caller, command, argument) => queryMaps(caller, target(), command, argument),
    });
    this.add("pagemap", new Pagemap(fileSystem, target));
    file("smaps", (caller, from) => describeSmaps(target(), caller, from), { isPrivate: true });
    file("smaps_rollup", (_caller, from, kept) => describeSmapsRollup(target(), from, kept), { isPrivate: true });
    file("limits", () => describeLimits(target()));
    file("io", () => describeIo(), { mode: 0o400, isPrivate: true });
    file("wchan", () => (target().state === "S" ? (SYSCALL_NAMES[target().syscallNumber] ?? "0") : "0"));
    file("syscall", () => (target().state === "R" ? "running\n" : `${target().syscallNumber}\n`), {
      mode: 0o400,
      isPrivate: true,
    });
    file("stack", () => "", { mode: 0o400, isPrivate: true });
    file("auxv", () => byteString(target().space.auxiliaryVector), { mode: 0o400, isPrivate: true });
    file("personality", () => `${target().personality.toString(16).padStart(8, "0")}\n`, { mode: 0o400 });
    const watched = (): Changes => target().fs.namespace.changes;
    file("mounts", () => describeMounts(target()), { watched });
    file("mountinfo", () => describeMountInfo(target()), { watched });
    file("mountstats", () => describeMountStats(target()), { mode: 0o400, watched });
    file("cgroup", () => "0::/\n");
    file("cpuset", () => "/\n");
    file("loginuid", () => "4294967295", { sink: () => 0 });
    file("sessionid", () => "4294967295");
    file("oom_score", () => "0\n");
    file("oom_score_adj", () => `${this.group.oomScoreAdjust}\n`, {
      mode: 0o644,
      sink: (_caller, text) => this.#setOomScore(text),
    });
    file("oom_adj", () => `${Math.trunc((this.group.oomScoreAdjust * 17) / 1000)}\n`, { mode: 0o644, sink: () => 0 });
    file("sched", () => describeSchedule(target(), fileSystem.pidNamespace));
    file(
      "schedstat",
      () =>
        `${Math.floor(target().userNs + target().systemNs)} 0 ` +
        `${target().voluntarySwitches + target().involuntarySwitches}\n`,
    );
    for (const kind of ["uids", "gids"] as const)
      file(kind === "uids" ? "uid_map" : "gid_map", (caller) => describeIdMap(target(), kind, caller), {
        mode: 0o644,
        sink: (caller, text, opener) => writeIdMap(caller, opener, target(), kind, text),
      });
    file("setgroups", () => describeSetgroups(target()), {
      mode: 0o644,
      sink: (_caller, text) => writeSetgroups(target(), text),
      guard: (caller, flags) => mayOpenSetgroups(caller, target(), flags),
    });
    file("timens_offsets", () => describeTimeOffsets(target()), {
      mode: 0o644,
      sink: (_caller, text, opener) => writeTimeOffsets(opener, target(), text),
    });
    file("coredump_filter", () => `${this.group.coreFilter.toString(16).padStart(8, "0")}\n`, {
      sink: (_caller, text) => this.#setCoreFilter(text),
    });
    file("timerslack_ns", () => `${target().timerSlackNs}\n`, {
      mode: 0o666,
      sink: (_caller, text) => this.#setTimerSlack(target(), text),
    });
    this.add("exe", new PlaceLink(this, target, (task) => (hasMemory(task) ? task.space.executable : null)));
    this.add("cwd", new PlaceLink(this, target, (task) => task.fs.cwd));
    this.add("root", new PlaceLink(this, target, (task) => task.fs.root));
    this.add("fd", new DescriptorDirectory(fileSystem, target, "links"));
    this.add("fdinfo", new DescriptorDirectory(fileSystem, target, "info"));
    this.add("ns", new NamespaceDirectory(this, target));
    this.add("net", new NetDirectory(fileSystem, target));
    if (!isThread) this.add("task", new ThreadsDirectory(fileSystem, this.group));
  }

  /** Bits that Linux doesn't know are dropped. */
  #setCoreFilter(text: string): number {
    const value = Number(text.trim());
    if (text.trim() === "" || !Number.isInteger(value) || value < 0) return -EINVAL;
    this.group.coreFilter = value & 0x1ff;
    return 0;
  }

  #setTimerSlack(task: Task, text: string): number {
    const value = Number(text.trim());
    if (!Number.isInteger(value) || value < 0 || value > Number.MAX_SAFE_INTEGER) return -EINVAL;
    task.timerSlackNs = value === 0 ? task.defaultTimerSlackNs : value;
    return 0;
  }

  #setOomScore(text: string): number {
    const value = Number(text.trim());
    if (!Number.isInteger(value) || value < -1000 || value > 1000) return -EINVAL;
    this.group.oomScoreAdjust = value;
    return 0;
  }

  static {
    stateClass(
      "ProcessDirectory",
      this,
      // All that stands in it, so that each keeps its number.
      { save: (it) => ({ inodes: it.#inodes() }), load: () => {} },
      {
        remake: {
          describe: ({ fileSystem, task, isThread }) => ({ fileSystem, task, isThread }),
          make: ({ fileSystem, task, isThread }: { fileSystem: Procfs; task: Task; isThread: boolean }) =>
            new ProcessDirectory(fileSystem, task, isThread),
        },
      },
    );
  }
}

/** A file of a process belongs to its user. */
class OwnedFile extends PseudoFile {
  #owner: ProcessDirectory;

  constructor(owner: ProcessDirectory, source: TextSource, options: ConstructorParameters<typeof PseudoFile>[2]) {
    super(owner.fileSystem, source, options);
    this.#owner = owner;
    this.refresh();
  }

  override refresh(): number {
    this.#owner.refresh();
    this.uid = this.#owner.uid;
    this.gid = this.#owner.gid;
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

/** Arguments or environment, read from the process's own memory (proc(5)); "" for one without memory. */
function memoryText(task: Task, what: "arguments" | "environment"): string | number {
  if (!hasMemory(task)) return "";
  const { space } = task;
  const start = what === "arguments" ? space.argumentsStart : space.environmentStart;
  const end = what === "arguments" ? space.argumentsEnd : space.environmentEnd;
  const bytes = new Uint8Array(Math.min(Math.max(0, end - start), 1 << 21));
  return space.copyIn(start, bytes, 0, bytes.length) < 0 ? "" : byteString(bytes);
}

function rename(caller: Task, task: Task, text: string): number {
  if (caller.group !== task.group) return -EINVAL;
  task.name = text.replace(/\n$/, "").slice(0, 15);
  return 0;
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

/** /proc/PID/fd and fdinfo. */
class DescriptorDirectory extends PseudoInode {
  #target: () => Task;
  #kind: "links" | "info";
  /** One inode for each descriptor as long as it is the same file. */
  #inodes = new Map<number, { file: OpenFile; inode: Inode }>();

  constructor(fileSystem: PseudoFileSystem, target: () => Task, kind: "links" | "info") {
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
    // A process always gets at its own, also after it gave up root's identity (fs/proc/fd.c, proc_fd_permission).
    const belongsToUser = task.group.isDumpable || this.fileSystem.kernel.scheduler.current?.group === task.group;
    this.uid = belongsToUser ? task.credentials.euid : 0;
    this.gid = belongsToUser ? task.credentials.egid : 0;
    this.size = this.#kind === "links" && isAlive(task) ? task.files.openCount : 0;
    return 0;
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
    inode.uid = this.uid;
    inode.gid = this.gid;
    this.#inodes.set(fd, { file, inode });
    return inode;
  }

  #make(fd: number, mode: number): Inode {
    return this.holds(
      String(fd),
      this.#kind === "links"
        ? new DescriptorLink(this.fileSystem, this.#target, fd, mode)
        : new DescriptorInfo(this.fileSystem, () => describeDescriptor(this.#target(), fd), {
            guard: (caller) => mayInspect(caller, this.#target(), "fs"),
          }),
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
    let stopped = false;
    task.files.forEach((fd) => {
      if (stopped) return;
      stopped = !emit(String(fd), this.ino * 1024 + fd, this.#kind === "links" ? S_IFLNK >> 12 : 8, fd + 1);
    }, cursor);
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

function isAlive(task: Task): boolean {
  return task.state !== "Z" && task.state !== "X";
}

/** Descriptors come and go by themselves: a mount over one would outlive it. */
class DescriptorInfo extends PseudoFile {
  override get isMountable(): boolean {
    return false;
  }

  static {
    stateClass("DescriptorInfo", this, null, FOUND_BY_NAME);
  }
}

class DescriptorLink extends PseudoInode {
  #target: () => Task;
  #fd: number;

  constructor(fileSystem: PseudoFileSystem, target: () => Task, fd: number, mode: number) {
    super(fileSystem, S_IFLNK | mode);
    this.#target = target;
    this.#fd = fd;
    this.size = 64;
  }

  override get isMountable(): boolean {
    return false;
  }

  #file(caller: Task | null): OpenFile | number {
    const task = this.#target();
    if (caller !== null && mayInspect(caller, task, "fs") < 0) return -EACCES;
    return (isAlive(task) ? task.files.get(this.#fd) : undefined) ?? -ENOENT;
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
      "DescriptorLink",
      this,
      {
        save: (it) => ({ target: it.#target, fd: it.#fd }),
        load: (it, from) => ({ target: it.#target, fd: it.#fd } = from),
      },
      FOUND_BY_NAME,
    );
  }
}

/** proc(5), /proc/PID/fdinfo. */
function describeDescriptor(task: Task, fd: number): string | number {
  const file = isAlive(task) ? task.files.get(fd) : undefined;
  if (file === undefined) return -EBADF;
  const flags = file.flags | (task.files.isCloseOnExec(fd) ? 0o2000000 : 0);
  const mount = file.path?.mount.id ?? anonymousMount(task.kernel).id;
  return (
    `pos:\t${file.position}\nflags:\t0${flags.toString(8)}\nmnt_id:\t${mount}\nino:\t${file.inode?.ino ?? 0}\n` +
    `${file.details(task)}`
  );
}

/** /proc/PID/task. */
class ThreadsDirectory extends PseudoInode {
  declare readonly fileSystem: Procfs;
  #group: ThreadGroup;
  #threads = new Map<number, ProcessDirectory>();

  constructor(fileSystem: Procfs, group: ThreadGroup) {
    super(fileSystem, S_IFDIR | 0o555);
    this.#group = group;
    this.nlink = 3;
  }

  override get cachesNames(): boolean {
    return false;
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

/** /proc/PID/ns: what each leads to is asked for when it is read or followed (namespaces(7)). */
class NamespaceLink extends PseudoLink {
  #target: () => Task;
  #choose: (task: Task) => Namespace | null;

  constructor(fileSystem: PseudoFileSystem, target: () => Task, choose: (task: Task) => Namespace | null) {
    super(fileSystem, "");
    this.#target = target;
    this.#choose = choose;
  }

  /** −EACCES to who may not look into the process; −ENOENT: it has ended, or nobody was born there yet. */
  #find(caller: Task | null): Namespace | number {
    const task = this.#target();
    if (caller !== null && mayInspect(caller, task, "fs") < 0) return -EACCES;
    return isAlive(task) ? (this.#choose(task) ?? -ENOENT) : -ENOENT;
  }

  override readlink(task: Task | null): string | number {
    const namespace = this.#find(task);
    return isErrno(namespace) ? namespace : namespaceName(namespace);
  }

  override followMagic(task: Task): Path | number {
    const namespace = this.#find(task);
    return isErrno(namespace) ? namespace : namespaceFileSystem(task.kernel).pathOf(namespace);
  }

  static {
    stateClass(
      "NamespaceLink",
      this,
      {
        save: (it) => ({ target: it.#target, choose: it.#choose }),
        load: (it, from) => ({ target: it.#target, choose: it.#choose } = from),
      },
      FOUND_BY_NAME,
    );
  }
}

/** /proc/PID/ns. */
class NamespaceDirectory extends PseudoDirectory {
  #owner: ProcessDirectory;

  constructor(owner: ProcessDirectory, target: () => Task) {
    super(owner.fileSystem, 0o511);
    this.#owner = owner;
    const add = (name: string, choose: (task: Task) => Namespace | null): void =>
      void this.add(name, new NamespaceLink(owner.fileSystem, target, choose));
    for (const kind of NAMESPACE_KINDS) {
      add(kind, (task) => namespaceOf(task, kind));
      if (kind === "pid")
        add("pid_for_children", ({ namespaces: { pidForChildren } }) =>
          pidForChildren.init === null ? null : pidForChildren,
        );
      if (kind === "time") add("time_for_children", ({ namespaces }) => namespaces.timeForChildren);
    }
  }

  override refresh(): number {
    this.#owner.refresh();
    this.uid = this.#owner.uid;
    this.gid = this.#owner.gid;
    return 0;
  }

  static {
    stateClass(
      "NamespaceDirectory",
      this,
      { save: (it) => ({ owner: it.#owner }), load: (it, from) => ({ owner: it.#owner } = from) },
      FOUND_BY_NAME,
    );
  }
}
