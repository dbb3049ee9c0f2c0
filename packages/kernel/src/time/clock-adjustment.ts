import {
  ADJ_ADJTIME,
  ADJ_ESTERROR,
  ADJ_FREQUENCY,
  ADJ_MAXERROR,
  ADJ_MICRO,
  ADJ_NANO,
  ADJ_OFFSET,
  ADJ_OFFSET_READONLY,
  ADJ_SETOFFSET,
  ADJ_STATUS,
  ADJ_TAI,
  ADJ_TICK,
  ADJ_TIMECONST,
  CAP_SYS_TIME,
  EFAULT,
  EINVAL,
  EPERM,
  STA_CLOCKERR,
  STA_NANO,
  STA_PLL,
  STA_RONLY,
  STA_UNSYNC,
  TIME_ERROR,
  TIME_OK,
  Timeval,
  Timex,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { get64, put64 } from "../ground/words.ts";
import { isCapable } from "../security/credentials.ts";
import type { TimeCaller, TimeKernel } from "./time-kernel.ts";

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
  kernel.setRealtime(seconds, nanoseconds);
  for (const observer of kernel.clockSetObservers) observer.clockWasSet();
  return 0;
}

/**
 * settimeofday(2)'s zone: 0, −EINVAL. The clock is that of the host, in UTC: the first zone doesn't move it, as
 * it does where a hardware clock kept local time (kernel/time/time.c, do_sys_settimeofday64).
 */
export function setTimeZone(kernel: TimeKernel, minutesWest: number, dstTime: number): number {
  if (Math.abs(minutesWest) > 15 * 60) return -EINVAL;
  Object.assign(kernel.clockAdjustment, { minutesWest, dstTime });
  return 0;
}

/** What adjtimex(2) and settimeofday(2) keep. The host's clock keeps its own pace: nothing of it is applied. */
export class ClockAdjustment {
  offset = 0;
  frequency = 0;
  maximumError = MAXIMUM_ERROR;
  estimatedError = MAXIMUM_ERROR;
  status = STA_UNSYNC;
  timeConstant = 2;
  tick = 10000;
  tai = 0;
  /** settimeofday(2)'s `struct timezone`, which nothing but gettimeofday(2) asks for. */
  minutesWest = 0;
  dstTime = 0;

  static {
    stateClass("ClockAdjustment", this);
  }
}

/** Linux, include/linux/timex.h: NTP_PHASE_LIMIT in microseconds, MAXFREQ_SCALED, MAXTC, MAX_TAI_OFFSET. */
const MAXIMUM_ERROR = 16_000_000,
  MAXIMUM_FREQUENCY = 500 << 16,
  MAXIMUM_TIME_CONSTANT = 10,
  MAXIMUM_TAI = 100_000;

const SECONDS = Timex.offset.time + Timeval.offset.tv_sec,
  FRACTION = Timex.offset.time + Timeval.offset.tv_usec;

/** @returns TIME_OK or TIME_ERROR (nobody keeps the clock in step), as adjtimex(2) does; −EFAULT, −EINVAL, −EPERM */
export function adjustClock(task: TimeCaller, address: number): number {
  const { kernel } = task;
  const { u8, view } = kernel.scratch;
  if (task.space.copyIn(address, u8, 0, Timex.size) < 0) return -EFAULT;
  const long = (at: number): number => get64(view, at);
  const modes = view.getUint32(Timex.offset.modes, true);
  const failed = refusal(task, modes, long(Timex.offset.tick), long(FRACTION));
  if (failed < 0) return failed;
  const state = kernel.clockAdjustment;
  if ((modes & ADJ_ADJTIME) === 0) {
    if ((modes & ADJ_SETOFFSET) !== 0) {
      const now = kernel.realtime();
      const moved =
        now.seconds + long(SECONDS) + (now.nanoseconds + long(FRACTION) * ((modes & ADJ_NANO) !== 0 ? 1 : 1000)) / 1e9;
      if (moved < 0) return -EINVAL;
      const seconds = Math.floor(moved);
      const set = setRealtime(task, seconds, Math.floor((moved - seconds) * 1e9));
      if (set < 0) return set;
    }
    if ((modes & ADJ_STATUS) !== 0)
      state.status = (state.status & STA_RONLY) | (view.getInt32(Timex.offset.status, true) & ~STA_RONLY);
    if ((modes & ADJ_NANO) !== 0) state.status |= STA_NANO;
    if ((modes & ADJ_MICRO) !== 0) state.status &= ~STA_NANO;
    if ((modes & ADJ_FREQUENCY) !== 0)
      state.frequency = clamp(long(Timex.offset.freq), -MAXIMUM_FREQUENCY, MAXIMUM_FREQUENCY);
    if ((modes & ADJ_MAXERROR) !== 0) state.maximumError = clamp(long(Timex.offset.maxerror), 0, MAXIMUM_ERROR);
    if ((modes & ADJ_ESTERROR) !== 0) state.estimatedError = clamp(long(Timex.offset.esterror), 0, MAXIMUM_ERROR);
    if ((modes & ADJ_TIMECONST) !== 0)
      state.timeConstant = clamp(
        clamp(long(Timex.offset.constant), 0, MAXIMUM_TIME_CONSTANT) + ((state.status & STA_NANO) === 0 ? 4 : 0),
        0,
        MAXIMUM_TIME_CONSTANT,
      );
    if ((modes & ADJ_TAI) !== 0 && long(Timex.offset.constant) >= 0 && long(Timex.offset.constant) <= MAXIMUM_TAI)
      state.tai = long(Timex.offset.constant);
    if ((modes & ADJ_OFFSET) !== 0 && (state.status & STA_PLL) !== 0) state.offset = long(Timex.offset.offset);
    if ((modes & ADJ_TICK) !== 0) state.tick = long(Timex.offset.tick);
  }
  const put = (at: number, value: number): void => put64(view, at, value);
  const now = kernel.realtime();
  put(Timex.offset.offset, state.offset);
  put(Timex.offset.freq, state.frequency);
  put(Timex.offset.maxerror, state.maximumError);
  put(Timex.offset.esterror, state.estimatedError);
  view.setInt32(Timex.offset.status, state.status, true);
  put(Timex.offset.constant, state.timeConstant);
  put(Timex.offset.precision, 1);
  put(Timex.offset.tolerance, MAXIMUM_FREQUENCY);
  put(SECONDS, now.seconds);
  put(FRACTION, (state.status & STA_NANO) !== 0 ? now.nanoseconds : Math.floor(now.nanoseconds / 1000));
  put(Timex.offset.tick, state.tick);
  u8.fill(0, Timex.offset.tick + 8, Timex.size);
  view.setInt32(Timex.offset.tai, state.tai, true);
  if (task.space.copyOut(address, u8, 0, Timex.size) < 0) return -EFAULT;
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
