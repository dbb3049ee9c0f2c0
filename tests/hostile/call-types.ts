/**
 * What each system call takes, so that random ones get deep: a kind for each argument (call-generator.ts makes the
 * values). `bits` and `one` list values in hexadecimal of which some, or one, are taken; a word that begins with `=`
 * is a number.
 *
 * Not here: what ends or stops the tester (exit, reboot, rt_sigreturn), and calls that have no arguments of interest.
 */
export const CALL_TYPES: Readonly<Record<string, string>> = {
  // ---- Reading and writing
  read: "fd buffer length", write: "fd buffer length", readv: "fd vector count", writev: "fd vector count", pread64: "fd buffer length offset", pwrite64: "fd buffer length offset",
  preadv: "fd vector count offset", pwritev: "fd vector count offset", preadv2: "fd vector count offset =0 bits:1,2,4,8,10", pwritev2: "fd vector count offset =0 bits:1,2,4,8,10,20",
  lseek: "fd offset one:0,1,2,3,4", sendfile: "fd fd offsetAt length", copy_file_range: "fd offsetAt fd offsetAt length =0", splice: "fd offsetAt fd offsetAt length bits:1,2,4,8",
  tee: "fd fd length bits:1,2,4,8", vmsplice: "fd vector count bits:1,2,4,8", fallocate: "fd bits:1,2,8,10,20,40 offset length", ftruncate: "fd offset", truncate: "path offset",
  fsync: "fd", fdatasync: "fd", sync: "", syncfs: "fd", sync_file_range: "fd offset length bits:1,2,4", fadvise64: "fd offset length one:0,1,2,3,4,5", readahead: "fd offset length",
  // ---- Names
  openat: "directory path bits:1,2,40,80,100,200,400,800,1000,4000,10000,20000,40000,80000,200000,410000 mode", openat2: "directory path openHow =24", close: "spareFd", close_range: "spareFd number bits:2,4",
  getdents64: "fd buffer length", mkdirat: "directory path mode", mknodat: "directory path mode number", unlinkat: "directory path bits:200", symlinkat: "path directory path", linkat: "directory path directory path bits:400,1000",
  renameat2: "directory path directory path bits:1,2,4", readlinkat: "directory path buffer length", newfstatat: "directory path buffer bits:100,800,1000", statx: "directory path bits:100,800,1000,2000,4000 number buffer",
  fstat: "fd buffer", statfs: "path buffer", fstatfs: "fd buffer", faccessat: "directory path one:0,1,2,4,7", faccessat2: "directory path one:0,1,2,4,7 bits:100,200,1000", getcwd: "buffer length",
  chdir: "path", fchdir: "fd", chroot: "path", fchmod: "fd mode", fchmodat: "directory path mode", fchown: "fd user user", fchownat: "directory path user user bits:100,1000", utimensat: "directory path times bits:100,1000", umask: "mode",
  setxattr: "path attribute buffer length bits:1,2", fsetxattr: "fd attribute buffer length bits:1,2", getxattr: "path attribute buffer length", fgetxattr: "fd attribute buffer length", listxattr: "path buffer length",
  flistxattr: "fd buffer length", removexattr: "path attribute", fremovexattr: "fd attribute", mount: "path mountPlace fileSystem bits:1,2,4,8,20,1000,2000,4000,8000,20000,40000,80000 data", umount2: "mountPlace bits:1,2,4,8",
  pivot_root: "path path", flock: "fd one:1,2,4,5,6,8", fcntl: "fd one:0,1,2,3,4,5,6,7,8,9,a,b,f,10,24,25,26,400,401,402,406,407,408,409,40a,40b,40c argument", ioctl: "fd ioctl argument", dup: "fd", dup3: "fd spareFd bits:80000",
  pipe2: "buffer bits:800,4000,80000", renameat: "directory path directory path", fchmodat2: "directory path mode bits:100,1000",
  lsetxattr: "path attribute buffer length bits:1,2", lgetxattr: "path attribute buffer length", llistxattr: "path buffer length",
  lremovexattr: "path attribute", cachestat: "fd buffer buffer =0", name_to_handle_at: "directory path buffer buffer bits:200,400,1000",
  open_by_handle_at: "fd buffer bits:1,2,40,80,200,400,800", inotify_add_watch: "fd path number", inotify_rm_watch: "fd small", inotify_init1: "bits:800,80000",
  // ---- Memory
  mmap: "mapPlace length bits:1,2,4 bits:1,2,10,20,100,800,1000,2000,4000,8000,10000,20000,100000 fd offset", munmap: "mapPlace length", mprotect: "mapPlace length bits:1,2,4",
  mremap: "mapPlace length length bits:1,2,4 mapPlace", madvise: "mapPlace length one:0,1,2,3,4,8,9,a,c,e,14,15,16,17", mlock: "mapPlace length", mlock2: "mapPlace length bits:1", munlock: "mapPlace length",
  mseal: "mapPlace length =0", mlockall: "bits:1,2,4", munlockall: "", mincore: "mapPlace length buffer", msync: "mapPlace length bits:1,2,4", brk: "mapPlace", process_vm_readv: "process vector count vector count =0",
  process_vm_writev: "process vector count vector count =0", process_madvise: "fd vector count one:3,4,14,15,19 =0", membarrier: "one:0,1,2,4,8,10,20,40,200 =0 =0", memfd_create: "attribute bits:1,2,8,10",
  mbind: "mapPlace length one:0,1,2,3,4 buffer small bits:1,2,4", get_mempolicy: "buffer buffer small mapPlace bits:1,2,4", set_mempolicy: "one:0,1,2,3,4 buffer small", migrate_pages: "process small buffer buffer",
  move_pages: "process length addresses numbers buffer bits:2,4", riscv_flush_icache: "mapPlace mapPlace bits:1", riscv_hwprobe: "buffer length =0 =0 =0", remap_file_pages: "mapPlace length =0 small =0",
  // ---- Processes
  clone: "bits:11,200,400,2000,4000,8000,20000,100000,200000,1000000 =0 buffer =0 buffer", execve: "path strings strings", execveat: "directory path strings strings bits:100,1000", wait4: "process buffer bits:1,2,8,1000000 buffer",
  waitid: "one:0,1,2,3 process buffer bits:1,2,4,8,1000000 buffer", unshare: "bits:200,400,20000,40000", setpgid: "process process", getpgid: "process", getsid: "process", prctl: "option number number number number",
  prlimit64: "=0 limit limitValue buffer", getrusage: "one:0,1,ffffffffffffffff buffer", sched_setaffinity: "process length buffer", sched_getaffinity: "process length buffer", sched_setscheduler: "process one:0,1,2,3,5,6 numbers",
  sched_setattr: "process buffer =0", sched_getattr: "process buffer length =0", sched_yield: "", setpriority: "one:0,1,2 process small", getpriority: "one:0,1,2 process", kcmp: "process process one:0,1,2,3,4,5,6,7 fd fd",
  getresuid: "buffer buffer buffer", getresgid: "buffer buffer buffer", getcpu: "buffer buffer =0", getrlimit: "limit buffer",
  sched_getscheduler: "process", sched_setparam: "process numbers", sched_getparam: "process buffer", ioprio_get: "one:1,2,3 process",
  sched_get_priority_max: "one:0,1,2,3,5,6", sched_get_priority_min: "one:0,1,2,3,5,6", sched_rr_get_interval: "process buffer",
  ioprio_set: "one:1,2,3 process number", capget: "buffer buffer", setgroups: "length numbers", getgroups: "length buffer", setresuid: "user user user", personality: "number", sethostname: "data length", uname: "buffer", sysinfo: "buffer", getrandom: "buffer length bits:1,2,4",
  seccomp: "one:0,2,3 =0 buffer", syslog: "one:2,3,8,a buffer length", set_robust_list: "buffer =24", get_robust_list: "process buffer buffer", rseq: "buffer length =0 =0",
  // ---- Signals and time
  kill: "process signal", tgkill: "process process signal", rt_sigqueueinfo: "process signal signalInfo", rt_sigprocmask: "one:0,1,2 buffer buffer =8", rt_sigtimedwait: "buffer buffer times =8", rt_sigaction: "signal buffer buffer =8",
  sigaltstack: "buffer buffer", rt_sigpending: "buffer =8", timer_create: "one:0,1,2,3,4,7 timerEvent buffer", timer_settime: "small bits:1 times buffer", timer_gettime: "small buffer", timer_delete: "small", setitimer: "one:1,2 times buffer",
  clock_getres: "small buffer", getitimer: "one:0,1,2 buffer", timer_getoverrun: "small", nanosleep: "times buffer", clock_nanosleep: "one:0,1,2,3 bits:1 times buffer", clock_gettime: "small buffer", clock_settime: "one:0 times", timerfd_create: "one:0,1,7 bits:800,80000", timerfd_settime: "fd bits:1,2 times buffer", timerfd_gettime: "fd buffer",
  signalfd4: "fd buffer =8 bits:800,80000", eventfd2: "number bits:1,800,80000", adjtimex: "buffer",
  // ---- Waiting
  ppoll: "polls pollCount times buffer =8", pselect6: "length sets sets sets times =0", epoll_create1: "bits:80000", epoll_ctl: "fd one:1,2,3 fd epollEvent", epoll_pwait: "fd buffer length small =0 =8", pidfd_open: "process bits:800",
  epoll_pwait2: "fd buffer length times =0 =8", io_cancel: "contextId controlBlocks buffer",
  pidfd_send_signal: "fd signal =0 =0", pidfd_getfd: "fd fd =0", futex: "word one:0,1,3,4,5,6,7,8,9,a,b,c,80,81,83,84,85,86,87,88,89,8a small times word number", futex_waitv: "buffer count =0 times small",
  futex_wake: "word number small bits:2,80", futex_wait: "word number number bits:2,80 times small", futex_requeue: "buffer =0 number number",
  // ---- IPC
  msgget: "key bits:200,400,1b6", msgsnd: "identifier message length bits:800", msgrcv: "identifier buffer length small bits:800,1000,2000,4000", msgctl: "identifier one:0,1,2,3,b,c,d buffer", semget: "key length bits:200,400,1b6",
  semop: "identifier semaphores length", semtimedop: "identifier semaphores length times", semctl: "identifier small one:0,1,2,3,b,c,d,e,f,10,11,12,13 buffer", shmget: "key length bits:200,400,1b6", shmat: "identifier mapPlace bits:1000,2000,4000,8000",
  shmdt: "mapPlace", shmctl: "identifier one:0,1,2,3,b,c,d,e,f buffer", mq_open: "queue bits:1,2,40,80,800 mode queueAttributes", mq_unlink: "queue", mq_timedsend: "fd buffer length small times", mq_timedreceive: "fd buffer length buffer times",
  mq_notify: "fd timerEvent", mq_getsetattr: "fd buffer buffer", io_setup: "number buffer", io_submit: "contextId length controlBlocks", io_getevents: "contextId small length buffer times", io_destroy: "contextId",
  // ---- Sockets
  socket: "one:1,2,a,10,11,26 one:1,2,3,5,801,80002 one:0,1,6,11,3a", socketpair: "one:1 one:1,2,5 =0 buffer", bind: "fd address addressLength", connect: "fd address addressLength", listen: "fd number", accept: "fd buffer lengthAt", accept4: "fd buffer lengthAt bits:800,80000",
  getsockname: "fd buffer lengthAt", getpeername: "fd buffer lengthAt", sendto: "fd buffer length bits:1,2,4,8,10,40,80,4000,8000 address addressLength", recvfrom: "fd buffer length bits:1,2,20,40,100,2000 buffer lengthAt",
  sendmsg: "fd message2 bits:1,2,4,8,40,80,4000", recvmsg: "fd message2 bits:1,2,20,40,100", sendmmsg: "fd messages length bits:1,2,4,8,40,80,4000", recvmmsg: "fd messages length bits:1,2,20,40,100,10000 times",
  setsockopt: "fd one:0,1,6,11,29,10e,ff option buffer length", getsockopt: "fd one:0,1,6,11,29 option buffer lengthAt", shutdown: "fd one:0,1,2",
};
