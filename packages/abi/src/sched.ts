/** Who runs when, sched(7) and ioprio_set(2). Source: Linux include/uapi/linux/sched.h, sched/types.h, ioprio.h. */
import { hex64, i32, struct, u32, u64 } from "./struct.ts";

export const SCHED_OTHER = 0,
  SCHED_FIFO = 1,
  SCHED_RR = 2,
  SCHED_BATCH = 3,
  SCHED_IDLE = 5,
  SCHED_DEADLINE = 6,
  SCHED_RESET_ON_FORK = 0x40000000;
export const SCHED_FLAG_RESET_ON_FORK = 0x1,
  SCHED_FLAG_RECLAIM = 0x2,
  SCHED_FLAG_DL_OVERRUN = 0x4,
  SCHED_FLAG_KEEP_POLICY = 0x8,
  SCHED_FLAG_KEEP_PARAMS = 0x10;

/** What grew it: 48 bytes at first, then the clamps. */
export const SCHED_ATTR_SIZE_VER0 = 48,
  SCHED_ATTR_SIZE_VER1 = 56;
export const SchedAttr = struct("sched_attr", {
  size: u32,
  sched_policy: u32,
  sched_flags: hex64,
  sched_nice: i32,
  sched_priority: u32,
  sched_runtime: u64,
  sched_deadline: u64,
  sched_period: u64,
  sched_util_min: u32,
  sched_util_max: u32,
});
export const SchedParam = struct("sched_param", { sched_priority: i32 });

export const IOPRIO_WHO_PROCESS = 1,
  IOPRIO_WHO_PGRP = 2,
  IOPRIO_WHO_USER = 3;
export const IOPRIO_CLASS_NONE = 0,
  IOPRIO_CLASS_RT = 1,
  IOPRIO_CLASS_BE = 2,
  IOPRIO_CLASS_IDLE = 3,
  IOPRIO_NR_LEVELS = 8,
  IOPRIO_CLASS_SHIFT = 13,
  IOPRIO_CLASS_MASK = 7;
