import { CAP_SYS_TIME, EFAULT, EINVAL, EPERM } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { isCapable } from "../security/credentials.ts";
import type { TimeCaller } from "./time-kernel.ts";

/**
 * What settimeofday(2) takes at most: nanoseconds of 63 bits, less thirty years of running (Linux's
 * TIME_SETTOD_SEC_MAX).
 */
const SETTABLE_SECONDS = Math.floor(2 ** 63 / 1e9) - 30 * 365 * 86400;

/** settimeofday(2), clock_settime(2). */
export function setRealtime(task: TimeCaller, seconds: number, nanoseconds: number): number {
  if (!(nanoseconds >= 0 && nanoseconds < 1e9) || seconds >= SETTABLE_SECONDS) return -EINVAL;
  if (!isCapable(task.credentials, CAP_SYS_TIME)) return -EPERM;
  const { kernel } = task;
  kernel.realtimeOffsetMs = seconds * 1000 + nanoseconds / 1e6 - kernel.clock.realtimeMs();
  for (const observer of kernel.clockSetObservers) observer.clockWasSet();
  return 0;
}

/** What adjtimex(2) keeps. The host's clock keeps its own pace: nothing of it is applied. */
export class ClockAdjustment {
  offset = 0;
  frequency = 0;
  maximumError = MAXIMUM_ERROR;
  estimatedError = MAXIMUM_ERROR;
  status = STA_UNSYNC;
  timeConstant = 2;
  tick = 10000;
  tai = 0;

  static {
    stateClass("ClockAdjustment", this);
  }
}

const ADJ_OFFSET = 1,
  ADJ_FREQUENCY = 2,
  ADJ_MAXERROR = 4,
  ADJ_ESTERROR = 8,
  ADJ_STATUS = 0x10,
  ADJ_TIMECONST = 0x20,
  ADJ_TAI = 0x80;
const ADJ_SETOFFSET = 0x100,
  ADJ_MICRO = 0x1000,
  ADJ_NANO = 0x2000,
  ADJ_TICK = 0x4000,
  ADJ_ADJTIME = 0x8000,
  ADJ_OFFSET_READONLY = 0x2000;
const STA_PLL = 1,
  STA_UNSYNC = 0x40,
  STA_NANO = 0x2000,
  STA_CLOCKERR = 0x1000,
  STA_READ_ONLY = 0xff00;
/** Linux, include/linux/timex.h: NTP_PHASE_LIMIT in microseconds, MAXFREQ_SCALED, MAXTC, MAX_TAI_OFFSET. */
const MAXIMUM_ERROR = 16_000_000,
  MAXIMUM_FREQUENCY = 500 << 16,
  MAXIMUM_TIME_CONSTANT = 10,
  MAXIMUM_TAI = 100_000;
const TIME_OK = 0,
  TIME_ERROR = 5;

/** `struct timex` of 64-bit machines. */
const TIMEX_SIZE = 208;
const Timex = {
  modes: 0,
  offset: 8,
  frequency: 16,
  maximumError: 24,
  estimatedError: 32,
  status: 40,
  timeConstant: 48,
  precision: 56,
  tolerance: 64,
  seconds: 72,
  fraction: 80,
  tick: 88,
  tai: 160,
} as const;

