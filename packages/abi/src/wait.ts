/** wait4(2), waitid(2). Source: Linux include/uapi/linux/wait.h. */
export const WNOHANG = 0x1,
  WUNTRACED = 0x2,
  WSTOPPED = 0x2,
  WEXITED = 0x4,
  WCONTINUED = 0x8,
  WNOWAIT = 0x1000000,
  __WNOTHREAD = 0x20000000,
  __WALL = 0x40000000,
  __WCLONE = 0x80000000;
export const P_ALL = 0,
  P_PID = 1,
  P_PGID = 2,
  P_PIDFD = 3;
