/** adjtimex(2). Source: Linux include/uapi/linux/timex.h, include/linux/timex.h. */
import { array, hex32, i32, i64, struct } from "./struct.ts";
import { Timeval } from "./time.ts";

export const ADJ_OFFSET = 0x1,
  ADJ_FREQUENCY = 0x2,
  ADJ_MAXERROR = 0x4,
  ADJ_ESTERROR = 0x8,
  ADJ_STATUS = 0x10,
  ADJ_TIMECONST = 0x20,
  ADJ_TAI = 0x80,
  ADJ_SETOFFSET = 0x100,
  ADJ_MICRO = 0x1000,
  ADJ_NANO = 0x2000,
  ADJ_TICK = 0x4000;
/** The kernel's own, below what the C library names: one adjustment as of adjtime(3), and only looking at it. */
export const ADJ_ADJTIME = 0x8000,
  ADJ_OFFSET_READONLY = 0x2000;
export const STA_PLL = 0x1,
  STA_UNSYNC = 0x40,
  STA_CLOCKERR = 0x1000,
  STA_NANO = 0x2000,
  STA_RONLY = 0xff00;
export const TIME_OK = 0,
  TIME_ERROR = 5;

export const Timex = struct("timex", {
  modes: hex32,
  offset: i64,
  freq: i64,
  maxerror: i64,
  esterror: i64,
  status: hex32,
  constant: i64,
  precision: i64,
  tolerance: i64,
  time: Timeval,
  tick: i64,
  ppsfreq: i64,
  jitter: i64,
  shift: i32,
  stabil: i64,
  jitcnt: i64,
  calcnt: i64,
  errcnt: i64,
  stbcnt: i64,
  tai: i32,
  _spare: array(i32, 11),
});