/** @returns TIME_OK or TIME_ERROR (nobody keeps the clock in step), as adjtimex(2) does; −EFAULT, −EINVAL, −EPERM */
export function adjustClock(task: TimeCaller, address: number): number {
  const { kernel } = task;
  const { u8, view } = kernel.scratch;
  if (task.space.copyIn(address, u8, 0, TIMEX_SIZE) < 0) return -EFAULT;
  const long = (at: number): number => view.getInt32(at + 4, true) * 0x100000000 + view.getUint32(at, true);
  const modes = view.getUint32(Timex.modes, true);
  const failed = refusal(task, modes, long(Timex.tick), long(Timex.fraction));
  if (failed < 0) return failed;
  const state = kernel.clockAdjustment;
  if ((modes & ADJ_ADJTIME) === 0) {
    if ((modes & ADJ_SETOFFSET) !== 0) {
      const now = kernel.realtime();
      const moved =
        now.seconds +
        long(Timex.seconds) +
        (now.nanoseconds + long(Timex.fraction) * ((modes & ADJ_NANO) !== 0 ? 1 : 1000)) / 1e9;
      if (moved < 0) return -EINVAL;
      const seconds = Math.floor(moved);
      const set = setRealtime(task, seconds, Math.floor((moved - seconds) * 1e9));
      if (set < 0) return set;
    }
    if ((modes & ADJ_STATUS) !== 0)
      state.status = (state.status & STA_READ_ONLY) | (view.getInt32(Timex.status, true) & ~STA_READ_ONLY);
    if ((modes & ADJ_NANO) !== 0) state.status |= STA_NANO;
    if ((modes & ADJ_MICRO) !== 0) state.status &= ~STA_NANO;
    if ((modes & ADJ_FREQUENCY) !== 0)
      state.frequency = clamp(long(Timex.frequency), -MAXIMUM_FREQUENCY, MAXIMUM_FREQUENCY);
    if ((modes & ADJ_MAXERROR) !== 0) state.maximumError = clamp(long(Timex.maximumError), 0, MAXIMUM_ERROR);
    if ((modes & ADJ_ESTERROR) !== 0) state.estimatedError = clamp(long(Timex.estimatedError), 0, MAXIMUM_ERROR);
    if ((modes & ADJ_TIMECONST) !== 0)
      state.timeConstant = clamp(
        clamp(long(Timex.timeConstant), 0, MAXIMUM_TIME_CONSTANT) + ((state.status & STA_NANO) === 0 ? 4 : 0),
        0,
        MAXIMUM_TIME_CONSTANT,
      );
    if ((modes & ADJ_TAI) !== 0 && long(Timex.timeConstant) >= 0 && long(Timex.timeConstant) <= MAXIMUM_TAI)
      state.tai = long(Timex.timeConstant);
    if ((modes & ADJ_OFFSET) !== 0 && (state.status & STA_PLL) !== 0) state.offset = long(Timex.offset);
    if ((modes & ADJ_TICK) !== 0) state.tick = long(Timex.tick);
  }
  const put = (at: number, value: number): void => {
    view.setUint32(at, value >>> 0, true);
    view.setInt32(at + 4, Math.floor(value / 0x100000000), true);
  };
  const now = kernel.realtime();
  put(Timex.offset, state.offset);
  put(Timex.frequency, state.frequency);
  put(Timex.maximumError, state.maximumError);
  put(Timex.estimatedError, state.estimatedError);
  view.setInt32(Timex.status, state.status, true);
  put(Timex.timeConstant, state.timeConstant);
  put(Timex.precision, 1);
  put(Timex.tolerance, MAXIMUM_FREQUENCY);
  put(Timex.seconds, now.seconds);
  put(Timex.fraction, (state.status & STA_NANO) !== 0 ? now.nanoseconds : Math.floor(now.nanoseconds / 1000));
  put(Timex.tick, state.tick);
  u8.fill(0, Timex.tick + 8, TIMEX_SIZE);
  view.setInt32(Timex.tai, state.tai, true);
  if (task.space.copyOut(address, u8, 0, TIMEX_SIZE) < 0) return -EFAULT;
  return (state.status & (STA_UNSYNC | STA_CLOCKERR)) !== 0 ? TIME_ERROR : TIME_OK;
}

function refusal(task: TimeCaller, modes: number, tick: number, fraction: number): number {
  const mayAdjust = isCapable(task.credentials, CAP_SYS_TIME);
  if ((modes & ADJ_ADJTIME) !== 0) {
    if ((modes & ADJ_OFFSET) === 0) return -EINVAL;
    return (modes & ADJ_OFFSET_READONLY) === 0 && !mayAdjust ? -EPERM : 0;
  }
  if (modes !== 0 && !mayAdjust) return -EPERM;
  if ((modes & ADJ_TICK) !== 0 && (tick < 9000 || tick > 11000)) return -EINVAL;
  if ((modes & ADJ_SETOFFSET) !== 0 && (fraction < 0 || fraction >= ((modes & ADJ_NANO) !== 0 ? 1e9 : 1e6)))
    return -EINVAL;
  return 0;
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
