/** Options of prctl(2). Source: Linux include/uapi/linux/prctl.h. */
import { pointer, struct, u32 } from "./struct.ts";

export const PR_SET_PDEATHSIG = 1,
  PR_GET_PDEATHSIG = 2,
  PR_GET_DUMPABLE = 3,
  PR_SET_DUMPABLE = 4,
  PR_GET_KEEPCAPS = 7,
  PR_SET_KEEPCAPS = 8,
  PR_GET_TIMING = 13,
  PR_SET_TIMING = 14,
  PR_SET_NAME = 15,
  PR_GET_NAME = 16,
  PR_GET_SECCOMP = 21,
  PR_SET_SECCOMP = 22,
  PR_CAPBSET_READ = 23,
  PR_CAPBSET_DROP = 24,
  PR_GET_SECUREBITS = 27,
  PR_SET_SECUREBITS = 28,
  PR_SET_TIMERSLACK = 29,
  PR_GET_TIMERSLACK = 30,
  PR_MCE_KILL = 33,
  PR_MCE_KILL_GET = 34,
  PR_SET_MM = 35,
  PR_SET_CHILD_SUBREAPER = 36,
  PR_GET_CHILD_SUBREAPER = 37,
  PR_SET_NO_NEW_PRIVS = 38,
  PR_GET_NO_NEW_PRIVS = 39,
  PR_GET_TID_ADDRESS = 40,
  PR_SET_THP_DISABLE = 41,
  PR_GET_THP_DISABLE = 42,
  PR_CAP_AMBIENT = 47,
  PR_SET_IO_FLUSHER = 57,
  PR_GET_IO_FLUSHER = 58,
  PR_SET_SYSCALL_USER_DISPATCH = 59,
  PR_SET_MDWE = 65,
  PR_GET_MDWE = 66,
  PR_GET_AUXV = 0x41555856,
  PR_SET_VMA = 0x53564d41,
  PR_SET_PTRACER = 0x59616d61;
/** Second arguments of PR_SET_MM; 1 to 11 name one address each. */
export const PR_SET_MM_AUXV = 12,
  PR_SET_MM_MAP = 14,
  PR_SET_MM_MAP_SIZE = 15;
/** What PR_SET_MM_MAP sets all at once. */
export const PrctlMmMap = struct("prctl_mm_map", {
  start_code: pointer,
  end_code: pointer,
  start_data: pointer,
  end_data: pointer,
  start_brk: pointer,
  brk: pointer,
  start_stack: pointer,
  arg_start: pointer,
  arg_end: pointer,
  env_start: pointer,
  env_end: pointer,
  auxv: pointer,
  auxv_size: u32,
  exe_fd: u32,
});
/** Second arguments of PR_CAP_AMBIENT. */
export const PR_CAP_AMBIENT_IS_SET = 1,
  PR_CAP_AMBIENT_RAISE = 2,
  PR_CAP_AMBIENT_LOWER = 3,
  PR_CAP_AMBIENT_CLEAR_ALL = 4;
/** Bits of PR_SET_MDWE. */
export const PR_MDWE_REFUSE_EXEC_GAIN = 1,
  PR_MDWE_NO_INHERIT = 2;
/** PR_SET_SYSCALL_USER_DISPATCH: its modes, and what the byte says that it looks at. */
export const PR_SYS_DISPATCH_OFF = 0,
  PR_SYS_DISPATCH_ON = 1;
export const SYSCALL_DISPATCH_FILTER_ALLOW = 0,
  SYSCALL_DISPATCH_FILTER_BLOCK = 1;
/** PR_SET_TIMING knows two; PR_SET_VMA one. */
export const PR_TIMING_STATISTICAL = 0,
  PR_SET_VMA_ANON_NAME = 0;
/** Characters of a thread's name, with the NUL at its end. Source: include/linux/sched.h. */
export const TASK_COMM_LEN = 16;
