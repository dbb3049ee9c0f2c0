/** A clock that goes on without power (rtc(4)). Source: Linux include/uapi/linux/rtc.h. */
import { i32, struct, u8 } from "./struct.ts";

export const RtcTime = struct("rtc_time", {
  tm_sec: i32,
  tm_min: i32,
  tm_hour: i32,
  tm_mday: i32,
  /** From 0. */
  tm_mon: i32,
  /** Since 1900. */
  tm_year: i32,
  tm_wday: i32,
  tm_yday: i32,
  tm_isdst: i32,
});
export const RtcWkalrm = struct("rtc_wkalrm", { enabled: u8, pending: u8, time: RtcTime });
/** Interrupts: of the alarm, of each second, at a rate. */
export const RTC_AIE_ON = 0x7001,
  RTC_AIE_OFF = 0x7002,
  RTC_UIE_ON = 0x7003,
  RTC_UIE_OFF = 0x7004,
  RTC_PIE_ON = 0x7005,
  RTC_PIE_OFF = 0x7006;
export const RTC_ALM_SET = 0x40247007,
  RTC_ALM_READ = 0x80247008,
  RTC_RD_TIME = 0x80247009,
  RTC_SET_TIME = 0x4024700a,
  RTC_IRQP_READ = 0x8008700b,
  RTC_IRQP_SET = 0x4008700c,
  RTC_WKALM_SET = 0x4028700f,
  RTC_WKALM_RD = 0x80287010;
/** What read(2) gives, below the number of interrupts: that there was one, and which. */
export const RTC_UF = 0x10,
  RTC_AF = 0x20,
  RTC_PF = 0x40,
  RTC_IRQF = 0x80;
