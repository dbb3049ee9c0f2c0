/** futex(2), futex_waitv(2), set_robust_list(2). Source: Linux include/uapi/linux/futex.h. */
import { hex32, i64, pointer, struct, u32, u64 } from "./struct.ts";

export const FUTEX_WAIT = 0,
  FUTEX_WAKE = 1,
  FUTEX_FD = 2,
  FUTEX_REQUEUE = 3,
  FUTEX_CMP_REQUEUE = 4,
  FUTEX_WAKE_OP = 5,
  FUTEX_LOCK_PI = 6,
  FUTEX_UNLOCK_PI = 7,
  FUTEX_TRYLOCK_PI = 8,
  FUTEX_WAIT_BITSET = 9,
  FUTEX_WAKE_BITSET = 10,
  FUTEX_WAIT_REQUEUE_PI = 11,
  FUTEX_CMP_REQUEUE_PI = 12,
  FUTEX_LOCK_PI2 = 13;
export const FUTEX_PRIVATE_FLAG = 128,
  FUTEX_CLOCK_REALTIME = 256;
export const FUTEX_BITSET_MATCH_ANY = 0xffffffff;
/** Of a word that a robust or priority-inheriting mutex is. */
export const FUTEX_WAITERS = 0x80000000,
  FUTEX_OWNER_DIED = 0x40000000,
  FUTEX_TID_MASK = 0x3fffffff;

export const FUTEX2_SIZE_MASK = 0x3,
  FUTEX2_SIZE_U32 = 0x2,
  FUTEX2_PRIVATE = 128,
  FUTEX_WAITV_MAX = 128;
export const FutexWaitv = struct("futex_waitv", { val: u64, uaddr: pointer, flags: hex32, _reserved: u32 });
export const RobustListHead = struct("robust_list_head", {
  list: pointer,
  futex_offset: i64,
  list_op_pending: pointer,
});
