/** How the arguments of common calls read; calls that are not here show numbers. Source: the calls' manual pages. */
import {
  CapUserHeader,
  CloneArgs,
  EpollEvent,
  F_GETLK,
  F_GETOWN_EX,
  F_OFD_GETLK,
  F_OFD_SETLK,
  F_OFD_SETLKW,
  F_SETLK,
  F_SETLKW,
  F_SETOWN_EX,
  FIONREAD,
  Flock,
  FOwnerEx,
  FS_IOC_FSGETXATTR,
  FS_IOC_FSSETXATTR,
  Fsxattr,
  FUTEX_CMP_REQUEUE,
  FUTEX_REQUEUE,
  FUTEX_WAKE_OP,
  IoEvent,
  Iovec,
  Itimerspec,
  Itimerval,
  LOOP_CONFIGURE,
  LOOP_GET_STATUS64,
  LOOP_SET_STATUS64,
  LoopConfig,
  LoopInfo64,
  MqAttr,
  Msghdr,
  OpenHow,
  Pollfd,
  Rlimit,
  Rusage,
  SchedAttr,
  SchedParam,
  Sembuf,
  Sigaction,
  Sigaltstack,
  Sigevent,
  SiginfoChild,
  SiginfoSender,
  Stat,
  Statfs,
  Statx,
  Sysinfo,
  TCGETS,
  TCGETS2,
  TCSETS,
  TCSETS2,
  TCSETSF,
  TCSETSF2,
  TCSETSW,
  TCSETSW2,
  Termios,
  Termios2,
  Timespec,
  Timeval,
  Timex,
  TIOCGWINSZ,
  TIOCSWINSZ,
  Tms,
  Utsname,
  Winsize,
  type Struct,
} from "@stratos/abi";

export type ArgumentKind =
  | "fd" // a descriptor, or AT_FDCWD
  | "int"
  | "hex"
  | "octal"
  | "pointer"
  | "path" // address of a string
  | "text" // address of bytes, as many as the next argument, or the result, says
  | "open" // O_*
  | "protection"
  | "mapping" // PROT_*, MAP_*
  | "signal"
  | "clone"
  | "signals" // address of a set of signals
  | "signals out"
  | "integer out" // address of one that the call stores
  | "integers out" // address of two
  | "address" // of a socket, as long as the next argument says
  | "address out" // with the address of its length behind it
  | "futex time" // of the operations that wait
  | "fcntl"
  | "ioctl request"
  | "ioctl"
  | StructureKind;

/** The address of a structure, or of several. */
export interface StructureKind {
  readonly layout: Struct;
  /** The call stores it: there is something to see when it succeeded. */
  readonly isOut: boolean;
  /** How many: the number of the argument that says it, or what the call returned. Without: one. */
  readonly count?: number | "result";
  /** The same number at all times. */
  readonly always?: number;
}

const given = (layout: Struct, count?: number): StructureKind => ({
  layout,
  isOut: false,
  ...(count === undefined ? {} : { count }),
});
const stored = (layout: Struct, count?: "result"): StructureKind => ({
  layout,
  isOut: true,
  ...(count === undefined ? {} : { count }),
});

const path1: readonly ArgumentKind[] = ["path"];
const at: readonly ArgumentKind[] = ["fd", "path"];

