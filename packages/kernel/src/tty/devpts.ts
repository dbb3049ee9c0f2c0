/**
 * devpts: the directory of pseudo-terminals (pts(4)). One instance serves the whole kernel, wherever it is mounted.
 *
 * /dev/pts/ptmx is the multiplexer, too, with `ptmxmode`; the numbers come and go with the masters.
 */
import {
  DEVPTS_SUPER_MAGIC,
  EACCES,
  EINVAL,
  ENOENT,
  ENOSPC,
  ENXIO,
  EPERM,
  O_NOCTTY,
  S_IFCHR,
  S_IFDIR,
  S_IFMT,
  S_IFREG,
  UNIX98_PTY_SLAVE_MAJOR,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { Pty, PtyMasterFile } from "./pty.ts";
import { Dentry } from "../vfs/dentry.ts";
import { makeDevice } from "../vfs/device-registry.ts";
import { FileSystem, type FileSystemType, type FileSystemUsage, simpleUsage } from "../vfs/file-system.ts";
import type { MountOptions } from "../vfs/mount-options.ts";
import { Inode, type NewInode } from "../vfs/inode.ts";
import type { OpenFile } from "../vfs/open-file.ts";
import { Path } from "../vfs/path.ts";
import { PTYS_MAX, type TerminalsCaller, type TerminalsKernel } from "./tty-state.ts";
import type { TtyCaller } from "./tty-kernel.ts";

/** kernel.pty.max. */
const ROOT_INO = 1,
  PTMX_INO = 2,
  FIRST_PTY_INO = 3;
const PTMX_DEVICE = makeDevice(5, 2);

interface Options {
  uid: number | null;
  gid: number | null;
  mode: number;
  ptmxMode: number;
  max: number;
}

class DevptsFileSystem extends FileSystem {
  readonly type = "devpts";
  readonly root: DevptsRoot;
  readonly kernel: TerminalsKernel;
  readonly settings: Options = { uid: null, gid: null, mode: 0o600, ptmxMode: 0, max: PTYS_MAX };
  /** By number; a hidden one keeps its number until its last file is closed. */
  #ptys: (PtyEntry | null)[] = [];
  #count = 0;

  constructor(kernel: TerminalsKernel) {
    super(kernel.allocateDevice());
    this.kernel = kernel;
    this.root = new DevptsRoot(this);
  }

  /** Pairs that are open. */
  get count(): number {
    return this.#count;
  }

  usage(): FileSystemUsage {
    return simpleUsage(DEVPTS_SUPER_MAGIC);
  }

  override get options(): string {
    const { uid, gid, mode, ptmxMode } = this.settings;
    return [
      uid === null ? "" : `uid=${uid}`,
      gid === null ? "" : `gid=${gid}`,
      `mode=${mode.toString(8)}`,
      `ptmxmode=${ptmxMode.toString(8).padStart(3, "0")}`,
    ]
      .filter((part) => part !== "")
      .join(",");
  }

  /** Takes mount options: 0 or −EINVAL. */
  configure(options: MountOptions): number {
    const next = { ...this.settings };
    for (const [name, value] of options) {
      const number =
        /^[0-7]+$/.test(value) && (name === "mode" || name === "ptmxmode")
          ? parseInt(value, 8)
          : /^[0-9]+$/.test(value)
            ? parseInt(value, 10)
            : -1;
      if (name === "newinstance") continue;
      if (number < 0) return -EINVAL;
      if (name === "uid") next.uid = number;
      else if (name === "gid") next.gid = number;
      else if (name === "mode") next.mode = number & 0o777;
      else if (name === "ptmxmode") next.ptmxMode = number & 0o777;
      else if (name === "max") next.max = Math.min(number, PTYS_MAX);
      else return -EINVAL;
    }
    Object.assign(this.settings, next);
    this.root.ptmx.mode = S_IFCHR | next.ptmxMode;
    return 0;
  }

  /** A new pair, seen by its master: −ENOSPC when there are too many. */
  openMaster(task: TtyCaller, flags: number, inode: Inode | null, path: Path | null): OpenFile | number {
    if (this.#count >= Math.min(this.settings.max, this.kernel.tty.maximumPtys)) return -ENOSPC;
    let index = 0;
    while (this.#ptys[index]) index++;
    const device = makeDevice(UNIX98_PTY_SLAVE_MAJOR, index);
    const pty = new Pty(this.kernel, index, device, this);
    this.#ptys[index] = { pty, inode: new PtsInode(this, pty, task), isHidden: false };
    this.#count++;
    return new PtyMasterFile(pty, flags & ~O_NOCTTY, inode, path);
  }

  pty(index: number): Pty | null {
    return this.#ptys[index]?.pty ?? null;
  }

  inodeAt(index: number): Inode | null {
    const entry = this.#ptys[index];
    return entry && !entry.isHidden ? entry.inode : null;
  }

  forEach(visit: (index: number, inode: Inode) => boolean, from: number): void {
    for (let index = from; index < this.#ptys.length; index++) {
      const inode = this.inodeAt(index);
      if (inode !== null && !visit(index, inode)) return;
    }
  }

  /** The master is closed: the name is gone. */
  hide(index: number): void {
    const entry = this.#ptys[index];
    if (!entry) return;
    entry.isHidden = true;
    entry.inode.nlink = 0;
  }

  /** Nothing is open on it: the number may be used again. */
  free(index: number): void {
    if (!this.#ptys[index]) return;
    this.#ptys[index] = null;
    this.#count--;
  }

  /**
   * Where the task sees the terminal, for TIOCGPTPEER; a place of its own when devpts is mounted nowhere in its view.
   */
  pathOf(task: TtyCaller, index: number): Path | null {
    const inode = this.inodeAt(index);
    if (inode === null) return null;
    const mount = task.fs.namespace.mounts.find((each) => each.fileSystem === this);
    return mount === undefined ? null : new Path(mount, new Dentry(String(index), mount.root, inode));
  }

  static {
    stateClass("DevptsFileSystem", this, {
      save: (it) => ({ ptys: it.#ptys, count: it.#count }),
      load: (it, from) => ({ ptys: it.#ptys, count: it.#count } = from),
    });
  }
}

interface PtyEntry {
  readonly pty: Pty;
  readonly inode: PtsInode;
  isHidden: boolean;
}

class DevptsRoot extends Inode {
  declare readonly fileSystem: DevptsFileSystem;
  readonly ptmx: PtmxInode;

  /** −EACCES for open(2), as of each folder without such an operation (fs/namei.c, lookup_open). */
  override create(_name: string, { mode }: NewInode): number {
    return (mode & S_IFMT) === S_IFREG ? -EACCES : -EPERM;
  }

  constructor(fileSystem: DevptsFileSystem) {
    super(fileSystem, ROOT_INO, S_IFDIR | 0o755, 0, 0, fileSystem.kernel.vfs.now());
    this.nlink = 2;
    this.ptmx = new PtmxInode(fileSystem);
  }

  override get cachesNames(): boolean {
    return false;
  }

  override lookup(name: string): Inode | number {
    if (name === "ptmx") return this.ptmx;
    return (/^(0|[1-9][0-9]{0,6})$/.test(name) ? this.fileSystem.inodeAt(Number(name)) : null) ?? -ENOENT;
  }

  override list(
    cursor: number,
    emit: (name: string, ino: number, type: number, nextCursor: number) => boolean,
  ): number {
    const type = S_IFCHR >> 12;
    if (cursor === 0 && !emit("ptmx", PTMX_INO, type, 1)) return 0;
    this.fileSystem.forEach((index, inode) => emit(String(index), inode.ino, type, index + 2), Math.max(0, cursor - 1));
    return 0;
  }

  static {
    stateClass("DevptsRoot", this);
  }
}

class PtmxInode extends Inode {
  declare readonly fileSystem: DevptsFileSystem;

  constructor(fileSystem: DevptsFileSystem) {
    super(fileSystem, PTMX_INO, S_IFCHR, 0, 0, fileSystem.kernel.vfs.now());
    this.rdev = PTMX_DEVICE;
  }

  override open(task: TtyCaller, flags: number, path: Path): OpenFile | number {
    return this.fileSystem.openMaster(task, flags, this, path);
  }

  static {
    stateClass("PtmxInode", this);
  }
}

class PtsInode extends Inode {
  readonly pty: Pty;

  constructor(fileSystem: DevptsFileSystem, pty: Pty, task: TtyCaller) {
    const { uid, gid, mode } = fileSystem.settings;
    super(
      fileSystem,
      FIRST_PTY_INO + pty.index,
      S_IFCHR | mode,
      uid ?? task.credentials.fsuid,
      gid ?? task.credentials.fsgid,
      fileSystem.kernel.vfs.now(),
    );
    this.rdev = pty.terminal.device;
    this.pty = pty;
  }

  override open(task: TtyCaller, flags: number, path: Path): OpenFile | number {
    return this.pty.open(task, this, flags, path);
  }

  static {
    stateClass("PtsInode", this);
  }
}

/** The kernel's instance. */
export function devptsOf(kernel: TerminalsKernel): DevptsFileSystem {
  return (kernel.tty.devpts ??= new DevptsFileSystem(kernel)) as DevptsFileSystem;
}

/** For mount(2). */
export const devptsType: FileSystemType = {
  name: "devpts",
  isVirtual: true,
  optionNames: ["uid", "gid", "mode", "ptmxmode", "newinstance", "max"],
  userNamespace: (caller) => caller.credentials.userNamespace,
  create(kernel: TerminalsKernel, _source: string, options: MountOptions): FileSystem | number {
    // Another user namespace has terminals of its own, and settings of theirs, as who asks for them.
    const isInitial = (kernel.scheduler.current?.credentials.userNamespace.parent ?? null) === null;
    const fileSystem = isInitial && !options.has("newinstance") ? devptsOf(kernel) : new DevptsFileSystem(kernel);
    const result = fileSystem.configure(options);
    return result < 0 ? result : fileSystem;
  },
};

/** A device node of major 136 outside devpts: −ENXIO when there is no such terminal. */
export function openPts(
  task: TerminalsCaller,
  index: number,
  inode: Inode,
  flags: number,
  path: Path,
): OpenFile | number {
  return devptsOf(task.kernel).pty(index)?.open(task, inode, flags, path) ?? -ENXIO;
}
