import { hex64, pointer, struct, u64 } from "./struct.ts";

/** Flags of clone(2), clone3(2) and unshare(2). Source: Linux include/uapi/linux/sched.h. */
export const CSIGNAL = 0xff,
  CLONE_NEWTIME = 0x80, // unshare(2) and clone3(2) alone: its bit is one of clone(2)'s exit signal
  CLONE_VM = 0x100,
  CLONE_FS = 0x200,
  CLONE_FILES = 0x400,
  CLONE_SIGHAND = 0x800,
  CLONE_PIDFD = 0x1000,
  CLONE_PTRACE = 0x2000,
  CLONE_VFORK = 0x4000,
  CLONE_PARENT = 0x8000,
  CLONE_THREAD = 0x10000,
  CLONE_NEWNS = 0x20000,
  CLONE_SYSVSEM = 0x40000,
  CLONE_SETTLS = 0x80000,
  CLONE_PARENT_SETTID = 0x100000,
  CLONE_CHILD_CLEARTID = 0x200000,
  CLONE_DETACHED = 0x400000,
  CLONE_UNTRACED = 0x800000,
  CLONE_CHILD_SETTID = 0x1000000,
  CLONE_NEWCGROUP = 0x2000000,
  CLONE_NEWUTS = 0x4000000,
  CLONE_NEWIPC = 0x8000000,
  CLONE_NEWUSER = 0x10000000,
  CLONE_NEWPID = 0x20000000,
  CLONE_NEWNET = 0x40000000,
  CLONE_IO = 0x80000000;

/** clone3(2) alone; beyond 32 bits. */
export const CLONE_CLEAR_SIGHAND = 0x100000000,
  CLONE_INTO_CGROUP = 0x200000000;

/** What grew it: 64 bytes at first, then `set_tid`, then `cgroup`. */
export const CLONE_ARGS_SIZE_VER0 = 64,
  CLONE_ARGS_SIZE_VER1 = 80,
  CLONE_ARGS_SIZE_VER2 = 88;
export const CloneArgs = struct("clone_args", {
  flags: hex64,
  pidfd: pointer,
  child_tid: pointer,
  parent_tid: pointer,
  exit_signal: u64,
  stack: pointer,
  stack_size: hex64,
  tls: pointer,
  set_tid: pointer,
  set_tid_size: u64,
  cgroup: u64,
});

/** Requests of the files of namespaces (ioctl_ns(2), ioctl_nsfs(2)). Source: include/uapi/linux/nsfs.h. */
export const NS_GET_USERNS = 0xb701,
  NS_GET_PARENT = 0xb702,
  NS_GET_NSTYPE = 0xb703,
  NS_GET_OWNER_UID = 0xb704,
  NS_GET_MNTNS_ID = 0x8008b705,
  NS_GET_ID = 0x8008b70d,
  NS_GET_PID_FROM_PIDNS = 0x8004b706,
  NS_GET_TGID_FROM_PIDNS = 0x8004b707,
  NS_GET_PID_IN_PIDNS = 0x8004b708,
  NS_GET_TGID_IN_PIDNS = 0x8004b709;
