/** What kcmp(2) compares. Source: Linux include/uapi/linux/kcmp.h. */
import { struct, u32 } from "./struct.ts";

export const KCMP_FILE = 0,
  KCMP_VM = 1,
  KCMP_FILES = 2,
  KCMP_FS = 3,
  KCMP_SIGHAND = 4,
  KCMP_IO = 5,
  KCMP_SYSVSEM = 6,
  KCMP_EPOLL_TFD = 7;

/** `struct kcmp_epoll_slot`. */
export const KcmpEpollSlot = struct("kcmp_epoll_slot", {
  efd: u32, // the epoll file
  tfd: u32, // the descriptor that it watches
  toff: u32, // which of those watched by this descriptor
});