export const ARGUMENT_KINDS: Readonly<Record<string, readonly ArgumentKind[]>> = {
  openat: ["fd", "path", "open", "octal"],
  openat2: ["fd", "path", given(OpenHow), "int"],
  close: ["fd"],
  close_range: ["int", "int", "hex"],
  read: ["fd", "text", "int"],
  write: ["fd", "text", "int"],
  pread64: ["fd", "text", "int", "int"],
  pwrite64: ["fd", "text", "int", "int"],
  readv: ["fd", given(Iovec, 2), "int"],
  writev: ["fd", given(Iovec, 2), "int"],
  lseek: ["fd", "int", "int"],
  ioctl: ["fd", "ioctl request", "ioctl"],
  fcntl: ["fd", "int", "fcntl"],
  dup: ["fd"],
  dup3: ["fd", "fd", "open"],
  pipe2: ["integers out", "open"],
  fstat: ["fd", stored(Stat)],
  newfstatat: ["fd", "path", stored(Stat), "hex"],
  statx: ["fd", "path", "hex", "hex", stored(Statx)],
  faccessat: ["fd", "path", "int"],
  faccessat2: ["fd", "path", "int", "hex"],
  readlinkat: ["fd", "path", "pointer", "int"],
  getdents64: ["fd", "pointer", "int"],
  mkdirat: ["fd", "path", "octal"],
  unlinkat: ["fd", "path", "hex"],
  renameat2: ["fd", "path", "fd", "path", "hex"],
  linkat: ["fd", "path", "fd", "path", "hex"],
  symlinkat: ["path", "fd", "path"],
  fchmodat: ["fd", "path", "octal"],
  fchmod: ["fd", "octal"],
  fchownat: ["fd", "path", "int", "int", "hex"],
  mknodat: ["fd", "path", "octal", "hex"],
  utimensat: ["fd", "path", { layout: Timespec, isOut: false, always: 2 }, "hex"],
  chdir: path1,
  fchdir: ["fd"],
  chroot: path1,
  getcwd: ["pointer", "int"],
  truncate: ["path", "int"],
  ftruncate: ["fd", "int"],
  statfs: ["path", stored(Statfs)],
  umask: ["octal"],
  mount: ["path", "path", "path", "hex", "pointer"],
  umount2: ["path", "hex"],
  execveat: ["fd", "path", "pointer", "pointer", "hex"],
  name_to_handle_at: at,
  mmap: ["pointer", "int", "protection", "mapping", "fd", "hex"],
  munmap: ["pointer", "int"],
  mprotect: ["pointer", "int", "protection"],
  brk: ["pointer"],
  madvise: ["pointer", "int", "int"],
  mremap: ["pointer", "int", "int", "hex", "pointer"],
  clone: ["clone", "pointer", "pointer", "pointer", "pointer"],
  wait4: ["int", "integer out", "hex", stored(Rusage)],
  kill: ["int", "signal"],
  tkill: ["int", "signal"],
  tgkill: ["int", "int", "signal"],
  rt_sigaction: ["signal", given(Sigaction), stored(Sigaction), "int"],
  rt_sigprocmask: ["int", "signals", "signals out", "int"],
  exit: ["int"],
  exit_group: ["int"],
  socket: ["int", "hex", "int"],
  connect: ["fd", "address", "int"],
  bind: ["fd", "address", "int"],
  listen: ["fd", "int"],
  accept4: ["fd", "address out", "pointer", "hex"],
  sendto: ["fd", "text", "int", "hex", "address", "int"],
  recvfrom: ["fd", "text", "int", "hex", "address out", "pointer"],
  sendmsg: ["fd", given(Msghdr), "hex"],
  recvmsg: ["fd", stored(Msghdr), "hex"],
  shutdown: ["fd", "int"],
  futex: ["pointer", "int", "int", "futex time", "pointer", "int"],
  pselect6: ["int", "pointer", "pointer", "pointer", given(Timespec), "pointer"],
  ppoll: [given(Pollfd, 1), "int", given(Timespec), "signals", "int"],
  epoll_ctl: ["fd", "int", "fd", given(EpollEvent)],
  epoll_pwait: ["fd", stored(EpollEvent, "result"), "int", "int", "signals", "int"],
  getrandom: ["pointer", "int", "hex"],
  prlimit64: ["int", "int", given(Rlimit), stored(Rlimit)],
  prctl: ["int", "hex", "hex", "hex", "hex"],
  setpgid: ["int", "int"],
  getpgid: ["int"],
  getsid: ["int"],
  clock_gettime: ["int", stored(Timespec)],
  clock_nanosleep: ["int", "int", given(Timespec), "pointer"],
  set_tid_address: ["pointer"],
  set_robust_list: ["pointer", "int"],
  sched_getaffinity: ["int", "int", "pointer"],
  getxattr: ["path", "path", "pointer", "int"],
  lgetxattr: ["path", "path", "pointer", "int"],
  preadv: ["fd", given(Iovec, 2), "int", "int"],
  pwritev: ["fd", given(Iovec, 2), "int", "int"],
  fstatfs: ["fd", stored(Statfs)],
  waitid: ["int", "int", stored(SiginfoChild), "hex", stored(Rusage)],
  rt_sigpending: ["signals out", "int"],
  rt_sigsuspend: ["signals", "int"],
  rt_sigtimedwait: ["signals", stored(SiginfoSender), given(Timespec), "int"],
  sigaltstack: [given(Sigaltstack), stored(Sigaltstack)],
  signalfd4: ["fd", "signals", "int", "open"],
  accept: ["fd", "address out", "pointer"],
  getsockname: ["fd", "address out", "pointer"],
  getpeername: ["fd", "address out", "pointer"],
  socketpair: ["int", "hex", "int", "integers out"],
  epoll_pwait2: ["fd", stored(EpollEvent, "result"), "int", given(Timespec), "signals", "int"],
  clock_getres: ["int", stored(Timespec)],
  clock_settime: ["int", given(Timespec)],
  nanosleep: [given(Timespec), "pointer"],
  gettimeofday: [stored(Timeval), "pointer"],
  settimeofday: [given(Timeval), "pointer"],
  adjtimex: [stored(Timex)],
  getitimer: ["int", stored(Itimerval)],
  setitimer: ["int", given(Itimerval), stored(Itimerval)],
  timer_create: ["int", given(Sigevent), "integer out"],
  timer_settime: ["int", "int", given(Itimerspec), stored(Itimerspec)],
  timer_gettime: ["int", stored(Itimerspec)],
  timerfd_settime: ["fd", "int", given(Itimerspec), stored(Itimerspec)],
  timerfd_gettime: ["fd", stored(Itimerspec)],
  times: [stored(Tms)],
  getrusage: ["int", stored(Rusage)],
  uname: [stored(Utsname)],
  sysinfo: [stored(Sysinfo)],
  clone3: [given(CloneArgs), "int"],
  sched_setscheduler: ["int", "int", given(SchedParam)],
  sched_setparam: ["int", given(SchedParam)],
  sched_getparam: ["int", stored(SchedParam)],
  sched_setattr: ["int", given(SchedAttr), "hex"],
  sched_getattr: ["int", stored(SchedAttr), "int", "hex"],
  capget: [given(CapUserHeader), "pointer"],
  capset: [given(CapUserHeader), "pointer"],
  semop: ["int", given(Sembuf, 2), "int"],
  semtimedop: ["int", given(Sembuf, 2), "int", given(Timespec)],
  mq_open: ["path", "open", "octal", given(MqAttr)],
  mq_getsetattr: ["fd", given(MqAttr), stored(MqAttr)],
  io_getevents: ["hex", "int", "int", stored(IoEvent, "result"), given(Timespec)],
};

