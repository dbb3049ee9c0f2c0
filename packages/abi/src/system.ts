/**
 * The machine as a whole: its name, its use, its log, its end, its randomness. Source: Linux
 * include/uapi/linux/{utsname,sysinfo,reboot,random,personality}.h, include/linux/syslog.h.
 */
import { array, i64, struct, text, u16, u32, u64 } from "./struct.ts";

/** `struct new_utsname`. */
export const Utsname = struct("utsname", {
  sysname: text(65),
  nodename: text(65),
  release: text(65),
  version: text(65),
  machine: text(65),
  domainname: text(65),
});

/** sysinfo(2): loads have 16 binary places, sizes are in units of `mem_unit` bytes. */
export const Sysinfo = struct("sysinfo", {
  uptime: i64,
  loads: array(u64, 3),
  totalram: u64,
  freeram: u64,
  sharedram: u64,
  bufferram: u64,
  totalswap: u64,
  freeswap: u64,
  procs: u16,
  _pad: u16,
  totalhigh: u64,
  freehigh: u64,
  mem_unit: u32,
});

/** getrandom(2). */
export const GRND_NONBLOCK = 1,
  GRND_RANDOM = 2,
  GRND_INSECURE = 4;

/** syslog(2). */
export const SYSLOG_ACTION_CLOSE = 0,
  SYSLOG_ACTION_OPEN = 1,
  SYSLOG_ACTION_READ = 2,
  SYSLOG_ACTION_READ_ALL = 3,
  SYSLOG_ACTION_READ_CLEAR = 4,
  SYSLOG_ACTION_CLEAR = 5,
  SYSLOG_ACTION_CONSOLE_OFF = 6,
  SYSLOG_ACTION_CONSOLE_ON = 7,
  SYSLOG_ACTION_CONSOLE_LEVEL = 8,
  SYSLOG_ACTION_SIZE_UNREAD = 9,
  SYSLOG_ACTION_SIZE_BUFFER = 10;

/** reboot(2). */
export const LINUX_REBOOT_MAGIC1 = 0xfee1dead,
  LINUX_REBOOT_MAGIC2 = 672274793,
  LINUX_REBOOT_MAGIC2A = 85072278,
  LINUX_REBOOT_MAGIC2B = 369367448,
  LINUX_REBOOT_MAGIC2C = 537993216;
export const LINUX_REBOOT_CMD_RESTART = 0x01234567,
  LINUX_REBOOT_CMD_HALT = 0xcdef0123,
  LINUX_REBOOT_CMD_CAD_ON = 0x89abcdef,
  LINUX_REBOOT_CMD_CAD_OFF = 0,
  LINUX_REBOOT_CMD_POWER_OFF = 0x4321fedc,
  LINUX_REBOOT_CMD_RESTART2 = 0xa1b2c3d4,
  LINUX_REBOOT_CMD_SW_SUSPEND = 0xd000fce2,
  LINUX_REBOOT_CMD_KEXEC = 0x45584543;

/** personality(2): the release is said to be one of 2.6; a wait's time-out is not written back. */
export const UNAME26 = 0x0020000,
  ADDR_COMPAT_LAYOUT = 0x0200000,
  STICKY_TIMEOUTS = 0x4000000;

/** Of /proc/PID/oom_adj and oom_score_adj. Source: include/uapi/linux/oom.h. */
export const OOM_DISABLE = -17,
  OOM_ADJUST_MAX = 15,
  OOM_SCORE_ADJ_MAX = 1000;
