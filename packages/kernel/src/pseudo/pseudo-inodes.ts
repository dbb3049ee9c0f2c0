/**
 * Building blocks of procfs and sysfs: files whose text is made when it is read. What makes it stands in functions, so
 * a loaded machine makes the file systems anew, and finds each inode that something holds by its directory and name.
 */
import {
  EACCES,
  EINVAL,
  EIO,
  ENOENT,
  ENOTTY,
  ENXIO,
  EOPNOTSUPP,
  EPERM,
  ESPIPE,
  O_ACCMODE,
  O_RDONLY,
  POLLERR,
  POLLIN,
  POLLPRI,
  POLLRDNORM,
  SEEK_CUR,
  SEEK_END,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  isErrno,
} from "@stratos/abi";
import { byteString, byteStringOf, stateClass, StateError } from "@stratos/base";
import type { Changes } from "../ground/changes.ts";
import type { Credentials } from "../security/credentials.ts";
import type { ControlGroup } from "../task/control-group.ts";
import type { Kernel } from "../task/kernel-state.ts";
import type { Task } from "../task/task.ts";
import { UNFINISHED, WaitQueue } from "../ground/wait-queue.ts";
import { notifyFile } from "../vfs/file-events.ts";
import { FileSystem } from "../vfs/file-system.ts";
import { type AttributeChange, Inode, type NewInode, type Time } from "../vfs/inode.ts";
import { putWhole, type IoCursor } from "../ground/io-cursor.ts";
import { OpenFile } from "../vfs/open-file.ts";
import type { Path } from "../vfs/path.ts";
import { FILE_SIZE_MAX } from "../vfs/content-change.ts";
import { seekTarget } from "../vfs/seek-target.ts";

/**
 * What poll(2) and epoll(7) make of a file of text: files of processes can't be waited for (EPERM); others are ready
 * for good; an attribute, of a device or a control group, shows a change until it is read (kernfs_generic_poll in
 * Linux's fs/kernfs/file.c), so one that nobody has read yet looks changed.
 */
type FileWaiting = "refused" | "ready" | "attribute";

export abstract class PseudoFileSystem extends FileSystem {
  readonly kernel: Kernel;
  /** The root is made first: it is number 1, by which runc(8) knows proc (PROC_ROOT_INO). */
  #lastIno = 0;

  constructor(kernel: Kernel) {
    super(kernel.allocateDevice());
    this.kernel = kernel;
  }

  override get isMadeOnDemand(): boolean {
    return true;
  }

  /** What its files are unless they say otherwise. */
  get fileWaiting(): FileWaiting {
    return "ready";
  }

  allocateIno(): number {
    return ++this.#lastIno;
  }

  /**
   * Inodes that are made in `fill` have numbers of their own region, whenever that is.
   *
   * @param region  1 … 7
   * @param part  of the region, which has 2^18 of 1,024 inodes each
   */
  inRegion(region: number, fill: () => void, part = 0): void {
    const last = this.#lastIno;
    this.#lastIno = region * REGION_INOS + (part % PARTS) * PART_INOS;
    fill();
    this.#lastIno = last;
  }

  /** @param first  the number of what it makes first */
  numberedFrom<T extends Inode>(first: number, make: () => T): T {
    const last = this.#lastIno;
    this.#lastIno = first - 1;
    try {
      return make();
    } finally {
      this.#lastIno = last;
    }
  }

