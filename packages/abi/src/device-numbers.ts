/** Major numbers of devices. Source: Linux include/uapi/linux/major.h; Documentation/admin-guide/devices.txt. */
export const MEM_MAJOR = 1,
  TTY_MAJOR = 4,
  TTYAUX_MAJOR = 5,
  LOOP_MAJOR = 7,
  MISC_MAJOR = 10,
  UNIX98_PTY_SLAVE_MAJOR = 136;
/** Partitions beyond a disk's own minors (include/linux/blkdev.h). */
export const BLOCK_EXT_MAJOR = 259;
/** /dev/net/tun, /dev/fuse and /dev/loop-control, of MISC_MAJOR (include/linux/miscdevice.h). */
export const TUN_MINOR = 200,
  FUSE_DEVICE_MINOR = 229,
  LOOP_CTRL_MINOR = 237;
/** Keyboards and mice, frame buffers, display controllers. */
export const INPUT_MAJOR = 13,
  FB_MAJOR = 29,
  DRM_MAJOR = 226;
/** The kernel's choice (Linux: the highest that is free). */
export const RTC_MAJOR = 254;
/** /dev/input/event0 (drivers/input/evdev.c). */
export const EVDEV_MINOR_BASE = 64;
