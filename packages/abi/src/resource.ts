/** Limits and what was used. Source: Linux include/uapi/asm-generic/resource.h, linux/resource.h. */
import { i64, struct, u64 } from "./struct.ts";
import { Timeval } from "./time.ts";

/** RLIMIT_* of getrlimit(2). */
export const RLIMIT_CPU = 0,
  RLIMIT_FSIZE = 1,
  RLIMIT_DATA = 2,
  RLIMIT_STACK = 3,
  RLIMIT_CORE = 4,
  RLIMIT_RSS = 5,
  RLIMIT_NPROC = 6,
  RLIMIT_NOFILE = 7,
  RLIMIT_MEMLOCK = 8,
  RLIMIT_AS = 9,
  RLIMIT_LOCKS = 10,
  RLIMIT_SIGPENDING = 11,
  RLIMIT_MSGQUEUE = 12,
  RLIMIT_NICE = 13,
  RLIMIT_RTPRIO = 14,
  RLIMIT_RTTIME = 15;

/** getrusage(2). */
export const RUSAGE_SELF = 0,
  RUSAGE_CHILDREN = -1,
  RUSAGE_THREAD = 1;

/** No limit: all ones, as a signed number. */
export const RLIM_INFINITY = -1;
/** `struct rlimit64`. */
export const Rlimit = struct("rlimit", { rlim_cur: u64, rlim_max: u64 });

export const Rusage = struct("rusage", {
  ru_utime: Timeval,
  ru_stime: Timeval,
  ru_maxrss: i64,
  ru_ixrss: i64,
  ru_idrss: i64,
  ru_isrss: i64,
  ru_minflt: i64,
  ru_majflt: i64,
  ru_nswap: i64,
  ru_inblock: i64,
  ru_oublock: i64,
  ru_msgsnd: i64,
  ru_msgrcv: i64,
  ru_nsignals: i64,
  ru_nvcsw: i64,
  ru_nivcsw: i64,
});
