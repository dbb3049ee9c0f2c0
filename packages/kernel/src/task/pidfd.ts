import { EINVAL, O_NONBLOCK, O_RDWR, POLLHUP, POLLIN, POLLRDNORM } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { Task } from "./task.ts";
import type { ThreadGroup } from "./thread-group.ts";
import type { WaitQueue } from "../ground/wait-queue.ts";
import { OpenFile } from "../vfs/open-file.ts";

/** pidfd_open(2): names a process for good, whatever becomes of its number. */
export class PidFile extends OpenFile {
  readonly group: ThreadGroup;
  /** Set for PIDFD_THREAD: the one thread that is meant. */
  readonly thread: Task | null;

  constructor(group: ThreadGroup, thread: Task | null, nonblock: boolean) {
    super(O_RDWR | (nonblock ? O_NONBLOCK : 0), null, null);
    this.group = group;
    this.thread = thread;
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
