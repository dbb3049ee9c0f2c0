/** Event files. Source: Linux include/uapi/linux/eventpoll.h, eventfd.h, timerfd.h, signalfd.h, pidfd.h. */
import { i32, struct, u32, u64 } from "./struct.ts";

export const EPOLL_CTL_ADD = 1,
  EPOLL_CTL_DEL = 2,
  EPOLL_CTL_MOD = 3;
/** Event bits above the POLL* ones; EPOLLET is the sign bit of an int. */
export const EPOLLEXCLUSIVE = 1 << 28,
  EPOLLWAKEUP = 1 << 29,
  EPOLLONESHOT = 1 << 30,
  EPOLLET = 1 << 31;
export const EPOLL_CLOEXEC = 0o2000000;

export const EFD_SEMAPHORE = 1,
  EFD_CLOEXEC = 0o2000000,
  EFD_NONBLOCK = 0o4000;
export const TFD_TIMER_ABSTIME = 1,
  TFD_TIMER_CANCEL_ON_SET = 2,
  TFD_CLOEXEC = 0o2000000,
  TFD_NONBLOCK = 0o4000,
  TFD_IOC_SET_TICKS = 0x40085400;
export const SFD_CLOEXEC = 0o2000000,
  SFD_NONBLOCK = 0o4000,
  PIDFD_NONBLOCK = 0o4000,
  PIDFD_THREAD = 0o200;
export const PIDFD_SIGNAL_THREAD = 1,
  PIDFD_SIGNAL_THREAD_GROUP = 2,
  PIDFD_SIGNAL_PROCESS_GROUP = 4;
/** Requests of pidfds. Source: include/uapi/linux/pidfd.h. */
export const PIDFD_GET_CGROUP_NAMESPACE = 0xff01,
  PIDFD_GET_IPC_NAMESPACE = 0xff02,
  PIDFD_GET_MNT_NAMESPACE = 0xff03,
  PIDFD_GET_NET_NAMESPACE = 0xff04,
  PIDFD_GET_PID_NAMESPACE = 0xff05,
  PIDFD_GET_PID_FOR_CHILDREN_NAMESPACE = 0xff06,
  PIDFD_GET_TIME_NAMESPACE = 0xff07,
  PIDFD_GET_TIME_FOR_CHILDREN_NAMESPACE = 0xff08,
  PIDFD_GET_USER_NAMESPACE = 0xff09,
  PIDFD_GET_UTS_NAMESPACE = 0xff0a,
  PIDFD_GET_INFO = 0xc048ff0b;
/** What `mask` of PIDFD_GET_INFO's record asks for, and says of it. */
export const PIDFD_INFO_PID = 1,
  PIDFD_INFO_CREDS = 2,
  PIDFD_INFO_CGROUPID = 4,
  PIDFD_INFO_EXIT = 8,
  PIDFD_INFO_COREDUMP = 16;
/** What PIDFD_GET_INFO says of cores: none is written; one is, as its user; one is, for root. */
export const PIDFD_COREDUMP_SKIP = 2,
  PIDFD_COREDUMP_USER = 4,
  PIDFD_COREDUMP_ROOT = 8;
export const PIDFD_INFO_SIZE_VER0 = 64;
export const PidfdInfo = struct("pidfd_info", {
  mask: u64,
  cgroupid: u64,
  pid: u32,
  tgid: u32,
  ppid: u32,
  ruid: u32,
  rgid: u32,
  euid: u32,
  egid: u32,
  suid: u32,
  sgid: u32,
  fsuid: u32,
  fsgid: u32,
  exit_code: i32,
  coredump_mask: u32,
  __spare1: u32,
});