/** What fcntl(2) takes where it is no number, by command. */
export const FCNTL_KINDS: ReadonlyMap<number, StructureKind> = new Map([
  [F_GETLK, stored(Flock)],
  [F_SETLK, given(Flock)],
  [F_SETLKW, given(Flock)],
  [F_OFD_GETLK, stored(Flock)],
  [F_OFD_SETLK, given(Flock)],
  [F_OFD_SETLKW, given(Flock)],
  [F_GETOWN_EX, stored(FOwnerEx)],
  [F_SETOWN_EX, given(FOwnerEx)],
]);

/** Requests of ioctl(2) by number: what they are called, and what they take. */
export const IOCTL_KINDS: ReadonlyMap<number, { name: string; kind: ArgumentKind }> = new Map<
  number,
  { name: string; kind: ArgumentKind }
>([
  [TCGETS, { name: "TCGETS", kind: stored(Termios) }],
  [TCSETS, { name: "TCSETS", kind: given(Termios) }],
  [TCSETSW, { name: "TCSETSW", kind: given(Termios) }],
  [TCSETSF, { name: "TCSETSF", kind: given(Termios) }],
  [TCGETS2, { name: "TCGETS2", kind: stored(Termios2) }],
  [TCSETS2, { name: "TCSETS2", kind: given(Termios2) }],
  [TCSETSW2, { name: "TCSETSW2", kind: given(Termios2) }],
  [TCSETSF2, { name: "TCSETSF2", kind: given(Termios2) }],
  [TIOCGWINSZ, { name: "TIOCGWINSZ", kind: stored(Winsize) }],
  [TIOCSWINSZ, { name: "TIOCSWINSZ", kind: given(Winsize) }],
  [FIONREAD, { name: "FIONREAD", kind: "integer out" }],
  [FS_IOC_FSGETXATTR, { name: "FS_IOC_FSGETXATTR", kind: stored(Fsxattr) }],
  [FS_IOC_FSSETXATTR, { name: "FS_IOC_FSSETXATTR", kind: given(Fsxattr) }],
  [LOOP_CONFIGURE, { name: "LOOP_CONFIGURE", kind: given(LoopConfig) }],
  [LOOP_GET_STATUS64, { name: "LOOP_GET_STATUS64", kind: stored(LoopInfo64) }],
  [LOOP_SET_STATUS64, { name: "LOOP_SET_STATUS64", kind: given(LoopInfo64) }],
]);

/** Operations of futex(2) whose fourth argument is a number. */
export const FUTEX_WITHOUT_TIME: readonly number[] = [FUTEX_REQUEUE, FUTEX_CMP_REQUEUE, FUTEX_WAKE_OP];

/** How many arguments a call has that is not in the table above, where it has fewer than six. */
export const ARGUMENT_COUNTS: Readonly<Record<string, number>> = {
  getpid: 0,
  getppid: 0,
  getuid: 0,
  geteuid: 0,
  getgid: 0,
  getegid: 0,
  gettid: 0,
  sync: 0,
  sched_yield: 0,
  rt_sigreturn: 0,
  setsid: 0,
  vhangup: 0,
  fsync: 1,
  fdatasync: 1,
  syncfs: 1,
  setuid: 1,
  setgid: 1,
  setfsuid: 1,
  setfsgid: 1,
  eventfd2: 2,
  timerfd_create: 2,
  epoll_create1: 1,
  getgroups: 2,
  setgroups: 2,
  flock: 2,
  memfd_create: 2,
  rseq: 4,
  membarrier: 3,
  riscv_hwprobe: 5,
  setpriority: 3,
  getpriority: 2,
  fallocate: 4,
  fadvise64: 4,
  setsockopt: 5,
  getsockopt: 5,
};
