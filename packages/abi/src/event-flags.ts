/** Event files. Source: Linux include/uapi/linux/eventpoll.h, eventfd.h, timerfd.h, signalfd.h, pidfd.h. */
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
