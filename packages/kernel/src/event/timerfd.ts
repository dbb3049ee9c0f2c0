import {
  CLOCK_REALTIME,
  CLOCK_REALTIME_ALARM,
  EAGAIN,
  ECANCELED,
  EFAULT,
  EINVAL,
  ENOTTY,
  ESPIPE,
  O_NONBLOCK,
  O_RDWR,
  POLLIN,
  TFD_IOC_SET_TICKS,
  TFD_TIMER_ABSTIME,
  TFD_TIMER_CANCEL_ON_SET,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { BLOCKED, WaitQueue } from "../ground/wait-queue.ts";
import { Timer, type TimerClient } from "../time/timer-queue.ts";
import { put64 } from "../ground/words.ts";
import type { Time } from "../vfs/inode.ts";
import type { IoCursor } from "../ground/io-cursor.ts";
import { PositionlessFile } from "../vfs/positionless-file.ts";
import type { EventKernel } from "./event-kernel.ts";
import type { Caller } from "../vfs/vfs-kernel.ts";
import type { ClockSetObserver } from "../time/time-kernel.ts";

const bytes = new Uint8Array(8);
const view = new DataView(bytes.buffer);

/**
 * timerfd_create(2). After an expiry a periodic timer rests until it is read or asked for its time; what has gone by
 * meanwhile is then counted at once, as Linux does, so that an unread timer costs nothing.
 */
export class TimerFile extends PositionlessFile implements TimerClient, ClockSetObserver {
  #kernel: EventKernel;
  #isRealtime: boolean;
  #timer: Timer;
  #queue = new WaitQueue();
  /** Monotonic time of the next expiry, or of the last one while `#hasExpired`. */
  #deadlineNs = 0;
  #intervalNs = 0;
  #ticks = 0;
  #hasExpired = false;
  #isAbsolute = false;
  #cancelsOnSet = false;
  /** TFD_TIMER_* that it was armed with. */
  #setFlags = 0;
  #isCanceled = false;
  /** realtimeOffsetMs that `#deadlineNs` was computed with. */
  #offsetMs = 0;
  readonly clock: number;

  constructor(kernel: EventKernel, clock: number, nonblock: boolean) {
    super(O_RDWR | (nonblock ? O_NONBLOCK : 0), null, null);
    this.#kernel = kernel;
    this.clock = clock;
    this.#isRealtime = clock === CLOCK_REALTIME || clock === CLOCK_REALTIME_ALARM;
    this.#timer = new Timer(this);
    if (this.#isRealtime) kernel.clockSetObservers.add(this);
  }

  override get waitQueue(): WaitQueue {
    return this.#queue;
  }

  override get description(): string {
    return "anon_inode:[timerfd]";
  }

  override details(): string {
    const { valueNs, intervalNs } = this.getTime();
    const time = (ns: number): string => `(${Math.floor(ns / 1e9)}, ${ns % 1e9})`;
    return (
      `clockid: ${this.clock}\nticks: ${this.#ticks}\nsettime flags: 0${this.#setFlags.toString(8)}\n` +
      `it_value: ${time(valueNs)}\nit_interval: ${time(intervalNs)}\n`
    );
  }

  override poll(): number {
    this.#expireWhenDue();
    return this.#ticks > 0 || this.#isCanceled ? POLLIN : 0;
  }

  /**
   * Arms, or disarms for a zero `value`. Both in seconds and nanoseconds, checked by the caller.
   * @param offsetNs  by which the caller's clock goes before ours, unless it is CLOCK_REALTIME
   * @returns 0; −ECANCELED: armed, but the clock was set and nobody has read that yet (timerfd_setup in Linux)
   */
  setTime(flags: number, value: Time, interval: Time, offsetNs = 0): number {
    const wasCanceled = this.#isCanceled;
    const now = this.#kernel.now();
    this.#kernel.timers.cancel(this.#timer);
    this.#ticks = 0;
    this.#hasExpired = false;
    this.#isCanceled = false;
    this.#intervalNs = interval.seconds * 1e9 + interval.nanoseconds;
    this.#setFlags = flags;
    this.#isAbsolute = (flags & TFD_TIMER_ABSTIME) !== 0;
    this.#cancelsOnSet = this.#isRealtime && this.#isAbsolute && (flags & TFD_TIMER_CANCEL_ON_SET) !== 0;
    this.#offsetMs = this.#kernel.realtimeOffsetMs;
    this.#deadlineNs = Infinity;
    if (value.seconds === 0 && value.nanoseconds === 0) return 0;
    if (this.#isAbsolute && this.#isRealtime) {
      const wall = this.#kernel.realtime();
      this.#deadlineNs = now + (value.seconds - wall.seconds) * 1e9 + (value.nanoseconds - wall.nanoseconds);
    } else this.#deadlineNs = value.seconds * 1e9 + value.nanoseconds + (this.#isAbsolute ? -offsetNs : now);
    this.#start(now);
    return wasCanceled && this.#cancelsOnSet ? -ECANCELED : 0;
  }

  /** Nanoseconds to the next expiry (0: disarmed) and the interval. */
  getTime(): { valueNs: number; intervalNs: number } {
    const now = this.#kernel.now();
    if (this.#hasExpired && this.#intervalNs > 0) this.#ticks += this.#forward(now) - 1;
    const isArmed = this.#timer.isArmed;
    return { valueNs: isArmed ? Math.max(1, this.#deadlineNs - now) : 0, intervalNs: this.#intervalNs };
  }

  /** Timers are looked at between slices: who asks within one knows as much as an interrupt would have told. */
  #expireWhenDue(): void {
    if (!this.#timer.isArmed || this.#deadlineNs > this.#kernel.now()) return;
    this.#kernel.timers.cancel(this.#timer);
    this.timerExpired();
  }

  timerExpired(): void {
    this.#hasExpired = true;
    this.#ticks++;
    this.#queue.wakeAll(POLLIN);
  }

  /** 8 bytes with the number of expiries; −EINVAL for fewer than 8; −ECANCELED; −EAGAIN. */
  override read(task: Caller, to: IoCursor, offset = -1): number {
    if (offset >= 0) return -ESPIPE;
    if (to.remaining < 8) return -EINVAL;
    if (this.#isCanceled) {
      this.#isCanceled = false;
      this.#ticks = 0;
      this.#hasExpired = false;
      return -ECANCELED;
    }
    this.#expireWhenDue();
    if (this.#ticks === 0) {
      if ((this.flags & O_NONBLOCK) !== 0) return -EAGAIN;
      task.waitOn(this.#queue);
      return BLOCKED;
    }
    if (this.#hasExpired && this.#intervalNs > 0) this.#ticks += this.#forward(this.#kernel.now()) - 1;
    put64(view, 0, this.#ticks);
    this.#hasExpired = false;
    this.#ticks = 0;
    // As many as there is memory for: Linux asks only whether any could be put (fs/timerfd.c, timerfd_read_iter).
    return to.put(bytes, 0, 8);
  }

  override ioctl(task: Caller, command: number, argument: number): number {
    if (command !== TFD_IOC_SET_TICKS) return -ENOTTY;
    const ticks = task.space.loadU64(argument);
    if (ticks < 0) return -EFAULT;
    if (ticks === 0) return -EINVAL;
    this.#ticks = ticks;
    this.#queue.wakeAll(POLLIN);
    return 0;
  }

  #start(now: number): void {
    if (this.#deadlineNs <= now) this.timerExpired();
    else if (this.#deadlineNs !== Infinity) this.#kernel.timers.set(this.#timer, this.#deadlineNs);
  }

  /** Moves an expired periodic timer beyond `now` and arms it: the number of intervals it passed. */
  #forward(now: number): number {
    const passed = Math.max(1, Math.floor((now - this.#deadlineNs) / this.#intervalNs) + 1);
    this.#deadlineNs += passed * this.#intervalNs;
    this.#hasExpired = false;
    this.#kernel.timers.set(this.#timer, this.#deadlineNs);
    return passed;
  }

  /** An absolute timer on the wall clock keeps its wall time when the clock is set. */
  clockWasSet(): void {
    if (this.#cancelsOnSet) {
      this.#isCanceled = true;
      this.#queue.wakeAll(POLLIN);
    }
    if (!this.#isAbsolute) return;
    const movedNs = (this.#kernel.realtimeOffsetMs - this.#offsetMs) * 1e6;
    this.#offsetMs = this.#kernel.realtimeOffsetMs;
    this.#deadlineNs -= movedNs;
    if (this.#timer.isArmed) {
      this.#kernel.timers.cancel(this.#timer);
      this.#start(this.#kernel.now());
    }
  }

  protected override dispose(): void {
    this.#kernel.timers.cancel(this.#timer);
    this.#kernel.clockSetObservers.delete(this);
  }

  static {
    stateClass("TimerFile", this, {
      save: (it) => ({
        kernel: it.#kernel,
        isRealtime: it.#isRealtime,
        timer: it.#timer,
        queue: it.#queue,
        deadlineNs: it.#deadlineNs,
        intervalNs: it.#intervalNs,
        ticks: it.#ticks,
        hasExpired: it.#hasExpired,
        isAbsolute: it.#isAbsolute,
        cancelsOnSet: it.#cancelsOnSet,
        setFlags: it.#setFlags,
        isCanceled: it.#isCanceled,
        offsetMs: it.#offsetMs,
      }),
      load: (it, from) =>
        ({
          kernel: it.#kernel,
          isRealtime: it.#isRealtime,
          timer: it.#timer,
          queue: it.#queue,
          deadlineNs: it.#deadlineNs,
          intervalNs: it.#intervalNs,
          ticks: it.#ticks,
          hasExpired: it.#hasExpired,
          isAbsolute: it.#isAbsolute,
          cancelsOnSet: it.#cancelsOnSet,
          setFlags: it.#setFlags,
          isCanceled: it.#isCanceled,
          offsetMs: it.#offsetMs,
        } = from),
    });
  }
}
