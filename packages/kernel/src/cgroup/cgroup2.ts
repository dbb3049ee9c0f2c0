/**
 * cgroup2, the file system of control groups (cgroups(7)): one tree for the machine, however often it is mounted. A
 * directory is a group; what stands in it is made by cgroup/group-files.ts.
 */
import { CGROUP2_SUPER_MAGIC, EEXIST, EINVAL, ENODEV, ENOENT, EPERM, ESTALE, isErrno, S_IFDIR } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { PART_INOS, PseudoFile, PseudoFileSystem, PseudoInode, remadeFileSystem } from "../pseudo/pseudo-inodes.ts";
import type { ControlGroup } from "../task/control-group.ts";
import { makeGroup, removeGroup } from "../task/control-group-changes.ts";
import type { Kernel } from "../task/kernel-state.ts";
import type { Task } from "../task/task.ts";
import { notifyInode } from "../vfs/file-events.ts";
import { type FileSystemType, type FileSystemUsage, simpleUsage } from "../vfs/file-system.ts";
import { NUMBER_ALONE } from "../vfs/file-handle.ts";
import type { MountOptions } from "../vfs/mount-options.ts";
import { type AttributeChange, type Inode, type NewInode, TIMES } from "../vfs/inode.ts";
import type { GroupFileKind } from "./group-file-kind.ts";
import { groupFiles, mayWrite } from "./group-files.ts";
import { getGroupXattr, removeGroupXattr, setGroupXattr } from "./group-xattrs.ts";

class Cgroup2 extends PseudoFileSystem {
  readonly type = "cgroup2";
  readonly root: GroupDirectory;

  constructor(kernel: Kernel) {
    super(kernel);
    this.root = new GroupDirectory(this, kernel.controlGroups.root);
    kernel.controlGroups.watcher = this;
  }

  /** For `GroupWatcher`. */
  inoOf(group: ControlGroup): number {
    return this.directoryOf(group).ino;
  }

  /** For `GroupWatcher`. */
  fileChanged(group: ControlGroup, name: string): void {
    if (this.kernel.vfs.watchCount === 0) return;
    const inode = this.directoryOf(group).entryNamed(name);
    if (inode !== null) notifyInode(this.kernel, inode, null, "modify");
  }

  /** For `GroupWatcher`. */
  fileOf(group: ControlGroup, name: string): Inode | null {
    return this.directoryOf(group).entryNamed(name);
  }

  directoryOf(group: ControlGroup): GroupDirectory {
    return group.parent === null ? this.root : this.directoryOf(group.parent).directoryFor(group);
  }

  /** The handle of a group is its number, of 64 bits: what bpf(2) and pidfds know it by. */
  override generationOf(): number {
    return NUMBER_ALONE;
  }

  override inodeByNumber(ino: number, generation: number): Inode | number {
    if (generation !== NUMBER_ALONE) return -ESTALE;
    return this.#searchBelow(this.kernel.controlGroups.root, ino) ?? -ESTALE;
  }

  override namesOf(inode: Inode): readonly string[] | null {
    const names: string[] = [];
    let at = inode as PseudoInode;
    for (; at !== this.root && at.directory !== null; at = at.directory) names.unshift(at.entryName);
    return at === this.root ? names : null;
  }

  /** GROUPS_MAX bounds it. */
  #searchBelow(group: ControlGroup, ino: number): Inode | null {
    const found = this.directoryOf(group).inodeNumbered(ino);
    if (found !== null) return found;
    for (const child of group.children.values()) {
      const inode = this.#searchBelow(child, ino);
      if (inode !== null) return inode;
    }
    return null;
  }

  override get fileWaiting(): "attribute" {
    return "attribute";
  }

  override get options(): string {
    return this.kernel.controlGroups.nsDelegates ? "nsdelegate" : "";
  }

  override reconfigure(options: MountOptions): number {
    this.kernel.controlGroups.nsDelegates = options.has("nsdelegate");
    return 0;
  }

  usage(): FileSystemUsage {
    return simpleUsage(CGROUP2_SUPER_MAGIC);
  }

  static {
    stateClass("Cgroup2", this, null, remadeFileSystem(Cgroup2));
  }
}

/** The machine's only one. */
function theCgroup2(kernel: Kernel): Cgroup2 {
  const { watcher } = kernel.controlGroups;
  return watcher instanceof Cgroup2 ? watcher : new Cgroup2(kernel);
}

/** Control can be given to others by chmod(2) and chown(2): what the group has of that finds its way back to them. */
function rememberAttributes({ mode, uid, gid }: PseudoInode, group: ControlGroup, name: string): void {
  group.attributes.set(name, { mode, uid, gid });
}

