import { EAGAIN, EFAULT, EINVAL, ESPIPE, O_NONBLOCK, O_RDWR, POLLERR, POLLIN, POLLOUT } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { identityOf } from "../ground/identity.ts";
import { hex64 } from "../ground/words.ts";
import { BLOCKED, WaitQueue } from "../ground/wait-queue.ts";
import { putWhole, type IoCursor } from "../ground/io-cursor.ts";
import { PositionlessFile } from "../vfs/positionless-file.ts";
import type { Caller } from "../vfs/vfs-kernel.ts";

const WORD = 0x100000000;
const words = new Uint32Array(2);
const bytes = new Uint8Array(words.buffer);

/**
 * eventfd(2): an unsigned 64-bit counter, kept as two words because all of its range counts. Only the kernel's own
 * signals
 * bring it to 2^64 − 1, which poll shows as an error.
 */
export class EventFile extends PositionlessFile {
  #high = 0;
  #low: number;
  #isSemaphore: boolean;
  #queue = new WaitQueue();

  constructor(initial: number, isSemaphore: boolean, nonblock: boolean) {
    super(O_RDWR | (nonblock ? O_NONBLOCK : 0), null, null);
    this.#low = initial;
    this.#isSemaphore = isSemaphore;
  }

  override get waitQueue(): WaitQueue {
    return this.#queue;
  }

  override get description(): string {
    return "anon_inode:[eventfd]";
  }

  override details({ kernel }: Caller): string {
    const count = hex64(this.#low, this.#high).padStart(16);
    const id = identityOf(kernel, this);
    return `eventfd-count: ${count}\neventfd-id: ${id}\neventfd-semaphore: ${this.#isSemaphore ? 1 : 0}\n`;
  }

  override poll(): number {
    let events = 0;
    if (this.#low !== 0 || this.#high !== 0) events |= POLLIN;
    if (this.#high === 0xffffffff && this.#low === 0xffffffff) events |= POLLERR;
    if (this.#high !== 0xffffffff || this.#low < 0xfffffffe) events |= POLLOUT;
    return events;
  }

  override hasIterator(isWrite: boolean): boolean {
    return !isWrite;
  }

  /** 8; −EINVAL for fewer than 8 bytes; −EAGAIN; −EFAULT. */
  override read(task: Caller, to: IoCursor, offset = -1): number {
    if (offset >= 0) return -ESPIPE;
    if (to.remaining < 8) return -EINVAL;
    if (this.#low === 0 && this.#high === 0) return this.#wait(task);
    words[0] = this.#isSemaphore ? 1 : this.#low;
    words[1] = this.#isSemaphore ? 0 : this.#high;
    // It is taken also where it can't be put (fs/eventfd.c, eventfd_read).
    const moved = putWhole(to, bytes, 0, 8);
    if (!this.#isSemaphore) {
      this.#low = 0;
      this.#high = 0;
    } else if (this.#low > 0) this.#low--;
    else {
      this.#low = 0xffffffff;
      this.#high--;
    }
    this.#queue.wakeAll(POLLOUT);
    return moved;
  }

  /** 8; −EINVAL for other sizes than 8 and for 2^64 − 1; −EAGAIN when the counter would overflow; −EFAULT. */
  override write(task: Caller, from: IoCursor, offset = -1): number {
    if (offset >= 0) return -ESPIPE;
    if (from.remaining !== 8) return -EINVAL;
    if (from.take(bytes, 0, 8) !== 8) return -EFAULT;
    const low = words[0]!,
      high = words[1]!;
    if (low === 0xffffffff && high === 0xffffffff) return -EINVAL;
    let sumLow = this.#low + low;
    let sumHigh = this.#high + high;
    if (sumLow >= WORD) {
      sumLow -= WORD;
      sumHigh++;
    }
    if (sumHigh >= WORD || (sumHigh === 0xffffffff && sumLow === 0xffffffff)) return this.#wait(task);
    this.#low = sumLow;
    this.#high = sumHigh;
    if (low !== 0 || high !== 0) this.#queue.wakeAll(POLLIN);
    return 8;
  }

  /** The kernel's own signal (eventfd_signal of Linux): one more, up to 2^64 − 1, which poll shows as an error. */
  signal(): void {
    if (this.#low !== 0xffffffff) this.#low++;
    else if (this.#high !== 0xffffffff) {
      this.#low = 0;
      this.#high++;
    }
    this.#queue.wakeAll(POLLIN);
  }

  #wait(task: Caller): number {
    if ((this.flags & O_NONBLOCK) !== 0) return -EAGAIN;
    task.waitOn(this.#queue);
    return BLOCKED;
  }

  static {
    stateClass("EventFile", this, {
      save: (it) => ({ high: it.#high, low: it.#low, isSemaphore: it.#isSemaphore, queue: it.#queue }),
      load: (it, from) => ({ high: it.#high, low: it.#low, isSemaphore: it.#isSemaphore, queue: it.#queue } = from),
    });
  }
}
