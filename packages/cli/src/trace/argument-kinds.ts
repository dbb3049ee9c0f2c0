/** How the arguments of common calls read; calls that are not here show numbers. Source: the calls' manual pages. */

export type ArgumentKind =
  | "fd" // a descriptor, or AT_FDCWD
  | "int" | "hex" | "octal" | "pointer"
  | "path" // address of a string
  | "text" // address of bytes, as many as the next argument, or the result, says
  | "open" // O_*
  | "protection" | "mapping" // PROT_*, MAP_*
  | "signal" | "clone";

const path1: readonly ArgumentKind[] = ["path"];
const at: readonly ArgumentKind[] = ["fd", "path"];

export const ARGUMENT_KINDS: Readonly<Record<string, readonly ArgumentKind[]>> = {
  openat: ["fd", "path", "open", "octal"], openat2: ["fd", "path", "pointer", "int"], close: ["fd"], close_range: ["int", "int", "hex"],
  read: ["fd", "text", "int"], write: ["fd", "text", "int"], pread64: ["fd", "text", "int", "int"], pwrite64: ["fd", "text", "int", "int"],
  readv: ["fd", "pointer", "int"], writev: ["fd", "pointer", "int"], lseek: ["fd", "int", "int"], ioctl: ["fd", "hex", "pointer"], fcntl: ["fd", "int", "hex"],
  dup: ["fd"], dup3: ["fd", "fd", "open"], pipe2: ["pointer", "open"], fstat: ["fd", "pointer"], newfstatat: ["fd", "path", "pointer", "hex"], statx: ["fd", "path", "hex", "hex", "pointer"],
  faccessat: ["fd", "path", "int"], faccessat2: ["fd", "path", "int", "hex"], readlinkat: ["fd", "path", "pointer", "int"], getdents64: ["fd", "pointer", "int"],
  mkdirat: ["fd", "path", "octal"], unlinkat: ["fd", "path", "hex"], renameat2: ["fd", "path", "fd", "path", "hex"], linkat: ["fd", "path", "fd", "path", "hex"], symlinkat: ["path", "fd", "path"],
  fchmodat: ["fd", "path", "octal"], fchmod: ["fd", "octal"], fchownat: ["fd", "path", "int", "int", "hex"], mknodat: ["fd", "path", "octal", "hex"], utimensat: ["fd", "path", "pointer", "hex"],
  chdir: path1, fchdir: ["fd"], chroot: path1, getcwd: ["pointer", "int"], truncate: ["path", "int"], ftruncate: ["fd", "int"], statfs: ["path", "pointer"], umask: ["octal"],
  mount: ["path", "path", "path", "hex", "pointer"], umount2: ["path", "hex"], execveat: ["fd", "path", "pointer", "pointer", "hex"], name_to_handle_at: at,
  mmap: ["pointer", "int", "protection", "mapping", "fd", "hex"], munmap: ["pointer", "int"], mprotect: ["pointer", "int", "protection"], brk: ["pointer"], madvise: ["pointer", "int", "int"],
  mremap: ["pointer", "int", "int", "hex", "pointer"], clone: ["clone", "pointer", "pointer", "pointer", "pointer"], wait4: ["int", "pointer", "hex", "pointer"],
  kill: ["int", "signal"], tkill: ["int", "signal"], tgkill: ["int", "int", "signal"], rt_sigaction: ["signal", "pointer", "pointer", "int"], rt_sigprocmask: ["int", "pointer", "pointer", "int"],
  exit: ["int"], exit_group: ["int"], socket: ["int", "hex", "int"], connect: ["fd", "pointer", "int"], bind: ["fd", "pointer", "int"], listen: ["fd", "int"], accept4: ["fd", "pointer", "pointer", "hex"],
  sendto: ["fd", "text", "int", "hex", "pointer", "int"], recvfrom: ["fd", "text", "int", "hex", "pointer", "pointer"], sendmsg: ["fd", "pointer", "hex"], recvmsg: ["fd", "pointer", "hex"],
  shutdown: ["fd", "int"], futex: ["pointer", "int", "int", "pointer", "pointer", "int"], ppoll: ["pointer", "int", "pointer", "pointer"], epoll_ctl: ["fd", "int", "fd", "pointer"],
  epoll_pwait: ["fd", "pointer", "int", "int", "pointer"], getrandom: ["pointer", "int", "hex"], prlimit64: ["int", "int", "pointer", "pointer"], prctl: ["int", "hex", "hex", "hex", "hex"],
  setpgid: ["int", "int"], getpgid: ["int"], getsid: ["int"], clock_gettime: ["int", "pointer"], clock_nanosleep: ["int", "int", "pointer", "pointer"], set_tid_address: ["pointer"],
  set_robust_list: ["pointer", "int"], sched_getaffinity: ["int", "int", "pointer"], getxattr: ["path", "path", "pointer", "int"], lgetxattr: ["path", "path", "pointer", "int"],
};

/** How many arguments a call has that is not in the table above, where it has fewer than six. */
export const ARGUMENT_COUNTS: Readonly<Record<string, number>> = {
  getpid: 0, getppid: 0, getuid: 0, geteuid: 0, getgid: 0, getegid: 0, gettid: 0, sync: 0, sched_yield: 0, rt_sigreturn: 0, setsid: 0, vhangup: 0,
  uname: 1, sysinfo: 1, times: 1, fsync: 1, fdatasync: 1, syncfs: 1, setuid: 1, setgid: 1, setfsuid: 1, setfsgid: 1, eventfd2: 2, timerfd_create: 2, epoll_create1: 1,
  getgroups: 2, setgroups: 2, gettimeofday: 2, settimeofday: 2, nanosleep: 2, getrusage: 2, clone3: 2, flock: 2, memfd_create: 2, socketpair: 4, rseq: 4, membarrier: 3, riscv_hwprobe: 5,
  setpriority: 3, getpriority: 2, signalfd4: 4, fallocate: 4, fadvise64: 4, getsockname: 3, getpeername: 3, setsockopt: 5, getsockopt: 5, rt_sigsuspend: 2, rt_sigtimedwait: 4, sigaltstack: 2,
};