  static {
    stateClass("PseudoFileSystem", this, {
      save: (it) => ({ lastIno: it.#lastIno }),
      load: (it, from) => ({ lastIno: it.#lastIno } = from),
    });
  }
}

/** More than a directory that is filled later has below it, and than processes take before it. */
const REGION_INOS = 2 ** 28;
const PARTS = 2 ** 18;
export const PART_INOS = REGION_INOS / PARTS;

/** How a file system of this kind is loaded. */
export function remadeFileSystem<T extends PseudoFileSystem>(
  type: new (kernel: Kernel) => T,
): { remake: { describe(it: T): { kernel: Kernel }; make(from: { kernel: Kernel }): T } } {
  return { remake: { describe: ({ kernel }) => ({ kernel }), make: ({ kernel }) => new type(kernel) } };
}

/** Where an inode is found again; a root stands in no directory. */
interface PseudoPlace {
  readonly fileSystem: PseudoFileSystem;
  readonly directory: PseudoInode | null;
  readonly entryName: string;
}

/** How an inode of this kind is loaded: it is what its directory has under its name. */
export const FOUND_BY_NAME = {
  remake: {
    describe: ({ fileSystem, directory, entryName }: PseudoInode): PseudoPlace => ({
      fileSystem,
      directory,
      entryName,
    }),
    make: ({ fileSystem, directory, entryName }: PseudoPlace): Inode => {
      const found = directory === null ? fileSystem.root : directory.entryNamed(entryName);
      if (found === null) throw new StateError("foreign", `${fileSystem.type} has no ${entryName} here`);
      return found;
    },
  },
} as const;

/** Attributes belong to the kernel: only what a subclass allows changes. */
export abstract class PseudoInode extends Inode {
  declare readonly fileSystem: PseudoFileSystem;
  /** Where it stands; null: it is the root. */
  directory: PseudoInode | null = null;
  entryName = "";

  constructor(fileSystem: PseudoFileSystem, mode: number, ino = fileSystem.allocateIno()) {
    super(fileSystem, ino, mode, 0, 0, fileSystem.kernel.vfs.now());
  }

  /** Tells an inode where it stands. */
  protected holds<T extends Inode>(name: string, inode: T): T {
    if (inode instanceof PseudoInode) {
      inode.directory = this;
      inode.entryName = name;
    }
    return inode;
  }

  /** Nothing can be made here; in /proc already the look-up of the new name is ENOENT, as on Linux. */
  get #refusal(): number {
    return this.fileSystem.type === "proc" ? -ENOENT : -EPERM;
  }

  /** −EACCES for open(2), as of each folder without such an operation (fs/namei.c, lookup_open). */
  override create(_name: string, { mode }: NewInode): number {
    return (mode & S_IFMT) === S_IFREG && this.#refusal === -EPERM ? -EACCES : this.#refusal;
  }

  override mkdir(_name: string, _attributes: NewInode): Inode | number {
    return this.#refusal;
  }

  override symlink(): number {
    return this.#refusal;
  }

  override link(): number {
    return this.#refusal;
  }

  /** Nobody has it or has changed it since it was made. @param made  then */
  isAsMade(made: Time): boolean {
    const isUntouched = this.atime === made && this.mtime === made && this.ctime === made && this.btime === made;
    if (!isUntouched || this.users > 0 || this.cachedNames > 0 || this.isGoneTold) return false;
    return [this.cachedName, this.locks, this.leases, this.marks, this.fanotify].every((each) => each === null);
  }

  /** What it holds under the name, whether it is to be seen now or not. */
  entryNamed(_name: string): Inode | null {
    return null;
  }

  /** Those of its files are changed by who may. */
  protected get keepsAttributes(): boolean {
    return false;
  }

  override getXattr(_name: string): Uint8Array | number {
    return -EOPNOTSUPP;
  }

  override setXattr(_name: string, _value: Uint8Array, _flags: number): number {
    return -EOPNOTSUPP;
  }

  override removeXattr(_name: string): number {
    return -EOPNOTSUPP;
  }

  override setAttributes(change: AttributeChange): number {
    if (this.keepsAttributes) return super.setAttributes(change);
    // The vfs stamps access times in passing; what a caller asks for (chmod, chown) is refused.
    return change.mode !== undefined || change.uid !== undefined || change.gid !== undefined ? -EPERM : 0;
  }
}

/** A directory whose names are fixed when it is made, or when somebody first looks into it. */
export class PseudoDirectory extends PseudoInode {
  #entries = new Map<string, Inode>();
  #fill: (() => void) | null = null;

  constructor(fileSystem: PseudoFileSystem, mode = 0o555) {
    super(fileSystem, S_IFDIR | mode);
    this.nlink = 2;
  }

  /**
   * What else stands in it is made when somebody first looks for it: many machines never do.
   *
   * @param region  see `inRegion`
   */
  fillLater(region: number, fill: (directory: this) => void): this {
    this.#fill = () => this.fileSystem.inRegion(region, () => fill(this));
    return this;
  }

  get entries(): ReadonlyMap<string, Inode> {
    if (this.#fill !== null) this.#fillNow(this.#fill);
    return this.#entries;
  }

  #fillNow(fill: () => void): void {
    this.#fill = null;
    fill();
    this.nlink = 2;
    for (const inode of this.#entries.values()) if (inode.isDirectory) this.nlink++;
  }

  /** The count of links tells how many directories there are in it. */
  override refresh(): number {
    if (this.#fill !== null) this.#fillNow(this.#fill);
    return 0;
  }

  add(name: string, inode: Inode): this {
    this.#entries.set(name, this.holds(name, inode));
    if (inode.isDirectory) this.nlink++;
    return this;
  }

  #entry(name: string): Inode | undefined {
    return this.#entries.get(name) ?? this.entries.get(name);
  }

  override entryNamed(name: string): Inode | null {
    return this.#entry(name) ?? null;
  }

  override lookup(name: string): Inode | number {
    return this.#entry(name) ?? -ENOENT;
  }

  override list(
    cursor: number,
    emit: (name: string, ino: number, type: number, nextCursor: number) => boolean,
  ): number {
    let index = 0;
    for (const [name, inode] of this.entries) {
      if (index++ < cursor) continue;
      if (!emit(name, inode.ino, inode.type >> 12, index)) break;
    }
    return 0;
  }

  static {
    stateClass("PseudoDirectory", this, null, { ...FOUND_BY_NAME, keeps: ["#entries", "#fill"] });
  }
}

/**
 * A part of a long text: the next one begins at `next`, which the source chose and the reader gives back; −1 when this
 * is the last.
 */
export interface TextPiece {
  readonly text: string;
  readonly next: number;
  /** What the source is to be given back with `next`: a sum that grows from piece to piece. Plain data. */
  readonly kept?: unknown;
}
/**
 * Makes the text of a file; a negated errno when the file can't be read now (ESRCH: the process is gone). What a
 * program can make long comes in pieces.
 *
 * @param from  where the piece begins; 0 at first
 * @param kept  of the piece before; null at first
 */
export type TextSource = (task: Task, from: number, kept: unknown) => string | TextPiece | number;
/**
 * Takes what was written in one write(2), as a byte string: 0: all of it; how many bytes of it; a negated errno.
 *
 * @param opener  rights are asked of who opened the file too: a program with more may have been made to write to it
 * @param at  where in the file
 */
export type TextSink = (task: Task, text: string, opener: TextOpener, at: number) => number;

/** Who opened a file of text, as he was then. */
export interface TextOpener {
  readonly credentials: Credentials;
  /** At the root of his cgroup namespace. */
  readonly groupRoot: ControlGroup;
}

/** ioctl(2) of a file of text. */
export type TextRequest = (task: Task, command: number, argument: number) => number;

export class PseudoFile extends PseudoInode {
  #source: TextSource;
  #sink: TextSink | null;
  /** Says whether the task may open it, beyond the mode bits: 0 or −EACCES. */
  #guard: ((task: Task, flags: number) => number) | null;
  #watched: ((task: Task) => Changes) | null;
  #ioctl: TextRequest | null;

  constructor(
    fileSystem: PseudoFileSystem,
    source: TextSource,
    options: {
      mode?: number;
      sink?: TextSink;
      guard?: (task: Task, flags: number) => number;
      watched?: (task: Task) => Changes;
      ioctl?: TextRequest;
    } = {},
  ) {
    super(fileSystem, S_IFREG | (options.mode ?? (options.sink !== undefined ? 0o644 : 0o444)));
    this.#source = source;
    this.#sink = options.sink ?? null;
    this.#guard = options.guard ?? null;
    this.#watched = options.watched ?? null;
    this.#ioctl = options.ioctl ?? null;
  }

  override open(task: Task, flags: number, path: Path): OpenFile | number {
    if ((flags & O_ACCMODE) !== O_RDONLY && this.#sink === null && this.writeRefusal === 0) return -EACCES;
    const refused = this.#guard?.(task, flags) ?? 0;
    if (refused < 0) return refused;
    const opener = { credentials: task.credentials, groupRoot: task.namespaces.cgroup.root };
    return new TextFile(flags, this, path, { watched: this.#watched?.(task) ?? null, opener });
  }

  /** What reads, writes and ioctl(2) of its descriptions come to. */
  get source(): TextSource {
    return this.#source;
  }

  get sink(): TextSink | null {
    return this.#sink;
  }

  /**
   * Of what takes nothing: what write(2) says to who may do all and so has opened it (fs/proc/inode.c, proc_reg_write);
   * 0: open(2) has refused him (fs/kernfs/file.c, kernfs_fop_open).
   */
  get writeRefusal(): number {
    return this.fileSystem.type === "proc" ? -EIO : 0;
  }

  get request(): TextRequest | null {
    return this.#ioctl;
  }

  /** A read copies all that there is room for, or nothing. */
  get isReadWhole(): boolean {
    return false;
  }

  /** Of what is written, only what stands before the first zero is looked at, and all is taken. */
  get endsAtZero(): boolean {
    return true;
  }

  get waiting(): FileWaiting {
    return this.fileSystem.fileWaiting;
  }

  /** Linux reads it by iterators (open-file.ts). */
  get hasIterator(): boolean {
    return true;
  }

  /** A write moves the place in the file. */
  get movesOn(): boolean {
    return true;
  }

  /** It has no end to seek from (fs/seq_file.c, seq_lseek). */
  get isSequence(): boolean {
    return this.fileSystem.type === "proc";
  }

  /** O_TRUNC of `echo 1 > file` changes nothing. */
  override truncate(): number {
    return 0;
  }

  static {
    stateClass(
      "PseudoFile",
      this,
      {
        save: (it) => ({
          source: it.#source,
          sink: it.#sink,
          guard: it.#guard,
          watched: it.#watched,
          ioctl: it.#ioctl,
        }),
        load: (it, from) =>
          ({ source: it.#source, sink: it.#sink, guard: it.#guard, watched: it.#watched, ioctl: it.#ioctl } = from),
      },
      FOUND_BY_NAME,
    );
  }
}

/**
 * A description of a text that is made at its first read, and anew when reading begins at 0 again; a long one piece by
 * piece as reading goes on.
 */
class TextFile extends OpenFile {
  #text: PseudoFile;
  /** The piece read last, the position of its first byte, and where the source goes on (−1: nowhere). */
  #piece: Uint8Array | null = null;
  #start = 0;
  #next = -1;
  #kept: unknown = null;
  /** A read has used up its work before it came to its bytes. */
  #isUnderWay = false;
  #watched: Changes | null;
  /** What epoll registers with when the text watches nothing: nobody wakes it. */
  #quietQueue: WaitQueue | null = null;
  #opener: TextOpener;
  /** Of what it watches, when it was opened or a change was told; of an attribute when it was read, −1: never. */
  #seenVersion: number;

  constructor(
    flags: number,
    inode: PseudoFile,
    path: Path,
    { watched, opener }: { watched: Changes | null; opener: TextOpener },
  ) {
    super(flags, inode, path);
    this.#text = inode;
    this.#watched = watched;
    this.#opener = opener;
    this.#seenVersion = inode.waiting === "attribute" ? -1 : this.#version;
  }

  /** UNFINISHED: what was asked for lies behind more than one piece of work. */
  override read(task: Task, to: IoCursor, offset: number): number {
    const at = offset < 0 ? this.position : offset;
    let done = 0;
    const goesOn = this.#isUnderWay && at >= this.#start;
    this.#isUnderWay = false;
    let failed = goesOn ? this.#loadNext(task) : 0;
    if (!goesOn && (this.#piece === null || at === 0 || at < this.#start)) failed = this.#load(task, 0, 0, null);
    while (failed === 0) {
      const piece = this.#piece!;
      const within = at + done - this.#start;
      const count = Math.min(to.remaining, piece.length - within);
      if (count > 0) {
        const moved = this.#text.isReadWhole ? putWhole(to, piece, within, count) : to.put(piece, within, count);
        if (moved < 0) failed = moved;
        else done += moved;
        if (moved < count) break;
      }
      if (to.remaining === 0 || this.#next < 0) break;
      if (task.kernel.work.isUsed) {
        this.#isUnderWay = done === 0;
        if (this.#isUnderWay) failed = UNFINISHED;
        break;
      }
      failed = this.#loadNext(task);
    }
    if (done > 0) {
      if (offset < 0) this.position = at + done;
      if (task.kernel.vfs.watchCount > 0) notifyFile(task.kernel, this, "access");
    }
    return done > 0 ? done : failed;
  }

  #loadNext(task: Task): number {
    return this.#load(task, this.#next, this.#start + this.#piece!.length, this.#kept);
  }

  /** Has the source make the piece that begins at `from` there, and at `start` in the text. */
  #load(task: Task, from: number, start: number, kept: unknown): number {
    const made = this.#text.source(task, from, kept);
    if (isErrno(made)) return made;
    this.#piece = byteStringOf(typeof made === "string" ? made : made.text);
    this.#next = typeof made === "string" ? -1 : made.next;
    this.#kept = typeof made === "string" ? null : (made.kept ?? null);
    this.#start = start;
    if (from === 0 && this.#text.waiting === "attribute") this.#seenVersion = this.#version;
    task.kernel.work.charge(1 + (this.#piece.length >> 8));
    return 0;
  }

  override get mayNotWait(): boolean {
    return false;
  }

  override hasIterator(isWrite: boolean): boolean {
    return this.#text.hasIterator && (!isWrite || this.#text.fileSystem.type !== "proc" || !this.#text.isSequence);
  }

  override write(task: Task, from: IoCursor, offset: number): number {
    const { sink } = this.#text;
    // A sequence is written where it stands (fs/seq_file.c, seq_open).
    if (offset >= 0 && this.#text.isSequence) return -ESPIPE;
    if (sink === null) return this.#text.writeRefusal;
    const bytes = new Uint8Array(Math.min(from.remaining, 4096));
    const taken = from.take(bytes, 0, bytes.length);
    if (taken < 0) return taken;
    const at = offset < 0 ? this.position : offset;
    const zero = this.#text.endsAtZero ? bytes.subarray(0, taken).indexOf(0) : -1;
    const result = sink(task, byteString(bytes, 0, zero < 0 ? taken : zero), this.#opener, at);
    if (result < 0) return result;
    const count = result === 0 ? taken : result;
    if (offset < 0 && this.#text.movesOn) this.position = at + count;
    if (count > 0 && task.kernel.vfs.watchCount > 0) notifyFile(task.kernel, this, "modify");
    return count;
  }

  override ioctl(task: Task, command: number, argument: number): number {
    return this.#text.request?.(task, command, argument) ?? -ENOTTY;
  }

  /** 0: it watches nothing. */
  get #version(): number {
    return this.#watched?.version ?? 0;
  }

  /** A change is an exceptional condition, told once (proc_pid_mounts(5)) or until it is read. */
  override poll(): number {
    const readable = POLLIN | POLLRDNORM;
    if (this.#version !== this.#seenVersion)
      return (this.#text.waiting === "attribute" ? super.poll() : readable) | POLLERR | POLLPRI;
    return this.#watched !== null && this.#text.sink === null ? readable : super.poll();
  }

  override eventsTold(events: number): void {
    if ((events & (POLLERR | POLLPRI)) !== 0 && this.#text.waiting !== "attribute") this.#seenVersion = this.#version;
  }

  /** Null: it cannot be waited for (epoll_ctl(2), EPERM). */
  override get waitQueue(): WaitQueue | null {
    if (this.#watched !== null) return this.#watched.queue;
    return this.#text.waiting === "refused" ? null : (this.#quietQueue ??= new WaitQueue());
  }

  override seek(offset: number, whence: number): number {
    if (whence > SEEK_CUR && this.#text.isSequence) return -EINVAL;
    if (whence > SEEK_END) return -ENXIO;
    const target = seekTarget({ position: this.position, size: this.inode!.size }, offset, whence);
    if (target < 0 || target > FILE_SIZE_MAX) return -EINVAL;
    this.position = target;
    return target;
  }

  static {
    stateClass("TextFile", this, {
      save: (it) => ({
        text: it.#text,
        piece: it.#piece,
        start: it.#start,
        next: it.#next,
        kept: it.#kept,
        isUnderWay: it.#isUnderWay,
        watched: it.#watched,
        quietQueue: it.#quietQueue,
        opener: it.#opener,
        seenVersion: it.#seenVersion,
      }),
      load: (it, from) =>
        ({
          text: it.#text,
          piece: it.#piece,
          start: it.#start,
          next: it.#next,
          kept: it.#kept,
          isUnderWay: it.#isUnderWay,
          watched: it.#watched,
          quietQueue: it.#quietQueue,
          opener: it.#opener,
          seenVersion: it.#seenVersion,
        } = from),
    });
  }
}

/** A symbolic link with a fixed or computed target. */
export class PseudoLink extends PseudoInode {
  #target: string | ((task: Task) => string | number);

  constructor(fileSystem: PseudoFileSystem, target: string | ((task: Task) => string | number)) {
    super(fileSystem, S_IFLNK | 0o777);
    this.#target = target;
  }

  override readlink(task: Task | null): string | number {
    if (typeof this.#target === "string") return this.#target;
    return task === null ? -EINVAL : this.#target(task);
  }

  static {
    stateClass(
      "PseudoLink",
      this,
      {
        save: (it) => ({ target: it.#target }),
        load: (it, from) => ({ target: it.#target } = from),
      },
      FOUND_BY_NAME,
    );
  }
}