function takeAttributes(inode: PseudoInode, group: ControlGroup, name: string): void {
  const { uid, gid, mode } = group.attributes.get(name) ?? { ...group.owner, mode: inode.mode };
  inode.uid = uid;
  inode.gid = gid;
  inode.mode = mode;
}

/** Where its inodes are found again. */
interface GroupPlace {
  readonly fileSystem: Cgroup2;
  readonly group: ControlGroup;
}

class GroupDirectory extends PseudoInode {
  declare readonly fileSystem: Cgroup2;
  readonly group: ControlGroup;
  /** null: nobody has looked for one. */
  #files: ReadonlyMap<string, GroupFile> | null = null;
  #directories = new Map<ControlGroup, GroupDirectory>();

  constructor(fileSystem: Cgroup2, group: ControlGroup) {
    let ino = 0;
    // Numbers are the group's, whenever its directory is made.
    fileSystem.inRegion(1, () => (ino = fileSystem.allocateIno()), group.id);
    super(fileSystem, S_IFDIR | 0o755, ino);
    this.group = group;
    takeAttributes(this, group, "");
  }

  /** Made when somebody first looks for one, as if they had been with it: their numbers follow its own. */
  get #allFiles(): ReadonlyMap<string, GroupFile> {
    if (this.#files !== null) return this.#files;
    const { fileSystem, group } = this;
    const made = new Map<string, GroupFile>();
    let ino = this.ino;
    for (const [name, kind] of Object.entries(groupFiles(fileSystem.kernel, group))) {
      const file = fileSystem.numberedFrom(++ino, () => new GroupFile(fileSystem, group, name, kind));
      for (const time of TIMES) file[time] = this.btime;
      made.set(name, this.holds(name, file));
    }
    return (this.#files = made);
  }

  directoryFor(child: ControlGroup): GroupDirectory {
    let directory = this.#directories.get(child);
    if (directory === undefined) {
      directory = this.holds(child.name, new GroupDirectory(this.fileSystem, child));
      this.#directories.set(child, directory);
    }
    return directory;
  }

  /** It, or a file in it: what has the number now. */
  inodeNumbered(ino: number): Inode | null {
    if (ino === this.ino) return this;
    if (ino < this.ino || ino >= this.ino + PART_INOS) return null;
    for (const file of this.#allFiles.values()) if (file.ino === ino) return file.isThere ? file : null;
    return null;
  }

  file(name: string): GroupFile {
    return this.#allFiles.get(name)!;
  }

  override entryNamed(name: string): Inode | null {
    const file = this.#allFiles.get(name);
    if (file !== undefined) return file.isThere ? file : null;
    const child = this.group.children.get(name);
    return child === undefined ? null : this.directoryFor(child);
  }

  override lookup(name: string): Inode | number {
    return this.group.isRemoved ? -ENOENT : (this.entryNamed(name) ?? -ENOENT);
  }

  override get cachesNames(): boolean {
    return false;
  }

  /** The count of links tells how many groups there are in it. */
  override refresh(): number {
    this.nlink = 2 + this.group.children.size;
    return 0;
  }

  override list(
    cursor: number,
    emit: (name: string, ino: number, type: number, nextCursor: number) => boolean,
  ): number {
    if (this.group.isRemoved) return 0;
    let index = 0;
    for (const [name, file] of this.#allFiles) {
      if (index++ < cursor || !file.isThere) continue;
      if (!emit(name, file.ino, file.type >> 12, index)) return 0;
    }
    // By number, so that what comes and goes meanwhile moves no other.
    for (const child of this.group.children.values()) {
      const at = this.#allFiles.size + child.id;
      if (at < cursor) continue;
      const { ino } = this.directoryFor(child);
      if (!emit(child.name, ino, S_IFDIR >> 12, at + 1)) return 0;
    }
    return 0;
  }

  override mkdir(name: string, { mode, uid, gid }: NewInode): Inode | number {
    if (name.includes("\n")) return -EINVAL;
    if (this.entryNamed(name) !== null) return -EEXIST;
    const group = makeGroup(this.fileSystem.kernel, this.group, name, { uid, gid });
    if (isErrno(group)) return group;
    group.attributes.set("", { mode, uid, gid });
    this.nlink++;
    return this.directoryFor(group);
  }

  override rmdir(name: string, inode: Inode): number {
    if (!(inode instanceof GroupDirectory)) return -EPERM;
    const failed = removeGroup(this.fileSystem.kernel, inode.group);
    if (failed < 0) return failed;
    this.#directories.delete(inode.group);
    this.nlink--;
    inode.nlink = 0;
    return 0;
  }

  protected override get keepsAttributes(): boolean {
    return true;
  }

  override setAttributes(change: AttributeChange): number {
    super.setAttributes(change);
    rememberAttributes(this, this.group, "");
    return 0;
  }

  override getXattr(name: string): Uint8Array | number {
    return getGroupXattr(this.group, "", name);
  }

  override setXattr(name: string, value: Uint8Array, flags: number): number {
    return setGroupXattr(this.group, "", { name, value, flags });
  }

  override removeXattr(name: string): number {
    return removeGroupXattr(this.group, "", name);
  }

  override listXattrs(): string[] {
    return [...(this.group.xattrs.get("")?.keys() ?? [])];
  }

  static {
    stateClass("GroupDirectory", this, null, {
      keeps: ["#files", "#directories"],
      remake: {
        describe: ({ fileSystem, group }: GroupDirectory): GroupPlace => ({ fileSystem, group }),
        make: ({ fileSystem, group }: GroupPlace) => fileSystem.directoryOf(group),
      },
    });
  }
}

class GroupFile extends PseudoFile {
  readonly group: ControlGroup;
  readonly #name: string;
  readonly #kind: GroupFileKind;

  constructor(fileSystem: Cgroup2, group: ControlGroup, name: string, kind: GroupFileKind) {
    // What says something only can be opened for writing by who may all, and takes nothing (fs/kernfs/file.c).
    const { sink = (): number => -EINVAL } = kind;
    const gone = (): number => (group.isRemoved || !hasController(group, kind) ? -ENODEV : 0);
    super(fileSystem, (task, from, kept) => gone() || kind.source(task, from, kept), {
      sink: (task, text, opener, at) =>
        gone() || mayWrite(task.kernel, opener, group, name) || sink(task, text, opener, at),
      mode: kind.mode ?? (kind.sink === undefined ? 0o444 : 0o644),
      ...(kind.watched === undefined ? {} : { watched: kind.watched }),
    });
    this.group = group;
    this.#name = name;
    this.#kind = kind;
    takeAttributes(this, group, name);
  }

  /** Files of a controller are there where the group has it. */
  get isThere(): boolean {
    return hasController(this.group, this.#kind);
  }

  protected override get keepsAttributes(): boolean {
    return true;
  }

  override setAttributes(change: AttributeChange): number {
    super.setAttributes(change);
    rememberAttributes(this, this.group, this.#name);
    return 0;
  }

  override getXattr(name: string): Uint8Array | number {
    return getGroupXattr(this.group, this.#name, name);
  }

  override setXattr(name: string, value: Uint8Array, flags: number): number {
    return setGroupXattr(this.group, this.#name, { name, value, flags });
  }

  override removeXattr(name: string): number {
    return removeGroupXattr(this.group, this.#name, name);
  }

  override listXattrs(): string[] {
    return [...(this.group.xattrs.get(this.#name)?.keys() ?? [])];
  }

  static {
    stateClass("GroupFile", this, null, {
      keeps: ["#name", "#kind"],
      remake: {
        describe: ({ fileSystem, group, entryName: name }: GroupFile): GroupPlace & { name: string } => ({
          fileSystem: fileSystem as Cgroup2,
          group,
          name,
        }),
        make: ({ fileSystem, group, name }: GroupPlace & { name: string }) => fileSystem.directoryOf(group).file(name),
      },
    });
  }
}

function hasController(group: ControlGroup, { controller }: GroupFileKind): boolean {
  return controller === null || (group.parent !== null && group.controllers.includes(controller));
}

/** The group whose directory it is; null: it is none. */
export function groupBehind(inode: Inode | null): ControlGroup | null {
  return inode instanceof GroupDirectory ? inode.group : null;
}

export const cgroup2Type: FileSystemType = {
  name: "cgroup2",
  isVirtual: true,
  userNamespace: (caller: Task) => caller.namespaces.cgroup.owner,
  optionNames: [
    "nsdelegate",
    "favordynmods",
    "memory_localevents",
    "memory_recursiveprot",
    "memory_hugetlb_accounting",
    "pids_localevents",
  ],
  rootFor: (caller: Task) => caller.namespaces.cgroup.root.path.split("/").filter((name) => name !== ""),
  create(kernel: Kernel, _source: string, options: MountOptions) {
    // Only who sees all of the tree changes what holds for all of it.
    const { current } = kernel.scheduler;
    if (current === null || current.namespaces.cgroup.root.parent === null)
      kernel.controlGroups.nsDelegates = options.has("nsdelegate");
    return theCgroup2(kernel);
  },
};
