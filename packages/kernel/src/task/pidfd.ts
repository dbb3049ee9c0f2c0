import { EINVAL, O_NONBLOCK, O_RDWR, PID_FS_MAGIC, POLLHUP, POLLIN, POLLRDNORM } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { Task } from "./task.ts";
import type { ThreadGroup } from "./thread-group.ts";
import type { WaitQueue } from "../ground/wait-queue.ts";
import type { SignalProcess } from "../signal/signal-target.ts";
import { AnonymousInode, anonymousMount } from "../vfs/anonymous-file.ts";
import type { PidNamespace } from "../signal/pid-namespace.ts";
import { OpenFile } from "../vfs/open-file.ts";
import type { VfsKernel } from "../vfs/vfs-kernel.ts";
import { pidfdRequest } from "./pidfd-requests.ts";

/** In pidfs, a file system of its own. */
class PidInode extends AnonymousInode {
  constructor(kernel: VfsKernel) {
    super(anonymousMount(kernel).fileSystem, kernel.allocateAnonymousIno(), 0o700, kernel.vfs.now());
  }

  override get fileSystemMagic(): number {
    return PID_FS_MAGIC;
  }

  static {
    stateClass("PidInode", this);
  }
}

/** pidfd_open(2): names a process for good, whatever becomes of its number. */
export class PidFile extends OpenFile {
  readonly group: ThreadGroup;
  /** Set for PIDFD_THREAD: the one thread that is meant. */
  readonly thread: Task | null;

  constructor(group: ThreadGroup, thread: Task | null, nonblock: boolean) {
    super(O_RDWR | (nonblock ? O_NONBLOCK : 0), null, null);
    this.group = group;
    this.thread = thread;
    // As Linux has it since 6.9: all pidfds of a number have one inode, by which they are compared (pidfd_open(2)).
    const owner = thread === null || thread === group.leader ? group : thread;
    this.anonymousInode = owner.pidfdInode ??= new PidInode(group.leader.kernel);
  }

  override details(task: Task): string {
    const { pidNamespace } = this.group;
    const ids: number[] = [];
    const number = this.thread?.tid ?? this.group.pid;
    const isGone = this.isReaped || this.thread?.state === "X";
    for (let at: PidNamespace | null = pidNamespace; at !== null; at = at.parent) {
      ids.unshift(at.idOf(number));
      if (at === task.group.pidNamespace) break;
      if (at.parent === null) ids.length = 0;
    }
    if (isGone) return "Pid:\t-1\nNSpid:\t-1\n";
    return ids.length === 0 ? "Pid:\t0\nNSpid:\t0\n" : `Pid:\t${ids[0]}\nNSpid:\t${ids.join("\t")}\n`;
  }

  /** Was it waited for, so that nothing is left of it? */
  get isReaped(): boolean {
    return this.group.leader.kernel.tasks.processes.get(this.group.pid) !== this.group;
  }

  get hasExited(): boolean {
    const { thread } = this;
    return (thread !== null && (thread.state === "Z" || thread.state === "X")) || this.group.isZombie || this.isReaped;
  }

  override get waitQueue(): WaitQueue {
    return this.group.exitQueue;
  }

  override get description(): string {
    return "anon_inode:[pidfd]";
  }

  /** Readable once the process has ended; hung up once it was waited for. */
  override poll(): number {
    if (!this.hasExited) return 0;
    return POLLIN | POLLRDNORM | (this.isReaped ? POLLHUP : 0);
  }

  override ioctl(task: Task, command: number, argument: number): number {
    return pidfdRequest(task, this.thread ?? this.group.leader, command, argument);
  }

  /** Linux has no read for it. */
  override read(): number {
    return -EINVAL;
  }

  static {
    stateClass("PidFile", this);
  }
}

/** The process that a pidfd names; null when the file is none (waitid(2) P_PIDFD, setns(2)). */
export function processOfPidfd(file: OpenFile): ThreadGroup | null {
  return file instanceof PidFile ? file.group : null;
}

/** SO_PEERPIDFD, SCM_PIDFD. @param process  a ThreadGroup, as who sends messages knows it */
export function pidfdOf(process: SignalProcess): PidFile {
  return new PidFile(process as ThreadGroup, null, false);
}
