/**
 * Standard input, output and error that are pipes or files of the host: plain streams of bytes, shown to programs as
 * pipes.
 */
import { movedBefore } from "../ground/call-work.ts";
import {
  EACCES,
  EAGAIN,
  EPIPE,
  FIONREAD,
  O_ACCMODE,
  O_NONBLOCK,
  O_RDONLY,
  O_WRONLY,
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLOUT,
  POLLRDNORM,
  POLLWRNORM,
  S_IFIFO,
  SIGPIPE,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { HostStreamIn, HostStreamOut } from "@stratos/host";
import { sendSignalToSelf } from "../signal/send-signal.ts";
import { BLOCKED, BLOCKED_EINTR, WaitQueue } from "../ground/wait-queue.ts";
import { AnonymousInode, anonymousMount } from "../vfs/anonymous-file.ts";
import type { IoCursor } from "../ground/io-cursor.ts";
import { OpenFile } from "../vfs/open-file.ts";
import type { Path } from "../vfs/path.ts";
import type { TtyCaller, TtyKernel } from "./tty-kernel.ts";

/** Bytes copied at a time. */
const CHUNK = 65536;
const chunk = new Uint8Array(CHUNK);

/** The stream as a file: opening it again (/dev/stdin, /proc/self/fd/0) leads to the same bytes. */
abstract class HostStreamInode extends AnonymousInode {
  readonly queue = new WaitQueue();

  constructor(kernel: TtyKernel) {
    super(anonymousMount(kernel).fileSystem, kernel.allocateAnonymousIno(), S_IFIFO | 0o600, kernel.vfs.now());
  }
}

class HostInputInode extends HostStreamInode {
  readonly stream: HostStreamIn;

  constructor(kernel: TtyKernel, stream: HostStreamIn) {
    super(kernel);
    this.stream = stream;
    this.listen();
  }

  listen(): void {
    this.stream.onReadable(() => this.queue.wakeAll(POLLIN | POLLHUP));
  }

  override open(_task: TtyCaller, flags: number, path: Path): OpenFile | number {
    return (flags & O_ACCMODE) === O_WRONLY ? -EACCES : new HostInputFile(this, flags, path);
  }

  static {
    stateClass("HostInputInode", this, null, { loaded: (it) => it.listen() });
  }
}

class HostOutputInode extends HostStreamInode {
  readonly stream: HostStreamOut;

  constructor(kernel: TtyKernel, stream: HostStreamOut) {
    super(kernel);
    this.stream = stream;
    this.listen();
  }

  listen(): void {
    this.stream.onWritable(() => this.queue.wakeAll(POLLOUT | POLLERR));
  }

  override open(_task: TtyCaller, flags: number, path: Path): OpenFile {
    return new HostOutputFile(this, flags, path);
  }

  static {
    stateClass("HostOutputInode", this, null, { loaded: (it) => it.listen() });
  }
}

export function isHostStream(file: OpenFile): boolean {
  return file instanceof HostStreamFile;
}

/** What both directions share: they look like pipes. */
abstract class HostStreamFile extends OpenFile {
  #queue: WaitQueue;

  constructor(inode: HostStreamInode, flags: number, path: Path | null) {
    super(flags, inode, path);
    this.#queue = inode.queue;
    inode.users++;
  }

  override get waitQueue(): WaitQueue {
    return this.#queue;
  }

  override get asyncQueue(): WaitQueue {
    return this.#queue;
  }

  override get description(): string {
    return `pipe:[${this.inode!.ino}]`;
  }

  protected override dispose(): void {
    this.inode!.users--;
  }

  static {
    stateClass("HostStreamFile", this, {
      save: (it) => ({ queue: it.#queue }),
      load: (it, from) => ({ queue: it.#queue } = from),
    });
  }
}

class HostInputFile extends HostStreamFile {
  #stream: HostStreamIn;

  constructor(inode: HostInputInode, flags: number, path: Path | null) {
    super(inode, flags, path);
    this.#stream = inode.stream;
  }

  override poll(): number {
    return (this.#stream.available > 0 ? POLLIN | POLLRDNORM : 0) | (this.#stream.isEnded ? POLLHUP : 0);
  }

  override read(task: TtyCaller, to: IoCursor): number {
    let moved = 0;
    while (to.remaining > 0) {
      const count = this.#stream.read(chunk, 0, Math.min(CHUNK, to.remaining));
      if (count <= 0) {
        if (moved > 0) return moved;
        if (count !== -EAGAIN) return count;
        if ((this.flags & O_NONBLOCK) !== 0) return -EAGAIN;
        task.waitOn(this.waitQueue);
        return BLOCKED;
      }
      const done = to.put(chunk, 0, count);
      if (done < count) return done < 0 && moved > 0 ? moved : moved + done;
      moved += done;
      if (this.#stream.available === 0) break;
    }
    return moved;
  }

  override ioctl(task: TtyCaller, command: number, argument: number): number {
    return command === FIONREAD
      ? task.space.storeU32(argument, this.#stream.available)
      : super.ioctl(task, command, argument);
  }

  static {
    stateClass("HostInputFile", this, {
      save: (it) => ({ stream: it.#stream }),
      load: (it, from) => ({ stream: it.#stream } = from),
    });
  }
}

class HostOutputFile extends HostStreamFile {
  #stream: HostStreamOut;

  constructor(inode: HostOutputInode, flags: number, path: Path | null) {
    super(inode, flags, path);
    this.#stream = inode.stream;
  }

  override poll(): number {
    return (
      (this.#stream.room > 0 || this.#stream.isBroken ? POLLOUT | POLLWRNORM : 0) |
      (this.#stream.isBroken ? POLLERR : 0)
    );
  }

  /**
   * All bytes, waiting in between; what is done already stands in `task.syscallState`, and a signal then ends the call
   * with it. −EPIPE with SIGPIPE.
   */
  override write(task: TtyCaller, from: IoCursor): number {
    const before = movedBefore(task);
    if (before > 0) from.skip(before);
    let total = before;
    while (from.remaining > 0) {
      if (this.#stream.isBroken) return this.#broken(task, total);
      const count = Math.min(CHUNK, from.remaining, this.#stream.room);
      if (count <= 0) break;
      const taken = from.take(chunk, 0, count);
      if (taken < 0) return total > 0 ? total : taken;
      const done = this.#stream.write(chunk, 0, taken);
      if (done < 0) return done === -EPIPE ? this.#broken(task, total) : total > 0 ? total : done;
      total += done;
      // The stream had room for them: a short count is the end of what it takes now.
      if (done < taken || taken < count) return total;
    }
    if (from.remaining === 0) return total;
    if ((this.flags & O_NONBLOCK) !== 0) return total > 0 ? total : -EAGAIN;
    task.waitOn(this.waitQueue);
    if (total === 0) return BLOCKED;
    task.syscallState = { kind: "count", count: total };
    return BLOCKED_EINTR;
  }

  #broken(task: TtyCaller, total: number): number {
    if (total > 0) return total;
    sendSignalToSelf(task, SIGPIPE);
    return -EPIPE;
  }

  static {
    stateClass("HostOutputFile", this, {
      save: (it) => ({ stream: it.#stream }),
      load: (it, from) => ({ stream: it.#stream } = from),
    });
  }
}

/** A description that reads the host's stream. */
export function openHostInput(kernel: TtyKernel, stream: HostStreamIn): OpenFile {
  return new HostInputFile(new HostInputInode(kernel, stream), O_RDONLY, null);
}

/** A description that writes to the host's stream. */
export function openHostOutput(kernel: TtyKernel, stream: HostStreamOut): OpenFile {
  return new HostOutputFile(new HostOutputInode(kernel, stream), O_WRONLY, null);
}
