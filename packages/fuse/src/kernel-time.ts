/**
 * The time that the kernel stamps on files now. Where it gathers writes it keeps their times itself
 * (FUSE_WRITEBACK_CACHE), from a clock that moves with its timer's ticks (ktime_get_coarse_real_ts64), behind ours by
 * up to one. A new file must have that time and no finer one: its first write would move its time back, and as it
 * changes what we answered, the kernel would send it to us with a SETATTR for each file.
 *
 * No system call of Node tells that clock, but each change time that the kernel sends does, until its next tick. So the
 * first file of a tick costs a message more.
 */

/** The slowest timer that Linux has: CONFIG_HZ=100. */
const TICK_NS_MAX = 10_000_000;

/** How late a tick may come: where the host is a virtual machine, its processors stand still now and then. */
export const LATE_NS_MAX = 1_000_000_000;

export class KernelTime {
  seconds = 0;
  nanoseconds = 0;
  /** What the kernel told last. */
  #toldSeconds = 0;
  #toldNanoseconds = 0;

  /** The kernel sent the change time of a file: perhaps of this moment, perhaps an older one. */
  told(seconds: number, nanoseconds: number): void {
    if (seconds < this.#toldSeconds || (seconds === this.#toldSeconds && nanoseconds <= this.#toldNanoseconds)) {
      // Whoever sets the clock back begins anew.
      if (this.#toldSeconds - seconds < 60) return;
    }
    this.#toldSeconds = seconds;
    this.#toldNanoseconds = nanoseconds;
  }

  /**
   * Moves on to a moment of our clock: what the kernel told is the time for one tick, and it does not go back within
   * one.
   */
  move(seconds: number, nanoseconds: number): void {
    const sinceTold = (seconds - this.#toldSeconds) * 1e9 + (nanoseconds - this.#toldNanoseconds);
    if (sinceTold >= 0 && sinceTold < TICK_NS_MAX) {
      seconds = this.#toldSeconds;
      nanoseconds = this.#toldNanoseconds;
    }
    const ahead = (this.seconds - seconds) * 1e9 + (this.nanoseconds - nanoseconds);
    if (ahead > 0 && ahead < TICK_NS_MAX) return;
    this.seconds = seconds;
    this.nanoseconds = nanoseconds;
  }
}
