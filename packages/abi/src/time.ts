/** Clocks, timers and their structures. Source: Linux include/uapi/linux/time.h, time_types.h, times.h. */
import { i32, i64, struct } from "./struct.ts";

/** Clocks of clock_gettime(2). */
export const CLOCK_REALTIME = 0,
  CLOCK_MONOTONIC = 1,
  CLOCK_PROCESS_CPUTIME_ID = 2,
  CLOCK_THREAD_CPUTIME_ID = 3,
  CLOCK_MONOTONIC_RAW = 4,
  CLOCK_REALTIME_COARSE = 5,
  CLOCK_MONOTONIC_COARSE = 6,
  CLOCK_BOOTTIME = 7,
  CLOCK_REALTIME_ALARM = 8,
  CLOCK_BOOTTIME_ALARM = 9,
  CLOCK_TAI = 11;
/** Flag of clock_nanosleep(2) and timer_settime(2). */
export const TIMER_ABSTIME = 1;
/** getitimer(2). */
export const ITIMER_REAL = 0,
  ITIMER_VIRTUAL = 1,
  ITIMER_PROF = 2;

/** `struct __kernel_timespec`. */
export const Timespec = struct("timespec", {
  tv_sec: i64, // seconds since the epoch of the clock
  tv_nsec: i64, // nanoseconds, 0 … 999 999 999
});
export const Timeval = struct("timeval", { tv_sec: i64, tv_usec: i64 });
export const Itimerspec = struct("itimerspec", { it_interval: Timespec, it_value: Timespec });
export const Itimerval = struct("itimerval", { it_interval: Timeval, it_value: Timeval });
export const Timezone = struct("timezone", { tz_minuteswest: i32, tz_dsttime: i32 });
/** times(2), in ticks of a hundredth of a second. */
export const Tms = struct("tms", { tms_utime: i64, tms_stime: i64, tms_cutime: i64, tms_cstime: i64 });
