import { EINVAL, ENOSPC, ESTALE, PAGE_SIZE, S_IFDIR, TMPFS_MAGIC, isErrno } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { ROOT } from "../../security/credentials.ts";
import { FileSystem, type FileSystemUsage, type FileSystemType } from "../../vfs/file-system.ts";
import type { MountOptions } from "../../vfs/mount-options.ts";
import type { Inode, NewInode } from "../../vfs/inode.ts";
import { DismantledTree, TmpfsInode } from "./tmpfs-inode.ts";
import type { FsKernel } from "../fs-kernel.ts";

/** Of all tmpfs of a machine: targets of symbolic links and extended attributes, which no page holds. */
const BYTES_MAX = 64 << 20;

interface TmpfsOptions {
  sizeBytes: number;
  inodes: number;
  mode: number;
  uid: number;
  gid: number;
}

/**
 * tmpfs(5): files that live in page cache frames and in names of this process's heap. Nothing of it is ever reclaimed.
 */
export class Tmpfs extends FileSystem {
  readonly type: string = "tmpfs";
  readonly kernel: FsKernel;
  readonly root: TmpfsInode;
  pagesMax: number;
  inodesMax: number;
  pagesUsed = 0;
  inodesUsed = 0;
  #nextIno = 1;
  /** By number, for handles. Bound: `inodesMax`. */
  readonly inodes = new Map<number, TmpfsInode>();
  /** What it was mounted with. */
  #mode: number;
  #uid: number;
  #gid: number;

