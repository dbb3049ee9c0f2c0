/** /dev/rtc0 (rtc(4); Linux drivers/rtc/dev.c), and what /sys and /proc tell of it. */
import {
  CAP_SYS_RESOURCE,
  CAP_SYS_TIME,
  EACCES,
  EAGAIN,
  EBUSY,
  EFAULT,
  EINVAL,
  ENOTTY,
  O_NONBLOCK,
  POLLIN,
  POLLRDNORM,
  RTC_AIE_OFF,
  RTC_AIE_ON,
  RTC_ALM_READ,
  RTC_ALM_SET,
  RTC_IRQP_READ,
  RTC_IRQP_SET,
  RTC_MAJOR,
  RTC_PIE_OFF,
  RTC_PIE_ON,
  RTC_RD_TIME,
  RTC_SET_TIME,
  RTC_UIE_OFF,
  RTC_UIE_ON,
  RTC_WKALM_RD,
  RTC_WKALM_SET,
  RtcTime,
  RtcWkalrm,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { civilTime, secondsOfCivil } from "@stratos/formats/calendar";
import type { IoCursor } from "../ground/io-cursor.ts";
import { BLOCKED, type WaitQueue } from "../ground/wait-queue.ts";
import { put64, putFields } from "../ground/words.ts";
import { isCapable } from "../security/credentials.ts";
import type { Inode } from "../vfs/inode.ts";
import { OpenFile } from "../vfs/open-file.ts";
import type { Path } from "../vfs/path.ts";
import type { DeviceDrivers } from "../vfs/vfs-state.ts";
import type { Caller } from "../vfs/vfs-kernel.ts";
import type { EventKernel } from "./event-kernel.ts";
import { type RealTimeClock, USER_FREQUENCY_MAX } from "./real-time-clock.ts";

const DAY_SECONDS = 86400;
const BYTES = new Uint8Array(RtcWkalrm.size);
const VIEW = new DataView(BYTES.buffer);

/** Tells the vfs who opens it: one at a time. */
export function registerRealTimeClock(devices: DeviceDrivers): void {
  devices.registerCharacter(RTC_MAJOR, 0, {
    name: "rtc",
    open: (task, inode, flags, path) => {
      const clock = (task.kernel as EventKernel).realTimeClock;
      if (clock.isOpen) return -EBUSY;
      clock.isOpen = true;
      clock.pending = 0;
      return new RealTimeClockFile(clock, flags, inode, path);
    },
  });
}

class RealTimeClockFile extends OpenFile {
  #clock: RealTimeClock;

  constructor(clock: RealTimeClock, flags: number, inode: Inode, path: Path) {
    super(flags, inode, path);
    this.#clock = clock;
  }

  override get waitQueue(): WaitQueue {
    return this.#clock.queue;
  }

  override get asyncQueue(): WaitQueue {
    return this.#clock.queue;
  }

  override poll(): number {
    return this.#clock.pending !== 0 ? POLLIN | POLLRDNORM : 0;
  }

  /** The interrupts since the last read: 4 bytes, or 8. −EINVAL another length; −EAGAIN; −EFAULT */
  override read(task: Caller, to: IoCursor): number {
    const clock = this.#clock;
    const length = to.remaining === 4 ? 4 : 8;
    if (to.remaining < length) return -EINVAL;
    if (clock.pending === 0) {
      if ((this.flags & O_NONBLOCK) !== 0) return -EAGAIN;
      task.waitOn(clock.queue);
      return BLOCKED;
    }
    put64(VIEW, 0, clock.pending);
    clock.pending = 0;
    return to.put(BYTES, 0, length) === length ? length : -EFAULT;
  }

  override write(): number {
    return -EINVAL;
  }

  override ioctl(task: Caller, command: number, argument: number): number {
    const clock = this.#clock;
    switch (command) {
      case RTC_RD_TIME:
        return storeTime(task, clock.seconds, argument);
      case RTC_ALM_READ:
        return storeTime(task, clock.alarmSeconds, argument);
      case RTC_WKALM_RD:
        return this.#storeAlarm(task, argument);
      case RTC_SET_TIME: {
        if (!isCapable(task.credentials, CAP_SYS_TIME)) return -EACCES;
        const seconds = loadTime(task, argument);
        if (seconds < 0) return seconds;
        clock.set(seconds);
        return 0;
      }
      case RTC_ALM_SET:
        return this.#setDailyAlarm(task, argument);
      case RTC_WKALM_SET: {
        const seconds = loadTime(task, argument + RtcWkalrm.offset.time);
        const enabled = task.space.loadU32(argument + RtcWkalrm.offset.enabled);
        if (seconds === -EFAULT || enabled < 0) return -EFAULT;
        return seconds < 0 ? seconds : this.#setAlarm(seconds, (enabled & 0xff) !== 0);
      }
      case RTC_AIE_ON:
        clock.enable("alarm");
        return 0;
      case RTC_AIE_OFF:
        clock.disable("alarm");
        return 0;
      case RTC_UIE_ON:
        clock.enable("update");
        return 0;
      case RTC_UIE_OFF:
        clock.disable("update");
        return 0;
      case RTC_PIE_ON:
        if (mayNot(task, clock.frequency)) return -EACCES;
        clock.enable("periodic");
        return 0;
      case RTC_PIE_OFF:
        clock.disable("periodic");
        return 0;
      case RTC_IRQP_SET:
        return mayNot(task, argument) ? -EACCES : clock.setFrequency(argument);
      case RTC_IRQP_READ:
        put64(VIEW, 0, clock.frequency);
        return task.space.copyOut(argument, BYTES, 0, 8) < 0 ? -EFAULT : 0;
      default:
        return -ENOTTY;
    }
  }

  #setAlarm(seconds: number, isEnabled: boolean): number {
    const clock = this.#clock;
    clock.disable("alarm");
    clock.alarmSeconds = seconds;
    if (isEnabled) clock.enable("alarm");
    return 0;
  }

  /** RTC_ALM_SET: a time of day, today or, when that is over, tomorrow. */
  #setDailyAlarm(task: Caller, address: number): number {
    if (task.space.copyIn(address, BYTES, 0, RtcTime.size) < 0) return -EFAULT;
    const { tm_sec, tm_min, tm_hour } = RtcTime.offset;
    const [hour, minute, second] = [tm_hour, tm_min, tm_sec].map((at) => VIEW.getInt32(at, true)) as [
      number,
      number,
      number,
    ];
    if (!isTimeOfDay(hour, minute, second)) return -EINVAL;
    const { seconds } = this.#clock;
    const today = seconds - (seconds % DAY_SECONDS) + hour * 3600 + minute * 60 + second;
    return this.#setAlarm(today < seconds ? today + DAY_SECONDS : today, false);
  }

  #storeAlarm(task: Caller, address: number): number {
    BYTES.fill(0);
    putFields(VIEW, RtcWkalrm, { enabled: this.#clock.isEnabled("alarm") ? 1 : 0 });
    putTime(this.#clock.alarmSeconds, RtcWkalrm.offset.time);
    return task.space.copyOut(address, BYTES, 0, RtcWkalrm.size) < 0 ? -EFAULT : 0;
  }

  protected override dispose(): void {
    this.#clock.closed();
  }

  static {
    stateClass("RealTimeClockFile", this, {
      save: (it) => ({ clock: it.#clock }),
      load: (it, from) => ({ clock: it.#clock } = from),
    });
  }
}

/** More interrupts a second than everybody may have. */
function mayNot(task: Caller, frequency: number): boolean {
  return frequency > USER_FREQUENCY_MAX && !isCapable(task.credentials, CAP_SYS_RESOURCE);
}

/** A `struct rtc_time` at an offset of BYTES. */
function putTime(seconds: number, at: number): void {
  const { year, month, day, hour, minute, second } = civilTime(seconds);
  const days = Math.floor(seconds / DAY_SECONDS);
  const first = secondsOfCivil({ year, month: 1, day: 1, hour: 0, minute: 0, second: 0 });
  const fields = {
    ...{ tm_sec: second, tm_min: minute, tm_hour: hour, tm_mday: day, tm_mon: month - 1, tm_year: year - 1900 },
    // 1970 began on a Thursday.
    tm_wday: (days + 4) % 7,
    tm_yday: days - Math.floor(first / DAY_SECONDS),
  };
  putFields(VIEW, RtcTime, fields, at);
}

function storeTime(task: Caller, seconds: number, address: number): number {
  putTime(seconds, 0);
  return task.space.copyOut(address, BYTES, 0, RtcTime.size) < 0 ? -EFAULT : 0;
}

/** @returns seconds since 1970; −EFAULT; −EINVAL no such time (drivers/rtc/lib.c, rtc_valid_tm) */
function loadTime(task: Caller, address: number): number {
  if (task.space.copyIn(address, BYTES, 0, RtcTime.size) < 0) return -EFAULT;
  const { offset } = RtcTime;
  const at = (field: number): number => VIEW.getInt32(field, true);
  const [year, month, day] = [at(offset.tm_year) + 1900, at(offset.tm_mon) + 1, at(offset.tm_mday)];
  const [hour, minute, second] = [at(offset.tm_hour), at(offset.tm_min), at(offset.tm_sec)];
  if (year < 1970 || year > YEAR_MAX || month < 1 || month > 12 || !isTimeOfDay(hour, minute, second)) return -EINVAL;
  const midnight = secondsOfCivil({ year, month, day: 1, hour: 0, minute: 0, second: 0 });
  const seconds = midnight + (day - 1) * DAY_SECONDS + hour * 3600 + minute * 60 + second;
  return day < 1 || day > 31 || civilTime(seconds).month !== month ? -EINVAL : seconds;
}

/** Beyond it, milliseconds have no exact number. */
const YEAR_MAX = 9999;

function isTimeOfDay(hour: number, minute: number, second: number): boolean {
  return hour >= 0 && hour < 24 && minute >= 0 && minute < 60 && second >= 0 && second < 60;
}

/** /proc/driver/rtc (drivers/rtc/proc.c). */
export function describeRealTimeClock(clock: RealTimeClock): string {
  const alarm = clock.alarmSeconds;
  const said = (is: boolean): string => (is ? "yes" : "no");
  const rows: readonly (readonly [name: string, value: string | number])[] = [
    ["rtc_time", timeText(clock.seconds)],
    ["rtc_date", dateText(clock.seconds)],
    ["alrm_time", timeText(alarm)],
    ["alrm_date", dateText(alarm)],
    ["alarm_IRQ", said(clock.isEnabled("alarm"))],
    ["alrm_pending", "no"],
    ["update IRQ enabled", said(clock.isEnabled("update"))],
    ["periodic IRQ enabled", said(clock.isEnabled("periodic"))],
    ["periodic IRQ frequency", clock.frequency],
    ["max user IRQ frequency", USER_FREQUENCY_MAX],
    ["24hr\t", "yes"],
  ];
  return rows.map(([name, value]) => `${name}\t: ${value}\n`).join("");
}

/** Its files in /sys/class/rtc/rtc0 (drivers/rtc/sysfs.c). */
export const CLOCK_ATTRIBUTES: Readonly<Record<string, (clock: RealTimeClock) => string>> = {
  name: () => "stratos rtc\n",
  date: (clock) => `${dateText(clock.seconds)}\n`,
  time: (clock) => `${timeText(clock.seconds)}\n`,
  since_epoch: (clock) => `${clock.seconds}\n`,
  hctosys: () => "1\n",
  max_user_freq: () => `${USER_FREQUENCY_MAX}\n`,
  // Without an alarm the file is empty.
  wakealarm: (clock) => (clock.isEnabled("alarm") ? `${clock.alarmSeconds}\n` : ""),
};

function timeText(seconds: number): string {
  const { hour, minute, second } = civilTime(seconds);
  return [hour, minute, second].map(two).join(":");
}

function dateText(seconds: number): string {
  const { year, month, day } = civilTime(seconds);
  return [`${year}`.padStart(4, "0"), two(month), two(day)].join("-");
}

function two(value: number): string {
  return `${value}`.padStart(2, "0");
}
