import {
  EAGAIN,
  EINVAL,
  EIO,
  EPIPE,
  ESPIPE,
  O_NONBLOCK,
  POLLERR,
  POLLIN,
  POLLPRI,
  POLLRDNORM,
  SEEK_CUR,
  SEEK_DATA,
  SEEK_END,
  SEEK_SET,
} from "@stratos/abi";
import { byteString, byteStringOf, stateClass } from "@stratos/base";
import { logLine, USER_INFO } from "../../ground/kernel-log.ts";
import { BLOCKED, type WaitQueue } from "../../ground/wait-queue.ts";
import type { Inode } from "../../vfs/inode.ts";
import { putWhole, type IoCursor } from "../../ground/io-cursor.ts";
import { OpenFile } from "../../vfs/open-file.ts";
import type { Path } from "../../vfs/path.ts";
import type { FsCaller, FsKernel } from "../fs-kernel.ts";

/** Longest line that a program may write (Linux: PRINTKRB_RECORD_MAX). */
const LINE_MAX = 1024;

/** The facility of programs (syslog(3)): 1 in the bits above the level's three. */
const LOG_USER = 8;

/**
 * /dev/kmsg: each read is one record, `priority,sequence,microseconds,-;text`. Source: Linux
 * Documentation/ABI/testing/dev-kmsg.
 */
export class KernelMessageDevice extends OpenFile {
  #kernel: FsKernel;
  #next: number;

  constructor(kernel: FsKernel, flags: number, inode: Inode, path: Path) {
    super(flags, inode, path);
    this.#kernel = kernel;
    this.#next = kernel.messages.first;
  }

  /**
   * −EPIPE: records went before they were read; the next read goes on with the oldest. −EINVAL: the buffer is too
   * small.
   */
  override read(task: FsCaller, to: IoCursor): number {
    const { messages } = this.#kernel;
    if (this.#next < messages.first) {
      this.#next = messages.first;
      return -EPIPE;
    }
    const record = messages.at(this.#next);
    if (record === undefined) {
      if ((this.flags & O_NONBLOCK) !== 0) return -EAGAIN;
      task.waitOn(messages.queue);
      return BLOCKED;
    }
    const text = record.text.replace(/[^\x20-\x7e\x80-\xff]/g, escaped);
    const bytes = byteStringOf(`${record.priority},${record.sequence},${record.microseconds},-;${text}\n`);
    // It is over also when there is no room for it (kernel/printk/printk.c, devkmsg_read).
    this.#next++;
    return bytes.length > to.remaining ? -EINVAL : putWhole(to, bytes, 0, bytes.length);
  }

  override write(_task: FsCaller, from: IoCursor): number {
    const count = from.remaining;
    if (count > LINE_MAX) return -EINVAL;
    const bytes = new Uint8Array(count);
    const taken = from.take(bytes, 0, count);
    if (taken < 0) return taken;
    const line = byteString(bytes, 0, taken);
    const marked = /^<(\d{1,3})>/.exec(line);
    const text = line.slice(marked?.[0].length ?? 0).replace(/\n$/, "");
    const priority = marked === null ? USER_INFO : Number(marked[1]);
    // No program speaks as the kernel, whose facility is 0.
    this.#kernel.logAs(priority < LOG_USER ? priority + LOG_USER : priority, text);
    return taken;
  }

  /** The first record, the first since dmesg was cleared, behind the last. */
  override seek(offset: number, whence: number): number {
    const { messages } = this.#kernel;
    if (offset !== 0) return -ESPIPE;
    switch (whence) {
      case SEEK_SET:
        this.#next = messages.first;
        return 0;
      case SEEK_DATA:
        this.#next = Math.max(messages.first, messages.clearedAt);
        return 0;
      case SEEK_END:
        this.#next = messages.end;
        return 0;
      case SEEK_CUR:
        return -ESPIPE;
      default:
        return -EINVAL;
    }
  }

  override poll(): number {
    const { messages } = this.#kernel;
    if (this.#next < messages.first) return POLLIN | POLLRDNORM | POLLERR | POLLPRI;
    return this.#next < messages.end ? POLLIN | POLLRDNORM : 0;
  }

  override get waitQueue(): WaitQueue {
    return this.#kernel.messages.queue;
  }

  static {
    stateClass("KernelMessageDevice", this, {
      save: (it) => ({ kernel: it.#kernel, next: it.#next }),
      load: (it, from) => ({ kernel: it.#kernel, next: it.#next } = from),
    });
  }
}

/** `\x0a`: a record is one line. */
function escaped(character: string): string {
  return `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
}

/** /proc/kmsg: what nobody has taken yet, as syslog(2) with SYSLOG_ACTION_READ. */
export class KernelMessageQueue extends OpenFile {
  #kernel: FsKernel;

  constructor(kernel: FsKernel, flags: number, inode: Inode, path: Path) {
    super(flags, inode, path);
    this.#kernel = kernel;
  }

  override read(task: FsCaller, to: IoCursor): number {
    const isNonblocking = (this.flags & O_NONBLOCK) !== 0;
    // So rsyslogd asks whether it may read: nothing is waited for then (kernel/printk/printk.c, do_syslog).
    if (to.remaining === 0 && !(isNonblocking && this.poll() === 0)) return 0;
    return takeMessages(task, to, isNonblocking);
  }

  override get hasPositions(): boolean {
    return true;
  }

  /** It takes none (fs/proc/inode.c, proc_reg_write). */
  override write(): number {
    return -EIO;
  }

  override poll(): number {
    const { messages } = this.#kernel;
    return messages.readAt < messages.end ? POLLIN | POLLRDNORM : 0;
  }

  override get waitQueue(): WaitQueue {
    return this.#kernel.messages.queue;
  }

  static {
    stateClass("KernelMessageQueue", this, {
      save: (it) => ({ kernel: it.#kernel }),
      load: (it, from) => ({ kernel: it.#kernel } = from),
    });
  }
}

/** Whole lines, as many as there is room for; −EAGAIN or BLOCKED while there are none; −EINVAL: not even one fits. */
export function takeMessages(task: FsCaller, to: IoCursor, returnsAtOnce: boolean): number {
  const { messages } = task.kernel;
  messages.readAt = Math.max(messages.readAt, messages.first);
  if (messages.readAt >= messages.end) {
    if (returnsAtOnce) return -EAGAIN;
    task.waitOn(messages.queue);
    return BLOCKED;
  }
  let done = 0;
  for (let record = messages.at(messages.readAt); record !== undefined; record = messages.at(messages.readAt)) {
    const bytes = byteStringOf(logLine(record));
    if (bytes.length > to.remaining) return done > 0 ? done : -EINVAL;
    const moved = putWhole(to, bytes, 0, bytes.length);
    messages.readAt++;
    if (moved < 0) return done > 0 ? done : moved;
    done += moved;
  }
  return done;
}