  constructor(kernel: FsKernel, options: Partial<TmpfsOptions> = {}) {
    super(kernel.allocateDevice());
    this.kernel = kernel;
    const {
      sizeBytes = pagesUnlessGiven(kernel) * PAGE_SIZE,
      inodes = inodesUnlessGiven(kernel),
      mode = MODE_UNLESS_GIVEN,
      uid = 0,
      gid = 0,
    } = options;
    this.#mode = mode;
    this.#uid = uid;
    this.#gid = gid;
    this.pagesMax = Math.ceil(sizeBytes / PAGE_SIZE);
    this.inodesMax = Math.floor(inodes);
    // Counted as all, but never refused: mounts have a bound of their own.
    this.inodesUsed++;
    kernel.vfs.memoryInodes++;
    this.root = this.#addInode({
      mode: S_IFDIR | mode,
      uid,
      gid,
      rdev: 0,
      now: kernel.vfs.now(),
    });
    this.root.parent = this.root;
  }

  /**
   * Takes room for a name or an inode, each of which is memory of the host: −ENOSPC beyond `nr_inodes`, or what all
   * tmpfs of a machine may have.
   */
  reserveInode(): number {
    const { vfs, memory } = this.kernel;
    if (this.inodesUsed >= this.inodesMax || vfs.memoryInodes >= memory.limit) return -ENOSPC;
    this.inodesUsed++;
    vfs.memoryInodes++;
    return 0;
  }

  freeInode(): void {
    this.inodesUsed--;
    this.kernel.vfs.memoryInodes--;
  }

  /** Takes room for targets of links and extended attributes: −ENOSPC beyond BYTES_MAX. */
  reserveBytes(bytes: number): number {
    const { vfs } = this.kernel;
    if (vfs.memoryBytes + bytes > BYTES_MAX) return -ENOSPC;
    vfs.memoryBytes += bytes;
    return 0;
  }

  createInode(attributes: NewInode): TmpfsInode | number {
    return this.reserveInode() < 0 ? -ENOSPC : this.#addInode(attributes);
  }

  #addInode(attributes: NewInode): TmpfsInode {
    const inode = new TmpfsInode(this, this.#nextIno++, attributes);
    this.inodes.set(inode.ino, inode);
    return inode;
  }

  override inodeByNumber(ino: number, generation: number): Inode | number {
    const inode = this.inodes.get(ino);
    return inode === undefined || generation !== this.device || (inode.nlink === 0 && inode.users === 0)
      ? -ESTALE
      : inode;
  }

  /** Numbers aren't used twice: the file system tells handles apart. */
  override generationOf(): number {
    return this.device;
  }

  override get hasWhiteouts(): boolean {
    return true;
  }

  override get allowsIdMaps(): boolean {
    return this.type === "tmpfs";
  }

  usage(): FileSystemUsage {
    return {
      magic: TMPFS_MAGIC,
      blockSize: PAGE_SIZE,
      blocks: this.pagesMax,
      blocksFree: Math.max(0, this.pagesMax - this.pagesUsed),
      files: this.inodesMax,
      filesFree: this.inodesMax - this.inodesUsed,
      nameMax: 255,
    };
  }

  /** What is not as it comes (mm/shmem.c, shmem_show_options). */
  override get options(): string {
    const { pagesMax, inodesMax, kernel } = this;
    const options: string[] = [];
    if (pagesMax !== Math.ceil(pagesUnlessGiven(kernel))) options.push(`size=${pagesMax * (PAGE_SIZE / 1024)}k`);
    if (inodesMax !== Math.floor(inodesUnlessGiven(kernel))) options.push(`nr_inodes=${inodesMax}`);
    if (this.#mode !== MODE_UNLESS_GIVEN) options.push(`mode=${this.#mode.toString(8).padStart(3, "0")}`);
    if (this.#uid !== 0) options.push(`uid=${this.#uid}`);
    if (this.#gid !== 0) options.push(`gid=${this.#gid}`);
    return options.join(",");
  }

  /** Sizes change while as much as is used fits; mode and owner are those of the first mount (mm/shmem.c). */
  override reconfigure(given: MountOptions): number {
    const options = parseOptions(this.kernel, given);
    if (isErrno(options)) return options;
    const pages = options.sizeBytes === undefined ? this.pagesMax : Math.ceil(options.sizeBytes / PAGE_SIZE);
    const inodes = Math.floor(options.inodes ?? this.inodesMax);
    if (pages < this.pagesUsed || inodes < this.inodesUsed) return -EINVAL;
    this.pagesMax = pages;
    this.inodesMax = inodes;
    return 0;
  }

  override shutdown(): void {
    this.kernel.reaper.add(new DismantledTree(this.root));
  }

  static {
    stateClass("Tmpfs", this, {
      save: (it) => ({ nextIno: it.#nextIno, mode: it.#mode, uid: it.#uid, gid: it.#gid }),
      load: (it, from) => ({ nextIno: it.#nextIno, mode: it.#mode, uid: it.#uid, gid: it.#gid } = from),
    });
  }
}

const MODE_UNLESS_GIVEN = 0o1777;

/** Half of memory, as Linux has it. */
function pagesUnlessGiven({ memory }: FsKernel): number {
  return memory.limit / 2;
}

function inodesUnlessGiven({ memory }: FsKernel): number {
  return Math.max(1024, memory.limit / 2);
}

/** Size with k, m, g or % of memory (tmpfs(5)). */
function parseSize(text: string, memoryBytes: number): number {
  const match = /^(\d+)([kmg%]?)$/i.exec(text);
  if (match === null) return NaN;
  const value = Number(match[1]);
  switch (match[2]!.toLowerCase()) {
    case "k":
      return value * 1024;
    case "m":
      return value * 1024 ** 2;
    case "g":
      return value * 1024 ** 3;
    case "%":
      return (value / 100) * memoryBytes;
    default:
      return value;
  }
}

/** −EINVAL: an unknown option, or a value that is none. */
function parseOptions(kernel: FsKernel, options: MountOptions): Partial<TmpfsOptions> | number {
  const { userNamespace } = kernel.scheduler.current?.credentials ?? ROOT;
  const result: Partial<TmpfsOptions> = {};
  const memory = kernel.memory.limit * PAGE_SIZE;
  for (const [key, value] of options) {
    let number = NaN;
    switch (key) {
      case "size":
        result.sizeBytes = number = parseSize(value, memory);
        break;
      case "nr_blocks":
        result.sizeBytes = number = parseSize(value, memory) * PAGE_SIZE;
        break;
      case "nr_inodes":
        result.inodes = number = parseSize(value, memory);
        break;
      case "mode":
        number = /^[0-7]+$/.test(value) ? parseInt(value, 8) & 0o7777 : NaN;
        result.mode = number;
        break;
      case "uid":
        result.uid = number = userNamespace.uids.toKernel(Number(value));
        break;
      case "gid":
        result.gid = number = userNamespace.gids.toKernel(Number(value));
        break;
      case "inode32":
      case "inode64":
      case "huge":
      case "noswap":
      case "mpol":
        number = 0;
        break;
      default:
        return -EINVAL;
    }
    if (Number.isNaN(number) || number < 0) return -EINVAL;
  }
  // 0: no limit but the machine's memory (tmpfs(5)).
  if (result.sizeBytes === 0) result.sizeBytes = memory;
  if (result.inodes === 0) result.inodes = kernel.memory.limit;
  return result;
}

export const tmpfsType: FileSystemType = {
  name: "tmpfs",
  isVirtual: true,
  optionNames: "size nr_blocks nr_inodes mode uid gid inode32 inode64 huge noswap mpol".split(" "),
  userNamespace: (caller) => caller.credentials.userNamespace,
  checkOption: (kernel: FsKernel, key: string, value: string) => {
    const parsed = parseOptions(kernel, new Map([[key, value]]));
    return isErrno(parsed) ? parsed : 0;
  },
  create(kernel: FsKernel, _source: string, options: MountOptions) {
    const parsed = parseOptions(kernel, options);
    const { fsuid, fsgid } = kernel.scheduler.current?.credentials ?? ROOT;
    return isErrno(parsed) ? parsed : new Tmpfs(kernel, { uid: fsuid, gid: fsgid, ...parsed });
  },
};
