import { movedBefore } from "../../ground/call-work.ts";
import {
  EAGAIN,
  EINTR,
  EINVAL,
  ENFILE,
  ENOMEM,
  ENXIO,
  EPIPE,
  FIONREAD,
  O_ACCMODE,
  O_DIRECT,
  O_NONBLOCK,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
  POLLIN,
  POLLOUT,
  SIGPIPE,
  S_IFIFO,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { Credentials } from "../../security/credentials.ts";
import { sendSignalToSelf } from "../../signal/send-signal.ts";
import { stateOf } from "../../ground/call-state.ts";
import { identityOf } from "../../ground/identity.ts";
import { BLOCKED, BLOCKED_EINTR, type WaitQueue } from "../../ground/wait-queue.ts";
import { AnonymousInode, createAnonymousInode } from "../../vfs/anonymous-file.ts";
import type { Inode } from "../../vfs/inode.ts";
import type { IoCursor } from "../../ground/io-cursor.ts";
import { OpenFile } from "../../vfs/open-file.ts";
import type { Path } from "../../vfs/path.ts";
import type { DeviceDrivers } from "../../vfs/vfs-state.ts";
import { Pipe } from "./pipe.ts";
import type { FsCaller, FsKernel } from "../fs-kernel.ts";

/**
 * One end (or, for a fifo opened O_RDWR, both) of a pipe. The ends of a pipe share an inode whose `endpoint` is the
 * pipe.
 */
export class PipeFile extends OpenFile {
  declare readonly inode: Inode;
  readonly pipe: Pipe;
  /** Of a fifo that was opened without waiting for a writer: it hangs up when one came and went (fifo_open). */
  writersBefore = -1;

  /** The caller has counted this end in `pipe.readers` and `pipe.writers`. */
  constructor(flags: number, inode: Inode, pipe: Pipe, path: Path | null) {
    super(flags, inode, path);
    this.pipe = pipe;
    inode.users++;
  }

  /** A pipe takes RWF_NOWAIT, one with a name does not (fs/pipe.c, fifo_open). */
  override get mayNotWait(): boolean {
    return this.path === null;
  }

  override read(task: FsCaller, to: IoCursor): number {
    const pipe = this.pipe;
    if (to.remaining === 0) return 0;
    if (pipe.length === 0) {
      dropDeadWaits(pipe);
      if (pipe.writers === 0) return 0;
      if ((this.flags & O_NONBLOCK) !== 0) return -EAGAIN;
      task.waitOn(pipe.queue);
      return BLOCKED;
    }
    // As Linux: who watches for room is told when there was none, not at each read.
    const wasFull = pipe.isFull;
    const done = pipe.pull(to, to.remaining);
    if (done > 0 && wasFull && !pipe.isFull) task.kernel.scheduler.wakeGently(pipe.queue, POLLOUT);
    return done;
  }

  /**
   * Writes all, waiting in between; what is done already stands in `task.syscallState`, and a signal then ends the call
   * with it.
   */
  override write(task: FsCaller, from: IoCursor): number {
    const pipe = this.pipe;
    const before = movedBefore(task);
    if (before > 0) from.skip(before);
    // Nothing succeeds always, also without a reader (pipe_write in Linux's fs/pipe.c).
    if (from.remaining === 0) return before;
    dropDeadWaits(pipe);
    if (pipe.readers === 0) {
      sendSignalToSelf(task, SIGPIPE);
      return before > 0 ? before : -EPIPE;
    }
    const wanted = from.remaining;
    const done = pipe.push(from, wanted, before === 0, (this.flags & O_DIRECT) !== 0);
    if (done > 0) task.kernel.scheduler.wakeGently(pipe.queue, POLLIN);
    if (done < 0) return before > 0 ? before : done;
    const total = before + done;
    // What leaves room has come to the end of the caller's memory, or of the machine's.
    if (done === wanted || (done > 0 && !pipe.isFull)) return total;
    if ((this.flags & O_NONBLOCK) !== 0) return total > 0 ? total : -EAGAIN;
    task.waitOn(pipe.queue);
    if (total === 0) return BLOCKED;
    task.syscallState = { kind: "count", count: total };
    return BLOCKED_EINTR;
  }

  override poll(): number {
    dropDeadWaits(this.pipe);
    return this.pipe.poll(this.isReadable, this.isWritable, this.writersBefore);
  }

  override get waitQueue(): WaitQueue {
    return this.pipe.queue;
  }

  override get asyncQueue(): WaitQueue {
    return this.pipe.queue;
  }

  override ioctl(task: FsCaller, command: number, argument: number): number {
    if (command === FIONREAD) return task.space.storeU32(argument, this.pipe.length);
    return super.ioctl(task, command, argument);
  }

  protected override dispose(): void {
    const pipe = this.pipe;
    if (this.isReadable) pipe.readers--;
    if (this.isWritable) pipe.writers--;
    if (pipe.readers === 0 && pipe.writers === 0) {
      pipe.clear();
      this.inode.endpoint = null;
    }
    pipe.queue.wakeAll();
    this.inode.users--;
  }

  override get description(): string {
    return `pipe:[${this.inode.ino}]`;
  }

  static {
    stateClass("PipeFile", this);
  }
}

/**
 * pipe2(2): the reading and the writing end. `flags`: O_NONBLOCK, O_DIRECT (packets). −ENFILE beyond
 * fs.pipe-user-pages-hard.
 */
export function createPipe(
  kernel: FsKernel,
  flags: number,
  owner: Credentials,
): { reader: PipeFile; writer: PipeFile } | number {
  const pages = kernel.pipeLimits.initialPages(owner);
  if (pages === 0) return -ENFILE;
  const pipe = new Pipe(kernel, owner.uid, pages);
  const inode = createAnonymousInode(kernel, S_IFIFO, 0o600, owner);
  inode.endpoint = pipe;
  pipe.readers = 1;
  pipe.writers = pipe.writersEver = 1;
  return {
    // Packets are the writer's (fs/pipe.c, create_pipe_files).
    reader: new PipeFile((flags & ~O_DIRECT) | O_RDONLY, inode, pipe, null),
    writer: new PipeFile(flags | O_WRONLY, inode, pipe, null),
  };
}

/** Tells the vfs who opens fifos. */
export function registerFifos(devices: DeviceDrivers): void {
  devices.fifo = { name: "fifo", open: openFifo };
}

/**
 * open(2) of a fifo: a reader waits for a writer and the other way round, unless O_NONBLOCK (fifo(7)). A pipe that is
 * opened through /proc/PID/fd waits for nobody, as its other side may be gone for good.
 * @returns the description, −ENXIO (O_NONBLOCK for writing and no reader), or BLOCKED
 */
function openFifo(task: FsCaller, inode: Inode, flags: number, path: Path): OpenFile | number {
  const access = flags & O_ACCMODE;
  if (access === O_ACCMODE) return -EINVAL;
  let pipe = inode.endpoint as Pipe | null;
  if (pipe === null) {
    const pages = task.kernel.pipeLimits.initialPages(task.credentials);
    if (pages === 0) return -ENOMEM;
    pipe = new Pipe(task.kernel, task.credentials.uid, pages);
    inode.endpoint = pipe;
  } else pipe.charge();
  dropDeadWaits(pipe);
  if (access === O_RDWR) {
    pipe.readers++;
    addWriter(pipe);
    meet(pipe.waitingReaders, pipe);
    meet(pipe.waitingWriters, pipe);
    return new PipeFile(flags, inode, pipe, path);
  }
  const isReader = access === O_RDONLY;
  const mine = isReader ? pipe.waitingReaders : pipe.waitingWriters;
  const isMet = mine.get(task);
  if (isMet !== undefined) {
    if (isMet) {
      // The other side came and took the count for us.
      mine.delete(task);
      return new PipeFile(flags, inode, pipe, path);
    }
    task.waitOn(pipe.queue);
    return BLOCKED;
  }
  const others = isReader ? pipe.waitingWriters : pipe.waitingReaders;
  const hasOther = (isReader ? pipe.writers : pipe.readers) > 0 || others.size > 0;
  const isNamed = !(inode instanceof AnonymousInode);
  if (isNamed && !hasOther && (flags & O_NONBLOCK) === 0) {
    mine.set(task, false);
    task.syscallState = { kind: "fifo", pipe: identityOf(task.kernel, pipe) };
    task.waitOn(pipe.queue);
    return BLOCKED;
  }
  if (isNamed && !hasOther && !isReader) return -ENXIO;
  if (isReader) pipe.readers++;
  else addWriter(pipe);
  meet(others, pipe);
  const file = new PipeFile(flags, inode, pipe, path);
  if (isReader && isNamed && !hasOther) file.writersBefore = pipe.writersEver;
  return file;
}

function meet(waits: Pipe["waitingReaders"], pipe: Pipe): void {
  for (const [task, isMet] of waits) {
    if (isMet) continue;
    waits.set(task, true);
    if (waits === pipe.waitingReaders) pipe.readers++;
    else addWriter(pipe);
  }
  pipe.queue.wakeAll();
}

function addWriter(pipe: Pipe): void {
  pipe.writers++;
  pipe.writersEver++;
}

/** Openers that a signal or their death took away while they waited give their count back. */
function dropDeadWaits(pipe: Pipe): void {
  if (pipe.waitingReaders.size === 0 && pipe.waitingWriters.size === 0) return;
  for (const waits of [pipe.waitingReaders, pipe.waitingWriters]) {
    for (const [task, isMet] of waits) {
      const isHere = stateOf(task, "fifo")?.pipe === pipe.identity;
      if (isHere && task.state !== "Z" && task.state !== "X") continue;
      waits.delete(task);
      if (!isMet) continue;
      if (waits === pipe.waitingReaders) pipe.readers--;
      else pipe.writers--;
    }
  }
}

/** Result of an interrupted write(2) that had moved bytes already. */
export function interruptedTransfer(task: FsCaller): number {
  // A socket keeps more than the count (socket/socket.ts).
  const done = stateOf(task, "socket")?.transferred ?? movedBefore(task);
  return done > 0 ? done : -EINTR;
}
