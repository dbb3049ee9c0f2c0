/**
 * The clock that goes on without power (rtc(4)): the host's, so it is right when the machine starts; settimeofday(2)
 * leaves it alone, and RTC_SET_TIME leaves CLOCK_REALTIME alone. It counts whole seconds. Its interrupts are counted
 * for who has the device open (Linux drivers/rtc/interface.c); an alarm stays when nobody has.
 */
import { EINVAL, POLLIN, POLLRDNORM, RTC_AF, RTC_IRQF, RTC_PF, RTC_UF } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { WaitQueue } from "../ground/wait-queue.ts";
import { Timer, type TimerClient, type TimerQueue } from "../time/timer-queue.ts";
import type { Time } from "../vfs/inode.ts";

/** Interrupts a second at most, and for who has no CAP_SYS_RESOURCE. */
const FREQUENCY_MAX = 8192;
export const USER_FREQUENCY_MAX = 64;
/** An interrupt counts above the bits that say which it was. */
const COUNT = 0x100;

interface ClockKernel {
  readonly timers: TimerQueue;
  /** By how much CLOCK_REALTIME was set ahead of the host's clock. */
  readonly realtimeOffsetMs: number;
  now(): number;
  realtime(): Time;
}

/** Its interrupts: of the alarm, of each second, at the rate that was asked for. */
type Interrupt = "alarm" | "update" | "periodic";
const BITS: Readonly<Record<Interrupt, number>> = { alarm: RTC_AF, update: RTC_UF, periodic: RTC_PF };

export class RealTimeClock {
  #kernel: ClockKernel;
  /** By how much it was set ahead of the host's clock. */
  #aheadMs = 0;
  /** Seconds since 1970, as this clock tells them. */
  alarmSeconds = 0;
  frequency = 1;
  /** Interrupts since the last read, and which. */
  pending = 0;
  /** One file has it at a time. */
  isOpen = false;
  readonly queue = new WaitQueue();
  #interrupts: Readonly<Record<Interrupt, ClockInterrupt>>;

  constructor(kernel: ClockKernel) {
    this.#kernel = kernel;
    const make = (which: Interrupt): ClockInterrupt => new ClockInterrupt(this, which);
    this.#interrupts = { alarm: make("alarm"), update: make("update"), periodic: make("periodic") };
  }

  isEnabled(which: Interrupt): boolean {
    return this.#interrupts[which].timer.isArmed;
  }

  /** Milliseconds since 1970. */
  #nowMs(): number {
    const { seconds, nanoseconds } = this.#kernel.realtime();
    return seconds * 1000 + nanoseconds / 1e6 - this.#kernel.realtimeOffsetMs + this.#aheadMs;
  }

  get seconds(): number {
    return Math.floor(this.#nowMs() / 1000);
  }

  /** A new second begins there. */
  set(seconds: number): void {
    this.#aheadMs += seconds * 1000 - this.#nowMs();
    for (const which of ["alarm", "update"] as const)
      if (this.isEnabled(which)) {
        this.disable(which);
        this.enable(which);
      }
  }

  /** One that is enabled already stays as it is. */
  enable(which: Interrupt): void {
    if (this.isEnabled(which)) return;
    const { kernel, timer } = { kernel: this.#kernel, timer: this.#interrupts[which].timer };
    kernel.timers.set(timer, kernel.now() + this.#waitNs(which));
  }

  disable(which: Interrupt): void {
    this.#kernel.timers.cancel(this.#interrupts[which].timer);
  }

  #waitNs(which: Interrupt): number {
    if (which === "periodic") return 1e9 / this.frequency;
    const nowMs = this.#nowMs();
    const atMs = which === "alarm" ? this.alarmSeconds * 1000 : (Math.floor(nowMs / 1000) + 1) * 1000;
    return Math.max(0, Math.ceil((atMs - nowMs) * 1e6));
  }

  /** −EINVAL */
  setFrequency(frequency: number): number {
    if (frequency < 1 || frequency > FREQUENCY_MAX) return -EINVAL;
    this.frequency = frequency;
    if (!this.isEnabled("periodic")) return 0;
    this.disable("periodic");
    this.enable("periodic");
    return 0;
  }

  interrupted(which: Interrupt): void {
    // The count has three bytes; one that nobody reads for long begins anew.
    const count = which === "periodic" ? this.#nextPeriod() : 1;
    this.pending = ((this.pending + count * COUNT) | RTC_IRQF | BITS[which]) >>> 0;
    this.queue.wakeAll(POLLIN | POLLRDNORM);
    if (which === "update") this.enable(which);
  }

  /** They come a period apart however late one was told of. @returns how many have come */
  #nextPeriod(): number {
    const { timer } = this.#interrupts.periodic;
    const periodNs = 1e9 / this.frequency;
    const count = 1 + Math.max(0, Math.floor((this.#kernel.now() - timer.deadlineNs) / periodNs));
    this.#kernel.timers.set(timer, timer.deadlineNs + count * periodNs);
    return count;
  }

  /** What was asked for by who had it open ends; the alarm stays (drivers/rtc/dev.c, rtc_dev_release). */
  closed(): void {
    this.disable("update");
    this.disable("periodic");
    this.isOpen = false;
  }

  static {
    stateClass("RealTimeClock", this, {
      save: (it) => ({ kernel: it.#kernel, aheadMs: it.#aheadMs, interrupts: it.#interrupts }),
      load: (it, from) => ({ kernel: it.#kernel, aheadMs: it.#aheadMs, interrupts: it.#interrupts } = from),
    });
  }
}

class ClockInterrupt implements TimerClient {
  readonly clock: RealTimeClock;
  readonly which: Interrupt;
  readonly timer = new Timer(this);

  constructor(clock: RealTimeClock, which: Interrupt) {
    this.clock = clock;
    this.which = which;
  }

  timerExpired(): void {
    this.clock.interrupted(this.which);
  }

  static {
    stateClass("ClockInterrupt", this);
  }
}
